//! The credential that a caller's system puts beside the message, the last of the layers of domain.md 4.1: headers
//! `Timestamp`, `Authorization` and `ApiKey` (domain.md 4.2).

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::HeaderMap;
use sha2::{Digest, Sha256};

use super::super::Call;
use super::super::moment::MINUTE_MS;
use super::super::soap::SoapFault;

/// Assumed: how far the clocks may be apart.
const CLOCK_SKEW_MS_MAX: u64 = 5 * MINUTE_MS.unsigned_abs();

/// What one client system and the database have agreed on.
pub struct Access {
    /// The address that goes into the hash, as agreed; not compared with the one really called.
    pub sv_url: String,
    pub user: String,
    pub secret: String,
    pub api_key: String,
}

impl Access {
    /// The value of `Authorization`: `Basic base64(user:sha256hex(sv_url+user+timestamp+secret))`.
    pub fn authorization(&self, timestamp: &str) -> String {
        let Self { sv_url, user, secret, .. } = self;
        let digest = Sha256::digest(format!("{sv_url}{user}{timestamp}{secret}"));
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let pair = base64_simd::STANDARD.encode_to_string(format!("{user}:{digest}"));
        format!("Basic {pair}")
    }

    pub(super) fn check(&self, call: &Call<'_>) -> Result<(), SoapFault> {
        let timestamp = header(call.headers, "timestamp");
        let sent_ms = timestamp.parse::<i64>().ok();
        let sent_ms = sent_ms.ok_or_else(|| refused("thiếu tiêu đề Timestamp (mili giây)"))?;
        if sent_ms.abs_diff(call.now_ms) > CLOCK_SKEW_MS_MAX {
            return Err(refused("Timestamp lệch quá 5 phút so với giờ hệ thống"));
        }
        let same = |given: &str, wanted: &str| {
            verify_slices_are_equal(given.as_bytes(), wanted.as_bytes()).is_ok()
        };
        if !same(header(call.headers, "authorization"), &self.authorization(timestamp)) {
            return Err(refused("tiêu đề Authorization thiếu hoặc sai"));
        }
        if !same(header(call.headers, "apikey"), &self.api_key) {
            return Err(refused("tiêu đề ApiKey thiếu hoặc sai"));
        }
        Ok(())
    }
}

/// Without the secrets.
impl fmt::Debug for Access {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Access").field("user", &self.user).finish_non_exhaustive()
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn refused(message: &str) -> SoapFault {
    SoapFault::client(format!("xác thực không thành công: {message}"))
}
