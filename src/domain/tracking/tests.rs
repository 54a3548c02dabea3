//! What the fold promises, case by case.
