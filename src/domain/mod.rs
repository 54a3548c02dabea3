//! What an exchange of documents is. Pure: values in, values out.
//!
//! Invariant: nothing here is async, does I/O, asks a clock or draws a random number.

pub mod agency;
pub mod conditions;
pub mod directory;
pub mod envelope;
pub mod fact;
pub mod rejection;
pub mod routing;
pub mod status;
