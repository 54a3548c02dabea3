//! C10: what is called and sent is seen by NDOP, without slowing calls and without losing any (NĐ 278/2025).

use super::{COUNTRY, Country};
use crate::world::{accepted, channel, fields, start, topology};
use lienthong::domain::behaviour::Behaviour;
use lienthong::observe::FeedState;
use lienthong::wire::v1::exchange_client::ExchangeClient;
use serde_json::Value;

fn text() -> String {
    format!(
        r#"{COUNTRY}
[[service]]
id = "VN:GOV:G01:NDOP/ndop"
platform = "ss-db"
way = "distributed"
rights = ["everyone GET", "platforms POST /observations"]

[ndop]
service = "VN:GOV:G01:NDOP/ndop"
every_ms = 10
batch_max = 3
"#
    )
}

const ECHO: &str = "/r1/VN/GOV/G06/DMDC/echo";
const OFF: &str = "/r1/VN/GOV/G06/DMDC/off";
const H60: &str = "VN:GOV:000.00.00.H60:LGSP";
const NDOP: &str = "/r1/VN/GOV/G01/NDOP/ndop";

/// Asks NDOP until it has counted so many calls, the questions themselves left out; gives its rows by service.
async fn counted(country: &Country, calls: u64) -> Vec<(String, u64, u64)> {
    let mut last = Value::Null;
    for _ in 0..10_000 {
        last = country.call("GET", &format!("{NDOP}/statistics?by=service"), b"").await.json();
        let rows: Vec<_> = last["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| {
                let number = |name: &str| row[name].as_u64().unwrap();
                (row["key"].as_str().unwrap().to_owned(), number("calls"), number("failed"))
            })
            .filter(|(key, ..)| !key.ends_with("/ndop"))
            .collect();
        if rows.iter().map(|row| row.1).sum::<u64>() >= calls {
            return rows;
        }
    }
    panic!("NDOP never saw {calls} calls: {last}");
}

