//! One answer out of what several processes say: a topology may be spread over any number of them, and whoever
//! types a command need not know which.

use super::Context;
use super::answer::{Exit, Failure};
use super::api;
use super::run_file::Ready;
use http::Method;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What each process answered.
pub(super) type Answers = Vec<(Ready, Result<Value, Failure>)>;

/// The one failure to tell, when nobody did what was asked: the most telling one.
pub(super) fn failure(failures: impl IntoIterator<Item = Failure>) -> Failure {
    let nobody = || Failure::new(Exit::Unreachable, "không ai trả lời", "nobody answered");
    let told = failures.into_iter().min_by_key(rank).unwrap_or_else(nobody);
    if !ELSEWHERE.contains(&&*told.code) {
        return told;
    }
    let (home, data) = (told.detail.clone(), "--data");
    told.help(
        format!("không tiến trình nào ở đây chạy `{home}`: chạy `lienthong up --platform {home}`, hoặc chỉ thư mục của tiến trình đó bằng `{data}`"),
        format!("no process here runs `{home}`: run `lienthong up --platform {home}`, or name the folder of the process that does with `{data}`"),
    )
}

/// The home of a service, and a platform, are platforms of another process.
const ELSEWHERE: [&str; 2] = ["LT-O027", "LT-O015"];
const AXIS_ELSEWHERE: &str = "LT-O014";
const NO_SUCH_SERVICE: &str = "LT-O019";
pub(super) const NO_SUCH_RULE: &str = "LT-O025";

/// Where the work is done knows best why it was not; who is not heard knows least.
fn rank(failure: &Failure) -> u8 {
    match &*failure.code {
        _ if failure.exit == Exit::Unreachable => 3,
        code if code == AXIS_ELSEWHERE || ELSEWHERE.contains(&code) => 1,
        NO_SUCH_SERVICE => 2,
        _ => 0,
    }
}

/// The first answer, or the most telling failure.
pub(super) fn first(answers: Answers) -> Result<Value, Failure> {
    let mut failures = Vec::new();
    for (_, answer) in answers {
        match answer {
            Ok(value) => return Ok(value),
            Err(failure) => failures.push(failure),
        }
    }
    Err(failure(failures))
}

/// What was answered, or the most telling failure when nobody did.
fn answered(answers: Answers) -> Result<Vec<(Ready, Value)>, Failure> {
    let (mut values, mut failures) = (Vec::new(), Vec::new());
    for (ready, answer) in answers {
        match answer {
            Ok(value) => values.push((ready, value)),
            Err(failure) => failures.push(failure),
        }
    }
    if values.is_empty() { Err(failure(failures)) } else { Ok(values) }
}

