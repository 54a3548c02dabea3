//! The plan of the house: the rooms in the order a document meets them.

pub mod bus;
pub mod clock;
pub mod domain;
pub mod journal;
pub mod wire;
