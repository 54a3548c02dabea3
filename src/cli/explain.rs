//! `lienthong explain CODE` and `lienthong completions SHELL`.

use super::answer::{Answer, Failure};
use super::{Context, language, pages};
use crate::domain::rejection::Reason;
use crate::texts::{self, Text};
use crate::topology::mistake::nearest;

pub(super) fn explain(code: &str, context: &Context) -> Result<Answer, Failure> {
    let lang = context.wording.lang;
    let code = code.trim().to_ascii_uppercase();
    let code = if code.starts_with("LT-") { code } else { format!("LT-{code}") };
    let Some(page) = texts::explain(&code, lang) else {
        return match pages::page(&code, context.wording.lang) {
            Some(page) => Ok(short(&code, page, context)),
            None => Err(unknown(&code)),
        };
    };
    if context.wording.json {
        return Ok(Answer::json(serde_json::json!({
            "version": 1, "ok": true, "code": code, "title": page.title, "cause": page.cause,
            "example": page.example, "fix": page.fix,
        })));
    }
    let bold = anstyle::Style::new().bold();
    let mut text = format!("{bold}{code}{bold:#}  {}\n", page.title);
    for (key, part) in
        [(Text::Cause, page.cause), (Text::Example, page.example), (Text::Fix, page.fix)]
    {
        text.push_str(&format!("\n{bold}{}{bold:#}\n  {part}\n", texts::text(key, lang)));
    }
    Ok(Answer::data(text))
}

fn short(code: &str, page: pages::ShortPage, context: &Context) -> Answer {
    if context.wording.json {
        return Answer::json(serde_json::json!({
            "version": 1, "ok": true, "code": code, "title": page.title, "fix": page.fix,
        }));
    }
    let bold = anstyle::Style::new().bold();
    let fix = texts::text(Text::Fix, context.wording.lang);
    let (title, how) = (page.title, page.fix);
    Answer::data(format!("{bold}{code}{bold:#}  {title}\n\n{bold}{fix}{bold:#}\n  {how}\n"))
}

fn unknown(code: &str) -> Failure {
    let refusals = Reason::ALL.iter().map(|reason| reason.code());
    Failure::usage(
        Text::UnknownCode.fill(texts::Lang::Vi, &[("code", &code)]),
        Text::UnknownCode.fill(texts::Lang::En, &[("code", &code)]),
    )
    .meant(nearest(code, refusals.chain(pages::codes())))
}

pub(super) fn completions(shell: clap_complete::Shell, context: &Context) -> Answer {
    let mut command = language::command(context.wording.lang);
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "lienthong", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    if context.wording.json {
        return Answer::json(serde_json::json!({
            "version": 1, "ok": true, "shell": shell.to_string(), "script": script,
        }));
    }
    Answer::data(script)
}
