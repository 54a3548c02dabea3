//! What a request says about who sends it: a bearer token, `Basic`, or the header of VNPT's LGSPs.

use super::application::is_consumer_key;
use super::secret::Secret;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde::Deserialize;

/// A consumer key and its secret, not yet compared with anything.
#[derive(Clone, Debug)]
pub(super) struct Credentials {
    pub consumer_key: String,
    pub consumer_secret: Secret,
}

/// Why there is no token to look up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BearerError {
    /// No `Authorization`, or one of another scheme.
    #[error("the request has no bearer token")]
    Missing,
    #[error("there are several Authorization headers, or what follows Bearer is no token")]
    Malformed,
}

/// The token of `Authorization: Bearer …`, as RFC 6750 2.1 spells it; the scheme in any case.
pub(super) fn bearer(headers: &HeaderMap) -> Result<&str, BearerError> {
    match authorization(headers, "Bearer") {
        Ok(Some(text)) if is_token(text) => Ok(text),
        Ok(None) => Err(BearerError::Missing),
        Ok(Some(_)) | Err(Ambiguous) => Err(BearerError::Malformed),
    }
}

/// Several headers, or one that is no text.
pub(super) struct Ambiguous;

/// What follows the scheme; `None` when there is no such header or it has another scheme.
fn authorization<'h>(headers: &'h HeaderMap, scheme: &str) -> Result<Option<&'h str>, Ambiguous> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let Some(header) = all.next() else { return Ok(None) };
    if all.next().is_some() {
        return Err(Ambiguous);
    }
    let Ok(text) = header.to_str().map(str::trim) else { return Err(Ambiguous) };
    let (given, after) = text.split_once(' ').unwrap_or((text, ""));
    Ok(given.eq_ignore_ascii_case(scheme).then(|| after.trim()))
}

fn is_token(text: &str) -> bool {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    !text.is_empty() && text.len() <= TOKEN_BYTES_MAX && text.bytes().all(is_good)
}

/// The key and secret of `Authorization: Basic …`; `None` when there is no such header. RFC 6749 2.3.1 wants
/// both escaped as in a form before, which neither WSO2 nor its clients do.
pub(super) fn basic(headers: &HeaderMap) -> Result<Option<Credentials>, Ambiguous> {
    let Some(encoded) = authorization(headers, "Basic")? else { return Ok(None) };
    let plain = decoded_base64(encoded).ok_or(Ambiguous)?;
    let (key, secret) = plain.split_once(':').ok_or(Ambiguous)?;
    Credentials::new(key, secret).map(Some).ok_or(Ambiguous)
}

/// The header in which VNPT's LGSPs take credentials, in Hậu Giang and elsewhere (domain.md 4.1 a).
const LGSP_HEADER: &str = "lgspaccesstoken";

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`lgspaccesstoken` is the base64 of {{\"AccessKey\",\"SecretKey\",\"AppName\",\"PartnerCode\",\"PartnerCodeCus\"}}"
)]
pub(super) struct BadLgspToken;

/// What of it says who asks; the application's and the partner's names are not needed for that.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LgspJson {
    access_key: String,
    secret_key: String,
}

/// The key and secret of `lgspaccesstoken`; `None` when there is no such header.
pub(super) fn lgsp(headers: &HeaderMap) -> Result<Option<Credentials>, BadLgspToken> {
    let mut all = headers.get_all(LGSP_HEADER).iter();
    let Some(header) = all.next() else { return Ok(None) };
    if all.next().is_some() {
        return Err(BadLgspToken);
    }
    let encoded = header.to_str().or(Err(BadLgspToken))?;
    let plain = decoded_base64(encoded.trim()).ok_or(BadLgspToken)?;
    let json: LgspJson = serde_json::from_str(&plain).or(Err(BadLgspToken))?;
    Credentials::new(&json.access_key, &json.secret_key).map(Some).ok_or(BadLgspToken)
}

impl Credentials {
    /// `None` when the key cannot be one.
    pub(super) fn new(consumer_key: &str, consumer_secret: &str) -> Option<Self> {
        is_consumer_key(consumer_key).then(|| Self {
            consumer_key: consumer_key.to_owned(),
            consumer_secret: Secret::new(consumer_secret),
        })
    }
}

/// With padding or without, in either alphabet, as clients do.
fn decoded_base64(text: &str) -> Option<String> {
    if text.len() > ENCODED_BYTES_MAX {
        return None;
    }
    let bare = text.trim_end_matches('=').replace('-', "+").replace('_', "/");
    let bytes = base64_simd::STANDARD_NO_PAD.decode_to_vec(bare.as_bytes()).ok()?;
    String::from_utf8(bytes).ok()
}

