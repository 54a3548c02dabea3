//! Whether a client wants its fault in XML (RFC 9110 12.5.1); otherwise it gets JSON.

/// True when `Accept` prefers some XML to JSON. Without a preference it is JSON, as in WSO2 since 4.0.
pub(super) fn prefers_xml(accept: Option<&str>) -> bool {
    let mut best = Best::default();
    for range in accept.unwrap_or_default().split(',').take(RANGES_MAX) {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let weight =
            parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        best.note(&kind, weight.map_or(WHOLE, thousandths));
    }
    let wild = best.application.or(best.anything).unwrap_or(0);
    best.xml.unwrap_or(wild) > best.json.unwrap_or(wild)
}

/// The highest weight of each sort that was named.
#[derive(Default)]
struct Best {
    xml: Option<u16>,
    json: Option<u16>,
    application: Option<u16>,
    anything: Option<u16>,
}

impl Best {
    fn note(&mut self, kind: &str, weight: u16) {
        let place = match kind {
            "application/xml" | "text/xml" | "application/soap+xml" => &mut self.xml,
            "application/json" => &mut self.json,
            "application/*" => &mut self.application,
            "*/*" => &mut self.anything,
            _ => return,
        };
        *place = Some(place.map_or(weight, |former| former.max(weight)));
    }
}

/// `0.5` is 500; what is no weight is none.
fn thousandths(text: &str) -> u16 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    match whole {
        "1" => WHOLE,
        "0" if is_number => format!("{fraction:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

const WHOLE: u16 = 1_000;
/// A browser names eight.
const RANGES_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn xml_is_for_those_who_prefer_it() {
        for (accept, expected) in [
            (None, false),
            (Some(""), false),
            (Some("*/*"), false),
            (Some("application/json"), false),
            (Some("application/json, text/xml"), false),
            (Some("application/xml"), true),
            (Some("TEXT/XML; charset=utf-8"), true),
            (Some("application/soap+xml"), true),
            (Some("application/xml;q=0.9, application/json;q=0.8"), true),
            (Some("application/xml;q=0.8, application/json;q=0.85"), false),
            (Some("application/xml;q=0.5, application/*;q=0.7"), false),
            (Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), true),
            (Some("application/xml;q=0"), false),
            (Some("application/xml;q=x"), false),
            (Some("application/json;q=0, */*"), true),
            (Some("text/html"), false),
        ] {
            assert_eq!(prefers_xml(accept), expected, "{accept:?}");
        }
    }

    proptest! {
        #[test]
        fn no_accept_is_too_odd(accept in "([a-z*]{0,4}/?(xml|json|\\*)?(;q=[0-9.]{0,5})?,?){0,8}|.{0,40}") {
            prop_assert!(!prefers_xml(Some(&accept)) || accept.contains(['x', '*', 'X']));
        }
    }
}
