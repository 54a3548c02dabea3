//! Who sends what when: authors, clerks and readers at the members' desks, drawn from a seed.
//!
//! A member behaves as a good client: it repeats what was not answered, with the same file, and writes the
//! next message about a document only when it has the receipt for the last.

use super::history::{History, Letter, Row};
use super::options::WorkOptions;
use super::oracle::is_worth_repeating;
use super::world::{Country, OUTSIDE, SimPipeline};
use crate::clock::{Clock, Timestamp};
use crate::domain::agency::AgencyCode;
use crate::domain::directory::{AgencyId, Caller, Standing};
use crate::domain::envelope::{DocId, Kind, Urgency};
use crate::domain::fact::{DeliveryState, Record};
use crate::domain::rejection::Reason;
use crate::domain::routing::PlatformIx;
use crate::domain::status::BusinessStatus;
use crate::domain::tracking::InboxFilter;
use crate::pipeline::{AcceptedAnswer, Word};
use crate::random::Random;
use parking_lot::Mutex;
use sha2::Digest;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// The members at work, and what they noted.
#[derive(Debug)]
pub struct Workload {
    pub history: Arc<Mutex<History>>,
    desks: Vec<Arc<Desk>>,
    authors_left: Arc<AtomicU64>,
}

/// One member: whom it speaks for, and what lies on its desk.
#[derive(Debug)]
pub struct Desk {
    pub caller: Caller,
    pub platform: PlatformIx,
    pub agencies: Vec<(AgencyId, AgencyCode)>,
    options: WorkOptions,
    seed: u64,
    history: Arc<Mutex<History>>,
    /// Replies to write, in order.
    replies: Mutex<VecDeque<Reply>>,
    is_writing: AtomicBool,
    is_streaming: bool,
    /// Taken from receive streams, not yet looked at.
    streamed: Mutex<Vec<Shown>>,
    numbers: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Reply {
    from: AgencyCode,
    about: (AgencyCode, String),
    status: BusinessStatus,
}

/// One item as an inbox shows it.
#[derive(Clone, Debug)]
struct Shown {
    agency: AgencyCode,
    receiver: DocId,
    accepted: Arc<Record>,
    at: Timestamp,
}

/// What a reader knows of the items of its inboxes.
#[derive(Debug, Default)]
struct Memory {
    known: BTreeSet<DocId>,
    taken: BTreeSet<DocId>,
    ends: BTreeMap<DocId, DeliveryState>,
    done: BTreeMap<DocId, Timestamp>,
}

impl Workload {
    /// Sits every member of the topology at its desk and lets them begin.
    pub fn start(country: &Arc<Country>, options: &WorkOptions, seed: u64) -> Self {
        let history = Arc::new(Mutex::new(History::default()));
        let desks = desks(country, options, seed, &history);
        let everybody: Vec<AgencyCode> =
            desks.iter().flat_map(|desk| desk.agencies.iter().map(|(_, code)| *code)).collect();
        let everybody: Arc<[AgencyCode]> = everybody.into();
        let authors_left = Arc::new(AtomicU64::new(0));
        for desk in &desks {
            for author in 0..options.authors_per_member as u64 {
                authors_left.fetch_add(1, Ordering::Relaxed);
                let work = author_at(
                    Arc::clone(desk),
                    Arc::clone(country),
                    author,
                    Arc::clone(&everybody),
                );
                let left = Arc::clone(&authors_left);
                country.control.spawn(OUTSIDE, async move {
                    work.await;
                    left.fetch_sub(1, Ordering::Relaxed);
                });
            }
            country.control.spawn(OUTSIDE, clerk_at(Arc::clone(desk), Arc::clone(country)));
            country.control.spawn(OUTSIDE, sender_at(Arc::clone(desk), Arc::clone(country)));
            country.control.spawn(OUTSIDE, reader_at(Arc::clone(desk), Arc::clone(country)));
            if desk.is_streaming {
                country.control.spawn(OUTSIDE, stream_to(Arc::clone(desk), Arc::clone(country)));
            }
        }
        Self { history, desks, authors_left }
    }

    pub fn desks(&self) -> &[Arc<Desk>] {
        &self.desks
    }

    /// Authors that have not written all they wanted.
    pub fn authors_left(&self) -> u64 {
        self.authors_left.load(Ordering::Relaxed)
    }

