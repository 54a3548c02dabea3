//! The same pipeline in virtual time.

pub mod clock;
pub mod executor;
pub mod random;
