//! Tests of the segmented log that need more than one of its files.
#![expect(clippy::cast_possible_truncation, reason = "tests")]

mod format;
mod model;
mod power_cut;
