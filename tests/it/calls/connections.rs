//! How a system must reach its own security server (wire/xroad.md 2.6, the caller's TLS mode; the TLS rows of 2.13).

use super::{Answer, COUNTRY, Country, ask, tls};
use crate::world::{bundle, client_config};
use lienthong::clock::Clock;
use lienthong::pki::{Holder, MemberId, Reason, Request, Which};
use rustls::ClientConfig;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

const ECHO: &str = "/r1/VN/GOV/G06/DMDC/echo";
const REFUSED: (u16, &str) = (500, "server.clientproxy.ssl_authentication_failed");

/// A second and a third system of the same agency, stricter than the first.
fn text() -> String {
    let member = |system: &str, connection: &str| {
        format!(
            "\n[[member]]\nagency = \"H60.06\"\nsystem = \"{system}\"\nplatform = \"ss-h60\"\n\
             systemid = \"vxp.{system}\"\nconnection = \"{connection}\"\n"
        )
    };
    let (no_auth, auth) = (member("NOAUTH", "sslnoauth"), member("AUTH", "sslauth"));
    format!("{COUNTRY}{no_auth}{auth}{}", member("OTHER", "sslauth"))
}

fn id(system: &str) -> String {
    format!("VN:GOV:000.00.06.H60:{system}")
}