    /// Nobody has anything left to write.
    pub fn is_at_rest(&self) -> bool {
        self.authors_left() == 0
            && self.desks.iter().all(|desk| {
                desk.replies.lock().is_empty() && !desk.is_writing.load(Ordering::Relaxed)
            })
    }
}

/// One desk per member, with some of the agencies that it speaks for.
pub fn desks(
    country: &Country,
    options: &WorkOptions,
    seed: u64,
    history: &Arc<Mutex<History>>,
) -> Vec<Arc<Desk>> {
    let directory = &country.topology.directory;
    let members = &country.topology.members;
    let numbers = Arc::new(AtomicU64::new(1));
    members
        .iter()
        .filter_map(|member| members.by_id(&member.id))
        .zip(1..)
        .map(|(caller, place)| {
            let own =
                caller.member.codes.iter().flat_map(|code| {
                    directory.lookup(code).into_iter().chain(directory.below(code))
                });
            let agencies = own
                .filter(|id| directory.standing_today(*id) == Standing::Alive)
                .map(|id| (id, directory.agency(id).code))
                .take(options.agencies_per_member)
                .collect();
            Arc::new(Desk {
                platform: caller.member.platform,
                caller,
                agencies,
                options: options.clone(),
                seed: seed.wrapping_mul(1_000).wrapping_add(place),
                history: Arc::clone(history),
                replies: Mutex::default(),
                is_writing: AtomicBool::new(false),
                is_streaming: options.streams && place % 2 == 0,
                streamed: Mutex::default(),
                numbers: Arc::clone(&numbers),
            })
        })
        .collect()
}

impl Desk {
    /// A new document from one of the desk's agencies.
    pub fn letter(
        &self,
        from: AgencyCode,
        to: Vec<AgencyCode>,
        document_id: String,
        bytes: usize,
    ) -> Letter {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        Letter::new(from, to, document_id, number, bytes)
    }

    /// A message about an earlier document.
    pub fn about(&self, from: AgencyCode, about: (AgencyCode, String), kind: Kind) -> Letter {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let letter = Letter::new(from, Vec::new(), format!("{}/{number}", about.1), number, 60);
        Letter { kind, about: Some(about), ..letter }
    }

    /// Hands a letter in until it is answered for good. `None`: it was refused.
    pub async fn post(&self, country: &Country, letter: usize) -> Option<AcceptedAnswer> {
        let written = self.history.lock().letters.get(letter).cloned()?;
        let mut pause = Duration::from_millis(200);
        loop {
            let (written, caller, ix) = (written.clone(), self.caller.clone(), self.platform);
            let answer = country
                .ask(ix, move |pipeline| async move {
                    let submission = written.submission(&caller);
                    match pipeline.platform(ix) {
                        Some(platform) => pipeline.accept_one(platform, submission).await,
                        None => Err(Reason::Unavailable.into()),
                    }
                })
                .await;
            if let Some(answer) = answer {
                let at = country.clock.now();
                let told = answer.clone().map_err(|rejection| rejection.reason);
                self.history.lock().told.push(super::history::Told { letter, at, answer: told });
                match answer {
                    Ok(accepted) => return Some(accepted),
                    Err(rejection) if !is_worth_repeating(rejection.reason) => return None,
                    Err(_later) => {}
                }
            }
            country.clock.sleep_until(country.clock.now().plus(pause)).await;
            pause = (pause * 2).min(Duration::from_secs(10));
        }
    }

