//! Front door: the command line, the log, the runtime, one command, its exit code.

use lienthong::cli;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let parsed = match cli::parse(std::env::args_os().collect()) {
        Ok(parsed) => parsed,
        Err(answer) => return cli::end(&answer),
    };
    cli::start_log(&parsed.cli.common);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return cli::end(&cli::no_runtime(&error, &parsed)),
    };
    let answer = runtime.block_on(cli::run(parsed));
    // Whatever still runs ends with the process: a second Ctrl-C waits for nothing.
    runtime.shutdown_background();
    cli::end(&answer)
}
