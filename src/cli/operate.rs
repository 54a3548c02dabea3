//! `lienthong link`, `platform`, `reset`, `agency`: what an operator changes while it runs.

use super::answer::{Answer, Failure};
use super::{Context, Wording, across, api, args};
use crate::domain::conditions::{LinkConditions, PlatformConditions};
use http::Method;
use serde_json::Value;
use std::time::Duration;

pub(super) async fn link(given: &args::Link, context: &Context) -> Result<Answer, Failure> {
    match given {
        args::Link::Show { child: None } => show_all("links", context).await,
        args::Link::Show { child: Some(child) } => {
            let path = format!("/api/v1/conditions/links/{}", api::encoded(child));
            told(&api::ask(Method::GET, &path, None, context).await?, context.wording)
        }
        args::Link::Set(set) => {
            let ms = |span: Option<Duration>| {
                span.map(|span| u32::try_from(span.as_millis()).unwrap_or(u32::MAX))
            };
            let wanted = LinkConditions {
                latency_ms: ms(set.latency),
                jitter_ms: ms(set.jitter),
                loss: set.loss,
                bandwidth_bytes_per_s: set.bandwidth,
                down: set.down,
            };
            let path = format!("/api/v1/conditions/links/{}", api::encoded(&set.child));
            put(&path, &wanted, context).await
        }
    }
}

pub(super) async fn platform(
    given: &args::PlatformCommand,
    context: &Context,
) -> Result<Answer, Failure> {
    match given {
        args::PlatformCommand::Show { name: None } => show_all("platforms", context).await,
        args::PlatformCommand::Show { name: Some(name) } => {
            let path = format!("/api/v1/conditions/platforms/{}", api::encoded(name));
            told(&api::ask(Method::GET, &path, None, context).await?, context.wording)
        }
        args::PlatformCommand::Set(set) => {
            let wanted = PlatformConditions {
                workers: set.workers,
                documents_per_s: set.documents_per_s,
                calls_per_s: set.calls_per_s,
                queue: set.queue,
                maintenance: set.maintenance,
            };
            let path = format!("/api/v1/conditions/platforms/{}", api::encoded(&set.name));
            put(&path, &wanted, context).await
        }
    }
}

/// Each process enforces what its own side of a link does, so all are told; one that took it is enough.
async fn put(
    path: &str,
    wanted: &impl serde::Serialize,
    context: &Context,
) -> Result<Answer, Failure> {
    let body = serde_json::to_value(wanted).unwrap_or_default();
    told(&api::ask(Method::PUT, path, Some(&body), context).await?, context.wording)
}

pub(super) async fn reset(context: &Context) -> Result<Answer, Failure> {
    api::tell_all(Method::POST, "/api/v1/conditions/reset", None, ("", context)).await?;
    let value = across::conditions(context).await?;
    if context.wording.json {
        return Ok(Answer::json(value));
    }
    let done = context.wording.pick(
        "mọi điều kiện đã về như tệp cấu hình\n",
        "all conditions are what the file says again\n",
    );
    Ok(Answer::data(done))
}

pub(super) async fn agency(
    given: &args::AgencyCommand,
    context: &Context,
) -> Result<Answer, Failure> {
    let (code, verb) = match given {
        args::AgencyCommand::Lock { code } => (code, "lock"),
        args::AgencyCommand::Unlock { code } => (code, "unlock"),
    };
    let code = super::inbox::parse(code)?;
    let path = format!("/api/v1/agencies/{code}/{verb}");
    let value = api::ask(Method::POST, &path, None, context).await?;
    if context.wording.json {
        return Ok(Answer::json(value));
    }
    let said = match (verb, context.wording.lang) {
        ("lock", crate::topology::Lang::Vi) => "đã khóa",
        ("lock", crate::topology::Lang::En) => "locked",
        (_, crate::topology::Lang::Vi) => "đã mở khóa",
        (_, crate::topology::Lang::En) => "unlocked",
    };
    Ok(Answer::data(format!("{code}  {said}\n")))
}

async fn show_all(key: &str, context: &Context) -> Result<Answer, Failure> {
    let value = across::conditions(context).await?;
    if context.wording.json {
        return Ok(Answer::json(value));
    }
    let all = value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    Ok(Answer::data(super::words::table(
        &all.iter().map(|one| row(one, context.wording)).collect::<Vec<_>>(),
    )))
}

fn told(value: &Value, wording: Wording) -> Result<Answer, Failure> {
    if wording.json {
        return Ok(Answer::json(value.clone()));
    }
    let one = value.get("link").or_else(|| value.get("platform")).unwrap_or(value);
    Ok(Answer::data(super::words::table(&[row(one, wording)])))
}

/// `lgsp-h60 → axis  latency_ms=200 loss=0.01  (changed)`.
fn row(one: &Value, wording: Wording) -> Vec<String> {
    let text = |key: &str| one.get(key).and_then(Value::as_str).unwrap_or_default();
    let name = match text("child") {
        "" => text("name").to_owned(),
        child => format!("{child} → {}", text("parent")),
    };
    let conditions = one.get("conditions").and_then(Value::as_object);
    let set = conditions.into_iter().flatten().filter(|(_, value)| **value != Value::Bool(false));
    let set: Vec<_> = set.map(|(key, value)| format!("{key}={value}")).collect();
    let set = if set.is_empty() {
        wording.pick("lý tưởng", "ideal").to_owned()
    } else {
        set.join(" ")
    };
    let changed = one.get("changed").and_then(Value::as_bool).unwrap_or_default();
    let changed = if changed { wording.pick("(khác tệp)", "(not as in the file)") } else { "" };
    vec![name, set, changed.to_owned()]
}
