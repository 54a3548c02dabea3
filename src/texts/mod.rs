//! Every user-facing sentence in Vietnamese and English.

use crate::domain::rejection::Reason;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    Vi,
    En,
}

pub fn sentence(reason: Reason, _lang: Lang) -> &'static str {
    reason.label()
}
