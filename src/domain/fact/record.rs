//! `Record`: an accepted document as memory holds it.
//!
//! A platform holds hundreds of thousands of these and looks at few of their texts. All texts stand in one
//! allocation, ids and digests in the record itself: a string each would cost as much as everything else that
//! happens to a document.
//!
//! Invariant: `ends` never falls, and lies inside `text`.

use super::{Accepted, BodyRef, Hop, Recipient, order_key};
use crate::clock::Timestamp;
use crate::domain::agency::AgencyCode;
use crate::domain::envelope::{DocId, Kind, SignatureState};
use crate::domain::rejection::Reason;
use bytes::{BufMut, Bytes};
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};
use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

/// See `Accepted` for what the fields mean.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// All texts, one after the other, in the order of `Text`.
    text: String,
    ends: [u32; Text::COUNT],
    /// See `order_key_of`; asked for again and again.
    pub(super) key: u64,
    pub doc_id: DocId,
    /// The sender's code; `None` when a neighbour sent something else.
    pub sender: Option<AgencyCode>,
    pub recipients: Addressees,
    pub body: Option<Body>,
    pub file_sha256: Digest,
    more: Option<Box<More>>,
    pub at: u64,
    pub kind: i32,
    pub signature: i32,
    pub urgency: u32,
    pub status: u32,
    pub hops_left: u32,
    pub is_edxml: bool,
    pub is_repeat: bool,
}

/// What most documents do not have.
#[derive(Clone, Debug, Default, PartialEq)]
struct More {
    hops: Vec<Hop>,
    warnings: Vec<String>,
    replaces: Vec<String>,
    /// Refusals in words of another release, by the recipient's place: kept as they are.
    foreign: Vec<(usize, String)>,
}

/// Where a body is: `BodyRef`, with its digest in place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    pub sha256: Digest,
    pub bytes: u64,
    pub chunks: Vec<u64>,
    pub preceding: u32,
}

/// A SHA-256, or nothing.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Digest {
    bytes: [u8; 32],
    len: u8,
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

/// Most documents have one recipient.
#[derive(Clone, PartialEq, Eq)]
pub enum Addressees {
    One(Addressee),
    Many(Box<[Addressee]>),
}

