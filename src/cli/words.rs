//! Names and shapes that several commands print: states, moments, tables.

use super::Wording;
use crate::clock::Timestamp;
use crate::domain::calendar;
use crate::domain::envelope::Kind;
use crate::domain::fact::DeliveryState;
use crate::domain::status::BusinessStatus;
use crate::texts::Named;
use crate::wire::v1;

pub(super) const ALL_STATES: [DeliveryState; 7] = [
    DeliveryState::UnderWay,
    DeliveryState::Initial,
    DeliveryState::Processing,
    DeliveryState::Done,
    DeliveryState::Fail,
    DeliveryState::Refused,
    DeliveryState::Expired,
];

/// A delivery state by the name that JSON has for it.
pub(super) fn state(name: &str, wording: Wording) -> &'static str {
    let found = ALL_STATES.into_iter().find(|state| crate::story::state_name(*state) == name);
    found.map_or("?", |state| state.name(wording.lang))
}

pub(super) fn state_key(state: v1::DeliveryState) -> &'static str {
    let number = state as i32;
    let found = ALL_STATES.into_iter().find(|state| *state as i32 == number);
    found.map_or("?", crate::story::state_name)
}

pub(super) fn kind_key(kind: v1::Kind) -> &'static str {
    Kind::try_from(kind as i32).map_or("?", crate::story::kind_name)
}

pub(super) fn kind(kind: v1::Kind, wording: Wording) -> &'static str {
    Kind::try_from(kind as i32).map_or("?", |kind| kind.name(wording.lang))
}

/// A kind of message by the name that JSON has for it.
pub(super) fn kind_named(name: &str, wording: Wording) -> &'static str {
    const ALL: [Kind; 5] = [Kind::New, Kind::Recall, Kind::Update, Kind::Replace, Kind::Status];
    let found = ALL.into_iter().find(|kind| crate::story::kind_name(*kind) == name);
    found.map_or("?", |kind| kind.name(wording.lang))
}

/// `03 Đã tiếp nhận`.
pub(super) fn business(code: u32, wording: Wording) -> String {
    let status = u8::try_from(code).ok().and_then(BusinessStatus::from_code);
    status.map_or_else(String::new, |status| format!("{status} {}", status.name(wording.lang)))
}

/// RFC 3339, Vietnam time; empty for a moment that never came.
pub(super) fn moment(nanos: u64) -> String {
    if nanos == 0 { String::new() } else { crate::story::moment(Timestamp(nanos)) }
}

/// For people: day and time.
pub(super) fn short_moment(nanos: u64) -> String {
    if nanos == 0 {
        return String::new();
    }
    calendar::vietnam_time(Timestamp(nanos)).strftime("%d/%m %H:%M:%S").to_string()
}

/// Columns as wide as their widest cell; the last one takes what is left.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns)
        .map(|ix| rows.iter().filter_map(|row| row.get(ix)).map(|c| width(c)).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, wide) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', wide.saturating_sub(width(cell)) + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Vietnamese in NFC has one column per character.
fn width(text: &str) -> usize {
    use unicode_normalization::UnicodeNormalization;
    text.nfc().count()
}
