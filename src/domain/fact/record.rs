//! `Record`: an accepted document as the journal holds it, and where each text in it stands.
//!
//! A platform holds hundreds of thousands of these and looks at few of their texts: one buffer for all of them
//! costs a fraction of a string each, and the journal writes the buffer as it is.
//!
//! Invariant: the texts are valid UTF-8, and every place lies inside `bytes`.

use super::{Accepted, BodyRef, Hop, Recipient};
use crate::clock::Timestamp;
use crate::domain::agency::AgencyCode;
use crate::domain::envelope::{DocId, Kind, SignatureState};
use crate::domain::rejection::Reason;
use bytes::{Buf, Bytes};
use prost::Message;
use prost::encoding::{WireType, decode_key, decode_varint};
use std::borrow::Cow;

/// See `Accepted` for what the fields mean.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    bytes: Bytes,
    texts: [Span; Text::COUNT],
    pub doc_id: Bytes,
    pub file_sha256: Bytes,
    pub recipients: Vec<Addressee>,
    pub body: Option<BodyRef>,
    pub hops: Vec<Hop>,
    pub warnings: Vec<String>,
    pub replaces: Vec<String>,
    pub at: u64,
    pub kind: i32,
    pub signature: i32,
    pub urgency: u32,
    pub status: u32,
    pub hops_left: u32,
    pub is_edxml: bool,
    pub is_repeat: bool,
}

/// One recipient of an accepted document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addressee {
    /// `None` when a neighbour sent something else than a code.
    pub agency: Option<AgencyCode>,
    /// The receiver's DocId.
    pub doc_id: DocId,
    /// It was refused at the door.
    pub refused: Option<Reason>,
}

/// These bytes are no accepted document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the bytes of an accepted document")]
pub struct NotARecord;

/// From where to where in the record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Span {
    start: u32,
    end: u32,
}

macro_rules! texts {
    ($($name:ident = $text:ident $tag:literal),* $(,)?) => {
        #[derive(Clone, Copy)]
        enum Text { $($text),* }

        impl Text {
            const COUNT: usize = [$(Self::$text),*].len();

            const fn of_tag(tag: u32) -> Option<Self> {
                match tag { $($tag => Some(Self::$text),)* _ => None }
            }
        }

        impl Record {
            $(pub fn $name(&self) -> &str { self.text(Text::$text) })*
        }
    };
}

// The tags are those of `Accepted`.
texts! {
    origin = Origin 2,
    via = Via 3,
    member = Member 4,
    from = From 6,
    document_id = DocumentId 7,
    answers_sender = AnswersSender 9,
    answers_document_id = AnswersDocumentId 10,
    correlation_id = CorrelationId 14,
    subject = Subject 20,
    notation = Notation 21,
    type_name = TypeName 22,
    promulgated_on = PromulgatedOn 23,
    due_on = DueOn 24,
    reason = Reason 26,
    tls = Tls 30,
}

impl Record {
    pub fn of(accepted: &Accepted) -> Self {
        // What was encoded is read: the property of `journal/entry.rs` says so.
        Self::parse(accepted.encode_to_vec().into()).unwrap_or_default()
    }

