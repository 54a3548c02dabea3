//! Tests of the segmented log that need more than one of its files.

mod format;
mod model;
mod power_cut;
