//! Rules that hold for an envelope wherever its fields came from: a file, or the native face.

use std::collections::BTreeSet;

use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::{Given, Rules};
use crate::domain::edxml::Mode;
use crate::domain::envelope::{Envelope, Kind, Warning};
use crate::domain::rejection::{Place, Reason, Rejection};
use crate::domain::secrecy::Fields;
use crate::domain::status::BusinessStatus;

/// Assumed; NĐ 30/2020 Annex VI allows 60 characters for the parts that DocumentIds are made of.
pub(super) const DOCUMENT_ID_CHARS_MAX: usize = 200;
/// Lenient reading takes longer texts than the standard up to here, so that facts stay small. Assumed.
pub(super) const TEXT_CHARS_MAX: usize = 4_000;

impl Rules {
    /// Checks an envelope handed in as fields: lengths, ids, receivers, dates, what each kind needs, and the
    /// state-secret guard. Texts become NFC.
    pub fn check_fields(&self, envelope: &mut Envelope, given: Given) -> Result<(), Rejection> {
        if envelope.kind != Kind::Status {
            let fields = Fields {
                type_name: &envelope.type_name,
                subject: &envelope.subject,
                code_notation: &envelope.code_notation,
            };
            let doubt = self.guard.check(given.declaration, &fields)?;
            envelope.warnings.extend(doubt);
        }
        self.check_rest(envelope, given)
    }

    /// Everything but the guard, which reads a file's header before anything else is made of it.
    pub(super) fn check_rest(
        &self,
        envelope: &mut Envelope,
        given: Given,
    ) -> Result<(), Rejection> {
        normalise(envelope);
        self.check_receivers(envelope)?;
        self.check_ids(envelope)?;
        self.check_lengths(envelope)?;
        check_dates(envelope, given)?;
        match envelope.kind {
            Kind::Status => self.check_status(envelope)?,
            Kind::New | Kind::Recall | Kind::Update | Kind::Replace => {
                self.check_kind(envelope)?;
            }
        }
        Ok(())
    }

    fn check_receivers(&self, envelope: &Envelope) -> Result<(), Rejection> {
        if envelope.kind == Kind::Status {
            return Ok(());
        }
        if envelope.to.is_empty() {
            return Err(Rejection::new(Reason::ReceiverMissing).element("MessageHeader/To"));
        }
        if envelope.to.len() > self.recipients_max {
            let detail = format!("{} > {}", envelope.to.len(), self.recipients_max);
            return Err(Rejection::new(Reason::TooManyReceivers)
                .element("MessageHeader/To")
                .detail(detail));
        }
        // domain.md 2.3: the same OrganId twice in To is an error; both written forms are one code.
        let mut seen = BTreeSet::new();
        let several = if envelope.to.len() > 1 { &*envelope.to } else { &[] };
        for agency in several {
            if !seen.insert(agency) {
                return Err(
                    Rejection::new(Reason::ReceiverTwice).at(Place::Recipient(agency.wire()))
                );
            }
        }
        Ok(())
    }

    fn check_ids(&self, envelope: &Envelope) -> Result<(), Rejection> {
        const PATH: &str = "MessageHeader/DocumentId";
        if envelope.kind == Kind::Status {
            return Ok(());
        }
        if envelope.document_id.is_empty() {
            return Err(Rejection::new(Reason::FieldMissing).element(PATH));
        }
        check_id(PATH, &envelope.document_id)?;
        check_id("TraceHeaderList/Bussiness/DocumentId", &envelope.acts_on)?;
        if envelope.replaces.len() > self.recipients_max {
            return Err(invalid(REPLACEMENTS, format!("> {}", self.recipients_max)));
        }
        envelope.replaces.iter().try_for_each(|id| check_id(REPLACEMENTS, id))
    }

    fn check_lengths(&self, envelope: &mut Envelope) -> Result<(), Rejection> {
        // domain.md 2.3; NĐ 30/2020 Annex VI for type, number, notation and subject.
        let limits = [
            ("MessageHeader/Code/CodeNumber", &envelope.code_number, 11),
            ("MessageHeader/Code/CodeNotation", &envelope.code_notation, 30),
            ("MessageHeader/DocumentType/TypeName", &envelope.type_name, 100),
            ("MessageHeader/Subject", &envelope.subject, 500),
            ("TraceHeaderList/Bussiness/BussinessDocReason", &envelope.reason, 500),
        ];
        let mut warnings = Vec::new();
        for (path, text, chars_max) in limits {
            warnings.extend(self.length(path, text, chars_max)?);
        }
        if let Some(status) = &envelope.status {
            // One product limits it to 1000 characters (domain.md 2.2).
            warnings.extend(self.length(
                "MessageHeader/Description",
                &status.description,
                1_000,
            )?);
        }
        envelope.warnings.extend(warnings);
        Ok(())
    }

