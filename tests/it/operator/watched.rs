//! What watches the process: events, health, metrics, and the descriptions of both APIs.

use super::{Desk, connect, request, state};
use crate::native::H60;
use crate::world::{channel, fields};
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::net::SocketAddr;

/// Reads server-sent events one by one.
struct Events {
    body: hyper::body::Incoming,
    rest: String,
}

impl Events {
    async fn open(to: SocketAddr) -> Self {
        let asked = request(to, Method::GET, "/api/v1/events", "");
        let response = connect(to).await.send_request(asked).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body(), rest: String::new() }
    }

    async fn next(&mut self) -> (String, Value) {
        loop {
            if let Some((event, rest)) = self.rest.split_once("\n\n") {
                let (name, data) = event.split_once('\n').unwrap();
                let name = name.strip_prefix("event: ").unwrap().to_owned();
                let data = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
                self.rest = rest.to_owned();
                return (name, data);
            }
            let frame = self.body.frame().await.unwrap().unwrap();
            self.rest.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operator_events_begin_with_a_snapshot_and_go_on_with_deltas() {
    let desk = Desk::open().await;
    let mut events = Events::open(desk.gateway.operator).await;
    let (name, snapshot) = events.next().await;
    assert_eq!((name.as_str(), snapshot["version"].as_u64()), ("snapshot", Some(1)));
    assert_eq!(snapshot["platforms"].as_array().unwrap().len(), 4);
    let sent = desk.send("D1").await;
    let (mut accepted, mut crossed, mut samples) = (0, Vec::new(), Vec::new());
    let mut last = 0;
    while accepted < 3 || crossed.len() < 2 {
        let (name, delta) = events.next().await;
        assert_eq!(name, "delta");
        assert!(delta["number"].as_u64().unwrap() > last, "in order");
        last = delta["number"].as_u64().unwrap();
        for platform in delta["platforms"].as_array().unwrap() {
            accepted += platform["accepted"].as_u64().unwrap();
        }
        for link in delta["links"].as_array().unwrap() {
            if link["deliveries"].as_u64().unwrap() > 0 {
                crossed.push((link["from"].to_string(), link["to"].to_string()));
            }
        }
        samples.extend(delta["documents"].as_array().unwrap().clone());
    }
    assert_eq!(accepted, 3, "taken in by three platforms");
    assert!(crossed.contains(&("\"axis\"".into(), "\"lgsp-g12\"".into())), "{crossed:?}");
    assert!(samples.iter().all(|sample| sample["doc_id"] == sent.doc_id.as_str()));
    desk.ask(Method::PUT, "/api/v1/conditions/links/lgsp-g12", "{\"down\":true}").await;
    desk.send("D2").await;
    loop {
        let (_, delta) = events.next().await;
        let links = delta["links"].as_array().unwrap().clone();
        if links.iter().any(|link| link["up"] == false && link["code"] == "LT-L001") {
            break;
        }
    }
    // A stop ends the stream instead of waiting for it.
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operator_health_turns_when_the_process_drains() {
    let desk = Desk::open().await;
    assert_eq!(desk.read("/healthz").await["status"], "ok");
    assert_eq!(desk.read("/readyz").await["reasons"], json!([]));
    desk.gateway.pipeline.drain();
    let answer = desk.get("/readyz").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json()["reasons"], json!(["draining"]));
    assert_eq!(desk.read("/healthz").await["status"], "ok", "draining is no illness");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operator_metrics_count_what_happened() {
    let desk = Desk::open().await;
    let sent = desk.send("D1").await;
    let mut sender = desk.sender().await;
    sender.submit(fields("H60", &["Q99"], "D2", b"x")).await.unwrap();
    desk.until(&sent.doc_id, |story| state(story) == "initial").await;
    let answer = desk.get("/metrics").await;
    assert_eq!(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    for line in [
        "lienthong_documents_accepted_total{platform=\"lgsp-h60\"} 1",
        "lienthong_documents_refused_total{platform=\"lgsp-h60\",door=\"member\",reason=\"receiver_unknown\"} 1",
        "lienthong_deliveries_arrived_total{platform=\"lgsp-g12\"} 1",
        "lienthong_hop_deliveries_accepted_total{platform=\"axis\"} 1",
        "lienthong_inbox_open_deliveries{platform=\"lgsp-g12\"} 1",
        "lienthong_link_up{platform=\"axis\",peer=\"lgsp-g12\"} 1",
        "lienthong_body_bytes_total{platform=\"lgsp-g12\"} 7",
        "lienthong_ready 1",
    ] {
        assert!(answer.text.lines().any(|found| found == line), "{line}\n{}", answer.text);
    }
    assert!(answer.text.contains("\nprocess_cpu_seconds_total "));
    desk.close().await;
}

/// Names, sorts, labels and help of every family: what dashboards and alert rules rely on.
#[test]
fn the_catalogue_of_metrics_is_as_promised() {
    let mut text = String::new();
    for family in lienthong::telemetry::FAMILIES {
        let sort = format!("{:?}", family.sort).to_lowercase();
        let labels = family.labels.join(",");
        text.push_str(&format!("{} {sort} {{{labels}}} {}\n", family.name, family.help));
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/metrics.txt");
    if std::env::vars().any(|(name, _)| name == "UPDATE_GOLDEN") {
        std::fs::write(path, &text).unwrap();
    }
    let promised = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(text, promised, "UPDATE_GOLDEN=1 rewrites {path}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operator_description_holds_every_route_and_every_route_is_served() {
    let desk = Desk::open().await;
    let document: Value = desk.get("/api/v1/openapi.json").await.json();
    let mut described: Vec<(String, String)> = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            described.push((method.clone(), path.clone()));
            let summary =
                operation["summary"].as_str().or_else(|| operation["description"].as_str());
            assert!(summary.is_some_and(|text| !text.is_empty()), "{method} {path} is described");
        }
    }
    let mut routes: Vec<(String, String)> = lienthong::operator::ROUTES
        .iter()
        .map(|(method, path)| ((*method).to_owned(), (*path).to_owned()))
        .collect();
    described.sort();
    routes.sort();
    assert_eq!(described, routes);
    for (method, path) in routes {
        let path = path.replace("{code}", "G12").replace("{child}", "lgsp-h60");
        let path = path.replace("{name}", "axis").replace("{id}", "x").replace("{which}", "x");
        if path == "/api/v1/events" {
            continue;
        }
        let method: Method = method.to_uppercase().parse().unwrap();
        let answer = desk.ask(method.clone(), &path, "{}").await;
        let missing = [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED];
        let of_the_thing =
            ["LT-O011", "LT-O019", "LT-O021", "LT-O023", "LT-O025", "LT-O031", "LT-O032"];
        let is_served =
            !missing.contains(&answer.status) || of_the_thing.contains(&answer.code().as_str());
        assert!(is_served, "{method} {path}: {}", answer.text);
    }
    let text = document.to_string();
    for reference in text.match_indices("#/components/schemas/").map(|(at, found)| at + found.len())
    {
        let name: String = text[reference..].chars().take_while(|c| *c != '"').collect();
        assert!(document["components"]["schemas"][&name].is_object(), "{name} is described");
    }
    assert!(desk.get("/").await.text.contains("/api/v1/openapi.json"));
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn native_health_is_told_while_it_lasts_and_services_describe_themselves() {
    use tonic_health::pb::health_check_response::ServingStatus;
    use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
    use tonic_reflection::pb::v1::ServerReflectionRequest;
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

    let desk = Desk::open().await;
    let channel = channel(&desk.gateway, "lgsp-h60", H60).await;
    let asked = |service: &str| HealthCheckRequest { service: service.into() };
    let mut health = HealthClient::new(channel.clone());
    for service in ["", "lienthong.exchange.v1.Exchange", "lienthong.exchange.v1.Link"] {
        let answer = health.check(asked(service)).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
    }
    let unknown = health.check(asked("lienthong.exchange.v1.Nothing")).await.unwrap_err();
    assert_eq!(unknown.code(), tonic::Code::NotFound);

    let question = ServerReflectionRequest {
        message_request: Some(MessageRequest::ListServices(String::new())),
        ..ServerReflectionRequest::default()
    };
    let mut reflection = ServerReflectionClient::new(channel);
    let answers = reflection.server_reflection_info(tokio_stream::iter([question])).await.unwrap();
    let answer = answers.into_inner().message().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("{answer:?}");
    };
    let names: Vec<&str> = list.service.iter().map(|service| service.name.as_str()).collect();
    for name in ["lienthong.exchange.v1.Exchange", "grpc.health.v1.Health"] {
        assert!(names.contains(&name), "{names:?}");
    }

    let mut watched = health.watch(asked("")).await.unwrap().into_inner();
    assert_eq!(watched.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    desk.gateway.pipeline.drain();
    assert_eq!(watched.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operator_counts_connections_and_handshakes_that_fail_by_cause() {
    let desk = Desk::open().await;
    desk.send("D1").await;
    let to = crate::world::address(&desk.gateway, "lgsp-h60");
    let mut plain = tokio::net::TcpStream::connect(to).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut plain, b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut rest = Vec::new();
    // Whatever the server says, it hangs up.
    drop(tokio::io::AsyncReadExt::read_to_end(&mut plain, &mut rest).await);
    // The fault is counted after the server has hung up.
    let text = loop {
        let text = desk.get("/metrics").await.text;
        if text.contains("lienthong_tls_faults_total{") {
            break text;
        }
        tokio::task::yield_now().await;
    };
    let value = |name: &str| -> u64 {
        let line = text.lines().find(|line| line.starts_with(name));
        line.unwrap_or_else(|| panic!("{name}\n{text}"))
            .rsplit(' ')
            .next()
            .unwrap()
            .parse()
            .unwrap()
    };
    assert_eq!(value("lienthong_tls_faults_total{platform=\"lgsp-h60\",code=\"LT-T"), 1);
    assert!(value("lienthong_connections_opened_total{platform=\"lgsp-h60\"}") >= 1);
    assert!(value("lienthong_connections{platform=\"axis\"}") >= 1, "the link is open");
    desk.close().await;
}
