//! What stands in the header of a file, as text: not yet believed.

use std::borrow::Cow;

use super::super::envelope::Warning;
use super::super::rejection::Place;
use super::names::Element;

/// The text of one element, trimmed; empty when the element is empty or absent.
#[derive(Clone, Debug, Default)]
pub struct Field<'a> {
    pub text: Cow<'a, str>,
    /// Where the text begins in the file; 0 when there is none.
    pub at: usize,
}

impl Field<'_> {
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

/// `From` or `To`. What else these hold (address, telephone) is not read.
#[derive(Clone, Debug, Default)]
pub struct Organ<'a> {
    pub organ_id: Field<'a>,
    pub name: Field<'a>,
}

/// `ResponseFor`: the document answered.
#[derive(Clone, Debug, Default)]
pub struct Response<'a> {
    pub organ_id: Field<'a>,
    pub code: Field<'a>,
    pub document_id: Field<'a>,
    pub promulgation_date: Field<'a>,
}

/// `ReceiverList/Receiver` of an update.
#[derive(Clone, Debug, Default)]
pub struct Receiver<'a> {
    pub organ_id: Field<'a>,
    pub kind: Field<'a>,
}

/// `ReplacementInfoList/ReplacementInfo` of a replacement.
#[derive(Clone, Debug, Default)]
pub struct Replacement<'a> {
    pub document_id: Field<'a>,
    pub organs: Vec<Field<'a>>,
}

/// `TraceHeaderList/Bussiness`, spelled so by everyone.
#[derive(Clone, Debug, Default)]
pub struct Bussiness<'a> {
    pub document_id: Field<'a>,
    pub kind: Field<'a>,
    pub reason: Field<'a>,
    pub paper: Field<'a>,
    pub receivers: Vec<Receiver<'a>>,
    pub replacements: Vec<Replacement<'a>>,
}

/// `OtherInfo` without its free lists.
#[derive(Clone, Debug, Default)]
pub struct OtherInfo<'a> {
    pub priority: Field<'a>,
    pub sphere: Field<'a>,
    pub typer_notation: Field<'a>,
    pub promulgation_amount: Field<'a>,
    pub page_amount: Field<'a>,
    pub direction: Field<'a>,
}

/// Everything of the header that the gateway acts on.
#[derive(Clone, Debug, Default)]
pub struct Header<'a> {
    pub(super) source: &'a [u8],
    pub from: Organ<'a>,
    pub to: Vec<Organ<'a>>,
    pub document_id: Field<'a>,
    pub code_number: Field<'a>,
    pub code_notation: Field<'a>,
    pub place: Field<'a>,
    pub promulgation_date: Field<'a>,
    pub type_code: Field<'a>,
    pub type_name: Field<'a>,
    pub subject: Field<'a>,
    pub content: Field<'a>,
    pub signer: Field<'a>,
    pub due_date: Field<'a>,
    pub steering: Field<'a>,
    pub other: OtherInfo<'a>,
    pub response_for: Vec<Response<'a>>,
    pub bussiness: Bussiness<'a>,
    /// Status messages only.
    pub status_code: Field<'a>,
    pub description: Field<'a>,
    pub timestamp: Field<'a>,
    /// There is a `MessageHeader` at all.
    pub has_message: bool,
    /// There is a `TraceHeaderList/Bussiness` at all.
    pub has_bussiness: bool,
    /// There is an `edXMLBody`. Not known while only the header has been read.
    pub has_body: bool,
    /// Signatures found by local name, whatever their namespace.
    pub signatures: usize,
    /// Oddities of the file's shape that strict reading refuses.
    pub warnings: Vec<Warning>,
}

impl Header<'_> {
    /// A status message is known by its code: it has no kind of its own.
    pub fn is_status(&self) -> bool {
        !self.status_code.is_empty()
    }

    /// Line and column of a field.
    pub fn place_of(&self, field: &Field<'_>) -> Place {
        super::place_of(self.source, field.at)
    }
}

impl<'a> Header<'a> {
    /// Line and column of a text by the path that refusals name it with (`MessageHeader/To[2]/OrganId`).
    pub fn locate(&mut self, path: &str) -> Option<Place> {
        let mut names = Vec::with_capacity(6);
        let mut number = None;
        for part in path.split('/') {
            let (name, index) = part.split_once('[').unwrap_or((part, ""));
            number = index.trim_end_matches(']').parse::<usize>().ok().or(number);
            names.push(Element::exact(name));
        }
        let at = match *names.as_slice() {
            [Element::MessageHeader, Element::To, ref leaf @ ..] => {
                let organ = self.to.get_mut(number?.checked_sub(1)?)?;
                organ.slot(leaf)?.at
            }
            [Element::MessageHeader, ref inner @ ..] => self.message_slot(inner)?.at,
            [Element::TraceHeaderList, Element::Bussiness, ref inner @ ..] => {
                self.bussiness_slot(inner)?.at
            }
            _ => return None,
        };
        (at > 0).then(|| super::place_of(self.source, at))
    }