macro_rules! texts {
    ($($name:ident = $text:ident $tag:literal),* $(,)?) => {
        /// The texts of a record, by their field in `Accepted`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        enum Text { $($text),* }

        impl Text {
            const ALL: &[Self] = &[$(Self::$text),*];
            const COUNT: usize = Self::ALL.len();
        }

        /// The texts that a record is made with.
        #[derive(Clone, Copy, Debug, Default)]
        pub struct Texts<'a> {
            $(pub $name: &'a str),*
        }

        impl Texts<'_> {
            const fn all(&self) -> [&str; Text::COUNT] {
                [$(self.$name),*]
            }
        }

        impl Record {
            $(pub fn $name(&self) -> &str { self.text(Text::$text) })*
        }

        impl Accepted {
            fn texts(&self) -> Texts<'_> {
                Texts { $($name: &self.$name),* }
            }
        }
    };
}

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
    /// A record with these texts; the rest is empty.
    #[expect(clippy::cast_possible_truncation, reason = "a document's header is far below 4 GiB")]
    pub fn new(texts: &Texts<'_>) -> Self {
        let all = texts.all();
        let mut text = String::with_capacity(all.iter().map(|one| one.len()).sum());
        let ends = all.map(|one| {
            text.push_str(one);
            text.len() as u32
        });
        let key = if texts.answers_document_id.is_empty() {
            order_key(texts.from, texts.document_id)
        } else {
            order_key(texts.answers_sender, texts.answers_document_id)
        };
        Self { text, ends, key, sender: AgencyCode::parse(texts.from).ok(), ..Self::default() }
    }

    pub fn set_lists(&mut self, hops: Vec<Hop>, warnings: Vec<String>, replaces: Vec<String>) {
        let more = More { hops, warnings, replaces, ..More::default() };
        self.more = (more != More::default()).then(|| Box::new(more));
    }

    /// The code with which a recipient was refused at the door; empty when it was not.
    fn refusal(&self, place: usize, recipient: &Addressee) -> &str {
        let mut foreign = self.more.iter().flat_map(|more| &more.foreign);
        match foreign.find(|(of, _)| *of == place) {
            Some((_, code)) => code,
            None => recipient.refused.map_or("", Reason::code),
        }
    }

    fn text(&self, text: Text) -> &str {
        let place = text as usize;
        let end = |place: usize| self.ends.get(place).map_or(0, |end| *end as usize);
        let start = place.checked_sub(1).map_or(0, end);
        self.text.get(start..end(place)).unwrap_or_default()
    }

    pub fn hops(&self) -> &[Hop] {
        self.more.as_ref().map_or(&[], |more| &more.hops)
    }

    /// What lenient reading let pass, as `CODE place`.
    pub fn warnings(&self) -> &[String] {
        self.more.as_ref().map_or(&[], |more| &more.warnings)
    }

    pub fn replaces(&self) -> &[String] {
        self.more.as_ref().map_or(&[], |more| &more.replaces)
    }

    /// The order keys of the documents that this one replaces.
    pub fn replaced_keys(&self) -> impl Iterator<Item = u64> {
        self.replaces().iter().map(|document_id| order_key(self.from(), document_id))
    }

    pub const fn id(&self) -> DocId {
        self.doc_id
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

    /// The chunks that stand before this fact, now that their places are known.
    pub fn place_body(&mut self, chunks: Vec<u64>) {
        if let Some(body) = &mut self.body {
            body.chunks = chunks;
            body.preceding = 0;
        }
    }

    /// The stations up to and including this platform.
    pub fn way(&self) -> Cow<'_, [Hop]> {
        if !self.hops().is_empty() {
            return Cow::Borrowed(self.hops());
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
        Timestamp(self.hops().first().map_or(self.at, |hop| hop.received_at))
    }

    /// How long `encode` makes it.
    pub fn encoded_len(&self) -> usize {
        let mut counted = Counted(0);
        self.put(&mut counted);
        counted.0
    }

    /// The bytes of the same `Accepted`, without making its strings.
    pub fn encode(&self, into: &mut impl BufMut) {
        self.put(&mut Written(into));
    }

    fn put(&self, out: &mut impl Output) {
        let text = |out: &mut _, text: Text, tag| put_bytes(out, tag, self.text(text).as_bytes());
        let id = self.doc_id.to_bytes();
        put_bytes(out, 1, if self.doc_id == DocId::NIL { &[] } else { &id });
        text(out, Text::Origin, 2);
        text(out, Text::Via, 3);
        text(out, Text::Member, 4);
        put_number(out, 5, self.kind.cast_unsigned().into());
        text(out, Text::From, 6);
        text(out, Text::DocumentId, 7);
        put_number(out, 8, self.urgency.into());
        text(out, Text::AnswersSender, 9);
        text(out, Text::AnswersDocumentId, 10);
        put_number(out, 11, self.status.into());
        for (place, recipient) in self.recipients.iter().enumerate() {
            let refusal = self.refusal(place, recipient);
            out.key(12, recipient.encoded_len(refusal));
            recipient.put(refusal, out);
        }
        if let Some(body) = &self.body {
            out.key(13, body.encoded_len());
            body.put(out);
        }
        text(out, Text::CorrelationId, 14);
        for hop in self.hops() {
            out.key(15, hop.encoded_len());
            out.message(hop);
        }
        put_number(out, 16, self.hops_left.into());
        put_number(out, 17, self.signature.cast_unsigned().into());
        put_number(out, 18, self.is_edxml.into());
        put_number(out, 19, self.at);
        text(out, Text::Subject, 20);
        text(out, Text::Notation, 21);
        text(out, Text::TypeName, 22);
        text(out, Text::PromulgatedOn, 23);
        text(out, Text::DueOn, 24);
        for warning in self.warnings() {
            out.key(25, warning.len());
            out.bytes(warning.as_bytes());
        }
        text(out, Text::Reason, 26);
        put_bytes(out, 27, &self.file_sha256);
        put_number(out, 28, self.is_repeat.into());
        for id in self.replaces() {
            out.key(29, id.len());
            out.bytes(id.as_bytes());
        }
        text(out, Text::Tls, 30);
    }
}