fn runs(ready: &Ready, platform: &str) -> bool {
    ready.platform(platform).is_some()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn list(value: &Value, name: &str) -> Vec<Value> {
    value.get(name).and_then(Value::as_array).cloned().unwrap_or_default()
}

fn number(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or_default()
}

/// The catalogue: each service as its home has it, where that runs; else as others know it.
pub(super) async fn services(search: &str, context: &Context) -> Result<Value, Failure> {
    let path = format!("/api/v1/services?search={}", api::encoded(search));
    let values = answered(api::ask_each(Method::GET, &path, None, context).await?)?;
    let is_at_home = |ready: &Ready, service: &Value| runs(ready, text(service, "platform"));
    let home_answers = |service: &Value| values.iter().any(|(ready, _)| is_at_home(ready, service));
    let (mut all, mut groups) = (BTreeMap::new(), Value::Null);
    for (ready, value) in &values {
        if groups.is_null() {
            groups = value.get("groups").cloned().unwrap_or_default();
        }
        for service in list(value, "services") {
            if is_at_home(ready, &service) || !home_answers(&service) {
                all.insert(text(&service, "id").to_owned(), service);
            }
        }
    }
    let all: Vec<Value> = all.into_values().collect();
    Ok(serde_json::json!({ "version": 1, "services": all, "groups": groups }))
}

/// One service, as its home has it where that runs.
pub(super) async fn service(path: &str, context: &Context) -> Result<Value, Failure> {
    let values = answered(api::ask_each(Method::GET, path, None, context).await?)?;
    let is_home = |(ready, value): &&(Ready, Value)| {
        value.get("service").is_some_and(|service| runs(ready, text(service, "platform")))
    };
    let found = values.iter().find(is_home).or_else(|| values.first());
    Ok(found.map(|(_, value)| value.clone()).unwrap_or_default())
}

/// The simulated systems. Every process has all of them; one that behaves otherwise in some has a row for each way,
/// and says at which platforms.
pub(super) async fn providers(context: &Context) -> Result<Value, Failure> {
    let values = answered(api::ask_each(Method::GET, "/api/v1/providers", None, context).await?)?;
    let mut all: Vec<(Value, Vec<String>)> = Vec::new();
    for (ready, value) in &values {
        let here = ready.platforms.iter().map(|platform| platform.name.clone());
        for provider in list(value, "providers") {
            match all.iter_mut().find(|(known, _)| *known == provider) {
                Some((_, platforms)) => platforms.extend(here.clone()),
                None => all.push((provider, here.clone().collect())),
            }
        }
    }
    all.sort_by(|(a, _), (b, _)| text(a, "name").cmp(text(b, "name")));
    let names: Vec<String> = all.iter().map(|(one, _)| text(one, "name").to_owned()).collect();
    let differs = |name: &str| names.iter().filter(|known| *known == name).count() > 1;
    let rows = all.into_iter().map(|(mut one, platforms)| {
        if differs(text(&one, "name"))
            && let Some(object) = one.as_object_mut()
        {
            object.insert("platforms".to_owned(), platforms.into());
        }
        one
    });
    let rows: Vec<Value> = rows.collect();
    Ok(serde_json::json!({ "version": 1, "providers": rows }))
}

/// The response rules of a system: each with how often it has answered anywhere.
pub(super) fn rules(answers: Answers) -> Result<Value, Failure> {
    let values = answered(answers)?;
    let (mut all, mut states, mut is_only): (Vec<Value>, _, _) = (Vec::new(), Map::new(), false);
    for (_, value) in &values {
        is_only |= value.get("only") == Some(&Value::Bool(true));
        states.extend(value.get("states").and_then(Value::as_object).cloned().unwrap_or_default());
        for rule in list(value, "rules") {
            let known = all.iter_mut().find(|known| text(known, "id") == text(&rule, "id"));
            let Some(known) = known else {
                all.push(rule);
                continue;
            };
            let count = number(known, "answered") + number(&rule, "answered");
            if let Some(object) = known.as_object_mut() {
                object.insert("answered".to_owned(), count.into());
            }
        }
    }
    let provider = values.first().and_then(|(_, value)| value.get("provider")).cloned();
    Ok(serde_json::json!({
        "version": 1, "provider": provider, "only": is_only, "rules": all, "states": states,
    }))
}

/// Conditions: of a link as the process at its lower end has them, of a platform as its own process does.
pub(super) async fn conditions(context: &Context) -> Result<Value, Failure> {
    let values = answered(api::ask_each(Method::GET, "/api/v1/conditions", None, context).await?)?;
    let merged = |key: &str, name: &str| {
        let (mut all, mut own) = (Vec::<Value>::new(), BTreeSet::new());
        for (ready, value) in &values {
            for one in list(value, key) {
                let named = text(&one, name).to_owned();
                let is_own = runs(ready, &named);
                match all.iter_mut().find(|known| text(known, name) == named) {
                    Some(known) if is_own && !own.contains(&named) => *known = one,
                    Some(_) => {}
                    None => all.push(one),
                }
                if is_own {
                    own.insert(named);
                }
            }
        }
        all
    };
    Ok(serde_json::json!({
        "version": 1, "links": merged("links", "child"), "platforms": merged("platforms", "name"),
    }))
}
