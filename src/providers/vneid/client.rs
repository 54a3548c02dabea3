//! The applications that may let citizens sign in, and where they may be sent back to.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;

const URI_BYTES_MAX: usize = 1_024;

/// One registered application.
#[derive(Clone)]
pub struct Client {
    pub id: String,
    /// `None` for applications that can keep no secret: they must use PKCE.
    pub secret: Option<String>,
    /// Compared letter by letter (`OpenID` Connect Core 3.1.2.1).
    pub redirect_uris: Vec<String>,
    /// Where a sign-out may end.
    pub post_logout_redirect_uris: Vec<String>,
    /// A sandbox application: any port and path of its own machine will do as well (RFC 8252 7.3).
    pub may_loop_back: bool,
}

impl Client {
    pub(super) fn may_return_to(&self, uri: &str) -> bool {
        self.allows(&self.redirect_uris, uri)
    }

    pub(super) fn may_end_at(&self, uri: &str) -> bool {
        self.allows(&self.post_logout_redirect_uris, uri)
    }

    pub(super) fn has_secret(&self, given: &str) -> bool {
        let wanted = self.secret.as_deref();
        wanted.is_some_and(|wanted| {
            verify_slices_are_equal(wanted.as_bytes(), given.as_bytes()).is_ok()
        })
    }

    fn allows(&self, list: &[String], uri: &str) -> bool {
        let plain = uri.len() <= URI_BYTES_MAX
            && uri.bytes().all(|byte| byte.is_ascii_graphic() && !b"#\\\"<>".contains(&byte));
        plain && (list.iter().any(|known| known == uri) || self.may_loop_back && is_loopback(uri))
    }
}

/// Without the secret.
impl fmt::Debug for Client {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Client").field("id", &self.id).finish_non_exhaustive()
    }
}

/// `http://127.0.0.1:3000/path`: the host must stand alone, or `http://localhost@elsewhere` would pass.
fn is_loopback(uri: &str) -> bool {
    let Some(rest) = uri.strip_prefix("http://") else {
        return false;
    };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let hosts = ["127.0.0.1", "localhost", "[::1]"];
    hosts.iter().filter_map(|host| authority.strip_prefix(host)).any(|port| {
        let number = port.strip_prefix(':').map(|digits| {
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            plain && digits.parse::<u16>().is_ok_and(|port| port > 0)
        });
        number.unwrap_or(port.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_addresses_and_the_own_machine_are_returned_to() {
        let client = |may_loop_back| Client {
            id: "a".to_owned(),
            secret: None,
            redirect_uris: vec!["https://app.example/cb".to_owned(), "app:/cb".to_owned()],
            post_logout_redirect_uris: Vec::new(),
            may_loop_back,
        };
        let table = [
            ("https://app.example/cb", true, true),
            ("app:/cb", true, true),
            ("https://app.example/cb/", false, false),
            ("https://app.example/cb?x=1", false, false),
            ("https://app.example/cb#x", false, false),
            ("http://app.example/cb", false, false),
            ("http://127.0.0.1:5000/cb?a=b", false, true),
            ("http://localhost", false, true),
            ("http://[::1]:1/x", false, true),
            ("http://127.0.0.1:0/", false, false),
            ("http://127.0.0.1:65536/", false, false),
            ("http://127.0.0.1:/", false, false),
            ("http://127.0.0.1:80@evil.example/", false, false),
            ("http://localhost@evil.example/", false, false),
            ("http://localhost.evil.example/", false, false),
            ("http://127.0.0.1\\.evil.example/", false, false),
            ("https://127.0.0.1/", false, false),
            ("http://127.0.0.1/\r\nX: y", false, false),
            ("http://127.0.0.1/#x", false, false),
            ("javascript:alert(1)", false, false),
            ("", false, false),
        ];
        for (uri, listed, sandbox) in table {
            assert_eq!(client(false).may_return_to(uri), listed, "{uri}");
            assert_eq!(client(true).may_return_to(uri), sandbox, "{uri}");
            assert!(!client(false).may_end_at(uri), "{uri}");
        }
        let long = format!("http://localhost/{}", "a".repeat(URI_BYTES_MAX));
        assert!(!client(true).may_return_to(&long));
    }
}
