//! The chain of certificates of one topology: issue, renew, revoke, list. Everything in it says that it is a sandbox.
//!
//! ```text
//! pki/  root.pem root.key   issuing.pem issuing.key   ca.pem (both)   crl.pem   index.json
//!       platforms/<name>.pem .key      members/<code>_<system>.pem .key
//! ```
//!
//! Invariant: a folder is 0700 and a key 0600; every file is replaced whole; the index is written last,
//! so that whatever it names is there. What a crash left in between, `init` issues again.

mod authority;
mod files;
mod index;
pub mod name;
pub mod read;
pub mod seal;

use crate::clock::Timestamp;
use authority::{Authority, Issued, RevokedLine};
use files::{FileSet, FolderLock, Readers};
use index::Index;
use rcgen::PublicKeyData;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use crate::domain::member_id::{MemberId, NameError};
pub use authority::{Request, SANDBOX, ServerAddress};
pub use index::{Reason, Record, Revoked};
pub use name::{Holder, PlatformName};
pub use read::{CertificateFacts, CertificateKey, Fingerprint, Serial};

const LEAF_DAYS: u64 = 397;
/// Longer than any demonstration; `init` and `renew_crl` make a new one.
const CRL_DAYS: u64 = 30;
/// Clocks of other machines may be behind ours by this much.
const BACKDATED: Duration = Duration::from_secs(300);

/// A platform that needs a certificate, and where it is reached besides this machine.
#[derive(Clone, Debug)]
pub struct Platform {
    pub name: PlatformName,
    pub addresses: Vec<ServerAddress>,
}

/// Which certificate is meant.
#[derive(Clone, Debug)]
pub enum Which {
    Serial(Serial),
    /// The current one of this holder.
    Holder(Holder),
}

/// The files of one holder: certificate chain, key, and the authorities to trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    pub chain: PathBuf,
    pub key: PathBuf,
    pub ca: PathBuf,
    pub crl: PathBuf,
}

