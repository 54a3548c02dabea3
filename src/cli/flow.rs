//! `lienthong flow` and `lienthong citizen`: flows across parties, run here as the agencies' own systems would, and the
//! invented people whom they are about.

use super::answer::{Answer, Exit, Failure};
use super::args::{FlowCommand, RunFlow};
use super::member::{Country as Members, tls_client};
use super::run_file::MemberEntry;
use super::{Context, across, api, random, say, words};
use crate::actors::flows::{self, Country, Line, Papers, Players};
use crate::clock::Timestamp;
use crate::domain::agency::AgencyCode;
use crate::domain::member_id::MemberId;
use crate::operator::fault::Problem;
use crate::providers::population::{Date, Population};
use crate::story::flow::{Flow, Kind, Party, State, Step, StepState};
use crate::story::flows::{Folder, Held};
use crate::texts::Lang;
use crate::tls::Alpn;
use http::Method;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub(super) async fn flow(given: &FlowCommand, context: &Context) -> Result<Answer, Failure> {
    let folder = Folder::below(&context.data);
    match given {
        FlowCommand::Run(given) => begin(given, &folder, context).await,
        FlowCommand::Resume { id, patience } => {
            let taken = folder.take(id).map_err(|error| not_taken(id, &error))?;
            if taken.0.state == State::Refused {
                return Err(over(&taken.0));
            }
            let country = country(taken.0.parties.values(), &folder, *patience, context).await?;
            finish(taken, &country, context).await
        }
        FlowCommand::Show { id } => Ok(tell(&load(&folder, id)?, context)),
        FlowCommand::List => {
            let flows = folder.all().map_err(|error| unreadable(&error))?;
            if context.wording.json {
                return Ok(Answer::json(serde_json::json!({ "ok": true, "flows": flows })));
            }
            let rows: Vec<_> = flows.iter().map(|flow| row(flow, context.wording.lang)).collect();
            Ok(Answer::data(words::table(&rows)))
        }
    }
}

/// Every step of a flow.
pub(super) fn tell(flow: &Flow, context: &Context) -> Answer {
    if context.wording.json {
        return Answer::json(serde_json::json!({ "ok": true, "flow": flow }));
    }
    Answer::data(text(flow, context))
}

/// An invented citizen, as every simulated database knows them.
pub(super) async fn citizen(which: Option<&str>, context: &Context) -> Result<Answer, Failure> {
    let which = match which {
        Some(which) => which.to_owned(),
        None => {
            let about = api::ask(Method::GET, "/api/v1/population", None, context).await?;
            let people = about.get("people").and_then(Value::as_u64).unwrap_or(1).max(1);
            (random() % people).to_string()
        }
    };
    let path = format!("/api/v1/citizens/{}", api::encoded(&which));
    let value = api::ask(Method::GET, &path, None, context).await?;
    if context.wording.json {
        return Ok(Answer::json(value));
    }
    let citizen = value.get("citizen").and_then(Value::as_object).cloned().unwrap_or_default();
    let rows: Vec<Vec<String>> = citizen
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            vec![name.clone(), text]
        })
        .collect();
    Ok(Answer::data(words::table(&rows)))
}

async fn begin(given: &RunFlow, folder: &Folder, context: &Context) -> Result<Answer, Failure> {
    let kind = Kind::parse(&given.kind).ok_or_else(|| {
        let all = Kind::ALL.map(Kind::name).join(", ");
        Failure::usage(
            format!("không có luồng `{}`; có: {all}", given.kind),
            format!("no flow `{}`; there are: {all}", given.kind),
        )
    })?;
    let members = Members::find(context)?;
    let players = players(&members, given.from.as_deref(), context).await?;
    let country = country(players.all(), folder, given.patience, context).await?;
    let population = population(context).await?;
    let seed = given.seed.unwrap_or_else(random);
    let flow = flows::begin(kind, &players, &country, &population, seed);
    let flow = flow.map_err(|why| Failure::usage(why.text(Lang::Vi), why.text(Lang::En)))?;
    folder.prune().map_err(|error| unreadable(&error))?;
    let held = folder.hold(&flow.id).map_err(|error| not_taken(&flow.id, &error))?;
    finish((flow, held), &country, context).await
}

