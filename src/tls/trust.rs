//! Whom this process believes: the authorities and their revocation lists, shared by all platforms of the process.
//!
//! Invariant: a snapshot is whole and immutable; a reload that fails leaves the old one in force.
//! `generation` grows whenever anything changed that an open connection was admitted under.

use super::{TlsLoadError, TlsOptions, stamp::Stamp};
use crate::clock::{Clock, Timestamp};
use crate::pki::read::{CertificateKey, Fingerprint, Revocation, Revocations};
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::time_provider::TimeProvider;
use rustls::{NamedGroup, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::revocation_list::CertificateRevocationList;

/// Where the authorities and their revocation lists are; both PEM, several to a file allowed.
#[derive(Clone, Debug)]
pub struct TrustFiles {
    pub ca: PathBuf,
    /// Without one nothing is ever revoked.
    pub crl: Option<PathBuf>,
}

/// What to do about a revocation list past its nextUpdate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StaleCrl {
    /// Go on with the old list and say so.
    #[default]
    Warn,
    /// Take no certificate until there is a new one.
    Refuse,
}

/// How fresh the revocation list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrlState {
    None,
    Fresh { next_update: Timestamp },
    Stale { next_update: Timestamp },
}

/// The trust store of a process.
pub struct Trust {
    files: TrustFiles,
    pub(super) options: TlsOptions,
    pub(super) provider: Arc<CryptoProvider>,
    pub(super) time: Arc<dyn TimeProvider>,
    current: ArcSwap<Snapshot>,
    generation: AtomicU64,
    stale_reported: AtomicBool,
    /// What the files looked like when they were last read; also keeps reloads one at a time.
    read: Mutex<Stamp>,
}

/// One state of the files.
pub(super) struct Snapshot {
    pub(super) required: Arc<dyn ClientCertVerifier>,
    pub(super) optional: Arc<dyn ClientCertVerifier>,
    pub(super) server: Arc<dyn ServerCertVerifier>,
    pub(super) revocations: Revocations,
    /// Over the authorities: while it stays, only revocation and time can take a certificate's validity.
    pub(super) authorities: Fingerprint,
    contents: Fingerprint,
}

/// A `Clock` as rustls asks for the time.
struct ClockTime<C>(Arc<C>);

impl<C> fmt::Debug for ClockTime<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClockTime")
    }
}

impl<C: Clock> TimeProvider for ClockTime<C> {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0.now().secs())))
    }
}

impl Trust {
    pub fn load<C: Clock>(
        files: TrustFiles,
        options: TlsOptions,
        clock: &Arc<C>,
    ) -> Result<Arc<Self>, TlsLoadError> {
        let provider = provider(options.post_quantum);
        let stamp = Stamp::of(files.all());
        let current = ArcSwap::from_pointee(Snapshot::read(&files, options, &provider)?);
        let trust = Self {
            files,
            options,
            provider,
            time: Arc::new(ClockTime(Arc::clone(clock))),
            current,
            generation: AtomicU64::new(1),
            stale_reported: AtomicBool::new(false),
            read: Mutex::new(stamp),
        };
        trust.report_stale(clock.now());
        Ok(Arc::new(trust))
    }

    /// Reads the files again. `true` when something changed; the generation has then moved.
    pub fn reload(&self, now: Timestamp) -> Result<bool, TlsLoadError> {
        let mut read = self.read.lock();
        let stamp = Stamp::of(self.files.all());
        let fresh = Snapshot::read(&self.files, self.options, &self.provider)?;
        *read = stamp;
        let changed = fresh.contents != self.current.load().contents;
        if changed {
            self.current.store(Arc::new(fresh));
            self.stale_reported.store(false, Ordering::Relaxed);
            self.bump();
        }
        drop(read);
        self.report_stale(now);
        Ok(changed)
    }

    /// `reload` when time stamp, size or place on disk of a file moved. For a timer.
    pub fn reload_if_touched(&self, now: Timestamp) -> Result<bool, TlsLoadError> {
        self.report_stale(now);
        let touched = *self.read.lock() != Stamp::of(self.files.all());
        if touched { self.reload(now) } else { Ok(false) }
    }

