//! `lienthong inbox` and `lienthong sent`: what came in, what went out.

use super::answer::{Answer, Failure};
use super::member::{Country, Line};
use super::{Context, Wording, args, words};
use crate::domain::agency::AgencyCode;
use crate::domain::rejection::Reason;
use crate::wire::v1;

pub(super) async fn inbox(given: &args::Inbox, context: &Context) -> Result<Answer, Failure> {
    let (mut line, agency) = open(given.agency.as_deref(), &given.actor, context).await?;
    let mut items = Vec::new();
    let open = None;
    let done = [v1::DeliveryState::Done, v1::DeliveryState::Fail].map(Some);
    let states = std::iter::once(open).chain(done.into_iter().filter(|_| given.all));
    for state in states {
        items.extend(list(&mut line, &agency, given, state).await?);
    }
    items.sort_by_key(|item| item.arrived_at);
    items.truncate(usize::try_from(given.limit).unwrap_or(usize::MAX));
    let wording = context.wording;
    if wording.json {
        let items: Vec<_> = items.iter().map(item_json).collect();
        return Ok(Answer::json(serde_json::json!({
            "version": 1, "ok": true, "agency": agency.as_str(), "documents": items,
        })));
    }
    Ok(inbox_text(&items, &agency, wording))
}

fn inbox_text(items: &[v1::InboxItem], agency: &AgencyCode, wording: Wording) -> Answer {
    if items.is_empty() {
        let vi = format!("hộp thư đến của {agency} không có gì mới");
        let en = format!("nothing new in the inbox of {agency}");
        return Answer::default().note(wording.pick(&vi, &en));
    }
    let heads = wording.pick(
        ["DocId", "Từ", "Đến lúc", "Tình trạng", "Số, ký hiệu", "Nội dung"],
        ["DocId", "From", "Arrived", "State", "Notation", "Subject"],
    );
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    for item in items {
        let subject = match item.kind() {
            v1::Kind::New => item.subject.clone(),
            v1::Kind::Status => with(words::business(item.status, wording), &item.reason),
            kind @ (v1::Kind::Recall | v1::Kind::Update | v1::Kind::Replace) => {
                with(format!("[{}] {}", words::kind(kind, wording), item.subject), &item.reason)
            }
        };
        let overdue = if item.overdue { wording.pick(" (quá hạn)", " (overdue)") } else { "" };
        rows.push(vec![
            item.doc_id.clone(),
            item.from.clone(),
            words::short_moment(item.arrived_at),
            words::state(words::state_key(item.state()), wording).to_owned(),
            item.notation.clone(),
            format!("{subject}{overdue}"),
        ]);
    }
    Answer::data(words::table(&rows))
}

/// What it is about, and why; many give no reason.
fn with(subject: String, reason: &str) -> String {
    if reason.is_empty() { subject } else { format!("{subject} · {reason}") }
}

fn item_json(item: &v1::InboxItem) -> serde_json::Value {
    serde_json::json!({
        "doc_id": item.doc_id, "from": item.from, "to": item.to,
        "kind": words::kind_key(item.kind()), "document_id": item.document_id,
        "notation": item.notation, "type_name": item.type_name, "subject": item.subject,
        "urgency": item.urgency, "status": item.status,
        "state": words::state_key(item.state()),
        "arrived_at": words::moment(item.arrived_at), "updated_at": words::moment(item.updated_at),
        "bytes": item.bytes_total, "overdue": item.overdue, "due_on": item.due_on,
        "answers_document_id": item.answers_document_id, "reason": item.reason,
    })
}

async fn list(
    line: &mut Line,
    agency: &AgencyCode,
    given: &args::Inbox,
    state: Option<v1::DeliveryState>,
) -> Result<Vec<v1::InboxItem>, Failure> {
    let request = v1::ListRequest {
        agency: agency.as_str().to_owned(),
        status_messages: given.status.then_some(true),
        state: state.map(|state| state as i32),
        limit: given.limit,
        after: String::new(),
    };
    match line.exchange.list(request).await {
        Ok(reply) => Ok(reply.into_inner().items),
        Err(status) => Err(refused(line, &status, agency).await),
    }
}

