//! One virtual agency's life: reads its inbox, answers, writes, comes back after a broken connection.
//!
//! Invariant: nothing of the pipeline is called; everything it knows came over its own connection. A file once begun
//! is handed in until there is an answer, byte for byte the same, so no doubt makes a second document.

use super::World;
use super::agenda::{Agenda, Duty};
use super::audit::{Digest, Owed, Seen, Whereabouts};
use super::cast::{Role, RoleIx};
use super::paper::{Received, Registered, document_key};
use super::post::{Inbox, Post};
use super::reaction::Reaction;
use super::recent::Recent;
use super::script::{self, CorrectionKind, Plan, Script};
use super::tally::add;
use crate::clock::{Clock, Timestamp};
use crate::domain::agency::AgencyCode;
use crate::domain::envelope::{DocId, Kind};
use crate::domain::status::BusinessStatus;
use crate::random::Random;
use crate::wire::v1;
use bytes::Bytes;
use parking_lot::Mutex;
use sha2::Digest as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::Notify;
use tonic::Status;

pub(super) struct Actor {
    world: Arc<World>,
    me: RoleIx,
    role: Role,
    post: Post,
    agenda: Mutex<Agenda>,
    /// Rung when the agenda changed.
    bell: Notify,
}

/// What comes of handing in a file.
enum Answer {
    Accepted,
    /// The platform will not take it: the code of the refusal.
    Refused(String),
    /// The traffic ended before there was an answer.
    Unknown,
}

const BACK_OFF_FIRST: Duration = Duration::from_millis(100);
const BACK_OFF_MAX: Duration = Duration::from_secs(3);
/// Accepted messages that nobody has seen yet: beyond it no new documents are written.
const IN_FLIGHT_MAX: usize = 20_000;
/// A writer this far behind its plan skips ahead instead of catching up.
const BEHIND_MAX: Duration = Duration::from_secs(5);
/// Confirmed DocIds that a member remembers, to recognise what comes again.
const CONFIRMED_MAX: usize = 20_000;
/// Of its own register, looked at when it begins.
const REGISTER_ITEMS: u32 = 500;
const NUMBER_TAKEN: &str = "LT-D401";

impl Actor {
    pub(super) fn new(world: Arc<World>, me: RoleIx, role: Role, post: Post) -> Self {
        Self { world, me, role, post, agenda: Mutex::default(), bell: Notify::new() }
    }

    pub(super) async fn live(self: Arc<Self>, begin: Timestamp) {
        self.world.clock.sleep_until(begin).await;
        futures_util::future::join(Box::pin(self.read()), Box::pin(self.work())).await;
    }

    pub(super) const fn weight(&self) -> f64 {
        self.role.weight
    }

    pub(super) const fn is(&self, role: RoleIx) -> bool {
        self.me == role
    }

    pub(super) fn wind_up(&self) {
        self.agenda.lock().wind_up();
        self.bell.notify_one();
    }

    // ---- the inbox ----

    async fn read(&self) {
        let mut confirmed = Recent::new(CONFIRMED_MAX);
        let mut wait = BACK_OFF_FIRST;
        let mut connection = 0_u64;
        loop {
            connection += 1;
            let began = self.world.clock.now();
            let ended = match self.post.receive().await {
                Ok(mut inbox) => self.read_on(&mut inbox, &mut confirmed, connection).await,
                Err(status) => status,
            };
            tracing::debug!(member = %self.role.member.id, %ended, "the receive stream is over");
            if self.world.clock.now().since(began) > BACK_OFF_MAX {
                wait = BACK_OFF_FIRST;
            }
            self.pause(&mut wait).await;
            add(&self.world.tally.reconnects, 1);
        }
    }

