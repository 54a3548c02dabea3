//! `GET /verificationconf`: what the evidence of `/asic` is checked with (wire/xroad.md 2.11). It is public: the
//! authorities of the sandbox and their list of revoked certificates, and asks nobody who he is.

use super::asic::{Download, Refused, failed, handed_out};
use super::face::XRoad;
use crate::evidence::BUNDLE_TYPE;
use crate::ingress::calls::CallAnswer;
use crate::pipeline::call::CallPorts;
use http::StatusCode;

/// The query, of which X-Road knows none, is not looked at.
pub(super) fn is_target(target: &str) -> bool {
    target.split_once('?').map_or(target, |(path, _)| path) == "/verificationconf"
}

impl<P: CallPorts> XRoad<'_, P> {
    pub(super) async fn verification_conf(&self, method: &str) -> CallAnswer {
        handed_out(self.conf(method).await)
    }

    async fn conf(&self, method: &str) -> Result<Download, Refused> {
        if method != "GET" {
            return Err((StatusCode::METHOD_NOT_ALLOWED, "GET".to_owned()));
        }
        let place = self.place()?;
        let (evidence, instance) = (self.at.evidence.clone(), self.plane.instance.clone());
        let making = tokio::task::spawn_blocking(move || {
            let _place = place;
            evidence.verification_conf(&instance)
        });
        let made = making.await.map_err(|error| failed(&error))?;
        let bytes = made.map_err(|error| failed(&error))?;
        Ok((BUNDLE_TYPE, "verificationconf.zip".to_owned(), bytes))
    }
}