/// What `init` found and did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InitReport {
    pub authorities_made: bool,
    pub issued: usize,
    pub kept: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    #[error("cannot read or write {path}")]
    Io { path: PathBuf, source: io::Error },
    #[error("index.json cannot be read")]
    Index(#[from] serde_json::Error),
    #[error("index.json has version {0}, which this program does not know")]
    IndexVersion(u32),
    #[error("making a certificate failed")]
    Make(#[from] rcgen::Error),
    #[error("a file is not PEM")]
    Pem(#[from] rustls_pki_types::pem::Error),
    #[error(transparent)]
    Read(#[from] read::ReadError),
    #[error("the moment cannot be written into a certificate")]
    Moment(#[from] time::error::ComponentRange),
    #[error("no certificate of that name or serial number was issued here")]
    Unknown,
    #[error("it was revoked before")]
    AlreadyRevoked,
}

/// The folder `DATA/pki`. Holds nothing open: every operation locks, reads, writes, and lets go.
#[derive(Clone, Debug)]
pub struct Pki {
    dir: PathBuf,
}

impl Platform {
    /// Everything its certificate names: this machine, the platform as a label, and its addresses.
    fn names(&self) -> Vec<ServerAddress> {
        let mut names = vec![
            ServerAddress::Dns("localhost".to_owned()),
            ServerAddress::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            ServerAddress::Ip(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        ];
        let label = self.name.dns_label().map(ServerAddress::Dns);
        for name in label.into_iter().chain(self.addresses.iter().cloned()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

impl Request {
    pub fn member(id: MemberId, now: Timestamp) -> Self {
        Self::new(Holder::Member(id), Vec::new(), now)
    }

    pub fn platform(platform: &Platform, now: Timestamp) -> Self {
        Self::new(Holder::Platform(platform.name.clone()), platform.names(), now)
    }

    fn new(holder: Holder, names: Vec<ServerAddress>, now: Timestamp) -> Self {
        let not_after = now.plus(days(LEAF_DAYS));
        Self { holder, names, not_before: backdated(now), not_after }
    }

    #[must_use]
    pub const fn valid(mut self, not_before: Timestamp, not_after: Timestamp) -> Self {
        self.not_before = not_before;
        self.not_after = not_after;
        self
    }

    #[must_use]
    pub fn named(mut self, names: Vec<ServerAddress>) -> Self {
        self.names = names;
        self
    }
}

impl Pki {
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Makes whole what is missing, damaged or expired, and the revocation list when half its time is over.
    /// What holds stays: running it twice issues nothing.
    pub fn init(
        &self,
        platforms: &[Platform],
        members: &[MemberId],
        now: Timestamp,
    ) -> Result<InitReport, PkiError> {
        let _lock = self.lock()?;
        let mut report =
            InitReport { authorities_made: self.ensure_authorities(now)?, ..Default::default() };
        let authority = self.authority()?;
        let mut index = self.index()?;
        let mut files = FileSet::new(&self.dir);
        let of_platforms = platforms.iter().map(|p| Request::platform(p, now));
        let of_members = members.iter().map(|m| Request::member(m.clone(), now));
        for mut request in of_platforms.chain(of_members) {
            if index.current(&request.holder).is_some_and(|r| self.holds(r, &request, now)) {
                report.kept += 1;
                continue;
            }
            request.not_after = authority.leaf_end(now, days(LEAF_DAYS));
            self.put(&mut files, &mut index, &request, authority.issue(&request, now)?)?;
            report.issued += 1;
        }
        let stale = index.crl_next_update <= now.plus(days(CRL_DAYS / 2));
        if stale || !self.dir.join("crl.pem").exists() {
            self.put_crl(&mut files, &authority, &mut index, now)?;
        } else if report.issued == 0 {
            return Ok(report);
        }
        self.commit(files, &index)?;
        Ok(report)
    }

    /// Issues what the request says. The holder's former certificate stays valid until it is revoked or ends.
    pub fn issue(&self, request: &Request, now: Timestamp) -> Result<Record, PkiError> {
        let _lock = self.lock()?;
        let mut index = self.index()?;
        self.issue_into(&mut index, request, now)
    }

    /// A new key and certificate with the same names as the holder's current one.
    pub fn renew(&self, holder: &Holder, now: Timestamp) -> Result<Record, PkiError> {
        let _lock = self.lock()?;
        let mut index = self.index()?;
        index.current(holder).ok_or(PkiError::Unknown)?;
        let facts = CertificateFacts::read(&self.leaf(holder)?)?;
        let names = facts.names.into_iter().map(|name| match name.parse() {
            Ok(ip) => ServerAddress::Ip(ip),
            Err(_) => ServerAddress::Dns(name),
        });
        let not_after = self.authority()?.leaf_end(now, days(LEAF_DAYS));
        let request =
            Request::new(holder.clone(), names.collect(), now).valid(backdated(now), not_after);
        self.issue_into(&mut index, &request, now)
    }

    /// Revokes one certificate and writes the list anew. Servers act on it at their next `reload`.
    pub fn revoke(
        &self,
        which: &Which,
        reason: Reason,
        now: Timestamp,
    ) -> Result<Record, PkiError> {
        let _lock = self.lock()?;
        let mut index = self.index()?;
        let meant = |r: &&mut Record| match which {
            Which::Serial(serial) => r.serial == *serial,
            Which::Holder(holder) => r.current && r.holder == *holder,
        };
        let record = index.certificates.iter_mut().find(meant).ok_or(PkiError::Unknown)?;
        if record.revoked.is_some() {
            return Err(PkiError::AlreadyRevoked);
        }
        record.revoked = Some(Revoked { at: now, reason });
        let record = record.clone();
        self.write_crl(&mut index, now)?;
        Ok(record)
    }

    /// The same revocation list with a new date. To be called before its nextUpdate.
    pub fn renew_crl(&self, now: Timestamp) -> Result<(), PkiError> {
        let _lock = self.lock()?;
        let mut index = self.index()?;
        self.write_crl(&mut index, now)
    }

    /// Everything ever issued here, in order.
    pub fn list(&self) -> Result<Vec<Record>, PkiError> {
        Ok(self.index()?.certificates)
    }

    /// Where the holder's files are, whether or not they exist yet.
    pub fn bundle(&self, holder: &Holder) -> Bundle {
        let stem = holder.file_stem();
        Bundle {
            chain: self.dir.join(format!("{stem}.pem")),
            key: self.dir.join(format!("{stem}.key")),
            ca: self.dir.join("ca.pem"),
            crl: self.dir.join("crl.pem"),
        }
    }

    /// What others check our certificates against, PEM: the root, the authority that issues below it, and the newest
    /// list of revoked certificates.
    pub fn trusted(&self) -> io::Result<(String, String, String)> {
        let read = |name: &str| std::fs::read_to_string(self.dir.join(name));
        Ok((read("root.pem")?, read("issuing.pem")?, read("crl.pem")?))
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn issue_into(
        &self,
        index: &mut Index,
        request: &Request,
        now: Timestamp,
    ) -> Result<Record, PkiError> {
        let mut files = FileSet::new(&self.dir);
        let issued = self.authority()?.issue(request, now)?;
        let record = self.put(&mut files, index, request, issued)?;
        self.commit(files, index)?;
        Ok(record)
    }

    fn put(
        &self,
        files: &mut FileSet<'_>,
        index: &mut Index,
        request: &Request,
        issued: Issued,
    ) -> Result<Record, PkiError> {
        let stem = request.holder.file_stem();
        files
            .put(&format!("{stem}.key"), issued.key.as_bytes(), Readers::Owner)
            .map_err(self.io())?;
        files
            .put(&format!("{stem}.pem"), issued.chain.as_bytes(), Readers::Everybody)
            .map_err(self.io())?;
        let record = Record {
            serial: issued.facts.key.serial,
            holder: request.holder.clone(),
            not_before: issued.facts.not_before,
            not_after: issued.facts.not_after,
            fingerprint: issued.facts.fingerprint,
            current: true,
            revoked: None,
        };
        index.add(record.clone());
        Ok(record)
    }

    fn write_crl(&self, index: &mut Index, now: Timestamp) -> Result<(), PkiError> {
        let mut files = FileSet::new(&self.dir);
        self.put_crl(&mut files, &self.authority()?, index, now)?;
        self.commit(files, index)
    }

    fn put_crl(
        &self,
        files: &mut FileSet<'_>,
        authority: &Authority,
        index: &mut Index,
        now: Timestamp,
    ) -> Result<(), PkiError> {
        index.crl_number += 1;
        index.crl_next_update = now.plus(days(CRL_DAYS));
        let revoked = index.certificates.iter().filter_map(|record| {
            let Revoked { at, reason } = record.revoked?;
            Some(RevokedLine { serial: record.serial.clone(), at, reason: reason.into() })
        });
        let list = authority.revocation_list(
            index.crl_number,
            revoked.collect(),
            now,
            index.crl_next_update,
        )?;
        files.put("crl.pem", list.as_bytes(), Readers::Everybody).map_err(self.io())
    }

    fn commit(&self, mut files: FileSet<'_>, index: &Index) -> Result<(), PkiError> {
        let text = serde_json::to_vec_pretty(index)?;
        files.put("index.json", &text, Readers::Everybody).map_err(self.io())?;
        files.commit().map_err(self.io())
    }

    fn ensure_authorities(&self, now: Timestamp) -> Result<bool, PkiError> {
        if self.dir.join("ca.pem").exists() {
            return Ok(false);
        }
        let new = authority::new_authorities(now)?;
        let mut files = FileSet::new(&self.dir);
        let both = format!("{}{}", new.root, new.issuing);
        for (name, text, readers) in [
            ("root.key", &new.root_key, Readers::Owner),
            ("root.pem", &new.root, Readers::Everybody),
            ("issuing.key", &new.issuing_key, Readers::Owner),
            ("issuing.pem", &new.issuing, Readers::Everybody),
            ("ca.pem", &both, Readers::Everybody),
        ] {
            files.put(name, text.as_bytes(), readers).map_err(self.io())?;
        }
        files.commit().map_err(self.io())?;
        Ok(true)
    }

    /// Whether what the folder holds is what the record says, still valid, and has every name asked for.
    fn holds(&self, record: &Record, request: &Request, now: Timestamp) -> bool {
        let intact = || {
            let der = self.leaf(&record.holder).ok()?;
            let facts = CertificateFacts::read(&der).ok()?;
            let key = self.text(&format!("{}.key", record.holder.file_stem())).ok()?;
            let pair = rcgen::KeyPair::from_pem(&key).ok()?;
            let named = request.names.iter().all(|wanted| {
                facts.names.contains(&match wanted {
                    ServerAddress::Dns(dns) => dns.clone(),
                    ServerAddress::Ip(ip) => ip.to_string(),
                })
            });
            // An elliptic curve key stands as it is in the certificate.
            let own_key = memchr::memmem::find(&der, pair.der_bytes()).is_some();
            Some(facts.fingerprint == record.fingerprint && named && own_key)
        };
        now < record.not_after && intact().unwrap_or(false)
    }

    fn leaf(&self, holder: &Holder) -> Result<CertificateDer<'static>, PkiError> {
        let text = self.text(&format!("{}.pem", holder.file_stem()))?;
        Ok(CertificateDer::from_pem_slice(text.as_bytes())?)
    }

    fn authority(&self) -> Result<Authority, PkiError> {
        Authority::load(self.text("issuing.pem")?, &self.text("issuing.key")?)
    }

    fn index(&self) -> Result<Index, PkiError> {
        let text = match self.text("index.json") {
            Ok(text) => text,
            Err(PkiError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(Index { version: Index::VERSION, ..Index::default() });
            }
            Err(other) => return Err(other),
        };
        let index: Index = serde_json::from_str(&text)?;
        if index.version == Index::VERSION {
            Ok(index)
        } else {
            Err(PkiError::IndexVersion(index.version))
        }
    }

    fn text(&self, name: &str) -> Result<String, PkiError> {
        let path = self.dir.join(name);
        std::fs::read_to_string(&path).map_err(|source| PkiError::Io { path, source })
    }

    fn lock(&self) -> Result<FolderLock, PkiError> {
        FolderLock::take(&self.dir).map_err(self.io())
    }

    fn io(&self) -> impl Fn(io::Error) -> PkiError {
        |source| PkiError::Io { path: self.dir.clone(), source }
    }
}

pub(super) const fn days(count: u64) -> Duration {
    Duration::from_secs(count * 86_400)
}

fn backdated(now: Timestamp) -> Timestamp {
    now.minus(BACKDATED)
}

#[cfg(test)]
mod tests;
