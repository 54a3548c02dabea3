//! What a gateway answers when it does not pass a call on, or gets no answer to it: WSO2's codes in WSO2's two
//! forms (domain.md 4.1 a; codes and messages as in WSO2's page "Error Handling").
//!
//! Two statuses are not those of that page, which has 403 for 900906 and 503 for 900801: newer gateways answer 404
//! and domain.md 8 rule 11 wants 429.

use super::accept::prefers_xml;
use super::credentials::BearerError;
use super::quota::Throttled;
use super::token::LookupError;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;

/// Which part of the gateway speaks; each has an XML namespace of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Security,
    Throttling,
    Gateway,
}

/// One row per code: variant, code, HTTP status, family, message, Vietnamese, English.
macro_rules! codes {
    ($($name:ident $code:literal $status:ident $family:ident $message:literal $vi:literal $en:literal;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum FaultCode { $($name,)* }

        impl FaultCode {
            pub(super) const fn code(self) -> u32 {
                match self { $(Self::$name => $code,)* }
            }

            pub(super) const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            pub(super) const fn message(self) -> &'static str {
                match self { $(Self::$name => $message,)* }
            }

            pub(super) const fn vi(self) -> &'static str {
                match self { $(Self::$name => $vi,)* }
            }

            pub(super) const fn en(self) -> &'static str {
                match self { $(Self::$name => $en,)* }
            }

            const fn family(self) -> Family {
                match self { $(Self::$name => Family::$family,)* }
            }
        }
    };
}

codes! {
    ApiBlocked 700_700 SERVICE_UNAVAILABLE Gateway "API blocked"
        "API này đang tạm khóa; hãy thử lại sau hoặc liên hệ quản trị."
        "This API has been blocked temporarily. Please try again later or contact the system administrators.";
    HardLimit 900_801 TOO_MANY_REQUESTS Throttling "Hard limit exceeded"
        "Đã vượt giới hạn cứng của cổng." "The hard limit of the gateway has been reached.";
    ResourceThrottledOut 900_802 TOO_MANY_REQUESTS Throttling "Resource level throttle out"
        "Đã vượt hạn mức của tài nguyên được gọi." "The limit of the resource has been exceeded.";
    ApplicationThrottledOut 900_803 TOO_MANY_REQUESTS Throttling "Application level throttle out"
        "Đã vượt hạn mức của ứng dụng." "The limit of the application has been exceeded.";
    Unclassified 900_900 INTERNAL_SERVER_ERROR Security "Unclassified Authentication Failure"
        "Lỗi xác thực chưa xác định được nguyên nhân." "An unspecified error has occurred.";
    InvalidCredentials 900_901 UNAUTHORIZED Security "Invalid Credentials"
        "Thông tin xác thực không hợp lệ."
        "Invalid Credentials. Make sure you have provided the correct security credentials.";
    MissingCredentials 900_902 UNAUTHORIZED Security "Missing Credentials"
        "Thiếu thông tin xác thực; yêu cầu phải có phần đầu Authorization: Bearer ACCESS_TOKEN."
        "Make sure your API invocation call has a header: Authorization: Bearer ACCESS_TOKEN.";
    NoMatchingResource 900_906 NOT_FOUND Gateway
        "No matching resource found in the API for the given request"
        "Không có API hoặc tài nguyên nào ứng với yêu cầu."
        "Check the API documentation and add a proper resource path to the request.";
    ResourceForbidden 900_908 FORBIDDEN Security "Resource forbidden"
        "Ứng dụng không có quyền gọi tài nguyên này."
        "The application has not been granted access to the required resource.";
    BackendConnectFailed 101_503 INTERNAL_SERVER_ERROR Gateway "Runtime Error"
        "Không kết nối được tới hệ thống cung cấp dịch vụ." "Error connecting to the back end.";
    BackendTimeout 101_504 GATEWAY_TIMEOUT Gateway "Runtime Error"
        "Hệ thống cung cấp dịch vụ không trả lời trong thời hạn." "The connection to the back end timed out.";
    BackendClosed 101_505 INTERNAL_SERVER_ERROR Gateway "Runtime Error"
        "Hệ thống cung cấp dịch vụ đã ngắt kết nối." "The back end closed the connection.";
}

