//! TLS between members, platforms and security servers: configuration, reload without restart, who the
//! peer is, and every failure named with its side and cause.
//!
//! `Trust` is one per process (authorities and revocation lists); `Tls` is one per certificate of ours.
//! A change of either moves `Trust::generation`, voids all session tickets, and makes open connections
//! look their peer up again at their next request.
//!
//! Invariant: nothing here watches files or starts tasks; the assembly calls `reload`.

mod connect;
mod fault;
mod identity;
mod keys;
mod sentence;
mod stamp;
mod tickets;
mod trust;
mod verify;

use crate::clock::{Clock, Timestamp};
use crate::pki::{Bundle, CertificateFacts, PlatformName};
use arc_swap::{ArcSwap, ArcSwapOption};
use keys::OwnKeys;
use parking_lot::Mutex;
use rustls::client::Resumption;
use rustls::server::NoServerSessionStorage;
use rustls::{ClientConfig, ServerConfig, SupportedProtocolVersion};
use stamp::Stamp;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use tickets::Tickets;
use verify::{ClientVerifier, OwnKey, ServerVerifier};

pub use connect::{Accepted, Connected};
pub use fault::{Cause, Role, TlsFault, Witness};
pub use identity::{PeerId, PeerIdentity};
pub use keys::KeyFiles;
pub use trust::{CrlState, StaleCrl, Trust, TrustFiles};

const HTTP1: &[u8] = b"http/1.1";
const HTTP2: &[u8] = b"h2";
/// Per neighbour; a session is used once.
const CLIENT_SESSIONS_MAX: usize = 32;

/// What a topology may choose.
#[derive(Clone, Copy, Debug)]
pub struct TlsOptions {
    pub versions: TlsVersions,
    /// X25519MLKEM768 first. Resumed handshakes cost about three times as much with it.
    pub post_quantum: bool,
    pub resumption: bool,
    pub stale_crl: StaleCrl,
    /// Writes session secrets to `$SSLKEYLOGFILE`, for captures in training. Never on a real network.
    pub key_log: bool,
}

impl Default for TlsOptions {
    fn default() -> Self {
        Self {
            versions: TlsVersions::Only13,
            post_quantum: true,
            resumption: true,
            stale_crl: StaleCrl::Warn,
            key_log: false,
        }
    }
}

/// The versions spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersions {
    Only13,
    /// For clients that know nothing newer (wire/vxp.md 1.9: the C# SDK).
    Both,
    /// To play such a client.
    Only12,
}

/// Whether a listener insists on a client certificate (design.md 2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenerKind {
    /// Required.
    Mtls,
    /// Asked for; a caller without one must prove itself otherwise. A bad one is refused all the same.
    Tls,
}

/// The application protocols offered, in order of preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alpn {
    Http1,
    Http2,
    Both,
}

