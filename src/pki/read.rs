//! What certificates and revocation lists say, read once into plain values.
//!
//! Invariant: nothing here trusts what it reads; signatures are checked by `tls`.

use super::name::Holder;
use crate::clock::Timestamp;
use sha2::Digest;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::revocation_list::CertificateRevocationList;
use x509_parser::time::ASN1Time;

/// The serial number of a certificate, without leading zeros.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial(Box<[u8]>);

/// SHA-256 over the whole certificate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 32]);

/// What makes a certificate unique: who issued it (the encoded name) and its serial number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertificateKey {
    pub issuer: Box<[u8]>,
    pub serial: Serial,
}

/// What one certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    pub key: CertificateKey,
    pub subject: String,
    pub issuer: String,
    /// The member or platform its URI names; `None` in a certificate that is not of ours.
    pub holder: Option<Holder>,
    /// DNS names and addresses.
    pub names: Vec<String>,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    pub fingerprint: Fingerprint,
}

/// An entry of a revocation list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    pub at: Timestamp,
    /// The number of RFC 5280 5.3.1; 0 when none was given.
    pub reason: u8,
}

/// What revocation lists say together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revocations {
    pub entries: BTreeMap<CertificateKey, Revocation>,
    /// The earliest of the lists; `None` without a list or where a list gives none.
    pub next_update: Option<Timestamp>,
}

/// It is not the encoding of what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("not a certificate: {0}")]
    Certificate(String),
    #[error("not a revocation list: {0}")]
    RevocationList(String),
}

impl Serial {
    pub fn new(bytes: &[u8]) -> Self {
        let zeros = bytes.iter().take_while(|b| **b == 0).count();
        Self(bytes.get(zeros..).unwrap_or_default().into())
    }

    /// Hexadecimal digits as `Display` writes them; colons, blanks and case do not matter.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: Vec<u8> = text
            .chars()
            .filter(|c| !matches!(c, ':' | ' '))
            .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
            .collect::<Option<_>>()?;
        if digits.is_empty() || digits.len() > 40 {
            return None;
        }
        let bytes: Vec<u8> = digits
            .rchunks(2)
            .rev()
            .map(|pair| pair.iter().fold(0, |sum, d| sum << 4 | d))
            .collect();
        Some(Self::new(&bytes))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Fingerprint {
    pub fn of(der: &[u8]) -> Self {
        Self(sha2::Sha256::digest(der).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl CertificateFacts {
    pub fn read(der: &[u8]) -> Result<Self, ReadError> {
        let (_, parsed) =
            X509Certificate::from_der(der).map_err(|e| ReadError::Certificate(e.to_string()))?;
        let mut holder = None;
        let mut names = Vec::new();
        let alternative = parsed
            .subject_alternative_name()
            .map_err(|e| ReadError::Certificate(e.to_string()))?
            .map(|extension| &extension.value.general_names);
        for general in alternative.into_iter().flatten() {
            if let GeneralName::DNSName(name) = general {
                names.push((*name).to_owned());
            } else if let GeneralName::IPAddress(bytes) = general {
                names.extend(address(bytes));
            } else if let GeneralName::URI(uri) = general {
                holder = holder.or_else(|| Holder::from_uri(uri));
            }
        }
        Ok(Self {
            key: CertificateKey {
                issuer: parsed.issuer().as_raw().into(),
                serial: Serial::new(parsed.raw_serial()),
            },
            subject: parsed.subject().to_string(),
            issuer: parsed.issuer().to_string(),
            holder,
            names,
            not_before: moment(parsed.validity().not_before),
            not_after: moment(parsed.validity().not_after),
            fingerprint: Fingerprint::of(der),
        })
    }

    /// The holder, or the subject where no holder is named.
    pub fn called(&self) -> String {
        self.holder.as_ref().map_or_else(|| self.subject.clone(), Holder::to_string)
    }
}

impl Revocations {
    /// Adds what one more list says.
    pub fn add(&mut self, der: &[u8]) -> Result<(), ReadError> {
        let (_, list) = CertificateRevocationList::from_der(der)
            .map_err(|e| ReadError::RevocationList(e.to_string()))?;
        let issuer: Box<[u8]> = list.issuer().as_raw().into();
        for entry in list.iter_revoked_certificates() {
            let key =
                CertificateKey { issuer: issuer.clone(), serial: Serial::new(entry.raw_serial()) };
            let reason = entry.reason_code().map_or(0, |(_, reason)| reason.0);
            self.entries.insert(key, Revocation { at: moment(entry.revocation_date), reason });
        }
        if let Some(next) = list.next_update().map(moment) {
            self.next_update = Some(self.next_update.map_or(next, |earlier| earlier.min(next)));
        }
        Ok(())
    }
}

fn address(bytes: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from);
    let v6 = || <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from);
    v4.or_else(v6).map(|ip| ip.to_string())
}

fn moment(time: ASN1Time) -> Timestamp {
    Timestamp::from_secs(u64::try_from(time.timestamp()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_reads_back_however_it_was_written() {
        let serial = Serial::new(&[0, 0x0a, 0xff, 0x10]);
        assert_eq!(serial.to_string(), "0aff10");
        for text in ["0aff10", "0A:FF:10", "aff10", "00 0a ff 10"] {
            assert_eq!(Serial::parse(text).as_ref(), Some(&serial), "{text}");
        }
        for text in ["", "xyz", &"f".repeat(41)] {
            assert_eq!(Serial::parse(text), None, "{text}");
        }
    }

    #[test]
    fn garbage_is_not_a_certificate() {
        assert!(CertificateFacts::read(b"\x30\x03\x02\x01\x01").is_err());
        assert!(Revocations::default().add(b"").is_err());
    }
}
