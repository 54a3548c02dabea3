//! NDOP as platforms report to it and agencies read it.

use serde_json::{Value, json};

use super::super::moment::DAY_MS;
use super::super::tests::{Asker, NOW, PROVINCE};
use super::*;

const PLATFORM: &str = "VN:PLATFORM:lgsp-h60:NDOP";
const OTHER_PLATFORM: &str = "VN:PLATFORM:lgsp-g06:NDOP";

fn observed(n: i64, id: &str, role: &str, succeeded: bool) -> Value {
    json!({
        "n": n, "id": id, "role": role, "at": NOW, "consumer": "VN:GOV:000.00.06.H60:QLVB",
        "service": "VN:GOV:000.00.00.G06:DMDC/dmdc", "durationMs": 7, "requestBytes": 10,
        "responseBytes": 100, "succeeded": succeeded,
    })
}

fn report(through: i64, dropped: i64, observations: &[Value]) -> Value {
    json!({ "through": through, "dropped": dropped, "observations": observations })
}

#[test]
fn a_call_is_counted_once_however_many_platforms_tell_of_it() {
    let ndop = Observatory::new();
    let mine = [observed(1, "a", "Client", true), observed(4, "b", "Client", false)];
    let (status, told) = Asker::new(&ndop, PLATFORM).post("/observations", &report(5, 0, &mine));
    assert_eq!((status, told), (200, json!({ "through": 5, "observations": 2, "dropped": 0 })));
    let theirs = [observed(1, "a", "Producer", true)];
    Asker::new(&ndop, OTHER_PLATFORM).post("/observations", &report(1, 0, &theirs));
    let agency = Asker::new(&ndop, PROVINCE);
    for (by, key) in [
        ("service", "VN:GOV:000.00.00.G06:DMDC/dmdc"),
        ("owner", "G06"),
        ("consumer", "H60.06"),
        ("day", "2026-01-05"),
    ] {
        let told = agency.get(&format!("/statistics?by={by}")).1;
        let row = &told["rows"][0];
        assert_eq!((&row["key"], &row["calls"]), (&json!(key), &json!(2)));
        assert_eq!(
            (&told["total"]["failed"], &told["total"]["responseBytes"]),
            (&json!(1), &json!(200))
        );
    }
    let way = agency.get("/observations/a").1;
    let platforms: Vec<_> = way.as_array().unwrap().iter().map(|one| &one["platform"]).collect();
    assert_eq!(platforms, [PLATFORM, OTHER_PLATFORM]);
    assert_eq!(agency.get("/observations/c").0, 404);
}

#[test]
fn a_report_sent_again_changes_nothing_and_one_that_overlaps_adds_the_rest() {
    let ndop = Observatory::new();
    let platform = Asker::new(&ndop, PLATFORM);
    let first = report(2, 3, &[observed(2, "a", "Client", true)]);
    let once = platform.post("/observations", &first).1;
    assert_eq!(platform.post("/observations", &first).1, once);
    let rest = [observed(2, "a", "Client", true), observed(3, "b", "Client", true)];
    platform.post("/observations", &report(9, 0, &rest));
    let position = platform.get("/position").1;
    assert_eq!(position, json!({ "through": 9, "observations": 2, "dropped": 3 }));
    assert_eq!(Asker::new(&ndop, OTHER_PLATFORM).get("/position").1["through"], 0);
}

#[test]
fn days_are_chosen_and_what_finds_no_room_is_shown() {
    let ndop = Observatory::bounded(Bounds { rows_max: 1, bytes_max: 1_000 });
    let platform = Asker::new(&ndop, PLATFORM);
    let mut late = observed(2, "b", "Client", true);
    late["at"] = json!(NOW + DAY_MS);
    platform.post("/observations", &report(2, 0, &[observed(1, "a", "Client", true), late]));
    let told = platform.get("/statistics").1;
    assert_eq!((&told["total"]["calls"], &told["uncounted"]), (&json!(1), &json!(1)));
    assert_eq!(platform.get("/statistics?from=2026-01-06").1["total"]["calls"], 0);
    assert_eq!(platform.get("/statistics?from=6/1/2026").0, 400);
    assert_eq!(platform.get("/statistics?by=name").0, 400);
}

#[test]
fn documents_are_told_by_platform_direction_and_type_and_go_on_over_a_restart() {
    let ndop = Observatory::new();
    let platform = Asker::new(&ndop, PLATFORM);
    let documents = |since: i64, new: i64, confirmed: i64| {
        let rows = json!([
            { "direction": "fromMembers", "type": "new", "documents": new },
            { "direction": "toPlatforms", "type": "status", "documents": 4 },
        ]);
        let mut report = report(0, 0, &[]);
        report["documents"] = json!({
            "since": since, "rows": rows, "handedOn": 3, "confirmed": confirmed,
            "refusedMembers": 1, "refusedPlatforms": 0,
        });
        report
    };
    let row = |told: &Value, n: usize| told["platforms"][PLATFORM]["rows"][n]["documents"].clone();
    for told in [documents(NOW, 1, 0), documents(NOW, 5, 2), documents(NOW, 5, 2)] {
        assert_eq!(platform.post("/observations", &told).0, 200);
    }
    let told = Asker::new(&ndop, PROVINCE).get("/documents").1;
    assert_eq!((row(&told, 0), row(&told, 1)), (json!(5), json!(4)), "{told}");
    assert_eq!(told["platforms"][PLATFORM]["rows"][0]["direction"], "fromMembers");
    // It began anew, and an old report comes late.
    platform.post("/observations", &documents(NOW + 1, 2, 1));
    platform.post("/observations", &documents(NOW, 6, 2));
    let told = platform.get("/documents").1;
    assert_eq!((row(&told, 0), row(&told, 1)), (json!(7), json!(8)));
    assert_eq!(
        (&told["platforms"][PLATFORM]["confirmed"], &told["platforms"][PLATFORM]["handedOn"]),
        (&json!(3), &json!(6))
    );
    assert_eq!(platform.get("/position").1["observations"], 0);
    let mut wrong = documents(NOW, 1, 0);
    wrong["documents"]["rows"][0]["direction"] = json!("sideways");
    assert_eq!(platform.post("/observations", &wrong).0, 400);
}
