//! Commands over two processes of one data folder: each is typed once.

use super::{Doors, HERE, THERE};
use crate::cli::{Up, code, json, run, text};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;

const FROM: &str = "H60.06";

/// Two children of one topology file.
async fn start(data: &Path) -> (Doors, Up, Up) {
    let doors = Doors::open().await;
    let file = data.join("country.toml");
    std::fs::write(&file, doors.country()).unwrap();
    let started = [HERE, THERE].map(|platforms| {
        let mut args = vec!["--config", file.to_str().unwrap()];
        platforms.iter().for_each(|name| args.extend(["--platform", name]));
        let up = Up::start_on(data, &args);
        platforms.iter().for_each(|name| doors.lead_to(name, Some(address(&up, name))));
        up
    });
    let [here, there] = started;
    (doors, here, there)
}

/// Where other platforms reach one.
fn address(up: &Up, platform: &str) -> SocketAddr {
    let platforms = up.ready["platforms"].as_array().unwrap();
    let found = platforms.iter().find(|one| one["name"] == platform).unwrap();
    // What is called `mtls` at a security server is the platform's that it relays to.
    let name = if found["kind"] == "ss" { "calls" } else { "mtls" };
    found[name].as_str().unwrap().parse().unwrap()
}

fn call(data: &Path, service: &str, path: &str) -> (i32, String) {
    let called = run(data, &["call", service, path, "--from", FROM]);
    (code(&called), format!("{}{}", text(&called.stdout), text(&called.stderr)))
}

fn listed(data: &Path, service: &str) -> Value {
    let all = json(data, &["services", service]);
    all["services"].as_array().unwrap().first().cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rights_states_and_registrations_are_typed_once() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let (_doors, here, there) = start(data).await;
    let list = "/Category/magioitinh";
    assert_eq!(call(data, "dmdc", list).0, 0, "{:?}", call(data, "dmdc", list));
    let revoked = json(data, &["revoke", "dmdc", "--to", "H60"]);
    assert_eq!(revoked["service"]["rights"], serde_json::json!([]));
    let (exit, said) = call(data, "dmdc", list);
    assert!(exit == 4 && said.contains("LT-S303"), "{said}");
    assert_eq!(listed(data, "dmdc")["rights"], serde_json::json!([]), "as its home has it");
    json(data, &["grant", "dmdc", "--to", "H60", "--method", "get"]);
    assert_eq!(call(data, "dmdc", list).0, 0);
    json(data, &["service", "state", "dmdc", "disabled"]);
    assert_eq!(call(data, "dmdc", list).0, 4);
    let shown = json(data, &["service", "show", "dmdc"]);
    assert_eq!(shown["service"]["state"], "disabled");
    json(data, &["service", "state", "dmdc", "published"]);
    // The refusal is the one of whom it is about, not that of a process that has not the service.
    let missing = run(data, &["revoke", "dmdc", "--to", "H26"]);
    assert!(code(&missing) == 4 && text(&missing.stderr).contains("LT-O020"), "{missing:?}");
    // The hops of both processes, in the order of the call.
    let newest = json(data, &["calls", "--limit", "1"]);
    let id = newest["calls"][0]["xRequestId"].as_str().unwrap().to_owned();
    let story = json(data, &["calls", &id]);
    let hops = story["hops"].as_array().unwrap().iter().map(|hop| hop["platform"].clone());
    assert_eq!(hops.collect::<Vec<_>>(), ["lgsp-h60", "ndxp", "lgsp-g06"]);
    assert_eq!(json(data, &["evidence", "verify"])["clean"], true);
    drop(there);
    let late = run(data, &["grant", "dmdc", "--to", "H26"]);
    let said = text(&late.stderr);
    assert!(code(&late) == 4 && said.contains("LT-O027"), "{said}");
    assert!(said.contains("lienthong up --platform lgsp-g06"), "{said}");
    drop(here);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simulated_systems_behave_as_told_wherever_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let (_doors, here, there) = start(data).await;
    let list = "/Category/magioitinh";
    json(data, &["provider", "behave", "dmdc", "--maintenance"]);
    let (exit, said) = call(data, "dmdc", list);
    assert!(exit == 4 && said.contains("LT-S4"), "{said}");
    let all = json(data, &["provider", "list"]);
    let of_name = |one: &&Value| one["name"] == "dmdc";
    let rows: Vec<&Value> = all["providers"].as_array().unwrap().iter().filter(of_name).collect();
    assert!(rows.len() == 1 && rows[0]["behaviour"]["maintenance"] == true, "{rows:?}");
    json(data, &["provider", "behave", "dmdc"]);
    assert_eq!(call(data, "dmdc", list).0, 0);
    let given = "id = \"mine\"\nwhen = { path = \"/Category/{list}\" }\nthen = { json = {} }\n";
    let rule = here.file("rule.toml", given);
    json(data, &["provider", "rule", "put", "dmdc", &rule]);
    assert_eq!(call(data, "dmdc", list).0, 0);
    let rules = json(data, &["provider", "rules", "dmdc"]);
    assert_eq!(
        (&rules["rules"][0]["id"], &rules["rules"][0]["answered"]),
        (&"mine".into(), &1.into())
    );
    let gone = json(data, &["provider", "rule", "delete", "dmdc"]);
    assert_eq!(gone["rules"], serde_json::json!([]));
    let set = json(data, &["provider", "set", "dmdc", "real", "http://127.0.0.1:1"]);
    assert_eq!(set["service"]["target"], "real");
    assert_eq!(listed(data, "dmdc")["target"], "real");
    // What a platform can take is told of by the process that runs it.
    json(data, &["platform", "set", "lgsp-g06", "--maintenance"]);
    let shown = json(data, &["platform", "show"]);
    let platforms = shown["platforms"].as_array().unwrap();
    let find = |name: &str| platforms.iter().find(|one| one["name"] == name).unwrap();
    assert_eq!(platforms.len(), HERE.len() + THERE.len());
    assert_eq!(
        (&find("lgsp-g06")["changed"], &find("ndxp")["changed"]),
        (&true.into(), &false.into())
    );
    drop((here, there));
}
