//! Turns the texts of a header into the fields of an envelope: codes, dates and numbers, and what must be there.

use jiff::civil::Date;

use super::fields::invalid;
use super::{Expected, Given, Rules};
use crate::domain::agency::AgencyCode;
use crate::domain::edxml::{Field, Header, Mode, Organ};
use crate::domain::envelope::{
    Envelope, Kind, ReceiverChange, ResponseFor, StatusNotice, Urgency, Warning,
};
use crate::domain::rejection::{Place, Reason, Rejection};
use crate::domain::status::BusinessStatus;

const FROM: &str = "MessageHeader/From/OrganId";
const PROMULGATED: &str = "MessageHeader/PromulgationInfo/PromulgationDate";
const PRIORITY: &str = "MessageHeader/OtherInfo/Priority";
const KIND: &str = "TraceHeaderList/Bussiness/BussinessDocType";
const PAPER: &str = "TraceHeaderList/Bussiness/Paper";

impl Rules {
    pub(super) fn believe(
        &self,
        header: &mut Header<'_>,
        given: Given,
    ) -> Result<Envelope, Rejection> {
        if !header.has_message {
            return Err(missing("MessageHeader"));
        }
        let is_status = self.is_status(header, given)?;
        let from = match header.from.organ_id.as_str() {
            "" => return Err(Rejection::new(Reason::SenderMissing).element(FROM)),
            code => agency(FROM, code)?,
        };
        let mut envelope = if is_status {
            Envelope::addressed(Kind::Status, from, Vec::new(), String::new())
        } else {
            let to = self.receivers(&header.to)?;
            let id = header.document_id.as_str().to_owned();
            Envelope::addressed(Kind::New, from, to, id)
        };
        envelope.warnings = std::mem::take(&mut header.warnings);
        self.response_for(header, &mut envelope)?;
        if is_status {
            self.status(header, &mut envelope)?;
        } else {
            self.required(header, &mut envelope)?;
            self.document(header, &mut envelope)?;
            self.bussiness(header, &mut envelope)?;
            self.unkept(header, &mut envelope)?;
        }
        Ok(envelope)
    }

    fn is_status(&self, header: &Header<'_>, given: Given) -> Result<bool, Rejection> {
        let is_status = header.is_status();
        match given.expected {
            Expected::Status if !is_status => Err(missing("MessageHeader/StatusCode")),
            Expected::Document if is_status => {
                let place = Place::Parameter("messagetype".to_owned());
                Err(Rejection::new(Reason::ParameterInvalid).at(place).detail("status"))
            }
            Expected::Any | Expected::Status | Expected::Document => Ok(is_status),
        }
    }

