//! The evidence of calls: whatever is done to it afterwards is found.

use super::{Country, segments};
use lienthong::operator::calls::verify_all;
use std::path::Path;

const ECHO: &str = "/r1/VN/GOV/G06/DMDC/echo";

/// A country that made some calls and stopped.
async fn made() -> Country {
    let country = Country::start().await;
    for _ in 0..5 {
        assert_eq!(country.call("POST", ECHO, b"x").await.status, 200);
    }
    assert_eq!(country.call("GET", "/r1/VN/GOV/G06/DMDC/off", b"").await.status, 500);
    country
}

fn found(data: &Path) -> Vec<(String, String)> {
    let answer = verify_all(&data.join("evidence"), &data.join("pki").join("ca.pem")).unwrap();
    let faults = answer
        .logs
        .iter()
        .flat_map(|log| log.faults.iter().map(|fault| (log.platform.clone(), fault.what.clone())));
    let cross = answer.cross.iter().map(|what| ("cross".to_owned(), what.clone()));
    let all: Vec<_> = faults.chain(cross).collect();
    assert_eq!(answer.clean, all.is_empty());
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_byte_a_dropped_and_a_swapped_record_are_found() {
    let country = made().await;
    let (log, data) = (country.log("ndxp"), country.data);
    country.gateway.stop().await;
    assert_eq!(found(data.path()), []);
    let file = segments(&log).remove(0);
    let whole = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let with = |change: &dyn Fn(&mut Vec<String>)| {
        let mut changed: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        change(&mut changed);
        std::fs::write(&file, changed.join("\n") + "\n").unwrap();
        let found = found(data.path());
        std::fs::write(&file, &whole).unwrap();
        found
    };
    let flipped = with(&|lines| lines[2] = lines[2].replacen("POST", "POSU", 1));
    assert!(flipped.iter().any(|(platform, _)| platform == "ndxp"), "{flipped:?}");
    let dropped = with(&|lines| drop(lines.remove(3)));
    assert!(dropped.iter().any(|(platform, _)| platform == "ndxp"), "{dropped:?}");
    let swapped = with(&|lines| lines.swap(2, 3));
    assert!(swapped.iter().any(|(platform, _)| platform == "ndxp"), "{swapped:?}");
    let cut = with(&|lines| lines.truncate(4));
    assert!(!cut.is_empty(), "a cut tail is found by its anchor or by the peers");
    assert_eq!(found(data.path()), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_call_is_in_the_evidence_at_both_ends() {
    let country = made().await;
    for platform in ["ss-h60", "lgsp-g06"] {
        let record = country.records(platform, "").await.remove(0);
        assert_eq!(record["faultCode"], "LT-S304", "{platform}");
        assert_eq!(record["faultSide"], "provider");
        assert_eq!(record["faultAt"], "lgsp-g06");
        assert_eq!(record["succeeded"], false);
    }
    country.gateway.stop().await;
}