    /// Reads until the stream ends; says why it did.
    async fn read_on(&self, inbox: &mut Inbox, confirmed: &mut Recent, connection: u64) -> Status {
        loop {
            let batch = match inbox.deliveries.message().await {
                Ok(Some(batch)) => batch,
                Ok(None) => return Status::unavailable("ended by the platform"),
                Err(status) => return status,
            };
            add(&self.world.tally.confirms_refused, batch.refusals.len() as u64);
            let mut acks = Vec::with_capacity(batch.deliveries.len());
            for delivery in batch.deliveries {
                let Some(id) = DocId::from_slice(&delivery.doc_id) else { continue };
                match confirmed.connection_of(id) {
                    Some(former) => self.world.auditor.again(former == connection),
                    None => {
                        if let Err(status) = self.take(id, &delivery).await {
                            return status;
                        }
                        confirmed.add(id, connection);
                    }
                }
                acks.extend(confirmation(&delivery));
            }
            add(&self.world.tally.confirmed, acks.len() as u64);
            if !acks.is_empty()
                && let Err(status) = inbox.confirm(acks).await
            {
                return status;
            }
        }
    }

    /// Takes one delivery in: its content, what follows from it, and the judge hears of it.
    async fn take(&self, id: DocId, delivery: &v1::Delivery) -> Result<(), Status> {
        let Ok(to) = AgencyCode::parse(&delivery.to) else { return Ok(()) };
        let Ok(from) = AgencyCode::parse(&delivery.from) else { return Ok(()) };
        let digest = self.digest(id, delivery).await?;
        let kind = Kind::try_from(delivery.kind).unwrap_or(Kind::New);
        // Before the judge hears of it, so that there is no moment at which nothing seems left to do.
        self.react(kind, from, to, delivery);
        let tally = &self.world.tally;
        // A 13 asks for something back; all other statuses are what came back.
        let asks = delivery.status == u32::from(BusinessStatus::RecallRequested.code());
        match kind {
            Kind::Status if asks => {}
            Kind::Status => add(&tally.statuses_back, 1),
            Kind::New | Kind::Recall | Kind::Update | Kind::Replace => add(&tally.delivered, 1),
        }
        self.world.arrived_at(self.role.platform);
        let at = self.world.clock.now();
        let is_status = kind == Kind::Status;
        self.world.auditor.seen(Seen { receiver: id, to, digest, at, is_status });
        Ok(())
    }

    /// The digest of what really came.
    async fn digest(&self, id: DocId, delivery: &v1::Delivery) -> Result<Digest, Status> {
        if delivery.body.len() as u64 == delivery.bytes_total {
            return Ok(digest_of(&delivery.body));
        }
        match self.post.content(id.to_string(), delivery.bytes_total).await {
            Ok(content) if content.len() as u64 == delivery.bytes_total => Ok(digest_of(&content)),
            Ok(_) => Err(Status::data_loss("the content ended early")),
            // Recalled, and its content destroyed (QĐ 28/2018 Art. 9): there is nothing to read.
            Err(status) if status.code() == tonic::Code::InvalidArgument => {
                Ok(first_half(&delivery.sha256))
            }
            Err(status) => Err(status),
        }
    }

    fn react(&self, kind: Kind, from: AgencyCode, to: AgencyCode, delivery: &v1::Delivery) {
        let status = u8::try_from(delivery.status).ok().and_then(BusinessStatus::from_code);
        let about = match kind {
            Kind::Status => delivery.answers_document_id.clone(),
            Kind::New | Kind::Recall | Kind::Update | Kind::Replace => delivery.document_id.clone(),
        };
        let subject = delivery.subject.clone();
        let received = Arc::new(Received { from, to, document_id: about, subject });
        match kind {
            Kind::New | Kind::Replace => self.answer(&received, delivery.urgency),
            Kind::Recall | Kind::Update => self.answer_change(&received, kind == Kind::Recall),
            Kind::Status if status == Some(BusinessStatus::RecallRequested) => {
                self.answer_change(&received, true);
            }
            Kind::Status if status == Some(BusinessStatus::Arrived) => {
                let document = document_key(&to, &received.document_id);
                self.world.auditor.arrival_is_back(document, from);
            }
            Kind::Status => {}
        }
    }

