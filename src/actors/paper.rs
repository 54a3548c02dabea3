//! From a plan to the bytes of an edXML file: pure.

use super::cast::{Cast, Role, RoleIx};
use super::reaction::fnv;
use super::script::{Correction, CorrectionKind, Plan};
use super::words;
use crate::clock::Timestamp;
use crate::domain::agency::AgencyCode;
use crate::domain::calendar::date_of;
use crate::domain::edxml::write::{
    self, Answered, Attached, Letter, Notice, Party, Purpose, Replaced, Signer, Staff,
};
use crate::domain::envelope::Urgency;
use crate::domain::status::BusinessStatus;
use crate::random::Random;
use jiff::civil::Date;

/// A document as its sender keeps it in the register: enough to answer for it and to change it.
#[derive(Clone, Debug)]
pub(super) struct Registered {
    pub(super) plan: Plan,
    pub(super) document_id: String,
    pub(super) signed_on: Date,
}

/// A document as its receiver keeps it: enough to answer it.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) from: AgencyCode,
    /// The one of ours that it was sent to.
    pub(super) to: AgencyCode,
    pub(super) document_id: String,
    pub(super) subject: String,
}

impl Registered {
    pub(super) fn new(role: &Role, plan: Plan, now: Timestamp) -> Self {
        let signed_on = date_of(now);
        let number = plan.number.to_string();
        let document_id = write::document_id(&role.code, signed_on, &number, &plan.notation);
        Self { plan, document_id, signed_on }
    }

    /// The file of a new document, or of one in the place of another.
    pub(super) fn file(
        &self,
        cast: &Cast,
        role: &Role,
        now: Timestamp,
        replaces: Option<&str>,
    ) -> String {
        let purpose = replaces.map_or(Purpose::New, |document_id| {
            let agencies = self.to(cast).into_iter().map(|party| party.code).collect();
            Purpose::Replace(vec![Replaced { document_id: document_id.to_owned(), agencies }])
        });
        let reason = if replaces.is_some() {
            "Văn bản thay thế"
        } else {
            "Văn bản điện tử mới"
        };
        let enclosed = self.enclosed();
        let letter = Letter { attachments: attached(&enclosed), ..self.letter(cast, role, now) };
        write::document(&Letter { purpose, reason: reason.to_owned(), ..letter })
    }

    /// The file of an answer to a document: a new one that names it.
    pub(super) fn reply(&self, cast: &Cast, role: &Role, now: Timestamp, to: &Received) -> String {
        let enclosed = self.enclosed();
        let letter = Letter { attachments: attached(&enclosed), ..self.letter(cast, role, now) };
        write::document(&Letter { answers: vec![to.answered()], ..letter })
    }

    /// The file of a recall or an update; the same DocumentId (domain.md 2.3).
    pub(super) fn change(
        &self,
        cast: &Cast,
        role: &Role,
        now: Timestamp,
        correction: Correction,
    ) -> String {
        let enclosed = self.enclosed();
        let (purpose, attachments) = match correction.kind {
            CorrectionKind::Update => {
                let document_id = self.document_id.clone();
                let update = Purpose::Update { document_id, content: true, receivers: Vec::new() };
                (update, attached(&enclosed))
            }
            CorrectionKind::Recall | CorrectionKind::TakeBack | CorrectionKind::Replace => {
                (Purpose::Recall, Vec::new())
            }
        };
        let reason = correction.reason.to_owned();
        let letter = self.letter(cast, role, now);
        write::document(&Letter { purpose, reason, attachments, ..letter })
    }

    /// Status 13, which asks for it back. It goes to everybody who got the document; `ResponseFor` names one.
    pub(super) fn take_back(
        &self,
        cast: &Cast,
        role: &Role,
        now: Timestamp,
        reason: &str,
    ) -> String {
        let addressee = self.to(cast).first().map_or(role.code, |party| party.code);
        let answers = Answered {
            agency: addressee,
            code: format!("{}/{}", self.plan.number, self.plan.notation),
            document_id: self.document_id.clone(),
            promulgated_on: Some(self.signed_on),
        };
        let status = BusinessStatus::RecallRequested;
        write::status(&notice(role, answers, &self.plan.clerk, status, reason, now))
    }

