//! `lienthong recall`, `update`, `replace`: messages about a document that was sent.

use super::answer::{Answer, Exit, Failure};
use super::letter::{self, Draft, File};
use super::member::{Country, Line};
use super::{Context, args, inbox};
use crate::domain::agency::AgencyCode;
use crate::domain::edxml::write::{Party, Purpose, Replaced};
use crate::domain::envelope::{DocId, ReceiverChange};
use crate::domain::rejection::Reason;
use crate::texts;
use crate::wire::v1;
use std::path::PathBuf;

/// A document of ours, as the list of what was sent has it.
struct Ours {
    line: Line,
    from: Party,
    to: Vec<Party>,
    document_id: String,
    notation: String,
    subject: String,
}

pub(super) async fn recall(given: &args::Recall, context: &Context) -> Result<Answer, Failure> {
    let ours = Box::pin(find(&given.document, &given.actor, context)).await?;
    let head =
        args::Letterhead { type_name: "Công văn".to_owned(), ..args::Letterhead::default() };
    let draft = Draft {
        from: ours.from,
        to: ours.to,
        document_id: ours.document_id,
        notation: Some(ours.notation),
        subject: ours.subject,
        purpose: Purpose::Recall,
        reason: given.reason.clone(),
        head: &head,
        files: &[],
    };
    hand_in(ours.line, draft, context).await
}

pub(super) async fn update(given: &args::Update, context: &Context) -> Result<Answer, Failure> {
    let mut ours = Box::pin(find(&given.document, &given.actor, context)).await?;
    let files = files(given.file.as_ref(), &given.letterhead)?;
    let mut receivers = Vec::new();
    for (text, added) in
        given.add.iter().map(|t| (t, true)).chain(given.remove.iter().map(|t| (t, false)))
    {
        let party = letter::party(&ours.line.agency(text).await?)?;
        receivers.push(ReceiverChange { agency: party.code, added });
        if added && ours.to.iter().all(|known| known.code != party.code) {
            ours.to.push(party);
        }
    }
    let content = given.file.is_some();
    let draft = Draft {
        from: ours.from,
        to: ours.to,
        document_id: String::new(),
        notation: None,
        subject: given.letterhead.subject.clone().unwrap_or(ours.subject),
        purpose: Purpose::Update { document_id: ours.document_id, content, receivers },
        reason: given.reason.clone(),
        head: &given.letterhead,
        files: &files,
    };
    hand_in(ours.line, draft, context).await
}

pub(super) async fn replace(given: &args::Replace, context: &Context) -> Result<Answer, Failure> {
    let ours = Box::pin(find(&given.document, &given.actor, context)).await?;
    let files = files(Some(&given.file), &given.letterhead)?;
    let agencies = ours.to.iter().map(|party| party.code).collect();
    let draft = Draft {
        from: ours.from,
        to: ours.to,
        document_id: String::new(),
        notation: None,
        subject: given.letterhead.subject.clone().unwrap_or(ours.subject),
        purpose: Purpose::Replace(vec![Replaced { document_id: ours.document_id, agencies }]),
        reason: given.reason.clone(),
        head: &given.letterhead,
        files: &files,
    };
    hand_in(ours.line, draft, context).await
}

fn files(first: Option<&PathBuf>, head: &args::Letterhead) -> Result<Vec<File>, Failure> {
    File::read_all(&first.into_iter().chain(&head.attach).collect::<Vec<_>>())
}

async fn hand_in(mut line: Line, draft: Draft<'_>, context: &Context) -> Result<Answer, Failure> {
    let is_signed = draft.head.sign;
    let (mut document, document_id) = letter::write(draft, context);
    if is_signed {
        document = letter::sign(&document, &line)?;
    }
    let receipt =
        letter::submit(&mut line, document.into_bytes(), v1::Submission::default()).await?;
    letter::receipt(receipt, &document_id, context.wording)
}

/// Looks a document up by its DocId or DocumentId in what our members have sent.
async fn find(document: &str, actor: &args::Actor, context: &Context) -> Result<Ours, Failure> {
    let country = Country::find(context)?;
    // The samples' DocumentIds begin with the sender's code.
    let sender = document.split(',').next().and_then(|code| AgencyCode::parse(code).ok());
    let is_doc_id = document.parse::<DocId>().is_ok();
    let sender = sender.filter(|_| !is_doc_id && document.contains(','));
    if is_doc_id {
        let (line, story) = Box::pin(country.owner(document, actor, context)).await?;
        let from = story.get("from").and_then(serde_json::Value::as_str).unwrap_or_default();
        let from = inbox::parse(from)?;
        return in_sent(line, &from, document).await?.ok_or_else(|| unknown(document));
    }
    for member in country.able(actor, sender.as_ref())?.into_iter().take(MEMBERS_ASKED_MAX) {
        for code in sender.iter().copied().chain(codes(&member.agencies)) {
            let line = country.connect(member, context).await?;
            if let Some(ours) = in_sent(line, &code, document).await? {
                return Ok(ours);
            }
        }
    }
    Err(unknown(document))
}

const MEMBERS_ASKED_MAX: usize = 64;

fn codes(texts: &[String]) -> impl Iterator<Item = AgencyCode> {
    texts.iter().filter_map(|text| AgencyCode::parse(text).ok())
}

fn unknown(document: &str) -> Failure {
    let sentence = |lang| texts::sentence(Reason::UnknownDocument, lang);
    let failure = Failure::new(Exit::Refused, sentence(texts::Lang::Vi), sentence(texts::Lang::En))
        .code(Reason::UnknownDocument.code())
        .help("xem `lienthong sent MÃ-CƠ-QUAN`", "see `lienthong sent AGENCY`");
    Failure { at: document.into(), ..failure }
}

async fn in_sent(
    mut line: Line,
    from: &AgencyCode,
    document: &str,
) -> Result<Option<Ours>, Failure> {
    let request =
        v1::SentRequest { agency: from.as_str().to_owned(), doc_id: String::new(), limit: 0 };
    let answer = line.exchange.sent(request).await;
    let items = answer.map_err(|status| line.failed(&status))?.into_inner().items;
    let is_meant = |item: &&v1::SentItem| {
        item.kind() == v1::Kind::New
            && [&item.document_id, &item.doc_id, &item.receiver_doc_id]
                .into_iter()
                .any(|id| id == document)
    };
    let Some(found) = items.iter().find(is_meant).cloned() else { return Ok(None) };
    let mut to = Vec::new();
    for item in items.iter().filter(|item| item.doc_id == found.doc_id) {
        to.push(letter::party(&line.agency(&item.to).await?)?);
    }
    let from = letter::party(&line.agency(from.as_str()).await?)?;
    let v1::SentItem { document_id, notation, subject, .. } = found;
    Ok(Some(Ours { line, from, to, document_id, notation, subject }))
}