/// One answer in place of a service's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub code: FaultCode,
    /// What the description says besides; may be empty.
    pub detail: String,
    /// Since the Unix epoch; when the throttled may call again.
    pub next_access_ms: Option<u64>,
}

/// A whole HTTP answer.
#[derive(Clone, Debug)]
pub(super) struct FaultAnswer {
    pub status: StatusCode,
    /// `Content-Type`, and `Retry-After` or `WWW-Authenticate` where they belong.
    pub headers: HeaderMap,
    pub body: String,
}

#[derive(Serialize)]
struct JsonFault<'f> {
    fault: JsonBody<'f>,
}

#[derive(Serialize)]
struct JsonBody<'f> {
    code: u32,
    message: &'f str,
    description: &'f str,
    #[serde(rename = "nextAccessTime", skip_serializing_if = "Option::is_none")]
    next_access_time: Option<String>,
}

impl Fault {
    pub(super) const fn new(code: FaultCode) -> Self {
        Self { code, detail: String::new(), next_access_ms: None }
    }

    #[must_use]
    pub(super) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// In XML where `accept`, the value of the header, prefers it, otherwise in JSON.
    pub(super) fn answer(&self, accept: Option<&str>, now_ms: u64) -> FaultAnswer {
        let mut headers = HeaderMap::new();
        let (kind, body) = if prefers_xml(accept) {
            ("application/xml; charset=UTF-8", self.xml())
        } else {
            ("application/json; charset=UTF-8", self.json())
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        if let Some(challenge) = self.challenge() {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Some(next_ms) = self.next_access_ms {
            // Rounded up: who comes back a moment early is refused once more.
            let wait_s = next_ms.saturating_sub(now_ms).div_ceil(MS_PER_S).max(1);
            headers.insert(RETRY_AFTER, HeaderValue::from(wait_s));
        }
        FaultAnswer { status: self.code.status(), headers, body }
    }

    /// RFC 6750 3.1: no error is named to a request that tried nothing. The scheme is WSO2's.
    fn challenge(&self) -> Option<&'static str> {
        if self.code.status() != StatusCode::UNAUTHORIZED {
            return None;
        }
        Some(if self.code == FaultCode::MissingCredentials {
            "OAuth2 realm=\"WSO2 API Manager\""
        } else {
            "OAuth2 realm=\"WSO2 API Manager\", error=\"invalid_token\", error_description=\"The provided token is invalid\""
        })
    }

    /// Both languages, Vietnamese first.
    pub(super) fn description(&self) -> String {
        let mut text = format!("{} / {}", self.code.vi(), self.code.en());
        if !self.detail.is_empty() {
            text.push_str(" (");
            text.extend(self.detail.chars().filter(|c| !c.is_control()).take(DETAIL_CHARS_MAX));
            text.push(')');
        }
        text
    }

    fn json(&self) -> String {
        let fault = JsonBody {
            code: self.code.code(),
            message: self.code.message(),
            description: &self.description(),
            next_access_time: self.next_access_ms.map(next_access_time),
        };
        serde_json::to_string(&JsonFault { fault }).unwrap_or_default()
    }

    fn xml(&self) -> String {
        let (prefix, space) = self.code.family().namespace();
        let mut out = format!("<{prefix}:fault xmlns:{prefix}=\"{space}\">");
        let mut add = |name: &str, text: &str| {
            out.push_str(&format!("<{prefix}:{name}>{}</{prefix}:{name}>", escaped(text)));
        };
        add("code", &self.code.code().to_string());
        if self.code.family() == Family::Gateway {
            add("type", "Status report");
        }
        add("message", self.code.message());
        add("description", &self.description());
        if let Some(next_ms) = self.next_access_ms {
            add("nextAccessTime", &next_access_time(next_ms));
        }
        out.push_str(&format!("</{prefix}:fault>"));
        out
    }
}

impl Family {
    const fn namespace(self) -> (&'static str, &'static str) {
        match self {
            Self::Security => ("ams", "http://wso2.org/apimanager/security"),
            Self::Throttling => ("amt", "http://wso2.org/apimanager/throttling"),
            Self::Gateway => ("am", "http://wso2.org/apimanager"),
        }
    }
}

impl From<BearerError> for Fault {
    fn from(error: BearerError) -> Self {
        match error {
            BearerError::Missing => Self::new(FaultCode::MissingCredentials),
            BearerError::Malformed => Self::new(FaultCode::InvalidCredentials).detail(
                "phần đầu Authorization không đọc được / the Authorization header cannot be read",
            ),
        }
    }
}

impl From<LookupError> for Fault {
    fn from(error: LookupError) -> Self {
        // Another token would not help: the caller must not throw this one away.
        let code = match error {
            LookupError::IssuerSilent => FaultCode::Unclassified,
            LookupError::Expired | LookupError::Unknown | LookupError::ForeignCertificate => {
                FaultCode::InvalidCredentials
            }
        };
        Self::new(code).detail(match error {
            LookupError::Expired => "mã truy cập đã hết hạn / the access token has expired",
            LookupError::Unknown => "mã truy cập không tồn tại hoặc đã hết hạn từ lâu / the access token is unknown or expired long ago",
            LookupError::ForeignCertificate => {
                "mã truy cập được cấp cho chứng thư số khác / the access token was issued to another certificate"
            }
            LookupError::IssuerSilent => {
                "nền tảng cấp mã truy cập không trả lời / the platform that handed the access token out does not answer"
            }
        })
    }
}

impl From<Throttled> for Fault {
    fn from(throttled: Throttled) -> Self {
        Self {
            next_access_ms: Some(throttled.next_access_ms),
            ..Self::new(FaultCode::ApplicationThrottledOut)
        }
    }
}

/// `2020-Jan-08 16:59:00+0000 UTC`, WSO2's own form.
fn next_access_time(at_ms: u64) -> String {
    let at = i64::try_from(at_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    at.unwrap_or(jiff::Timestamp::MAX).strftime("%Y-%b-%d %H:%M:%S+0000 UTC").to_string()
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // No characters of XML 1.0.
            '\u{fffe}' | '\u{ffff}' => {}
            other if other.is_control() => {}
            other => out.push(other),
        }
    }
    out
}

