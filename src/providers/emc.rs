//! EMC, the monitoring of online services (domain.md 4.10): portals report each dossier event, agencies read counts.
//!
//! `TrackingMCDT` and its fields are the source's; its answer and the statistics are assumed.

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::http::{Fault, Outcome, Request, Route, dispatch};
use super::input::{Code, Flag, Text, Whole};
use super::moment::{local, parse_date};
use super::table::{Bounds, Table};
use super::{Answer, Call, Description, Kind, Provider, Sureness};

/// Days of sites that are counted.
const DAYS: Bounds = Bounds { rows_max: 50_000, bytes_max: 32 << 20 };
/// Dossiers that are told apart.
const PROFILES: Bounds = Bounds { rows_max: 200_000, bytes_max: 64 << 20 };
const DAY_BYTES: usize = 256;
const PROFILE_BYTES: usize = 64;
/// Levels of online service; level 2 is no longer used.
const LEVELS: [usize; 4] = [0, 1, 3, 4];

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
/// A beacon needs no leave of the other site, and nobody waits for its answer.
const TRACKER: &str = include_str!("gov-tracking.min.js");

static DESCRIPTION: Description = Description {
    code: "emc",
    owner: "G06",
    system: "EMC",
    version: "1.0",
    title_vi: "Giám sát, đo lường mức độ cung cấp và sử dụng dịch vụ công (EMC)",
    title_en: "Monitoring of online public services (EMC)",
    sureness: Sureness::Source,
    kind: Kind::OpenApi(include_str!("openapi/emc.json")),
};

pub(super) const ROUTES: &[Route<Monitoring>] = &[
    Route { method: "POST", template: "/TrackingMCDT", run: Monitoring::track },
    Route { method: "GET", template: "/Statistics/{SiteId}", run: Monitoring::statistics },
    Route { method: "GET", template: "/gov-tracking.min.js", run: Monitoring::tracker },
];

#[derive(Debug)]
pub struct Monitoring {
    counted: Mutex<Counted>,
}

#[derive(Debug)]
struct Counted {
    /// By site and `yyyy-MM-dd`.
    days: Table<(String, String), Counts>,
    /// By site and dossier.
    profiles: Table<(String, String), ()>,
}

#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Counts {
    events: u64,
    /// Dossiers seen for the first time.
    profiles: u64,
    /// Index: 0 other, 1 received, 2 processing, 3 returned, 4 assigned.
    by_status: [u64; 5],
    /// Index: 1 online, 2 direct.
    by_forms_reception: [u64; 3],
    by_forms_payments: [u64; 3],
    by_level: [u64; 5],
    from_dvcqg: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    site_id: Code,
    code_profile: Text<1, 64>,
    #[serde(rename = "CodeTTHC")]
    #[expect(dead_code, reason = "read to be checked; the counts do not need it")]
    procedure: Text<1, 64>,
    #[serde(rename = "NameTTHC")]
    #[expect(dead_code, reason = "read to be checked; the counts do not need it")]
    procedure_name: Option<Text<0, 1000>>,
    status: Whole<0, 4>,
    forms_reception: Whole<1, 2>,
    forms_payments: Whole<0, 2>,
    level: Whole<0, 4>,
    #[serde(rename = "IsFromDVCQG")]
    is_from_portal: Option<Flag>,
    #[serde(rename = "IsDVCBC")]
    #[expect(dead_code, reason = "read to be checked; the counts do not need it")]
    is_postal: Option<Flag>,
    #[expect(dead_code, reason = "personal data is not kept")]
    data: Option<Value>,
    #[expect(dead_code, reason = "personal data is not kept")]
    user: Option<Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Told<'a> {
    status: u8,
    message: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statistics<'a> {
    site_id: &'a str,
    total: Counts,
    days: Vec<Day<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Day<'a> {
    date: &'a str,
    #[serde(flatten)]
    counts: &'a Counts,
}

