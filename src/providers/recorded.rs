//! What real systems answered while they were recorded, to be repeated without them.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode, header};
use parking_lot::Mutex;
use std::collections::VecDeque;

/// The newest exchanges of all services, in memory: they may hold personal data and are never written down.
#[derive(Debug, Default)]
pub(super) struct Recordings(Mutex<VecDeque<Exchange>>);

#[derive(Debug)]
struct Exchange {
    service: String,
    method: http::Method,
    target: String,
    asked: Bytes,
    answered: Response<Bytes>,
}

/// More push out the oldest.
const EXCHANGES_MAX: usize = 1_000;
const BYTES_MAX: usize = 32 << 20;
const NEAREST_MAX: usize = 5;

impl Recordings {
    pub(super) fn keep(&self, service: &str, asked: Request<Bytes>, answered: Response<Bytes>) {
        let (parts, body) = asked.into_parts();
        let mut exchanges = self.0.lock();
        let exchange = Exchange {
            service: service.to_owned(),
            method: parts.method,
            target: parts.uri.path_and_query().map_or_else(String::new, ToString::to_string),
            asked: body,
            answered,
        };
        exchanges.retain(|known| !known.is_same(&exchange));
        exchanges.push_back(exchange);
        while exchanges.len() > EXCHANGES_MAX
            || exchanges.iter().map(Exchange::bytes).sum::<usize>() > BYTES_MAX
        {
            exchanges.pop_front();
        }
    }

    /// The answer to the same request; else one to the same method, path and query; else which there are.
    pub(super) fn answer(&self, service: &str, parts: &Parts, body: &Bytes) -> Response<Bytes> {
        let target = parts.uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str);
        let exchanges = self.0.lock();
        let own = || exchanges.iter().rev().filter(|known| known.service == service);
        let alike = || own().filter(|known| known.method == parts.method && known.target == target);
        let found = alike().find(|known| known.asked == *body).or_else(|| alike().next());
        if let Some(found) = found {
            return found.answered.clone();
        }
        let mut near: Vec<_> =
            own().map(|known| (strsim::osa_distance(&known.target, target), known)).collect();
        near.sort_by_key(|(distance, _)| *distance);
        let near: Vec<String> = near
            .into_iter()
            .take(NEAREST_MAX)
            .map(|(_, known)| format!("{} {}", known.method, known.target))
            .collect();
        let text = serde_json::json!({
            "error": "nothing was recorded for this request",
            "asked": format!("{} {target}", parts.method),
            "nearest": near,
        });
        let mut response = Response::new(Bytes::from(text.to_string()));
        *response.status_mut() = StatusCode::NOT_FOUND;
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }
}

impl Exchange {
    fn bytes(&self) -> usize {
        self.target.len() + self.asked.len() + self.answered.body().len()
    }

    fn is_same(&self, other: &Self) -> bool {
        self.service == other.service
            && self.method == other.method
            && self.target == other.target
            && self.asked == other.asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(target: &str, body: &'static str) -> Request<Bytes> {
        Request::builder().uri(target).body(Bytes::from_static(body.as_bytes())).unwrap()
    }

    fn answer(recordings: &Recordings, target: &str, body: &'static str) -> (u16, String) {
        let (parts, body) = request(target, body).into_parts();
        let answer = recordings.answer("a", &parts, &body);
        (answer.status().as_u16(), String::from_utf8_lossy(answer.body()).into_owned())
    }

    #[test]
    fn the_same_request_gets_the_answer_that_was_recorded() {
        let recordings = Recordings::default();
        for (target, body, answered) in [("/x?a=1", "1", "one"), ("/x?a=1", "2", "two")] {
            recordings.keep("a", request(target, body), Response::new(Bytes::from(answered)));
        }
        assert_eq!(answer(&recordings, "/x?a=1", "1"), (200, "one".to_owned()));
        assert_eq!(answer(&recordings, "/x?a=1", "3"), (200, "two".to_owned()), "the newest alike");
        let (status, text) = answer(&recordings, "/x?a=2", "1");
        assert_eq!(status, 404);
        assert!(text.contains("GET /x?a=1"), "{text}");
    }

    #[test]
    fn the_oldest_give_way() {
        let recordings = Recordings::default();
        for number in 0..=EXCHANGES_MAX {
            let target = format!("/{number}");
            recordings.keep("a", request(&target, ""), Response::new(Bytes::new()));
        }
        assert_eq!(answer(&recordings, "/0", "").0, 404);
        assert_eq!(answer(&recordings, "/1", "").0, 200);
        for number in 0..3 {
            let large = Response::new(Bytes::from(vec![b'x'; BYTES_MAX / 2]));
            recordings.keep("a", request(&format!("/large/{number}"), ""), large);
        }
        assert_eq!(answer(&recordings, "/large/1", "").0, 404);
        assert_eq!(answer(&recordings, "/large/2", "").0, 200);
    }
}