#[derive(Debug, thiserror::Error)]
pub enum TlsLoadError {
    #[error("cannot read {path}")]
    Io { path: PathBuf, source: io::Error },
    #[error("a file is not PEM")]
    Pem(#[from] rustls_pki_types::pem::Error),
    #[error("{0} holds no certificate")]
    Empty(PathBuf),
    #[error("the file of authorities holds none that is self-signed")]
    NoAuthority,
    #[error("the revocation list of {issuer} is not signed by an authority of ours")]
    ForeignCrl { issuer: String },
    #[error(transparent)]
    Read(#[from] crate::pki::read::ReadError),
    #[error("key and certificate do not go together, or are of an unknown kind")]
    Key(#[from] rustls::Error),
    #[error("the verifier refuses the authorities or revocation lists")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
}

/// One certificate of ours, as a server and as a client.
#[derive(Debug)]
pub struct Tls {
    trust: Arc<Trust>,
    files: Option<KeyFiles>,
    own: Arc<OwnKey>,
    /// Also keeps reloads one at a time.
    read: Mutex<Stamp>,
}

/// One listener's side of TLS.
#[derive(Clone, Debug)]
pub struct TlsServer {
    tls: Arc<Tls>,
    kind: ListenerKind,
    config: Arc<ServerConfig>,
}

/// Our side of TLS towards one neighbour, or towards any server.
#[derive(Debug)]
pub struct TlsClient {
    tls: Arc<Tls>,
    expected: Option<PlatformName>,
    alpn: Alpn,
    /// The generation it was built in: an older one would resume sessions of an older state of trust.
    built: ArcSwap<(u64, Arc<ClientConfig>)>,
}

impl Tls {
    pub fn load(trust: &Arc<Trust>, files: KeyFiles) -> Result<Arc<Self>, TlsLoadError> {
        let stamp = Stamp::of(files.all());
        let own = OwnKeys::read(&files, &trust.provider)?;
        Ok(Arc::new(Self {
            trust: Arc::clone(trust),
            files: Some(files),
            own: Arc::new(OwnKey(ArcSwapOption::from_pointee(own))),
            read: Mutex::new(stamp),
        }))
    }

    /// A client without a certificate.
    pub fn anonymous(trust: &Arc<Trust>) -> Arc<Self> {
        Arc::new(Self {
            trust: Arc::clone(trust),
            files: None,
            own: Arc::new(OwnKey(ArcSwapOption::empty())),
            read: Mutex::new(Stamp::default()),
        })
    }

    /// Reads our key and certificate again; keeps the old ones on error. `true` when they changed: tickets are then void.
    pub fn reload(&self) -> Result<bool, TlsLoadError> {
        let Some(files) = &self.files else { return Ok(false) };
        let mut read = self.read.lock();
        let stamp = Stamp::of(files.all());
        let fresh = OwnKeys::read(files, &self.trust.provider)?;
        *read = stamp;
        let same = self.facts().is_some_and(|own| own.fingerprint == fresh.facts.fingerprint);
        if same {
            return Ok(false);
        }
        self.own.0.store(Some(Arc::new(fresh)));
        self.trust.bump();
        Ok(true)
    }

    /// `reload` when a file was touched. For a timer.
    pub fn reload_if_touched(&self) -> Result<bool, TlsLoadError> {
        let Some(files) = &self.files else { return Ok(false) };
        let touched = *self.read.lock() != Stamp::of(files.all());
        if touched { self.reload() } else { Ok(false) }
    }

    /// A listener. Each call makes one with tickets of its own.
    pub fn server(
        self: &Arc<Self>,
        kind: ListenerKind,
        alpn: Alpn,
    ) -> Result<TlsServer, TlsLoadError> {
        let trust = &self.trust;
        let verifier =
            ClientVerifier { trust: Arc::clone(trust), required: kind == ListenerKind::Mtls };
        let mut config = ServerConfig::builder_with_details(
            Arc::clone(&trust.provider),
            Arc::clone(&trust.time),
        )
        .with_protocol_versions(versions(trust.options))?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(Arc::<OwnKey>::clone(&self.own));
        config.alpn_protocols = alpn.protocols();
        config.session_storage = Arc::new(NoServerSessionStorage {});
        if trust.options.resumption {
            config.ticketer = Arc::new(Tickets::new(Arc::clone(trust)));
        } else {
            config.send_tls13_tickets = 0;
        }
        if trust.options.key_log {
            config.key_log = Arc::new(rustls::KeyLogFile::new());
        }
        Ok(TlsServer { tls: Arc::clone(self), kind, config: Arc::new(config) })
    }

    /// A client. With `expected`, only a server whose certificate names that platform is taken.
    pub fn client(
        self: &Arc<Self>,
        expected: Option<PlatformName>,
        alpn: Alpn,
    ) -> Result<TlsClient, TlsLoadError> {
        let generation = self.trust.generation();
        let config = self.client_config(expected.clone(), alpn)?;
        let built = ArcSwap::from_pointee((generation, Arc::new(config)));
        Ok(TlsClient { tls: Arc::clone(self), expected, alpn, built })
    }

    pub const fn trust(&self) -> &Arc<Trust> {
        &self.trust
    }

    /// What our own certificate says; `None` for an anonymous client.
    pub fn facts(&self) -> Option<CertificateFacts> {
        self.own.0.load().as_ref().map(|own| own.facts.clone())
    }

    fn client_config(
        &self,
        expected: Option<PlatformName>,
        alpn: Alpn,
    ) -> Result<ClientConfig, rustls::Error> {
        let trust = &self.trust;
        let verifier = ServerVerifier { trust: Arc::clone(trust), expected };
        let mut config = ClientConfig::builder_with_details(
            Arc::clone(&trust.provider),
            Arc::clone(&trust.time),
        )
        .with_protocol_versions(versions(trust.options))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_cert_resolver(Arc::<OwnKey>::clone(&self.own));
        config.alpn_protocols = alpn.protocols();
        config.resumption = if trust.options.resumption {
            Resumption::in_memory_sessions(CLIENT_SESSIONS_MAX)
        } else {
            Resumption::disabled()
        };
        if trust.options.key_log {
            config.key_log = Arc::new(rustls::KeyLogFile::new());
        }
        Ok(config)
    }
}

impl TlsServer {
    pub const fn kind(&self) -> ListenerKind {
        self.kind
    }

    pub const fn tls(&self) -> &Arc<Tls> {
        &self.tls
    }

    /// For a stack that makes its own handshakes. Peers accepted so are unchecked when their session resumed.
    pub const fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }
}

impl TlsClient {
    /// The configuration of this state of trust; sessions begun under an older one are forgotten.
    pub fn config(&self) -> Arc<ClientConfig> {
        let generation = self.tls.trust.generation();
        let built = self.built.load();
        if built.0 == generation {
            return Arc::clone(&built.1);
        }
        // It was built once with the same provider and versions, so it can be again.
        let Ok(config) = self.tls.client_config(self.expected.clone(), self.alpn) else {
            return Arc::clone(&built.1);
        };
        let config = Arc::new(config);
        self.built.store(Arc::new((generation, Arc::clone(&config))));
        config
    }

    pub const fn tls(&self) -> &Arc<Tls> {
        &self.tls
    }
}

impl Alpn {
    fn protocols(self) -> Vec<Vec<u8>> {
        match self {
            Self::Http1 => vec![HTTP1.to_vec()],
            Self::Http2 => vec![HTTP2.to_vec()],
            Self::Both => vec![HTTP2.to_vec(), HTTP1.to_vec()],
        }
    }
}

impl From<Bundle> for KeyFiles {
    fn from(bundle: Bundle) -> Self {
        Self { chain: bundle.chain, key: bundle.key }
    }
}

impl From<Bundle> for TrustFiles {
    fn from(bundle: Bundle) -> Self {
        Self { ca: bundle.ca, crl: Some(bundle.crl) }
    }
}

/// Everything a process needs besides its keys: `Trust::load` with the chain of a `pki` folder.
pub fn trust_of<C: Clock>(
    pki: &crate::pki::Pki,
    options: TlsOptions,
    clock: &Arc<C>,
) -> Result<Arc<Trust>, TlsLoadError> {
    let files = TrustFiles { ca: pki.dir().join("ca.pem"), crl: Some(pki.dir().join("crl.pem")) };
    Trust::load(files, options, clock)
}

/// Reloads trust and all keys; what failed is returned and stays as it was.
pub fn reload_all(trust: &Trust, keys: &[Arc<Tls>], now: Timestamp) -> Vec<TlsLoadError> {
    let reloaded =
        std::iter::once_with(|| trust.reload(now)).chain(keys.iter().map(|k| k.reload()));
    reloaded.filter_map(Result::err).collect()
}

static ONLY_13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];
static BOTH: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];
static ONLY_12: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];

const fn versions(options: TlsOptions) -> &'static [&'static SupportedProtocolVersion] {
    match options.versions {
        TlsVersions::Only13 => ONLY_13,
        TlsVersions::Both => BOTH,
        TlsVersions::Only12 => ONLY_12,
    }
}

fn read_file(path: &PathBuf) -> Result<Vec<u8>, TlsLoadError> {
    std::fs::read(path).map_err(|source| TlsLoadError::Io { path: path.clone(), source })
}
