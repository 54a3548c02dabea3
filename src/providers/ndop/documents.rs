//! Documents of each platform by direction and type: counts only, as the platform last told them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::input::{Many, Object, Whole};
use super::MOMENT_MAX;

/// More than there are directions and types.
const ROWS_MAX: usize = 40;

type Number = Whole<0, { i64::MAX }>;

/// What a platform has counted since it began.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Documents {
    /// Milliseconds since 1970. A later one: the platform began anew.
    since: Whole<0, MOMENT_MAX>,
    rows: Many<Object<Row>, ROWS_MAX>,
    handed_on: Number,
    confirmed: Number,
    refused_members: Number,
    refused_platforms: Number,
}

#[derive(Debug, Deserialize)]
struct Row {
    direction: Direction,
    #[serde(rename = "type")]
    kind: Kind,
    documents: Number,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
enum Direction {
    FromMembers,
    FromPlatforms,
    ToInboxes,
    ToPlatforms,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
enum Kind {
    New,
    Recall,
    Update,
    Replace,
    Status,
}

/// Of one platform: what it counted before it last began, and since.
#[derive(Debug, Default)]
pub(super) struct Tallied {
    before: Totals,
    since: i64,
    now: Totals,
}

#[derive(Clone, Debug, Default)]
struct Totals {
    rows: BTreeMap<(Direction, Kind), u64>,
    handed_on: u64,
    confirmed: u64,
    refused_members: u64,
    refused_platforms: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Told {
    rows: Vec<ToldRow>,
    handed_on: u64,
    confirmed: u64,
    refused_members: u64,
    refused_platforms: u64,
}

#[derive(Serialize)]
struct ToldRow {
    direction: Direction,
    #[serde(rename = "type")]
    kind: Kind,
    documents: u64,
}

impl Tallied {
    /// A repeat changes nothing: the counts are what they are.
    pub(super) fn take(&mut self, documents: Documents) {
        if documents.since.0 < self.since {
            return;
        }
        if documents.since.0 > self.since {
            let ended = std::mem::take(&mut self.now);
            self.before.add(&ended);
        }
        self.since = documents.since.0;
        self.now = Totals::from(documents);
    }

    pub(super) fn told(&self) -> Told {
        let mut all = self.before.clone();
        all.add(&self.now);
        let row = |((direction, kind), documents)| ToldRow { direction, kind, documents };
        Told {
            rows: all.rows.into_iter().map(row).collect(),
            handed_on: all.handed_on,
            confirmed: all.confirmed,
            refused_members: all.refused_members,
            refused_platforms: all.refused_platforms,
        }
    }
}

impl Totals {
    fn add(&mut self, other: &Self) {
        let sum = |own: &mut u64, other: u64| *own = own.saturating_add(other);
        for (key, documents) in &other.rows {
            sum(self.rows.entry(*key).or_default(), *documents);
        }
        sum(&mut self.handed_on, other.handed_on);
        sum(&mut self.confirmed, other.confirmed);
        sum(&mut self.refused_members, other.refused_members);
        sum(&mut self.refused_platforms, other.refused_platforms);
    }
}

impl From<Documents> for Totals {
    fn from(told: Documents) -> Self {
        let number = |number: &Number| number.0.unsigned_abs();
        let rows = told.rows.0.iter();
        Self {
            rows: rows
                .map(|Object(row)| ((row.direction, row.kind), number(&row.documents)))
                .collect(),
            handed_on: number(&told.handed_on),
            confirmed: number(&told.confirmed),
            refused_members: number(&told.refused_members),
            refused_platforms: number(&told.refused_platforms),
        }
    }
}
