//! `lienthong status`: the clerk's word about a document that came in, sent back as an edXML status message.

use super::answer::{Answer, Exit, Failure};
use super::member::{Country, Line};
use super::{Context, args, inbox, letter};
use crate::clock::Clock;
use crate::domain::agency::AgencyCode;
use crate::domain::edxml::write::{self, Answered, Notice, Staff};
use crate::domain::envelope::DocId;
use crate::domain::rejection::Reason;
use crate::domain::status::BusinessStatus;
use crate::texts::{self, Named};
use crate::wire::v1;

/// The document answered and who answers it.
struct Received {
    line: Line,
    agency: AgencyCode,
    from: AgencyCode,
    document_id: String,
    notation: String,
}

pub(super) async fn status(given: &args::StatusWord, context: &Context) -> Result<Answer, Failure> {
    let status = BusinessStatus::parse(&given.code).ok_or_else(|| unknown_status(&given.code))?;
    let mut received = Box::pin(find(&given.document, &given.actor, context)).await?;
    let from = letter::party(&received.line.agency(received.agency.as_str()).await?)?;
    let notice = Notice {
        from,
        answers: Answered {
            agency: received.from,
            code: received.notation,
            document_id: received.document_id.clone(),
            promulgated_on: None,
        },
        staff: Staff::default(),
        status,
        description: given.reason.clone(),
        at: context.clock.now(),
    };
    let file = write::status(&notice).into_bytes();
    let receipt = letter::submit(&mut received.line, file, v1::Submission::default()).await?;
    letter::receipt(receipt, &received.document_id, context.wording)
}

fn unknown_status(given: &str) -> Failure {
    let sentence = |lang| texts::sentence(Reason::UnknownStatus, lang);
    let list = |lang| {
        let names = BusinessStatus::ALL.iter().map(|s| format!("{s} {}", s.name(lang)));
        names.collect::<Vec<_>>().join(", ")
    };
    let failure = Failure::usage(sentence(texts::Lang::Vi), sentence(texts::Lang::En))
        .code(Reason::UnknownStatus.code())
        .help(list(texts::Lang::Vi), list(texts::Lang::En));
    Failure { at: given.into(), ..failure }
}

async fn find(document: &str, actor: &args::Actor, context: &Context) -> Result<Received, Failure> {
    let country = Country::find(context)?;
    if document.parse::<DocId>().is_ok() {
        let (line, story) = Box::pin(country.owner(document, actor, context)).await?;
        return from_story(line, &story, document);
    }
    for member in country.able(actor, None)?.into_iter().take(MEMBERS_ASKED_MAX) {
        let mut line = country.connect(member, context).await?;
        for agency in &member.agencies {
            if let Some(item) = in_inbox(&mut line, agency, document).await? {
                return Ok(Received {
                    line,
                    agency: inbox::parse(&item.to)?,
                    from: inbox::parse(&item.from)?,
                    document_id: item.document_id,
                    notation: item.notation,
                });
            }
        }
    }
    Err(unknown(document))
}

const MEMBERS_ASKED_MAX: usize = 64;

fn unknown(document: &str) -> Failure {
    let sentence = |lang| texts::sentence(Reason::UnknownDocument, lang);
    let failure = Failure::new(Exit::Refused, sentence(texts::Lang::Vi), sentence(texts::Lang::En))
        .code(Reason::UnknownDocument.code())
        .help("xem `lienthong inbox MÃ-CƠ-QUAN --all`", "see `lienthong inbox AGENCY --all`");
    Failure { at: document.into(), ..failure }
}

fn from_story(line: Line, story: &serde_json::Value, doc_id: &str) -> Result<Received, Failure> {
    let text = |value: &serde_json::Value, key: &str| {
        value.get(key).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
    };
    let recipients = story.get("recipients").and_then(serde_json::Value::as_array);
    let mine = recipients.into_iter().flatten().find(|one| text(one, "doc_id") == doc_id);
    let Some(mine) = mine else {
        return Err(unknown(doc_id).help(
            "cần DocId của nơi nhận: xem `lienthong inbox`",
            "the receiver's DocId is needed: see `lienthong inbox`",
        ));
    };
    Ok(Received {
        agency: inbox::parse(&text(mine, "agency"))?,
        from: inbox::parse(&text(story, "from"))?,
        document_id: text(story, "document_id"),
        notation: text(story, "notation"),
        line,
    })
}

async fn in_inbox(
    line: &mut Line,
    agency: &str,
    document_id: &str,
) -> Result<Option<v1::InboxItem>, Failure> {
    for state in [None, Some(v1::DeliveryState::Done), Some(v1::DeliveryState::Fail)] {
        let request = v1::ListRequest {
            agency: agency.to_owned(),
            status_messages: Some(false),
            state: state.map(|state| state as i32),
            limit: 0,
            after: String::new(),
        };
        let answer = line.exchange.list(request).await;
        let items = answer.map_err(|status| line.failed(&status))?.into_inner().items;
        if let Some(item) = items.into_iter().find(|item| item.document_id == document_id) {
            return Ok(Some(item));
        }
    }
    Ok(None)
}
