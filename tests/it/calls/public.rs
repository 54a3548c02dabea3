//! C6 and C9: what browsers and portals reach over the public door, and nothing else.

use super::{Answer, COUNTRY, Country};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_util::task::TaskTracker;

fn text() -> String {
    let text = COUNTRY.replace("[directory]\n", "[ports]\npublic = 7080\n\n[directory]\n");
    format!(
        r#"{text}
[[service]]
id = "VN:GOV:G01:VNEID/vneid"
platform = "ss-db"
rights = ["everyone", "public"]

[[service]]
id = "VN:GOV:G22:DVCQG/dvcqg"
platform = "ss-db"
rights = ["H60"]

[[service]]
id = "VN:GOV:G22:CONGDVC/congdan"
platform = "ss-db"
rights = ["public"]

[[service]]
id = "VN:GOV:G06:EMC/emc"
platform = "lgsp-g06"
rights = ["everyone", "public POST /TrackingMCDT", "public GET /gov-tracking.min.js"]
"#
    )
}

/// As a browser or a portal asks, by the address it was given.
async fn visit(
    country: &Country,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let address = country.gateway.public.unwrap();
    let host = address.to_string();
    let has_host = headers.iter().any(|(name, _)| *name == "host");
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    TaskTracker::new().spawn(connection);
    let target = target.strip_prefix(&format!("http://{host}")).unwrap_or(target);
    let mut request = Request::builder().method(method).uri(target);
    if !has_host {
        request = request.header("host", &host);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap();
    let (head, body) = sender.send_request(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: head.status, headers: head.headers, body }
}

const FORM: [(&str, &str); 1] = [("content-type", "application/x-www-form-urlencoded")];

fn value<'a>(page: &'a str, name: &str) -> &'a str {
    let rest = page.split_once(&format!("name=\"{name}\" value=\"")).map(|(_, rest)| rest);
    rest.and_then(|rest| rest.split_once('"')).unwrap_or_else(|| panic!("{name}: {page}")).0
}

fn parameter<'a>(location: &'a str, name: &str) -> &'a str {
    let query = location.split_once('?').unwrap().1;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).unwrap_or_else(|| panic!("{location}")).1
}

/// The citizen agrees: what the page's form sends.
async fn agree(country: &Country, page: &Answer) -> String {
    let page = page.text();
    let mut form = format!("decision=allow&citizen={}", value(&page, "citizen"));
    for name in [
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "code_challenge",
        "code_challenge_method",
    ] {
        let plain = value(&page, name).replace('%', "%25").replace('&', "%26").replace(' ', "+");
        form.push_str(&format!("&{name}={plain}"));
    }
    let sent = visit(country, "POST", "/vneid/authorize", &FORM, &form).await;
    assert_eq!(sent.status, 303, "{}", sent.text());
    sent.header("location").to_owned()
}

