//! What the operator's API says when it does not do what was asked: a stable code, both languages, where, and
//! what was probably meant.

use crate::domain::rejection::{Reason, Rejection};
use crate::texts;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;

/// One row per problem: variant, stable code, HTTP status, Vietnamese, English.
macro_rules! problems {
    ($($name:ident $code:literal $status:ident $vi:literal $en:literal;)*) => {
        /// The closed list of what can be wrong with a request to this API. Refusals of the exchange
        /// (`LT-D…`) come on top.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Problem { $($name,)* }

        impl Problem {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            pub const fn vi(self) -> &'static str {
                match self { $(Self::$name => $vi,)* }
            }

            pub const fn en(self) -> &'static str {
                match self { $(Self::$name => $en,)* }
            }
        }
    };
}

problems! {
    ForeignHost "LT-O001" FORBIDDEN
        "Phần đầu Host không phải là địa chỉ trên chính máy này."
        "The Host header names something other than this machine.";
    ForeignOrigin "LT-O002" FORBIDDEN
        "Yêu cầu đến từ trang của một nơi khác."
        "The request comes from a page of another site.";
    NoSuchPath "LT-O003" NOT_FOUND
        "Giao diện này không có đường dẫn đó."
        "This API has no such path.";
    WrongMethod "LT-O004" METHOD_NOT_ALLOWED
        "Đường dẫn này không nhận phương thức đó."
        "This path does not take that method.";
    WrongParameter "LT-O005" BAD_REQUEST
        "Một tham số không đọc được."
        "A parameter cannot be read.";
    WrongBody "LT-O006" BAD_REQUEST
        "Nội dung gửi lên không đọc được."
        "The body cannot be read.";
    BodyTooLarge "LT-O007" PAYLOAD_TOO_LARGE
        "Nội dung gửi lên quá lớn."
        "The body is too large.";
    NoSuchPlatform "LT-O008" NOT_FOUND
        "Tô-pô không có nền tảng nào tên như vậy."
        "The topology has no platform of that name.";
    NoSuchLink "LT-O009" NOT_FOUND
        "Nền tảng này không có liên kết lên cấp trên."
        "This platform has no link to one above it.";
    NoSuchAgency "LT-O010" NOT_FOUND
        "Danh mục không có cơ quan nào mang mã định danh đó."
        "The directory has no agency with that code.";
    NoSuchDocument "LT-O011" NOT_FOUND
        "Không nền tảng nào của tiến trình này biết văn bản đó."
        "No platform of this process knows that document.";
    NoSuchCertificate "LT-O012" NOT_FOUND
        "Không có chứng thư nào như vậy được cấp ở đây."
        "No such certificate was issued here.";
    AlreadyRevoked "LT-O013" CONFLICT
        "Chứng thư này đã bị thu hồi từ trước."
        "This certificate was revoked before.";
    AxisElsewhere "LT-O014" CONFLICT
        "Trục không chạy trong tiến trình này; hãy gửi yêu cầu đến tiến trình có trục."
        "The axis does not run in this process; ask the process that runs it.";
    NotRunHere "LT-O015" CONFLICT
        "Nền tảng này không chạy trong tiến trình này."
        "This platform does not run in this process.";
    TooManyWatchers "LT-O016" SERVICE_UNAVAILABLE
        "Đã có quá nhiều luồng sự kiện đang mở."
        "Too many event streams are open.";
    TooLate "LT-O017" GATEWAY_TIMEOUT
        "Việc này chưa xong trong thời hạn."
        "This was not done in time.";
    NoSuchService "LT-O019" NOT_FOUND
        "Danh mục dịch vụ không có mã đó."
        "The service catalogue has no such id.";
    NoSuchRight "LT-O020" NOT_FOUND
        "Dịch vụ không có quyền nào như vậy."
        "The service has no such right.";
    NoSuchProvider "LT-O021" NOT_FOUND
        "Không có hệ thống mô phỏng nào tên như vậy."
        "There is no simulated system of that name.";
    NoDescription "LT-O022" NOT_FOUND
        "Dịch vụ này không có bản mô tả."
        "This service has no description.";
    NoSuchCitizen "LT-O031" NOT_FOUND
        "Dân số giả lập không có người này."
        "The invented population has no such person.";
    NoSuchFlow "LT-O032" NOT_FOUND
        "Không có luồng liên thông nào mang mã đó."
        "There is no flow with that id.";
    FlowLacks "LT-O033" CONFLICT
        "Luồng này không chạy được: thiếu cơ quan, dịch vụ hoặc người dân phù hợp."
        "This flow cannot run: an agency, a service or somebody fit is missing.";
    TooManyFlows "LT-O034" SERVICE_UNAVAILABLE
        "Tiến trình đang chạy đủ số luồng liên thông tối đa (flows_max)."
        "The process runs as many flows as it may (flows_max).";
    FlowUnderWay "LT-O035" CONFLICT
        "Luồng này đang chạy."
        "This flow is under way.";
    FlowRefused "LT-O036" CONFLICT
        "Một cơ quan đã từ chối và hồ sơ đã dừng xử lý ở Cổng DVCQG; hãy nộp hồ sơ mới."
        "An agency has refused and the dossier is stopped at the national portal; hand in a new one.";
    NoSuchCall "LT-O023" NOT_FOUND
        "Không có bằng chứng nào của lời gọi đó ở đây."
        "There is no evidence of that call here.";
    BadRule "LT-O024" BAD_REQUEST
        "Quy tắc trả lời có chỗ sai; mọi chỗ sai có trong chi tiết."
        "A response rule is wrong; the detail tells everything that is.";
    NoSuchRule "LT-O025" NOT_FOUND
        "Hệ thống mô phỏng không có quy tắc trả lời nào mang mã đó."
        "The simulated system has no response rule with that id.";
    RulesFull "LT-O026" CONFLICT
        "Hệ thống mô phỏng đã có đủ số quy tắc trả lời tối đa."
        "The simulated system has as many response rules as it may have.";
    ServiceElsewhere "LT-O027" CONFLICT
        "Dịch vụ này đặt tại một nền tảng chạy ở tiến trình khác; hãy gửi yêu cầu đến tiến trình có nền tảng đó."
        "The home of this service is a platform of another process; ask the process that runs it.";
    Failed "LT-O018" INTERNAL_SERVER_ERROR
        "Tiến trình không làm được việc này; xem nhật ký theo mã liên kết."
        "The process could not do this; see the log under the correlation id.";
}

