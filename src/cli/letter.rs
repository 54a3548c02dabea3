//! Writing an edXML document around files, and handing files in.

use super::answer::{Answer, Exit, Failure};
use super::args::Letterhead;
use super::member::Line;
use super::{Context, Wording};
use crate::clock::Clock;
use crate::domain::agency::AgencyCode;
use crate::domain::calendar;
use crate::domain::edxml::write::{self, Attached, Letter, Party, Purpose, Signer, Staff};
use crate::domain::envelope::Urgency;
use crate::signature;
use crate::wire::v1;
use bytes::Bytes;
use futures_util::stream;
use std::path::{Path, PathBuf};

/// A file with its name.
#[derive(Debug)]
pub(super) struct File {
    name: String,
    pub(super) bytes: Vec<u8>,
}

impl File {
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = std::fs::read(path).map_err(|error| Failure::file(path, &error))?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        Ok(Self { name: name.unwrap_or_default(), bytes })
    }

    pub(super) fn read_all(paths: &[&PathBuf]) -> Result<Vec<Self>, Failure> {
        paths.iter().map(|path| Self::read(path)).collect()
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn content_type(&self) -> &'static str {
        let extension = self.name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
        CONTENT_TYPES
            .iter()
            .find(|(known, _)| *known == extension)
            .map_or("application/octet-stream", |(_, content_type)| content_type)
    }
}