    /// Moves whenever authorities, revocation lists or own keys changed.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub fn crl_state(&self, now: Timestamp) -> CrlState {
        match self.current.load().revocations.next_update {
            None => CrlState::None,
            Some(next_update) if now > next_update => CrlState::Stale { next_update },
            Some(next_update) => CrlState::Fresh { next_update },
        }
    }

    pub fn revocation(&self, key: &CertificateKey) -> Option<Revocation> {
        self.current.load().revocations.entries.get(key).copied()
    }

    pub(super) fn snapshot(&self) -> arc_swap::Guard<Arc<Snapshot>> {
        self.current.load()
    }

    pub(super) fn bump(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    fn report_stale(&self, now: Timestamp) {
        if let CrlState::Stale { next_update } = self.crl_state(now)
            && !self.stale_reported.swap(true, Ordering::Relaxed)
        {
            let refusing = self.options.stale_crl == StaleCrl::Refuse;
            tracing::warn!(
                next_update_secs = next_update.secs(),
                refusing,
                "revocation list is out of date"
            );
        }
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust")
            .field("files", &self.files)
            .field("generation", &self.generation())
            .finish_non_exhaustive()
    }
}

impl TrustFiles {
    fn all(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.ca).chain(&self.crl)
    }
}

impl Snapshot {
    fn read(
        files: &TrustFiles,
        options: TlsOptions,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, TlsLoadError> {
        let ca = super::read_file(&files.ca)?;
        let crl = files.crl.as_ref().map(super::read_file).transpose()?.unwrap_or_default();
        let authorities: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(&ca).collect::<Result<_, _>>()?;
        let lists: Vec<CertificateRevocationListDer<'static>> =
            CertificateRevocationListDer::pem_slice_iter(&crl).collect::<Result<_, _>>()?;
        let mut revocations = Revocations::default();
        for list in &lists {
            check_list(list, &authorities, provider)?;
            revocations.add(list)?;
        }
        let roots = Arc::new(anchors(&authorities)?);
        let verifier = || {
            let builder = WebPkiClientVerifier::builder_with_provider(
                Arc::clone(&roots),
                Arc::clone(provider),
            )
            .with_crls(lists.iter().cloned())
            .only_check_end_entity_revocation()
            .clear_root_hint_subjects();
            match options.stale_crl {
                StaleCrl::Warn => builder,
                StaleCrl::Refuse => builder.enforce_revocation_expiration(),
            }
        };
        let server =
            WebPkiServerVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(provider))
                .with_crls(lists.iter().cloned())
                .only_check_end_entity_revocation();
        let server = match options.stale_crl {
            StaleCrl::Warn => server,
            StaleCrl::Refuse => server.enforce_revocation_expiration(),
        };
        Ok(Self {
            required: verifier().build()?,
            optional: verifier().allow_unauthenticated().build()?,
            server: server.build()?,
            revocations,
            contents: Fingerprint::of(&[ca.as_slice(), &crl].concat()),
            authorities: Fingerprint::of(&ca),
        })
    }
}

/// The self-signed certificates are the anchors; others in the file are there to check revocation lists.
fn anchors(authorities: &[CertificateDer<'static>]) -> Result<RootCertStore, TlsLoadError> {
    let mut roots = RootCertStore::empty();
    for der in authorities {
        if parsed(der)?.is_self_issued() {
            roots.add(der.clone())?;
        }
    }
    if roots.is_empty() { Err(TlsLoadError::NoAuthority) } else { Ok(roots) }
}

/// A list that nobody trusted signed would make every handshake fail; better to keep the old one.
fn check_list(
    list: &CertificateRevocationListDer<'_>,
    authorities: &[CertificateDer<'static>],
    provider: &CryptoProvider,
) -> Result<(), TlsLoadError> {
    let (_, list) = CertificateRevocationList::from_der(list)
        .map_err(|e| crate::pki::read::ReadError::RevocationList(e.to_string()))?;
    for der in authorities {
        let authority = parsed(der)?;
        let key = &authority.public_key().subject_public_key.data;
        let signed = provider.signature_verification_algorithms.all.iter().any(|algorithm| {
            let (body, signature) = (list.tbs_cert_list.as_ref(), &list.signature_value.data);
            algorithm.verify_signature(key, body, signature).is_ok()
        });
        if signed && authority.subject().as_raw() == list.issuer().as_raw() {
            return Ok(());
        }
    }
    Err(TlsLoadError::ForeignCrl { issuer: list.issuer().to_string() })
}

fn parsed<'a>(der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, TlsLoadError> {
    let (_, certificate) = X509Certificate::from_der(der)
        .map_err(|e| crate::pki::read::ReadError::Certificate(e.to_string()))?;
    Ok(certificate)
}

trait SelfIssued {
    fn is_self_issued(&self) -> bool;
}

impl SelfIssued for X509Certificate<'_> {
    fn is_self_issued(&self) -> bool {
        self.issuer().as_raw() == self.subject().as_raw()
    }
}

fn provider(post_quantum: bool) -> Arc<CryptoProvider> {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    if !post_quantum {
        provider.kx_groups.retain(|group| group.name() != NamedGroup::X25519MLKEM768);
    }
    Arc::new(provider)
}
