//! What callers send, read strictly and with a clear word about what is wrong: query strings, JSON bodies, fields
//! with bounds. The bounds here are the ones the `OpenAPI` descriptions state.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::http::{Fault, Reason};

/// Pairs read from one query string; more is refused.
const QUERY_PAIRS_MAX: usize = 64;
/// Rows of a page when the caller names no number.
const PAGE_ROWS: usize = 50;
const PAGE_ROWS_MAX: i64 = 200;
const PAGES_MAX: i64 = 1_000_000;
/// Characters of a `Code`.
const CODE_CHARS_MAX: usize = 32;

/// The decoded pairs of a query string, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pairs: Vec<(String, String)>,
}

/// Which rows of a list are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    skip: usize,
    take: usize,
}

impl Query {
    pub fn parse(raw: Option<&str>) -> Result<Self, Fault> {
        let mut pairs = Vec::new();
        for pair in raw.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            if pairs.len() == QUERY_PAIRS_MAX {
                return Err(bad("chuỗi truy vấn có quá nhiều tham số"));
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = percent_decode(name, true).zip(percent_decode(value, true));
            pairs.push(decoded.ok_or_else(|| bad("chuỗi truy vấn mã hóa sai (phải là UTF-8)"))?);
        }
        Ok(Self { pairs })
    }

    /// A parameter's value; refused when it is given twice.
    pub fn text(&self, name: &str) -> Result<Option<&str>, Fault> {
        let mut values = self.pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value);
        match (values.next(), values.next()) {
            (first, None) => Ok(first.map(String::as_str)),
            (_, Some(_)) => Err(bad(format!("tham số {name} lặp lại"))),
        }
    }

    pub fn required(&self, name: &str) -> Result<&str, Fault> {
        self.text(name)?.ok_or_else(|| bad(format!("thiếu tham số {name}")))
    }

    /// A whole number between the two, both included.
    pub fn number(&self, name: &str, least: i64, most: i64) -> Result<Option<i64>, Fault> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        match text.parse::<i64>() {
            // `parse` takes "+1", which no JSON number is.
            Ok(number) if (least..=most).contains(&number) && !text.starts_with('+') => {
                Ok(Some(number))
            }
            _ => Err(bad(format!("tham số {name} phải là số nguyên từ {least} đến {most}"))),
        }
    }

    pub fn required_number(&self, name: &str, least: i64, most: i64) -> Result<i64, Fault> {
        self.number(name, least, most)?.ok_or_else(|| bad(format!("thiếu tham số {name}")))
    }

    /// `trang` from 1 and `soBanGhi` up to 200.
    pub fn page(&self) -> Result<Page, Fault> {
        let page = self.number("trang", 1, PAGES_MAX)?.unwrap_or(1);
        Ok(Page::new(page, self.number("soBanGhi", 1, PAGE_ROWS_MAX)?))
    }
}

impl Page {
    pub fn new(page: i64, rows: Option<i64>) -> Self {
        let take = rows.and_then(|rows| usize::try_from(rows).ok()).unwrap_or(PAGE_ROWS);
        let before = usize::try_from(page.saturating_sub(1)).unwrap_or(0);
        Self { skip: before.saturating_mul(take), take }
    }

    pub fn of<T>(self, rows: impl Iterator<Item = T>) -> Vec<T> {
        rows.skip(self.skip).take(self.take).collect()
    }
}

/// Decodes `%C3%A1`; with `plus_is_blank` as in forms. `None` when it is no UTF-8 or a `%` stands alone.
pub fn percent_decode(text: &str, plus_is_blank: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let high = hex_digit(rest.next()?)?;
                bytes.push(high * 16 + hex_digit(rest.next()?)?);
            }
            b'+' if plus_is_blank => bytes.push(b' '),
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).ok()
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Reads a body that must be a JSON object. Unknown fields are passed over.
pub fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    json_value::<Object<T>>(body).map(|object| object.0)
}

/// Reads a body of any JSON type.
pub fn json_value<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|error| {
        if error.is_data() {
            bad(format!("trường thiếu, sai kiểu hoặc ngoài giới hạn: {error}"))
        } else {
            bad(format!("nội dung không phải JSON hợp lệ: {error}"))
        }
    })
}

fn bad(message: impl Into<String>) -> Fault {
    Fault { reason: Reason::BadRequest, message: message.into() }
}

/// A JSON object and nothing else: serde's own structs would also take an array of their fields in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Object<T>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("một đối tượng JSON")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

/// A string of `MIN` to `MAX` characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Text<const MIN: usize, const MAX: usize>(String);

impl<const MIN: usize, const MAX: usize> Deref for Text<MIN, MAX> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de, const MIN: usize, const MAX: usize> Deserialize<'de> for Text<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let inside = (MIN..=MAX).contains(&text.chars().count());
        inside
            .then_some(Self(text))
            .ok_or_else(|| Error::custom(format_args!("chuỗi phải dài từ {MIN} đến {MAX} ký tự")))
    }
}

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Whole<const MIN: i64, const MAX: i64>(pub i64);

impl<'de, const MIN: i64, const MAX: i64> Deserialize<'de> for Whole<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Option<i64>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("một số nguyên")
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Option<i64>, E> {
                Ok(Some(number))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Option<i64>, E> {
                Ok(i64::try_from(number).ok())
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Option<i64>, E> {
                let fraction = || E::invalid_type(Unexpected::Float(number), &self);
                integral(number).map(Some).ok_or_else(fraction)
            }
        }
        // Any number for a visitor, and still no text.
        let number = deserializer.deserialize_i64(Number)?;
        number
            .filter(|number| (MIN..=MAX).contains(number))
            .map(Self)
            .ok_or_else(|| Error::custom(format_args!("số phải từ {MIN} đến {MAX}")))
    }
}

