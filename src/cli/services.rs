//! `lienthong services`, `service`, `grant`, `revoke`, `provider`: the call plane as its operator sees it.

use super::answer::{Answer, Failure};
use super::args::{Behave, ProviderCommand, Right, ServiceCommand, Services, TargetWord};
use super::{Context, across, api, rules, words};
use crate::domain::behaviour::{Behaviour, Window};
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;

pub(super) async fn services(given: &Services, context: &Context) -> Result<Answer, Failure> {
    let search = given.search.as_deref().unwrap_or_default();
    let value = across::services(search, context).await?;
    if context.wording.json {
        return Ok(Answer::json(value));
    }
    let all = value.get("services").and_then(Value::as_array).cloned().unwrap_or_default();
    if all.is_empty() {
        let vi = format!("không có dịch vụ nào khớp với `{search}`");
        let en = format!("no service fits `{search}`");
        return Ok(Answer::default().note(context.wording.pick(&vi, &en)));
    }
    let title = context.wording.pick("title_vi", "title_en");
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|service| {
            ["id", "kind", "state", "way", "platform", "target", title]
                .map(|name| text(service, name).to_owned())
                .to_vec()
        })
        .collect();
    Ok(Answer::data(words::table(&rows)))
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn at(service: &str) -> String {
    format!("/api/v1/services/{}", api::encoded(service))
}

pub(super) async fn service(given: &ServiceCommand, context: &Context) -> Result<Answer, Failure> {
    match given {
        ServiceCommand::Show { service } => {
            told(&across::service(&at(service), context).await?, context)
        }
        ServiceCommand::Describe { service } => {
            let known = across::service(&at(service), context).await?;
            let home = known.pointer("/service/platform").and_then(Value::as_str);
            let path = format!("{}/description", at(service));
            let text = api::ask_text(&path, home.unwrap_or_default(), context).await?;
            Ok(Answer::data(format!("{}\n", text.trim_end())))
        }
        ServiceCommand::Register { service, file, description } => {
            let text = std::fs::read_to_string(file).map_err(|e| Failure::file(file, &e))?;
            let mut body: Value = serde_json::from_str(&text).map_err(|error| {
                Failure::usage("tệp không phải là JSON", "the file is not JSON")
                    .detail(error.to_string())
            })?;
            if let Some(file) = description {
                let text = std::fs::read_to_string(file).map_err(|e| Failure::file(file, &e))?;
                if let Some(object) = body.as_object_mut() {
                    object.insert("description".to_owned(), text.into());
                }
            }
            told(&api::ask(Method::PUT, &at(service), Some(&body), context).await?, context)
        }
        ServiceCommand::State { service, state } => {
            let path = format!("{}/state", at(service));
            let body = json!({ "state": state });
            told(&api::ask(Method::PUT, &path, Some(&body), context).await?, context)
        }
        ServiceCommand::Remove { service } => {
            told(&api::ask(Method::DELETE, &at(service), None, context).await?, context)
        }
    }
}

/// Grants or revokes, by `verb`.
pub(super) async fn right(
    given: &Right,
    verb: &'static str,
    context: &Context,
) -> Result<Answer, Failure> {
    let mut body = json!({ "to": given.to });
    if let Some(object) = body.as_object_mut() {
        for (name, value) in [("method", &given.method), ("path", &given.path)] {
            if let Some(value) = value {
                object.insert(name.to_owned(), value.as_str().into());
            }
        }
    }
    let path = format!("{}/{verb}", at(&given.service));
    told(&api::ask(Method::POST, &path, Some(&body), context).await?, context)
}

pub(super) async fn provider(
    given: &ProviderCommand,
    context: &Context,
) -> Result<Answer, Failure> {
    match given {
        ProviderCommand::List => {
            let value = across::providers(context).await?;
            if context.wording.json {
                return Ok(Answer::json(value));
            }
            let all = value.get("providers").and_then(Value::as_array).cloned();
            let rows: Vec<_> =
                all.unwrap_or_default().iter().map(|one| provider_row(one, context)).collect();
            Ok(Answer::data(words::table(&rows)))
        }
        ProviderCommand::Set { service, target, address } => {
            let word = match target {
                TargetWord::Simulated => "simulated",
                TargetWord::Real => "real",
                TargetWord::Record => "record",
            };
            let mut body = json!({ "target": word });
            if let (Some(object), Some(address)) = (body.as_object_mut(), address) {
                object.insert("address".to_owned(), address.as_str().into());
            }
            let path = format!("{}/target", at(service));
            told(&api::ask(Method::PUT, &path, Some(&body), context).await?, context)
        }
        ProviderCommand::Behave(given) => behave(given, context).await,
        ProviderCommand::Rules { name } => rules::list(name, context).await,
        ProviderCommand::Rule(given) => rules::change(given, context).await,
        ProviderCommand::Misses { name } => rules::misses(name, context).await,
    }
}