impl Default for Monitoring {
    fn default() -> Self {
        Self::new()
    }
}

impl Monitoring {
    pub const fn new() -> Self {
        Self::bounded(DAYS, PROFILES)
    }

    const fn bounded(days: Bounds, profiles: Bounds) -> Self {
        let counted = Counted { days: Table::new(days), profiles: Table::new(profiles) };
        Self { counted: Mutex::new(counted) }
    }

    fn track(&self, request: &Request<'_>) -> Outcome {
        let event: Event = request.json()?;
        let level = index(event.level.0);
        if !LEVELS.contains(&level) {
            return Err(Fault::bad_request("Level phải là 0, 1, 3 hoặc 4"));
        }
        let site = event.site_id.to_string();
        let day = (site.clone(), local(request.call.now_ms).date().to_string());
        let profile = (site, event.code_profile.to_string());
        let mut counted = self.counted.lock();
        // Room first, counting last: a refused event leaves no trace in the counts.
        if !counted.days.contains(&day) {
            let bytes = DAY_BYTES.saturating_add(day.0.len());
            counted.days.put(day.clone(), Counts::default(), bytes)?;
        }
        let is_new = !counted.profiles.contains(&profile);
        if is_new {
            let bytes =
                profile.0.len().saturating_add(profile.1.len()).saturating_add(PROFILE_BYTES);
            counted.profiles.put(profile, (), bytes)?;
        }
        if let Some(counts) = counted.days.get_mut(&day) {
            counts.events += 1;
            counts.profiles += u64::from(is_new);
            counts.from_dvcqg += u64::from(event.is_from_portal.is_some_and(|flag| flag.0));
            add(&mut counts.by_status, index(event.status.0));
            add(&mut counts.by_forms_reception, index(event.forms_reception.0));
            add(&mut counts.by_forms_payments, index(event.forms_payments.0));
            add(&mut counts.by_level, level);
        }
        Ok(Answer::json(200, &Told { status: 1, message: "Thành công" }))
    }

    /// What portals embed: `<script src="…/gov-tracking.min.js" data-site-id="1001"></script>`, then
    /// `govTracking.track({…})` at each event of a dossier.
    fn tracker(&self, _: &Request<'_>) -> Outcome {
        Ok(Answer::new(200, JAVASCRIPT, TRACKER))
    }

    fn statistics(&self, request: &Request<'_>) -> Outcome {
        let from = date_of(request, "FromDate")?.unwrap_or_default();
        let to = date_of(request, "ToDate")?.unwrap_or_else(|| "9999-12-31".to_owned());
        let site = request.parameter();
        let counted = self.counted.lock();
        let mut known = counted.days.iter().filter(|((owner, _), _)| owner == site).peekable();
        if known.peek().is_none() {
            return Err(Fault::not_found("chưa có dữ liệu của SiteId này"));
        }
        let days: Vec<_> = known
            .filter(|((_, date), _)| (from.as_str()..=to.as_str()).contains(&date.as_str()))
            .map(|((_, date), counts)| Day { date, counts })
            .collect();
        let total = days.iter().fold(Counts::default(), |total, day| total.plus(day.counts));
        Ok(Answer::json(200, &Statistics { site_id: site, total, days }))
    }
}

impl Counts {
    fn plus(mut self, other: &Self) -> Self {
        self.events += other.events;
        self.profiles += other.profiles;
        self.from_dvcqg += other.from_dvcqg;
        sum(&mut self.by_status, &other.by_status);
        sum(&mut self.by_forms_reception, &other.by_forms_reception);
        sum(&mut self.by_forms_payments, &other.by_forms_payments);
        sum(&mut self.by_level, &other.by_level);
        self
    }
}