impl Record {
    pub fn of(accepted: Accepted) -> Self {
        let mut record = Self::new(&accepted.texts());
        record.doc_id = DocId::from_slice(&accepted.doc_id).unwrap_or(DocId::NIL);
        record.recipients = accepted.recipients.iter().map(Addressee::from).collect();
        record.body = accepted.body.map(Body::from);
        record.file_sha256 = Digest::from(&*accepted.file_sha256);
        record.at = accepted.at;
        record.kind = accepted.kind;
        record.signature = accepted.signature;
        record.urgency = accepted.urgency;
        record.status = accepted.status;
        record.hops_left = accepted.hops_left;
        record.is_edxml = accepted.is_edxml;
        record.is_repeat = accepted.is_repeat;
        record.set_lists(accepted.hops, accepted.warnings, accepted.replaces);
        let codes = accepted.recipients.into_iter().map(|recipient| recipient.refused).enumerate();
        let is_foreign = |code: &str| !code.is_empty() && Reason::from_code(code).is_none();
        let foreign: Vec<_> = codes.filter(|(_, code)| is_foreign(code)).collect();
        if !foreign.is_empty() {
            record.more.get_or_insert_default().foreign = foreign;
        }
        record
    }
}

impl Body {
    fn encoded_len(&self) -> usize {
        let mut counted = Counted(0);
        self.put(&mut counted);
        counted.0
    }

    fn put(&self, out: &mut impl Output) {
        put_bytes(out, 1, &self.sha256);
        put_number(out, 2, self.bytes);
        if !self.chunks.is_empty() {
            out.key(3, 8 * self.chunks.len());
            self.chunks.iter().for_each(|chunk| out.bytes(&chunk.to_le_bytes()));
        }
        put_number(out, 4, self.preceding.into());
    }
}

impl From<BodyRef> for Body {
    fn from(body: BodyRef) -> Self {
        let BodyRef { sha256, bytes, chunks, preceding } = body;
        Self { sha256: Digest::from(&*sha256), bytes, chunks, preceding }
    }
}

impl Digest {
    pub fn to_bytes(self) -> Bytes {
        Bytes::copy_from_slice(&self)
    }
}

