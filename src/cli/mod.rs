//! One file per command; words the answers, decides nothing.
//!
//! Data goes to stdout, messages to stderr, and `say` is the only place that prints. Every command ends in an
//! `Answer` or a `Failure`, whose exit codes are those of `Exit`.
//!
//! Invariant: commands reach a running process as anybody else does: members over mutual TLS, the operator
//! over the loopback API.

mod across;
mod agencies;
mod answer;
mod api;
pub mod args;
mod call;
mod change;
pub mod check;
mod config;
mod demo;
mod evidence;
mod exchange;
mod explain;
mod flow;
mod get;
mod inbox;
mod language;
mod letter;
mod load;
mod member;
mod operate;
mod pages;
mod pki;
mod rules;
pub mod run_file;
mod say;
mod send;
mod services;
mod signals;
mod start;
mod status;
mod token;
mod trace;
mod units;
mod up;
mod words;

use crate::clock::{Clock, SystemClock};
use crate::domain::calendar;
use crate::providers;
use crate::telemetry::{self, LogFormat};
use crate::topology::{Given, Lang, Style, environment};
use args::{Command, Common, Format};
use clap::FromArgMatches;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

pub use answer::{Answer, Exit, Failure, Wording};
pub use args::Cli;
pub use run_file::Ready;

/// What every command knows.
#[derive(Clone, Debug)]
pub struct Context {
    pub wording: Wording,
    pub is_quiet: bool,
    pub data: PathBuf,
    pub clock: Arc<SystemClock>,
}

impl Context {
    fn new(common: &Common, lang: Lang) -> Self {
        let style = Style { colour: say::has_colour(), ascii: is_ascii() };
        let data = std::path::absolute(&common.data).unwrap_or_else(|_| common.data.clone());
        Self {
            wording: Wording { lang, style, json: common.format == Format::Json },
            is_quiet: common.quiet,
            data,
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// A message, unless nobody wants any.
    fn tell(&self, vi: impl AsRef<str>, en: impl AsRef<str>) {
        if !self.is_quiet {
            say::message(&format!("{}\n", self.wording.pick(vi.as_ref(), en.as_ref())));
        }
    }

    /// What a topology cannot know by itself.
    fn given(&self) -> Given {
        let today = calendar::date_of(self.clock.now());
        Given { today, seed: random(), systems: providers::SYSTEMS }
    }
}

/// 62 random bits.
fn random() -> u64 {
    uuid::Uuid::now_v7().as_u64_pair().1
}

/// Messages are drawn with ASCII where the locale says that nothing else can be shown.
fn is_ascii() -> bool {
    environment::locale().is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        !locale.contains("utf-8") && !locale.contains("utf8")
    })
}

/// A command line that was understood.
#[derive(Clone, Debug)]
pub struct Parsed {
    pub cli: Cli,
    pub context: Context,
}

/// Where the command's name stands, behind options that every command has.
fn command_at(args: &[OsString]) -> Option<usize> {
    const WITH_VALUE: [&str; 6] = ["--lang", "-o", "--format", "--color", "--log", "--data"];
    let mut place = 1;
    loop {
        let word = args.get(place)?.to_str()?;
        if WITH_VALUE.contains(&word) {
            place += 2;
        } else if word.starts_with('-') {
            place += 1;
        } else {
            return Some(place);
        }
    }
}

/// Reads the command line. Help, the version and mistakes are answers.
pub fn parse(mut args: Vec<OsString>) -> Result<Parsed, Answer> {
    let lang = language::chosen(&args);
    // `lienthong help send` is `lienthong send --help`.
    if let Some(place) = command_at(&args)
        && args.get(place).is_some_and(|word| word == "help")
    {
        args.remove(place);
        args.push("--help".into());
    }
    let matched = language::command(lang)
        .try_get_matches_from(&args)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    match matched {
        Ok(cli) => {
            say::choose_colour(cli.common.color);
            let context = Context::new(&cli.common, lang);
            Ok(Parsed { cli, context })
        }
        Err(error) => {
            let text = error.render().ansi().to_string();
            if !error.use_stderr() {
                return Err(Answer::data(text));
            }
            let is_help =
                error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
            let json =
                args.windows(2).any(|pair| matches!(pair, [o, j] if o == "-o" && j == "json"));
            let wording = Wording { lang, json, ..Wording::default() };
            Err(if is_help {
                Answer { stderr: text, exit_code: Exit::Usage as u8, ..Answer::default() }
            } else {
                language::failure(&error).answer(wording)
            })
        }
    }
}

