//! NDOP, the observation of data sharing (NĐ 278/2025; domain.md 1.2 C10): platforms report what was called and sent,
//! never what was in it; agencies read who shares what with whom. The real interface is not public: all of it is assumed.
//!
//! Each platform reports its own records in their order, and says up to which one. A repeat is recognised by that, so
//! a platform that had no answer sends the same again.

mod count;
mod documents;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::http::{Fault, Outcome, Request, Route, dispatch, failure};
use super::input::{Many, Object, Text, Whole};
use super::moment::{local, parse_date};
use super::table::Bounds;
use super::{Answer, Call, Description, Kind, Provider, Sureness};
use count::{By, Counted, Key};
use documents::{Documents, Tallied};

/// Of one report.
pub const OBSERVATIONS_MAX: usize = 1_000;
/// Platforms that report; more are refused.
const REPORTERS_MAX: usize = 2_000;
/// Combinations of day, consumer and service that are told apart.
const ROWS: Bounds = Bounds { rows_max: 100_000, bytes_max: 64 << 20 };
/// The newest observations, to follow one call through its platforms.
const RECENT_MAX: usize = 20_000;
/// The last second of the year 9999.
const MOMENT_MAX: i64 = 253_402_300_799_000;

static DESCRIPTION: Description = Description {
    code: "ndop",
    owner: "G01",
    system: "NDOP",
    version: "1.0",
    title_vi: "Nền tảng giám sát chia sẻ dữ liệu (NDOP)",
    title_en: "Observation of data sharing (NDOP)",
    sureness: Sureness::Unsure,
    kind: Kind::OpenApi(include_str!("../openapi/ndop.json")),
};

pub(super) const ROUTES: &[Route<Observatory>] = &[
    Route { method: "GET", template: "/documents", run: Observatory::documents },
    Route { method: "POST", template: "/observations", run: Observatory::report },
    Route { method: "GET", template: "/observations/{id}", run: Observatory::follow },
    Route { method: "GET", template: "/position", run: Observatory::position },
    Route { method: "GET", template: "/statistics", run: Observatory::statistics },
];

/// What is observed of one call at one platform, or of one document where it was handed in.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Observation {
    /// Its place in the platform's own record.
    n: Whole<0, { i64::MAX }>,
    /// One for all platforms of a call.
    id: Text<1, 128>,
    role: Role,
    /// Milliseconds since 1970.
    at: Whole<0, MOMENT_MAX>,
    consumer: Text<0, 300>,
    service: Text<0, 300>,
    duration_ms: Whole<0, { i64::MAX }>,
    request_bytes: Whole<0, { i64::MAX }>,
    response_bytes: Whole<0, { i64::MAX }>,
    succeeded: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fault: Option<Text<0, 64>>,
}

/// Where in the way of a call the platform stands. A call is counted once: where its consumer is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
enum Role {
    Client,
    Relay,
    Producer,
}

#[derive(Debug, Deserialize)]
struct Report {
    /// The last record that this report accounts for, observed or not worth observing.
    through: Whole<0, { i64::MAX }>,
    /// Records that were gone before they could be reported.
    #[serde(default)]
    dropped: Option<Whole<0, { i64::MAX }>>,
    observations: Many<Object<Observation>, OBSERVATIONS_MAX>,
    /// What the platform has counted of documents.
    #[serde(default)]
    documents: Option<Object<Documents>>,
}

/// What one platform has reported so far.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Position {
    through: i64,
    observations: u64,
    dropped: u64,
}

#[derive(Debug)]
pub struct Observatory {
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    reporters: BTreeMap<String, Position>,
    counted: Counted,
    /// By platform, as `reporters`.
    documents: BTreeMap<String, Tallied>,
    /// With the platform that told it.
    recent: VecDeque<(String, Observation)>,
}

#[derive(Serialize)]
struct Told<'a> {
    platform: &'a str,
    #[serde(flatten)]
    observation: &'a Observation,
}

impl Default for Observatory {
    fn default() -> Self {
        Self::new()
    }
}

impl Observatory {
    pub const fn new() -> Self {
        Self::bounded(ROWS)
    }

