//! `index.json`: what was issued, which of it holds, and what was revoked. For people and for `list`.
//!
//! Invariant: serial numbers are unique; at most one record of a holder is current.

use super::name::Holder;
use super::read::{Fingerprint, Serial};
use crate::clock::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a certificate was revoked (RFC 5280 5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    Unspecified,
    KeyCompromise,
    AffiliationChanged,
    Superseded,
    CessationOfOperation,
    PrivilegeWithdrawn,
}

/// A certificate that was revoked, when and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    #[serde(serialize_with = "write_time", deserialize_with = "read_time")]
    pub at: Timestamp,
    pub reason: Reason,
}

/// One certificate that was issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    #[serde(serialize_with = "write_text", deserialize_with = "read_serial")]
    pub serial: Serial,
    #[serde(serialize_with = "write_holder", deserialize_with = "read_holder")]
    pub holder: Holder,
    #[serde(serialize_with = "write_time", deserialize_with = "read_time")]
    pub not_before: Timestamp,
    #[serde(serialize_with = "write_time", deserialize_with = "read_time")]
    pub not_after: Timestamp,
    #[serde(serialize_with = "write_text", deserialize_with = "read_fingerprint")]
    pub fingerprint: Fingerprint,
    /// The one whose files are in the folder; older ones of the same holder are not.
    pub current: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Revoked>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Index {
    pub(super) version: u32,
    /// Grows with each list, as RFC 5280 5.2.3 wants.
    pub(super) crl_number: u64,
    #[serde(serialize_with = "write_time", deserialize_with = "read_time")]
    pub(super) crl_next_update: Timestamp,
    pub(super) certificates: Vec<Record>,
}

impl Index {
    pub(super) const VERSION: u32 = 1;

    /// The new record takes the place of the holder's current one.
    pub(super) fn add(&mut self, record: Record) {
        for former in self.certificates.iter_mut().filter(|r| r.holder == record.holder) {
            former.current = false;
        }
        self.certificates.push(record);
    }

    pub(super) fn current(&self, holder: &Holder) -> Option<&Record> {
        self.certificates.iter().find(|r| r.current && r.holder == *holder)
    }
}

impl From<Reason> for rcgen::RevocationReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Unspecified => Self::Unspecified,
            Reason::KeyCompromise => Self::KeyCompromise,
            Reason::AffiliationChanged => Self::AffiliationChanged,
            Reason::Superseded => Self::Superseded,
            Reason::CessationOfOperation => Self::CessationOfOperation,
            Reason::PrivilegeWithdrawn => Self::PrivilegeWithdrawn,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn write_time<S: Serializer>(at: &Timestamp, out: S) -> Result<S::Ok, S::Error> {
    let secs = i64::try_from(at.secs()).unwrap_or(i64::MAX);
    let time = jiff::Timestamp::from_second(secs).map_err(serde::ser::Error::custom)?;
    out.collect_str(&time)
}

fn read_time<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(from)?;
    let time: jiff::Timestamp = text.parse().map_err(serde::de::Error::custom)?;
    Ok(Timestamp::from_secs(u64::try_from(time.as_second()).unwrap_or_default()))
}

fn write_text<S: Serializer>(what: &impl std::fmt::Display, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(what)
}

fn read_serial<'de, D: Deserializer<'de>>(from: D) -> Result<Serial, D::Error> {
    let text = String::deserialize(from)?;
    Serial::parse(&text).ok_or_else(|| serde::de::Error::custom("not a serial number"))
}

fn write_holder<S: Serializer>(holder: &Holder, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(&holder.uri())
}

fn read_holder<'de, D: Deserializer<'de>>(from: D) -> Result<Holder, D::Error> {
    let text = String::deserialize(from)?;
    Holder::from_uri(&text).ok_or_else(|| serde::de::Error::custom("not a holder"))
}

fn read_fingerprint<'de, D: Deserializer<'de>>(from: D) -> Result<Fingerprint, D::Error> {
    let text = String::deserialize(from)?;
    let wrong = || serde::de::Error::custom("not a SHA-256 in hexadecimal");
    let mut bytes = [0_u8; 32];
    if text.len() != 64 {
        return Err(wrong());
    }
    for (slot, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).map_err(serde::de::Error::custom)?;
        *slot = u8::from_str_radix(pair, 16).map_err(serde::de::Error::custom)?;
    }
    Ok(Fingerprint(bytes))
}
