//! What NDOP learns of documents: how many of which type went which way, and how many were not taken.

use crate::clock::Timestamp;
use crate::domain::envelope::Kind;
use crate::pipeline::{Counters, Way};
use crate::story::kind_name;
use serde::Serialize;
use std::sync::atomic::Ordering;

/// The counters of one platform at one moment, in the words of the simulated NDOP (`providers/ndop`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Documents {
    rows: Vec<Row>,
    /// Deliveries that neighbours have taken.
    handed_on: u64,
    /// Deliveries that recipients have confirmed.
    confirmed: u64,
    /// Submissions of members that were not taken.
    refused_members: u64,
    /// Recipients that neighbours handed on and that were not taken.
    refused_platforms: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Row {
    direction: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    documents: u64,
}

/// All there is to say; observations of calls are reported apart.
#[derive(Serialize)]
struct Report<'a> {
    through: u64,
    observations: [(); 0],
    documents: Counted<'a>,
}

#[derive(Serialize)]
struct Counted<'a> {
    /// Milliseconds since 1970: when the platform began to count. It counts anew after a restart.
    since: u64,
    #[serde(flatten)]
    counts: &'a Documents,
}

impl Documents {
    pub(super) fn read(counters: &Counters) -> Self {
        let mut rows = Vec::new();
        for way in Way::ALL {
            for kind in Kind::ALL {
                let documents = counters.ways.read(way, kind);
                if documents > 0 {
                    rows.push(Row { direction: direction(way), kind: kind_name(kind), documents });
                }
            }
        }
        Self {
            rows,
            handed_on: counters.handed_on.load(Ordering::Relaxed),
            confirmed: counters.confirmed.load(Ordering::Relaxed),
            refused_members: counters.refusals.total(),
            refused_platforms: counters.hop_refusals.total(),
        }
    }

    /// From members and neighbours.
    pub(super) fn taken(&self) -> u64 {
        let ways = [direction(Way::FromMember), direction(Way::FromNeighbour)];
        let rows = self.rows.iter().filter(|row| ways.contains(&row.direction));
        rows.map(|row| row.documents).sum()
    }

    pub(super) fn report(&self, through: u64, since: Timestamp) -> Vec<u8> {
        let documents = Counted { since: since.ms(), counts: self };
        serde_json::to_vec(&Report { through, observations: [], documents }).unwrap_or_default()
    }
}

const fn direction(way: Way) -> &'static str {
    match way {
        Way::FromMember => "fromMembers",
        Way::FromNeighbour => "fromPlatforms",
        Way::ToInbox => "toInboxes",
        Way::ToNeighbour => "toPlatforms",
    }
}
