//! One exchange with a real system, and how it stands in its file.

use base64_simd::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What was asked of a real system, and what it answered.
#[derive(Debug)]
pub(super) struct Exchange {
    /// Counts up, over restarts too.
    pub(super) number: u64,
    pub(super) service: String,
    pub(super) method: http::Method,
    /// Path and query.
    pub(super) target: String,
    pub(super) asked: Bytes,
    pub(super) answered: Response<Bytes>,
}

/// As it stands in a file: bodies in base64; a header whose value is no UTF-8 is left out.
#[derive(Serialize, Deserialize)]
struct Written {
    number: u64,
    service: String,
    method: String,
    target: String,
    asked: String,
    status: u16,
    headers: Vec<(String, String)>,
    answered: String,
}

impl Exchange {
    pub(super) fn bytes(&self) -> usize {
        let headers = self.answered.headers().iter();
        let headers: usize = headers.map(|(name, value)| name.as_str().len() + value.len()).sum();
        self.target.len() + self.asked.len() + headers + self.answered.body().len()
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.service == other.service
            && self.method == other.method
            && self.target == other.target
            && self.asked == other.asked
    }

    /// The same for the same request.
    pub(super) fn file_stem(&self) -> String {
        let mut hash = Sha256::new();
        for part in
            [self.service.as_bytes(), self.method.as_str().as_bytes(), self.target.as_bytes()]
        {
            // None of them can hold it.
            hash.update(part);
            hash.update([0]);
        }
        hash.update(&self.asked);
        let digest = hash.finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(super) fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let headers = self.answered.headers().iter().filter_map(|(name, value)| {
            let value = std::str::from_utf8(value.as_bytes()).ok()?;
            Some((name.as_str().to_owned(), value.to_owned()))
        });
        serde_json::to_vec(&Written {
            number: self.number,
            service: self.service.clone(),
            method: self.method.to_string(),
            target: self.target.clone(),
            asked: STANDARD.encode_to_string(&self.asked),
            status: self.answered.status().as_u16(),
            headers: headers.collect(),
            answered: STANDARD.encode_to_string(self.answered.body()),
        })
    }

    /// Nothing of what `to_json` did not write.
    pub(super) fn of_json(text: &[u8]) -> Option<Self> {
        let written: Written = serde_json::from_slice(text).ok()?;
        let mut answered = Response::new(Bytes::from(decoded(&written.answered)?));
        *answered.status_mut() = written.status.try_into().ok()?;
        for (name, value) in written.headers {
            let name: HeaderName = name.parse().ok()?;
            answered.headers_mut().append(name, HeaderValue::from_bytes(value.as_bytes()).ok()?);
        }
        Some(Self {
            number: written.number,
            service: written.service,
            method: written.method.parse().ok()?,
            target: written.target,
            asked: Bytes::from(decoded(&written.asked)?),
            answered,
        })
    }
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode_to_vec(text).ok()
}
