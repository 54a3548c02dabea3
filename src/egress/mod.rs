//! The road out: `Transport`, and its live implementation over links.

pub mod call;
pub mod link;

use crate::domain::routing::PlatformIx;
use crate::journal::Journal;
use crate::wire::v1;
use std::future::Future;

/// One direction between two neighbouring platforms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId {
    pub from: PlatformIx,
    pub to: PlatformIx,
}

/// What came of one attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkOutcome {
    /// The neighbour answered: one verdict per recipient.
    Answered(v1::HandVerdicts),
    /// Nobody answered, or nobody we trust: a state of the link, not of the documents.
    Unreachable(Unreachable),
}

/// Why a neighbour could not be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Unreachable {
    /// Stable code (`LT-T…`, `LT-L…`).
    pub code: &'static str,
    pub detail: String,
}

/// Contract: one attempt, never a retry. Whatever the other side says is an outcome, not an error. The
/// link's conditions (latency, loss, bandwidth, down) are applied here. Dropping the future abandons the
/// attempt; the neighbour may have taken the documents all the same.
pub trait Transport: Send + Sync + 'static {
    /// Hands over documents whose bodies are inside or already there, and reports.
    fn hand(
        &self,
        link: LinkId,
        hand_over: v1::HandOver,
    ) -> impl Future<Output = LinkOutcome> + Send;

    /// Hands over one document with its body, chunk by chunk from the journal.
    fn hand_body<J: Journal>(
        &self,
        link: LinkId,
        document: v1::HandDocument,
        chunks: Vec<u64>,
        journal: &J,
    ) -> impl Future<Output = LinkOutcome> + Send;

    /// Is the neighbour there?
    fn probe(&self, link: LinkId) -> impl Future<Output = Result<(), Unreachable>> + Send;

    /// Directory changes of the platform above since a version.
    fn directory_changes(
        &self,
        link: LinkId,
        request: v1::ChangesRequest,
    ) -> impl Future<Output = Result<v1::AgencyList, Unreachable>> + Send;

    /// A registration or removal on its way up to the axis.
    fn directory_change(
        &self,
        link: LinkId,
        change: v1::DirectoryChangeUp,
    ) -> impl Future<Output = Result<v1::DirectoryReply, Unreachable>> + Send;
}
