//! Flows across parties as the command line runs them, each against the whole country of `sandbox`: real platforms in a
//! process of their own, every party an ordinary member.

use super::cli::{Up, code, json, lienthong, run};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

fn flow(data: &Path, args: &[&str]) -> Value {
    let mut all = vec!["flow"];
    all.extend(args);
    json(data, &all)["flow"].clone()
}

/// The names of its steps and their states, in order.
fn steps(flow: &Value) -> Vec<(&str, &str)> {
    let text = |step: &'_ Value, name: &str| -> &'static str {
        Box::leak(step[name].as_str().unwrap().to_owned().into_boxed_str())
    };
    let steps = flow["steps"].as_array().unwrap();
    steps.iter().map(|step| (text(step, "name"), text(step, "state"))).collect()
}

fn state_of<'a>(flow: &'a Value, step: &str) -> &'a str {
    let steps = flow["steps"].as_array().unwrap();
    let found = steps.iter().find(|one| one["name"] == step);
    found.map_or("-", |one| one["state"].as_str().unwrap())
}

#[test]
fn every_flow_comes_to_its_end_and_is_one_story() {
    let up = Up::start(&[]);
    for (kind, last) in [
        ("birth", "portal-returned"),
        ("dossier", "portal-look"),
        ("land-tax", "portal-returned"),
        ("report", "approve"),
        ("ballot", "notice"),
    ] {
        let flow = flow(&up.data, &["run", kind, "--seed", "7"]);
        assert_eq!(flow["state"], "done", "{kind}: {flow}");
        assert_eq!(steps(&flow).last().unwrap(), &(last, "done"), "{kind}");
        let id = flow["id"].as_str().unwrap();
        // Every call of it is found under the one id, with its way.
        let calls = json(&up.data, &["calls", id]);
        let hops = calls["hops"].as_array().unwrap();
        assert!(hops.iter().all(|hop| hop["messageIssue"] == id), "{kind}");
        let asked =
            flow["steps"].as_array().unwrap().iter().filter(|step| step["service"] != "edxml");
        for step in asked {
            let message = &step["message_id"];
            assert!(hops.iter().any(|hop| hop["messageId"] == *message), "{kind}: {step}");
        }
        // An id of any kind is traced to its story.
        let traced = json(&up.data, &["trace", id]);
        assert_eq!((&traced["flow"]["id"], &traced["flow"]["state"]), (&id.into(), &"done".into()));
        let first = flow["steps"][0]["message_id"].as_str().unwrap();
        let traced = json(&up.data, &["trace", first]);
        assert!(!traced["hops"].as_array().unwrap().is_empty(), "{kind}: {traced}");
        assert!(traced["hops"].as_array().unwrap().iter().all(|hop| hop["messageId"] == first));
        if kind == "ballot" {
            let doc = flow["outcome"]["doc_id"].as_str().unwrap();
            let story = json(&up.data, &["trace", doc]).to_string();
            assert!(story.contains(id), "the document names its flow: {story}");
        }
    }
    let unknown = run(&up.data, &["trace", "H60-261122-99999999", "-o", "json"]);
    let refused: Value = serde_json::from_slice(&unknown.stdout).unwrap();
    assert_eq!((code(&unknown), &refused["error"]["code"]), (4, &"LT-O011".into()), "{refused}");
    // A child is what its databases say of it.
    let listed = json(&up.data, &["flow", "list"]);
    assert_eq!(listed["flows"].as_array().unwrap().len(), 5);
}

#[test]
fn a_party_that_fails_halfway_is_waited_for_shown_and_gone_on_from() {
    let up = Up::start(&[]);
    json(&up.data, &["provider", "behave", "hotich", "--maintenance"]);
    let output = run(
        &up.data,
        &["flow", "run", "birth", "--seed", "8", "--patience", "300ms", "-o", "json"],
    );
    assert_eq!(code(&output), 1);
    let stopped: Value = serde_json::from_slice(&output.stdout).unwrap();
    let stopped = &stopped["flow"];
    assert_eq!(
        (&stopped["state"], state_of(stopped, "civil-register")),
        (&"stopped".into(), "waiting")
    );
    assert_eq!(state_of(stopped, "portal-waiting"), "done", "the citizen was told: {stopped}");
    let id = stopped["id"].as_str().unwrap();
    json(&up.data, &["provider", "behave", "hotich"]);
    let done = flow(&up.data, &["resume", id]);
    assert_eq!((&done["state"], &done["id"]), (&"done".into(), &id.into()), "{done}");
    // What was done before the stop was not done again.
    let tries = |flow: &Value, name: &str| {
        let steps = flow["steps"].as_array().unwrap();
        steps.iter().find(|step| step["name"] == name).unwrap()["tries"].as_u64().unwrap()
    };
    assert_eq!(tries(&done, "portal-dossier"), 1);
    assert_eq!(tries(&done, "portal-login"), 2);
}

#[test]
fn a_party_that_dies_over_a_step_is_asked_again_before_anything_else() {
    let up = Up::start(&[]);
    let rule = up.data.join("cut.toml");
    let text = "when = { path = \"/dangKyHoTich\" }\nthen = { fault = \"cut\", body = \"{\", times = 2 }\nid = \"cut\"\n";
    std::fs::write(&rule, text).unwrap();
    json(&up.data, &["provider", "rule", "put", "hotich", rule.to_str().unwrap()]);
    let stopped = run(
        &up.data,
        &["flow", "run", "birth", "--seed", "11", "--patience", "50ms", "-o", "json"],
    );
    let stopped: Value = serde_json::from_slice(&stopped.stdout).unwrap();
    let stopped = &stopped["flow"];
    assert_eq!(state_of(stopped, "civil-register"), "in_doubt", "{stopped}");
    let done = flow(&up.data, &["resume", stopped["id"].as_str().unwrap()]);
    assert_eq!(done["state"], "done", "{done}");
}