/// A one-stop office synchronises a dossier of this citizen to the national portal.
async fn synchronise(country: &Country, number: &str) {
    let at = "/r1/VN/GOV/G22/DVCQG/dvcqg/mapi";
    let login =
        json!({ "username": "motcua.h60", "password": "sandbox-only-motcua.h60" }).to_string();
    let opened = country.call("POST", &format!("{at}/login"), login.as_bytes()).await.json();
    let sync = json!({
        "session": opened["session"], "madonvi": "000.00.06.H60", "service": "DongBoHoSoMC",
        "isUpdating": false,
        "data": [{
            "MaHoSo": "000.00.06.H60-261120-0001", "MaTTHC": "2.000001", "TenTTHC": "Cấp giấy phép",
            "MaLinhVuc": "G06-CN01", "TenLinhVuc": "Công nghệ", "ChuHoSo": "Công dân",
            "MaDoiTuong": number, "NgayTiepNhan": "20261120080000", "TrangThaiHoSo": "2",
            "HinhThuc": "2", "DonViXuLy": "Sở Khoa học và Công nghệ",
        }],
    });
    let done = country.call("POST", &format!("{at}/g"), sync.to_string().as_bytes()).await.json();
    assert_eq!(done["error_code"], 0, "{done}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_citizen_signs_in_by_vneid_and_her_portal_finds_her_dossiers() {
    let country = Country::start_with(&text()).await;
    let base = format!("http://{}", country.gateway.public.unwrap());
    // An application of its own: discovery, consent, code, PKCE, token, userinfo.
    let known = visit(&country, "GET", "/vneid/.well-known/openid-configuration", &[], "").await;
    let known = known.json();
    assert_eq!(known["issuer"], format!("{base}/vneid"));
    let verifier = "abcdefghijklmnopqrstuvwxyz-0123456789._~ABCDEF";
    let challenge = base64_simd::URL_SAFE_NO_PAD.encode_to_string(Sha256::digest(verifier));
    let authorize = format!(
        "{}?response_type=code&client_id=sandbox-public&redirect_uri=http://127.0.0.1:5000/cb\
         &scope=openid&state=s1&code_challenge={challenge}&code_challenge_method=S256",
        known["authorization_endpoint"].as_str().unwrap()
    );
    let page = visit(&country, "GET", &authorize, &[], "").await;
    let number = value(&page.text(), "citizen").to_owned();
    let back = agree(&country, &page).await;
    assert!(back.starts_with("http://127.0.0.1:5000/cb?") && parameter(&back, "state") == "s1");
    let form = |verifier: &str| {
        let code = parameter(&back, "code");
        format!(
            "grant_type=authorization_code&client_id=sandbox-public&code={code}&code_verifier={verifier}&redirect_uri=http://127.0.0.1:5000/cb"
        )
    };
    let given = visit(&country, "POST", "/vneid/token", &FORM, &form(verifier)).await.json();
    let bearer = format!("Bearer {}", given["access_token"].as_str().unwrap());
    let bearer = [("authorization", bearer.as_str())];
    let who = visit(&country, "GET", "/vneid/userinfo", &bearer, "").await.json();
    assert_eq!(who["SoDinhDanh"], number);
    // Her dossiers, by her token; nobody's without one.
    assert_eq!(visit(&country, "GET", "/congdan/ho-so", &[], "").await.status, 401);
    synchronise(&country, &number).await;
    let mine = visit(&country, "GET", "/congdan/ho-so", &bearer, "").await.json();
    assert_eq!(mine["CongDan"]["SoDinhDanh"], number);
    assert_eq!(mine["HoSo"][0]["MaHoSo"], "000.00.06.H60-261120-0001");
    // The same in a browser, from the portal's own page.
    let sent = visit(&country, "GET", "/congdan/dang-nhap", &[], "").await;
    assert_eq!(sent.status, 302);
    let page = visit(&country, "GET", sent.header("location"), &[], "").await;
    let back = agree(&country, &page).await;
    assert!(back.starts_with(&format!("{base}/congdan/ket-qua?")), "{back}");
    let page = visit(&country, "GET", &back, &[], "").await;
    assert!(page.text().contains("000.00.06.H60-261120-0001"), "{}", page.text());
    assert_eq!(visit(&country, "GET", &back, &[], "").await.status, 403, "a code counts once");
    // Visits leave evidence like any call.
    let records = country.records("ss-db", "").await;
    assert!(records.iter().any(|record| record["clientMemberClass"] == "PUBLIC"));
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_portal_reports_events_to_emc_and_the_public_reaches_nothing_else() {
    let country = Country::start_with(&text()).await;
    let event = json!({
        "SiteId": "1001", "CodeProfile": "000.00.06.H60-261120-0001", "CodeTTHC": "2.000001",
        "Status": 1, "FormsReception": 1, "FormsPayments": 0, "Level": 4,
    });
    // As `navigator.sendBeacon` sends it.
    let plain = [("content-type", "text/plain;charset=UTF-8")];
    let told = visit(&country, "POST", "/emc/TrackingMCDT", &plain, &event.to_string()).await;
    assert_eq!((told.status.as_u16(), &told.json()["Status"]), (200, &json!(1)));
    let script = visit(&country, "GET", "/emc/gov-tracking.min.js", &[], "").await;
    assert!(script.header("content-type").starts_with("text/javascript"));
    assert!(script.text().contains("/TrackingMCDT"));
    // The ministry counts it; a visitor may not look.
    let counted = country.call("GET", "/r1/VN/GOV/G06/EMC/emc/Statistics/1001", b"").await.json();
    assert_eq!(counted["Total"]["Events"], 1, "{counted}");
    for (method, target) in [
        ("GET", "/emc/Statistics/1001"),
        ("POST", "/dvcqg/mapi/login"),
        ("POST", "/echo"),
        ("GET", "/dmdc/AllCategory"),
        ("GET", "/nothing"),
    ] {
        let answer = visit(&country, method, target, &[], "").await;
        assert_eq!(answer.status, 404, "{target}: {}", answer.text());
    }
    // A page of another site whose name leads to this machine is turned away.
    let rebound = [("host", "evil.example")];
    assert_eq!(visit(&country, "GET", "/", &rebound, "").await.status, 403);
    assert!(visit(&country, "GET", "/", &[], "").await.text().contains("/congdan/"));
    country.gateway.stop().await;
}