    fn answer(&self, received: &Arc<Received>, urgency: u32) {
        let world = &self.world;
        let urgency = u8::try_from(urgency).unwrap_or_default();
        let reaction = self.reaction(received, urgency);
        if world.cast.reader(&received.from).is_some() {
            world.auditor.owes_arrival(received.key(), received.to);
        }
        let now = world.clock.now();
        for step in reaction.steps {
            let at = now.plus(world.compressed(step.after));
            self.note(at, Duty::Answer { to: Arc::clone(received), step });
        }
        if let Some(after) = reaction.reply.filter(|_| world.cast.reader(&received.from).is_some())
        {
            self.note(now.plus(world.compressed(after)), Duty::Reply(Arc::clone(received)));
        }
    }

    /// Agrees or declines when the sender wants a document back or changed. One that was refused is not answered for.
    fn answer_change(&self, received: &Arc<Received>, is_recall: bool) {
        let reaction = self.reaction(received, 0);
        if reaction.is_refusal() {
            return;
        }
        let step = reaction.to_change;
        if is_recall && step.status == BusinessStatus::ChangeAgreed {
            self.agenda.lock().forget(received);
        }
        let at = self.world.clock.now().plus(self.world.compressed(step.after));
        self.note(at, Duty::Answer { to: Arc::clone(received), step });
    }

    fn reaction(&self, received: &Received, urgency: u8) -> Reaction {
        Reaction::to(&received.document_id, self.me, urgency, self.world.seed)
    }

    /// Into the agenda, unless the traffic is ending and it is not owed.
    fn note(&self, at: Timestamp, duty: Duty) {
        let is_owed = duty.is_owed();
        if self.world.sending.is_cancelled() && !is_owed {
            return;
        }
        if is_owed {
            self.world.busy.fetch_add(1, Ordering::Relaxed);
        }
        if !self.agenda.lock().add(at, duty) {
            add(&self.world.tally.dropped, 1);
        }
        self.bell.notify_one();
    }

    // ---- the desk ----

    async fn work(&self) {
        let world = &self.world;
        let (sizes, rate) = (world.sizes, world.documents_per_s);
        let mut script = Script::new(&world.cast, self.me, world.seed, sizes, rate);
        script.skip_to(self.last_number().await);
        let mut hours = Random::stream(world.seed ^ HOURS, self.me as u64);
        self.plan_next(&mut script, world.clock.now());
        loop {
            let now = world.clock.now();
            let due = self.agenda.lock().take_due(now);
            if let Some((at, duty)) = due {
                Box::pin(self.perform(at, duty, &mut script, &mut hours)).await;
                continue;
            }
            let next_at = self.agenda.lock().next_at();
            tokio::select! {
                () = world.clock.sleep_until(next_at.unwrap_or(Timestamp(u64::MAX))), if next_at.is_some() => {}
                () = self.bell.notified() => {}
            }
        }
    }

    async fn perform(&self, at: Timestamp, duty: Duty, script: &mut Script, hours: &mut Random) {
        let world = &self.world;
        let is_owed = duty.is_owed();
        if !is_owed {
            world.busy.fetch_add(1, Ordering::Relaxed);
        }
        if is_owed || !world.sending.is_cancelled() {
            match duty {
                Duty::Write(plan) => {
                    self.plan_next(script, at);
                    if world.is_open_for_writing(hours) {
                        self.write(*plan, script).await;
                    }
                }
                Duty::Answer { to, step } => {
                    let clerk = self.reaction(&to, 0).clerk;
                    let role = self.as_addressed(&to);
                    let now = world.clock.now();
                    let file = to.status(&role, &clerk, step.status, step.description, now);
                    self.send_status(file, step.status).await;
                }
                Duty::Reply(to) => self.reply(&to, script).await,
                Duty::Correct { of, correction } => self.correct(*of, correction, script).await,
            }
        }
        world.busy.fetch_sub(1, Ordering::Relaxed);
    }

    fn plan_next(&self, script: &mut Script, last: Timestamp) {
        let now = self.world.clock.now();
        let from = if now.since(last) > BEHIND_MAX { now } else { last };
        if let Some(plan) = script.draw() {
            self.note(from.plus(plan.gap), Duty::Write(Box::new(plan)));
        }
    }

