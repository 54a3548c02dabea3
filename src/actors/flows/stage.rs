//! How a step is taken: asked, asked again while the other side is not ready or not reached, and written down before
//! and after, so that no step is half done without being shown as such.

use super::Country;
use super::line::{Ask, Content, Named, Reply};
use crate::clock::{Clock, Timestamp};
use crate::domain::service::Trouble;
use crate::story::flow::{Flow, State, Step, StepState};
use crate::wire::v1;
use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// A flow under way.
pub(super) struct Stage<'a> {
    pub(super) flow: Flow,
    country: &'a Country,
    watcher: &'a mut (dyn FnMut(&Flow) + Send),
    /// Of the last log-in at the portal.
    pub(super) session: String,
}

/// What is to be done, and by whom.
#[derive(Clone, Debug)]
pub(super) struct Todo {
    pub(super) name: String,
    pub(super) role: &'static str,
    pub(super) title: (&'static str, &'static str),
    pub(super) ask: Ask,
    /// Done again when the flow is taken up: its answer does not keep.
    pub(super) afresh: bool,
}

/// What an answer means.
#[derive(Clone, Debug)]
pub(super) enum Found {
    Done(Value),
    NotYet(String),
    Refused(String),
}

/// Why a flow stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Somebody will not: a decision about the matter.
    Refused,
    /// A platform does not let the step through, such as for want of a right: nobody has decided about the matter, and
    /// an operator can mend it.
    Barred,
    /// Patience is over.
    Late,
}

/// An answer, and whether an attempt before it may have been done already.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer<'a> {
    pub(super) reply: &'a Reply,
    pub(super) may_be_done: bool,
}

const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);

