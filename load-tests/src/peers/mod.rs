//! Bare servers to put beside the gateway in the same run: what the same wire costs with nothing behind it.

pub mod echo;
pub mod incoming;