    /// Reads what `Accepted` encodes to. Fields of a later release are kept and not looked at.
    pub fn parse(bytes: Bytes) -> Result<Self, NotARecord> {
        let mut record = Self::default();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (tag, kind) = decode_key(&mut rest).or(Err(NotARecord))?;
            match kind {
                WireType::Varint => {
                    record.number(tag, decode_varint(&mut rest).or(Err(NotARecord))?);
                }
                WireType::LengthDelimited => {
                    let length = decode_varint(&mut rest).or(Err(NotARecord))?;
                    let length = usize::try_from(length).or(Err(NotARecord))?;
                    let start = bytes.len() - rest.len();
                    if length > rest.len() {
                        return Err(NotARecord);
                    }
                    rest.advance(length);
                    record.part(tag, &bytes, start, start + length)?;
                }
                WireType::ThirtyTwoBit if rest.len() >= 4 => rest.advance(4),
                WireType::SixtyFourBit if rest.len() >= 8 => rest.advance(8),
                WireType::ThirtyTwoBit
                | WireType::SixtyFourBit
                | WireType::StartGroup
                | WireType::EndGroup => return Err(NotARecord),
            }
        }
        record.bytes = bytes;
        Ok(record)
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "protobuf's own rule for numbers that are too large for their field"
    )]
    const fn number(&mut self, tag: u32, value: u64) {
        match tag {
            5 => self.kind = value as i32,
            8 => self.urgency = value as u32,
            11 => self.status = value as u32,
            16 => self.hops_left = value as u32,
            17 => self.signature = value as i32,
            18 => self.is_edxml = value != 0,
            19 => self.at = value,
            28 => self.is_repeat = value != 0,
            _ => {}
        }
    }

    fn part(
        &mut self,
        tag: u32,
        bytes: &Bytes,
        start: usize,
        end: usize,
    ) -> Result<(), NotARecord> {
        let value = bytes.get(start..end).ok_or(NotARecord)?;
        let text = || std::str::from_utf8(value).map(str::to_owned).or(Err(NotARecord));
        match tag {
            1 => self.doc_id = bytes.slice(start..end),
            12 => self.recipients.push(Addressee::parse(value)?),
            13 => self.body = Some(BodyRef::decode(bytes.slice(start..end)).or(Err(NotARecord))?),
            15 => self.hops.push(Hop::decode(value).or(Err(NotARecord))?),
            25 => self.warnings.push(text()?),
            27 => self.file_sha256 = bytes.slice(start..end),
            29 => self.replaces.push(text()?),
            _ => {
                let Some(text) = Text::of_tag(tag) else { return Ok(()) };
                std::str::from_utf8(value).or(Err(NotARecord))?;
                let place = |at: usize| u32::try_from(at).or(Err(NotARecord));
                let span = Span { start: place(start)?, end: place(end)? };
                if let Some(slot) = self.texts.get_mut(text as usize) {
                    *slot = span;
                }
            }
        }
        Ok(())
    }

    fn text(&self, text: Text) -> &str {
        let span = self.texts.get(text as usize).copied().unwrap_or_default();
        let bytes = self.bytes.get(span.start as usize..span.end as usize).unwrap_or_default();
        // `parse` has seen that it is text.
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// As the journal and the checkpoint hold it.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub fn id(&self) -> DocId {
        DocId::from_slice(&self.doc_id).unwrap_or(DocId::NIL)
    }

    pub fn kind(&self) -> Kind {
        Kind::try_from(self.kind).unwrap_or_default()
    }

    pub fn signature(&self) -> SignatureState {
        SignatureState::try_from(self.signature).unwrap_or_default()
    }

    pub fn body_bytes(&self) -> u64 {
        self.body.as_ref().map_or(0, |body| body.bytes)
    }

    /// The chunks that stand before this fact, now that their places are known. `bytes` stays what was written.
    pub fn place_body(&mut self, chunks: Vec<u64>) {
        if let Some(body) = &mut self.body {
            body.chunks = chunks;
            body.preceding = 0;
        }
    }

    /// The stations up to and including this platform.
    pub fn way(&self) -> Cow<'_, [Hop]> {
        if !self.hops.is_empty() {
            return Cow::Borrowed(&self.hops);
        }
        Cow::Owned(vec![Hop {
            platform: self.origin().to_owned(),
            received_at: self.at,
            peer: self.member().to_owned(),
            tls: self.tls().to_owned(),
            ..Hop::default()
        }])
    }

    /// When the first platform took it in.
    pub fn sent_at(&self) -> Timestamp {
        Timestamp(self.hops.first().map_or(self.at, |hop| hop.received_at))
    }
}

impl Addressee {
    fn parse(bytes: &[u8]) -> Result<Self, NotARecord> {
        let mut found = Self { agency: None, doc_id: DocId::NIL, refused: None };
        let mut rest = bytes;
        while !rest.is_empty() {
            let (tag, kind) = decode_key(&mut rest).or(Err(NotARecord))?;
            if kind != WireType::LengthDelimited {
                return Err(NotARecord);
            }
            let length = decode_varint(&mut rest).or(Err(NotARecord))?;
            let length = usize::try_from(length).or(Err(NotARecord))?;
            let (value, after) = rest.split_at_checked(length).ok_or(NotARecord)?;
            rest = after;
            let text = || std::str::from_utf8(value).or(Err(NotARecord));
            match tag {
                1 => found.agency = AgencyCode::parse(text()?).ok(),
                2 => found.doc_id = DocId::from_slice(value).unwrap_or(DocId::NIL),
                3 => found.refused = Some(Reason::from_code(text()?).unwrap_or(Reason::Internal)),
                _ => {}
            }
        }
        Ok(found)
    }

    /// The code, or nothing.
    pub fn code(&self) -> &str {
        self.agency.as_ref().map_or("", AgencyCode::as_str)
    }
}

impl From<&Recipient> for Addressee {
    fn from(recipient: &Recipient) -> Self {
        let refused = (!recipient.refused.is_empty())
            .then(|| Reason::from_code(&recipient.refused).unwrap_or(Reason::Internal));
        let agency = AgencyCode::parse(&recipient.agency).ok();
        Self { agency, doc_id: recipient.id(), refused }
    }
}