    fn receivers(&self, given: &[Organ<'_>]) -> Result<Vec<AgencyCode>, Rejection> {
        if given.len() > self.recipients_max {
            let detail = format!("{} > {}", given.len(), self.recipients_max);
            return Err(Rejection::new(Reason::TooManyReceivers)
                .element("MessageHeader/To")
                .detail(detail));
        }
        let mut to = Vec::with_capacity(given.len());
        for (number, organ) in given.iter().enumerate() {
            let path = || format!("MessageHeader/To[{}]/OrganId", number + 1);
            if !organ.organ_id.is_empty() {
                to.push(agency(&path(), organ.organ_id.as_str())?);
            } else if self.mode.is_strict() || !organ.name.is_empty() {
                // The real axis leaves empty elements behind (wire/vxp.md 3.5); a name without a code is a mistake.
                return Err(missing(path()));
            }
        }
        Ok(to)
    }

    /// domain.md 2.3: R is required by a real server's checker, so by both modes; the rest of "1" only by strict.
    fn required(&self, header: &Header<'_>, envelope: &mut Envelope) -> Result<(), Rejection> {
        let by_all = [
            ("MessageHeader/DocumentId", &header.document_id),
            ("MessageHeader/Code/CodeNumber", &header.code_number),
            ("MessageHeader/Code/CodeNotation", &header.code_notation),
            (PROMULGATED, &header.promulgation_date),
            ("MessageHeader/Subject", &header.subject),
        ];
        if let Some((path, _)) = by_all.iter().find(|(_, field)| field.is_empty()) {
            return Err(missing(*path));
        }
        let by_strict = [
            ("MessageHeader/From/OrganName", &header.from.name),
            ("MessageHeader/DocumentType/TypeName", &header.type_name),
            (KIND, &header.bussiness.kind),
        ];
        for (path, field) in by_strict {
            if field.is_empty() {
                self.forgive(envelope, Reason::FieldMissing, path)?;
            }
        }
        if self.mode.is_strict() {
            if let Some(nameless) = header.to.iter().position(|organ| organ.name.is_empty()) {
                return Err(missing(format!("MessageHeader/To[{}]/OrganName", nameless + 1)));
            }
            if !header.has_body {
                return Err(missing("edXMLBody"));
            }
        }
        Ok(())
    }

    fn document(&self, header: &Header<'_>, envelope: &mut Envelope) -> Result<(), Rejection> {
        text(&header.code_number).clone_into(&mut envelope.code_number);
        text(&header.code_notation).clone_into(&mut envelope.code_notation);
        text(&header.type_name).clone_into(&mut envelope.type_name);
        text(&header.subject).clone_into(&mut envelope.subject);
        envelope.promulgation_date = self.date(PROMULGATED, &header.promulgation_date)?;
        envelope.due_date = self.date("MessageHeader/DueDate", &header.due_date)?;
        envelope.urgency = match text(&header.other.priority) {
            "" => Urgency::NORMAL,
            // Bkav's table stores normal as 5 (domain.md 2.3).
            "5" if !self.mode.is_strict() => {
                self.forgive(envelope, Reason::FieldInvalid, PRIORITY)?;
                Urgency::NORMAL
            }
            given => given
                .parse()
                .ok()
                .and_then(Urgency::new)
                .ok_or_else(|| invalid(PRIORITY, "0..4".to_owned()))?,
        };
        let steering = "MessageHeader/SteeringType";
        envelope.steering = match text(&header.steering) {
            "" => 0,
            // 1 not steering, 2 steering, 3 report; 0 is also seen (domain.md 2.3).
            given => match given.parse::<u8>() {
                Ok(number @ 0..=3) => number,
                _ => {
                    self.forgive(envelope, Reason::FieldInvalid, steering)?;
                    0
                }
            },
        };
        Ok(())
    }

    fn bussiness(&self, header: &Header<'_>, envelope: &mut Envelope) -> Result<(), Rejection> {
        let bussiness = &header.bussiness;
        envelope.kind = match text(&bussiness.kind) {
            "" | "0" => Kind::New,
            "1" => Kind::Recall,
            "2" => Kind::Update,
            "3" => Kind::Replace,
            _ => return Err(invalid(KIND, "0..3".to_owned())),
        };
        text(&bussiness.reason).clone_into(&mut envelope.reason);
        if matches!(envelope.kind, Kind::Recall | Kind::Update) {
            text(&bussiness.document_id).clone_into(&mut envelope.acts_on);
        }
        envelope.paper_follows = match text(&bussiness.paper) {
            "" | "0" => false,
            "1" => true,
            // One annotation calls it a page count, which is a wrong reading (domain.md 2.3).
            given => {
                self.forgive(envelope, Reason::FieldInvalid, PAPER)?;
                given.parse::<u32>().is_ok()
            }
        };
        self.changes(header, envelope)
    }

    fn changes(&self, header: &Header<'_>, envelope: &mut Envelope) -> Result<(), Rejection> {
        const LIST: &str = "TraceHeaderList/Bussiness/BussinessDocumentInfo/ReceiverList/Receiver";
        const REPLACED: &str =
            "TraceHeaderList/Bussiness/ReplacementInfoList/ReplacementInfo/DocumentId";
        for receiver in &header.bussiness.receivers {
            if receiver.organ_id.is_empty() && receiver.kind.is_empty() && !self.mode.is_strict() {
                continue;
            }
            let added = match text(&receiver.kind) {
                "0" => false,
                "1" => true,
                _ => return Err(invalid(&format!("{LIST}/ReceiverType"), "0..1".to_owned())),
            };
            let agency = agency(&format!("{LIST}/OrganId"), receiver.organ_id.as_str())?;
            envelope.receiver_changes.push(ReceiverChange { agency, added });
        }
        for replaced in &header.bussiness.replacements {
            if replaced.document_id.is_empty() {
                self.forgive(envelope, Reason::FieldMissing, REPLACED)?;
                continue;
            }
            envelope.replaces.push(text(&replaced.document_id).to_owned());
        }
        Ok(())
    }

    fn response_for(&self, header: &Header<'_>, envelope: &mut Envelope) -> Result<(), Rejection> {
        const PATH: &str = "MessageHeader/ResponseFor";
        for answered in &header.response_for {
            if answered.document_id.is_empty() && answered.organ_id.is_empty() {
                continue;
            }
            let organ_id = match text(&answered.organ_id) {
                "" => None,
                code => Some(agency(&format!("{PATH}/OrganId"), code)?),
            };
            // In status messages its date is decoration; a wrong one is no reason to lose the status.
            let path = format!("{PATH}/PromulgationDate");
            let promulgation_date = match self.date(&path, &answered.promulgation_date) {
                Err(refused) if self.mode.is_strict() => return Err(refused),
                Err(_) => {
                    envelope.warnings.push(Warning { reason: Reason::FieldInvalid, at: path });
                    None
                }
                Ok(date) => date,
            };
            envelope.response_for.push(ResponseFor {
                organ_id,
                document_id: text(&answered.document_id).to_owned(),
                code: text(&answered.code).to_owned(),
                promulgation_date,
            });
        }
        if envelope.response_for.len() > self.recipients_max {
            return Err(invalid(PATH, format!("> {}", self.recipients_max)));
        }
        Ok(())
    }

    fn status(&self, header: &Header<'_>, envelope: &mut Envelope) -> Result<(), Rejection> {
        let given = header.status_code.as_str();
        let Some(code) = BusinessStatus::parse(given) else {
            let shown: String = given.chars().filter(|c| !c.is_control()).take(20).collect();
            return Err(Rejection::new(Reason::UnknownStatus)
                .element("MessageHeader/StatusCode")
                .detail(shown));
        };
        let description = text(&header.description).to_owned();
        envelope.status = Some(StatusNotice { code, description });
        // wire/vxp.md 3.4: a status has no To; where it goes is in ResponseFor.
        if !header.to.is_empty() {
            self.forgive(envelope, Reason::FieldInvalid, "MessageHeader/To")?;
        }
        if envelope.response_for.len() > 1 {
            self.forgive(envelope, Reason::FieldInvalid, "MessageHeader/ResponseFor")?;
        }
        Ok(())
    }

    /// Fields that the envelope does not keep still have lengths (domain.md 2.3).
    fn unkept(&self, header: &Header<'_>, envelope: &mut Envelope) -> Result<(), Rejection> {
        let other = &header.other;
        let texts = [
            ("MessageHeader/From/OrganName", &header.from.name, 200),
            ("MessageHeader/PromulgationInfo/Place", &header.place, 50),
            ("MessageHeader/Content", &header.content, 500),
            ("MessageHeader/SignerInfo/FullName", &header.signer, 50),
            ("MessageHeader/OtherInfo/SphereOfPromulgation", &other.sphere, 100),
            ("MessageHeader/OtherInfo/TyperNotation", &other.typer_notation, 10),
        ];
        for (path, field, chars_max) in texts {
            let warned = self.length(path, field.as_str(), chars_max)?;
            envelope.warnings.extend(warned);
        }
        let numbers = [
            ("MessageHeader/OtherInfo/PromulgationAmount", &other.promulgation_amount),
            ("MessageHeader/OtherInfo/PageAmount", &other.page_amount),
        ];
        for (path, field) in numbers {
            if !field.is_empty() && field.as_str().parse::<u16>().is_err() {
                self.forgive(envelope, Reason::FieldInvalid, path)?;
            }
        }
        let direction = other.direction.as_str().to_ascii_lowercase();
        if !matches!(direction.as_str(), "" | "true" | "false" | "0" | "1") {
            self.forgive(envelope, Reason::FieldInvalid, "MessageHeader/OtherInfo/Direction")?;
        }
        Ok(())
    }

    fn date(&self, path: &str, field: &Field<'_>) -> Result<Option<Date>, Rejection> {
        if field.is_empty() {
            return Ok(None);
        }
        parse_date(field.as_str(), self.mode)
            .map(Some)
            .ok_or_else(|| invalid(path, "yyyy/MM/dd".to_owned()))
    }
}

/// `yyyy/MM/dd` (wire/vxp.md 3.2); lenient also `yyyy-MM-dd` and `dd/MM/yyyy`, each with a time behind it.
pub fn parse_date(given: &str, mode: Mode) -> Option<Date> {
    let given = given.trim();
    if let Some(date) = date_of(given, "/", [4, 2, 2]) {
        return Some(date);
    }
    if mode.is_strict() {
        return None;
    }
    let day = given.split([' ', 'T']).next().unwrap_or_default();
    date_of(day, "/", [4, 2, 2])
        .or_else(|| date_of(day, "-", [4, 2, 2]))
        .or_else(|| date_of(day, "/", [2, 2, 4]))
}

fn date_of(given: &str, between: &str, widths: [usize; 3]) -> Option<Date> {
    let (first, rest) = given.split_once(between)?;
    let (second, third) = rest.split_once(between)?;
    let parts = [first, second, third];
    let fits = |(part, width): (&&str, &usize)| {
        part.len() == *width && part.bytes().all(|b| b.is_ascii_digit())
    };
    if !parts.iter().zip(&widths).all(fits) {
        return None;
    }
    let (year, day) = if widths[0] == 4 { (first, third) } else { (third, first) };
    Date::new(year.parse().ok()?, second.parse().ok()?, day.parse().ok()?).ok()
}

fn agency(path: &str, given: &str) -> Result<AgencyCode, Rejection> {
    AgencyCode::parse(given).map_err(|error| {
        let shown: String = given.chars().filter(|c| !c.is_control()).take(40).collect();
        invalid(path, format!("{shown}: {error}"))
    })
}

fn missing(path: impl Into<String>) -> Rejection {
    Rejection::new(Reason::FieldMissing).element(path)
}

fn text<'f>(field: &'f Field<'_>) -> &'f str {
    field.as_str()
}
