//! The rules of the exchange on one document, as far as the file and the configuration decide them.
//!
//! domain.md 8 rule 5 sets the order: size → (hash, by the face) → well-formed, no DTD → root and namespace →
//! required fields → codes → [sender and receivers: `directory`] → receivers twice → [duplicates, signature: the
//! pipeline] → manifest. The state-secret guard stands before the first rule that looks at fields, so that no
//! refusal ever quotes from a document that should not be here.
//!
//! Invariant: an `Envelope` that comes out of here kept every rule of its mode; what a lenient reading let pass
//! is among its warnings.

mod believe;
mod fields;
mod manifest;
#[cfg(test)]
mod tests;

use jiff::civil::Date;

use super::edxml::{self, Attachment, Header, Mode, XmlLimits};
use super::envelope::{Declaration, Envelope, Warning};
use super::rejection::{Place, Reason, Rejection};
use super::secrecy::{Fields, Guard};

pub use believe::parse_date;

/// The configuration that the rules need.
#[derive(Clone, Debug)]
pub struct Rules {
    pub mode: Mode,
    pub xml: XmlLimits,
    /// Bytes of a whole file.
    pub body_bytes_max: usize,
    pub recipients_max: usize,
    pub guard: Guard,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            mode: Mode::Lenient,
            xml: XmlLimits::default(),
            body_bytes_max: 64 * 1024 * 1024,
            recipients_max: 1_000,
            guard: Guard::default(),
        }
    }
}

/// What the door knows beside the file.
#[derive(Clone, Copy, Debug)]
pub struct Given {
    /// The date in Vietnam (`calendar::date_of`).
    pub today: Date,
    pub declaration: Declaration,
    pub expected: Expected,
}

/// What the caller says it hands in (VXP `messagetype`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Expected {
    #[default]
    Any,
    Document,
    Status,
}

impl Expected {
    /// A status message or none, where the caller says so.
    pub const fn kind(is_status: Option<bool>) -> Self {
        match is_status {
            None => Self::Any,
            Some(false) => Self::Document,
            Some(true) => Self::Status,
        }
    }
}

/// A file that kept the rules.
#[derive(Clone, Debug)]
pub struct Checked<'a> {
    pub envelope: Envelope,
    /// Where the attachments are in the file.
    pub attachments: Vec<Attachment<'a>>,
    /// Signatures found by local name; whether they hold is for `crate::signature`.
    pub signatures: usize,
}

/// What the first bytes of a file allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Early {
    /// The header is whole and the guard lets it in.
    Clear,
    NeedMore,
}

impl Rules {
    /// Reads and checks a whole file.
    pub fn read<'a>(&self, file: &'a [u8], given: Given) -> Result<Checked<'a>, Rejection> {
        self.check_size(file.len())?;
        let mut document = edxml::read(file, self.mode, self.xml)?;
        let doubt = self.check_secrecy(&document.header, given)?;
        let signatures = document.header.signatures;
        document.header.warnings.extend(doubt);
        let checked = self
            .believe(&mut document.header, given)
            .and_then(|mut envelope| self.check_rest(&mut envelope, given).map(|()| envelope));
        let mut envelope = checked.map_err(|refused| located(refused, &mut document.header))?;
        if envelope.kind != super::envelope::Kind::Status {
            manifest::check(self.mode, &document, &mut envelope.warnings)?;
        }
        Ok(Checked { envelope, attachments: document.attachments, signatures })
    }

    /// Lets the state-secret guard pass on the first bytes of a file, before the rest is in or anything of
    /// it is written. `Clear` promises nothing else: `read` still judges the whole file.
    pub fn read_early(&self, first: &[u8], given: Given) -> Result<Early, Rejection> {
        match edxml::read_header(first, self.mode, self.xml)? {
            edxml::Prefix::NeedMore => Ok(Early::NeedMore),
            edxml::Prefix::Complete(header) => {
                self.check_secrecy(&header, given).map(|_| Early::Clear)
            }
        }
    }

    pub fn check_size(&self, bytes: usize) -> Result<(), Rejection> {
        if bytes == 0 {
            return Err(Rejection::new(Reason::Empty));
        }
        if bytes > self.body_bytes_max {
            let detail = format!("{bytes} > {}", self.body_bytes_max);
            return Err(Rejection::new(Reason::TooLarge).detail(detail));
        }
        Ok(())
    }

    fn check_secrecy(
        &self,
        header: &Header<'_>,
        given: Given,
    ) -> Result<Option<Warning>, Rejection> {
        let fields = Fields {
            type_name: header.type_name.as_str(),
            subject: header.subject.as_str(),
            code_notation: header.code_notation.as_str(),
        };
        // A status message holds no document, so nothing is declared about one.
        if header.is_status() && given.declaration != Declaration::Secret {
            return Ok(None);
        }
        self.guard.check(given.declaration, &fields)
    }
}

/// Adds line and column to a refusal that names an element of the header.
fn located(mut refused: Rejection, header: &mut Header<'_>) -> Rejection {
    let Some(Place::Element(path)) = &refused.at else { return refused };
    if let Some(place) = header.locate(path) {
        refused.detail = match refused.detail.as_str() {
            "" => place.to_string(),
            detail => format!("{place} {detail}"),
        };
    }
    refused
}