    async fn write(&self, plan: Plan, script: &mut Script) {
        let world = &self.world;
        if world.auditor.open() > IN_FLIGHT_MAX {
            return;
        }
        let correction = plan.correction;
        let now = world.clock.now();
        let document = Registered::new(&self.role, plan, now);
        let file = document.file(&world.cast, &self.role, now, None);
        if self.send_document(file, script, document.plan.number).await
            && let Some(correction) = correction
        {
            let at = world.clock.now().plus(world.compressed(correction.after));
            self.note(at, Duty::Correct { of: Box::new(document), correction });
        }
    }

    async fn reply(&self, to: &Received, script: &mut Script) {
        let world = &self.world;
        let Some(addressee) = world.cast.reader(&to.from) else { return };
        let (number, now) = (script.take_number(), world.clock.now());
        let role = self.as_addressed(to);
        let plan = Plan::reply(&role, &to.subject, addressee, number, world.sizes);
        let document = Registered::new(&role, plan, now);
        let file = document.reply(&world.cast, &role, now, to);
        if self.send_document(file, script, number).await {
            add(&world.tally.replies, 1);
        }
    }

    async fn correct(&self, of: Registered, correction: script::Correction, script: &mut Script) {
        let world = &self.world;
        let now = world.clock.now();
        let is_done = match correction.kind {
            CorrectionKind::TakeBack => {
                let file = of.take_back(&world.cast, &self.role, now, correction.reason);
                self.send_status(file, BusinessStatus::RecallRequested).await
            }
            CorrectionKind::Replace => {
                let number = script.take_number();
                let plan = Plan { number, correction: None, ..of.plan.clone() };
                let document = Registered::new(&self.role, plan, now);
                let file = document.file(&world.cast, &self.role, now, Some(&of.document_id));
                self.send_document(file, script, number).await
            }
            CorrectionKind::Recall | CorrectionKind::Update => {
                let file = of.change(&world.cast, &self.role, now, correction);
                self.send_document(file, script, of.plan.number).await
            }
        };
        add(&world.tally.corrections, u64::from(is_done));
    }

    async fn send_document(&self, file: String, script: &mut Script, number: u32) -> bool {
        match self.submit(file, false).await {
            Answer::Accepted => true,
            Answer::Refused(code) if code == NUMBER_TAKEN => {
                script.skip_to(number.saturating_add(REGISTER_ITEMS));
                false
            }
            Answer::Refused(_) | Answer::Unknown => false,
        }
    }

    async fn send_status(&self, file: String, status: BusinessStatus) -> bool {
        let is_accepted = matches!(self.submit(file, true).await, Answer::Accepted);
        if is_accepted {
            add(&self.world.tally.statuses_sent, 1);
            add(&self.world.tally.declined, u64::from(status == BusinessStatus::Refused));
        }
        is_accepted
    }

    /// Hands a file in until there is an answer.
    async fn submit(&self, file: String, is_status: bool) -> Answer {
        let world = &self.world;
        let file = Bytes::from(file);
        let (digest, sent_at) = (digest_of(&file), world.clock.now());
        let mut wait = BACK_OFF_FIRST;
        loop {
            match self.post.submit(file.clone()).await.map(|receipt| receipt.result) {
                Ok(Some(v1::receipt::Result::Accepted(accepted))) => {
                    self.entered(&accepted, digest, sent_at, is_status);
                    return Answer::Accepted;
                }
                Ok(Some(v1::receipt::Result::Refusal(refusal))) if refusal.retry_after_ms == 0 => {
                    tracing::debug!(member = %self.role.member.id, code = %refusal.code, at = %refusal.at, detail = %refusal.detail, "refused");
                    add(&world.tally.refused, 1);
                    return Answer::Refused(refusal.code);
                }
                Ok(Some(v1::receipt::Result::Refusal(later))) => {
                    let wait = Duration::from_millis(later.retry_after_ms).min(BACK_OFF_MAX);
                    world.clock.sleep_until(world.clock.now().plus(wait)).await;
                }
                Ok(None) | Err(_) => self.pause(&mut wait).await,
            }
            if world.stop.is_cancelled() {
                return Answer::Unknown;
            }
            add(&world.tally.retries, 1);
        }
    }

