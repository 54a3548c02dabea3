//! An edXML file for a message that came in as fields, so that every receiver can read what the native face sent.

use crate::domain::agency::AgencyCode;
use crate::domain::calendar::date_of;
use crate::domain::directory::Directory;
use crate::domain::edxml::write::{
    Answered, Attached, Letter, Notice, Party, Purpose, Replaced, Signer, Staff, document, status,
};
use crate::domain::envelope::{Kind, Urgency};
use crate::domain::fact::Record;
use crate::domain::status::BusinessStatus;

pub(in crate::ingress) fn edxml_of(
    directory: &Directory,
    accepted: &Record,
    payload: &[u8],
) -> String {
    let sent_at = accepted.sent_at();
    let code = |text: &str| AgencyCode::parse(text).ok();
    let party = |text: &str| {
        let code = code(text)?;
        let name = directory.agency_of(&code).map(|agency| agency.name_vi.to_string());
        Some(Party { code, name: name.unwrap_or_default() })
    };
    // A code that was accepted parses.
    let Some(from) = party(accepted.from()) else { return String::new() };
    let answers = code(accepted.answers_sender()).map(|agency| Answered {
        agency,
        code: String::new(),
        document_id: accepted.answers_document_id().to_owned(),
        promulgated_on: None,
    });
    if accepted.kind() == Kind::Status {
        let answers = answers.unwrap_or_else(|| Answered {
            agency: from.code,
            code: String::new(),
            document_id: accepted.answers_document_id().to_owned(),
            promulgated_on: None,
        });
        let code = u8::try_from(accepted.status).ok().and_then(BusinessStatus::from_code);
        return status(&Notice {
            from,
            answers,
            staff: Staff::default(),
            status: code.unwrap_or(BusinessStatus::Arrived),
            description: accepted.reason().to_owned(),
            at: sent_at,
        });
    }
    let (number, notation) =
        accepted.notation().split_once('/').unwrap_or_else(|| ("", accepted.notation()));
    let name = format!("{}.bin", accepted.notation().replace('/', "_"));
    let attached =
        Attached { name: &name, content_type: "application/octet-stream", bytes: payload };
    document(&Letter {
        from,
        to: accepted.recipients.iter().filter_map(|to| party(to.code())).collect(),
        document_id: accepted.document_id().to_owned(),
        code_number: number.to_owned(),
        code_notation: notation.to_owned(),
        place: String::new(),
        promulgated_on: accepted
            .promulgated_on()
            .parse()
            .unwrap_or_else(|_absent| date_of(sent_at)),
        type_name: accepted.type_name().to_owned(),
        subject: accepted.subject().to_owned(),
        signer: Signer::default(),
        due_on: accepted.due_on().parse().ok(),
        urgency: u8::try_from(accepted.urgency).ok().and_then(Urgency::new).unwrap_or_default(),
        answers: Vec::new(),
        purpose: purpose_of(accepted),
        reason: accepted.reason().to_owned(),
        paper_follows: false,
        staff: Staff::default(),
        sent_at,
        attachments: if payload.is_empty() { Vec::new() } else { vec![attached] },
    })
}

fn purpose_of(accepted: &Record) -> Purpose {
    match accepted.kind() {
        Kind::New | Kind::Status => Purpose::New,
        Kind::Recall => Purpose::Recall,
        Kind::Update => Purpose::Update {
            document_id: accepted.answers_document_id().to_owned(),
            content: true,
            receivers: Vec::new(),
        },
        Kind::Replace => Purpose::Replace(
            accepted
                .replaces()
                .iter()
                .map(|id| Replaced {
                    document_id: id.clone(),
                    agencies: accepted.recipients.iter().filter_map(|to| to.agency).collect(),
                })
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::envelope::Declaration;
    use crate::domain::fact::{Accepted, Recipient};
    use crate::domain::rules::{Expected, Given, Rules};

    #[test]
    fn what_came_as_fields_is_edxml_that_keeps_the_rules() {
        let rules = Rules::default();
        let given = Given {
            today: jiff::civil::date(2026, 11, 20),
            declaration: Declaration::Unspecified,
            expected: Expected::Any,
        };
        let directory = Directory::from_rows(Vec::new(), given.today, 1);
        let document = Accepted {
            kind: Kind::New as i32,
            from: "H60".into(),
            document_id: "H60,2026/11/20,12/UBND-VP".into(),
            notation: "12/UBND-VP".into(),
            subject: "V/v kết nối <liên thông>".into(),
            recipients: vec![Recipient { agency: "G12".into(), ..Recipient::default() }],
            ..Accepted::default()
        };
        let file = edxml_of(&directory, &Record::of(document.clone()), b"content");
        let read = rules.read(file.as_bytes(), given).unwrap();
        assert_eq!(read.envelope.subject, document.subject);
        assert_eq!(read.envelope.code_notation, "UBND-VP");
        assert_eq!(read.attachments.len(), 1);

        let notice = Accepted {
            kind: Kind::Status as i32,
            status: 3,
            answers_sender: "G12".into(),
            answers_document_id: "G12,2026/11/20,1/VP".into(),
            ..document
        };
        let file = edxml_of(&directory, &Record::of(notice), b"");
        let read = rules.read(file.as_bytes(), given).unwrap();
        assert_eq!(read.envelope.status.unwrap().code, BusinessStatus::Accepted);
    }
}
