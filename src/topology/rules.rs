//! `[[provider]]` with its `[provider.behaviour]` and `[[provider.rule]]`: how a simulated system behaves and answers from the
//! start.

use super::mistake::{Code, Mistake};
use super::reader::{Log, Table};
use super::services::unknown_system;
use crate::domain::behaviour::Behaviour;
use crate::rules::{Rule, RuleSet};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// By the name of the simulated system, which is one of `systems`.
pub(super) fn read(
    tables: Vec<Table<'_>>,
    systems: &[&str],
    log: &Log,
) -> (BTreeMap<String, RuleSet>, BTreeMap<String, Behaviour>) {
    let mut found: BTreeMap<String, RuleSet> = BTreeMap::new();
    let mut behaviours = BTreeMap::new();
    for mut table in tables {
        let name = table.required_string("name");
        if let Some(unknown) = name.as_ref().filter(|name| !systems.contains(name.get_ref())) {
            log.push(unknown_system(unknown, systems));
        }
        let name = name.map(Spanned::into_inner);
        let only = table.boolean("only").unwrap_or_default();
        let mut set = RuleSet { only, rules: Vec::new() };
        for rule in table.tables("rule", "[[provider.rule]]") {
            set.rules.extend(one(&rule, log));
        }
        let span = table.span();
        let behaviour = table
            .has("behaviour")
            .then(|| behaviour(&table.table("behaviour", "[provider.behaviour]"), log));
        table.finish();
        for (_, vi, en) in set.contradictions() {
            log.push(Mistake::new(Code::BadRule, span.clone(), vi, en));
        }
        let Some(name) = name else { continue };
        if found.contains_key(name) {
            log.push(Mistake::new(
                Code::BadRule,
                span,
                format!("đã có [[provider]] `{name}`"),
                format!("there is a [[provider]] `{name}` already"),
            ));
        }
        found.insert(name.to_owned(), set);
        behaviours.extend(behaviour.flatten().map(|of| (name.to_owned(), of)));
    }
    (found, behaviours)
}

fn behaviour(table: &Table<'_>, log: &Log) -> Option<Behaviour> {
    let read = serde_json::from_value::<Behaviour>(object(table.entries()));
    let (key, vi, en) = match read {
        Ok(read) => match read.check() {
            Ok(()) => return Some(read),
            Err(bad) => (bad.key, format!("`{}`: {}", bad.key, bad.vi), bad.to_string()),
        },
        Err(error) => ("", format!("không đọc được: {error}"), error.to_string()),
    };
    let span = span_of(table.entries(), &[key.to_owned()]).unwrap_or_else(|| table.span());
    log.push(Mistake::new(Code::BadRule, span, vi, en));
    None
}

fn one(table: &Table<'_>, log: &Log) -> Option<Arc<Rule>> {
    match Rule::read(&object(table.entries())) {
        Ok(rule) => Some(Arc::new(rule)),
        Err(mistakes) => {
            for mistake in mistakes {
                let span = span_of(table.entries(), &mistake.at).unwrap_or_else(|| table.span());
                let at = mistake.at.join(".");
                log.push(Mistake::new(
                    Code::BadRule,
                    span,
                    format!("`{at}`: {}", mistake.vi),
                    format!("`{at}`: {}", mistake.en),
                ));
            }
            None
        }
    }
}

/// Where the innermost key stands that is there.
fn span_of(entries: &DeTable<'_>, at: &[String]) -> Option<Range<usize>> {
    let (first, more) = at.split_first()?;
    let (key, value) = entries.iter().find(|(key, _)| key.get_ref() == first.as_str())?;
    let inside = value.get_ref().as_table().and_then(|entries| span_of(entries, more));
    Some(inside.unwrap_or_else(|| if more.is_empty() { value.span() } else { key.span() }))
}

fn object(entries: &DeTable<'_>) -> Value {
    let pairs = entries.iter().map(|(key, of)| (key.get_ref().to_string(), value(of.get_ref())));
    Value::Object(pairs.collect())
}

fn value(given: &DeValue<'_>) -> Value {
    match given {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(number) => {
            let read = i64::from_str_radix(number.as_str(), number.radix());
            read.map_or_else(|_too_large| Value::from(number.as_str()), Value::from)
        }
        DeValue::Float(number) => {
            let read = number.as_str().parse::<f64>();
            read.map_or_else(|_odd| Value::from(number.as_str()), Value::from)
        }
        DeValue::Boolean(truth) => Value::from(*truth),
        DeValue::Datetime(at) => Value::from(at.to_string()),
        DeValue::Array(items) => items.iter().map(|item| value(item.get_ref())).collect(),
        DeValue::Table(entries) => object(entries),
    }
}