/// Why a request was not served. `answer` in the parent room words it, with the correlation id.
#[derive(Clone, Debug)]
pub struct Fault {
    what: What,
    pub at: String,
    pub detail: String,
    pub nearest: Vec<String>,
    pub retry_after_ms: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Problem(Problem),
    /// The exchange refused it.
    Refusal(Reason),
}

/// An answer that is a failure.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ErrorAnswer {
    /// The version of this shape: 1.
    pub version: u32,
    pub error: ErrorBody,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ErrorBody {
    /// Stable: `LT-O…` of this API, `LT-D…` of the exchange.
    #[schema(example = "LT-O011")]
    pub code: &'static str,
    /// One sentence in Vietnamese.
    pub vi: &'static str,
    /// The same in English.
    pub en: &'static str,
    /// The parameter, field or header that is at fault; may be empty.
    pub at: String,
    /// A short fact that helps, in no particular language; may be empty.
    pub detail: String,
    /// What was probably meant, the most likely first.
    pub nearest: Vec<String>,
    /// Stands in the log of this process too.
    pub correlation_id: String,
    /// When trying again makes sense.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl Fault {
    pub const fn new(problem: Problem) -> Self {
        Self {
            what: What::Problem(problem),
            at: String::new(),
            detail: String::new(),
            nearest: Vec::new(),
            retry_after_ms: None,
        }
    }

    /// A parameter that cannot be read, and why.
    pub fn parameter(name: &str, why: impl Into<String>) -> Self {
        Self::new(Problem::WrongParameter).at(name).detail(why)
    }

    /// Our own failure; what it was goes to the log.
    pub fn failed(error: &dyn std::error::Error) -> Self {
        tracing::error!(error = %chain(error), "the operator's API failed");
        Self::new(Problem::Failed).detail(error.to_string())
    }

    #[must_use]
    pub fn at(mut self, at: impl Into<String>) -> Self {
        self.at = at.into();
        self
    }

    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    #[must_use]
    pub fn nearest(mut self, nearest: Vec<String>) -> Self {
        self.nearest = nearest;
        self
    }

    pub const fn code(&self) -> &'static str {
        match self.what {
            What::Problem(problem) => problem.code(),
            What::Refusal(reason) => reason.code(),
        }
    }

    /// What was asked about is not here.
    pub(super) fn is_unknown(&self) -> bool {
        self.status() == StatusCode::NOT_FOUND
    }

    pub(super) fn status(&self) -> StatusCode {
        match self.what {
            What::Problem(problem) => problem.status(),
            What::Refusal(reason) => status_of(reason),
        }
    }

    pub(super) fn worded(self, correlation_id: &str) -> ErrorAnswer {
        let (vi, en) = match self.what {
            What::Problem(problem) => (problem.vi(), problem.en()),
            What::Refusal(reason) => {
                (texts::sentence(reason, texts::Lang::Vi), texts::sentence(reason, texts::Lang::En))
            }
        };
        ErrorAnswer {
            version: super::VERSION,
            error: ErrorBody {
                code: self.code(),
                vi,
                en,
                at: self.at,
                detail: self.detail,
                nearest: self.nearest,
                correlation_id: correlation_id.to_owned(),
                retry_after_ms: self.retry_after_ms,
            },
        }
    }
}

impl From<Rejection> for Fault {
    fn from(rejection: Rejection) -> Self {
        Self {
            what: What::Refusal(rejection.reason),
            at: rejection.at.map(|place| place.to_string()).unwrap_or_default(),
            detail: rejection.detail,
            nearest: Vec::new(),
            retry_after_ms: rejection.retry_after_ms,
        }
    }
}

/// Carries itself to where the correlation id is known.
impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        *response.status_mut() = self.status();
        response.extensions_mut().insert(self);
        response
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever else is refused, the request is at fault"
)]
fn status_of(reason: Reason) -> StatusCode {
    match reason {
        Reason::AgencyUnknown | Reason::UnknownDocument | Reason::ServiceUnknown => {
            StatusCode::NOT_FOUND
        }
        Reason::Unavailable
        | Reason::Busy
        | Reason::ShuttingDown
        | Reason::DiskFull
        | Reason::Throttled => StatusCode::SERVICE_UNAVAILABLE,
        Reason::Timeout => StatusCode::GATEWAY_TIMEOUT,
        Reason::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_has_a_code_of_its_own_and_both_languages() {
        let mut codes: Vec<_> = Problem::ALL.iter().map(|problem| problem.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Problem::ALL.len());
        for problem in Problem::ALL {
            assert!(problem.status().is_client_error() || problem.status().is_server_error());
            assert!(problem.vi().ends_with('.') && problem.en().ends_with('.'));
        }
    }
}