/// Runs it before the user's eyes.
async fn finish(
    (flow, _held): (Flow, Held),
    country: &Country,
    context: &Context,
) -> Result<Answer, Failure> {
    let lang = context.wording.lang;
    context.tell(
        format!("{} {}", flow.kind.title(lang), flow.id),
        format!("{} {}", flow.kind.title(lang), flow.id),
    );
    let mut shown = BTreeMap::new();
    let is_quiet = context.is_quiet || context.wording.json;
    let mut watcher = |flow: &Flow| {
        let Some(step) = flow.steps.last().filter(|_| !is_quiet) else { return };
        let now = (step.state, step.why.clone());
        if step.state == StepState::Asking || shown.get(&step.name) == Some(&now) {
            return;
        }
        shown.insert(step.name.clone(), now);
        say::message(&format!("{}\n", line(flow.steps.len(), step, lang)));
    };
    let flow = Box::pin(flows::run(flow, country, &mut watcher)).await;
    let exit = if flow.state == State::Done { Exit::Ok } else { Exit::Failed };
    let answer = if context.wording.json {
        Answer::json(serde_json::json!({ "ok": exit == Exit::Ok, "flow": flow }))
    } else {
        Answer::data(ending(&flow, context))
    };
    Ok(Answer { exit_code: exit as u8, ..answer })
}

fn line(number: usize, step: &Step, lang: Lang) -> String {
    let why = if step.why.is_empty() { String::new() } else { format!(" — {}", step.why) };
    format!("{number:>3}. {} [{}]: {}{why}", step.title(lang), step.service, step.state.title(lang))
}

fn ending(flow: &Flow, context: &Context) -> String {
    let lang = context.wording.lang;
    let more = context.wording.pick("mọi lời gọi", "every call");
    let mut text = format!("{} {}: {}\n", flow.id, flow.kind.name(), flow.state.title(lang));
    if let Some(outcome) = flow.outcome.as_object() {
        for (name, value) in outcome {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            text.push_str(&format!("  {name}: {value}\n"));
        }
    }
    if flow.state == State::Stopped {
        let at = flow.at().map(|step| line(flow.steps.len(), step, lang)).unwrap_or_default();
        let again = context.wording.pick("chạy tiếp", "go on");
        text.push_str(&format!("{at}\n  {again}: lienthong flow resume {}\n", flow.id));
    }
    text.push_str(&format!("  {more}: lienthong calls {}\n", flow.id));
    text
}

fn text(flow: &Flow, context: &Context) -> String {
    let lang = context.wording.lang;
    let rows: Vec<Vec<String>> = flow
        .steps
        .iter()
        .map(|step| {
            vec![
                words::short_moment(Timestamp::from_ms(step.began_ms).0),
                step.role.clone(),
                step.service.clone(),
                step.title(lang).to_owned(),
                step.state.title(lang).to_owned(),
                step.message_id.clone(),
                step.why.clone(),
            ]
        })
        .collect();
    format!("{}{}", words::table(&rows), ending(flow, context))
}

fn row(flow: &Flow, lang: Lang) -> Vec<String> {
    vec![
        words::short_moment(Timestamp::from_ms(flow.began_ms).0),
        flow.id.clone(),
        flow.kind.name().to_owned(),
        flow.state.title(lang).to_owned(),
        flow.at().map(|step| step.title(lang).to_owned()).unwrap_or_default(),
    ]
}

fn load(folder: &Folder, id: &str) -> Result<Flow, Failure> {
    folder.load(id).map_err(|error| not_taken(id, &error))
}

fn not_taken(id: &str, error: &std::io::Error) -> Failure {
    let kind = error.kind();
    if kind == std::io::ErrorKind::NotFound {
        return Failure::usage(format!("không có luồng `{id}`"), format!("no flow `{id}`"))
            .help("xem: lienthong flow list", "see: lienthong flow list");
    }
    if kind == std::io::ErrorKind::WouldBlock {
        return Failure::usage(
            format!("luồng `{id}` đang chạy ở nơi khác"),
            format!("the flow `{id}` runs elsewhere"),
        );
    }
    unreadable(error)
}

fn over(flow: &Flow) -> Failure {
    let (problem, kind) = (Problem::FlowRefused, flow.kind.name());
    let why = flow.steps.iter().rev().find(|step| step.state == StepState::Refused);
    let why = why.map_or_else(String::new, |step| step.why.clone());
    Failure::new(Exit::Refused, problem.vi(), problem.en()).code(problem.code()).detail(why).help(
        format!("bắt đầu hồ sơ khác: lienthong flow run {kind}"),
        format!("begin another: lienthong flow run {kind}"),
    )
}

