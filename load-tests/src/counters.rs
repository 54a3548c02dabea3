//! What all parts of a run share, and what each sending or receiving task counts for itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hdrhistogram::Histogram;

use crate::document::Documents;
use crate::judge::Marks;
use crate::runtime::{self, Pacer};

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) documents: Documents,
    pub(crate) span: Span,
    pub(crate) pacer: Option<Arc<Pacer>>,
    pub(crate) accepted: AtomicU64,
    pub(crate) delivered: AtomicU64,
}

impl Field {
    pub(crate) fn is_over(&self) -> bool {
        runtime::now() >= self.span.until
    }
}

/// What is measured: documents intended in this time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) from: u64,
    pub(crate) until: u64,
}

impl Span {
    pub(crate) const fn holds(self, moment: u64) -> bool {
        self.from <= moment && moment < self.until
    }
}

/// Times in nanoseconds, three digits, up to five minutes.
#[derive(Clone, Debug)]
pub(crate) struct Times(Histogram<u64>);

impl Times {
    pub(crate) fn record(&mut self, from: u64, until: u64) {
        self.0.saturating_record(until.saturating_sub(from).max(1));
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        // Both have the same bounds, so that nothing can be out of range.
        self.0.add(&other.0).unwrap_or_default();
    }

    pub(crate) const fn histogram(&self) -> &Histogram<u64> {
        &self.0
    }
}

impl Default for Times {
    fn default() -> Self {
        #[expect(clippy::expect_used, reason = "the bounds are constants that a test has tried")]
        Self(Histogram::new_with_bounds(1, 300_000_000_000, 3).expect("constant bounds"))
    }
}

/// What one sending task saw.
#[derive(Debug, Default)]
pub(crate) struct Sending {
    pub(crate) accepted: Marks,
    pub(crate) refused: Marks,
    /// From the intended moment to the receipt.
    pub(crate) receipts: Times,
    /// How late the generator itself was, waiting for credit not counted.
    pub(crate) lag: Times,
    pub(crate) errors: Errors,
}

impl Sending {
    /// Notes how late documents go out that could have gone since `free_since`.
    pub(crate) fn late(&mut self, field: &Field, intended: &[u64], free_since: u64) {
        let now = runtime::now();
        for &moment in intended.iter().filter(|&&moment| field.span.holds(moment)) {
            self.lag.record(moment.max(free_since), now);
        }
    }
}

/// What one receiving task saw.
#[derive(Debug, Default)]
pub(crate) struct Receiving {
    pub(crate) delivered: Marks,
    /// From the intended moment of sending to the arrival.
    pub(crate) deliveries: Times,
    pub(crate) corrupted: u64,
    pub(crate) misdelivered: u64,
    pub(crate) foreign: u64,
    pub(crate) errors: Errors,
}

/// How often, by refusal code or `grpc:CODE`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Errors(BTreeMap<String, u64>);

impl Errors {
    pub(crate) fn refusal(&mut self, code: &str) {
        self.add(code, 1);
    }

    pub(crate) fn status(&mut self, status: &tonic::Status) {
        self.add(&format!("grpc:{:?}", status.code()), 1);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (code, &count) in &other.0 {
            self.add(code, count);
        }
    }

    pub(crate) fn into_map(self) -> BTreeMap<String, u64> {
        self.0
    }

    fn add(&mut self, code: &str, count: u64) {
        if let Some(known) = self.0.get_mut(code) {
            *known += count;
        } else {
            self.0.insert(code.to_owned(), count);
        }
    }
}

pub(crate) fn bump(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}
