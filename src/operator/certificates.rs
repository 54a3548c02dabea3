//! Certificates of the sandbox: list, revoke, renew, and have the process read them again.

use super::asked::Given;
use super::fault::{ErrorAnswer, Fault, Problem};
use super::{Operated, State, VERSION};
use crate::clock::Timestamp;
use crate::pipeline::call::CallPorts;
use crate::pki::{Holder, Pki, PkiError, Reason, Record, Serial, Which};
use crate::story::moment;
use crate::tls;
use axum::Json;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CertificatesAnswer {
    pub version: u32,
    /// The folder of keys and certificates.
    pub folder: String,
    pub certificates: Vec<CertificateView>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CertificateAnswer {
    pub version: u32,
    pub certificate: CertificateView,
    /// What of the key files and lists could not be read again; empty when all is in force.
    pub failed: Vec<String>,
}

/// A certificate (chứng thư số) that was issued here.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CertificateView {
    /// Hexadecimal.
    pub serial: String,
    /// A member's id or a platform's name.
    pub holder: String,
    /// `member` or `platform`.
    pub kind: &'static str,
    pub not_before: String,
    pub not_after: String,
    /// Whole days until it ends; negative when it has ended.
    pub days_left: i64,
    /// The holder's files hold this one.
    pub current: bool,
    pub revoked: bool,
    pub revoked_at: Option<String>,
    /// `unspecified`, `key_compromise`, `affiliation_changed`, `superseded`, `cessation_of_operation`,
    /// `privilege_withdrawn`.
    #[schema(value_type = Option<String>)]
    pub reason: Option<Reason>,
    /// SHA-256 of the certificate.
    pub fingerprint: String,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ReloadAnswer {
    pub version: u32,
    /// What could not be read; the former stays in force.
    pub failed: Vec<String>,
    /// Grows when anything changed.
    pub generation: u64,
}

/// Which certificate: a serial number, or the holder's current one. Exactly one of them.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeBody {
    /// Hexadecimal; colons and blanks do not matter.
    #[serde(default)]
    pub serial: Option<String>,
    /// A member's id or a platform's name.
    #[serde(default)]
    #[schema(example = "VN:GOV:000.00.00.H60:qlvb")]
    pub holder: Option<String>,
    /// RFC 5280 5.3.1; `unspecified` by default.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "key_compromise")]
    pub reason: Option<Reason>,
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewBody {
    /// A member's id or a platform's name.
    #[schema(example = "lgsp-h60")]
    pub holder: String,
}

/// Everything ever issued here, in order.
#[utoipa::path(get, path = "/api/v1/pki/certificates", tag = "certificates",
    responses((status = 200, body = CertificatesAnswer)))]
pub(super) async fn certificates<P: CallPorts>(
    state: State<P>,
) -> Result<Json<CertificatesAnswer>, Fault> {
    let operated = &state.operated;
    let records = on_disk(operated, |pki, _| pki.list()).await?;
    let now = operated.pipeline.now();
    Ok(Json(CertificatesAnswer {
        version: VERSION,
        folder: operated.pki.dir().display().to_string(),
        certificates: records.iter().map(|record| view(record, now)).collect(),
    }))
}

/// Reads key files, authorities and revocation lists again, now instead of at the next look.
#[utoipa::path(post, path = "/api/v1/pki/reload", tag = "certificates",
    responses((status = 200, body = ReloadAnswer)))]
pub(super) async fn reload<P: CallPorts>(state: State<P>) -> Json<ReloadAnswer> {
    let failed = read_again(&state.operated);
    Json(ReloadAnswer { version: VERSION, failed, generation: state.operated.trust.generation() })
}

/// Revokes a certificate (thu hồi chứng thư): open connections that use it end at their next request.
#[utoipa::path(post, path = "/api/v1/pki/revoke", tag = "certificates", request_body = RevokeBody,
    responses((status = 200, body = CertificateAnswer), (status = 400, body = ErrorAnswer),
        (status = 404, body = ErrorAnswer), (status = 409, body = ErrorAnswer)))]