    fn letter(&self, cast: &Cast, role: &Role, now: Timestamp) -> Letter<'static> {
        let plan = &self.plan;
        let due_days = plan.due_days.map(|days| jiff::Span::new().days(i64::from(days)));
        Letter {
            from: party(role),
            to: self.to(cast),
            document_id: self.document_id.clone(),
            code_number: plan.number.to_string(),
            code_notation: plan.notation.clone(),
            place: role.place.to_string(),
            promulgated_on: self.signed_on,
            type_name: plan.type_name.to_owned(),
            subject: plan.subject.clone(),
            signer: Signer {
                competence: if plan.number.is_multiple_of(3) { "KT." } else { "TM." }.to_owned(),
                position: position(role).to_owned(),
                full_name: plan.signer.clone(),
            },
            due_on: due_days.and_then(|days| self.signed_on.checked_add(days).ok()),
            urgency: Urgency::new(plan.urgency).unwrap_or_default(),
            answers: Vec::new(),
            purpose: Purpose::New,
            reason: "Văn bản điện tử mới".to_owned(),
            paper_follows: false,
            staff: staff(&plan.clerk),
            sent_at: now,
            attachments: Vec::new(),
        }
    }

    fn to(&self, cast: &Cast) -> Vec<Party> {
        self.plan.to.iter().filter_map(|&ix: &RoleIx| cast.role(ix)).map(party).collect()
    }

    fn enclosed(&self) -> Vec<(String, Vec<u8>)> {
        let plan = &self.plan;
        let mut random = Random::new(plan.seed);
        let own = format!("{}_{}.pdf", plan.number, plan.notation);
        let names = std::iter::once(own).chain(words::ENCLOSURES.iter().map(|&n| n.to_owned()));
        names.zip(&plan.files).map(|(name, &bytes)| (name, page(&mut random, bytes))).collect()
    }
}

impl Received {
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.document_id == other.document_id && self.from == other.from && self.to == other.to
    }

    /// Which document it is, in one number.
    pub(super) fn key(&self) -> u64 {
        document_key(&self.from, &self.document_id)
    }

    fn answered(&self) -> Answered {
        // `OrganId,yyyy/MM/dd,number/notation`, as the samples build it; other ids have no such parts.
        let mut parts = self.document_id.splitn(3, ',').skip(1);
        let date = parts.next().unwrap_or_default();
        let promulgated_on =
            crate::domain::rules::parse_date(date, crate::domain::edxml::Mode::Strict);
        Answered {
            agency: self.from,
            code: parts.next().unwrap_or(&self.document_id).to_owned(),
            document_id: self.document_id.clone(),
            promulgated_on,
        }
    }

    /// The file of a status message about it.
    pub(super) fn status(
        &self,
        role: &Role,
        clerk: &str,
        status: BusinessStatus,
        description: &str,
        now: Timestamp,
    ) -> String {
        write::status(&notice(role, self.answered(), clerk, status, description, now))
    }
}

pub(super) fn document_key(sender: &AgencyCode, document_id: &str) -> u64 {
    fnv(document_id) ^ fnv(sender.as_str()).rotate_left(1)
}

fn notice(
    role: &Role,
    answers: Answered,
    clerk: &str,
    status: BusinessStatus,
    description: &str,
    at: Timestamp,
) -> Notice {
    let description = description.to_owned();
    Notice { from: party(role), answers, staff: staff(clerk), status, description, at }
}

fn party(role: &Role) -> Party {
    Party { code: role.code, name: role.name.to_string() }
}

fn staff(clerk: &str) -> Staff {
    Staff {
        department: "Văn thư".to_owned(),
        name: clerk.to_owned(),
        email: "vanthu@example.gov.vn".to_owned(),
        mobile: "0900000000".to_owned(),
    }
}

const fn position(role: &Role) -> &'static str {
    use super::cast::Rank;
    match role.rank {
        Rank::Government => "Phó Chủ nhiệm",
        Rank::Ministry => "Thứ trưởng",
        Rank::MinistryUnit => "Vụ trưởng",
        Rank::Province | Rank::Commune => "Phó Chủ tịch",
        Rank::Department => "Giám đốc",
    }
}

fn attached(files: &[(String, Vec<u8>)]) -> Vec<Attached<'_>> {
    files
        .iter()
        .map(|(name, bytes)| Attached { name, content_type: "application/pdf", bytes })
        .collect()
}

/// A PDF of one empty page, filled up with a stream that nothing shows: as incompressible as a scan.
fn page(random: &mut Random, bytes: usize) -> Vec<u8> {
    let mut file = b"%PDF-1.4\n".to_vec();
    let mut places = Vec::new();
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
    ];
    for (number, object) in objects.iter().enumerate() {
        places.push(file.len());
        file.extend_from_slice(format!("{} 0 obj{object}endobj\n", number + 1).as_bytes());
    }
    let scan = bytes.saturating_sub(file.len() + TRAILER_BYTES);
    places.push(file.len());
    file.extend_from_slice(format!("4 0 obj<</Length {scan}>>stream\n").as_bytes());
    let end = file.len() + scan;
    while file.len() < end {
        file.extend_from_slice(&random.next().to_le_bytes());
    }
    file.truncate(end);
    file.extend_from_slice(b"\nendstream endobj\n");
    let table = file.len();
    file.extend_from_slice(b"xref\n0 5\n0000000000 65535 f \n");
    for place in places {
        file.extend_from_slice(format!("{place:010} 00000 n \n").as_bytes());
    }
    file.extend_from_slice(
        format!("trailer<</Size 5/Root 1 0 R>>\nstartxref\n{table}\n%%EOF\n").as_bytes(),
    );
    file
}

/// What stands around the stream, about.
const TRAILER_BYTES: usize = 260;