/// A JWT of another gateway may be long; ours have 43.
const TOKEN_BYTES_MAX: usize = 4_096;
const ENCODED_BYTES_MAX: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn headers(name: &'static str, values: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_bearer_token_is_found_whichever_way_its_scheme_is_written() {
        let long = format!("Bearer {}", "x".repeat(TOKEN_BYTES_MAX + 1));
        for (values, expected) in [
            (vec![b"Bearer abc".as_slice()], Ok("abc")),
            (vec![b"bearer   a-b_c.~+/=="], Ok("a-b_c.~+/==")),
            (vec![b"BEARER abc "], Ok("abc")),
            (vec![], Err(BearerError::Missing)),
            (vec![b"Basic YTpi"], Err(BearerError::Missing)),
            (vec![b"Bearerabc"], Err(BearerError::Missing)),
            (vec![b""], Err(BearerError::Missing)),
            (vec![b"Bearer"], Err(BearerError::Malformed)),
            (vec![b"Bearer a b"], Err(BearerError::Malformed)),
            (vec![b"Bearer a,b"], Err(BearerError::Malformed)),
            (vec!["Bearer mã".as_bytes()], Err(BearerError::Malformed)),
            (vec![b"Bearer a", b"Bearer b"], Err(BearerError::Malformed)),
            (vec![long.as_bytes()], Err(BearerError::Malformed)),
        ] {
            assert_eq!(bearer(&headers("authorization", &values)), expected, "{values:?}");
        }
    }

    #[test]
    fn basic_is_read_in_every_spelling_of_base64() {
        for (value, key, secret) in [
            (b"Basic a2V5OnNlY3JldA==".as_slice(), "key", "secret"),
            (b"basic a2V5OnNlY3JldA", "key", "secret"),
            (b"Basic azo/Pz8+Pg==", "k", "???>>"),
            (b"Basic azo_Pz8-Pg", "k", "???>>"),
            (b"Basic azphOmI=", "k", "a:b"),
            (b"Basic azo=", "k", ""),
        ] {
            let found = basic(&headers("authorization", &[value])).ok().flatten().unwrap();
            assert_eq!(found.consumer_key, key);
            assert!(found.consumer_secret.is_same(&Secret::new(secret)), "{key}");
        }
        for value in
            [b"Basic".as_slice(), b"Basic !!", b"Basic a2V5", b"Basic OnM=", b"Basic //86YQ=="]
        {
            assert!(basic(&headers("authorization", &[value])).is_err(), "{value:?}");
        }
        assert!(matches!(basic(&headers("authorization", &[b"Bearer x"])), Ok(None)));
    }

    #[test]
    fn the_header_of_vnpt_says_who_asks() {
        let encoded = |json: &str| base64_simd::STANDARD.encode_to_string(json);
        let read = |json: &str| lgsp(&headers(LGSP_HEADER, &[encoded(json).as_bytes()]));
        let whole = r#"{"AccessKey":"ak","SecretKey":"bí mật","AppName":"DVC","PartnerCode":"H30","PartnerCodeCus":"H30.01"}"#;
        let found = read(whole).unwrap().unwrap();
        assert_eq!(found.consumer_key, "ak");
        assert!(found.consumer_secret.is_same(&Secret::new("bí mật")));
        assert!(!format!("{found:?}").contains("mật"));
        let bare = read(r#"{"AccessKey":"a","SecretKey":"b","AppName":null}"#);
        assert_eq!(bare.unwrap().unwrap().consumer_key, "a");
        for json in ["", "{}", r#"{"AccessKey":"a"}"#, r#"{"AccessKey":"","SecretKey":"b"}"#, "[1]"]
        {
            assert_eq!(read(json).err(), Some(BadLgspToken), "{json}");
        }
        let value = encoded(whole);
        let twice: [&[u8]; 2] = [value.as_bytes(), value.as_bytes()];
        assert!(lgsp(&headers(LGSP_HEADER, &twice)).is_err());
        assert!(lgsp(&HeaderMap::new()).unwrap().is_none());
    }

    proptest! {
        #[test]
        fn no_header_is_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..200), scheme in 0..3_usize) {
            let scheme: &[u8] = [b"".as_slice(), b"Basic ", b"Bearer "][scheme];
            let value = [scheme, &bytes].concat();
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let mut headers = HeaderMap::new();
                headers.insert(AUTHORIZATION, value.clone());
                headers.insert(LGSP_HEADER, value);
                if let Ok(token) = bearer(&headers) {
                    prop_assert!(is_token(token));
                }
                if let Ok(Some(found)) = basic(&headers) {
                    prop_assert!(is_consumer_key(&found.consumer_key));
                }
                prop_assert!(lgsp(&headers).is_err() || bytes.len() > 20);
            }
        }
    }
}
