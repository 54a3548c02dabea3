//! `lienthong explain CODE` and `lienthong completions SHELL`.

use super::answer::{Answer, Failure};
use super::{Context, language, words};
use crate::domain::rejection::Reason;
use crate::texts::{self, Text};
use crate::topology::Code;
use crate::topology::mistake::nearest;

pub(super) fn explain(code: &str, context: &Context) -> Result<Answer, Failure> {
    let lang = words::lang(context.wording);
    let Some(page) = texts::explain(code, lang) else {
        let given = code.trim().to_ascii_uppercase();
        let given = if given.starts_with("LT-") { given } else { format!("LT-{given}") };
        let known = Reason::ALL.iter().map(|reason| reason.code());
        let known = known.chain(Code::ALL.iter().map(|code| code.as_str()));
        let failure = Failure::usage(
            Text::UnknownCode.fill(texts::Lang::Vi, &[("code", &given)]),
            Text::UnknownCode.fill(texts::Lang::En, &[("code", &given)]),
        );
        return Err(failure.meant(nearest(&given, known)));
    };
    let code = code.trim().to_ascii_uppercase();
    let code = if code.starts_with("LT-") { code } else { format!("LT-{code}") };
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