fn index(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

fn add(counts: &mut [u64], at: usize) {
    if let Some(count) = counts.get_mut(at) {
        *count += 1;
    }
}

fn sum(counts: &mut [u64], others: &[u64]) {
    for (count, other) in counts.iter_mut().zip(others) {
        *count += other;
    }
}

fn date_of(request: &Request<'_>, name: &str) -> Result<Option<String>, Fault> {
    let Some(text) = request.query.text(name)? else {
        return Ok(None);
    };
    let date = parse_date(text)
        .ok_or_else(|| Fault::bad_request(format!("{name} phải có dạng yyyy-MM-dd")))?;
    Ok(Some(date.to_string()))
}

fn word(fault: &Fault) -> Answer {
    Answer::json(fault.reason.status(), &Told { status: 0, message: &fault.message })
}

impl Provider for Monitoring {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        dispatch(self, ROUTES, call).unwrap_or_else(|fault| word(&fault))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::moment::DAY_MS;
    use super::super::tests::{Asker, NOW, PROVINCE};
    use super::*;

    fn event(profile: &str, status: i64) -> Value {
        json!({"SiteId": "1001", "CodeProfile": profile, "CodeTTHC": "1.001193", "NameTTHC": "Khai sinh",
            "Status": status, "FormsReception": 1, "FormsPayments": 0, "Level": 4, "IsFromDVCQG": true,
            "IsDVCBC": "0", "Data": {"a": [1]}, "User": "x"})
    }

    #[test]
    fn events_are_counted_by_site_and_day() {
        let provider = Monitoring::new();
        let asker = Asker::new(&provider, PROVINCE);
        let fine = json!({"Status": 1, "Message": "Thành công"});
        assert_eq!(asker.post("/TrackingMCDT", &event("a", 1)), (200, fine));
        assert_eq!(asker.post("/TrackingMCDT", &event("a", 2)).0, 200);
        assert_eq!(asker.at(NOW + DAY_MS).post("/TrackingMCDT", &event("b", 1)).0, 200);
        let (_, all) = asker.get("/Statistics/1001");
        assert_eq!((&all["Total"]["Events"], &all["Total"]["Profiles"]), (&json!(3), &json!(2)));
        assert_eq!(all["Total"]["ByStatus"], json!([0, 2, 1, 0, 0]));
        let (_, first) = asker.get("/Statistics/1001?ToDate=2026-01-05");
        assert_eq!(
            (&first["Total"]["Events"], &first["Days"][0]["Date"]),
            (&json!(2), &json!("2026-01-05"))
        );
        assert_eq!(asker.get("/Statistics/1001?FromDate=2027-01-01").1["Days"], json!([]));
    }

    #[test]
    fn wrong_events_and_questions_are_refused() {
        let provider = Monitoring::new();
        let asker = Asker::new(&provider, PROVINCE);
        for (field, value) in [
            ("Status", json!(5)),
            ("Level", json!(2)),
            ("FormsReception", json!(0)),
            ("SiteId", json!(null)),
        ] {
            let mut wrong = event("a", 1);
            wrong[field] = value;
            let (status, answer) = asker.post("/TrackingMCDT", &wrong);
            assert_eq!((status, &answer["Status"]), (400, &json!(0)), "{field}");
        }
        assert_eq!(asker.get("/Statistics/1001").0, 404);
        assert_eq!(asker.get("/Statistics/1001?FromDate=5/1/2026").0, 400);
    }

    #[test]
    fn a_refused_event_is_not_counted() {
        let one = Bounds { rows_max: 1, bytes_max: 1_000 };
        let provider = Monitoring::bounded(one, one);
        let asker = Asker::new(&provider, PROVINCE);
        assert_eq!(asker.post("/TrackingMCDT", &event("a", 1)).0, 200);
        assert_eq!(asker.post("/TrackingMCDT", &event("b", 1)).0, 503);
        assert_eq!(asker.at(NOW + DAY_MS).post("/TrackingMCDT", &event("a", 1)).0, 503);
        assert_eq!(asker.get("/Statistics/1001").1["Total"]["Events"], 1);
    }
}
