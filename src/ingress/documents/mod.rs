//! What the faces of documents have in common, whatever their spelling: who asks at which platform, a file in, a
//! file out, inboxes, words about states, agencies.
//!
//! Invariant: nothing here knows a dialect, and nothing here decides what a verb of the pipeline decides.

pub(super) mod agencies;
pub(super) mod file;
pub(super) mod hash_file;
pub(super) mod lists;
mod render;
pub(super) mod states;
pub(super) mod times;
pub(super) mod words;

use crate::domain::agency::AgencyCode;
use crate::domain::directory::Caller;
use crate::domain::envelope::Declaration;
use crate::domain::rejection::{Place, Reason, Rejection};
use crate::domain::rules::Expected;
use crate::pipeline::{AcceptedAnswer, Content, Pipeline, Platform, Ports, Submission};
use bytes::Bytes;
use std::sync::Arc;

/// One request of a caller that has proved itself, at one platform.
#[derive(Debug)]
pub(in crate::ingress) struct Exchange<'a, P: Ports> {
    pub(in crate::ingress) pipeline: &'a Arc<Pipeline<P>>,
    pub(in crate::ingress) platform: &'a Platform,
    pub(in crate::ingress) caller: &'a Caller,
    /// TLS version and cipher suite.
    pub(in crate::ingress) tls: &'a str,
    pub(in crate::ingress) correlation_id: &'a str,
}

impl<P: Ports> Exchange<'_, P> {
    /// Hands in an edXML file; `only_to` narrows its recipients, and is empty when it does not.
    pub(in crate::ingress) async fn send(
        &self,
        file: Bytes,
        expected: Expected,
        only_to: Vec<AgencyCode>,
    ) -> Result<AcceptedAnswer, Rejection> {
        let submission = Submission {
            caller: self.caller,
            content: Content::Edxml(file),
            sha256: None,
            declaration: Declaration::Unspecified,
            expected,
            tls: self.tls,
            correlation_id: self.correlation_id.to_owned(),
            only_to,
        };
        self.pipeline.accept_one(self.platform, submission).await
    }
}

/// A parameter that says nothing that is understood.
pub(in crate::ingress) fn wrong(name: &str) -> Rejection {
    Rejection::new(Reason::ParameterInvalid).at(Place::Parameter(name.to_owned()))
}

pub(in crate::ingress) fn missing(name: &str) -> Rejection {
    Rejection::new(Reason::ParameterMissing).at(Place::Parameter(name.to_owned()))
}

/// A number under which an answer and the log can be brought together.
pub(in crate::ingress) fn new_correlation_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// The name that a wrong one most likely means.
pub(in crate::ingress) fn nearest<'n>(
    asked: &str,
    names: impl Iterator<Item = &'n str>,
) -> Option<&'n str> {
    let asked = asked.to_ascii_lowercase();
    names
        .map(|name| (strsim::jaro_winkler(&asked, &name.to_ascii_lowercase()), name))
        .filter(|(likeness, _)| *likeness > LIKENESS_MIN)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, name)| name)
}

/// Below it a suggestion confuses more than it helps.
const LIKENESS_MIN: f64 = 0.8;
