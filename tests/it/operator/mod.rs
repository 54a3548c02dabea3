//! The operator's API over real HTTP: every endpoint, what it refuses, events, conditions, certificates.

mod flows;
mod watched;

use crate::native::{G12, H60, receive};
use crate::world::{COUNTRY, accepted, channel, fields, start, topology};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use lienthong::gateway::Gateway;
use lienthong::wire::v1;
use lienthong::wire::v1::exchange_client::ExchangeClient;
use serde_json::{Value, json};
use std::net::SocketAddr;
use tempfile::TempDir;
use tonic::transport::Channel;

/// One answer.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The code of a failure; checks what every failure carries.
    fn code(&self) -> String {
        let json = self.json();
        assert_eq!(json["version"], 1);
        let error = &json["error"];
        assert_eq!(error["correlation_id"], self.headers["x-correlation-id"].to_str().unwrap());
        assert!(!error["vi"].as_str().unwrap().is_empty());
        assert!(!error["en"].as_str().unwrap().is_empty());
        error["code"].as_str().unwrap().to_owned()
    }
}

async fn connect(to: SocketAddr) -> hyper::client::conn::http1::SendRequest<Full<Bytes>> {
    let stream = tokio::net::TcpStream::connect(to).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
    tokio_util::task::TaskTracker::new().spawn(connection);
    sender
}

async fn send(to: SocketAddr, request: Request<Full<Bytes>>) -> Answer {
    let response = connect(to).await.send_request(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: head.status,
        headers: head.headers,
        text: String::from_utf8(body.to_vec()).unwrap(),
    }
}

fn request(to: SocketAddr, method: Method, path: &str, body: &str) -> Request<Full<Bytes>> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", to.to_string())
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body.to_owned())))
        .unwrap()
}

/// A running country and its operator.
struct Desk {
    gateway: Gateway,
    _data: TempDir,
}

impl Desk {
    async fn open() -> Self {
        Self::open_with(COUNTRY).await
    }

    async fn open_with(country: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        let gateway = start(&topology(country), data.path()).await;
        Self { gateway, _data: data }
    }

    async fn ask(&self, method: Method, path: &str, body: &str) -> Answer {
        let to = self.gateway.operator;
        send(to, request(to, method, path, body)).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, "").await
    }

    /// The JSON of an answer that must be a success.
    async fn read(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        let json = answer.json();
        assert_eq!(json["version"], 1, "{path}");
        json
    }

    async fn refused(&self, method: Method, path: &str, body: &str) -> (u16, String) {
        let answer = self.ask(method, path, body).await;
        (answer.status.as_u16(), answer.code())
    }

    async fn sender(&self) -> ExchangeClient<Channel> {
        ExchangeClient::new(channel(&self.gateway, "lgsp-h60", H60).await)
    }

    async fn recipient(&self) -> ExchangeClient<Channel> {
        ExchangeClient::new(channel(&self.gateway, "lgsp-g12", G12).await)
    }

    async fn send(&self, document_id: &str) -> v1::Accepted {
        let submission = fields("H60", &["G12"], document_id, b"content");
        accepted(self.sender().await.submit(submission).await.unwrap().into_inner())
    }

    /// Waits until the story of a document says so.
    async fn until(&self, doc_id: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut events = self.gateway.pipeline.subscribe_events();
        loop {
            let story = self.read(&format!("/api/v1/documents/{doc_id}")).await;
            if is_so(&story) {
                return story;
            }
            events.recv().await.unwrap();
        }
    }

    async fn close(self) {
        self.gateway.stop().await;
    }
}

