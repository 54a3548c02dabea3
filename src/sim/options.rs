//! How much the members of the simulated country write, and how.

use std::time::Duration;

/// How much is written, and how.
#[derive(Clone, Debug)]
pub struct WorkOptions {
    /// Agencies of each member that take part.
    pub agencies_per_member: usize,
    pub authors_per_member: usize,
    pub letters_per_author: u64,
    pub pause: Duration,
    pub fan_out_max: u64,
    pub body_bytes_max: u64,
    pub repeated: f64,
    pub updated: f64,
    pub recalled: f64,
    pub urgent: f64,
    pub answered: f64,
    pub failed: f64,
    /// How often inboxes and outboxes are looked at.
    pub poll: Duration,
    /// Every second member takes its inboxes by a receive stream.
    pub streams: bool,
}

impl Default for WorkOptions {
    fn default() -> Self {
        Self {
            agencies_per_member: 7,
            authors_per_member: 3,
            letters_per_author: 12,
            pause: Duration::from_secs(4),
            fan_out_max: 20,
            body_bytes_max: 3_000,
            repeated: 0.2,
            updated: 0.3,
            recalled: 0.2,
            urgent: 0.2,
            answered: 0.5,
            failed: 0.05,
            poll: Duration::from_secs(2),
            streams: true,
        }
    }
}