const MS_PER_S: u64 = 1_000;
const DETAIL_CHARS_MAX: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const XML: Option<&str> = Some("application/xml");

    #[test]
    fn every_code_has_the_status_that_clients_expect() {
        for (fault, code, status) in [
            (FaultCode::ApiBlocked, 700_700, 503),
            (FaultCode::HardLimit, 900_801, 429),
            (FaultCode::ResourceThrottledOut, 900_802, 429),
            (FaultCode::ApplicationThrottledOut, 900_803, 429),
            (FaultCode::Unclassified, 900_900, 500),
            (FaultCode::InvalidCredentials, 900_901, 401),
            (FaultCode::MissingCredentials, 900_902, 401),
            (FaultCode::NoMatchingResource, 900_906, 404),
            (FaultCode::ResourceForbidden, 900_908, 403),
            (FaultCode::BackendConnectFailed, 101_503, 500),
            (FaultCode::BackendTimeout, 101_504, 504),
            (FaultCode::BackendClosed, 101_505, 500),
        ] {
            let answer = Fault::new(fault).answer(None, 0);
            assert_eq!((fault.code(), answer.status.as_u16()), (code, status));
            assert_eq!(answer.headers.contains_key(WWW_AUTHENTICATE), status == 401, "{code}");
        }
    }

    #[test]
    fn a_fault_is_json_or_xml_as_wso2_writes_them() {
        let fault = Fault::new(FaultCode::ResourceForbidden);
        let description = fault.description();
        let answer = fault.answer(None, 0);
        assert_eq!(
            answer.body,
            format!(
                r#"{{"fault":{{"code":900908,"message":"Resource forbidden","description":"{description}"}}}}"#
            )
        );
        assert_eq!(answer.headers[CONTENT_TYPE], "application/json; charset=UTF-8");
        let answer = fault.answer(XML, 0);
        assert_eq!(
            answer.body,
            format!(
                "<ams:fault xmlns:ams=\"http://wso2.org/apimanager/security\"><ams:code>900908</ams:code><ams:message>Resource forbidden</ams:message><ams:description>{description}</ams:description></ams:fault>"
            )
        );
        assert_eq!(answer.headers[CONTENT_TYPE], "application/xml; charset=UTF-8");
        let nowhere = Fault::new(FaultCode::NoMatchingResource).answer(XML, 0).body;
        assert!(nowhere.starts_with("<am:fault xmlns:am=\"http://wso2.org/apimanager\">"));
        assert!(nowhere.contains("<am:type>Status report</am:type>"));
    }

    #[test]
    fn the_throttled_are_told_when_to_come_back() {
        // 2020-01-08 16:59:00 UTC, the example in a public description of such an answer.
        let next_ms = 1_578_502_740_000;
        let fault = Fault::from(Throttled { next_access_ms: next_ms });
        for (now_ms, wait_s) in [
            (next_ms - 60_000, "60"),
            (next_ms - 59_999, "60"),
            (next_ms - 1, "1"),
            (next_ms, "1"),
            (next_ms + 5, "1"),
        ] {
            assert_eq!(fault.answer(None, now_ms).headers[RETRY_AFTER], wait_s);
        }
        let time = "2020-Jan-08 16:59:00+0000 UTC";
        assert!(fault.answer(None, 0).body.contains(&format!(r#""nextAccessTime":"{time}""#)));
        let xml = fault.answer(XML, 0).body;
        assert!(xml.contains(&format!("<amt:nextAccessTime>{time}</amt:nextAccessTime>")), "{xml}");
    }

    #[test]
    fn a_token_that_cannot_be_checked_now_is_not_called_invalid() {
        let answer = Fault::from(LookupError::IssuerSilent).answer(None, 0);
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(answer.body.contains("900900") && answer.body.contains("không trả lời"));
        assert!(answer.headers.get(WWW_AUTHENTICATE).is_none());
    }

    #[test]
    fn each_reason_to_refuse_a_token_is_told() {
        for (fault, code, detail) in [
            (Fault::from(BearerError::Missing), 900_902, ""),
            (BearerError::Malformed.into(), 900_901, "không đọc được"),
            (LookupError::Expired.into(), 900_901, "hết hạn"),
            (LookupError::Unknown.into(), 900_901, "không tồn tại"),
            (LookupError::ForeignCertificate.into(), 900_901, "chứng thư số khác"),
        ] {
            let answer = fault.answer(None, 0);
            assert_eq!((fault.code.code(), answer.status), (code, StatusCode::UNAUTHORIZED));
            assert!(answer.body.contains(detail), "{}", answer.body);
            let challenge = answer.headers[WWW_AUTHENTICATE].to_str().unwrap();
            assert_eq!(challenge.contains("invalid_token"), code == 900_901);
        }
    }

    proptest! {
        #[test]
        fn no_detail_breaks_out_of_its_place(
            detail in "(<|>|&|\"|\\PC){0,20}|.{0,400}",
            next_access_ms in prop::option::of(any::<u64>()),
            now_ms in any::<u64>(),
        ) {
            let fault = Fault { next_access_ms, ..Fault::new(FaultCode::ApplicationThrottledOut).detail(detail) };
            let json: serde_json::Value = serde_json::from_str(&fault.answer(None, now_ms).body).unwrap();
            prop_assert_eq!(&json["fault"]["description"], &fault.description());
            let xml = fault.answer(XML, now_ms).body;
            let elements = if next_access_ms.is_some() { 10 } else { 8 };
            prop_assert_eq!(xml.matches('<').count(), elements);
            prop_assert_eq!(xml.matches('>').count(), elements);
        }
    }
}
