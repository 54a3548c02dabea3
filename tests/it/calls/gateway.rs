//! The gateway's dialect and the adapter of security servers (domain.md 4.1), over real sockets.

use super::{Answer, COUNTRY, Country, ask};
use crate::world::{bundle, client_config};
use lienthong::gateway::Gateway;
use std::sync::Arc;
use tokio::net::TcpStream;

const MEMBER: &str = "VN:GOV:000.00.00.H60:LGSP";

fn country_text() -> String {
    format!(
        r#"{COUNTRY}
[[service]]
id = "VN:GOV:G06:MOTCUA/nhan"
provider = "echo"
platform = "lgsp-g06"
rights = ["H60.06"]

[[application]]
name = "Ứng dụng của tỉnh"
member = "{MEMBER}"
key = "khoa"
secret = "bi-mat"

[[application]]
name = "Ứng dụng thử"
member = "{MEMBER}"
key = "thu"
secret = "bi-mat"
kind = "sandbox"
calls_per_minute = 2
"#
    )
}

/// A client that has no certificate.
#[derive(Debug)]
struct Nobody;

impl rustls::client::ResolvesClientCert for Nobody {
    fn resolve(
        &self,
        _authorities: &[&[u8]],
        _schemes: &[rustls::SignatureScheme],
    ) -> Option<Arc<rustls::sign::CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// The TLS port of the LGSP, without a certificate of ours.
async fn tls(country: &Country) -> tokio_rustls::client::TlsStream<TcpStream> {
    tls_at(country, "lgsp-h60").await
}

pub(super) async fn tls_at(
    country: &Country,
    platform: &str,
) -> tokio_rustls::client::TlsStream<TcpStream> {
    stranger(&country.gateway, platform).await
}

/// The TLS port of a platform, without a certificate of ours.
pub(crate) async fn stranger(
    gateway: &Gateway,
    platform: &str,
) -> tokio_rustls::client::TlsStream<TcpStream> {
    let ix = gateway.topology.platform_named(platform).unwrap().ix;
    let address = gateway.listening.iter().find(|l| l.platform == ix).unwrap().tls.unwrap();
    let known = client_config(&bundle(gateway, MEMBER));
    let mut config = (*known).clone();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.client_auth_cert_resolver = Arc::new(Nobody);
    let stream = TcpStream::connect(address).await.unwrap();
    let name = rustls_pki_types::ServerName::IpAddress(address.ip().into());
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

async fn call(country: &Country, method: &str, path: &str, bearer: &str) -> Answer {
    let authorization = format!("Bearer {bearer}");
    let headers = [("Authorization", authorization.as_str())];
    let headers = if bearer.is_empty() { &[][..] } else { &headers[..] };
    ask(tls(country).await, method, path, headers, b"").await
}

async fn token(country: &Country, basic: &str) -> Answer {
    let headers = [("Authorization", basic), ("Content-Type", "application/x-www-form-urlencoded")];
    ask(tls(country).await, "POST", "/token", &headers, b"grant_type=client_credentials").await
}

/// `khoa:bi-mat` and `thu:bi-mat`.
const KEY: &str = "Basic a2hvYTpiaS1tYXQ=";
const SANDBOX_KEY: &str = "Basic dGh1OmJpLW1hdA==";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_calls_with_its_token() {
    let country = Country::start_with(&country_text()).await;
    let given = token(&country, KEY).await;
    assert_eq!(given.status, 200, "{}", given.text());
    let given = given.json();
    assert_eq!(
        (&given["token_type"], given["expires_in"].as_u64()),
        (&"Bearer".into(), Some(3600))
    );
    let bearer = given["access_token"].as_str().unwrap();
    let again = token(&country, KEY).await.json();
    assert_eq!(again["access_token"], bearer, "the same one while it is valid");
    let answer = call(&country, "GET", "/dmdc/1.0/Category/magioitinh", bearer).await;
    assert_eq!((answer.status.as_u16(), &answer.json()[1]["TenGioiTinh"]), (200, &"Nam".into()));
    for (method, path, bearer, status, code) in [
        ("GET", "/dmdc/1.0/AllCategory", "", 401, 900_902),
        ("GET", "/dmdc/1.0/AllCategory", "not-a-token", 401, 900_901),
        ("POST", "/dmdc/1.0/Category/magioitinh", bearer, 403, 900_908),
        ("GET", "/off/1.0", bearer, 503, 700_700),
        ("GET", "/real/1.0", bearer, 500, 101_503),
    ] {
        let answer = call(&country, method, path, bearer).await;
        let found = (answer.status.as_u16(), answer.json()["fault"]["code"].as_u64());
        assert_eq!(found, (status, Some(code)), "{method} {path}: {}", answer.text());
        let challenged = !answer.header("www-authenticate").is_empty();
        assert_eq!(challenged, status == 401);
    }
    let form = [("Authorization", KEY), ("Content-Type", "application/x-www-form-urlencoded")];
    let long = [b'x'; 10_000];
    let answer = ask(tls(&country).await, "POST", "/token", &form, &long).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["error"]), (400, &"invalid_request".into()));
    let answer = token(&country, "Basic a2hvYTpzYWk=").await;
    assert_eq!((answer.status.as_u16(), &answer.json()["error"]), (401, &"invalid_client".into()));
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_beyond_its_quota_is_told_when_to_come_again() {
    let country = Country::start_with(&country_text()).await;
    let given = token(&country, SANDBOX_KEY).await.json();
    let bearer = given["access_token"].as_str().unwrap();
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(call(&country, "GET", "/dmdc/1.0/AllCategory", bearer).await);
    }
    let last = statuses.pop().unwrap();
    assert!(statuses.iter().all(|answer| answer.status == 200));
    assert_eq!((last.status.as_u16(), &last.json()["fault"]["code"]), (429, &900_803.into()));
    let wait: u64 = last.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_adapter_forwards_to_the_system_that_is_named() {
    let country = Country::start_with(&country_text()).await;
    // C5: as one-stop systems call the national portal.
    let forward = "/XrdAdapter/RestService/forward";
    let plain = [("Content-Type", "text/plain")];
    let target = format!("{forward}/mapi/login?dstcode=VN:GOV:000.00.00.G06:MOTCUA&x=1");
    let answer = country.call_with("POST", &target, &plain, b"xin chao").await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "xin chao"));
    let target = format!("{forward}/dmdc/Category/magioitinh?dstcode=VN%3AGOV%3AG06%3ADMDC");
    let answer = country.call_with("GET", &target, &[], b"").await;
    assert_eq!(answer.json()[1]["TenGioiTinh"], "Nam", "{}", answer.text());
    let target = format!("{}/echo", forward.replace("XrdAdapter", "VXPAdapter"));
    let header = [("dstcode", "VN:GOV:G06:DMDC")];
    assert_eq!(country.call_with("POST", &target, &header, b"a").await.text(), "a");
    for (target, status, code) in [
        (format!("{forward}/x"), 400, "LT-X003"),
        (format!("{forward}/x?dstcode=VN:GOV"), 400, "LT-X004"),
        (format!("{forward}/x?dstcode=VN:GOV:G17:X"), 400, "LT-S201"),
        (format!("{forward}/x?dstcode=VN:GOV:G06:DMDC"), 500, "LT-S301"),
        (format!("{forward}/off?dstcode=VN:GOV:G06:DMDC"), 500, "LT-S304"),
        (format!("{forward}/dmdc/../echo?dstcode=VN:GOV:G06:DMDC"), 400, "LT-S106"),
    ] {
        let answer = country.call_with("POST", &target, &[], b"").await;
        let found = (answer.status.as_u16(), answer.json()["ErrorCode"].clone());
        assert_eq!(found, (status, code.into()), "{target}: {}", answer.text());
    }
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_door_refuses_before_there_is_a_call_is_counted_at_its_platform() {
    use lienthong::domain::service::Trouble;
    let country = Country::start_with(&country_text()).await;
    let counted = |platform: &str, trouble: Trouble| {
        let mut platforms = country.gateway.plane.platforms().iter();
        let at = platforms.find(|at| &*at.name == platform).unwrap();
        at.counters.failed.read().find(|(known, _)| *known == trouble).map_or(0, |(_, count)| count)
    };
    let made = || {
        let platforms = country.gateway.plane.platforms().iter();
        platforms.map(|at| at.counters.made.load(std::sync::atomic::Ordering::SeqCst)).sum::<u64>()
    };
    for (row, platform, trouble, refused) in [
        ("no token", "lgsp-h60", Trouble::CallerMissing, call(&country, "GET", "/dmdc/1.0/a", "")),
        (
            "a bad one",
            "lgsp-h60",
            Trouble::CallerUnknown,
            call(&country, "GET", "/dmdc/1.0/a", "x"),
        ),
    ]
    .map(|(row, platform, trouble, asking)| (row, platform, trouble, Box::pin(asking)))
    {
        let before = counted(platform, trouble);
        assert_eq!(refused.await.status, 401, "{row}");
        assert_eq!(counted(platform, trouble), before + 1, "{row}");
    }
    let xroad = "/r1/VN/GOV/G06/DMDC/echo";
    let stranger = "VN/GOV/000.00.06.H60/NOBODY";
    let forward = "/XrdAdapter/RestService/forward/a?dstcode=VN:GOV:G06:DMDC";
    for (row, trouble, target, client) in [
        ("unknown client", Trouble::CallerUnknown, xroad, stranger),
        ("unknown client, by the adapter", Trouble::CallerUnknown, forward, stranger),
        ("no target", Trouble::RequestMalformed, "/r1/VN/GOV", stranger),
    ] {
        let before = counted("ss-h60", trouble);
        let answer = country.call_with("GET", target, &[("X-Road-Client", client)], b"").await;
        assert!(answer.status.is_client_error() || answer.status.is_server_error(), "{row}");
        assert_eq!(counted("ss-h60", trouble), before + 1, "{row}: {}", answer.text());
    }
    let answer = country.call_with("POST", "/", &[("Content-Type", "blah")], b"x").await;
    assert_eq!(answer.status, 500);
    assert_eq!(counted("ss-h60", Trouble::RequestMalformed), 2, "SOAP");
    assert_eq!(made(), 0, "none of them is a call");
    country.gateway.stop().await;
}
