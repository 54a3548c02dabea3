//! What NDOP learns of a record of evidence: chosen field by field, so that nothing slips through that is added later.

use crate::domain::member_id::PLATFORM_CLASS;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The fields of a record that are read; `pipeline/call/record.rs` writes them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    #[serde(borrow)]
    x_request_id: Cow<'a, str>,
    #[serde(borrow)]
    security_server_type: Cow<'a, str>,
    #[serde(default)]
    request_in_ts: u64,
    #[serde(default)]
    response_out_ts: u64,
    #[serde(borrow, rename = "clientXRoadInstance")]
    client_instance: Cow<'a, str>,
    #[serde(borrow)]
    client_member_class: Cow<'a, str>,
    #[serde(borrow)]
    client_member_code: Cow<'a, str>,
    #[serde(borrow)]
    client_subsystem_code: Cow<'a, str>,
    #[serde(borrow, rename = "serviceXRoadInstance")]
    service_instance: Cow<'a, str>,
    #[serde(borrow)]
    service_member_class: Cow<'a, str>,
    #[serde(borrow)]
    service_member_code: Cow<'a, str>,
    #[serde(borrow)]
    service_subsystem_code: Cow<'a, str>,
    #[serde(borrow)]
    service_code: Cow<'a, str>,
    #[serde(default)]
    request_size: u64,
    #[serde(default)]
    response_size: u64,
    succeeded: bool,
    #[serde(borrow, default)]
    fault_code: Cow<'a, str>,
}

/// One observation in the words of the simulated NDOP (`providers/ndop`).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Observation<'a> {
    n: u64,
    id: &'a str,
    role: &'a str,
    at: u64,
    consumer: String,
    service: String,
    duration_ms: u64,
    request_bytes: u64,
    response_bytes: u64,
    succeeded: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    fault: &'a str,
}

/// The observation of a record; none for what platforms themselves report to `ndop`, which would never end.
pub(super) fn of(n: u64, record: &[u8], ndop: &str) -> Option<Vec<u8>> {
    let record: Record<'_> = serde_json::from_slice(record).ok()?;
    let service = if record.service_code.is_empty() {
        // The service was not found: nobody's.
        String::new()
    } else {
        format!(
            "{}:{}:{}:{}/{}",
            record.service_instance,
            record.service_member_class,
            record.service_member_code,
            record.service_subsystem_code,
            record.service_code
        )
    };
    let is_report = record.client_member_class == PLATFORM_CLASS && service == ndop;
    if is_report {
        return None;
    }
    let observation = Observation {
        n,
        id: &record.x_request_id,
        role: &record.security_server_type,
        at: record.request_in_ts,
        consumer: format!(
            "{}:{}:{}:{}",
            record.client_instance,
            record.client_member_class,
            record.client_member_code,
            record.client_subsystem_code
        ),
        service,
        duration_ms: record.response_out_ts.saturating_sub(record.request_in_ts),
        request_bytes: record.request_size,
        response_bytes: record.response_size,
        succeeded: record.succeeded,
        fault: &record.fault_code,
    };
    serde_json::to_vec(&observation).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const NDOP: &str = "VN:GOV:000.00.00.G01:NDOP/ndop";

    fn record(class: &str, service: &str) -> Vec<u8> {
        let record = json!({
            "n": 7, "xRequestId": "r-1", "messageId": "m-1", "messageUserId": "VN0012345678",
            "securityServerType": "Producer", "requestInTs": 1_000, "responseOutTs": 1_030,
            "clientXRoadInstance": "VN", "clientMemberClass": class,
            "clientMemberCode": "000.00.06.H60", "clientSubsystemCode": "QLVB",
            "serviceXRoadInstance": "VN", "serviceMemberClass": "GOV",
            "serviceMemberCode": "000.00.00.G01", "serviceSubsystemCode": "NDOP",
            "serviceCode": service, "requestSize": 5, "responseSize": 6, "succeeded": false,
            "faultCode": "LT-S303", "faultString": "ai đó", "restPath": "/congDan/001099012345",
        });
        record.to_string().into_bytes()
    }

    #[test]
    fn who_what_when_and_how_much_are_told_and_nothing_that_names_a_person() {
        let told = of(7, &record("GOV", "dancu"), NDOP).unwrap();
        let text = String::from_utf8(told).unwrap();
        for hidden in ["001099012345", "VN0012345678", "ai đó"] {
            assert!(!text.contains(hidden), "{text}");
        }
        let told: Value = serde_json::from_str(&text).unwrap();
        let expected = json!({
            "n": 7, "id": "r-1", "role": "Producer", "at": 1_000,
            "consumer": "VN:GOV:000.00.06.H60:QLVB", "service": "VN:GOV:000.00.00.G01:NDOP/dancu",
            "durationMs": 30, "requestBytes": 5, "responseBytes": 6, "succeeded": false,
            "fault": "LT-S303",
        });
        assert_eq!(told, expected);
    }

    #[test]
    fn reports_are_not_reported_and_what_is_no_record_is_passed_over() {
        assert!(of(7, &record("PLATFORM", "ndop"), NDOP).is_none());
        assert!(of(7, &record("GOV", "ndop"), NDOP).is_some(), "an agency reads the statistics");
        assert!(of(7, b"{\"n\":7,", NDOP).is_none());
    }
}