impl Todo {
    pub(super) fn new(
        (name, role): (&str, &'static str),
        title: (&'static str, &'static str),
        (service, method): (&'static str, Method),
        path: &str,
        content: Content,
    ) -> Self {
        let ask = Ask { service, method, path: path.to_owned(), content };
        Self { name: name.to_owned(), role, title, ask, afresh: false }
    }

    pub(super) fn post(
        step: (&str, &'static str),
        title: (&'static str, &'static str),
        (service, path): (&'static str, &str),
        body: Value,
    ) -> Self {
        Self::new(step, title, (service, Method::POST), path, Content::Json(body))
    }

    pub(super) fn get(
        step: (&str, &'static str),
        title: (&'static str, &'static str),
        (service, path): (&'static str, &str),
    ) -> Self {
        Self::new(step, title, (service, Method::GET), path, Content::None)
    }
}

/// Done when it succeeded, or when it fails because an earlier attempt was done after all.
pub(super) fn done(answer: Answer<'_>) -> Found {
    match answer.reply.status {
        200..300 => Found::Done(answer.reply.body.clone()),
        409 if answer.may_be_done => Found::Done(answer.reply.body.clone()),
        status => Found::Refused(answer.said(status)),
    }
}

/// As `done`, but 409 says that the other side is not ready yet.
pub(super) fn when_ready(answer: Answer<'_>) -> Found {
    match answer.reply.status {
        409 => Found::NotYet(answer.said(409)),
        _ => done(answer),
    }
}

impl Answer<'_> {
    pub(super) fn said(self, status: u16) -> String {
        let body = &self.reply.body;
        let named = ["message", "ErrorDesc", "error_message", "thongBao", "detail"];
        let told = named.into_iter().find_map(|name| body.get(name).and_then(Value::as_str));
        let told = told.or_else(|| body.pointer("/error/userMessage").and_then(Value::as_str));
        let told = told.map_or_else(|| body.to_string(), str::to_owned);
        let told: String = told.chars().take(WHY_CHARS_MAX).collect();
        format!("{status}: {told}")
    }
}

const WHY_CHARS_MAX: usize = 300;

impl<'a> Stage<'a> {
    pub(super) fn new(
        flow: Flow,
        country: &'a Country,
        watcher: &'a mut (dyn FnMut(&Flow) + Send),
    ) -> Self {
        Self { flow, country, watcher, session: String::new() }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.country.clock.now()
    }

    pub(super) fn now_ms(&self) -> i64 {
        i64::try_from(self.now().ms()).unwrap_or(i64::MAX)
    }

    /// Takes a step, or gives its answer when it was taken before.
    pub(super) async fn take(
        &mut self,
        todo: Todo,
        reads: fn(Answer<'_>) -> Found,
    ) -> Result<Value, Stop> {
        if !todo.afresh
            && let Some(done) = self.flow.answer_of(&todo.name)
        {
            return Ok(done.clone());
        }
        let (ix, mut may_be_done) = self.begin(&todo);
        let (mut pause, until) = (PAUSE_MIN, self.until());
        loop {
            let tried = self.attempt(ix, &todo).await;
            let found = match &tried {
                Ok(reply) => match failure(reply) {
                    Some(failed) => Err(failed),
                    None => Ok(reads(Answer { reply, may_be_done })),
                },
                Err(why) => Err((true, why.clone())),
            };
            let (state, why) = match found {
                Ok(Found::Done(answer)) => {
                    self.note(ix, StepState::Done, String::new(), answer.clone());
                    return Ok(answer);
                }
                Ok(Found::Refused(why)) => {
                    self.note(ix, StepState::Refused, why, Value::Null);
                    let by_platform = tried.is_ok_and(|reply| trouble(&reply).is_some());
                    return Err(if by_platform { Stop::Barred } else { Stop::Refused });
                }
                Err((true, why)) if todo.ask.method != Method::GET => {
                    may_be_done = true;
                    (StepState::InDoubt, why)
                }
                Ok(Found::NotYet(why)) | Err((_, why)) => (StepState::Waiting, why),
            };
            self.note(ix, state, why, Value::Null);
            if self.now().plus(pause) > until {
                return Err(Stop::Late);
            }
            self.country.clock.sleep_until(self.now().plus(pause)).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Hands in a document; the step's answer is its DocId.
    pub(super) async fn send(
        &mut self,
        (name, role): (&str, &'static str),
        title: (&'static str, &'static str),
        file: String,
    ) -> Result<Value, Stop> {
        let todo = Todo::new((name, role), title, ("edxml", Method::POST), "", Content::None);
        if let Some(done) = self.flow.answer_of(name) {
            return Ok(done.clone());
        }
        let (ix, _) = self.begin(&todo);
        let file = Bytes::from(file);
        let (mut pause, until) = (PAUSE_MIN, self.until());
        loop {
            self.attempting(ix);
            // A repeat is recognised by its DocumentId.
            let (state, why) = match hand_in(self.country, &self.flow, role, file.clone()).await {
                Ok(doc_id) => {
                    let answer = json!({ "doc_id": doc_id });
                    self.note(ix, StepState::Done, String::new(), answer.clone());
                    return Ok(answer);
                }
                Err((StepState::Refused, why)) => {
                    self.note(ix, StepState::Refused, why, Value::Null);
                    return Err(Stop::Refused);
                }
                Err(other) => other,
            };
            self.note(ix, state, why, Value::Null);
            if self.now().plus(pause) > until {
                return Err(Stop::Late);
            }
            self.country.clock.sleep_until(self.now().plus(pause)).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Patience is for each step; a last word to the citizen gets a short time of its own.
    fn until(&self) -> Timestamp {
        let is_last_word = self.flow.state == State::Stopped;
        self.now().plus(if is_last_word { PAUSE_MAX } else { self.country.patience })
    }

    /// The step's place, and whether it may have been done before.
    fn begin(&mut self, todo: &Todo) -> (usize, bool) {
        let found = self.flow.steps.iter().position(|step| step.name == todo.name);
        if let Some(ix) = found {
            let is_open =
                |step: &Step| matches!(step.state, StepState::InDoubt | StepState::Asking);
            return (ix, self.flow.steps.get(ix).is_some_and(is_open));
        }
        // A query may hold what is known of a person; the path does not.
        let path = todo.ask.path.split('?').next().unwrap_or_default().to_owned();
        self.flow.steps.push(Step {
            name: todo.name.clone(),
            title_vi: todo.title.0.to_owned(),
            title_en: todo.title.1.to_owned(),
            role: todo.role.to_owned(),
            service: todo.ask.service.to_owned(),
            method: todo.ask.method.to_string(),
            path,
            state: StepState::Asking,
            tries: 0,
            status: 0,
            message_id: String::new(),
            request_id: String::new(),
            began_ms: self.now().ms(),
            ended_ms: None,
            why: String::new(),
            answer: Value::Null,
        });
        (self.flow.steps.len() - 1, false)
    }

    fn attempting(&mut self, ix: usize) {
        let id = self.flow.id.clone();
        if let Some(step) = self.flow.steps.get_mut(ix) {
            step.tries += 1;
            step.state = StepState::Asking;
            step.message_id = format!("{id}.{}.{}", ix + 1, step.tries);
        }
        self.tell();
    }

    async fn attempt(&mut self, ix: usize, todo: &Todo) -> Result<Reply, String> {
        self.attempting(ix);
        let Some(service_id) = self.country.services.get(todo.ask.service) else {
            let (code, service) = (Trouble::ServiceUnknown.code(), todo.ask.service);
            let told = json!({ "message": format!("[{code}] không có dịch vụ {service}") });
            let request_id = String::new();
            return Ok(Reply { status: 500, request_id, body: told });
        };
        let Some(line) = self.country.line(&self.flow, todo.role) else {
            return Err(format!("{}: không có đường nối", todo.role));
        };
        let message_id = self.flow.steps.get(ix).map_or("", |step| &step.message_id);
        let named = Named { service_id, message_id, issue: &self.flow.id };
        let replied = line.call(&todo.ask, named).await;
        if let (Ok(reply), Some(step)) = (&replied, self.flow.steps.get_mut(ix)) {
            step.status = reply.status;
            step.request_id.clone_from(&reply.request_id);
        }
        replied
    }

    fn note(&mut self, ix: usize, state: StepState, why: String, answer: Value) {
        let now = self.now();
        if let Some(step) = self.flow.steps.get_mut(ix) {
            step.state = state;
            step.why = why;
            step.answer = answer;
            let is_over = matches!(state, StepState::Done | StepState::Refused);
            step.ended_ms = is_over.then_some(now.ms());
        }
        self.tell();
    }

    /// Whoever watches knows it before it can be read.
    pub(super) fn tell(&mut self) {
        (self.watcher)(&self.flow);
        if let Some(folder) = &self.country.folder
            && let Err(error) = folder.save(&self.flow)
        {
            tracing::warn!(flow = %self.flow.id, %error, "a flow could not be written down");
        }
    }
}

async fn hand_in(
    country: &Country,
    flow: &Flow,
    role: &str,
    file: Bytes,
) -> Result<String, (StepState, String)> {
    let Some(line) = country.line(flow, role) else {
        return Err((StepState::Waiting, format!("{role}: không có đường nối")));
    };
    match line.post.submit(file).await.map(|receipt| receipt.result) {
        Ok(Some(v1::receipt::Result::Accepted(accepted))) => Ok(accepted.doc_id),
        Ok(Some(v1::receipt::Result::Refusal(refusal))) => {
            let is_final = refusal.retry_after_ms == 0;
            let state = if is_final { StepState::Refused } else { StepState::Waiting };
            Err((state, format!("{} {} {}", refusal.code, refusal.at, refusal.detail)))
        }
        Ok(None) => Err((StepState::InDoubt, String::new())),
        Err(status) => Err((StepState::InDoubt, status.message().to_owned())),
    }
}

/// Why an answer is worth another attempt, and whether the step may have been done all the same: a platform or a
/// system failed, nobody said no.
fn failure(reply: &Reply) -> Option<(bool, String)> {
    if reply.status < 500 {
        return None;
    }
    let Some(trouble) = trouble(reply) else {
        // The system itself. A refusal of one that speaks SOAP comes as 500, too; what its platform makes of an
        // answer that fits no question does not say no.
        let text = reply.body.to_string();
        let why = format!("{}: {}", reply.status, short(&text));
        let is_refusal = text.contains(":Fault") && !text.contains(UNFITTING);
        return (!is_refusal).then_some((true, why));
    };
    let was_reached = match trouble {
        Trouble::CallerUnknown
        | Trouble::CallerForeign
        | Trouble::CallerInsecure
        | Trouble::CallerMissing
        | Trouble::RequestMalformed
        | Trouble::PathRefused
        | Trouble::RequestTooLarge
        | Trouble::ProviderUnknown
        | Trouble::HopsExhausted
        | Trouble::ServiceUnknown
        | Trouble::WrongKind
        | Trouble::AccessDenied
        | Trouble::ServiceDisabled => return None,
        Trouble::Throttled
        | Trouble::Busy
        | Trouble::NoRoute
        | Trouble::LinkDown
        | Trouble::LinkRefused
        | Trouble::ProviderBusy
        | Trouble::CircuitOpen
        | Trouble::ShuttingDown
        | Trouble::SystemUnreachable
        | Trouble::SystemHostUnknown
        | Trouble::SystemUntrusted
        | Trouble::SystemMaintenance
        | Trouble::PlatformMaintenance
        | Trouble::SystemMissing
        | Trouble::RuleMissing => false,
        Trouble::RequestCut
        | Trouble::LinkTimeout
        | Trouble::LinkGarbage
        | Trouble::LinkCut
        | Trouble::LinkUnsigned
        | Trouble::EvidenceFailed
        | Trouble::Internal
        | Trouble::SystemTimeout
        | Trouble::SystemCut
        | Trouble::SystemGarbage
        | Trouble::AnswerTooLarge
        | Trouble::RuleFailed => true,
    };
    Some((was_reached, trouble.code().to_owned()))
}

/// X-Road's word for a SOAP answer that is not one to its request (wire/xroad.md 2.9).
const UNFITTING: &str = "service_failed.inconsistent_response";

/// What a platform said instead of the system.
fn trouble(reply: &Reply) -> Option<Trouble> {
    let text = reply.body.to_string();
    let (_, rest) = text.rsplit_once("[LT-").filter(|_| reply.status >= 500)?;
    Trouble::from_code(&format!("LT-{}", rest.get(..4)?))
}

fn short(text: &str) -> String {
    text.chars().take(WHY_CHARS_MAX).collect()
}
