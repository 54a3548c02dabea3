//! One file per command; words the answers, decides nothing.

pub mod check;