    const fn bounded(rows: Bounds) -> Self {
        let seen = Seen {
            reporters: BTreeMap::new(),
            counted: Counted::new(rows),
            documents: BTreeMap::new(),
            recent: VecDeque::new(),
        };
        Self { seen: Mutex::new(seen) }
    }

    fn report(&self, request: &Request<'_>) -> Outcome {
        let report: Report = request.json()?;
        let platform = request.call.caller;
        let mut seen = self.seen.lock();
        let known = seen.reporters.get(platform).copied();
        if known.is_none() && seen.reporters.len() >= REPORTERS_MAX {
            return Err(super::table::Full.into());
        }
        let mut position = known.unwrap_or_default();
        // What is behind the last position was told before: nothing of it counts twice.
        let is_new = report.through.0 > position.through;
        for Object(observation) in report.observations.0 {
            if observation.n.0 > position.through {
                position.observations += 1;
                seen.take(platform, observation);
            }
        }
        if is_new {
            position.dropped += report.dropped.map_or(0, |lost| lost.0.unsigned_abs());
            position.through = report.through.0;
        }
        if let Some(Object(documents)) = report.documents {
            seen.documents.entry(platform.to_owned()).or_default().take(documents);
        }
        seen.reporters.insert(platform.to_owned(), position);
        Ok(Answer::json(200, &position))
    }

    /// Where whoever asks is to go on.
    fn position(&self, request: &Request<'_>) -> Outcome {
        let seen = self.seen.lock();
        let position = seen.reporters.get(request.call.caller).copied().unwrap_or_default();
        Ok(Answer::json(200, &position))
    }

    /// How many documents of which type went which way, by platform.
    fn documents(&self, _: &Request<'_>) -> Outcome {
        let seen = self.seen.lock();
        let platforms: BTreeMap<_, _> =
            seen.documents.iter().map(|(name, tallied)| (name.as_str(), tallied.told())).collect();
        Ok(Answer::json(200, &serde_json::json!({ "platforms": platforms })))
    }

    fn follow(&self, request: &Request<'_>) -> Outcome {
        let seen = self.seen.lock();
        let of_call = seen.recent.iter().filter(|(_, one)| &*one.id == request.parameter());
        let mut told: Vec<Told<'_>> =
            of_call.map(|(platform, observation)| Told { platform, observation }).collect();
        told.sort_by_key(|told| (told.observation.at.0, told.observation.role != Role::Client));
        if told.is_empty() {
            return Err(Fault::not_found("không có quan sát nào mang mã này"));
        }
        Ok(Answer::json(200, &told))
    }

    fn statistics(&self, request: &Request<'_>) -> Outcome {
        let by = By::read(request.query.text("by")?)?;
        let day = |name: &str| -> Result<Option<String>, Fault> {
            let Some(text) = request.query.text(name)? else { return Ok(None) };
            let date = parse_date(text);
            let date =
                date.ok_or_else(|| Fault::bad_request(format!("{name} phải có dạng yyyy-MM-dd")))?;
            Ok(Some(date.to_string()))
        };
        let from = day("from")?.unwrap_or_default();
        let to = day("to")?.unwrap_or_else(|| "9999-12-31".to_owned());
        let seen = self.seen.lock();
        let (rows, total) = seen.counted.grouped(by, &from, &to);
        Ok(Answer::json(
            200,
            &serde_json::json!({
                "by": by.as_str(),
                "total": total,
                "rows": rows,
                "uncounted": seen.counted.uncounted(),
                "platforms": seen.reporters,
            }),
        ))
    }
}

impl Seen {
    fn take(&mut self, platform: &str, observation: Observation) {
        if observation.role == Role::Client {
            let day = local(observation.at.0).date().to_string();
            let key = Key {
                day,
                consumer: observation.consumer.to_string(),
                service: observation.service.to_string(),
            };
            self.counted.add(&key, &observation);
        }
        if self.recent.len() >= RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back((platform.to_owned(), observation));
    }
}

impl Provider for Observatory {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        dispatch(self, ROUTES, call).unwrap_or_else(|fault| failure(&fault))
    }
}