/// JSON knows one kind of number: `2.0` is the integer 2, and some clients write it so. None beyond the integers that
/// a float holds exactly.
fn integral(number: f64) -> Option<i64> {
    let is_whole = number.fract() == 0.0 && number.abs() <= EXACT_MAX;
    #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
    is_whole.then_some(number as i64)
}

/// 2^53.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// A list of at most `MAX` values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Many<T, const MAX: usize>(pub Vec<T>);

impl<T, const MAX: usize> Default for Many<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Many<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = Vec::deserialize(deserializer)?;
        if values.len() > MAX {
            return Err(Error::custom(format_args!("danh sách có nhiều hơn {MAX} phần tử")));
        }
        Ok(Self(values))
    }
}

/// A code that clients write as a string or as a whole number: `"1"` and `1` are the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Code(String);

impl Deref for Code {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Code;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "một chuỗi đến {CODE_CHARS_MAX} ký tự hoặc một số nguyên")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Code, E> {
                if text.chars().count() > CODE_CHARS_MAX {
                    return Err(E::custom(format_args!("mã dài quá {CODE_CHARS_MAX} ký tự")));
                }
                Ok(Code(text.to_owned()))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Code, E> {
                Ok(Code(number.to_string()))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Code, E> {
                Ok(Code(number.to_string()))
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Code, E> {
                let fraction = || E::invalid_type(Unexpected::Float(number), &self);
                integral(number).map(|number| Code(number.to_string())).ok_or_else(fraction)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// Yes or no, as a boolean or in the words clients use for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Flag(pub bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Flag;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("true hoặc false")
            }
            fn visit_bool<E: Error>(self, flag: bool) -> Result<Flag, E> {
                Ok(Flag(flag))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Flag, E> {
                match text {
                    "true" | "True" | "1" => Ok(Flag(true)),
                    "false" | "False" | "0" => Ok(Flag(false)),
                    _ => Err(E::custom("phải là true hoặc false")),
                }
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Sample {
        name: Text<1, 3>,
        #[serde(default)]
        size: Option<Whole<0, 9>>,
        #[serde(default)]
        codes: Many<Code, 2>,
    }

    #[test]
    fn a_query_is_decoded_and_repeats_are_refused() {
        let query = Query::parse(Some("a=%C4%90+x&b&c=1&c=2&d=+7&&e=%37")).unwrap();
        assert_eq!(query.text("a").unwrap(), Some("Đ x"));
        assert_eq!(query.text("b").unwrap(), Some(""));
        assert_eq!(query.text("missing").unwrap(), None);
        assert!(query.text("c").is_err());
        assert!(query.number("d", 0, 9).is_err());
        assert_eq!(query.number("e", 0, 9).unwrap(), Some(7));
        assert!(query.number("e", 0, 6).is_err());
        assert!(query.required("missing").is_err());
        assert!(Query::parse(Some("a=%")).is_err());
        assert!(Query::parse(Some("a=%ff")).is_err());
        assert!(Query::parse(Some(&"a&".repeat(QUERY_PAIRS_MAX + 1))).is_err());
    }

    #[test]
    fn fields_keep_their_bounds() {
        let table = [
            (r#"{"name":"Đỗ"}"#, true),
            (r#"{"name":"abc","size":9,"codes":["1",1],"other":{}}"#, true),
            (r#"{"name":"abc","size":null}"#, true),
            (r#"{"name":"abc","size":9.0,"codes":[-2.0]}"#, true),
            (r#"{"name":"abc","size":8.5}"#, false),
            (r#"{"name":"abc","codes":[1e16]}"#, false),
            (r#"{"name":"abc","size":"9"}"#, false),
            (r#"{"name":""}"#, false),
            (r#"{"name":"abcd"}"#, false),
            (r#"{"name":"a","size":10}"#, false),
            (r#"{"name":"a","size":1e400}"#, false),
            (r#"{"name":"a","size":99999999999999999999}"#, false),
            (r#"{"name":"a","codes":["1","2","3"]}"#, false),
            (r#"{"name":"a","codes":[true]}"#, false),
            (r#"{"name":"a","name":"b"}"#, false),
            (r#"["a",1,[]]"#, false),
            (r"{}", false),
            ("", false),
            ("{", false),
        ];
        for (body, good) in table {
            assert_eq!(json::<Sample>(body.as_bytes()).is_ok(), good, "{body}");
        }
        let read: Sample = json(br#"{"name":"a","codes":["7",7.0]}"#).unwrap();
        assert_eq!(read.codes.0[0], read.codes.0[1]);
    }

    #[test]
    fn a_page_far_out_is_empty() {
        let far = Query::parse(Some("trang=1000000&soBanGhi=200")).unwrap().page().unwrap();
        assert!(far.of(0..10).is_empty());
        let second = Query::parse(Some("trang=2&soBanGhi=3")).unwrap().page().unwrap();
        assert_eq!(second.of(0..10), [3, 4, 5]);
        for wrong in ["trang=0", "trang=-1", "trang=x", "soBanGhi=201", "soBanGhi="] {
            assert!(Query::parse(Some(wrong)).unwrap().page().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_input_panics(text in ".{0,60}", bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(query) = Query::parse(Some(&text)) {
                prop_assert!(query.pairs.len() <= QUERY_PAIRS_MAX);
            }
            prop_assert!(json::<Sample>(&bytes).is_err() || !bytes.is_empty());
        }
    }
}
