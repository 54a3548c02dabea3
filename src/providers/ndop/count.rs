//! How often who called what: counts by day, consumer and service, grouped as somebody asks.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::caller::agency_of;
use super::super::http::Fault;
use super::super::table::{Bounds, Table};
use super::Observation;

/// What is counted apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// `yyyy-MM-dd`
    pub(super) day: String,
    pub(super) consumer: String,
    pub(super) service: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    calls: u64,
    /// Of these.
    failed: u64,
    request_bytes: u64,
    response_bytes: u64,
    duration_ms: u64,
    duration_ms_max: u64,
}

/// By what the counts are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Owner,
    Consumer,
    Service,
    Day,
}

#[derive(Serialize)]
pub(super) struct Row {
    key: String,
    #[serde(flatten)]
    counts: Counts,
}

#[derive(Debug)]
pub(super) struct Counted {
    rows: Table<Key, Counts>,
    uncounted: u64,
}

/// Beside the texts of a key.
const ROW_BYTES: usize = 160;

impl By {
    const ALL: [(&'static str, Self); 4] = [
        ("service", Self::Service),
        ("owner", Self::Owner),
        ("consumer", Self::Consumer),
        ("day", Self::Day),
    ];

    pub(super) fn read(text: Option<&str>) -> Result<Self, Fault> {
        let Some(text) = text else { return Ok(Self::Service) };
        let known = Self::ALL.iter().find(|(name, _)| *name == text).map(|(_, by)| *by);
        known.ok_or_else(|| Fault::bad_request("by phải là owner, consumer, service hoặc day"))
    }

    pub(super) fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, by)| *by == self).map_or("", |(name, _)| name)
    }

    fn of(self, key: &Key) -> String {
        match self {
            Self::Owner => agency_of(&key.service),
            Self::Consumer => agency_of(&key.consumer),
            Self::Service => key.service.clone(),
            Self::Day => key.day.clone(),
        }
    }
}

impl Counted {
    pub(super) const fn new(bounds: Bounds) -> Self {
        Self { rows: Table::new(bounds), uncounted: 0 }
    }

    pub(super) fn add(&mut self, key: &Key, one: &Observation) {
        let bytes = key.consumer.len().saturating_add(key.service.len()).saturating_add(ROW_BYTES);
        if !self.rows.contains(key) && self.rows.put(key.clone(), Counts::default(), bytes).is_err()
        {
            // Refusing would hold up the platform for ever; that it is not in the rows is shown instead.
            self.uncounted += 1;
            return;
        }
        let Some(counts) = self.rows.get_mut(key) else { return };
        counts.add(Counts {
            calls: 1,
            failed: u64::from(!one.succeeded),
            request_bytes: one.request_bytes.0.unsigned_abs(),
            response_bytes: one.response_bytes.0.unsigned_abs(),
            duration_ms: one.duration_ms.0.unsigned_abs(),
            duration_ms_max: one.duration_ms.0.unsigned_abs(),
        });
    }

    pub(super) const fn uncounted(&self) -> u64 {
        self.uncounted
    }

    pub(super) fn grouped(&self, by: By, from: &str, to: &str) -> (Vec<Row>, Counts) {
        let (mut groups, mut total) = (BTreeMap::<String, Counts>::new(), Counts::default());
        let within = |key: &Key| (from..=to).contains(&key.day.as_str());
        for (key, counts) in self.rows.iter().filter(|(key, _)| within(key)) {
            groups.entry(by.of(key)).or_default().add(*counts);
            total.add(*counts);
        }
        (groups.into_iter().map(|(key, counts)| Row { key, counts }).collect(), total)
    }
}

impl Counts {
    fn add(&mut self, other: Self) {
        let sum = |own: &mut u64, other: u64| *own = own.saturating_add(other);
        sum(&mut self.calls, other.calls);
        sum(&mut self.failed, other.failed);
        sum(&mut self.request_bytes, other.request_bytes);
        sum(&mut self.response_bytes, other.response_bytes);
        sum(&mut self.duration_ms, other.duration_ms);
        self.duration_ms_max = self.duration_ms_max.max(other.duration_ms_max);
    }
}
