//! The two authorities: a root that signs one issuing authority, which signs everything else and the revocation list.

use super::PkiError;
use super::name::Holder;
use super::read::{CertificateFacts, Serial};
use crate::clock::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    PublicKeyData, RevocationReason, RevokedCertParams, SanType, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use sha2::Digest;
use std::net::IpAddr;
use std::time::Duration;
use time::OffsetDateTime;

/// Stands in every subject, so that nobody takes these certificates for real ones (ux.md 36).
pub const SANDBOX: &str = "SANDBOX – not for real use";

/// RFC 5280 appendix A: a common name has at most 64 characters.
const COMMON_NAME_CHARS_MAX: usize = 64;
const ROOT_DAYS: u64 = 3650;
const ISSUING_DAYS: u64 = 1825;

/// A name under which a server is reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServerAddress {
    Dns(String),
    Ip(IpAddr),
}

/// What a certificate is to say. Nothing is added or checked, so that bad certificates can be issued for training.
#[derive(Clone, Debug)]
pub struct Request {
    pub holder: Holder,
    pub names: Vec<ServerAddress>,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
}

/// A certificate and its key, as PEM; `chain` is the certificate and then the issuing authority's.
pub(super) struct Issued {
    pub(super) chain: String,
    pub(super) key: String,
    pub(super) facts: CertificateFacts,
}

/// The issuing authority at work.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
    not_after: Timestamp,
}

/// A fresh pair of authorities, as PEM.
pub(super) struct NewAuthorities {
    pub(super) root: String,
    pub(super) root_key: String,
    pub(super) issuing: String,
    pub(super) issuing_key: String,
}

/// One line of a revocation list to be.
pub(super) struct RevokedLine {
    pub(super) serial: Serial,
    pub(super) at: Timestamp,
    pub(super) reason: RevocationReason,
}

pub(super) fn new_authorities(now: Timestamp) -> Result<NewAuthorities, PkiError> {
    let root_key = KeyPair::generate()?;
    let root = authority_params("lienthong root CA", 1, now, ROOT_DAYS, &root_key)?;
    let root_certificate = root.self_signed(&root_key)?.pem();
    let issuing_key = KeyPair::generate()?;
    let root_pem = root_key.serialize_pem();
    let signer = Issuer::new(root, root_key);
    let issuing = authority_params("lienthong issuing CA", 0, now, ISSUING_DAYS, &issuing_key)?;
    Ok(NewAuthorities {
        root: root_certificate,
        root_key: root_pem,
        issuing: issuing.signed_by(&issuing_key, &signer)?.pem(),
        issuing_key: issuing_key.serialize_pem(),
    })
}

fn authority_params(
    name: &str,
    below: u8,
    now: Timestamp,
    days: u64,
    key: &KeyPair,
) -> Result<CertificateParams, PkiError> {
    let mut params = CertificateParams::default();
    // Chains of two folders must differ by name: otherwise a foreign certificate is "badly signed"
    // instead of "of an unknown authority".
    let serial = serial_for(key, now);
    let mark: String = Serial::new(serial.as_ref()).to_string().chars().take(8).collect();
    params.distinguished_name = subject(&format!("{name} {mark}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(below));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params.not_before = moment(super::backdated(now))?;
    params.not_after = moment(now.plus(super::days(days)))?;
    params.serial_number = Some(serial);
    Ok(params)
}

impl Authority {
    pub(super) fn load(certificate: String, key: &str) -> Result<Self, PkiError> {
        let der = CertificateDer::from_pem_slice(certificate.as_bytes())?;
        let not_after = CertificateFacts::read(&der)?.not_after;
        let issuer = Issuer::from_ca_cert_der(&der, KeyPair::from_pem(key)?)?;
        Ok(Self { issuer, certificate, not_after })
    }

    /// The end of a certificate issued now, never beyond the authority's own.
    pub(super) fn leaf_end(&self, now: Timestamp, lasts: Duration) -> Timestamp {
        now.plus(lasts).min(self.not_after)
    }

    pub(super) fn issue(&self, request: &Request, now: Timestamp) -> Result<Issued, PkiError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = subject(&request.holder.to_string());
        params.subject_alt_names = alternative_names(request)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = key_uses(&request.holder);
        params.use_authority_key_identifier_extension = true;
        params.not_before = moment(request.not_before)?;
        params.not_after = moment(request.not_after)?;
        params.serial_number = Some(serial_for(&key, now));
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Issued {
            chain: format!("{}{}", certificate.pem(), self.certificate),
            key: key.serialize_pem(),
            facts: CertificateFacts::read(certificate.der())?,
        })
    }

    pub(super) fn revocation_list(
        &self,
        number: u64,
        lines: Vec<RevokedLine>,
        now: Timestamp,
        next_update: Timestamp,
    ) -> Result<String, PkiError> {
        let revoked_certs = lines
            .into_iter()
            .map(|line| {
                Ok(RevokedCertParams {
                    serial_number: SerialNumber::from_slice(line.serial.as_bytes()),
                    revocation_time: moment(line.at)?,
                    reason_code: Some(line.reason),
                    invalidity_date: None,
                })
            })
            .collect::<Result<_, PkiError>>()?;
        let params = CertificateRevocationListParams {
            this_update: moment(now)?,
            next_update: moment(next_update)?,
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(params.signed_by(&self.issuer)?.pem()?)
    }
}

fn subject(name: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CountryName, "VN");
    subject.push(DnType::OrganizationName, SANDBOX);
    subject.push(DnType::CommonName, name.chars().take(COMMON_NAME_CHARS_MAX).collect::<String>());
    subject
}

fn alternative_names(request: &Request) -> Result<Vec<SanType>, PkiError> {
    let mut names = vec![SanType::URI(request.holder.uri().try_into()?)];
    for name in &request.names {
        names.push(match name {
            ServerAddress::Dns(dns) => SanType::DnsName(dns.clone().try_into()?),
            ServerAddress::Ip(ip) => SanType::IpAddress(*ip),
        });
    }
    Ok(names)
}

/// A platform is a server to its members and a client to its neighbours; a member is a client only.
fn key_uses(holder: &Holder) -> Vec<ExtendedKeyUsagePurpose> {
    match holder {
        Holder::Platform(_) => {
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth]
        }
        Holder::Member(_) => vec![ExtendedKeyUsagePurpose::ClientAuth],
    }
}

/// Sixteen bytes from the fresh key, which is random, and the moment. The first bits are 01: positive and never short.
fn serial_for(key: &KeyPair, now: Timestamp) -> SerialNumber {
    let mut hash = sha2::Sha256::new();
    hash.update(key.der_bytes());
    hash.update(now.0.to_be_bytes());
    let mut bytes: Vec<u8> = hash.finalize().iter().copied().take(16).collect();
    if let Some(first) = bytes.first_mut() {
        *first = *first & 0x3f | 0x40;
    }
    SerialNumber::from(bytes)
}

fn moment(at: Timestamp) -> Result<OffsetDateTime, PkiError> {
    let secs = i64::try_from(at.secs()).unwrap_or(i64::MAX);
    Ok(OffsetDateTime::from_unix_timestamp(secs)?)
}
