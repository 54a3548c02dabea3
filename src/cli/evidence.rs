//! `lienthong calls` and `lienthong evidence`: calls after the fact.

use super::answer::{Answer, Exit, Failure};
use super::args::{Calls, EvidenceCommand};
use super::{Context, api, words};
use crate::clock::Timestamp;
use crate::domain::service::Trouble;
use crate::evidence::{bundle, unbundle};
use crate::operator::calls::verify_all;
use crate::texts;
use http::Method;
use serde_json::Value;
use std::path::Path;

pub(super) async fn calls(given: &Calls, context: &Context) -> Result<Answer, Failure> {
    match &given.id {
        Some(id) => story(id, context).await,
        None => newest(given.limit, context).await,
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn number(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or_default()
}

async fn newest(limit: usize, context: &Context) -> Result<Answer, Failure> {
    let path = format!("/api/v1/calls?limit={limit}");
    let mut all = Vec::new();
    for answer in api::ask_all(Method::GET, &path, None, context).await? {
        all.extend(answer?.get("calls").and_then(Value::as_array).cloned().unwrap_or_default());
    }
    all.sort_by_key(|record| std::cmp::Reverse(number(record, "requestInTs")));
    all.truncate(limit);
    if context.wording.json {
        return Ok(Answer::json(serde_json::json!({ "ok": true, "calls": all })));
    }
    let rows: Vec<Vec<String>> = all.iter().map(newest_row).collect();
    Ok(Answer::data(words::table(&rows)))
}

fn newest_row(record: &Value) -> Vec<String> {
    let took = number(record, "responseOutTs").saturating_sub(number(record, "requestInTs"));
    let client =
        format!("{}:{}", text(record, "clientMemberCode"), text(record, "clientSubsystemCode"));
    let service = format!(
        "{}:{}/{}",
        text(record, "serviceMemberCode"),
        text(record, "serviceSubsystemCode"),
        text(record, "serviceCode")
    );
    let outcome = match text(record, "faultCode") {
        "" => number(record, "statusCode").to_string(),
        code => code.to_owned(),
    };
    vec![
        words::short_moment(Timestamp::from_ms(number(record, "requestInTs")).0),
        text(record, "xRequestId").to_owned(),
        client,
        text(record, "restMethod").to_owned(),
        service,
        outcome,
        format!("{took} ms"),
    ]
}

/// Every hop of a call: who, by which session, how long, how much, what came of it.
pub(super) async fn story(id: &str, context: &Context) -> Result<Answer, Failure> {
    let path = format!("/api/v1/calls/{}", api::encoded(id));
    let (mut hops, mut failed, mut stopped_early) = (Vec::new(), None, false);
    for answer in api::ask_all(Method::GET, &path, None, context).await? {
        match answer {
            Ok(value) => {
                stopped_early |= value.get("stopped_early") == Some(&Value::Bool(true));
                hops.extend(
                    value.get("hops").and_then(Value::as_array).cloned().unwrap_or_default(),
                );
            }
            Err(failure) => failed = Some(failure),
        }
    }
    if hops.is_empty() {
        return Err(failed.unwrap_or_else(super::inbox::no_agency));
    }
    Ok(tell(id, hops, stopped_early, context))
}

/// The hops that all processes know of.
pub(super) fn tell(
    id: &str,
    mut hops: Vec<Value>,
    stopped_early: bool,
    context: &Context,
) -> Answer {
    hops.sort_by_key(in_order);
    if context.wording.json {
        return Answer::json(serde_json::json!({
            "ok": true, "id": id, "hops": hops, "stopped_early": stopped_early,
        }));
    }
    let told: Vec<String> = hops.iter().map(|hop| told(hop, context)).collect();
    Answer::data(told.join("\n"))
}

/// As the call went: of those of one millisecond the caller's platform comes first, the provider's last.
fn in_order(hop: &Value) -> (u64, u8) {
    let place = match text(hop, "securityServerType") {
        "Client" => 0,
        "Relay" => 1,
        _ => 2,
    };
    (number(hop, "requestInTs"), place)
}

fn told(hop: &Value, context: &Context) -> String {
    let wording = context.wording;
    let bold = anstyle::Style::new().bold();
    let (begun, ended) = (number(hop, "requestInTs"), number(hop, "responseOutTs"));
    let out = number(hop, "requestOutTs");
    let inside = number(hop, "responseInTs").saturating_sub(out);
    let total = ended.saturating_sub(begun);
    let mut text_out = format!(
        "{bold}{}{bold:#} {}  {} ms ({} {})\n",
        text(hop, "platform"),
        text(hop, "securityServerType"),
        total,
        words::short_moment(Timestamp::from_ms(begun).0),
        text(hop, "xRequestId"),
    );
    let onward = match text(hop, "wentTo") {
        "" => format!("{} {}", text(hop, "serviceCode"), text(hop, "target")),
        next => format!("{next} {} {}", text(hop, "wentByTls"), text(hop, "way")),
    };
    let outcome = match text(hop, "faultCode") {
        "" => number(hop, "statusCode").to_string(),
        code => {
            let trouble = Trouble::from_code(code);
            let title = trouble.map_or("", |trouble| texts::call_title(trouble, wording.lang));
            format!(
                "{code} {title} ({}: {}) {}",
                text(hop, "faultSide"),
                text(hop, "faultAt"),
                text(hop, "faultString")
            )
        }
    };
    let sizes = |size: &str, hash: &str| {
        let hash = text(hop, hash).get(..12).unwrap_or_default().to_owned();
        format!("{} B {hash}", number(hop, size))
    };
    for (vi, en, value) in [
        ("từ", "from", format!("{} {}", text(hop, "cameFrom"), text(hop, "cameByTls"))),
        ("tới", "to", format!("{onward} {inside} ms")),
        ("yêu cầu", "request", sizes("requestSize", "requestSha256")),
        ("trả lời", "answer", sizes("responseSize", "responseSha256")),
        ("kết quả", "outcome", outcome),
    ] {
        text_out.push_str(&format!("  {:<8} {}\n", wording.pick(vi, en), value.trim_end()));
    }
    text_out
}

pub(super) async fn evidence(
    given: &EvidenceCommand,
    context: &Context,
) -> Result<Answer, Failure> {
    match given {
        EvidenceCommand::Verify => verify(context).await,
        EvidenceCommand::Get { id, output } => download(id, output, context).await,
    }
}

/// What every process holds of one call, in one file.
async fn download(id: &str, output: &Path, context: &Context) -> Result<Answer, Failure> {
    let path = format!("/api/v1/calls/{}/evidence", api::encoded(id));
    let (mut found, mut failed) = (Vec::new(), None);
    for answer in api::ask_bytes_all(&path, context).await? {
        match answer {
            Ok(bytes) => {
                let parts = unbundle(&bytes);
                found.extend(parts.map_err(|error| Failure::file(output, &error))?);
            }
            Err(failure) => failed = Some(failure),
        }
    }
    if found.is_empty() {
        return Err(failed.unwrap_or_else(super::inbox::no_agency));
    }
    let written = bundle(&found).and_then(|bytes| std::fs::write(output, bytes));
    written.map_err(|error| Failure::file(output, &error))?;
    let names: Vec<&str> = found.iter().map(|container| container.name.as_str()).collect();
    if context.wording.json {
        return Ok(Answer::json(serde_json::json!({
            "version": 1, "ok": true, "id": id, "file": output, "containers": names,
        })));
    }
    let lines = names.iter().map(|name| format!("  {name}\n"));
    Ok(Answer::data(format!("{}\n{}", output.display(), lines.collect::<String>())))
}

async fn verify(context: &Context) -> Result<Answer, Failure> {
    let value = match api::ask_all(Method::POST, "/api/v1/evidence/verify", None, context).await {
        // Each process writes out what it holds before it looks, and each sees the whole folder: the last sees all.
        Ok(answers) => answers.into_iter().last().unwrap_or_else(|| offline(context))?,
        Err(failure) if failure.exit == Exit::Unreachable => offline(context)?,
        Err(failure) => return Err(failure),
    };
    let is_clean = value.get("clean").and_then(Value::as_bool).unwrap_or_default();
    let exit_code = if is_clean { Exit::Ok } else { Exit::Failed } as u8;
    if context.wording.json {
        return Ok(Answer { exit_code, ..Answer::json(value) });
    }
    Ok(Answer { exit_code, ..Answer::data(verdict(&value, is_clean, context)) })
}

/// Nothing runs: the files are read here.
fn offline(context: &Context) -> Result<Value, Failure> {
    let folder = context.data.join("evidence");
    let verified = verify_all(&folder, &context.data.join("pki").join("ca.pem"));
    let answer = verified.map_err(|error| Failure::file(&folder, &error))?;
    Ok(serde_json::to_value(answer).unwrap_or_default())
}

fn verdict(value: &Value, is_clean: bool, context: &Context) -> String {
    let wording = context.wording;
    let (mut rows, mut faults) = (Vec::new(), String::new());
    for log in value.get("logs").and_then(Value::as_array).into_iter().flatten() {
        let found = log.get("faults").and_then(Value::as_array).cloned().unwrap_or_default();
        let records = format!("{} {}", number(log, "records"), wording.pick("bản ghi", "records"));
        let signed =
            format!("{} {}", number(log, "signatures"), wording.pick("chữ ký", "signatures"));
        let state =
            if found.is_empty() { "✓".to_owned() } else { format!("✗ {}", found.len()) };
        let since = match text(log, "since") {
            "" => String::new(),
            since => format!("{} {} ({since})", wording.pick("từ", "from"), number(log, "first")),
        };
        rows.push(vec![state, text(log, "platform").to_owned(), records, signed, since]);
        for fault in &found {
            let place = format!(
                "{}/{}:{}",
                text(log, "platform"),
                text(fault, "file"),
                number(fault, "line")
            );
            faults.push_str(&format!("  {place}  {}\n", text(fault, "what")));
        }
    }
    for fault in value.get("cross").and_then(Value::as_array).into_iter().flatten() {
        faults.push_str(&format!("  {}\n", fault.as_str().unwrap_or_default()));
    }
    let said = if is_clean {
        wording.pick("bằng chứng nguyên vẹn", "the evidence is whole")
    } else {
        wording.pick("bằng chứng đã bị động vào", "the evidence was tampered with")
    };
    format!("{}{faults}{said}\n", words::table(&rows))
}

/// What each platform has reported to NDOP, what waits and what was lost.
pub(super) async fn ndop(context: &Context) -> Result<Answer, Failure> {
    let (mut service, mut platforms) = (String::new(), Vec::new());
    for answer in api::ask_all(Method::GET, "/api/v1/ndop", None, context).await? {
        let answer = answer?;
        text(&answer, "service").clone_into(&mut service);
        platforms
            .extend(answer.get("platforms").and_then(Value::as_array).cloned().unwrap_or_default());
    }
    if context.wording.json {
        return Ok(Answer::json(serde_json::json!({
            "ok": true, "service": service, "platforms": platforms,
        })));
    }
    if service.is_empty() {
        return Ok(Answer::default().note(context.wording.pick(
            "cấu hình này không có [ndop]: các lời gọi không được giám sát",
            "this topology has no [ndop]: calls are not observed",
        )));
    }
    let titles = [
        ("nền tảng", "platform"),
        ("bằng chứng", "evidence"),
        ("đã báo", "reported"),
        ("đang chờ", "waiting"),
        ("đã mất", "lost"),
        ("lần lỗi", "failures"),
        ("văn bản", "documents"),
        ("đã báo", "reported"),
        ("", ""),
    ];
    let mut rows = vec![titles.map(|(vi, en)| context.wording.pick(vi, en).to_owned()).to_vec()];
    let is_used = |one: &&Value| number(one, "records") + number(one, "documents") > 0;
    rows.extend(platforms.iter().filter(is_used).map(|one| {
        let waiting = number(one, "records").saturating_sub(number(one, "through"));
        vec![
            text(one, "platform").to_owned(),
            number(one, "records").to_string(),
            number(one, "reported").to_string(),
            waiting.to_string(),
            number(one, "dropped").to_string(),
            number(one, "failures").to_string(),
            number(one, "documents").to_string(),
            number(one, "documents_reported").to_string(),
            text(one, "trouble").to_owned(),
        ]
    }));
    let more = format!(
        "lienthong call {service} '/statistics?by=owner' · lienthong call {service} /documents"
    );
    Ok(Answer::data(words::table(&rows)).note(more))
}
