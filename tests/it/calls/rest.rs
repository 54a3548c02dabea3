//! X-Road's REST dialect row by row (wire/xroad.md 2.1 to 2.8, 2.13).

use super::{Answer, CLIENT, COUNTRY, Country, ask, http_answer, system, tls};
use tokio_util::task::TaskTracker;

const DMDC: &str = "/r1/VN/GOV/G06/DMDC/dmdc";
const ECHO: &str = "/r1/VN/GOV/G06/DMDC/echo";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_crosses_the_platforms_under_one_id() {
    let country = Country::start().await;
    // C2: LGSP → NDXP → LGSP; the security server is the first of four.
    let answer = country.call("GET", &format!("{DMDC}/Category/magioitinh"), b"").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()[1]["TenGioiTinh"], "Nam");
    assert_eq!(answer.header("x-road-client"), CLIENT);
    assert_eq!(answer.header("x-road-service"), "VN/GOV/G06/DMDC/dmdc");
    assert!(answer.header("x-road-id").starts_with("VN-"));
    assert_eq!(answer.headers.get_all("date").iter().count(), 1);
    let id = answer.header("x-road-request-id");
    for (platform, role, next) in [
        ("ss-h60", "Client", "lgsp-h60"),
        ("lgsp-h60", "Relay", "ndxp"),
        ("ndxp", "Relay", "lgsp-g06"),
        ("lgsp-g06", "Producer", ""),
    ] {
        let records = country.records(platform, id).await;
        assert_eq!(records.len(), 1, "{platform}");
        let record = &records[0];
        assert_eq!(record["securityServerType"], role);
        assert_eq!(record["wentTo"].as_str().unwrap_or_default(), next);
        assert_eq!(record["statusCode"], 200);
        assert_eq!(record["responseSize"], answer.body.len());
        assert_eq!(record["clientSubsystemCode"], "QLVB");
        assert_eq!(record["serviceCode"], "dmdc");
        assert!(!record.to_string().contains("TenGioiTinh"), "evidence never holds a payload");
    }
    // The distributed half: straight to the provider's security server.
    let answer = country.call("POST", "/r1/VN/GOV/G01/DB/echo", b"xin chao").await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "xin chao"));
    let id = answer.header("x-road-request-id");
    for (platform, count) in [("ss-h60", 1), ("lgsp-h60", 0), ("ndxp", 0), ("ss-db", 1)] {
        assert_eq!(country.records(platform, id).await.len(), count, "{platform}");
    }
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_specification_and_the_old_codes_are_there_for_who_wants_them() {
    let text =
        format!("{COUNTRY}\n[xroad]\nerror_style = \"legacy\"\nconformance = \"strict-spec\"\n");
    let country = Country::start_with(&text).await;
    let answer = country.call_with("GET", ECHO, &[], b"").await;
    assert_eq!(answer.fault(), (400, "Client.BadRequest"));
    let accept = [("X-Road-Client", CLIENT), ("Accept", "text/xml")];
    let answer = country.call_with("POST", DMDC, &accept, b"").await;
    assert_eq!(answer.fault(), (500, "Server.ServerProxy.AccessDenied"));
    assert_eq!(answer.header("content-type"), "text/xml;charset=utf-8");
    assert!(answer.text().contains("<type>Server.ServerProxy.AccessDenied</type>"));
    let method = country.call("PURGE", ECHO, b"").await;
    assert_eq!(method.fault(), (400, "Client.BadRequest"), "{}", method.text());
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_provider_says_comes_back_as_it_is() {
    let (country, tasks) = (Country::start().await, TaskTracker::new());
    let headers = "location: /elsewhere\r\nx-own: a\r\nx-own: b\r\nserver: hidden\r\n\
                   x-road-error: forged\r\nx-road-service: forged\r\ncontent-type: text/plain\r\n";
    let address = system(http_answer("302 Found", headers, "gone"), &tasks).await;
    country.answer_with(&address).await;
    let answer = country.call("GET", "/r1/VN/GOV/G01/DB/real/path%3B/?q=%2F", b"").await;
    // wire/xroad.md 2.3: passed on, never followed, and what only a gateway may say is not believed.
    assert_eq!(answer.status, 302);
    assert_eq!(answer.header("location"), "/elsewhere");
    assert_eq!(answer.headers.get_all("x-own").iter().count(), 2);
    assert_eq!(answer.header("server"), "");
    assert_eq!(answer.header("x-road-error"), "");
    assert_eq!(answer.header("x-road-service"), "VN/GOV/G01/DB/real");
    assert_eq!(answer.text(), "gone");
    let answer = country.call("GET", "/r1/VN/GOV/G01/DB/real", b"").await;
    assert_eq!(answer.fault(), (302, ""));
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hash_is_of_this_request_and_no_other() {
    let country = Country::start().await;
    let with_id = [("X-Road-Client", CLIENT), ("X-Road-Id", "abc"), ("X-Road-Request-Hash", "no")];
    let mut hashes = Vec::new();
    for body in [&b"1"[..], b"1", b"2"] {
        let answer = country.call_with("POST", ECHO, &with_id, body).await;
        assert_eq!(answer.header("x-road-id"), "abc");
        hashes.push(answer.header("x-road-request-hash").to_owned());
    }
    // RestProxyTest.requestHashShouldBeUnique: the request id is in it.
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), 3);
    assert!(hashes.iter().all(|hash| hash.len() == 88), "base64 of SHA-512: {hashes:?}");
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_calls_by_its_certificate_and_in_nobody_elses_name() {
    let country = Country::start().await;
    let member = "VN:GOV:000.00.00.H60:LGSP";
    let as_member = async |client: &str| -> Answer {
        let stream = tls(&country.gateway, "lgsp-h60", member).await;
        ask(stream, "GET", ECHO, &[("X-Road-Client", client)], b"").await
    };
    // C1, C2: a system of the agency at its own LGSP.
    assert_eq!(as_member("VN/GOV/H60/LGSP").await.fault(), (200, ""));
    assert_eq!(
        as_member(CLIENT).await.fault(),
        (500, "server.clientproxy.ssl_authentication_failed")
    );
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_of_a_security_server_calls_from_its_platform_too() {
    let country = Country::start().await;
    let member = "VN:GOV:000.00.06.H60:QLVB";
    for target in [ECHO, "/r1/VN/GOV/G01/DB/echo"] {
        let stream = tls(&country.gateway, "lgsp-h60", member).await;
        let answer = ask(stream, "POST", target, &[("X-Road-Client", CLIENT)], b"a").await;
        assert_eq!(answer.text(), "a", "{target}");
    }
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_there_is_can_be_asked() {
    let country = Country::start().await;
    let answer = country.call("GET", "/r1/VN/GOV/G06/DMDC/listMethods", b"").await;
    let listed = answer.json();
    let codes: Vec<_> =
        listed["service"].as_array().unwrap().iter().map(|s| &s["service_code"]).collect();
    assert_eq!(codes, ["dmdc", "echo", "off", "sink", "source"]);
    assert_eq!(listed["service"][0]["member_code"], "000.00.00.G06");
    let allowed = country.call("GET", "/r1/VN/GOV/G06/DMDC/allowedMethods", b"").await.json();
    assert_eq!(allowed["service"].as_array().unwrap().len(), 5);
    let target = "/r1/VN/GOV/G06/DMDC/getOpenAPI?serviceCode=dmdc";
    let description = country.call("GET", target, b"").await.json();
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1"));
    for (query, code) in [
        ("", "server.serverproxy.invalid_request"),
        ("?serviceCode=echo", "server.serverproxy.internal_error"),
    ] {
        let target = format!("/r1/VN/GOV/G06/DMDC/getOpenAPI{query}");
        assert_eq!(country.call("GET", &target, b"").await.fault().1, code, "{query}");
    }
    let clients = country.call_with("GET", "/listClients", &[("Accept", "application/json")], b"");
    let clients = clients.await.json();
    let systems: Vec<_> = clients["member"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["id"]["subsystem_code"].as_str())
        .collect();
    assert_eq!(systems, [Some("DB"), Some("DMDC"), Some("LGSP"), Some("QLVB")]);
    let xml = country.call_with("GET", "/listClients?xRoadInstance=VN", &[], b"").await;
    assert!(xml.text().contains("<id:subsystemCode>DMDC</id:subsystemCode>"), "{}", xml.text());
    country.gateway.stop().await;
}