/// What a client shows at the TLS port of its security server, or that it uses the plain one.
#[derive(Clone, Copy, Debug)]
enum Shows {
    Plain,
    Nothing,
    CertificateOf(&'static str),
}

/// A line to the TLS port of a platform, with a member's certificate or none.
async fn line(
    country: &Country,
    platform: &str,
    certificate: Option<&str>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let ix = country.gateway.topology.platform_named(platform).unwrap().ix;
    let listening = country.gateway.listening.iter().find(|l| l.platform == ix).unwrap();
    let address = listening.tls.unwrap();
    let files = bundle(&country.gateway, &id(certificate.unwrap_or("QLVB")));
    let with_certificate = client_config(&files);
    let mut config = match certificate {
        Some(_) => (*with_certificate).clone(),
        None => {
            let provider = Arc::clone(with_certificate.crypto_provider());
            let mut roots = rustls::RootCertStore::empty();
            use rustls_pki_types::pem::PemObject;
            for root in rustls_pki_types::CertificateDer::pem_file_iter(&files.ca).unwrap() {
                roots.add(root.unwrap()).unwrap();
            }
            ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth()
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let stream = TcpStream::connect(address).await?;
    let name = rustls_pki_types::ServerName::IpAddress(address.ip().into());
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

async fn call(country: &Country, system: &str, shows: Shows) -> Answer {
    let client = id(system).replace(':', "/");
    let headers = [("X-Road-Client", client.as_str())];
    let certificate = match shows {
        Shows::Plain => return country.call_with("GET", ECHO, &headers, b"").await,
        Shows::Nothing => None,
        Shows::CertificateOf(system) => Some(system),
    };
    let stream = line(country, "ss-h60", certificate).await.unwrap();
    ask(stream, "GET", ECHO, &headers, b"").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_is_believed_as_far_as_its_connection_says() {
    let country = Country::start_with(&text()).await;
    let (plain, nothing, own) = (Shows::Plain, Shows::Nothing, Shows::CertificateOf);
    let (no_tls, no_certificate) = ("client made plaintext connection", "did not supply TLS");
    let wrong = "does not match any IS certificates";
    for (row, system, shows, refusal) in [
        ("NOSSL by plain HTTP", "QLVB", plain, None),
        ("NOSSL by TLS without certificate", "QLVB", nothing, None),
        ("NOSSL by TLS with its certificate", "QLVB", own("QLVB"), None),
        // X-Road looks at no certificate here; one that names somebody else is never right.
        ("NOSSL by TLS with another's certificate", "QLVB", own("OTHER"), Some(wrong)),
        ("SSLNOAUTH by plain HTTP", "NOAUTH", plain, Some(no_tls)),
        ("SSLNOAUTH by TLS without certificate", "NOAUTH", nothing, None),
        ("SSLNOAUTH by TLS with its certificate", "NOAUTH", own("NOAUTH"), None),
        ("SSLAUTH by plain HTTP", "AUTH", plain, Some(no_certificate)),
        ("SSLAUTH: no client certificate", "AUTH", nothing, Some(no_certificate)),
        ("SSLAUTH: wrong client certificate", "AUTH", own("OTHER"), Some(wrong)),
        ("SSLAUTH with its certificate", "AUTH", own("AUTH"), None),
    ] {
        let answer = call(&country, system, shows).await;
        match refusal {
            None => assert_eq!(answer.fault(), (200, ""), "{row}: {}", answer.text()),
            Some(why) => {
                assert_eq!(answer.fault(), REFUSED, "{row}: {}", answer.text());
                assert!(answer.text().contains(why), "{row}: {}", answer.text());
            }
        }
    }
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_certificate_issued_to_a_system_is_one_of_its_own() {
    let country = Country::start_with(&text()).await;
    let gateway = &country.gateway;
    let holder = Holder::Member(MemberId::parse(&id("AUTH")).unwrap());
    let first = line(&country, "ss-h60", Some("AUTH")).await.unwrap();
    gateway.pki.renew(&holder, gateway.clock.now()).unwrap();
    let second = line(&country, "ss-h60", Some("AUTH")).await.unwrap();
    let client = id("AUTH").replace(':', "/");
    let headers = [("X-Road-Client", client.as_str())];
    for stream in [first, second] {
        assert_eq!(ask(stream, "GET", ECHO, &headers, b"").await.fault(), (200, ""));
    }
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_does_not_hold_is_worse_than_none() {
    let country = Country::start_with(&text()).await;
    let (gateway, client) = (&country.gateway, id("NOAUTH").replace(':', "/"));
    let headers = [("X-Road-Client", client.as_str())];
    // Revoked while the connection is open: told in X-Road's words.
    let open = line(&country, "ss-h60", Some("NOAUTH")).await.unwrap();
    let holder = Holder::Member(MemberId::parse(&id("NOAUTH")).unwrap());
    let now = gateway.clock.now();
    gateway.pki.revoke(&Which::Holder(holder.clone()), Reason::KeyCompromise, now).unwrap();
    assert!(gateway.reload().is_empty());
    assert_eq!(ask(open, "GET", ECHO, &headers, b"").await.fault(), REFUSED);
    // Expired before it: TLS itself refuses it, also where none is needed.
    let expired = Request::member(MemberId::parse(&id("NOAUTH")).unwrap(), now);
    let day = Duration::from_secs(86_400);
    let expired = expired.valid(now.minus(2 * day), now.minus(day));
    gateway.pki.issue(&expired, now).unwrap();
    let mut stream = line(&country, "ss-h60", Some("NOAUTH")).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer).await;
    assert!(read.unwrap_err().to_string().contains("CertificateExpired"), "{answer:?}");
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn elsewhere_only_a_certificate_is_believed() {
    let country = Country::start_with(&text()).await;
    let headers = [("X-Road-Client", super::CLIENT)];
    // The platform behind its security server, where it may connect too.
    let stream = line(&country, "lgsp-h60", None).await.unwrap();
    assert_eq!(ask(stream, "GET", ECHO, &headers, b"").await.fault(), REFUSED);
    let stream = line(&country, "lgsp-h60", Some("QLVB")).await.unwrap();
    assert_eq!(ask(stream, "GET", ECHO, &headers, b"").await.fault(), (200, ""));
    // Another security server: it is not registered there.
    let unknown = (500, "server.clientproxy.unknown_member");
    for certificate in [None, Some("QLVB")] {
        let stream = line(&country, "ss-db", certificate).await.unwrap();
        assert_eq!(ask(stream, "GET", ECHO, &headers, b"").await.fault(), unknown);
    }
    // The mTLS port of a security server is for platforms; its members may use it all the same.
    let stream = tls(&country.gateway, "ss-h60", &id("AUTH")).await;
    let client = id("AUTH").replace(':', "/");
    let answer = ask(stream, "GET", ECHO, &[("X-Road-Client", client.as_str())], b"").await;
    assert_eq!(answer.fault(), (200, ""));
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_adapter_keeps_to_it_too() {
    let country = Country::start_with(&text()).await;
    let forward = "/XrdAdapter/RestService/forward/a?dstcode=VN:GOV:000.00.00.G01:DB";
    for (system, is_let_in) in [("QLVB", true), ("AUTH", false), ("NOAUTH", false)] {
        let client = id(system).replace(':', "/");
        let headers = [("X-Road-Client", client.as_str())];
        let answer = country.call_with("GET", forward, &headers, b"").await;
        assert_eq!(!answer.text().contains("LT-S103"), is_let_in, "{system}: {}", answer.text());
    }
    country.gateway.stop().await;
}
