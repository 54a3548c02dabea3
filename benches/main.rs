//! All benches, one binary. `cargo bench [-- name]` measures; `cargo test --benches` runs each with tiny
//! input, so that none rots.
#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::panic, reason = "benches")]

// In a folder, because cargo takes every file beside this one for a bench of its own.
mod rooms {
    pub(crate) mod journal;
}

use rooms::journal;

// As in the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let size = if arguments.iter().any(|argument| argument == "--bench") { 1.0 } else { 0.001 };
    let names: Vec<&String> = arguments.iter().filter(|name| !name.starts_with('-')).collect();
    let is_wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| *wanted == name);
    if is_wanted("journal") {
        journal::appends(size);
    }
    if is_wanted("journal-restart") {
        journal::restart(size);
    }
    if is_wanted("journal-retained") {
        journal::retained(size);
    }
}
