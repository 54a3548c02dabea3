//! The request hash that comes back in `x-road-request-hash` (wire/xroad.md 2.4).
//!
//! `base64(SHA512(head))` without a body, else `base64(SHA512(SHA512(head) || SHA512(body)))`.

use aws_lc_rs::digest::{Context, SHA512, digest};

/// A request hash in the making. Head and body are hashed apart, so a body may stream in while the
/// head is complete or not.
#[derive(Clone)]
pub(super) struct RequestHash {
    head: Context,
    body: Option<Context>,
}

impl RequestHash {
    /// `target` is the raw path with its raw query.
    pub(super) fn new(method: &str, target: &str) -> Self {
        let mut head = Context::new(&SHA512);
        for part in [method, CRLF, target, CRLF] {
            head.update(part.as_bytes());
        }
        Self { head, body: None }
    }

    /// Adds a kept header. The order counts: the client's as they came, then `x-road-request-id`,
    /// then `x-road-id` if the gateway made it.
    pub(super) fn header(&mut self, name: &str, value: &[u8]) {
        for part in [name.as_bytes(), b":", value, CRLF.as_bytes()] {
            self.head.update(part);
        }
    }

    /// Adds a piece of the body. A body without a byte counts as none.
    pub(super) fn body(&mut self, piece: &[u8]) {
        if !piece.is_empty() {
            self.body.get_or_insert_with(|| Context::new(&SHA512)).update(piece);
        }
    }

    pub(super) fn finish(self) -> String {
        let head = self.head.finish();
        let sum = match self.body {
            None => head,
            Some(body) => {
                let mut both = Context::new(&SHA512);
                both.update(head.as_ref());
                both.update(body.finish().as_ref());
                both.finish()
            }
        };
        base64_simd::STANDARD.encode_to_string(sum)
    }
}

/// The hash of a whole SOAP request as received: `base64(SHA512(message))`, for `requestHash`
/// (wire/xroad.md 2.9).
pub(super) fn of_soap(message: &[u8]) -> String {
    base64_simd::STANDARD.encode_to_string(digest(&SHA512, message))
}

const CRLF: &str = "\r\n";

#[cfg(test)]
mod tests {
    use super::RequestHash;

    fn vector_a() -> RequestHash {
        let target = "/r1/DEV/COM/1234/TestService/mock1?x=1";
        let mut hash = RequestHash::new("POST", target);
        hash.header("content-type", b"application/json");
        hash.header("X-Road-Client", b"DEV/COM/4321/TestClient");
        hash.header("x-road-request-id", b"00000000-0000-4000-8000-000000000001");
        hash.header("x-road-id", b"DEV-00000000-0000-4000-8000-000000000002");
        hash
    }

    const A: &str =
        "tsAg5CuvhH5F2rm/fnxxpZCGfVIViOfH4iukJac5HiswpVi3G2aqjX7VNAjPMhLTzvSatVup1D2+ROUpolFZmA==";

    #[test]
    fn vector_a_of_the_reference_has_a_body() {
        let mut hash = vector_a();
        hash.body(br#"{"data": 1.0}"#);
        assert_eq!(hash.finish(), A);
    }

    #[test]
    fn vector_b_of_the_reference_has_none() {
        let mut hash = RequestHash::new("GET", "/r1/DEV/COM/1234/TestService/mock1");
        hash.header("X-Road-Client", b"DEV/COM/4321/TestClient");
        hash.header("X-Road-Id", b"abc");
        hash.header("x-road-request-id", b"00000000-0000-4000-8000-000000000001");
        hash.body(b"");
        let expected = "QS49NR5lDTOe0t1MR3irCzAN519nrGsE22TitG9aM+DktWhkwFVDR3l6ZUbBNVsVucFY75jqb9Nx50NlZougwA==";
        assert_eq!(hash.finish(), expected);
    }

    #[test]
    fn it_is_the_same_however_the_body_arrives() {
        let mut hash = vector_a();
        for byte in br#"{"data": 1.0}"# {
            hash.body(&[*byte]);
            hash.body(&[]);
        }
        assert_eq!(hash.finish(), A);
    }

    #[test]
    fn a_new_request_id_gives_a_new_hash() {
        // wire/xroad.md 2.4, requestHashShouldBeUnique
        let mut other = vector_a();
        other.header("x-road-request-id", b"2");
        assert_ne!(other.finish(), vector_a().finish());
    }
}
