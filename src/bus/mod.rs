//! Deliveries waiting for their recipient, rebuilt from the fold.

pub mod mailbox;
mod slab;