const CONTENT_TYPES: [(&str, &str); 10] = [
    ("pdf", "application/pdf"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("txt", "text/plain"),
    ("xml", "application/xml"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("zip", "application/zip"),
];

/// What a document to write says.
#[derive(Debug)]
pub(super) struct Draft<'d> {
    pub(super) from: Party,
    pub(super) to: Vec<Party>,
    /// Empty: made from the number and notation.
    pub(super) document_id: String,
    pub(super) notation: Option<String>,
    pub(super) subject: String,
    pub(super) purpose: Purpose,
    pub(super) reason: String,
    pub(super) head: &'d Letterhead,
    pub(super) files: &'d [File],
}

/// The document, and its DocumentId.
pub(super) fn write(draft: Draft<'_>, context: &Context) -> (String, String) {
    let now = context.clock.now();
    let today = calendar::date_of(now);
    let notation = draft.notation.or_else(|| draft.head.notation.clone());
    let (number, notation) = match notation.as_deref().and_then(|text| text.split_once('/')) {
        Some((number, notation)) => (number.to_owned(), notation.to_owned()),
        // A number that no other document of the day has.
        None => {
            let at = calendar::vietnam_time(now).strftime("%H%M%S");
            let notation = notation.unwrap_or_else(|| "CV".to_owned());
            (format!("{at}{:03}", now.ms() % 1_000), notation)
        }
    };
    let document_id = if draft.document_id.is_empty() {
        write::document_id(&draft.from.code, today, &number, &notation)
    } else {
        draft.document_id
    };
    let attachments = draft.files.iter().map(|file| Attached {
        name: &file.name,
        content_type: file.content_type(),
        bytes: &file.bytes,
    });
    let letter = Letter {
        place: draft.from.name.clone(),
        from: draft.from,
        to: draft.to,
        document_id: document_id.clone(),
        code_number: number,
        code_notation: notation,
        promulgated_on: today,
        type_name: draft.head.type_name.clone(),
        subject: draft.subject,
        signer: Signer::default(),
        due_on: draft.head.due,
        urgency: Urgency::new(draft.head.urgency).unwrap_or_default(),
        answers: Vec::new(),
        purpose: draft.purpose,
        reason: draft.reason,
        paper_follows: false,
        staff: Staff::default(),
        sent_at: now,
        attachments: attachments.collect(),
    };
    (write::document(&letter), document_id)
}

/// The agency as a document names it.
pub(super) fn party(agency: &v1::Agency) -> Result<Party, Failure> {
    let code = AgencyCode::parse(&agency.code).map_err(|error| {
        Failure::new(Exit::Failed, "nền tảng trả về mã lạ", "the platform gave an odd code")
            .detail(error.to_string())
    })?;
    Ok(Party { code, name: agency.name_vi.clone() })
}

/// The file with a signature of the member.
pub(super) fn sign(file: &str, line: &Line) -> Result<String, Failure> {
    let read = |path: &Path| std::fs::read(path).map_err(|error| Failure::file(path, &error));
    let (key, certificate) = (read(&line.member.key)?, read(&line.member.cert)?);
    let signed =
        signature::Signer::from_pem(&key, &certificate).and_then(|signer| signer.sign(file));
    signed.map_err(|error| {
        Failure::new(Exit::Failed, "không ký được", "it cannot be signed")
            .detail(super::start::chain(&error))
    })
}

/// Hands one file in; a large one in chunks.
pub(super) async fn submit(
    line: &mut Line,
    content: Vec<u8>,
    header: v1::Submission,
) -> Result<v1::Receipt, Failure> {
    let file = Bytes::from(content);
    let answer = if file.len() <= INLINE_MAX {
        let content = Some(v1::submission::Content::Edxml(file));
        line.exchange.submit(v1::Submission { content, ..header }).await
    } else {
        let first = v1::FileChunk {
            header: Some(header),
            bytes_total: file.len() as u64,
            ..v1::FileChunk::default()
        };
        let chunks = std::iter::successors(Some(0), |at| Some(at + CHUNK_BYTES))
            .take_while(|at| *at < file.len())
            .map(|at| file.slice(at..(at + CHUNK_BYTES).min(file.len())))
            .map(|data| v1::FileChunk { data, ..v1::FileChunk::default() })
            .collect::<Vec<_>>();
        line.exchange.submit_file(stream::iter(std::iter::once(first).chain(chunks))).await
    };
    Ok(answer.map_err(|status| line.failed(&status))?.into_inner())
}

const INLINE_MAX: usize = 1 << 20;
const CHUNK_BYTES: usize = 512 << 10;

/// A receipt in words.
pub(super) fn receipt(
    receipt: v1::Receipt,
    document_id: &str,
    wording: Wording,
) -> Result<Answer, Failure> {
    let accepted = match receipt.result {
        Some(v1::receipt::Result::Accepted(accepted)) => accepted,
        Some(v1::receipt::Result::Refusal(refusal)) => return Err(Failure::refused(refusal)),
        None => return Err(Failure::new(Exit::Failed, "không có trả lời", "there is no answer")),
    };
    if wording.json {
        let receivers: Vec<_> = accepted
            .receivers
            .iter()
            .map(|r| serde_json::json!({"agency": r.agency, "doc_id": r.doc_id, "refused": r.refused}))
            .collect();
        return Ok(Answer::json(serde_json::json!({
            "version": 1, "ok": true, "doc_id": accepted.doc_id, "document_id": document_id,
            "receivers": receivers, "correlation_id": accepted.correlation_id,
            "duplicate": accepted.duplicate, "warnings": accepted.warnings,
        })));
    }
    let said = if accepted.duplicate {
        wording.pick("đã nhận từ trước", "accepted before")
    } else {
        wording.pick("đã nhận", "accepted")
    };
    let mut text = format!("{}  {said}  {document_id}\n", accepted.doc_id);
    for receiver in &accepted.receivers {
        let refused = wording.pick("bị từ chối", "refused");
        text.push_str(&if receiver.refused.is_empty() {
            format!("  → {}  {}\n", receiver.agency, receiver.doc_id)
        } else {
            format!("  ✗ {}  {refused} {}\n", receiver.agency, receiver.refused)
        });
    }
    let mut answer = Answer::data(text);
    for warning in &accepted.warnings {
        answer = answer.note(format!("{}: {warning}", wording.pick("cảnh báo", "warning")));
    }
    Ok(answer)
}
