//! C8: a province reports to the Government through the gateway of its LGSP, and the Government Office answers by its own.

use super::gateway::tls_at;
use super::{COUNTRY, Country, ask};
use serde_json::{Value, json};

fn text() -> String {
    format!(
        r#"{COUNTRY}
[[platform]]
name = "lgsp-g22"
kind = "lgsp"
parent = "axis"
agencies = ["G22"]

[[member]]
agency = "G22"
system = "VPCP"
platform = "lgsp-g22"

[[service]]
id = "VN:GOV:G22:BC/bc"
platform = "lgsp-g22"
rights = ["H60", "G22"]

[[application]]
name = "Báo cáo của tỉnh"
member = "VN:GOV:000.00.00.H60:LGSP"
key = "tinh"
secret = "bi-mat"

[[application]]
name = "Văn phòng Chính phủ"
member = "VN:GOV:000.00.00.G22:VPCP"
key = "vpcp"
secret = "bi-mat"
"#
    )
}

/// An application with its token.
struct Desk<'c> {
    country: &'c Country,
    platform: &'static str,
    bearer: String,
}

impl<'c> Desk<'c> {
    async fn open(country: &'c Country, platform: &'static str, basic: &str) -> Self {
        let headers =
            [("Authorization", basic), ("Content-Type", "application/x-www-form-urlencoded")];
        let form = b"grant_type=client_credentials";
        let stream = tls_at(country, platform).await;
        let given = ask(stream, "POST", "/token", &headers, form).await.json();
        let bearer = format!("Bearer {}", given["access_token"].as_str().unwrap());
        Self { country, platform, bearer }
    }

    /// Status and the report's state, or the refusal's code.
    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let headers = [("Authorization", &*self.bearer), ("Content-Type", "application/json")];
        let stream = tls_at(self.country, self.platform).await;
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let target = format!("/bc/1.0{path}");
        let answer = ask(stream, "POST", &target, &headers, body.as_bytes()).await;
        let told = answer.json();
        let state = &told["data"]["state"];
        let state = if state.is_null() { &told["error"]["code"] } else { state };
        (answer.status.as_u16(), state.clone())
    }

    async fn get(&self, path: &str) -> Value {
        let headers = [("Authorization", &*self.bearer)];
        let stream = tls_at(self.country, self.platform).await;
        ask(stream, "GET", &format!("/bc/1.0{path}"), &headers, b"").await.json()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_periodic_report_is_entered_sent_returned_approved_and_corrected_through_gateways() {
    let country = Country::start_with(&text()).await;
    // `tinh:bi-mat` and `vpcp:bi-mat`.
    let province = Desk::open(&country, "lgsp-h60", "Basic dGluaDpiaS1tYXQ=").await;
    let office = Desk::open(&country, "lgsp-g22", "Basic dnBjcDpiaS1tYXQ=").await;
    let values = |value: f64| json!([{ "indicatorCode": "BPC_KTXH_TDTTGRDP", "value": value }]);
    let entry = json!({
        "officeCode": "000.00.00.H60", "dataTypeId": 3, "periodId": 20, "dataYear": 2024,
        "values": values(9.5),
    });
    let back = json!({ "reason": "thiếu chỉ tiêu" });
    let correction = json!({ "reason": "đính chính", "values": values(9.1) });
    let nothing = Value::Null;
    for (who, path, body, expected) in [
        (&province, "/reports", &entry, (200, json!("entered"))),
        (&province, "/reports/1/send", &nothing, (200, json!("sent"))),
        // Nobody approves a report of their own.
        (&province, "/reports/1/approve", &nothing, (403, json!(403))),
        (&office, "/reports/1/return", &back, (200, json!("returned"))),
        (&province, "/reports", &entry, (200, json!("entered"))),
        (&province, "/reports/1/send", &nothing, (200, json!("sent"))),
        (&office, "/reports/1/review", &nothing, (200, json!("reviewed"))),
        (&office, "/reports/1/approve", &nothing, (200, json!("approved"))),
        (&province, "/reports/1/correct", &correction, (200, json!("corrected"))),
        (&office, "/reports/1/review", &nothing, (200, json!("reviewed"))),
        (&office, "/reports/1/approve", &nothing, (200, json!("approved"))),
    ] {
        assert_eq!(who.post(path, body).await, expected, "{path}");
    }
    let shown = province.get("/indicators?officeCode=000.00.00.H60&indicatorCode=BPC_KTXH_TDTTGRDP&dataTypeId=3&periodId=20&dataYear=2024").await;
    assert_eq!(shown["data"][0]["value"], 9.1);
    let history = province.get("/reports/1").await["data"]["history"].as_array().unwrap().len();
    assert_eq!(history, 10);
    country.gateway.stop().await;
}