impl Deref for Digest {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

// Longer than any digest of ours is none of ours: no file ever matches what is left of it.
impl From<&[u8]> for Digest {
    fn from(given: &[u8]) -> Self {
        let mut digest = Self::default();
        for (to, from) in digest.bytes.iter_mut().zip(given) {
            *to = *from;
            digest.len += 1;
        }
        digest
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self { bytes, len: 32 }
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Addressee {
    /// The code, or nothing.
    pub fn code(&self) -> &str {
        self.agency.as_ref().map_or("", AgencyCode::as_str)
    }

    fn encoded_len(&self, refusal: &str) -> usize {
        let mut counted = Counted(0);
        self.put(refusal, &mut counted);
        counted.0
    }

    fn put(&self, refusal: &str, out: &mut impl Output) {
        put_bytes(out, 1, self.code().as_bytes());
        let id = self.doc_id.to_bytes();
        put_bytes(out, 2, if self.doc_id == DocId::NIL { &[] } else { &id });
        put_bytes(out, 3, refusal.as_bytes());
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

impl Default for Addressees {
    fn default() -> Self {
        Self::Many(Box::default())
    }
}

impl Deref for Addressees {
    type Target = [Addressee];

    fn deref(&self) -> &[Addressee] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

impl FromIterator<Addressee> for Addressees {
    fn from_iter<I: IntoIterator<Item = Addressee>>(all: I) -> Self {
        let mut all = all.into_iter();
        match (all.next(), all.next()) {
            (Some(one), None) => Self::One(one),
            (first, second) => Self::Many(first.into_iter().chain(second).chain(all).collect()),
        }
    }
}

impl fmt::Debug for Addressees {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Where encoded fields go: into a buffer, or nowhere when only their length is asked for.
trait Output {
    fn key(&mut self, tag: u32, length: usize);
    fn varint(&mut self, tag: u32, value: u64);
    fn bytes(&mut self, bytes: &[u8]);
    fn message(&mut self, message: &impl Message);
}

struct Written<'a, B>(&'a mut B);

struct Counted(usize);

impl<B: BufMut> Output for Written<'_, B> {
    fn key(&mut self, tag: u32, length: usize) {
        encode_key(tag, WireType::LengthDelimited, self.0);
        encode_varint(length as u64, self.0);
    }

    fn varint(&mut self, tag: u32, value: u64) {
        encode_key(tag, WireType::Varint, self.0);
        encode_varint(value, self.0);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.put_slice(bytes);
    }

    fn message(&mut self, message: &impl Message) {
        message.encode_raw(self.0);
    }
}

impl Output for Counted {
    fn key(&mut self, tag: u32, length: usize) {
        self.0 += prost::encoding::key_len(tag) + encoded_len_varint(length as u64);
    }

    fn varint(&mut self, tag: u32, value: u64) {
        self.0 += prost::encoding::key_len(tag) + encoded_len_varint(value);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }

    fn message(&mut self, message: &impl Message) {
        self.0 += message.encoded_len();
    }
}

/// What is empty is left out, as proto3 has it.
fn put_bytes(out: &mut impl Output, tag: u32, bytes: &[u8]) {
    if !bytes.is_empty() {
        out.key(tag, bytes.len());
        out.bytes(bytes);
    }
}

fn put_number(out: &mut impl Output, tag: u32, value: u64) {
    if value > 0 {
        out.varint(tag, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fact::id_bytes;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_record_encodes_to_the_message_it_was_made_of(
            texts in prop::collection::vec("[ -~ắĐ]{0,40}", Text::COUNT..=Text::COUNT),
            numbers: (u64, u32, u8, bool),
            chunks: Vec<u64>,
            lists: (Vec<String>, Vec<String>),
            to in 0..4_u64,
            locked: bool,
        ) {
            let (at, hops_left, small, is_edxml) = numbers;
            let recipient = |n: u64| Recipient {
                agency: format!("H60.{n}"),
                doc_id: id_bytes(DocId(u128::from(n) + 1)),
                refused: match (locked, n) {
                    (false, _) => String::new(),
                    (true, 1) => "LT-OF-A-LATER-RELEASE".to_owned(),
                    (true, _) => Reason::ReceiverLocked.code().to_owned(),
                },
            };
            let text = |of: Text| texts[of as usize].clone();
            let accepted = Accepted {
                doc_id: id_bytes(DocId(u128::from(at) + 1)),
                origin: text(Text::Origin),
                via: text(Text::Via),
                member: text(Text::Member),
                kind: Kind::Status as i32,
                from: text(Text::From),
                document_id: text(Text::DocumentId),
                urgency: small.into(),
                answers_sender: text(Text::AnswersSender),
                answers_document_id: text(Text::AnswersDocumentId),
                status: small.into(),
                recipients: (0..to).map(recipient).collect(),
                body: Some(BodyRef { sha256: vec![3; 32].into(), bytes: at, chunks, preceding: 1 }),
                correlation_id: text(Text::CorrelationId),
                hops: lists.0.iter().map(|peer| Hop { peer: peer.clone(), ..Hop::default() }).collect(),
                hops_left,
                signature: SignatureState::Valid as i32,
                is_edxml,
                at,
                subject: text(Text::Subject),
                notation: text(Text::Notation),
                type_name: text(Text::TypeName),
                promulgated_on: text(Text::PromulgatedOn),
                due_on: text(Text::DueOn),
                warnings: lists.0,
                reason: text(Text::Reason),
                file_sha256: vec![9; 32].into(),
                is_repeat: locked,
                replaces: lists.1,
                tls: text(Text::Tls),
            };
            let record = Record::of(accepted.clone());
            let mut bytes = Vec::new();
            record.encode(&mut bytes);
            prop_assert_eq!(&bytes, &accepted.encode_to_vec());
            prop_assert_eq!(bytes.len(), record.encoded_len());
            prop_assert_eq!(record.subject(), &*accepted.subject);
            prop_assert_eq!(record.tls(), &*accepted.tls);
            prop_assert_eq!(Record::of(Accepted::decode(&*bytes).unwrap()), record);
        }
    }
}