/// Logging to stderr: warnings, or more with `-v`; `LIENTHONG_LOG` has the last word.
pub fn start_log(common: &Common) {
    let level = match (common.quiet, common.verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "info",
        (false, _) => "lienthong=debug,info",
    };
    let filter = environment::variable("LIENTHONG_LOG").unwrap_or_else(|| level.to_owned());
    let format = match common.log {
        Format::Text => LogFormat::Text,
        Format::Json => LogFormat::Json,
    };
    if let Err(error) = telemetry::init(format, &filter, say::has_colour()) {
        say::message(&format!("LIENTHONG_LOG: {}\n", start::chain(&error)));
    }
}

/// Runs one command to its end.
#[expect(clippy::cognitive_complexity, reason = "one arm per command")]
pub async fn run(parsed: Parsed) -> Answer {
    let Parsed { cli, context } = parsed;
    let wording = context.wording;
    let context = &context;
    let ended = match cli.command {
        Command::Demo(given) => Box::pin(demo::demo(&given, context)).await,
        Command::Up(given) => Box::pin(up::up(&given, context)).await,
        Command::Check { file } => Ok(check::check(&file, context.given(), wording)),
        Command::Config(given) => config::config(&given, context),
        Command::Pki(given) => pki::pki(&given, context),
        Command::Send(given) => Box::pin(send::send(&given, context)).await,
        Command::Inbox(given) => Box::pin(inbox::inbox(&given, context)).await,
        Command::Sent(given) => Box::pin(inbox::sent(&given, context)).await,
        Command::Get(given) => Box::pin(get::get(&given, context)).await,
        Command::Confirm(given) => Box::pin(get::confirm(&given, context)).await,
        Command::Status(given) => Box::pin(status::status(&given, context)).await,
        Command::Recall(given) => Box::pin(change::recall(&given, context)).await,
        Command::Update(given) => Box::pin(change::update(&given, context)).await,
        Command::Replace(given) => Box::pin(change::replace(&given, context)).await,
        Command::Trace { id } => Box::pin(trace::trace(&id, context)).await,
        Command::Agencies(given) => Box::pin(agencies::agencies(&given, context)).await,
        Command::Call(given) => Box::pin(call::call(&given, context)).await,
        Command::Token(given) => Box::pin(token::token(&given, context)).await,
        Command::Services(given) => Box::pin(services::services(&given, context)).await,
        Command::Service(given) => Box::pin(services::service(&given, context)).await,
        Command::Grant(given) => Box::pin(services::right(&given, "grant", context)).await,
        Command::Revoke(given) => Box::pin(services::right(&given, "revoke", context)).await,
        Command::Provider(given) => Box::pin(services::provider(&given, context)).await,
        Command::Flow(given) => Box::pin(flow::flow(&given, context)).await,
        Command::Citizen { which } => Box::pin(flow::citizen(which.as_deref(), context)).await,
        Command::Calls(given) => Box::pin(evidence::calls(&given, context)).await,
        Command::Evidence(given) => Box::pin(evidence::evidence(&given, context)).await,
        Command::Ndop => Box::pin(evidence::ndop(context)).await,
        Command::Link(given) => Box::pin(operate::link(&given, context)).await,
        Command::Platform(given) => Box::pin(operate::platform(&given, context)).await,
        Command::Reset => Box::pin(operate::reset(context)).await,
        Command::Agency(given) => Box::pin(operate::agency(&given, context)).await,
        Command::Load(given) => Box::pin(load::load(&given, context)).await,
        Command::Explain { code } => explain::explain(&code, context),
        Command::Completions { shell } => Ok(explain::completions(shell, context)),
    };
    let mut answer = ended.unwrap_or_else(|failure| failure.answer(wording));
    if context.is_quiet {
        answer.notes.clear();
    }
    answer
}

/// Prints an answer and ends with its code.
pub fn end(answer: &Answer) -> ExitCode {
    say::answer(answer);
    ExitCode::from(answer.exit_code)
}

pub fn no_runtime(error: &std::io::Error, parsed: &Parsed) -> Answer {
    Failure::new(Exit::Failed, "hệ điều hành không cho luồng", "the system gives no threads")
        .detail(error.to_string())
        .answer(parsed.context.wording)
}
