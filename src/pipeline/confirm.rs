//! The recipient's word: the state of a delivery, checked and journalled.

use super::{Pipeline, Platform, Ports};
use crate::domain::agency::AgencyCode;
use crate::domain::directory::{AgencyId, Caller};
use crate::domain::envelope::DocId;
use crate::domain::fact::{Confirmed, DeliveryState, Expired, Fact, id_bytes};
use crate::domain::rejection::{Place, Reason, Rejection};
use crate::domain::tracking::{Destination, Verdict};
use crate::journal::{Content, Entry};
use bytes::Bytes;

/// One confirmation: the receiver's DocId, the new state, and what the recipient says about it.
#[derive(Clone, Debug)]
pub struct Word {
    pub receiver: DocId,
    pub state: DeliveryState,
    pub description: String,
}

impl<P: Ports> Pipeline<P> {
    /// Confirms deliveries to agencies that the caller speaks for. One answer each, durable and folded.
    pub async fn confirm(
        &self,
        platform: &Platform,
        caller: &Caller,
        words: Vec<Word>,
    ) -> Vec<Result<(), Rejection>> {
        let mut answers: Vec<Result<(), Rejection>> = Vec::with_capacity(words.len());
        let mut groups: Vec<Group> = Vec::new();
        let inboxes = inboxes_of(platform, &words);
        for (word, inbox) in words.into_iter().zip(inboxes) {
            let checked = if self.is_open() {
                self.check_word(platform, caller, &word, inbox).await
            } else {
                Err(Reason::Unavailable.into())
            };
            if matches!(checked, Ok(true)) {
                match groups.last_mut().filter(|group| group.says(&word)) {
                    Some(group) => group.add(answers.len(), word.receiver),
                    None => groups.push(Group::new(answers.len(), word)),
                }
            }
            answers.push(checked.map(drop));
        }
        let now = self.now();
        let member = Bytes::copy_from_slice(caller.id().as_bytes());
        let entries = groups.iter_mut().map(|group| {
            let confirmed = Confirmed {
                receivers: std::mem::take(&mut group.receivers).into(),
                state: group.state as i32,
                description: std::mem::take(&mut group.description),
                member: member.clone(),
                at: now.0,
            };
            let content = Content::Fact(Fact::Confirmed(confirmed));
            Entry { id: self.entry_id(), platform: platform.id, at: now, content }
        });
        let outcome = self.append_words(entries.collect()).await;
        for (entry, group) in groups.iter().enumerate() {
            group.answer(outcome.as_ref().map(|verdicts| verdicts.get(entry)), &mut answers);
        }
        answers
    }

    /// Ends inbox items that nobody took within `inbox_days_max`, with a notice to their senders.
    pub async fn expire_unread(&self) {
        let now = self.now();
        for platform in &self.platforms {
            let old =
                platform.post.lock().tracking.unread_since(now.minus(self.limits.inbox_age_max));
            let entries: Vec<Entry> = old
                .into_iter()
                .take(EXPIRED_AT_ONCE_MAX)
                .map(|receiver| {
                    let content = Content::Fact(Fact::Expired(Expired {
                        receiver: id_bytes(receiver),
                        at: now.0,
                    }));
                    Entry { id: self.entry_id(), platform: platform.id, at: now, content }
                })
                .collect();
            let count = entries.len();
            match self.append_words(entries).await {
                Ok(_) if count > 0 => {
                    tracing::info!(platform = %platform.name, count, "unread documents were given up");
                }
                Ok(_) => {}
                Err(rejection) => {
                    tracing::warn!(%rejection, "unread documents could not be given up");
                }
            }
        }
    }