    /// The place of an element below `MessageHeader`.
    pub(super) fn message_slot(&mut self, path: &[Element]) -> Option<&mut Field<'a>> {
        match *path {
            [Element::From, ref leaf @ ..] => self.from.slot(leaf),
            [Element::To, ref leaf @ ..] => self.to.last_mut()?.slot(leaf),
            [Element::DocumentId] => Some(&mut self.document_id),
            [Element::Code, Element::CodeNumber] => Some(&mut self.code_number),
            [Element::Code, Element::CodeNotation] => Some(&mut self.code_notation),
            [Element::PromulgationInfo, Element::Place] => Some(&mut self.place),
            [Element::PromulgationInfo, Element::PromulgationDate] => {
                Some(&mut self.promulgation_date)
            }
            [Element::DocumentType, Element::Type] => Some(&mut self.type_code),
            [Element::DocumentType, Element::TypeName] => Some(&mut self.type_name),
            [Element::Subject] => Some(&mut self.subject),
            [Element::Content] => Some(&mut self.content),
            [Element::SignerInfo, Element::FullName] => Some(&mut self.signer),
            [Element::DueDate] => Some(&mut self.due_date),
            [Element::SteeringType] => Some(&mut self.steering),
            [Element::OtherInfo, ref leaf @ ..] => self.other.slot(leaf),
            [Element::ResponseFor, ref leaf @ ..] => self.response_for.last_mut()?.slot(leaf),
            [Element::StatusCode] => Some(&mut self.status_code),
            [Element::Description] => Some(&mut self.description),
            [Element::Timestamp] => Some(&mut self.timestamp),
            _ => None,
        }
    }

    /// The place of an element below `TraceHeaderList/Bussiness`.
    pub(super) fn bussiness_slot(&mut self, path: &[Element]) -> Option<&mut Field<'a>> {
        let bussiness = &mut self.bussiness;
        match *path {
            [Element::DocumentId] => Some(&mut bussiness.document_id),
            [Element::BussinessDocType] => Some(&mut bussiness.kind),
            [Element::BussinessDocReason] => Some(&mut bussiness.reason),
            [Element::Paper] => Some(&mut bussiness.paper),
            [.., Element::ReceiverList, Element::Receiver, Element::OrganId] => {
                Some(&mut bussiness.receivers.last_mut()?.organ_id)
            }
            [.., Element::ReceiverList, Element::Receiver, Element::ReceiverType] => {
                Some(&mut bussiness.receivers.last_mut()?.kind)
            }
            [.., Element::ReplacementInfoList, Element::ReplacementInfo, Element::DocumentId] => {
                Some(&mut bussiness.replacements.last_mut()?.document_id)
            }
            [.., Element::ReplacementInfo, Element::OrganIdList, Element::OrganId] => {
                bussiness.replacements.last_mut()?.organs.last_mut()
            }
            _ => None,
        }
    }
}

impl<'a> Organ<'a> {
    fn slot(&mut self, path: &[Element]) -> Option<&mut Field<'a>> {
        match *path {
            [Element::OrganId] => Some(&mut self.organ_id),
            [Element::OrganName] => Some(&mut self.name),
            _ => None,
        }
    }
}

impl<'a> Response<'a> {
    fn slot(&mut self, path: &[Element]) -> Option<&mut Field<'a>> {
        match *path {
            [Element::OrganId] => Some(&mut self.organ_id),
            [Element::Code] => Some(&mut self.code),
            [Element::DocumentId] => Some(&mut self.document_id),
            [Element::PromulgationDate] => Some(&mut self.promulgation_date),
            _ => None,
        }
    }
}

impl<'a> OtherInfo<'a> {
    fn slot(&mut self, path: &[Element]) -> Option<&mut Field<'a>> {
        match *path {
            [Element::Priority] => Some(&mut self.priority),
            [Element::SphereOfPromulgation] => Some(&mut self.sphere),
            [Element::TyperNotation] => Some(&mut self.typer_notation),
            [Element::PromulgationAmount] => Some(&mut self.promulgation_amount),
            [Element::PageAmount] => Some(&mut self.page_amount),
            [Element::Direction] => Some(&mut self.direction),
            _ => None,
        }
    }
}
