//! Response rules of simulated systems: what they answer to calls that fit, instead of what they would by themselves.

use super::asked::{Given, Named, NamedTwice};
use super::fault::{ErrorAnswer, Fault, Problem};
use super::providers::known;
use super::{State, VERSION};
use crate::clock::Timestamp;
use crate::pipeline::call::CallPorts;
use crate::providers::host::Host;
use crate::rules::{Book, Counted, Miss, NearRule, Rule, RuleMistake, RuleSet};
use crate::story;
use axum::Json;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RulesAnswer {
    pub version: u32,
    #[schema(example = "dmdc")]
    pub provider: String,
    /// What fits no rule is answered with the nearest rules, not by the system.
    pub only: bool,
    /// In the order in which they are tried.
    pub rules: Vec<RuleView>,
    /// What rules have set.
    pub states: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RuleAnswer {
    pub version: u32,
    #[schema(example = "dmdc")]
    pub provider: String,
    pub rule: RuleView,
}

/// A rule at work.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RuleView {
    pub id: String,
    pub order: u64,
    /// Calls that it has answered since it was put.
    pub answered: u64,
    /// As it was given.
    #[schema(value_type = RuleSchema)]
    pub rule: Value,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MissesAnswer {
    pub version: u32,
    #[schema(example = "dmdc")]
    pub provider: String,
    /// The newest first.
    pub misses: Vec<MissView>,
}

/// A call that fitted no rule. What it held is told to its caller only.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MissView {
    pub at: String,
    pub method: String,
    pub path: String,
    pub caller: String,
    pub correlation_id: String,
    /// The system answered by itself.
    pub answered: bool,
    /// The nearest rules and what differed: `criterion`, `expected`, `got`.
    #[schema(value_type = Vec<Object>)]
    pub nearest: Vec<NearRule>,
}

/// The keys of a rule, for the description of the API.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Rule)]
pub struct RuleSchema {
    #[schema(example = "slow-ethnic-groups")]
    id: String,
    /// The lowest is tried first; 100 by default.
    order: Option<u64>,
    when: Option<WhenSchema>,
    then: Option<ThenSchema>,
}

/// When a rule fits: all of it must hold. A value means equality; `{"present": true}` and `{"regex": "^a"}` say
/// other things.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = RuleWhen)]
pub struct WhenSchema {
    method: Option<String>,
    /// `*` inside a segment, `**` anything, `{name}` one segment with a name.
    #[schema(example = "/Category/{list}")]
    path: Option<String>,
    #[schema(value_type = Option<Object>)]
    query: Option<Value>,
    #[schema(value_type = Option<Object>)]
    headers: Option<Value>,
    /// By JSON pointers into the body.
    #[schema(value_type = Option<Object>)]
    json: Option<Value>,
    /// By paths into an XML body: `/a/b[2]/@c`, `//a/text()`, by local names.
    #[schema(value_type = Option<Object>)]
    xpath: Option<Value>,
    /// A member's id, or an agency's code with all below it.
    #[schema(example = "H60")]
    caller: Option<String>,
    #[schema(value_type = Option<Object>)]
    state: Option<Value>,
}

/// What a rule answers. Of `body`, `json` and `template` one.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = RuleThen)]
pub struct ThenSchema {
    status: Option<u16>,
    #[schema(value_type = Option<Object>)]
    headers: Option<Value>,
    body: Option<String>,
    #[schema(value_type = Option<Object>)]
    json: Option<Value>,
    /// In Jinja's language.
    template: Option<String>,
    delay_ms: Option<u32>,
    /// `hang`, `cut`, `garbage` or `empty`.
    fault: Option<String>,
    /// New states; an empty text forgets one.
    #[schema(value_type = Option<Object>)]
    set: Option<Value>,
    /// Answers so many calls and no more.
    times: Option<u32>,
}

/// All rules of a system.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = RuleSet)]
pub struct RuleSetSchema {
    only: Option<bool>,
    rules: Vec<RuleSchema>,
}

/// The response rules of a simulated system, their states, and how often each has answered.
#[utoipa::path(get, path = "/api/v1/providers/{name}/rules", tag = "services",
    params(("name" = String, Path, description = "The system's name", example = "dmdc")),
    responses((status = 200, body = RulesAnswer), (status = 404, body = ErrorAnswer)))]