async fn behave(given: &Behave, context: &Context) -> Result<Answer, Failure> {
    let ms = |span: Option<Duration>| {
        span.map(|span| u32::try_from(span.as_millis()).unwrap_or(u32::MAX))
    };
    let windows: Result<Vec<Window>, _> =
        given.windows.iter().map(|text| Window::try_from(text.clone())).collect();
    let windows = windows.map_err(|_unreadable| {
        Failure::usage("khung giờ viết như 23:00-05:00", "a window is written such as 23:00-05:00")
    })?;
    let wanted = Behaviour {
        latency_ms: ms(given.latency),
        jitter_ms: ms(given.jitter),
        failure: given.failure,
        hangs: given.hangs,
        maintenance: given.maintenance,
        maintenance_windows: windows,
        callers: given.callers.clone(),
        calls_per_minute: given.rate,
        pace: given.pace,
    };
    let body = serde_json::to_value(wanted).unwrap_or_default();
    let path = format!("/api/v1/providers/{}", api::encoded(&given.name));
    let value = api::tell_all(Method::PUT, &path, Some(&body), ("", context)).await?;
    if context.wording.json {
        return Ok(Answer::json(value));
    }
    let one = value.get("provider").cloned().unwrap_or_default();
    Ok(Answer::data(words::table(&[provider_row(&one, context)])))
}

fn provider_row(one: &Value, context: &Context) -> Vec<String> {
    let sure = match text(one, "sureness") {
        "likely" => context.wording.pick("giả định", "assumed"),
        "unsure" => context.wording.pick("chưa chắc", "unsure"),
        _ => "",
    };
    let behaviour = one.get("behaviour").and_then(Value::as_object);
    let set = behaviour.into_iter().flatten().filter(|(_, value)| **value != Value::Bool(false));
    let set: Vec<_> = set.map(|(key, value)| format!("{key}={value}")).collect();
    vec![
        text(one, "name").to_owned(),
        text(one, context.wording.pick("title_vi", "title_en")).to_owned(),
        sure.to_owned(),
        set.join(" "),
        // Only where processes differ.
        one.get("platforms").map_or_else(String::new, joined),
    ]
}

fn joined(words: &Value) -> String {
    let words = words.as_array().into_iter().flatten().filter_map(Value::as_str);
    words.collect::<Vec<_>>().join(", ")
}

fn told(value: &Value, context: &Context) -> Result<Answer, Failure> {
    if context.wording.json {
        return Ok(Answer::json(value.clone()));
    }
    let wording = context.wording;
    let service = value.get("service").unwrap_or(value);
    let number = |name: &str| service.get(name).map(Value::to_string).unwrap_or_default();
    let answered_by = format!("{} {}", text(service, "target"), text(service, "target_name"));
    let mut rows = vec![
        vec![
            text(service, "id").to_owned(),
            text(service, wording.pick("title_vi", "title_en")).to_owned(),
        ],
        vec![wording.pick("trạng thái", "state").to_owned(), text(service, "state").to_owned()],
        vec![
            wording.pick("phiên bản", "version").to_owned(),
            format!("{} ({})", text(service, "version"), text(service, "kind")),
        ],
        vec![
            wording.pick("đặt tại", "home").to_owned(),
            format!("{}, {}", text(service, "platform"), text(service, "way")),
        ],
        vec![wording.pick("hệ thống trả lời", "answered by").to_owned(), answered_by],
        vec![
            wording.pick("giới hạn", "limits").to_owned(),
            format!(
                "timeout_ms={} calls_max={} body_bytes_max={}",
                number("timeout_ms"),
                number("calls_max"),
                number("body_bytes_max")
            ),
        ],
        vec![
            wording.pick("đường dẫn X-Road", "X-Road path").to_owned(),
            text(service, "path").to_owned(),
        ],
    ];
    for right in service.get("rights").and_then(Value::as_array).into_iter().flatten() {
        let one = |name: &str, all: &'static str| match text(right, name) {
            "" => all.to_owned(),
            some => some.to_owned(),
        };
        let words = format!("{} {} {}", text(right, "to"), one("method", "*"), one("path", "**"));
        rows.push(vec![wording.pick("quyền", "right").to_owned(), words]);
    }
    Ok(Answer::data(words::table(&rows)))
}
