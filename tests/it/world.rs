//! A small country for tests: real sockets on any free port, real certificates, a folder of its own.

use lienthong::gateway::{Gateway, Options};
use lienthong::pki::{Bundle, Holder, MemberId};
use lienthong::topology::{Given, Topology};
use lienthong::wire::v1;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tonic::transport::{Channel, Endpoint};

/// The axis and three LGSPs, a member each.
pub(crate) const COUNTRY: &str = r#"
version = 1

[topology]
name = "test"

[directory]
files = ["directory/agencies.csv"]
on = 2026-11-20

[directory.synthetic]
departments = true
communes = 6

[[platform]]
name = "axis"
kind = "axis"

[[platform]]
name = "lgsp-h60"
kind = "lgsp"
parent = "axis"
agencies = ["H60"]

[[platform]]
name = "lgsp-g12"
kind = "lgsp"
parent = "axis"
agencies = ["G12"]

[[platform]]
name = "lgsp-h26"
kind = "lgsp"
parent = "axis"
agencies = ["H26"]

[[member]]
agency = "H60"
system = "qlvb"
platform = "lgsp-h60"
agencies = ["H60"]
kind = "external"

[[member]]
agency = "G12"
system = "qlvb"
platform = "lgsp-g12"
agencies = ["G12"]
kind = "external"

[[member]]
agency = "H26"
system = "qlvb"
platform = "lgsp-h26"
agencies = ["H26"]
kind = "external"
"#;

pub(crate) fn topology(text: &str) -> Arc<Topology> {
    let today = jiff::civil::date(2026, 11, 20);
    let given = Given { today, seed: 7, systems: lienthong::providers::SYSTEMS };
    match Topology::load_str("test.toml", text, given) {
        Ok(topology) => Arc::new(topology),
        Err(mistakes) => panic!(
            "{}",
            mistakes.render(lienthong::topology::Lang::En, lienthong::topology::Style::default())
        ),
    }
}

pub(crate) async fn start(topology: &Arc<Topology>, data: &Path) -> Gateway {
    start_only(topology, data, &[], true).await
}

pub(crate) async fn start_only(
    topology: &Arc<Topology>,
    data: &Path,
    only: &[&str],
    any_port: bool,
) -> Gateway {
    let options = Options {
        data: data.to_owned(),
        only: only.iter().map(|&name| name.to_owned()).collect(),
        accept_loss: false,
        any_port,
        seed: 42,
    };
    Gateway::start(Arc::clone(topology), options).await.unwrap()
}

/// The mTLS address of a platform.
pub(crate) fn address(gateway: &Gateway, platform: &str) -> SocketAddr {
    let ix = gateway.topology.platform_named(platform).unwrap().ix;
    gateway.listening.iter().find(|l| l.platform == ix).unwrap().mtls.unwrap()
}

pub(crate) fn bundle(gateway: &Gateway, member: &str) -> Bundle {
    gateway.pki.bundle(&Holder::Member(MemberId::parse(member).unwrap()))
}

/// A native client channel of a member to its platform, by plain rustls: nothing of the gateway's own client.
pub(crate) async fn channel(gateway: &Gateway, platform: &str, member: &str) -> Channel {
    let files = bundle(gateway, member);
    let address = address(gateway, platform);
    let config = client_config(&files);
    let connector = tower::service_fn(move |_: http::Uri| {
        let config = Arc::clone(&config);
        async move {
            let stream = tokio::net::TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let name = rustls_pki_types::ServerName::IpAddress(address.ip().into());
            let stream = tokio_rustls::TlsConnector::from(config).connect(name, stream).await?;
            Ok::<_, std::io::Error>(hyper_util::rt::TokioIo::new(stream))
        }
    });
    Endpoint::from_static("https://test").connect_with_connector(connector).await.unwrap()
}

pub(crate) fn client_config(files: &Bundle) -> Arc<rustls::ClientConfig> {
    use rustls_pki_types::pem::PemObject;
    let mut roots = rustls::RootCertStore::empty();
    for certificate in rustls_pki_types::CertificateDer::pem_file_iter(&files.ca).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    let chain = rustls_pki_types::CertificateDer::pem_file_iter(&files.chain)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let key = rustls_pki_types::PrivateKeyDer::from_pem_file(&files.key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

/// A document as fields.
pub(crate) fn fields(
    from: &str,
    to: &[&str],
    document_id: &str,
    payload: &'static [u8],
) -> v1::Submission {
    let envelope = v1::Envelope {
        from: from.to_owned(),
        to: to.iter().map(|&code| code.to_owned()).collect(),
        document_id: document_id.to_owned(),
        notation: "12/UBND-VP".to_owned(),
        type_name: "Công văn".to_owned(),
        subject: "V/v kết nối, liên thông".to_owned(),
        ..v1::Envelope::default()
    };
    v1::Submission {
        content: Some(v1::submission::Content::Envelope(envelope)),
        payload: bytes::Bytes::from_static(payload),
        ..v1::Submission::default()
    }
}

pub(crate) fn accepted(receipt: v1::Receipt) -> v1::Accepted {
    match receipt.result {
        Some(v1::receipt::Result::Accepted(accepted)) => accepted,
        other => panic!("not accepted: {other:?}"),
    }
}

pub(crate) fn refused(receipt: v1::Receipt) -> v1::Refusal {
    match receipt.result {
        Some(v1::receipt::Result::Refusal(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}
