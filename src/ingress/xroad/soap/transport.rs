//! What HTTP says about a SOAP message: method, content type, `SOAPAction` (wire/xroad.md 2.9, 2.13).

use crate::ingress::xroad::code::Code;
use crate::ingress::xroad::fault::Fault;
use crate::ingress::xroad::mime;

/// The content type of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContentType {
    pub form: Form,
    pub charset: Option<String>,
}

/// How the message is packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `text/xml`, or MTOM's `application/xop+xml` with SOAP 1.1 inside.
    Xml,
    /// `multipart/related`.
    Multipart { boundary: Option<String> },
}

/// SOAP is posted.
pub(crate) fn method(method: &str) -> Result<(), Fault> {
    if method == "POST" {
        return Ok(());
    }
    let message = "SOAP messages are sent with POST";
    Err(Fault::client(Code::InvalidHttpMethod, message))
}

/// Reads `Content-Type`. A missing one is `invalid_content_type`, as an unknown one is.
pub(crate) fn content_type(value: Option<&str>) -> Result<ContentType, Fault> {
    let value = value.ok_or_else(|| invalid("missing"))?;
    let (media_type, parameters) = mime::media_type(value);
    let parameter = |name: &str| {
        let found = parameters.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone())
    };
    let form = match media_type.as_str() {
        "text/xml" => Form::Xml,
        "application/xop+xml" => {
            let inner = parameter("type");
            let inner = inner.as_deref().map(|inner| mime::media_type(inner).0);
            if inner.is_some_and(|inner| inner != "text/xml") {
                return Err(invalid(value));
            }
            Form::Xml
        }
        "multipart/related" => Form::Multipart { boundary: parameter("boundary") },
        _ => return Err(invalid(value)),
    };
    Ok(ContentType { form, charset: parameter("charset") })
}

/// `SOAPAction` may be missing, empty, `""` or a quoted URI.
pub(crate) fn soap_action(header: Option<&str>) -> Result<(), Fault> {
    let is_right = match header {
        None | Some("" | "\"\"") => true,
        Some(value) => value
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .is_some_and(is_uri_reference),
    };
    if is_right {
        return Ok(());
    }
    Err(Fault::client(Code::InvalidSoapAction, "Malformed SOAPAction header"))
}

fn invalid(value: &str) -> Fault {
    let shown: String = value.chars().take(SHOWN_CHARS_MAX).collect();
    Fault::client(Code::InvalidContentType, format!("Invalid content type: {shown}"))
}

/// The characters and escapes of RFC 3986, and a scheme that is one.
fn is_uri_reference(text: &str) -> bool {
    let is_escaped = |at: usize| {
        let digits = text.get(at + 1..at + 3);
        digits.is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
    };
    let fits = text.bytes().enumerate().all(|(at, byte)| match byte {
        b'%' => is_escaped(at),
        b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => false,
        _ => byte.is_ascii_graphic(),
    });
    let start = text.split(['/', '?', '#']).next().unwrap_or_default();
    let has_scheme = match start.split_once(':') {
        None => true,
        Some((scheme, _)) => {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
                && text.len() > scheme.len() + 1
        }
    };
    fits && has_scheme && text.matches('#').count() <= 1
}

const SHOWN_CHARS_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::{Form, content_type, method, soap_action};
    use crate::ingress::xroad::code::ErrorStyle;

    #[test]
    fn a_soap_action_is_absent_empty_or_a_quoted_uri() {
        // wire/xroad.md 2.9 and 2.13, row "malformed SOAPAction"
        let right = [
            None,
            Some(""),
            Some("\"\""),
            Some("\"urn:x\""),
            Some("\"http://a.b/c%20d?e#f\""),
            Some("\"getState\""),
        ];
        for value in right {
            assert_eq!(soap_action(value), Ok(()), "{value:?}");
        }
        let wrong = [
            "urn:x",
            "\"",
            "'urn:x'",
            "\"urn:x",
            "\"a b\"",
            "\"a%2\"",
            "\"1:x\"",
            "\"a#b#c\"",
            "\"urn:\"",
            " ",
            "\"a\"b\"",
            "\"é\"",
        ];
        for value in wrong {
            let fault = soap_action(Some(value)).unwrap_err();
            let code = fault.code_text(ErrorStyle::V78);
            assert_eq!(code, "client.invalid_soap_action", "{value}");
        }
    }

    #[test]
    fn a_content_type_is_xml_xop_or_multipart() {
        // wire/xroad.md 2.9
        let xml = content_type(Some("Text/XML; charset=\"UTF-8\"")).unwrap();
        assert_eq!((xml.form, xml.charset.as_deref()), (Form::Xml, Some("UTF-8")));
        let mtom = "application/xop+xml; type=\"text/xml\"; charset=utf-8";
        assert_eq!(content_type(Some(mtom)).unwrap().form, Form::Xml);
        let multipart = "multipart/related; type=\"text/xml\"; Boundary=\"a;b\"";
        let boundary = Some("a;b".to_owned());
        assert_eq!(content_type(Some(multipart)).unwrap().form, Form::Multipart { boundary });
        let wrong = [
            None,
            // wire/xroad.md 2.13, row "content type blah"
            Some("blah"),
            Some(""),
            Some("text/xmlx"),
            Some("multipart/mixed; boundary=a"),
            Some("application/soap+xml"),
            Some("application/xop+xml; type=\"application/soap+xml\""),
        ];
        for value in wrong {
            let fault = content_type(value).unwrap_err();
            let code = fault.code_text(ErrorStyle::V78);
            assert_eq!(code, "client.invalid_content_type", "{value:?}");
        }
    }

    #[test]
    fn soap_is_posted() {
        // wire/xroad.md 2.13, row "GET on the SOAP port"
        assert!(method("POST").is_ok());
        for wrong in ["GET", "post", "PUT", "HEAD"] {
            let fault = method(wrong).unwrap_err();
            assert_eq!(fault.code_text(ErrorStyle::V78), "client.invalid_http_method");
        }
    }
}