#[test]
fn who_may_not_ask_is_told_so_and_goes_on_when_the_right_is_granted_again() {
    let up = Up::start(&[]);
    json(&up.data, &["revoke", "bhxh", "--to", "everyone"]);
    let output = run(&up.data, &["flow", "run", "birth", "--seed", "9", "-o", "json"]);
    assert_eq!(code(&output), 1);
    let barred: Value = serde_json::from_slice(&output.stdout).unwrap();
    let barred = &barred["flow"];
    assert_eq!(
        (&barred["state"], state_of(barred, "insurance")),
        (&"stopped".into(), "refused"),
        "{barred}"
    );
    // Nobody has decided about the child: to its parents the dossier is at work, not stopped.
    assert_eq!(
        (state_of(barred, "portal-waiting"), state_of(barred, "portal-stopped")),
        ("done", "-")
    );
    json(&up.data, &["grant", "bhxh", "--to", "everyone"]);
    let done = flow(&up.data, &["resume", barred["id"].as_str().unwrap()]);
    assert_eq!(
        (&done["state"], state_of(&done, "portal-returned")),
        (&"done".into(), "done"),
        "{done}"
    );
}

#[test]
fn what_an_agency_refuses_is_stopped_at_the_portal_and_over() {
    let up = Up::start(&[]);
    let rule = up.data.join("no.toml");
    let text = "id = \"no\"\nwhen = { path = \"/dangKyHoTich\" }\nthen = { status = 200, body = '{\"status\":0,\"message\":\"sai thông tin mẹ\"}' }\n";
    std::fs::write(&rule, text).unwrap();
    json(&up.data, &["provider", "rule", "put", "hotich", rule.to_str().unwrap()]);
    let output = run(&up.data, &["flow", "run", "birth", "--seed", "12", "-o", "json"]);
    assert_eq!(code(&output), 1);
    let refused: Value = serde_json::from_slice(&output.stdout).unwrap();
    let refused = &refused["flow"];
    assert_eq!(
        (state_of(refused, "civil-register"), state_of(refused, "portal-stopped")),
        ("refused", "done"),
        "{refused}"
    );
    assert_eq!(refused["state"], "refused");
    json(&up.data, &["provider", "rule", "delete", "hotich", "no"]);
    let again = json(&up.data, &["flow", "resume", refused["id"].as_str().unwrap()]);
    assert_eq!((&again["exit"], &again["error"]["code"]), (&4.into(), &"LT-O036".into()));
    assert!(again["error"]["detail"].as_str().unwrap().contains("sai thông tin mẹ"), "{again}");
    let shown = flow(&up.data, &["show", refused["id"].as_str().unwrap()]);
    assert_eq!(&shown, refused, "nothing was asked again");
}

#[test]
fn an_answer_about_taxes_that_nobody_signed_is_not_believed() {
    let up = Up::start(&[]);
    let rule = up.data.join("forged.toml");
    let text = "id = \"forged\"\nwhen = { method = \"POST\" }\nthen = { status = 200, headers = { content-type = \"text/xml\" }, body = '<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><a/></s:Body></s:Envelope>' }\n";
    std::fs::write(&rule, text).unwrap();
    let service = "GuiPhieuChuyenThongTin";
    json(&up.data, &["provider", "rule", "put", service, rule.to_str().unwrap()]);
    let run_it = ["flow", "run", "land-tax", "--seed", "13", "--patience", "50ms", "-o", "json"];
    let stopped = run(&up.data, &run_it);
    let stopped: Value = serde_json::from_slice(&stopped.stdout).unwrap();
    let stopped = &stopped["flow"];
    assert_eq!(state_of(stopped, "tax-slip"), "in_doubt", "{stopped}");
    json(&up.data, &["provider", "rule", "delete", service, "forged"]);
    let done = flow(&up.data, &["resume", stopped["id"].as_str().unwrap()]);
    assert_eq!(done["state"], "done", "{done}");
    let due = done["outcome"]["so_tien"].as_u64().unwrap();
    let notice = done["outcome"]["so_thong_bao"].as_str().unwrap();
    assert!(due > 0 && notice.starts_with("LTB-"), "{done}");
}

#[test]
fn a_flow_whose_runner_is_killed_is_seen_as_stopped_and_ends_once() {
    let up = Up::start(&[]);
    json(&up.data, &["provider", "behave", "hotich", "--pace", "1"]);
    let mut runner = lienthong(&up.data)
        .args(["flow", "run", "birth", "--seed", "10"])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // It waits for civil status, which takes three minutes at this pace.
    let told = BufReader::new(runner.stderr.take().unwrap());
    let mut told = told.lines().map(Result::unwrap);
    assert!(told.any(|line| line.contains("Chờ cơ quan hộ tịch")), "it waits");
    let id = json(&up.data, &["flow", "list"])["flows"][0]["id"].as_str().unwrap().to_owned();
    let twice = run(&up.data, &["flow", "resume", &id]);
    assert_eq!(code(&twice), 2, "nobody else may run it meanwhile");
    runner.kill().unwrap();
    runner.wait().unwrap();
    let seen = flow(&up.data, &["show", &id]);
    assert_eq!(seen["state"], "stopped", "{seen}");
    // The registration is in the database; it is not entered twice.
    let child =
        seen["steps"].as_array().unwrap().iter().find(|one| one["name"] == "civil-register");
    assert_eq!(child.unwrap()["state"], "done");
    let output = run(&up.data, &["flow", "resume", &id, "--patience", "300ms", "-o", "json"]);
    let again: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(state_of(&again["flow"], "civil-status"), "waiting", "{again}");
}
