//! `lienthong provider rules`, `provider rule put|delete`, `provider misses`: the response rules of simulated systems.

use super::answer::{Answer, Failure};
use super::args::RuleCommand;
use super::{Context, across, api, words};
use http::Method;
use serde_json::Value;
use std::path::Path;

fn at(system: &str, rest: &str) -> String {
    format!("/api/v1/providers/{}/{rest}", api::encoded(system))
}

/// A simulated system is where its service is, and each process has all of them.
async fn everywhere(
    method: Method,
    path: &str,
    body: Option<&Value>,
    context: &Context,
) -> Result<Value, Failure> {
    // A process that started later may lack a rule that others have.
    api::tell_all(method, path, body, (across::NO_SUCH_RULE, context)).await
}

pub(super) async fn list(system: &str, context: &Context) -> Result<Answer, Failure> {
    let answers = api::ask_each(Method::GET, &at(system, "rules"), None, context).await?;
    Ok(told(across::rules(answers)?, context))
}

pub(super) async fn change(given: &RuleCommand, context: &Context) -> Result<Answer, Failure> {
    let name = match given {
        RuleCommand::Put { name, file } => {
            let body = read(file)?;
            let is_set = ["only", "rules", "rule"].iter().any(|key| body.get(key).is_some());
            let id = body.get("id").and_then(Value::as_str).map(api::encoded);
            let path = match id {
                Some(id) if !is_set => at(name, &format!("rules/{id}")),
                Some(_) | None if is_set => at(name, "rules"),
                Some(_) | None => {
                    return Err(Failure::usage(
                        "tệp không có `id` của một quy tắc, cũng không có danh sách `rule`",
                        "the file has neither the `id` of one rule nor a list `rule`",
                    ));
                }
            };
            everywhere(Method::PUT, &path, Some(&body), context).await?;
            name
        }
        RuleCommand::Delete { name, id } => {
            let path = match id {
                Some(id) => at(name, &format!("rules/{}", api::encoded(id))),
                None => at(name, "rules"),
            };
            everywhere(Method::DELETE, &path, None, context).await?;
            name
        }
    };
    list(name, context).await
}

/// A file of TOML, or of JSON when its name ends so.
fn read(file: &Path) -> Result<Value, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| Failure::file(file, &error))?;
    let is_json = file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    let read = if is_json {
        serde_json::from_str(&text).map_err(|error| error.to_string())
    } else {
        toml::from_str(&text).map_err(|error| error.to_string())
    };
    read.map_err(|why| {
        let (vi, en) = if is_json {
            ("tệp không phải là JSON", "the file is not JSON")
        } else {
            ("tệp không phải là TOML", "the file is not TOML")
        };
        Failure::usage(vi, en).detail(why)
    })
}

fn told(value: Value, context: &Context) -> Answer {
    if context.wording.json {
        return Answer::json(value);
    }
    let rules = value.get("rules").and_then(Value::as_array).cloned().unwrap_or_default();
    if rules.is_empty() {
        let none = ("hệ thống không có quy tắc trả lời nào", "the system has no response rules");
        return Answer::default().note(context.wording.pick(none.0, none.1));
    }
    let mut rows: Vec<_> = rules.iter().map(|rule| row(rule, context)).collect();
    for (name, state) in value.get("states").and_then(Value::as_object).into_iter().flatten() {
        let word = context.wording.pick("trạng thái", "state");
        rows.push(vec![
            word.to_owned(),
            format!("{name} = {}", state.as_str().unwrap_or_default()),
        ]);
    }
    let answer = Answer::data(words::table(&rows));
    if value.get("only") == Some(&Value::Bool(true)) {
        let only = (
            "chỉ trả lời theo quy tắc: lời gọi không khớp được trả lời bằng các quy tắc gần nhất",
            "answers by rules only: a call that fits none is answered with the nearest",
        );
        return answer.note(context.wording.pick(only.0, only.1));
    }
    answer
}

fn row(view: &Value, context: &Context) -> Vec<String> {
    let rule = view.get("rule").cloned().unwrap_or_default();
    let number = |name: &str| view.get(name).map(Value::to_string).unwrap_or_default();
    let part = |part: &str, key: &str| {
        let value = rule.get(part).and_then(|inner| inner.get(key));
        value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let when = [part("when", "method"), part("when", "path")];
    let status = Some(part("then", "status").unwrap_or_else(|| "200".to_owned()));
    let then =
        [status, part("then", "fault"), part("then", "delay_ms").map(|ms| format!("{ms}ms"))];
    let joined =
        |words: &[Option<String>]| words.iter().flatten().cloned().collect::<Vec<_>>().join(" ");
    let answered = context.wording.pick("lần", "answered");
    vec![
        view.get("id").and_then(Value::as_str).unwrap_or_default().to_owned(),
        number("order"),
        joined(&when),
        format!("→ {}", joined(&then)),
        format!("{} {answered}", number("answered")),
    ]
}

pub(super) async fn misses(system: &str, context: &Context) -> Result<Answer, Failure> {
    let path = at(system, "misses");
    let answers = api::ask_all(Method::GET, &path, None, context).await?;
    let values = answers.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut all: Vec<Value> = values
        .iter()
        .filter_map(|value| value.get("misses").and_then(Value::as_array))
        .flatten()
        .cloned()
        .collect();
    all.sort_by_cached_key(|miss| std::cmp::Reverse(text(miss, "at")));
    if context.wording.json {
        return Ok(Answer::json(serde_json::json!({ "provider": system, "misses": all })));
    }
    if all.is_empty() {
        let none = ("không có lời gọi nào trượt các quy tắc", "no call has missed the rules");
        return Ok(Answer::default().note(context.wording.pick(none.0, none.1)));
    }
    Ok(Answer::data(all.iter().map(|miss| missed(miss, context)).collect::<String>()))
}

fn missed(miss: &Value, context: &Context) -> String {
    let parts = ["at", "method", "path", "caller", "correlation_id"].map(|name| text(miss, name));
    let mut told = format!("{}\n", parts.join("  "));
    let lists = |value: &Value, name: &str| {
        value.get(name).and_then(Value::as_array).cloned().unwrap_or_default()
    };
    for near in lists(miss, "nearest") {
        told.push_str(&format!("  ≈ {}\n", text(&near, "rule")));
        for one in lists(&near, "differences") {
            let (expected, got) = (text(&one, "expected"), text(&one, "got"));
            let (wanted, had) = context.wording.pick(("cần", "nhận"), ("expected", "got"));
            let what = text(&one, "criterion");
            told.push_str(&format!("      {what}: {wanted} {expected}, {had} {got}\n"));
        }
    }
    told
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}
