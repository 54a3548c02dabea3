//! One entry of the journal: a fact or a chunk of a body, with its id and its platform. Pure.

use crate::clock::Timestamp;
use crate::domain::fact::{Fact, PlatformId};
use bytes::Bytes;

/// One durable thing. `id` makes a repeated append recognisable after `Unknown`.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub id: u128,
    pub platform: PlatformId,
    pub at: Timestamp,
    pub content: Content,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    Fact(Fact),
    /// At most `chunk_bytes_max` of a body.
    Chunk(Bytes),
}
