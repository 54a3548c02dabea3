//! The language of help and of usage errors, which must be known before the command line is read.

use super::answer::Failure;
use super::args::Cli;
use crate::topology::mistake::nearest;
use crate::topology::{Lang, environment};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory};
use std::ffi::OsString;

/// `--lang`, else `LIENTHONG_LANG`, else the locale, else Vietnamese.
pub(super) fn chosen(args: &[OsString]) -> Lang {
    let mut words = args.iter().filter_map(|arg| arg.to_str());
    let mut flag = None;
    while let Some(word) = words.next() {
        if word == "--lang" {
            flag = words.next();
        } else if let Some(value) = word.strip_prefix("--lang=") {
            flag = Some(value);
        }
    }
    flag.and_then(named)
        .or_else(|| environment::variable("LIENTHONG_LANG").as_deref().and_then(named))
        .or_else(|| environment::locale().as_deref().and_then(named))
        .unwrap_or_default()
}

/// `vi`, `en`, or a locale that begins so.
fn named(text: &str) -> Option<Lang> {
    match text.split(['_', '-', '.']).next()?.to_ascii_lowercase().as_str() {
        "vi" => Some(Lang::Vi),
        "en" => Some(Lang::En),
        _ => None,
    }
}

/// The command line with its help in one language.
pub(super) fn command(lang: Lang) -> Command {
    localized(Cli::command(), lang)
}

fn localized(command: Command, lang: Lang) -> Command {
    let about = command.get_about().map(|text| half(&text.to_string(), lang));
    let examples = command.get_before_help().map(ToString::to_string);
    let mut command = command;
    if let Some(about) = about {
        command = command.about(about);
    }
    if let Some(examples) = examples {
        let title = pick(lang, "Ví dụ", "Examples");
        let lines = examples.lines().map(|line| format!("  {line}\n"));
        command = command.before_help(format!("{title}:\n{}", lines.collect::<String>()));
    }
    command = command
        .subcommand_help_heading(pick(lang, "Lệnh", "Commands"))
        .subcommand_value_name(pick(lang, "LỆNH", "COMMAND"))
        .help_template(format!(
            "{{before-help}}{{about-with-newline}}\n{}: {{usage}}\n\n{{all-args}}{{after-help}}",
            pick(lang, "Cách dùng", "Usage")
        ))
        .mut_args(|arg| localized_arg(arg, lang));
    command.mut_subcommands(|inner| localized(inner, lang))
}

fn localized_arg(arg: Arg, lang: Lang) -> Arg {
    let heading = if arg.is_positional() {
        pick(lang, "Tham số", "Arguments")
    } else if arg.is_global_set() {
        pick(lang, "Tùy chọn chung", "Common options")
    } else {
        pick(lang, "Tùy chọn", "Options")
    };
    let mut help = arg.get_help().map(|text| half(&text.to_string(), lang)).unwrap_or_default();
    if !arg.get_action().takes_values() {
        return arg.help(help).help_heading(heading);
    }
    let defaults: Vec<_> =
        arg.get_default_values().iter().filter_map(|value| value.to_str()).collect();
    if !defaults.concat().is_empty() {
        let word = pick(lang, "mặc định", "default");
        help.push_str(&format!(" [{word}: {}]", defaults.join(", ")));
    }
    arg.help(help).help_heading(heading).hide_default_value(true).hide_possible_values(true)
}

fn half(text: &str, lang: Lang) -> String {
    match text.split_once(" | ") {
        Some((vi, en)) => pick(lang, vi, en).trim().to_owned(),
        None => text.to_owned(),
    }
}

pub(super) const fn pick<'a>(lang: Lang, vi: &'a str, en: &'a str) -> &'a str {
    match lang {
        Lang::Vi => vi,
        Lang::En => en,
    }
}

