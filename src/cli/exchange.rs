//! One request over TLS to a platform, and its whole answer.

use super::answer::{Exit, Failure};
use super::member::faulty;
use super::run_file::Ready;
use super::start;
use crate::clock::{Clock, SystemClock};
use crate::tls::{Alpn, Tls, TlsClient, TlsOptions, Trust, TrustFiles};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Longer than any platform waits.
pub(super) const TIMEOUT: Duration = Duration::from_secs(120);

/// Whoever has no certificate: the credential is inside the request. The sandbox's authority is trusted.
pub(super) fn stranger(ready: &Ready, clock: &Arc<SystemClock>) -> Result<TlsClient, Failure> {
    let crl = ready.ca.with_file_name("crl.pem");
    let files = TrustFiles { ca: ready.ca.clone(), crl: Some(crl).filter(|crl| crl.exists()) };
    let built = Trust::load(files, TlsOptions::default(), clock)
        .and_then(|trust| Tls::anonymous(&trust).client(None, Alpn::Http1));
    built.map_err(|error| {
        Failure::new(
            Exit::Failed,
            "không dùng được chứng thư gốc của sandbox",
            "the sandbox's root certificate cannot be used",
        )
        .detail(start::chain(&error))
    })
}

/// The `tls` port of a platform, and the process that it runs in.
pub(super) fn tls_port<'r>(
    running: &'r [Ready],
    platform: &str,
) -> Result<(&'r Ready, SocketAddr), Failure> {
    let found = running.iter().find_map(|ready| Some((ready, ready.platform(platform)?.tls?)));
    found.ok_or_else(|| {
        let names = running.iter().flat_map(|ready| &ready.platforms);
        let names = names.filter(|p| p.tls.is_some()).map(|p| &*p.name);
        Failure::usage(
            format!("không có cổng dịch vụ nào tên `{platform}` đang chạy"),
            format!("no gateway named `{platform}` runs"),
        )
        .meant(crate::topology::mistake::nearest(platform, names))
    })
}

pub(super) async fn exchange(
    client: &TlsClient,
    address: SocketAddr,
    request: Request<Full<Bytes>>,
    clock: &SystemClock,
) -> Result<Response<Bytes>, Failure> {
    let deadline = clock.now().plus(TIMEOUT);
    let asked = Box::pin(ask(client, address, request, clock));
    clock.timeout_at(deadline, asked).await.unwrap_or_else(|late| {
        Err(Failure::new(Exit::Unreachable, "không có câu trả lời", "no answer")
            .detail(late.to_string()))
    })
}

async fn ask(
    client: &TlsClient,
    address: SocketAddr,
    request: Request<Full<Bytes>>,
    clock: &SystemClock,
) -> Result<Response<Bytes>, Failure> {
    let name = ServerName::IpAddress(address.ip().into());
    let connected = client.connect(clock, address, name, clock.now().plus(TIMEOUT)).await;
    let stream = connected.map_err(|fault| faulty(&fault, address))?.stream;
    let failed = |error: hyper::Error| match client.explain(&error, clock.now()) {
        Some(fault) => faulty(&fault, address),
        None => {
            let failure = Failure::new(
                Exit::Unreachable,
                "mất kết nối với nền tảng",
                "the connection to the platform was lost",
            );
            failure.detail(start::chain(&error))
        }
    };
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let exchange = async {
        let (parts, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok::<_, hyper::Error>(Response::from_parts(parts, body))
    };
    let mut connection = std::pin::pin!(connection);
    let mut exchange = std::pin::pin!(exchange);
    tokio::select! {
        biased;
        done = &mut exchange => done.map_err(failed),
        _ = &mut connection => exchange.await.map_err(failed),
    }
}