    async fn append_words(&self, entries: Vec<Entry>) -> Result<Vec<Verdict>, Rejection> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let folded = self.append(entries).await?;
        Ok(self.await_folded(folded).await?.verdicts)
    }

    /// Is it in an inbox of the caller's? `Ok(false)` when it was confirmed long ago and nothing is left to do.
    async fn check_word(
        &self,
        platform: &Platform,
        caller: &Caller,
        word: &Word,
        inbox: Option<Inbox>,
    ) -> Result<bool, Rejection> {
        if !matches!(
            word.state,
            DeliveryState::Processing | DeliveryState::Done | DeliveryState::Fail
        ) {
            return Err(Rejection::new(Reason::BadTransition).at(Place::Parameter("status".into())));
        }
        match inbox {
            // Its own agencies first: a number is compared faster than a code.
            Some(Inbox::Here(id, code))
                if caller.member.agencies.contains(&id) || caller.speaks_for(&code) =>
            {
                Ok(true)
            }
            Some(Inbox::Here(..)) => Err(Reason::NotYourDocument.into()),
            Some(Inbox::Elsewhere) => Err(Reason::UnknownDocument.into()),
            None => self.check_old_word(platform, caller, word).await,
        }
    }

    /// A document that memory has forgotten was closed long ago: the same word again is fine, another is not.
    async fn check_old_word(
        &self,
        platform: &Platform,
        caller: &Caller,
        word: &Word,
    ) -> Result<bool, Rejection> {
        let Some(old) = self.old_document(platform, word.receiver).await else {
            return Err(Rejection::new(Reason::UnknownDocument).detail(word.receiver.to_string()));
        };
        let Some((_, delivery)) = old.delivery(word.receiver) else {
            return Err(Reason::UnknownDocument.into());
        };
        if !caller.speaks_for(&delivery.agency) {
            return Err(Reason::NotYourDocument.into());
        }
        if delivery.state == word.state { Ok(false) } else { Err(Reason::BadTransition.into()) }
    }
}

/// Where memory knows a delivery to lie.
enum Inbox {
    Here(AgencyId, AgencyCode),
    Elsewhere,
}

fn inboxes_of(platform: &Platform, words: &[Word]) -> Vec<Option<Inbox>> {
    let post = platform.post.lock();
    let inbox = |word: &Word| {
        let (_, delivery) = post.tracking.delivery(word.receiver)?;
        Some(match delivery.to {
            Some(Destination::Inbox(id)) => Inbox::Here(id, delivery.agency),
            Some(Destination::Link(_)) | None => Inbox::Elsewhere,
        })
    };
    words.iter().map(inbox).collect()
}

/// The same word on several deliveries: one fact.
struct Group {
    state: DeliveryState,
    description: String,
    /// DocIds one after the other.
    receivers: Vec<u8>,
    /// Where their answers stand.
    places: Vec<usize>,
}

impl Group {
    fn new(place: usize, word: Word) -> Self {
        let mut group = Self {
            state: word.state,
            description: word.description,
            receivers: Vec::new(),
            places: Vec::new(),
        };
        group.add(place, word.receiver);
        group
    }

    fn says(&self, word: &Word) -> bool {
        self.state == word.state
            && self.description == word.description
            && self.places.len() < WORDS_PER_FACT_MAX
    }

    fn add(&mut self, place: usize, receiver: DocId) {
        self.receivers.extend_from_slice(&receiver.to_bytes());
        self.places.push(place);
    }

    fn answer(
        &self,
        outcome: Result<Option<&Verdict>, &Rejection>,
        answers: &mut [Result<(), Rejection>],
    ) {
        let mut say = |place: &usize, rejection: Rejection| {
            if let Some(answer) = answers.get_mut(*place) {
                *answer = Err(rejection);
            }
        };
        match outcome {
            Ok(Some(Verdict::Confirmed { refused })) => {
                for (at, reason) in refused {
                    self.places.get(*at).into_iter().for_each(|place| say(place, (*reason).into()));
                }
            }
            Ok(_) => self.places.iter().for_each(|place| say(place, Reason::Internal.into())),
            Err(rejection) => self.places.iter().for_each(|place| say(place, rejection.clone())),
        }
    }
}

/// Words in one fact: the fold holds its lock for no longer than so many.
const WORDS_PER_FACT_MAX: usize = 64;

/// Unread items that are given up in one go.
const EXPIRED_AT_ONCE_MAX: usize = 1_000;