pub(super) async fn revoke<P: CallPorts>(
    state: State<P>,
    Given(wanted): Given<RevokeBody>,
) -> Result<Json<CertificateAnswer>, Fault> {
    let which = which(&wanted)?;
    let reason = wanted.reason.unwrap_or(Reason::Unspecified);
    let record = on_disk(&state.operated, move |pki, now| pki.revoke(&which, reason, now)).await?;
    tracing::info!(holder = %record.holder, serial = %record.serial, "a certificate was revoked");
    Ok(answer(&state.operated, &record))
}

/// A new key and certificate for a holder; the former one stays valid until it is revoked or ends.
#[utoipa::path(post, path = "/api/v1/pki/renew", tag = "certificates", request_body = RenewBody,
    responses((status = 200, body = CertificateAnswer), (status = 400, body = ErrorAnswer),
        (status = 404, body = ErrorAnswer)))]
pub(super) async fn renew<P: CallPorts>(
    state: State<P>,
    Given(wanted): Given<RenewBody>,
) -> Result<Json<CertificateAnswer>, Fault> {
    let holder = holder(&wanted.holder)?;
    let record = on_disk(&state.operated, move |pki, now| pki.renew(&holder, now)).await?;
    tracing::info!(holder = %record.holder, serial = %record.serial, "a certificate was renewed");
    Ok(answer(&state.operated, &record))
}

/// Runs what locks and writes the folder where it holds nobody up.
async fn on_disk<P: CallPorts, T: Send + 'static>(
    operated: &Operated<P>,
    work: impl FnOnce(&Pki, Timestamp) -> Result<T, PkiError> + Send + 'static,
) -> Result<T, Fault> {
    let (pki, now) = (operated.pki.clone(), operated.pipeline.now());
    match tokio::task::spawn_blocking(move || work(&pki, now)).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(PkiError::Unknown)) => Err(Fault::new(Problem::NoSuchCertificate)),
        Ok(Err(PkiError::AlreadyRevoked)) => Err(Fault::new(Problem::AlreadyRevoked)),
        Ok(Err(error)) => Err(Fault::failed(&error)),
        Err(gone) => Err(Fault::failed(&gone)),
    }
}

fn answer<P: CallPorts>(operated: &Operated<P>, record: &Record) -> Json<CertificateAnswer> {
    let certificate = view(record, operated.pipeline.now());
    Json(CertificateAnswer { version: VERSION, certificate, failed: read_again(operated) })
}

fn read_again<P: CallPorts>(operated: &Operated<P>) -> Vec<String> {
    let failed = tls::reload_all(&operated.trust, &operated.keys, operated.pipeline.now());
    // A link that was down for its certificate may be up again.
    operated.pipeline.probe_links_now();
    failed.iter().map(ToString::to_string).collect()
}

fn which(wanted: &RevokeBody) -> Result<Which, Fault> {
    match (&wanted.serial, &wanted.holder) {
        (Some(serial), None) => Serial::parse(serial)
            .map(Which::Serial)
            .ok_or_else(|| Fault::new(Problem::WrongBody).at("serial").detail(serial)),
        (None, Some(name)) => holder(name).map(Which::Holder),
        (None, None) | (Some(_), Some(_)) => {
            Err(Fault::new(Problem::WrongBody).detail("exactly one of serial and holder"))
        }
    }
}

fn holder(name: &str) -> Result<Holder, Fault> {
    Holder::parse(name)
        .map_err(|error| Fault::new(Problem::WrongBody).at("holder").detail(error.to_string()))
}

fn view(record: &Record, now: Timestamp) -> CertificateView {
    let days = |from: Timestamp, to: Timestamp| i64::try_from(to.since(from).as_secs() / 86_400);
    let days_left = if record.not_after >= now {
        days(now, record.not_after).unwrap_or(i64::MAX)
    } else {
        -1 - days(record.not_after, now).unwrap_or(i64::MAX - 1)
    };
    CertificateView {
        serial: record.serial.to_string(),
        holder: record.holder.to_string(),
        kind: record.holder.kind(),
        not_before: moment(record.not_before),
        not_after: moment(record.not_after),
        days_left,
        current: record.current,
        revoked: record.revoked.is_some(),
        revoked_at: record.revoked.map(|revoked| moment(revoked.at)),
        reason: record.revoked.map(|revoked| revoked.reason),
        fingerprint: record.fingerprint.to_string(),
    }
}
