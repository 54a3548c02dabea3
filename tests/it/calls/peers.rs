//! A provider's security server that misbehaves: the rows of the peer in X-Road's conformance list (wire/xroad.md
//! 2.13), told by the consumer's.

use super::{CLIENT, COUNTRY, ask};
use crate::world::{start_only, topology};
use bytes::Bytes;
use futures_util::StreamExt;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use lienthong::gateway::Gateway;
use lienthong::pki::{Holder, PlatformName};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

/// What the peer does with a call.
#[derive(Clone, Copy, Debug)]
enum Manners {
    /// The connection is gone once the keys are exchanged.
    Cuts,
    CutsMidAnswer,
    Answers500,
    /// Without the head of its evidence.
    Unsigned,
}

const HEAD: &str = "0:0000000000000000000000000000000000000000000000000000000000000000";

type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, std::io::Error>;

/// What the peer has written so far.
type Written = tokio::sync::watch::Receiver<usize>;

const HALF_BYTES: usize = 16 << 10;

fn answer(manners: Manners, written: Written) -> Response<Body> {
    let whole = |text: &'static str| -> Body {
        http_body_util::Full::from(text).map_err(|never| match never {}).boxed_unsync()
    };
    let response = Response::builder();
    match manners {
        // Nothing is asked over a connection that is gone.
        Manners::Cuts => Response::new(whole("")),
        Manners::CutsMidAnswer => {
            let half = Bytes::from(vec![b'.'; HALF_BYTES]);
            let half = futures_util::stream::iter([Ok(Frame::data(half))]);
            let cut = futures_util::stream::once(async move {
                // The head and the half are on their way, and are not taken back.
                let mut written = written;
                written.wait_for(|bytes| *bytes > HALF_BYTES).await.unwrap();
                Err(std::io::Error::other("the peer is gone"))
            });
            let body = StreamBody::new(half.chain(cut.boxed()));
            let response = response.header("content-length", 2 * HALF_BYTES);
            response.header("lt-chain", HEAD).body(BodyExt::boxed_unsync(body)).unwrap()
        }
        Manners::Answers500 => {
            response.status(StatusCode::INTERNAL_SERVER_ERROR).body(whole("oops")).unwrap()
        }
        Manners::Unsigned => response.body(whole("well")).unwrap(),
    }
}

/// A connection that counts what is written to it.
struct Counted<S> {
    inner: S,
    written: tokio::sync::watch::Sender<usize>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let count = std::task::ready!(Pin::new(&mut self.inner).poll_write(context, bytes))?;
        self.written.send_modify(|written| *written += count);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

/// Serves connections as the security server `ss-db`, with its own certificate.
async fn misbehave(listener: Arc<TcpListener>, gateway: &Gateway, manners: Manners) {
    let config = config(gateway);
    let tasks = TaskTracker::new();
    while let Ok((stream, _)) = listener.accept().await {
        tasks.spawn(serve(stream, Arc::clone(&config), manners));
    }
}

fn config(gateway: &Gateway) -> Arc<rustls::ServerConfig> {
    use rustls_pki_types::pem::PemObject;
    use rustls_pki_types::{CertificateDer, PrivateKeyDer};
    let holder = Holder::Platform(PlatformName::new("ss-db").unwrap());
    let files = gateway.pki.bundle(&holder);
    let chain = CertificateDer::pem_file_iter(&files.chain).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(&files.key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

async fn serve(stream: TcpStream, config: Arc<rustls::ServerConfig>, manners: Manners) {
    let Ok(stream) = tokio_rustls::TlsAcceptor::from(config).accept(stream).await else { return };
    if matches!(manners, Manners::Cuts) {
        return;
    }
    let (sender, written) = tokio::sync::watch::channel(0);
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let written = written.clone();
        async move {
            if request.uri().path().starts_with("/call/v1") {
                return Ok::<_, std::io::Error>(answer(manners, written));
            }
            // It tells nobody of its services.
            let nothing = http_body_util::Empty::new().map_err(|never| match never {});
            let response = Response::builder().status(StatusCode::NOT_FOUND);
            Ok(response.body(nothing.boxed_unsync()).unwrap())
        }
    });
    let stream = TokioIo::new(Counted { inner: stream, written: sender });
    let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    server.serve_connection(stream, service).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_misbehaves_is_told_as_its_row_says() {
    for (row, manners, code, ours) in [
        ("peer cuts the connection", Manners::Cuts, "network_error", "LT-S203"),
        ("peer cuts it mid-answer", Manners::CutsMidAnswer, "service_failed.io_error", "LT-S208"),
        ("peer answers HTTP 500", Manners::Answers500, "http_error", "LT-S207"),
        ("peer answers without signature", Manners::Unsigned, "missing_signature", "LT-S209"),
    ] {
        let listener = Arc::new(TcpListener::bind("127.0.0.1:0").await.unwrap());
        // A security server's calls come in beside its plain port.
        let port = listener.local_addr().unwrap().port() - 1;
        let there = format!("name = \"ss-db\"\nport = {port}\nlisteners = [\"mtls\"]");
        let text = COUNTRY.replace("name = \"ss-db\"", &there);
        let data = tempfile::tempdir().unwrap();
        let here = ["axis", "ndxp", "lgsp-h60", "lgsp-g06", "ss-h60"];
        let gateway = Arc::new(start_only(&topology(&text), data.path(), &here, true).await);
        let tasks = TaskTracker::new();
        let peer = {
            let gateway = Arc::clone(&gateway);
            tasks.spawn(async move { misbehave(listener, &gateway, manners).await })
        };
        let ix = gateway.topology.platform_named("ss-h60").unwrap().ix;
        let plain = gateway.listening.iter().find(|l| l.platform == ix).unwrap().local.unwrap();
        let stream = TcpStream::connect(plain).await.unwrap();
        let target = "/r1/VN/GOV/G01/DB/echo";
        let answer = ask(stream, "GET", target, &[("X-Road-Client", CLIENT)], b"").await;
        let code = format!("server.clientproxy.{code}");
        assert_eq!(answer.fault(), (500, &*code), "{row}: {}", answer.text());
        assert!(answer.text().contains(ours), "{row}: {}", answer.text());
        peer.abort();
        peer.await.ok();
        Arc::into_inner(gateway).unwrap().stop().await;
    }
}
