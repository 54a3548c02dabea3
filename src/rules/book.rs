//! The rules of one system at work: tried in their order, counted, with the states that they set and the calls that
//! fitted none of them.

use super::asked::{Asked, Facts};
use super::miss::{Difference, MISSES_MAX, Miss, NEAREST_MAX, NearRule, shown};
use super::template::Given;
use super::{Plan, RULES_MAX, Rule, RuleSet, Spoilt};
use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

#[derive(Debug, Default)]
pub struct Book {
    only: bool,
    /// In the order in which they are tried.
    rules: Vec<Counted>,
    states: BTreeMap<String, String>,
    /// The newest last.
    misses: VecDeque<Miss>,
}

/// A rule and how many calls it has answered.
#[derive(Clone, Debug)]
pub struct Counted {
    pub rule: Arc<Rule>,
    pub answered: u64,
}

/// A system has as many rules as it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a system has at most {RULES_MAX} rules")]
pub struct Full;

/// What is to become of a call.
#[derive(Debug)]
pub enum Decision {
    /// The system answers by itself.
    Pass,
    Answer(Result<Plan, Spoilt>),
    /// No rule fits, and nothing else is to answer.
    Nobody(Miss),
}

impl Book {
    pub fn new(set: &RuleSet) -> Self {
        let mut book = Self { only: set.only, ..Self::default() };
        book.rules = set.rules.iter().map(|rule| Counted::new(Arc::clone(rule))).collect();
        book.sort();
        book
    }

    pub const fn only(&self) -> bool {
        self.only
    }

    pub fn rules(&self) -> &[Counted] {
        &self.rules
    }

    pub const fn states(&self) -> &BTreeMap<String, String> {
        &self.states
    }

    /// Calls that fitted no rule, the newest first, without what they held.
    pub fn misses(&self) -> impl Iterator<Item = Miss> {
        self.misses.iter().rev().cloned().map(Miss::without_payload)
    }

    /// Replaces the rule of the same id; its count starts anew.
    pub fn put(&mut self, rule: Arc<Rule>) -> Result<(), Full> {
        let place = self.rules.iter().position(|known| known.rule.id == rule.id);
        if place.is_none() && self.rules.len() >= RULES_MAX {
            return Err(Full);
        }
        self.rules.retain(|known| known.rule.id != rule.id);
        self.rules.push(Counted::new(rule));
        self.sort();
        self.forget_states();
        Ok(())
    }

    pub fn remove(&mut self, id: &str) -> bool {
        let before = self.rules.len();
        self.rules.retain(|known| known.rule.id != id);
        self.forget_states();
        self.rules.len() < before
    }

    fn sort(&mut self) {
        self.rules.sort_by(|a, b| (a.rule.order, &a.rule.id).cmp(&(b.rule.order, &b.rule.id)));
    }

    /// States that no rule speaks of any more; so there are never more of them than rules can name.
    fn forget_states(&mut self) {
        let rules = &self.rules;
        self.states.retain(|name, _| {
            rules.iter().any(|known| {
                let sets = known.rule.then.set.iter().any(|(set, _)| set == name);
                sets || known.rule.when.states().any(|read| read == name)
            })
        });
    }

    /// The first rule that fits; its states are set and its count is taken.
    fn choose(&mut self, facts: &Facts<'_>) -> Option<(Counted, BTreeMap<String, String>)> {
        let states = &self.states;
        let fits = |known: &&mut Counted| known.differences(facts, states).is_empty();
        let chosen = self.rules.iter_mut().find(fits)?;
        chosen.answered = chosen.answered.saturating_add(1);
        let before = self.states.clone();
        for (name, value) in &chosen.rule.then.set {
            if value.is_empty() {
                self.states.remove(name);
            } else {
                self.states.insert(name.clone(), value.clone());
            }
        }
        Some((chosen.clone(), before))
    }

    /// Notes a call that fitted no rule.
    fn miss(&mut self, facts: &Facts<'_>) -> Miss {
        let asked = facts.asked;
        let likeness = |known: &Counted| {
            let path = shown(asked.path);
            strsim::osa_distance(&shown(known.rule.when.path_told()), &path)
        };
        let mut near: Vec<_> = self
            .rules
            .iter()
            .map(|known| (known.differences(facts, &self.states), likeness(known), known))
            .collect();
        near.sort_by_key(|(differences, likeness, _)| (differences.len(), *likeness));
        let nearest = near
            .into_iter()
            .take(NEAREST_MAX)
            .map(|(differences, _, known)| NearRule { rule: known.rule.id.clone(), differences });
        let miss = Miss {
            at_ms: asked.now_ms,
            method: shown(asked.method),
            path: shown(asked.path),
            caller: shown(asked.caller),
            correlation_id: shown(asked.correlation),
            answered: !self.only,
            nearest: nearest.collect(),
        };
        self.misses.push_back(miss.clone());
        if self.misses.len() > MISSES_MAX {
            self.misses.pop_front();
        }
        miss
    }
}

impl Counted {
    const fn new(rule: Arc<Rule>) -> Self {
        Self { rule, answered: 0 }
    }

    fn differences(&self, facts: &Facts<'_>, states: &BTreeMap<String, String>) -> Vec<Difference> {
        let mut found = self.rule.when.differences(facts, states);
        if let Some(times) = self.rule.then.times.filter(|times| self.answered >= *times) {
            let expected = format!("at most {times}");
            found.push(Difference::new("times", &expected, Some(&self.answered.to_string())));
        }
        found
    }
}

impl Book {
    /// Decides about one call. What a rule changes is changed before another call is looked at; the template is
    /// rendered after that, so that others need not wait for it.
    pub fn decide(book: &Mutex<Self>, asked: &Asked<'_>) -> Decision {
        let facts = Facts::new(asked);
        let mut open = book.lock();
        let Some((Counted { rule, answered }, states)) = open.choose(&facts) else {
            let miss = open.miss(&facts);
            return if open.only { Decision::Nobody(miss) } else { Decision::Pass };
        };
        drop(open);
        let parameters = rule.when.parameters(asked.path);
        let given = Given { parameters, states: &states, count: answered };
        Decision::Answer(rule.then.plan(&rule.id, &facts, given))
    }
}
