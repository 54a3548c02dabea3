//! Flows that the operator's API is asked to run: in the background, so many at once, by the process itself.

use super::{Answer, request, send};
use crate::cli::{Up, json};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::path::Path;

async fn ask(up: &Up, method: Method, path: &str, body: &str) -> Answer {
    send(up.operator(), request(up.operator(), method, path, body)).await
}

async fn refused(up: &Up, path: &str, body: &str) -> (u16, String, String) {
    let answer = ask(up, Method::POST, path, body).await;
    let detail = answer.json()["error"]["detail"].as_str().unwrap().to_owned();
    (answer.status.as_u16(), answer.code(), detail)
}

/// Orders a flow and gives the place where it is found.
async fn ordered(up: &Up, path: &str, body: &str) -> String {
    let answer = ask(up, Method::POST, path, body).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
    let flow = &answer.json()["flow"];
    assert_eq!(flow["state"], "running", "{flow}");
    assert_eq!(flow["input"], Value::Null, "the operator sees no payload");
    let place = answer.headers["location"].to_str().unwrap().to_owned();
    assert_eq!(place, format!("/api/v1/flows/{}", flow["id"].as_str().unwrap()));
    place
}

/// Looks until it is so.
async fn until(up: &Up, place: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    loop {
        let flow = ask(up, Method::GET, place, "").await.json()["flow"].clone();
        if is_so(&flow) {
            return flow;
        }
    }
}

async fn ended(up: &Up, place: &str) -> Value {
    until(up, place, |flow| flow["state"] != "running").await
}

fn is_at(flow: &Value, step: &str, state: &str) -> bool {
    let steps = flow["steps"].as_array().unwrap();
    steps.iter().any(|one| one["name"] == step && one["state"] == state)
}

/// The country of `sandbox` in which only one flow runs at once.
fn narrow(folder: &Path) -> Up {
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/config/");
    let text = std::fs::read_to_string(format!("{config}sandbox.toml")).unwrap();
    let text = text.replace("directory/agencies.csv", &format!("{config}directory/agencies.csv"));
    let file = folder.join("narrow.toml");
    std::fs::write(&file, format!("{text}\n[limits]\nflows_max = 1\n")).unwrap();
    Up::start(&["--config", file.to_str().unwrap()])
}

#[tokio::test]
async fn operator_runs_a_flow_behind_the_answer_to_its_end() {
    let up = Up::start(&[]);
    for kind in ["birth", "ballot"] {
        let body = json!({ "kind": kind, "seed": 7, "patience_ms": 60_000 }).to_string();
        let place = ordered(&up, "/api/v1/flows", &body).await;
        let done = ended(&up, &place).await;
        assert_eq!(done["state"], "done", "{done}");
        // What is done stays as it is.
        let again = ask(&up, Method::POST, &format!("{place}/resume"), "").await;
        assert_eq!((again.status, &again.json()["flow"]), (StatusCode::OK, &done));
    }
    let by_office = json!({ "kind": "report", "from": "000.00.00.H26", "seed": 7 }).to_string();
    let place = ordered(&up, "/api/v1/flows", &by_office).await;
    let done = ended(&up, &place).await;
    assert_eq!(
        (&done["state"], &done["parties"]["office"]["agency"]),
        (&json!("done"), &json!("H26"))
    );
    assert_eq!(json(&up.data, &["flow", "list"])["flows"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn operator_goes_on_with_a_flow_that_stood_still() {
    let up = Up::start(&[]);
    json(&up.data, &["provider", "behave", "hotich", "--maintenance"]);
    let body = json!({ "kind": "birth", "patience_ms": 0 }).to_string();
    let place = ordered(&up, "/api/v1/flows", &body).await;
    let stopped = ended(&up, &place).await;
    assert!(is_at(&stopped, "civil-register", "waiting"), "{stopped}");
    json(&up.data, &["provider", "behave", "hotich"]);
    assert_eq!(ordered(&up, &format!("{place}/resume"), "").await, place);
    let done = ended(&up, &place).await;
    assert_eq!((&done["state"], &done["id"]), (&json!("done"), &stopped["id"]));
}

#[tokio::test]
async fn operator_refuses_a_flow_that_cannot_run_and_one_too_many() {
    let folder = tempfile::tempdir().unwrap();
    let up = narrow(folder.path());
    let hour = json!({ "kind": "birth", "patience_ms": 3_600_001 }).to_string();
    for (path, body, status, code, detail) in [
        ("/api/v1/flows", "{\"kind\":\"death\"}", 400, "LT-O006", "land-tax"),
        ("/api/v1/flows", "{\"kind\":\"birth\",\"who\":1}", 400, "LT-O006", "who"),
        ("/api/v1/flows", "{\"kind\":\"birth\",\"from\":\"/\"}", 400, "LT-O005", "/"),
        ("/api/v1/flows", "{\"kind\":\"birth\",\"from\":\"H99\"}", 409, "LT-O033", "H99"),
        ("/api/v1/flows", &hour, 400, "LT-O005", "3600000"),
        ("/api/v1/flows/H60-1/resume", "", 404, "LT-O032", ""),
        ("/api/v1/flows/H60-1/resume?patience_ms=x", "", 400, "LT-O005", ""),
    ] {
        let told = refused(&up, path, body).await;
        assert_eq!((told.0, told.1.as_str()), (status, code), "{path} {body}: {told:?}");
        assert!(told.2.contains(detail), "{told:?}");
    }
    json(&up.data, &["provider", "behave", "hotich", "--maintenance"]);
    let place = ordered(&up, "/api/v1/flows", "{\"kind\":\"birth\"}").await;
    until(&up, &place, |flow| is_at(flow, "civil-register", "waiting")).await;
    let full = ask(&up, Method::POST, "/api/v1/flows", "{\"kind\":\"report\"}").await;
    assert_eq!((full.status.as_u16(), full.code().as_str()), (503, "LT-O034"));
    assert_eq!(full.headers["retry-after"], "2");
    json(&up.data, &["provider", "behave", "hotich"]);
    assert_eq!(ended(&up, &place).await["state"], "done");
    // There is room again.
    let place = ordered(&up, "/api/v1/flows", "{\"kind\":\"report\"}").await;
    assert_eq!(ended(&up, &place).await["state"], "done");
}

#[tokio::test]
async fn operator_runs_no_flow_twice_at_once() {
    let up = Up::start(&[]);
    json(&up.data, &["provider", "behave", "hotich", "--maintenance"]);
    let place = ordered(&up, "/api/v1/flows", "{\"kind\":\"birth\"}").await;
    until(&up, &place, |flow| is_at(flow, "civil-register", "waiting")).await;
    let twice = refused(&up, &format!("{place}/resume"), "").await;
    assert_eq!((twice.0, twice.1.as_str()), (409, "LT-O035"));
    json(&up.data, &["provider", "behave", "hotich"]);
    assert_eq!(ended(&up, &place).await["state"], "done");
}
