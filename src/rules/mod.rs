//! Response rules: what a simulated system answers to calls that fit, instead of what it would answer by itself.
//!
//! A rule has criteria (`criteria`: method, path, query, headers, JSON pointers, paths into XML, the caller, the
//! state) and an answer (`answer`: text, JSON or a template, a delay, a fault, a new state). A system's rules
//! are a `Book`, which tries them in order, counts, keeps the state and notes the calls that nearly fitted.
//! Not to be mixed up with `domain/rules`, which documents must keep.
//!
//! Invariant: pure; whatever a caller or a rule holds, the time and the memory of one decision are bounded by the
//! constants of this room.

mod answer;
mod asked;
mod book;
mod criteria;
mod expect;
mod grammar;
mod miss;
mod path;
mod reader;
mod template;
#[cfg(test)]
mod tests;
mod xml;
mod xpath;

pub use answer::{Fault, Plan, Spoilt};
pub use asked::Asked;
pub use book::{Book, Counted, Decision, Full};
pub use miss::{Difference, Miss, NearRule};

use answer::Then;
use criteria::Criteria;
use reader::{Object, Root};
use serde_json::Value;
use std::sync::Arc;

/// Of one system.
pub const RULES_MAX: usize = 64;
/// Of one rule, as JSON.
pub const RULE_BYTES_MAX: usize = 64 << 10;
/// Of each sort (query, headers, pointers, paths, states) in one rule.
const CRITERIA_MAX: usize = 32;
/// A name or a value of a state, a header, an id.
const WORD_BYTES_MAX: usize = 256;
const DELAY_MS_MAX: u64 = 600_000;
const ORDER_DEFAULT: u64 = 100;
/// What is read of a body to look into it; criteria for the inside of a larger one do not fit.
const LOOKED_INTO_BYTES_MAX: usize = 1 << 20;

/// One rule, checked: it cannot fail but by its template.
#[derive(Debug)]
pub struct Rule {
    pub id: String,
    /// The lowest is tried first; rules of the same order by their ids.
    pub order: u64,
    /// As it was given.
    given: Value,
    when: Criteria,
    then: Then,
}

/// All rules of one system.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    /// What fits no rule is not answered by the system, but with the nearest rules.
    pub only: bool,
    pub rules: Vec<Arc<Rule>>,
}

/// What is wrong with a rule, and at which of its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleMistake {
    pub at: Vec<String>,
    pub vi: String,
    pub en: String,
}

impl Rule {
    /// Reads a rule, and compiles its patterns and its template. All mistakes are told at once.
    pub fn read(given: &Value) -> Result<Self, Vec<RuleMistake>> {
        let root = Root::default();
        let rule = Self::read_in(given, &root);
        root.finish(rule)
    }

    fn read_in(given: &Value, root: &Root) -> Option<Self> {
        let bytes = given.to_string().len();
        if bytes > RULE_BYTES_MAX {
            root.push(
                Vec::new(),
                format!("quy tắc dài {bytes} byte, tối đa {RULE_BYTES_MAX}"),
                format!("the rule has {bytes} bytes, at most {RULE_BYTES_MAX}"),
            );
            return None;
        }
        let mut table = Object::new(root, given)?;
        let id = table.string("id");
        if id.is_none() && !table.has("id") {
            table.push("id", "quy tắc cần `id`", "a rule needs an `id`");
        }
        if id.as_deref().is_some_and(|id| !is_id(id)) {
            table.push(
                "id",
                "`id` gồm 1 đến 64 chữ cái ASCII, chữ số, dấu chấm, gạch nối, gạch dưới",
                "an `id` is 1 to 64 ASCII letters, digits, dots, hyphens and underscores",
            );
        }
        let order = table.integer("order", 0, 1_000_000);
        let when = table.object("when").map(Criteria::read).unwrap_or_default();
        let then = table.object("then").map(Then::read).unwrap_or_default();
        table.finish();
        let order = order.unwrap_or(ORDER_DEFAULT);
        Some(Self { id: id?, order, given: given.clone(), when, then })
    }

    /// As it was given.
    pub const fn given(&self) -> &Value {
        &self.given
    }
}

impl RuleSet {
    /// Reads `{"only": …, "rules": […]}`; in a file of TOML the rules are called `rule`.
    pub fn read(given: &Value) -> Result<Self, Vec<RuleMistake>> {
        let root = Root::default();
        let set = Object::new(&root, given).map(|mut table| {
            let only = table.boolean("only").unwrap_or_default();
            let mut rules = Vec::new();
            for key in ["rules", "rule"] {
                for (place, one) in table.list(key).into_iter().enumerate() {
                    match Rule::read(one) {
                        Ok(rule) => rules.push(Arc::new(rule)),
                        Err(mistakes) => root.adopt(&[key.to_owned(), place.to_string()], mistakes),
                    }
                }
            }
            table.finish();
            let set = Self { only, rules };
            for (at, vi, en) in set.contradictions() {
                root.push(vec![at], vi, en);
            }
            set
        });
        root.finish(set)
    }

    /// What is wrong with rules that are right one by one: place, Vietnamese, English.
    pub fn contradictions(&self) -> Vec<(String, String, String)> {
        let mut found = Vec::new();
        for (place, rule) in self.rules.iter().enumerate() {
            if self.rules.iter().take(place).any(|before| before.id == rule.id) {
                let id = &rule.id;
                found.push((
                    "rules".to_owned(),
                    format!("đã có quy tắc `{id}`"),
                    format!("there is a rule `{id}` already"),
                ));
            }
        }
        if self.rules.len() > RULES_MAX {
            found.push((
                "rules".to_owned(),
                format!("nhiều hơn {RULES_MAX} quy tắc cho một hệ thống"),
                format!("more than {RULES_MAX} rules for one system"),
            ));
        }
        found
    }
}

impl RuleMistake {
    /// `when.json./a/b: …` in English.
    pub fn told(&self) -> String {
        if self.at.is_empty() {
            self.en.clone()
        } else {
            format!("{}: {}", self.at.join("."), self.en)
        }
    }
}

fn is_id(id: &str) -> bool {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    (1..=64).contains(&id.len()) && id.bytes().all(is_good)
}