    fn complain(&self, about: String) {
        self.history.lock().complaints.push(about);
    }
}

async fn author_at(
    desk: Arc<Desk>,
    country: Arc<Country>,
    author: u64,
    everybody: Arc<[AgencyCode]>,
) {
    let mut random = Random::stream(desk.seed, author);
    let options = desk.options.clone();
    for number in 0..options.letters_per_author {
        pause(&country, &mut random, options.pause).await;
        let Some((_, from)) = pick(&mut random, &desk.agencies).copied() else { return };
        let to = recipients(&mut random, &everybody, from, options.fan_out_max);
        let document_id = format!("{}.{author}.{number}", desk.seed);
        let bytes = usize::try_from(random.below(options.body_bytes_max)).unwrap_or_default();
        // Now and then one that does not fit into one entry.
        let bytes = if random.chance(0.1) { bytes * 30 } else { bytes };
        let mut letter = desk.letter(from, to.clone(), document_id.clone(), bytes);
        if random.chance(options.urgent) {
            letter.urgency = Urgency::new(2).unwrap_or(Urgency::NORMAL);
        }
        let letter = desk.history.lock().write(letter);
        let Some(answer) = desk.post(&country, letter).await else { continue };
        if random.chance(options.repeated) {
            desk.post(&country, letter).await;
        }
        let (updated, recalled, by_status) =
            (random.chance(options.updated), random.chance(options.recalled), random.chance(0.5));
        let to: Vec<AgencyCode> = answer.receivers.iter().map(|receiver| receiver.agency).collect();
        if updated {
            pause(&country, &mut random, options.pause / 4).await;
            let update = desk.about(from, (from, document_id.clone()), Kind::Update);
            let update = desk.history.lock().write(Letter { to: to.clone(), ..update });
            desk.post(&country, update).await;
        }
        if recalled {
            pause(&country, &mut random, options.pause / 4).await;
            let kind = if by_status { Kind::Status } else { Kind::Recall };
            let mut recall = desk.about(from, (from, document_id), kind);
            recall.status = by_status.then_some(BusinessStatus::RecallRequested);
            recall.to = if by_status { Vec::new() } else { to };
            let recall = desk.history.lock().write(recall);
            desk.post(&country, recall).await;
        }
    }
}

/// Writes the replies of one member, one after the other.
async fn clerk_at(desk: Arc<Desk>, country: Arc<Country>) {
    loop {
        let reply = desk.replies.lock().pop_front();
        let Some(reply) = reply else {
            desk.is_writing.store(false, Ordering::Relaxed);
            country.clock.sleep_until(country.clock.now().plus(Duration::from_millis(500))).await;
            continue;
        };
        desk.is_writing.store(true, Ordering::Relaxed);
        let letter = desk.about(reply.from, reply.about, Kind::Status);
        let letter = Letter { status: Some(reply.status), ..letter };
        let letter = desk.history.lock().write(letter);
        desk.post(&country, letter).await;
    }
}

/// Looks at the member's outboxes.
async fn sender_at(desk: Arc<Desk>, country: Arc<Country>) {
    loop {
        look_at_sent(&desk, &country).await;
        let next = country.clock.now().plus(desk.options.poll * 4);
        country.clock.sleep_until(next).await;
    }
}

/// Notes what the sender is shown of everything it sent. False when nobody answered.
pub async fn look_at_sent(desk: &Desk, country: &Country) -> bool {
    let (ix, agencies) = (desk.platform, desk.agencies.clone());
    let rows =
        country.ask(ix, move |pipeline| async move {
            let mut rows = Vec::new();
            if let Some(platform) = pipeline.platform(ix) {
                let post = platform.post.lock();
                for (agency, _) in agencies {
                    let sent = post.tracking.sent(agency, None, ROWS_MAX);
                    rows.extend(sent.iter().map(|row| {
                        (row.delivery.receiver, row.delivery.state, row.delivery.refused)
                    }));
                }
            }
            rows
        });
    let Some(rows) = rows.await else { return false };
    let at = country.clock.now();
    let mut history = desk.history.lock();
    for (receiver, state, refused) in rows {
        history.look(receiver, Row { at, state, refused });
    }
    true
}

/// Asks for the story of each delivery whose end the sender has not seen: memory forgets what is done with.
pub async fn look_back(desk: &Desk, country: &Country) {
    let unsure: Vec<DocId> = {
        let history = desk.history.lock();
        let is_ours = |from: &AgencyCode| desk.agencies.iter().any(|(_, code)| code == from);
        let told = history.told.iter().filter(|told| {
            history.letters.get(told.letter).is_some_and(|letter| is_ours(&letter.from))
        });
        told.filter_map(|told| told.answer.as_ref().ok())
            .flat_map(|answer| answer.receivers.iter().map(|receiver| receiver.doc_id))
            .filter(|id| history.rows.get(id).and_then(|rows| rows.last()).is_none_or(is_open))
            .collect()
    };
    for receiver in unsure {
        let ix = desk.platform;
        let story = country.ask(ix, move |pipeline| async move {
            let here = pipeline.platform(ix).map(|platform| platform.name.clone());
            let story = pipeline.story(receiver).await;
            let docs = story.into_iter().filter(|(name, _)| Some(name) == here.as_ref());
            let deliveries = docs.flat_map(|(_, docs)| docs).flat_map(|doc| doc.deliveries);
            deliveries.filter(|delivery| delivery.receiver == receiver).last()
        });
        if let Some(Some(delivery)) = story.await {
            let (state, refused) = (delivery.state, delivery.refused);
            let row = Row { at: country.clock.now(), state, refused };
            desk.history.lock().look(receiver, row);
        }
    }
}

fn is_open(row: &Row) -> bool {
    matches!(
        row.state,
        DeliveryState::UnderWay | DeliveryState::Initial | DeliveryState::Processing
    )
}

async fn reader_at(desk: Arc<Desk>, country: Arc<Country>) {
    let mut random = Random::stream(desk.seed, 1_000);
    let mut memory = Memory::default();
    loop {
        pause(&country, &mut random, desk.options.poll).await;
        let shown = if desk.is_streaming {
            std::mem::take(&mut *desk.streamed.lock())
        } else {
            list(&desk, &country).await
        };
        let fresh = notice(&desk, &mut memory, &shown);
        check_bodies(&desk, &country, &fresh).await;
        for item in &fresh {
            answer(&desk, &mut random, item);
        }
        confirm(&desk, &country, &mut random, &mut memory, shown).await;
    }
}

/// What is open in the member's inboxes.
async fn list(desk: &Desk, country: &Country) -> Vec<Shown> {
    let (ix, agencies) = (desk.platform, desk.agencies.clone());
    let shown = country.ask(ix, move |pipeline| async move {
        let mut shown = Vec::new();
        let at = pipeline.now();
        if let Some(platform) = pipeline.platform(ix) {
            let post = platform.post.lock();
            for (id, agency) in agencies {
                let (items, _) = post.tracking.inbox(id, &InboxFilter::default(), ROWS_MAX);
                shown.extend(items.iter().map(|(doc, delivery)| Shown {
                    agency,
                    receiver: delivery.receiver,
                    accepted: Arc::clone(&doc.accepted),
                    at,
                }));
            }
        }
        shown
    });
    shown.await.unwrap_or_default()
}

/// Keeps a receive stream open, and begins it again when it broke or the member tired of it.
async fn stream_to(desk: Arc<Desk>, country: Arc<Country>) {
    let mut random = Random::stream(desk.seed, 2_000);
    loop {
        let leases = 1 + random.below(20);
        let ours = Arc::clone(&desk);
        country.ask(desk.platform, move |pipeline| receive(ours, pipeline, leases)).await;
        pause(&country, &mut random, desk.options.poll / 2).await;
    }
}

async fn receive(desk: Arc<Desk>, pipeline: Arc<SimPipeline>, leases: u64) {
    let Some(platform) = pipeline.platform(desk.platform) else { return };
    let agencies = desk.agencies.iter().map(|(id, _)| *id).collect();
    let stream = pipeline.listen(platform, agencies);
    for _ in 0..leases {
        stream.ready().await;
        loop {
            let leased = stream.lease(16, 1 << 20);
            if leased.is_empty() {
                break;
            }
            let at = pipeline.now();
            desk.streamed.lock().extend(leased.into_iter().map(|item| Shown {
                agency: item.agency,
                receiver: item.receiver,
                accepted: item.accepted,
                at,
            }));
        }
    }
}

/// Notes what is new, and complains about what should not be there any more.
fn notice(desk: &Desk, memory: &mut Memory, shown: &[Shown]) -> Vec<Shown> {
    let mut fresh = Vec::new();
    let mut once = BTreeSet::new();
    for item in shown {
        if !once.insert(item.receiver) && !desk.is_streaming {
            desk.complain(format!("{} lists {} twice", item.agency, item.receiver));
        }
        if memory.done.get(&item.receiver).is_some_and(|done| item.at > *done) {
            desk.complain(format!("{} is shown {} after it was done", item.agency, item.receiver));
        }
        if memory.known.insert(item.receiver) {
            let mut history = desk.history.lock();
            history.see(item.agency, item.receiver, &item.accepted, item.at);
            fresh.push(item.clone());
        }
    }
    fresh
}

/// Fetches each new document whole.
async fn check_bodies(desk: &Desk, country: &Country, fresh: &[Shown]) {
    for item in fresh {
        let (ix, caller, receiver) = (desk.platform, desk.caller.clone(), item.receiver);
        let body = country.ask(ix, move |pipeline| async move {
            let platform = pipeline.platform(ix)?;
            let found = pipeline.find(platform, &caller, receiver).await;
            match found {
                Ok(found) => Some(pipeline.body(&found.chunks).await.map_err(|e| e.to_string())),
                // QĐ 28/2018 Art. 9: recalled, and the recipient agreed.
                Err(rejection) if rejection.reason == Reason::ContentDestroyed => None,
                Err(rejection) => Some(Err(rejection.to_string())),
            }
        });
        let Some(Some(body)) = body.await else { continue };
        let told = item.accepted.body.as_ref().map(|body| body.sha256).unwrap_or_default();
        match body {
            Ok(body) if sha2::Sha256::digest(&body)[..] == told[..] => {}
            Ok(body) => {
                desk.complain(format!("{receiver}: {} bytes of something else", body.len()));
            }
            Err(why) => desk.complain(format!("{receiver} cannot be read: {why}")),
        }
    }
}

/// What the clerk will write because of a new item.
fn answer(desk: &Desk, random: &mut Random, item: &Shown) {
    let accepted = &item.accepted;
    let status = u8::try_from(accepted.status).ok().and_then(BusinessStatus::from_code);
    let recalls =
        accepted.kind() == Kind::Recall || status == Some(BusinessStatus::RecallRequested);
    let id = if recalls { accepted.answers_document_id() } else { accepted.document_id() };
    let Some(sender) = accepted.sender else { return };
    let words: &[BusinessStatus] = if recalls {
        &[BusinessStatus::ChangeAgreed]
    } else if accepted.kind() == Kind::New && random.chance(desk.options.answered) {
        &[BusinessStatus::Accepted, BusinessStatus::InProgress, BusinessStatus::Completed]
    } else {
        &[]
    };
    desk.replies.lock().extend(words.iter().map(|status| Reply {
        from: item.agency,
        about: (sender, id.to_owned()),
        status: *status,
    }));
}

/// Says what became of the items shown: some are taken first, a few fail. What got no answer is said again.
async fn confirm(
    desk: &Desk,
    country: &Country,
    random: &mut Random,
    memory: &mut Memory,
    shown: Vec<Shown>,
) {
    let mut open = BTreeMap::new();
    for item in shown.into_iter().filter(|item| !memory.done.contains_key(&item.receiver)) {
        open.insert(item.receiver, item);
    }
    if open.is_empty() {
        return;
    }
    let words: Vec<Word> = open
        .keys()
        .map(|receiver| {
            let is_first = memory.taken.insert(*receiver);
            let ends = if random.chance(desk.options.failed) {
                DeliveryState::Fail
            } else {
                DeliveryState::Done
            };
            let ends = *memory.ends.entry(*receiver).or_insert(ends);
            let is_slow = is_first && random.chance(0.3);
            let state = if is_slow { DeliveryState::Processing } else { ends };
            Word { receiver: *receiver, state, description: String::new() }
        })
        .collect();
    let (ix, caller, said) = (desk.platform, desk.caller.clone(), words.clone());
    let answers = country.ask(ix, move |pipeline| async move {
        let platform = pipeline.platform(ix)?;
        Some(pipeline.confirm(platform, &caller, said).await)
    });
    let answers = answers.await.flatten();
    let at = country.clock.now();
    for (place, word) in words.into_iter().enumerate() {
        match answers.as_ref().and_then(|answers| answers.get(place)) {
            Some(Ok(())) => {
                desk.history.lock().confirmed.insert(word.receiver, word.state);
                if word.state != DeliveryState::Processing {
                    memory.done.insert(word.receiver, at);
                    open.remove(&word.receiver);
                }
            }
            Some(Err(rejection)) if !is_worth_repeating(rejection.reason) => {
                desk.complain(format!("{:?} of {}: {rejection}", word.state, word.receiver));
            }
            Some(Err(_)) | None => {
                desk.history.lock().unanswered.insert(word.receiver, word.state);
            }
        }
    }
    // A stream shows an item once; a list shows it until it is done.
    if desk.is_streaming {
        desk.streamed.lock().extend(open.into_values());
    }
}

fn recipients(
    random: &mut Random,
    everybody: &[AgencyCode],
    from: AgencyCode,
    fan_out_max: u64,
) -> Vec<AgencyCode> {
    let count = 1 + random.below(fan_out_max);
    let mut to = BTreeSet::new();
    for _ in 0..count {
        to.extend(pick(random, everybody).filter(|code| **code != from));
    }
    if to.is_empty() {
        to.extend(everybody.iter().find(|code| **code != from));
    }
    to.into_iter().collect()
}

fn pick<'a, T>(random: &mut Random, from: &'a [T]) -> Option<&'a T> {
    from.get(usize::try_from(random.below(from.len() as u64)).unwrap_or_default())
}

async fn pause(country: &Country, random: &mut Random, mean: Duration) {
    let wait = Duration::from_secs_f64(random.exponential(mean.as_secs_f64()));
    country.clock.sleep_until(country.clock.now().plus(wait)).await;
}

/// Items of one list.
const ROWS_MAX: usize = 100_000;