fn unreadable(error: &std::io::Error) -> Failure {
    Failure::new(Exit::Failed, "không đọc được thư mục luồng", "the folder of flows cannot be read")
        .detail(error.to_string())
}

/// Who plays: the first province that has a member, or who is named; the Government Office; up to three ministries.
async fn players(
    members: &Members,
    from: Option<&str>,
    context: &Context,
) -> Result<Players, Failure> {
    let heads = members.members().filter_map(|member| {
        let codes = member.agencies.iter().filter_map(|code| AgencyCode::parse(code).ok());
        unnamed(member, codes.into_iter().find(|code| code.level() == 1)?).ok()
    });
    let mut players = Players::among(heads);
    if let Some(from) = from {
        let code = super::inbox::parse(from)?;
        let able = members.able(&super::args::Actor { actor: None }, Some(&code))?;
        let member = able.first().ok_or_else(super::inbox::no_agency)?;
        let own = member.agencies.first().and_then(|own| AgencyCode::parse(own).ok());
        players.office = Some(unnamed(member, own.unwrap_or(code))?);
    }
    for party in players.all_mut() {
        let path = format!("/api/v1/agencies/{}", party.agency.as_str());
        let told = api::ask(Method::GET, &path, None, context).await?;
        if let Some(name) = told.pointer("/agency/name_vi").and_then(Value::as_str) {
            name.clone_into(&mut party.name);
        }
    }
    Ok(players)
}

/// By its code alone.
fn unnamed(member: &MemberEntry, agency: AgencyCode) -> Result<Party, Failure> {
    Ok(Party { member: member_id(&member.id)?, agency, name: agency.as_str().to_owned() })
}

fn member_id(id: &str) -> Result<MemberId, Failure> {
    MemberId::parse(id).map_err(|error| {
        Failure::new(
            Exit::Failed,
            format!("mã `{id}` không đọc được"),
            format!("`{id}` cannot be read"),
        )
        .detail(error.to_string())
    })
}

async fn country(
    parties: impl Iterator<Item = &Party>,
    folder: &Folder,
    patience: Duration,
    context: &Context,
) -> Result<Country, Failure> {
    let members = Members::find(context)?;
    let mut lines = BTreeMap::new();
    for party in parties {
        let id = party.member.to_string();
        let entry = members.members().find(|member| member.id == id).ok_or_else(|| {
            Failure::usage(format!("`{id}` không chạy"), format!("`{id}` does not run"))
        })?;
        let (ready, address) = members.door(entry)?;
        let client = Arc::new(tls_client(ready, entry, &context.clock, Alpn::Http2)?);
        let papers = Papers::read(&entry.key, &entry.cert, &ready.ca).map_err(|error| {
            Failure::new(Exit::Failed, "không ký được", "it cannot be signed")
                .detail(super::start::chain(&error))
        })?;
        let line = Line::new(&context.clock, (client, papers), party.member.clone(), address);
        lines.insert(id, line);
    }
    let listed = across::services("", context).await?;
    let listed = listed.get("services").and_then(Value::as_array).cloned().unwrap_or_default();
    let ids = listed.iter().filter_map(|service| service.get("id").and_then(Value::as_str));
    let services = ids.filter_map(|id| Some((id.rsplit_once('/')?.1.to_owned(), id.to_owned())));
    Ok(Country {
        clock: Arc::clone(&context.clock),
        lines,
        services: services.collect(),
        folder: Some(folder.clone()),
        patience,
    })
}

/// The same people as those of the running platforms.
async fn population(context: &Context) -> Result<Population, Failure> {
    let about = api::ask(Method::GET, "/api/v1/population", None, context).await?;
    let number = |name: &str| about.get(name).and_then(Value::as_u64).unwrap_or_default();
    let on = about.get("on").and_then(Value::as_str).and_then(Date::parse_compact);
    let people = u32::try_from(number("people")).unwrap_or_default();
    let made = on.map(|on| Population::new(number("seed"), people, on));
    made.and_then(Result::ok).ok_or_else(|| {
        Failure::new(
            Exit::Failed,
            "không dựng được dân số giả lập",
            "the population cannot be made",
        )
    })
}