    /// Too long is refused when strict; when lenient it is a warning up to `TEXT_CHARS_MAX`.
    pub(super) fn length(
        &self,
        path: &str,
        text: &str,
        chars_max: usize,
    ) -> Result<Option<Warning>, Rejection> {
        // No text has more characters than bytes.
        if text.len() <= chars_max {
            return Ok(None);
        }
        let chars = text.chars().count();
        if chars <= chars_max {
            return Ok(None);
        }
        let allowed = if self.mode.is_strict() { chars_max } else { TEXT_CHARS_MAX };
        if chars > allowed {
            return Err(invalid(path, format!("{chars} > {chars_max}")));
        }
        Ok(Some(Warning { reason: Reason::FieldInvalid, at: path.to_owned() }))
    }

    fn check_status(&self, envelope: &mut Envelope) -> Result<(), Rejection> {
        let missing = |path: &str| Rejection::new(Reason::FieldMissing).element(path);
        let Some(status) = &envelope.status else {
            return Err(missing("MessageHeader/StatusCode"));
        };
        let Some(answered) = envelope.response_for.first() else {
            return Err(missing("MessageHeader/ResponseFor"));
        };
        if answered.document_id.is_empty() {
            return Err(missing("MessageHeader/ResponseFor/DocumentId"));
        }
        check_id("MessageHeader/ResponseFor/DocumentId", &answered.document_id)?;
        // wire/vxp.md 3.4: a status goes to ResponseFor/OrganId; for 13 the document named says where.
        if answered.organ_id.is_none() && status.code != BusinessStatus::RecallRequested {
            return Err(missing("MessageHeader/ResponseFor/OrganId"));
        }
        if status.code.owes_reason() && status.description.is_empty() {
            // QĐ 28/2018 Art. 5.4: who refuses must say why.
            let path = "MessageHeader/Description";
            self.forgive(envelope, Reason::StatusReasonMissing, path)?;
        }
        Ok(())
    }

    fn check_kind(&self, envelope: &mut Envelope) -> Result<(), Rejection> {
        if envelope.status.is_some() {
            return Err(invalid("MessageHeader/StatusCode", "not in a document".to_owned()));
        }
        if envelope.kind == Kind::Replace && envelope.replaces.is_empty() {
            self.forgive(envelope, Reason::FieldMissing, REPLACEMENTS)?;
        }
        if matches!(envelope.kind, Kind::Recall | Kind::Update) && envelope.acts_on.is_empty() {
            // domain.md 2.4: the official recall names the document by MessageHeader/DocumentId.
            envelope.acts_on.clone_from(&envelope.document_id);
        }
        Ok(())
    }

    /// A warning when lenient, a refusal when strict.
    pub(super) fn forgive(
        &self,
        envelope: &mut Envelope,
        reason: Reason,
        path: &str,
    ) -> Result<(), Rejection> {
        if self.mode == Mode::Strict {
            return Err(Rejection::new(reason).element(path));
        }
        envelope.warnings.push(Warning { reason, at: path.to_owned() });
        Ok(())
    }
}

const REPLACEMENTS: &str =
    "TraceHeaderList/Bussiness/ReplacementInfoList/ReplacementInfo/DocumentId";

// domain.md 2.3: the date of promulgation lies not in the future.
fn check_dates(envelope: &Envelope, given: Given) -> Result<(), Rejection> {
    let future = envelope.promulgation_date.filter(|date| *date > given.today);
    let path = "MessageHeader/PromulgationInfo/PromulgationDate";
    future.map_or(Ok(()), |date| {
        let detail = format!("{date} > {}", given.today);
        Err(Rejection::new(Reason::FutureDate).element(path).detail(detail))
    })
}

fn check_id(path: &str, id: &str) -> Result<(), Rejection> {
    // Nearly every id, without decoding a character.
    if id.len() <= DOCUMENT_ID_CHARS_MAX && id.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Ok(());
    }
    let chars = id.chars().count();
    if chars > DOCUMENT_ID_CHARS_MAX {
        return Err(invalid(path, format!("{chars} > {DOCUMENT_ID_CHARS_MAX}")));
    }
    if id.chars().any(char::is_control) {
        return Err(invalid(path, "control character".to_owned()));
    }
    Ok(())
}

pub(super) fn invalid(path: &str, detail: String) -> Rejection {
    Rejection::new(Reason::FieldInvalid).element(path).detail(detail)
}

/// Vietnamese is written with composed and with separate marks; the gateway compares NFC only.
fn normalise(envelope: &mut Envelope) {
    let texts = [
        &mut envelope.document_id,
        &mut envelope.code_number,
        &mut envelope.code_notation,
        &mut envelope.type_name,
        &mut envelope.subject,
        &mut envelope.reason,
        &mut envelope.acts_on,
    ];
    for text in texts {
        compose(text);
    }
    envelope.replaces.iter_mut().for_each(compose);
    for answered in &mut envelope.response_for {
        compose(&mut answered.document_id);
        compose(&mut answered.code);
    }
    if let Some(status) = &mut envelope.status {
        compose(&mut status.description);
    }
}

fn compose(text: &mut String) {
    if !text.is_ascii() && !is_nfc(text) {
        *text = text.nfc().collect();
    }
}