/// What is wrong with a command line, in both languages.
#[expect(clippy::wildcard_enum_match_arm, reason = "clap's list of errors is open")]
pub(super) fn failure(error: &clap::Error) -> Failure {
    let of = |kind| error.get(kind).map(text_of).unwrap_or_default();
    let (given, arg) = (of(ContextKind::InvalidValue), of(ContextKind::InvalidArg));
    let failure = match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let name = of(ContextKind::InvalidSubcommand);
            Failure::usage(
                format!("không có lệnh `{name}`"),
                format!("there is no command `{name}`"),
            )
        }
        ErrorKind::UnknownArgument => Failure::usage(
            format!("không có tham số `{arg}`"),
            format!("there is no argument `{arg}`"),
        ),
        ErrorKind::MissingRequiredArgument => {
            Failure::usage(format!("thiếu {arg}"), format!("{arg} is missing"))
        }
        ErrorKind::InvalidValue if given.is_empty() => {
            Failure::usage(format!("`{arg}` thiếu giá trị"), format!("`{arg}` lacks a value"))
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let why = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            Failure::usage(
                format!("`{given}` không hợp lệ cho {arg}"),
                format!("`{given}` is no good for {arg}"),
            )
            .both_details(&why)
        }
        ErrorKind::ArgumentConflict => {
            let other = of(ContextKind::PriorArg);
            Failure::usage(
                format!("`{arg}` không đi cùng `{other}`"),
                format!("`{arg}` cannot be used with `{other}`"),
            )
        }
        _ => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            let line = line.strip_prefix("error: ").unwrap_or(line).to_owned();
            Failure::usage(format!("dòng lệnh sai: {line}"), line)
        }
    };
    let near =
        [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue]
            .into_iter()
            .find_map(|kind| error.get(kind).map(text_of).filter(|text| !text.is_empty()));
    let valid = of(ContextKind::ValidValue);
    match near {
        Some(near) => failure.meant(near.split(", ").next()),
        None if !valid.is_empty() => {
            failure.help(format!("các giá trị hợp lệ: {valid}"), format!("valid: {valid}"))
        }
        None if error.kind() == ErrorKind::InvalidSubcommand => {
            let name = of(ContextKind::InvalidSubcommand);
            let command = Cli::command();
            let names = command.get_subcommands().map(Command::get_name);
            let near = nearest(&name, names.chain(std::iter::once("help")));
            failure.help("xem `lienthong --help`", "see `lienthong --help`").meant_too(near)
        }
        None if failure.help.is_none() => {
            failure.help("xem `lienthong --help`", "see `lienthong --help`")
        }
        None => failure,
    }
}

impl Failure {
    /// As `meant`, but keeps the help where nothing is near.
    fn meant_too(self, near: Option<&str>) -> Self {
        if near.is_some() { self.meant(near) } else { self }
    }

    /// A reason that a value parser gives, in both languages with ` | ` in between.
    fn both_details(self, why: &str) -> Self {
        if why.is_empty() {
            return self;
        }
        self.help(half(why, Lang::Vi), half(why, Lang::En))
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the rest has no text, and clap's list is open")]
fn text_of(value: &ContextValue) -> String {
    match value {
        ContextValue::String(text) => text.clone(),
        ContextValue::Strings(all) => all.join(", "),
        ContextValue::StyledStr(text) => text.to_string(),
        ContextValue::StyledStrs(all) => {
            all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_help(command: &Command, texts: &mut Vec<String>) {
        texts.extend(command.get_about().map(ToString::to_string));
        let helps = command.get_arguments().filter_map(|arg| arg.get_help());
        texts.extend(helps.map(ToString::to_string));
        command.get_subcommands().for_each(|inner| every_help(inner, texts));
    }

    #[test]
    fn every_help_text_has_both_languages() {
        let mut texts = Vec::new();
        every_help(&Cli::command(), &mut texts);
        assert!(texts.len() > 60, "{}", texts.len());
        for text in texts {
            assert_eq!(text.matches(" | ").count(), 1, "{text}");
        }
    }

    #[test]
    fn help_begins_with_examples_in_the_language_asked_for() {
        for (lang, head, usage) in
            [(Lang::Vi, "Ví dụ:", "Cách dùng:"), (Lang::En, "Examples:", "Usage:")]
        {
            let mut command = command(lang);
            command.build();
            let help = command.find_subcommand_mut("send").unwrap().render_help().to_string();
            assert!(help.starts_with(head) && help.contains(usage), "{help}");
        }
        command(Lang::Vi).debug_assert();
    }

    #[test]
    fn the_flag_wins_over_everything() {
        let args = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        assert_eq!(chosen(&args(&["lienthong", "--lang", "en", "up"])), Lang::En);
        assert_eq!(chosen(&args(&["lienthong", "up", "--lang=vi"])), Lang::Vi);
        assert_eq!(named("en_GB.UTF-8"), Some(Lang::En));
        assert_eq!(named("C.UTF-8"), None);
    }
}
