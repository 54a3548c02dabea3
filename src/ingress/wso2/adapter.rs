//! The adapter in front of a security server: where a call is to be forwarded to (domain.md 4.1 b, wire/vxp.md F).
//!
//! `/XrdAdapter/RestService/forward/<path>?dstcode=VN:GOV:000.00.00.G22:vpcpdvcprovider[&providerurl=https://…]`,
//! also below `/VXPAdapter`; both parameters may be headers instead.

use super::percent::{decoded, form_decoded, raw_pairs};
use http::{HeaderMap, StatusCode, Uri};

/// A call as the adapter understands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Forward {
    /// `instance:class:member:subsystem`, four parts that are not empty. Whether there is such a member is not
    /// known here.
    pub destination: String,
    /// Raw, with its leading `/`. What it may hold is not looked at.
    pub path: String,
    /// Raw, in its order, without the adapter's own two; `None` when nothing is left.
    pub query: Option<String>,
    /// Which of the provider's systems is meant. It is told to the provider and never connected to from here:
    /// otherwise every client could reach what the gateway can.
    pub provider_url: Option<String>,
}

/// One row per fault: variant, code, HTTP status, Vietnamese, English.
macro_rules! faults {
    ($($name:ident $code:literal $status:ident $vi:literal $en:literal;)*) => {
        /// Why a call is not forwarded. Codes never change their meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
        pub enum AdapterFault { $(#[error($en)] $name,)* }

        impl AdapterFault {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            pub(super) const fn status(self) -> StatusCode {
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

faults! {
    NotForward "LT-X001" NOT_FOUND
        "Đường dẫn không có dạng /XrdAdapter/RestService/forward/… hoặc /VXPAdapter/RestService/forward/…."
        "The path is neither /XrdAdapter/RestService/forward/… nor /VXPAdapter/RestService/forward/….";
    PathMissing "LT-X002" BAD_REQUEST
        "Sau /forward/ phải có đường dẫn của dịch vụ cần gọi."
        "After /forward/ stands the path of the service to call.";
    DestinationMissing "LT-X003" BAD_REQUEST
        "Thiếu dstcode, ở tham số hoặc ở phần đầu của yêu cầu."
        "There is no dstcode, neither as a parameter nor as a header.";
    DestinationMalformed "LT-X004" BAD_REQUEST
        "dstcode không có dạng VN:GOV:<mã định danh>:<hệ thống>."
        "The dstcode is not of the form VN:GOV:<agency code>:<system>.";
    DestinationAmbiguous "LT-X005" BAD_REQUEST
        "Yêu cầu nêu nhiều dstcode khác nhau."
        "The request names different dstcodes.";
    ProviderUrlMalformed "LT-X006" BAD_REQUEST
        "providerurl không phải là một địa chỉ http hoặc https."
        "The providerurl is no http or https address.";
    ProviderUrlAmbiguous "LT-X007" BAD_REQUEST
        "Yêu cầu nêu nhiều providerurl khác nhau."
        "The request names different providerurls.";
    QueryTooLong "LT-X008" URI_TOO_LONG
        "Chuỗi tham số quá dài."
        "The query is too long.";
}

const PREFIXES: [&str; 2] = ["/XrdAdapter/RestService/forward", "/VXPAdapter/RestService/forward"];
const DESTINATION: &str = "dstcode";
const PROVIDER_URL: &str = "providerurl";
const DESTINATION_PART_CHARS_MAX: usize = 64;
const PROVIDER_URL_BYTES_MAX: usize = 2_048;
const QUERY_BYTES_MAX: usize = 16_384;

impl Forward {
    /// Whether the adapter answers at this path.
    pub(super) fn is_target(path: &str) -> bool {
        below_prefix(path).is_some()
    }

    pub(super) fn parse(
        path: &str,
        query: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<Self, AdapterFault> {
        let path = below_prefix(path).ok_or(AdapterFault::NotForward)?;
        if path.bytes().all(|byte| byte == b'/') {
            return Err(AdapterFault::PathMissing);
        }
        let query = query.unwrap_or_default();
        if query.len() > QUERY_BYTES_MAX {
            return Err(AdapterFault::QueryTooLong);
        }
        let destination = Found::of(DESTINATION, query, headers);
        let destination = destination
            .only(AdapterFault::DestinationMalformed, AdapterFault::DestinationAmbiguous)?;
        let destination = destination.ok_or(AdapterFault::DestinationMissing)?;
        if !is_destination(&destination) {
            return Err(AdapterFault::DestinationMalformed);
        }
        let provider_url = Found::of(PROVIDER_URL, query, headers)
            .only(AdapterFault::ProviderUrlMalformed, AdapterFault::ProviderUrlAmbiguous)?;
        if provider_url.as_deref().is_some_and(|url| !is_url(url)) {
            return Err(AdapterFault::ProviderUrlMalformed);
        }
        Ok(Self { destination, path: path.to_owned(), query: without_own(query), provider_url })
    }
}

impl AdapterFault {
    /// The JSON body, in the fields that clients of the axis read (domain.md 8 rule 10).
    pub(super) fn body(self) -> String {
        let body = serde_json::json!({
            "status": "FAIL",
            "ErrorCode": self.code(),
            "ErrorDesc": self.vi(),
            "ErrorDescEn": self.en(),
        });
        body.to_string()
    }
}

fn below_prefix(path: &str) -> Option<&str> {
    let rest = PREFIXES.iter().find_map(|prefix| path.strip_prefix(prefix))?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// What a request says for one of the adapter's names, in all places together.
#[derive(Default)]
struct Found {
    value: Option<String>,
    has_others: bool,
    has_unreadable: bool,
}

impl Found {
    fn of(name: &str, query: &str, headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        for (_, value) in raw_pairs(query).filter(|(own, _)| is_named(own, name)) {
            found.add(form_decoded(value));
        }
        for value in headers.get_all(name) {
            found.add(value.to_str().ok().and_then(decoded));
        }
        found
    }

    /// Said twice alike is said once; said without a value is not said.
    fn add(&mut self, value: Option<String>) {
        let Some(value) = value else {
            self.has_unreadable = true;
            return;
        };
        let value = value.trim();
        if value.is_empty() {
            return;
        }
        match &self.value {
            None => self.value = Some(value.to_owned()),
            Some(former) => self.has_others |= former != value,
        }
    }

    fn only(
        self,
        unreadable: AdapterFault,
        ambiguous: AdapterFault,
    ) -> Result<Option<String>, AdapterFault> {
        match self {
            Self { has_unreadable: true, .. } => Err(unreadable),
            Self { has_others: true, .. } => Err(ambiguous),
            Self { value, .. } => Ok(value),
        }
    }
}

fn is_named(raw: &str, name: &str) -> bool {
    form_decoded(raw).is_some_and(|plain| plain.eq_ignore_ascii_case(name))
}

fn is_destination(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part.chars().count() <= DESTINATION_PART_CHARS_MAX
            && !part.contains(['/', '\\'])
    };
    text.split(':').count() == 4 && text.split(':').all(is_part)
}

fn is_url(text: &str) -> bool {
    if text.len() > PROVIDER_URL_BYTES_MAX {
        return false;
    }
    let Ok(uri) = text.parse::<Uri>() else { return false };
    let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
    // A name and a password in an address hide which host it is.
    let is_plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    is_web && is_plain && uri.host().is_some_and(|host| !host.is_empty())
}

fn without_own(query: &str) -> Option<String> {
    let is_own = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        is_named(name, DESTINATION) || is_named(name, PROVIDER_URL)
    };
    let left: Vec<_> = query.split('&').filter(|pair| !pair.is_empty() && !is_own(pair)).collect();
    (!left.is_empty()).then(|| left.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const DVCQG: &str = "VN:GOV:000.00.00.G22:vpcpdvcprovider";
    const LOGIN: &str = "/XrdAdapter/RestService/forward/mapi/login";

    fn parse(target: &str, headers: &[(&'static str, &str)]) -> Result<Forward, AdapterFault> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let (path, query) =
            target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        Forward::parse(path, query, &map)
    }

    fn forward(
        destination: &str,
        path: &str,
        query: Option<&str>,
        provider_url: Option<&str>,
    ) -> Forward {
        Forward {
            destination: destination.to_owned(),
            path: path.to_owned(),
            query: query.map(str::to_owned),
            provider_url: provider_url.map(str::to_owned),
        }
    }

    #[test]
    fn calls_seen_in_the_field_are_understood() {
        let papers = Some("https://apigiaytocanhan.dichvucong.gov.vn");
        let payment = "VN:COM:0106001236:NganLuongPaymentSvc";
        for (target, headers, expected) in [
            // domain.md 4.1 (b).
            (
                "/XrdAdapter/RestService/forward/mapi/login?dstcode=VN:GOV:000.00.00.G22:vpcpdvcprovider",
                vec![],
                forward(DVCQG, "/mapi/login", None, None),
            ),
            (
                "/VXPAdapter/RestService/forward/mapi/g",
                vec![(DESTINATION, DVCQG)],
                forward(DVCQG, "/mapi/g", None, None),
            ),
            // wire/vxp.md F; escaped by some clients, and with the client's own parameters before and between.
            (
                "/XrdAdapter/RestService/forward/bndp/public/v1/login?dstcode=VN%3AGOV%3A000.00.00.G22%3Avpcpdvcprovider&providerurl=https%3A%2F%2Fapigiaytocanhan.dichvucong.gov.vn",
                vec![],
                forward(DVCQG, "/bndp/public/v1/login", None, papers),
            ),
            (
                "/XrdAdapter/RestService/forward/service/vpcp/viewbill?token=a%20b&dstcode=VN:COM:0106001236:NganLuongPaymentSvc&providerurl=http://10.0.0.41:8083/&x",
                vec![],
                forward(
                    payment,
                    "/service/vpcp/viewbill",
                    Some("token=a%20b&x"),
                    Some("http://10.0.0.41:8083/"),
                ),
            ),
            (
                LOGIN,
                vec![
                    (DESTINATION, "VN%3AGOV%3A000.00.00.G22%3Avpcpdvcprovider"),
                    (PROVIDER_URL, "https://apigiaytocanhan.dichvucong.gov.vn"),
                ],
                forward(DVCQG, "/mapi/login", None, papers),
            ),
            // Twice alike, in another case, and once without a value.
            (
                "/XrdAdapter/RestService/forward/mapi/login?DstCode=VN:GOV:000.00.00.G22:vpcpdvcprovider&providerurl=",
                vec![(DESTINATION, DVCQG)],
                forward(DVCQG, "/mapi/login", None, None),
            ),
        ] {
            assert_eq!(parse(target, &headers), Ok(expected), "{target}");
        }
    }

    #[test]
    fn what_cannot_be_forwarded_is_told_apart() {
        let with = |pairs: &str| format!("{LOGIN}?{pairs}");
        let url = |url: &str| format!("{LOGIN}?dstcode={DVCQG}&providerurl={url}");
        let part = "p".repeat(DESTINATION_PART_CHARS_MAX + 1);
        for (target, headers, wrong) in [
            ("/XrdAdapter/RestService".to_owned(), vec![], AdapterFault::NotForward),
            ("/XrdAdapter/RestService/forwards/x".to_owned(), vec![], AdapterFault::NotForward),
            ("/web/XrdAdapter/RestService/forward/x".to_owned(), vec![], AdapterFault::NotForward),
            ("/XrdAdapter/RestService/forward".to_owned(), vec![], AdapterFault::PathMissing),
            ("/XrdAdapter/RestService/forward//".to_owned(), vec![], AdapterFault::PathMissing),
            (LOGIN.to_owned(), vec![], AdapterFault::DestinationMissing),
            (with("dstcode="), vec![], AdapterFault::DestinationMissing),
            (with("dstcode=VN:GOV:H53"), vec![], AdapterFault::DestinationMalformed),
            (with("dstcode=VN:GOV::x"), vec![], AdapterFault::DestinationMalformed),
            (with("dstcode=VN:GOV:a:b:c"), vec![], AdapterFault::DestinationMalformed),
            (with("dstcode=VN:GOV:a:b%2Fc"), vec![], AdapterFault::DestinationMalformed),
            (with("dstcode=VN:GOV:a:b%"), vec![], AdapterFault::DestinationMalformed),
            (with("dstcode=VN:GOV:a:b%0a"), vec![], AdapterFault::DestinationMalformed),
            (with(&format!("dstcode=VN:GOV:a:{part}")), vec![], AdapterFault::DestinationMalformed),
            (
                LOGIN.to_owned(),
                vec![(DESTINATION, "VN:GOV:đ:x")],
                AdapterFault::DestinationMalformed,
            ),
            (
                with("dstcode=VN:GOV:a:b&dstcode=VN:GOV:a:c"),
                vec![],
                AdapterFault::DestinationAmbiguous,
            ),
            (
                with("dstcode=VN:GOV:a:b"),
                vec![(DESTINATION, DVCQG)],
                AdapterFault::DestinationAmbiguous,
            ),
            (url("ftp://a/"), vec![], AdapterFault::ProviderUrlMalformed),
            (url("/a"), vec![], AdapterFault::ProviderUrlMalformed),
            (url("a.vn"), vec![], AdapterFault::ProviderUrlMalformed),
            (url("https://a%20b/"), vec![], AdapterFault::ProviderUrlMalformed),
            (url("https://u:p@a.vn/"), vec![], AdapterFault::ProviderUrlMalformed),
            (url("https://"), vec![], AdapterFault::ProviderUrlMalformed),
            (
                url("https://a.vn/"),
                vec![(PROVIDER_URL, "https://b.vn/")],
                AdapterFault::ProviderUrlAmbiguous,
            ),
            (with(&"x".repeat(QUERY_BYTES_MAX + 1)), vec![], AdapterFault::QueryTooLong),
        ] {
            assert_eq!(parse(&target, &headers), Err(wrong), "{target} {headers:?}");
        }
        assert!(Forward::is_target(LOGIN) && !Forward::is_target("/XrdAdapter/adapter/getEdoc"));
    }

    #[test]
    fn a_fault_has_a_code_of_its_own_and_both_languages() {
        let faults = [
            AdapterFault::NotForward,
            AdapterFault::PathMissing,
            AdapterFault::DestinationMissing,
            AdapterFault::DestinationMalformed,
            AdapterFault::DestinationAmbiguous,
            AdapterFault::ProviderUrlMalformed,
            AdapterFault::ProviderUrlAmbiguous,
            AdapterFault::QueryTooLong,
        ];
        let codes: BTreeSet<_> = faults.iter().map(|fault| fault.code()).collect();
        assert_eq!(codes.len(), faults.len());
        for fault in faults {
            let body: serde_json::Value = serde_json::from_str(&fault.body()).unwrap();
            assert_eq!(
                (&body["status"], &body["ErrorCode"]),
                (&"FAIL".into(), &fault.code().into())
            );
            assert!(fault.status().is_client_error() && fault.to_string() == fault.en());
            assert!(!fault.vi().is_ascii(), "{fault}");
        }
    }

    proptest! {
        #[test]
        fn no_target_is_too_odd(
            path in "(/XrdAdapter/RestService/forward|/VXPAdapter/RestService/forward|).{0,30}",
            query in "((dstcode|providerurl|%64stcode|x)=[VNGO:%25/a&=]{0,12}&?){0,4}|.{0,40}",
            header in "(VN:GOV:a:b|.{0,20})",
        ) {
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_str(&header) {
                headers.insert(DESTINATION, value);
            }
            if let Ok(forward) = Forward::parse(&path, Some(&query), &headers) {
                prop_assert!(path.ends_with(&forward.path));
                prop_assert!(is_destination(&forward.destination));
                let left = forward.query.unwrap_or_default();
                prop_assert!(left.len() <= query.len());
                let has_own = raw_pairs(&left).any(|(name, _)| is_named(name, DESTINATION) || is_named(name, PROVIDER_URL));
                prop_assert!(!has_own, "{}", left);
            }
        }
    }
}