pub(super) async fn rules<P: CallPorts>(
    state: State<P>,
    Named(name): Named,
) -> Result<Json<RulesAnswer>, Fault> {
    known(&state.operated.host, &name)?;
    Ok(all(&state.operated.host, name))
}

/// Replaces all rules of a simulated system, at once; counts and states begin anew.
#[utoipa::path(put, path = "/api/v1/providers/{name}/rules", tag = "services",
    params(("name" = String, Path, description = "The system's name", example = "dmdc")),
    request_body = RuleSetSchema,
    responses((status = 200, body = RulesAnswer), (status = 400, body = ErrorAnswer),
        (status = 404, body = ErrorAnswer)))]
pub(super) async fn put_rules<P: CallPorts>(
    state: State<P>,
    Named(name): Named,
    Given(given): Given<Value>,
) -> Result<Json<RulesAnswer>, Fault> {
    known(&state.operated.host, &name)?;
    let set = RuleSet::read(&given).map_err(|mistakes| bad(&mistakes))?;
    Ok(replaced(&state.operated.host, name, &set))
}

/// Takes all rules away: the system answers by itself.
#[utoipa::path(delete, path = "/api/v1/providers/{name}/rules", tag = "services",
    params(("name" = String, Path, description = "The system's name", example = "dmdc")),
    responses((status = 200, body = RulesAnswer), (status = 404, body = ErrorAnswer)))]
pub(super) async fn delete_rules<P: CallPorts>(
    state: State<P>,
    Named(name): Named,
) -> Result<Json<RulesAnswer>, Fault> {
    known(&state.operated.host, &name)?;
    Ok(replaced(&state.operated.host, name, &RuleSet::default()))
}

fn replaced(host: &Host, name: String, set: &RuleSet) -> Json<RulesAnswer> {
    host.set_rules(&name, set);
    tracing::info!(provider = %name, rules = set.rules.len(), "the rules of a simulated system were replaced");
    all(host, name)
}

/// One rule.
#[utoipa::path(get, path = "/api/v1/providers/{name}/rules/{id}", tag = "services",
    params(("name" = String, Path, description = "The system's name", example = "dmdc"),
        ("id" = String, Path, description = "The rule's id")),
    responses((status = 200, body = RuleAnswer), (status = 404, body = ErrorAnswer)))]
pub(super) async fn rule<P: CallPorts>(
    state: State<P>,
    NamedTwice(name, id): NamedTwice,
) -> Result<Json<RuleAnswer>, Fault> {
    known(&state.operated.host, &name)?;
    one(&state.operated.host, name, &id)
}

/// Adds a rule or replaces the one of this id, at once. An `id` inside must be the same.
#[utoipa::path(put, path = "/api/v1/providers/{name}/rules/{id}", tag = "services",
    params(("name" = String, Path, description = "The system's name", example = "dmdc"),
        ("id" = String, Path, description = "The rule's id")),
    request_body = RuleSchema,
    responses((status = 200, body = RuleAnswer), (status = 400, body = ErrorAnswer),
        (status = 404, body = ErrorAnswer), (status = 409, body = ErrorAnswer)))]
pub(super) async fn put_rule<P: CallPorts>(
    state: State<P>,
    NamedTwice(name, id): NamedTwice,
    Given(mut given): Given<Value>,
) -> Result<Json<RuleAnswer>, Fault> {
    known(&state.operated.host, &name)?;
    if let Some(object) = given.as_object_mut() {
        object.entry("id").or_insert_with(|| id.clone().into());
    }
    let rule = Rule::read(&given).map_err(|mistakes| bad(&mistakes))?;
    if rule.id != id {
        return Err(Fault::new(Problem::BadRule).at("id").detail(format!("not `{id}`")));
    }
    let full = |full: crate::rules::Full| Fault::new(Problem::RulesFull).detail(full.to_string());
    state.operated.host.put_rule(&name, Arc::new(rule)).map_err(full)?;
    tracing::info!(provider = %name, rule = %id, "a rule of a simulated system was put");
    one(&state.operated.host, name, &id)
}