fn state(story: &Value) -> &str {
    story["recipients"][0]["state"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operator_status_topology_and_members_say_what_runs() {
    let desk = Desk::open().await;
    let status = desk.read("/api/v1/status").await;
    assert_eq!(status["durability"], "flushed");
    assert_eq!(status["ready"], true);
    assert_eq!(status["recovery"]["new"], true);
    assert_eq!(status["platforms"].as_array().unwrap().len(), 4);
    assert!(status["data"].as_str().unwrap().len() > 1);

    let topology = desk.read("/api/v1/topology").await;
    let platforms = topology["platforms"].as_array().unwrap();
    let axis = platforms.iter().find(|p| p["name"] == "axis").unwrap();
    assert_eq!((&axis["kind"], &axis["parent"]), (&json!("axis"), &Value::Null));
    let mut peers: Vec<&str> =
        axis["links"].as_array().unwrap().iter().map(|l| l["to"].as_str().unwrap()).collect();
    peers.sort_unstable();
    assert_eq!(peers, ["lgsp-g12", "lgsp-h26", "lgsp-h60"]);
    let h60 = platforms.iter().find(|p| p["name"] == "lgsp-h60").unwrap();
    assert_eq!(h60["parent"], "axis");
    let bound = crate::world::address(&desk.gateway, "lgsp-h60").to_string();
    assert!(h60["listeners"].as_array().unwrap().iter().any(|l| l["address"] == bound.as_str()));

    let members = desk.read("/api/v1/members").await;
    assert_eq!(members["members"].as_array().unwrap().len(), 3);
    assert_eq!(members["members"][0]["id"], H60);
    assert_eq!(members["members"][0]["platform"], "lgsp-h60");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operator_refuses_foreign_hosts_origins_paths_methods_and_parameters() {
    let desk = Desk::open().await;
    let to = desk.gateway.operator;
    for host in ["evil.example", "127.0.0.1", "localhost:1", ""] {
        let mut asked = request(to, Method::GET, "/api/v1/status", "");
        asked.headers_mut().insert("host", host.parse().unwrap());
        let answer = send(to, asked).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "LT-O001"), "{host:?}");
    }
    let mut by_name = request(to, Method::GET, "/api/v1/status", "");
    by_name.headers_mut().insert("host", format!("localhost:{}", to.port()).parse().unwrap());
    assert_eq!(send(to, by_name).await.status, 200);

    let mut foreign = request(to, Method::POST, "/api/v1/conditions/reset", "");
    foreign.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
    let answer = send(to, foreign).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "LT-O002"));

    let mut named = request(to, Method::GET, "/api/v1/nothing", "");
    named.headers_mut().insert("x-correlation-id", "mine-7".parse().unwrap());
    let answer = send(to, named).await;
    assert_eq!(answer.json()["error"]["correlation_id"], "mine-7");
    assert_eq!(answer.code(), "LT-O003");
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    assert_eq!(
        answer.headers["content-security-policy"],
        "default-src 'none'; frame-ancestors 'none'"
    );

    let rows: [(Method, &str, &str, u16, &str); 16] = [
        (Method::POST, "/api/v1/status", "", 405, "LT-O004"),
        (Method::GET, "/api/v1/documents?colour=red", "", 400, "LT-O005"),
        (Method::GET, "/api/v1/documents?limit=0", "", 400, "LT-O005"),
        (Method::GET, "/api/v1/documents?since=gestern", "", 400, "LT-O005"),
        (Method::GET, "/api/v1/documents?state=lost", "", 400, "LT-O005"),
        (Method::GET, "/api/v1/documents?status=9", "", 400, "LT-O005"),
        (Method::GET, "/api/v1/documents?from=%2F", "", 400, "LT-O005"),
        (Method::GET, "/api/v1/documents?platform=lgsp-h06", "", 404, "LT-O008"),
        (Method::GET, "/api/v1/agencies/Q99", "", 404, "LT-O010"),
        (Method::GET, "/api/v1/overdue?agency=Q99", "", 404, "LT-O010"),
        (Method::PUT, "/api/v1/conditions/links/lgsp-h60", "{\"loss\":2}", 400, "LT-O006"),
        (Method::PUT, "/api/v1/conditions/links/lgsp-h60", "{\"lost\":1}", 400, "LT-O006"),
        (Method::PUT, "/api/v1/conditions/links/axis", "{}", 404, "LT-O009"),
        (Method::PUT, "/api/v1/conditions/platforms/nobody", "{}", 404, "LT-O008"),
        (
            Method::PUT,
            "/api/v1/conditions/platforms/axis",
            "{\"documents_per_s\":0}",
            400,
            "LT-O006",
        ),
        (Method::POST, "/api/v1/pki/revoke", "{}", 400, "LT-O006"),
    ];
    for (method, path, body, status, code) in rows {
        let refused = desk.refused(method.clone(), path, body).await;
        assert_eq!(refused, (status, code.to_owned()), "{method} {path}");
    }
    let answer = send(to, request(to, Method::POST, "/api/v1/services/x", "")).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.headers["allow"]),
        (405, &"GET, PUT, DELETE".parse().unwrap())
    );
    let large = format!("{{\"latency_ms\":{}1}}", " ".repeat(70_000));
    let refused = desk.refused(Method::PUT, "/api/v1/conditions/links/lgsp-h60", &large).await;
    assert_eq!(refused, (413, "LT-O007".to_owned()));
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operator_finds_agencies_in_both_forms_and_a_locked_one_refuses_documents() {
    let desk = Desk::open().await;
    let found = desk.read("/api/v1/agencies?search=ha%20noi&limit=3").await;
    let rows = found["agencies"].as_array().unwrap();
    assert!((1..=3).contains(&rows.len()), "{found}");
    let first = desk.read("/api/v1/agencies?limit=2").await;
    let after = first["next"].as_str().unwrap();
    assert_eq!(after, first["agencies"][1]["code"]);
    let second = desk.read(&format!("/api/v1/agencies?limit=2&after={after}")).await;
    assert!(second["agencies"][0]["code"].as_str().unwrap() > after);

    for code in ["G12", "000.00.00.G12"] {
        let agency = desk.read(&format!("/api/v1/agencies/{code}")).await;
        assert_eq!(agency["agency"]["code"], "G12");
        assert_eq!(agency["agency"]["code_qcvn"], "000.00.00.G12");
        assert_eq!(agency["agency"]["platform"], "lgsp-g12");
        assert_eq!(agency["agency"]["standing"], "alive");
    }
    let locked = desk.ask(Method::POST, "/api/v1/agencies/000.00.00.G12/lock", "").await;
    assert_eq!(locked.json()["locked"], true, "{}", locked.text);
    assert_eq!(desk.read("/api/v1/agencies/G12").await["agency"]["standing"], "locked");
    let receipt = desk.sender().await.submit(fields("H60", &["G12"], "D1", b"x")).await.unwrap();
    let refused = crate::world::refused(receipt.into_inner());
    assert_eq!(refused.code, "LT-D304");
    let unlocked = desk.ask(Method::POST, "/api/v1/agencies/G12/unlock", "").await;
    assert_eq!(unlocked.json()["locked"], false);
    desk.send("D2").await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operator_lists_documents_by_what_is_known_of_them() {
    let desk = Desk::open().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(desk.send(&format!("H60,2026/11/20,{number}/UBND-VP")).await.doc_id);
    }
    desk.until(&ids[4], |story| state(story) == "initial").await;
    let rows = [
        ("", 5),
        ("from=H60&to=000.00.00.G12", 5),
        ("from=G12", 0),
        ("to=H26", 0),
        ("platform=lgsp-h26", 0),
        ("platform=axis", 5),
        ("kind=status", 0),
        ("kind=new&type=cong%20van", 5),
        ("text=lien%20thong", 5),
        ("text=H60%2C2026%2F11%2F20%2C3", 1),
        ("text=nothing%20like%20it", 0),
        ("overdue=true", 0),
        ("overdue=false&status=6", 0),
        ("since=2000-01-01&until=2000-01-02", 0),
        ("since=2000-01-01T00:00:00%2B07:00", 5),
    ];
    for (query, matched) in rows {
        let list = desk.read(&format!("/api/v1/documents?{query}")).await;
        assert_eq!(list["matched"], matched, "{query}: {list}");
        assert_eq!(list["stopped"], "end", "{query}");
    }
    let mut seen: Vec<String> = Vec::new();
    let mut path = "/api/v1/documents?limit=2".to_owned();
    loop {
        let page = desk.read(&path).await;
        let rows = page["documents"].as_array().unwrap();
        seen.extend(rows.iter().map(|row| row["doc_id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        assert_eq!((page["stopped"].as_str(), rows.len()), (Some("limit"), 2));
        path = format!("/api/v1/documents?limit=2&after={next}");
    }
    ids.sort();
    ids.reverse();
    assert_eq!(seen, ids, "newest first, each once");
    let axis = desk.gateway.pipeline.platforms().iter().find(|p| p.name == "axis").unwrap();
    let newest = |before: Option<usize>, count| {
        let before = before.map(|place| ids[place].parse().unwrap());
        let (found, is_cut) = axis.newest_documents(before, count);
        (found.iter().map(ToString::to_string).collect::<Vec<_>>(), is_cut)
    };
    assert_eq!(newest(None, 3), (ids[..3].to_vec(), true));
    assert_eq!(newest(Some(1), 3), (ids[2..].to_vec(), false), "there are no older ones");
    let row = &desk.read("/api/v1/documents?limit=1").await["documents"][0];
    assert_eq!(row["states"], json!({"initial": 1}));
    assert_eq!((&row["from"], &row["to"]), (&json!("H60"), &json!(["G12"])));
    assert!(row["from_name"].as_str().unwrap().len() > 3);
    assert!(!row.to_string().contains("content"), "never the payload");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operator_tells_a_story_with_the_way_and_the_messages_about_it() {
    let desk = Desk::open().await;
    let document_id = "H60,2026/11/20,12/UBND-VP";
    let sent = desk.send(document_id).await;
    let status = v1::Envelope {
        kind: v1::Kind::Status.into(),
        from: "G12".into(),
        to: vec!["H60".into()],
        document_id: "G12,S1".into(),
        status: 3,
        answers_sender: "H60".into(),
        answers_document_id: document_id.into(),
        ..v1::Envelope::default()
    };
    let mut recipient = desk.recipient().await;
    let (_acks, mut deliveries) = receive(&mut recipient).await;
    deliveries.message().await.unwrap().unwrap();
    let submission = v1::Submission {
        content: Some(v1::submission::Content::Envelope(status)),
        ..v1::Submission::default()
    };
    let answer = accepted(recipient.submit(submission).await.unwrap().into_inner());

    let told = |story: &Value| {
        state(story) == "initial"
            && story["recipients"][0]["statuses"][0]["status"] == 3
            && !story["recipients"][0]["hops"][2].is_null()
    };
    let story = desk.until(&sent.doc_id, told).await;
    assert_eq!(story["document_id"], document_id);
    assert_eq!((&story["member"], &story["origin"]), (&json!(H60), &json!("lgsp-h60")));
    let hops = story["recipients"][0]["hops"].as_array().unwrap();
    let way: Vec<&str> = hops.iter().map(|hop| hop["platform"].as_str().unwrap()).collect();
    assert_eq!(way, ["lgsp-h60", "axis", "lgsp-g12"]);
    assert!(hops[0]["handed_on_at"].is_string() && hops[1]["stayed_ms"].is_u64(), "{hops:?}");
    assert!(hops[1]["tls"].as_str().unwrap().contains("TLS"), "{hops:?}");
    assert_eq!(story["related"][0]["doc_id"], answer.doc_id.as_str());
    assert_eq!(
        (&story["related"][0]["kind"], &story["related"][0]["status"]),
        (&json!("status"), &json!(3))
    );

    let receiver = &sent.receivers[0].doc_id;
    let by_receiver = desk.read(&format!("/api/v1/documents/{receiver}")).await;
    assert_eq!(by_receiver["doc_id"], sent.doc_id.as_str());
    let by_document_id =
        desk.read("/api/v1/documents/000.00.00.H60%2FH60%2C2026%2F11%2F20%2C12%2FUBND-VP").await;
    assert_eq!(by_document_id["doc_id"], sent.doc_id.as_str());
    let of_status = desk.read(&format!("/api/v1/documents/{}", answer.doc_id)).await;
    assert_eq!(of_status["answers"], json!({"sender": "H60", "document_id": document_id}));

    let traced = desk.read(&format!("/api/v1/trace/{receiver}")).await;
    assert_eq!(
        (&traced["kind"], &traced["document"]["doc_id"]),
        (&json!("document"), &by_receiver["doc_id"])
    );

    for below in ["documents", "trace"] {
        let path = format!("/api/v1/{below}/H60%2FH60%2C2026%2F11%2F20%2C21%2FUBND-VP");
        let missing = desk.get(&path).await;
        assert_eq!((missing.status.as_u16(), missing.code().as_str()), (404, "LT-O011"));
        assert_eq!(missing.json()["error"]["nearest"], json!([sent.doc_id]));
    }
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operator_lists_what_is_overdue_until_its_clerk_is_done() {
    let desk = Desk::open().await;
    let mut submission = fields("H60", &["G12"], "D1", b"x");
    if let Some(v1::submission::Content::Envelope(envelope)) = submission.content.as_mut() {
        envelope.due_on = "2020-01-03".into();
    }
    let sent = accepted(desk.sender().await.submit(submission).await.unwrap().into_inner());
    desk.send("D2").await;
    desk.until(&sent.doc_id, |story| state(story) == "initial").await;
    let late = desk.read("/api/v1/overdue").await;
    assert_eq!(late["total"], 1, "{late}");
    let row = &late["overdue"][0];
    assert_eq!((&row["doc_id"], &row["agency"]), (&json!(sent.doc_id), &json!("G12")));
    assert_eq!(row["due_at"], "2020-01-03T17:00:00.000+07:00");
    let (all, working) =
        (row["overdue_ms"].as_u64().unwrap(), row["overdue_working_ms"].as_u64().unwrap());
    assert!(working > 0 && working < all / 3, "{working} of {all}");
    assert_eq!(desk.read("/api/v1/documents?overdue=true").await["matched"], 1);
    assert_eq!(desk.read("/api/v1/overdue?agency=H26").await["total"], 0);

    let done = v1::Envelope {
        kind: v1::Kind::Status.into(),
        from: "G12".into(),
        document_id: "G12,S1".into(),
        status: 6,
        answers_sender: "H60".into(),
        answers_document_id: "D1".into(),
        ..v1::Envelope::default()
    };
    let submission = v1::Submission {
        content: Some(v1::submission::Content::Envelope(done)),
        ..v1::Submission::default()
    };
    accepted(desk.recipient().await.submit(submission).await.unwrap().into_inner());
    desk.until(&sent.doc_id, |story| !story["recipients"][0]["statuses"][0].is_null()).await;
    assert_eq!(desk.read("/api/v1/overdue").await["total"], 0);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operator_conditions_hold_documents_up_and_let_them_go_at_once() {
    let desk = Desk::open().await;
    let path = "/api/v1/conditions/links/lgsp-g12";
    let down = desk.ask(Method::PUT, path, "{\"down\":true}").await.json();
    assert_eq!(down["link"]["conditions"], json!({"down": true}), "{down}");
    assert_eq!((&down["link"]["parent"], &down["link"]["changed"]), (&json!("axis"), &json!(true)));

    let sent = desk.send("D1").await;
    let mut events = desk.gateway.pipeline.subscribe_events();
    let link = loop {
        let topology = desk.read("/api/v1/topology").await;
        let axis = topology["platforms"].as_array().unwrap()[0].clone();
        let links = axis["links"].as_array().unwrap().clone();
        let link = links.into_iter().find(|link| link["to"] == "lgsp-g12").unwrap();
        if link["up"] == false {
            break link;
        }
        events.recv().await.unwrap();
    };
    assert_eq!((&link["code"], &link["waiting"]), (&json!("LT-L001"), &json!(1)));
    let story = desk.read(&format!("/api/v1/documents/{}", sent.doc_id)).await;
    assert_eq!(state(&story), "under_way");
    assert_eq!(story["recipients"][0]["waiting"]["platform"], "axis");
    assert_eq!(desk.read("/api/v1/status").await["links_down"], 1);

    let up = desk.ask(Method::DELETE, path, "").await.json();
    assert_eq!(
        (&up["link"]["conditions"], &up["link"]["changed"]),
        (&json!({"down": false}), &json!(false))
    );
    desk.until(&sent.doc_id, |story| state(story) == "initial").await;

    let path = "/api/v1/conditions/platforms/lgsp-h60";
    let few = desk.ask(Method::PUT, path, "{\"documents_per_s\":0.001,\"queue\":0}").await.json();
    assert_eq!(few["platform"]["changed"], true);
    let mut sender = desk.sender().await;
    sender.submit(fields("H60", &["G12"], "D2", b"x")).await.unwrap();
    let receipt = sender.submit(fields("H60", &["G12"], "D3", b"x")).await.unwrap();
    crate::world::refused(receipt.into_inner());
    let reset = desk.ask(Method::POST, "/api/v1/conditions/reset", "").await.json();
    assert!(!reset.to_string().contains("\"changed\":true"), "{reset}");
    desk.send("D4").await;
    assert_eq!(desk.read(path).await["platform"]["conditions"], json!({}));
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operator_revokes_and_renews_certificates_and_servers_act_on_it_at_once() {
    let desk = Desk::open().await;
    let list = desk.read("/api/v1/pki/certificates").await;
    let all = list["certificates"].as_array().unwrap();
    assert_eq!(all.len(), 7, "four platforms and three members");
    let h60 = all.iter().find(|c| c["holder"] == H60).unwrap();
    assert_eq!(
        (&h60["kind"], &h60["revoked"], &h60["current"]),
        (&json!("member"), &json!(false), &json!(true))
    );
    assert!(h60["days_left"].as_i64().unwrap() > 300);

    let mut sender = desk.sender().await;
    sender.submit(fields("H60", &["G12"], "D1", b"x")).await.unwrap();
    let body = json!({"holder": H60, "reason": "key_compromise"}).to_string();
    let revoked = desk.ask(Method::POST, "/api/v1/pki/revoke", &body).await.json();
    assert_eq!(revoked["certificate"]["serial"], h60["serial"]);
    assert_eq!(revoked["certificate"]["reason"], "key_compromise");
    assert_eq!(revoked["failed"], json!([]));
    let receipt = sender.submit(fields("H60", &["G12"], "D2", b"x")).await;
    let refused = receipt.map_or_else(
        |status| status.message().to_owned(),
        |receipt| crate::world::refused(receipt.into_inner()).code,
    );
    assert!(refused.contains("LT-D105"), "{refused}");
    assert_eq!(
        desk.refused(Method::POST, "/api/v1/pki/revoke", &body).await,
        (409, "LT-O013".into())
    );

    let body = json!({"holder": H60}).to_string();
    let renewed = desk.ask(Method::POST, "/api/v1/pki/renew", &body).await.json();
    assert_ne!(renewed["certificate"]["serial"], h60["serial"]);
    desk.send("D3").await;
    let unknown = json!({"serial": "ab:cd"}).to_string();
    let refused = desk.refused(Method::POST, "/api/v1/pki/revoke", &unknown).await;
    assert_eq!(refused, (404, "LT-O012".into()));
    let reloaded = desk.ask(Method::POST, "/api/v1/pki/reload", "").await.json();
    assert_eq!(reloaded["failed"], json!([]));
    desk.close().await;
}