/// The member for an agency, or the only one, and which agency that is.
pub(super) async fn open(
    agency: Option<&str>,
    actor: &args::Actor,
    context: &Context,
) -> Result<(Line, AgencyCode), Failure> {
    let country = Country::find(context)?;
    let code = agency.map(parse).transpose()?;
    let member = match &code {
        Some(code) => *country.able(actor, Some(code))?.first().ok_or_else(no_agency)?,
        None => country.only(actor)?,
    };
    let own = || member.agencies.first().and_then(|own| AgencyCode::parse(own).ok());
    let code = code.or_else(own).ok_or_else(no_agency)?;
    Ok((country.connect(member, context).await?, code))
}

/// A list that was refused: an agency nobody knows gets the nearest one.
async fn refused(line: &mut Line, status: &tonic::Status, agency: &AgencyCode) -> Failure {
    let failure = line.failed(status);
    if *failure.code != *Reason::AgencyUnknown.code() {
        return failure;
    }
    let near = line.nearest(agency.as_str()).await.ok().flatten();
    failure.meant(near.as_deref())
}

pub(super) fn no_agency() -> Failure {
    Failure::usage("cần nói rõ cơ quan", "name the agency")
}

pub(super) fn parse(text: &str) -> Result<AgencyCode, Failure> {
    AgencyCode::parse(text).map_err(|error| {
        Failure::usage(
            format!("`{text}` không phải là mã cơ quan"),
            format!("`{text}` is no agency code"),
        )
        .detail(error.to_string())
        .help("tìm mã: lienthong agencies TÊN", "find a code: lienthong agencies NAME")
    })
}

pub(super) async fn sent(given: &args::Sent, context: &Context) -> Result<Answer, Failure> {
    let (mut line, agency) = open(given.agency.as_deref(), &given.actor, context).await?;
    let request = v1::SentRequest {
        agency: agency.as_str().to_owned(),
        doc_id: String::new(),
        limit: given.limit,
    };
    let items = match line.exchange.sent(request).await {
        Ok(reply) => reply.into_inner().items,
        Err(status) => return Err(refused(&mut line, &status, &agency).await),
    };
    let wording = context.wording;
    if wording.json {
        let items: Vec<_> = items.iter().map(sent_json).collect();
        return Ok(Answer::json(serde_json::json!({
            "version": 1, "ok": true, "agency": agency.as_str(), "documents": items,
        })));
    }
    if items.is_empty() {
        let vi = format!("{agency} chưa gửi gì");
        let en = format!("{agency} has sent nothing");
        return Ok(Answer::default().note(wording.pick(&vi, &en)));
    }
    let heads = wording.pick(
        ["DocId", "Tới", "Gửi lúc", "Chuyển", "Xử lý", "Số, ký hiệu", "Nội dung"],
        ["DocId", "To", "Sent", "Delivery", "Status", "Notation", "Subject"],
    );
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    for item in &items {
        let state = words::state(words::state_key(item.state()), wording);
        let state = if item.refused.is_empty() {
            state.to_owned()
        } else {
            format!("{state} {}", item.refused)
        };
        rows.push(vec![
            item.doc_id.clone(),
            item.to.clone(),
            words::short_moment(item.sent_at),
            state,
            words::business(item.business_status, wording),
            item.notation.clone(),
            item.subject.clone(),
        ]);
    }
    Ok(Answer::data(words::table(&rows)))
}

fn sent_json(item: &v1::SentItem) -> serde_json::Value {
    serde_json::json!({
        "doc_id": item.doc_id, "receiver_doc_id": item.receiver_doc_id,
        "from": item.from, "to": item.to, "kind": words::kind_key(item.kind()),
        "document_id": item.document_id, "notation": item.notation, "subject": item.subject,
        "state": words::state_key(item.state()), "business_status": item.business_status,
        "sent_at": words::moment(item.sent_at), "arrived_at": words::moment(item.arrived_at),
        "updated_at": words::moment(item.updated_at), "refused": item.refused,
        "description": item.description,
    })
}
