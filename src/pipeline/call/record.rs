//! The evidence of one call at one platform: who, what, when, how much, what came of it. Never a payload.

use crate::domain::service::CallFault;
use crate::evidence::PeerChain;
use serde::Serialize;

/// In the names of X-Road's operational monitoring (wire/xroad.md 2.11), so that its tools can read them; the
/// names after `serviceType` that X-Road does not have are ours.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CallRecord {
    /// One id for all hops of a call.
    pub x_request_id: String,
    pub message_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_issue: Option<String>,
    /// `Client` where the member connects, `Producer` at the provider's, `Relay` between.
    pub security_server_type: &'static str,
    /// Milliseconds since 1970, as all four.
    pub request_in_ts: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub request_out_ts: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub response_in_ts: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub response_out_ts: u64,
    #[serde(rename = "clientXRoadInstance")]
    pub client_xroad_instance: String,
    pub client_member_class: String,
    pub client_member_code: String,
    pub client_subsystem_code: String,
    #[serde(rename = "serviceXRoadInstance")]
    pub service_xroad_instance: String,
    pub service_member_class: String,
    pub service_member_code: String,
    pub service_subsystem_code: String,
    pub service_code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub represented_party_class: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub represented_party_code: Option<String>,
    /// The platform where the client is connected, and the one where the provider is.
    pub client_security_server_address: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service_security_server_address: String,
    pub request_size: u64,
    pub response_size: u64,
    pub succeeded: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub fault_code: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub fault_string: String,
    pub service_type: &'static str,
    #[serde(skip_serializing_if = "is_no_status")]
    pub status_code: u16,
    pub rest_method: String,
    /// At the provider's only: what stands in a path may be somebody's number.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rest_path: String,
    pub x_road_version: &'static str,
    /// The platform that writes this, and who the peer before it and behind it are, with their TLS sessions.
    pub platform: String,
    pub came_from: String,
    pub came_by_tls: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub went_to: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub went_by_tls: String,
    /// Which half of NDXP: `central` or `distributed`.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub way: &'static str,
    /// `simulated`, `real` or `record`; at the provider's.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub target: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub request_sha256: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub response_sha256: String,
    /// Who is to blame, and which platform noticed.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub fault_side: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub fault_at: String,
    /// The head of the peer's evidence that came with the call, or with its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_chain: Option<PeerChain>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_chain: Option<PeerChain>,
}

pub const SYSTEM_TYPE_CLIENT: &str = "Client";
pub const SYSTEM_TYPE_RELAY: &str = "Relay";
pub const SYSTEM_TYPE_PRODUCER: &str = "Producer";
/// The release whose names these are.
pub(super) const XROAD_VERSION: &str = "7.8.0";

impl CallRecord {
    pub(super) fn fail(&mut self, fault: &CallFault) {
        self.succeeded = false;
        fault.trouble.code().clone_into(&mut self.fault_code);
        self.fault_string.clone_from(&fault.detail);
        self.fault_side = fault.trouble.side().as_str();
        self.fault_at.clone_from(&fault.at);
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks")]
const fn is_no_status(status: &u16) -> bool {
    *status == 0
}