    /// The receipt's promises, one per recipient that somebody of the cast reads.
    fn entered(
        &self,
        accepted: &v1::Accepted,
        digest: Digest,
        sent_at: Timestamp,
        is_status: bool,
    ) {
        let world = &self.world;
        let refused = accepted.receivers.iter().filter(|r| !r.refused.is_empty()).count();
        add(&world.tally.recipients_refused, refused as u64);
        if !is_status && !accepted.duplicate {
            add(&world.tally.documents, 1);
            add(&world.tally.recipients, (accepted.receivers.len() - refused) as u64);
        }
        world.sent_from(self.role.platform);
        for receiver in accepted.receivers.iter().filter(|r| r.refused.is_empty()) {
            let (Ok(to), Ok(id)) = (AgencyCode::parse(&receiver.agency), receiver.doc_id.parse())
            else {
                continue;
            };
            if world.cast.reader(&to).is_some() {
                let owed = Owed { receiver: id, to, sender: self.me, digest, sent_at, is_status };
                world.auditor.accepted(owed);
            }
        }
    }

    // ---- what the register says ----

    /// The last number of this agency's register: a later run goes on behind it.
    async fn last_number(&self) -> u32 {
        let items = self.post.sent(self.role.code.wire(), String::new(), REGISTER_ITEMS).await;
        let number = |item: &v1::SentItem| item.notation.split('/').next()?.parse().ok();
        items.unwrap_or_default().iter().filter_map(number).max().unwrap_or(0)
    }

    /// Asks the own platform what became of a document that was not seen.
    pub(super) async fn whereabouts(&self, owed: &Owed) -> Whereabouts {
        let items = self.post.sent(self.role.code.wire(), owed.receiver.to_string(), 0).await;
        let receiver = owed.receiver.to_string();
        let item = items.unwrap_or_default().into_iter().find(|i| i.receiver_doc_id == receiver);
        match item.map(|item| item.state()) {
            Some(v1::DeliveryState::UnderWay) => Whereabouts::UnderWay,
            Some(v1::DeliveryState::Refused | v1::DeliveryState::Expired) => Whereabouts::Returned,
            Some(
                v1::DeliveryState::Initial
                | v1::DeliveryState::Processing
                | v1::DeliveryState::Done
                | v1::DeliveryState::Fail,
            )
            | None => Whereabouts::Nowhere,
        }
    }

    fn as_addressed(&self, received: &Received) -> Role {
        Role { code: received.to, ..self.role.clone() }
    }

    async fn pause(&self, wait: &mut Duration) {
        let clock = &self.world.clock;
        clock.sleep_until(clock.now().plus(*wait)).await;
        *wait = (*wait * 2).min(BACK_OFF_MAX);
    }
}

/// A client of two steps says `processing` first; one in five is such a client.
fn confirmation(delivery: &v1::Delivery) -> Vec<v1::Ack> {
    let say = |state: v1::DeliveryState| v1::Ack {
        doc_id: delivery.doc_id.clone(),
        state: state as i32,
        description: String::new(),
    };
    let is_document = delivery.kind != v1::Kind::Status as i32;
    let has_two_steps = delivery.doc_id.last().is_some_and(|byte| byte % 5 == 0);
    if is_document && has_two_steps {
        return vec![say(v1::DeliveryState::Processing), say(v1::DeliveryState::Done)];
    }
    vec![say(v1::DeliveryState::Done)]
}

fn digest_of(file: &[u8]) -> Digest {
    first_half(&sha2::Sha256::digest(file))
}

fn first_half(sha256: &[u8]) -> Digest {
    sha256.iter().take(16).fold(0, |sum, byte| sum << 8 | u128::from(*byte))
}

/// Sets the stream of random numbers for office hours apart from the plan's.
const HOURS: u64 = 0x6f66_6669_6365;