/// Takes a rule away.
#[utoipa::path(delete, path = "/api/v1/providers/{name}/rules/{id}", tag = "services",
    params(("name" = String, Path, description = "The system's name", example = "dmdc"),
        ("id" = String, Path, description = "The rule's id")),
    responses((status = 200, body = RulesAnswer), (status = 404, body = ErrorAnswer)))]
pub(super) async fn delete_rule<P: CallPorts>(
    state: State<P>,
    NamedTwice(name, id): NamedTwice,
) -> Result<Json<RulesAnswer>, Fault> {
    let host = &state.operated.host;
    known(host, &name)?;
    if host.remove_rule(&name, &id) { Ok(all(host, name)) } else { Err(no_such(host, &name, &id)) }
}

/// The newest calls that fitted no rule of a simulated system, with the nearest rules and what differed.
#[utoipa::path(get, path = "/api/v1/providers/{name}/misses", tag = "services",
    params(("name" = String, Path, description = "The system's name", example = "dmdc")),
    responses((status = 200, body = MissesAnswer), (status = 404, body = ErrorAnswer)))]
pub(super) async fn misses<P: CallPorts>(
    state: State<P>,
    Named(name): Named,
) -> Result<Json<MissesAnswer>, Fault> {
    let host = &state.operated.host;
    known(host, &name)?;
    let found = look(host, &name, |book| book.misses().map(missed).collect());
    Ok(Json(MissesAnswer { version: VERSION, provider: name, misses: found }))
}

fn missed(miss: Miss) -> MissView {
    let ms = u64::try_from(miss.at_ms).unwrap_or_default();
    MissView {
        at: story::moment(Timestamp(ms.saturating_mul(1_000_000))),
        method: miss.method,
        path: miss.path,
        caller: miss.caller,
        correlation_id: miss.correlation_id,
        answered: miss.answered,
        nearest: miss.nearest,
    }
}

/// Reads the rules of a system; nothing of one that has none.
fn look<T: Default>(host: &Host, name: &str, of: impl FnOnce(&Book) -> T) -> T {
    host.rules(name).map(|book| of(&book.lock())).unwrap_or_default()
}

fn all(host: &Host, provider: String) -> Json<RulesAnswer> {
    let (only, rules, states) = look(host, &provider, |book| {
        let rules: Vec<_> = book.rules().iter().map(view).collect();
        (book.only(), rules, book.states().clone())
    });
    Json(RulesAnswer { version: VERSION, provider, only, rules, states })
}

fn one(host: &Host, provider: String, id: &str) -> Result<Json<RuleAnswer>, Fault> {
    let found = look(host, &provider, |book| {
        book.rules().iter().find(|known| known.rule.id == id).map(view)
    });
    let rule = found.ok_or_else(|| no_such(host, &provider, id))?;
    Ok(Json(RuleAnswer { version: VERSION, provider, rule }))
}

fn view(known: &Counted) -> RuleView {
    let Counted { rule, answered } = known;
    RuleView {
        id: rule.id.clone(),
        order: rule.order,
        answered: *answered,
        rule: rule.given().clone(),
    }
}

fn no_such(host: &Host, provider: &str, id: &str) -> Fault {
    let ids: Vec<String> = look(host, provider, |book| {
        book.rules().iter().map(|known| known.rule.id.clone()).collect()
    });
    let mut near: Vec<_> =
        ids.into_iter().map(|known| (strsim::osa_distance(&known, id), known)).collect();
    near.sort();
    let near = near.into_iter().take(3).map(|(_, id)| id).collect();
    Fault::new(Problem::NoSuchRule).detail(id).nearest(near)
}

fn bad(mistakes: &[RuleMistake]) -> Fault {
    let first = mistakes.first().map(|mistake| mistake.at.join(".")).unwrap_or_default();
    let told: Vec<_> = mistakes.iter().take(MISTAKES_MAX).map(RuleMistake::told).collect();
    Fault::new(Problem::BadRule).at(first).detail(told.join("; "))
}

/// Told of one rule or one set.
const MISTAKES_MAX: usize = 20;