fn feed(country: &Country, platform: &str) -> FeedState {
    country.gateway.tap.as_ref().unwrap().states().get(platform).cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_made_and_refused_are_seen_by_ndop_once_each() {
    let country = Country::start_with(&text()).await;
    for _ in 0..7 {
        assert_eq!(country.call("POST", ECHO, b"bi mat").await.status, 200);
    }
    for _ in 0..2 {
        assert_eq!(country.call("GET", OFF, b"").await.fault().0, 500);
    }
    let refused = country.call("DELETE", "/r1/VN/GOV/G06/DMDC/dmdc/Category/x", b"").await;
    assert_eq!(refused.fault().1, "server.serverproxy.access_denied");
    let seen = counted(&country, 10).await;
    let service = |code: &str| format!("VN:GOV:000.00.00.G06:DMDC/{code}");
    assert_eq!(seen, [(service("dmdc"), 1, 1), (service("echo"), 7, 0), (service("off"), 2, 2)]);
    // One call is followed through every platform that carried it, by its correlation id.
    let made = all_records(&country).await;
    let echo = made.iter().find(|record| record["serviceCode"] == "echo").unwrap();
    let id = echo["xRequestId"].as_str().unwrap();
    let mut way = Vec::new();
    for _ in 0..10_000 {
        let told = country.call("GET", &format!("{NDOP}/observations/{id}"), b"").await;
        way = told.json().as_array().cloned().unwrap_or_default();
        if way.len() == 4 {
            break;
        }
    }
    let mut platforms: Vec<_> = way.iter().map(|one| one["platform"].as_str().unwrap()).collect();
    platforms.sort_unstable();
    let named = ["lgsp-g06", "lgsp-h60", "ndxp", "ss-h60"];
    assert_eq!(platforms, named.map(|name| format!("VN:PLATFORM:{name}:NDOP")));
    assert!(way.iter().all(|one| one["requestBytes"] == 6 && one["succeeded"] == true));
    // A member cannot report, and reports are not among the calls that people look at.
    let forged = country.call("POST", &format!("{NDOP}/observations"), b"{}").await;
    assert_eq!(forged.fault().1, "server.serverproxy.access_denied");
    assert_eq!(feed(&country, "ss-h60").dropped, 0);
    country.gateway.stop().await;
}

/// Asks NDOP until it has counted so many documents there; gives that platform's rows.
async fn documents(country: &Country, platform: &str, row: (&str, &str, u64)) -> Value {
    let mut last = Value::Null;
    for _ in 0..10_000 {
        last = country.call("GET", &format!("{NDOP}/documents"), b"").await.json();
        let told = &last["platforms"][format!("VN:PLATFORM:{platform}:NDOP")];
        let rows = told["rows"].as_array().cloned().unwrap_or_default();
        let is_it = |one: &Value| {
            (&one["direction"], &one["type"], &one["documents"])
                == (&row.0.into(), &row.1.into(), &row.2.into())
        };
        if rows.iter().any(is_it) {
            return told.clone();
        }
    }
    panic!("NDOP never saw {row:?} at {platform}: {last}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_are_seen_by_ndop_at_every_platform_by_direction_and_type() {
    let country = Country::start_with(&text()).await;
    let mut sender = ExchangeClient::new(channel(&country.gateway, "lgsp-h60", H60).await);
    for number in 0..3 {
        let letter = fields("H60.06", &["G06"], &format!("D{number}"), b"bi mat");
        accepted(sender.submit(letter).await.unwrap().into_inner());
    }
    documents(&country, "lgsp-h60", ("fromMembers", "new", 3)).await;
    documents(&country, "lgsp-h60", ("toPlatforms", "new", 3)).await;
    documents(&country, "axis", ("fromPlatforms", "new", 3)).await;
    let there = documents(&country, "lgsp-g06", ("toInboxes", "new", 3)).await;
    assert_eq!((&there["refusedMembers"], &there["refusedPlatforms"]), (&0.into(), &0.into()));
    assert!(!there.to_string().contains("H60"), "nobody is named: {there}");
    let nobody = fields("H60.06", &["Q99"], "D9", b"x");
    sender.submit(nobody).await.unwrap();
    for _ in 0..10_000 {
        let told = documents(&country, "lgsp-h60", ("fromMembers", "new", 3)).await;
        if told["refusedMembers"] == 1 {
            assert_eq!(feed(&country, "lgsp-h60").documents, 3);
            country.gateway.stop().await;
            return;
        }
    }
    panic!("NDOP never heard of the refusal");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ndop_that_is_down_holds_up_no_call_and_learns_of_all_later_even_after_a_restart() {
    let country = Country::start_with(&text()).await;
    let down = Behaviour { maintenance: true, ..Behaviour::default() };
    country.gateway.host.set_behaviour("ndop", down);
    for _ in 0..20 {
        assert_eq!(country.call("POST", ECHO, b"x").await.status, 200);
    }
    // It was asked, and said so.
    let mut state = FeedState::default();
    for _ in 0..10_000 {
        assert_eq!(country.call("POST", ECHO, b"x").await.status, 200);
        state = feed(&country, "ss-h60");
        if state.failures > 0 {
            break;
        }
    }
    assert!(state.failures > 0 && state.trouble.starts_with("LT-S"), "{state:?}");
    assert_eq!((state.reported, state.dropped), (0, 0));
    let made = made_by_members(&country).await;
    assert!(made > 20);
    let Country { gateway, data } = country;
    gateway.stop().await;
    let gateway = start(&topology(&text()), data.path()).await;
    let country = Country { gateway, data };
    let seen = counted(&country, made).await;
    assert_eq!(seen, [("VN:GOV:000.00.00.G06:DMDC/echo".to_owned(), made, 0)]);
    country.gateway.stop().await;
}

async fn made_by_members(country: &Country) -> u64 {
    let records = all_records(country).await;
    records.iter().filter(|record| record["clientMemberClass"] == "GOV").count() as u64
}

/// Everything that the security server of the callers wrote down, the newest first.
async fn all_records(country: &Country) -> Vec<Value> {
    let found = country.gateway.plane.platforms().iter().find(|p| &*p.name == "ss-h60").unwrap();
    found.evidence.flushed(found.evidence.head().number).await.unwrap();
    lienthong::evidence::find(&country.log("ss-h60"), "", usize::MAX, 1 << 30).unwrap().records
}
