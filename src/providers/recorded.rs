//! What real systems answered while they were recorded, to be repeated without them.

use super::recording::Exchange;
use super::recordings::Folder;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode, header};
use parking_lot::Mutex;
use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::path::Path;

/// What is kept of recordings; more push out the oldest.
#[derive(Clone, Copy, Debug)]
pub struct RecordingLimits {
    pub exchanges_max: usize,
    /// Of requests and answers, their headers included.
    pub bytes_max: usize,
}

/// The newest exchanges of all services, in memory and each in a file of its own. They may hold personal data: the
/// files are for the owner of the data folder alone.
#[derive(Debug)]
pub(super) struct Recordings {
    limits: RecordingLimits,
    folder: Folder,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// The oldest first.
    exchanges: VecDeque<Exchange>,
    bytes: usize,
    /// Of the newest.
    number: u64,
}

const NEAREST_MAX: usize = 5;
/// The newest of a service that are looked at for the nearest.
const COMPARED_MAX: usize = 1_000;
const TOLD_BYTES_MAX: usize = 128;

impl Recordings {
    /// With what former runs left in `folder`; blocks. What cannot be read there is told in the log and removed.
    pub(super) fn open(folder: &Path, limits: RecordingLimits) -> io::Result<Self> {
        let (folder, found) = Folder::open(folder)?;
        let recordings = Self { limits, folder, kept: Mutex::default() };
        let mut kept = recordings.kept.lock();
        for exchange in found {
            kept.number = exchange.number;
            recordings.push(&mut kept, exchange);
        }
        drop(kept);
        Ok(recordings)
    }

    /// Written before it returns, though not flushed: it survives the end of the process, not that of the machine.
    pub(super) fn keep(&self, service: &str, asked: Request<Bytes>, answered: Response<Bytes>) {
        let (parts, body) = asked.into_parts();
        let mut kept = self.kept.lock();
        kept.number += 1;
        let exchange = Exchange {
            number: kept.number,
            service: service.to_owned(),
            method: parts.method,
            target: parts.uri.path_and_query().map_or_else(String::new, ToString::to_string),
            // Copied: a piece of a read buffer would keep all of it.
            asked: Bytes::copy_from_slice(&body),
            answered: answered.map(|body| Bytes::copy_from_slice(&body)),
        };
        if exchange.bytes() > self.limits.bytes_max {
            return tracing::warn!(service, "an answer larger than all recordings may be");
        }
        if let Err(error) = self.folder.save(&exchange) {
            tracing::warn!(%error, service, "a recording could not be written; it lasts as long as this process");
        }
        self.push(&mut kept, exchange);
    }

    /// One of the same request gives way to it; then the oldest do.
    fn push(&self, kept: &mut Kept, exchange: Exchange) {
        if let Some(at) = kept.exchanges.iter().position(|known| known.is_same(&exchange)) {
            // Its file is the new one's.
            kept.bytes -= kept.exchanges.remove(at).map_or(0, |known| known.bytes());
        }
        kept.bytes += exchange.bytes();
        kept.exchanges.push_back(exchange);
        while kept.exchanges.len() > self.limits.exchanges_max || kept.bytes > self.limits.bytes_max
        {
            let Some(oldest) = kept.exchanges.pop_front() else { return };
            kept.bytes -= oldest.bytes();
            if let Err(error) = self.folder.remove(&oldest) {
                tracing::warn!(%error, "a recording that gave way could not be removed");
            }
        }
    }

    /// The answer to the same request; else one to the same method, path and query; else which there are.
    pub(super) fn answer(&self, service: &str, parts: &Parts, body: &Bytes) -> Response<Bytes> {
        let target = parts.uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str);
        let kept = self.kept.lock();
        let own = || kept.exchanges.iter().rev().filter(|known| known.service == service);
        let alike = || own().filter(|known| known.method == parts.method && known.target == target);
        let found = alike().find(|known| known.asked == *body).or_else(|| alike().next());
        if let Some(found) = found {
            return found.answered.clone();
        }
        let asked = told(target);
        let known: BTreeSet<String> = own()
            .map(|known| format!("{} {}", known.method, told(&known.target)))
            .take(COMPARED_MAX)
            .collect();
        drop(kept);
        let mut near: Vec<_> =
            known.into_iter().map(|known| (strsim::osa_distance(&known, asked), known)).collect();
        near.sort();
        let near: Vec<String> =
            near.into_iter().take(NEAREST_MAX).map(|(_, known)| known).collect();
        let text = serde_json::json!({
            "error": "nothing was recorded for this request",
            "asked": format!("{} {asked}", parts.method),
            "nearest": near,
        });
        let mut response = Response::new(Bytes::from(text.to_string()));
        *response.status_mut() = StatusCode::NOT_FOUND;
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }
}

/// The beginning of a path, without its query: that may hold what is known of a person, and others read it.
fn told(target: &str) -> &str {
    let path = target.split('?').next().unwrap_or_default();
    path.get(..path.floor_char_boundary(TOLD_BYTES_MAX)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    const LIMITS: RecordingLimits = RecordingLimits { exchanges_max: 10, bytes_max: 10_000 };

    fn open(folder: &Path) -> Recordings {
        Recordings::open(folder, LIMITS).unwrap()
    }

    fn request(target: &str, body: &'static str) -> Request<Bytes> {
        Request::builder().uri(target).body(Bytes::from_static(body.as_bytes())).unwrap()
    }

    fn answer(recordings: &Recordings, target: &str, body: &'static str) -> (u16, String) {
        let (parts, body) = request(target, body).into_parts();
        let answer = recordings.answer("a", &parts, &body);
        (answer.status().as_u16(), String::from_utf8_lossy(answer.body()).into_owned())
    }

    fn files(folder: &Path) -> Vec<std::path::PathBuf> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn the_same_request_gets_the_answer_that_was_recorded() {
        let folder = tempfile::tempdir().unwrap();
        let recordings = open(folder.path());
        for (target, body, answered) in [("/x?a=1", "1", "one"), ("/x?a=1", "2", "two")] {
            recordings.keep("a", request(target, body), Response::new(Bytes::from(answered)));
        }
        assert_eq!(answer(&recordings, "/x?a=1", "1"), (200, "one".to_owned()));
        assert_eq!(answer(&recordings, "/x?a=1", "3"), (200, "two".to_owned()), "the newest alike");
        let (status, text) = answer(&recordings, "/x?a=2", "1");
        assert_eq!(status, 404);
        assert!(text.contains("GET /x") && !text.contains("a="), "no query is told: {text}");
    }

    #[test]
    fn the_oldest_give_way_in_memory_and_on_disk() {
        let folder = tempfile::tempdir().unwrap();
        let recordings = open(folder.path());
        for number in 0..=LIMITS.exchanges_max {
            let target = format!("/{number}");
            recordings.keep("a", request(&target, ""), Response::new(Bytes::new()));
        }
        assert_eq!(answer(&recordings, "/0", "").0, 404);
        assert_eq!(answer(&recordings, "/1", "").0, 200);
        for number in 0..3 {
            let large = Response::new(Bytes::from(vec![b'x'; LIMITS.bytes_max / 2 - 100]));
            recordings.keep("a", request(&format!("/large/{number}"), ""), large);
        }
        let huge = Response::new(Bytes::from(vec![b'x'; LIMITS.bytes_max]));
        recordings.keep("a", request("/huge", ""), huge);
        for (target, status) in [("/large/0", 404), ("/large/1", 200), ("/huge", 404)] {
            assert_eq!(answer(&recordings, target, "").0, status, "{target}");
            assert_eq!(answer(&open(folder.path()), target, "").0, status, "{target}, reopened");
        }
        assert_eq!(files(folder.path()).len(), recordings.kept.lock().exchanges.len());
    }

    #[test]
    fn what_was_recorded_is_there_after_a_restart_whatever_a_crash_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let folder = &folder.path().join("new/recordings");
        let recordings = open(folder);
        for (body, answered) in [("1", "one"), ("2", "two"), ("1", "three")] {
            let answered = Response::builder()
                .status(202)
                .header("x-own", "b\u{1ead}t")
                .body(Bytes::from(answered))
                .unwrap();
            recordings.keep("a", request("/x", body), answered);
        }
        assert_eq!(files(folder).len(), 2, "one request, one file");
        for file in files(folder) {
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
        // Killed while it wrote, at every place; and a file that somebody damaged.
        let whole = fs::read(files(folder).first().unwrap()).unwrap();
        for cut in (0..whole.len()).step_by(7) {
            fs::write(folder.join(format!("{cut:064}.half")), &whole[..cut]).unwrap();
            fs::write(folder.join(format!("{cut:064}.json")), &whole[..cut]).unwrap();
        }
        let again = open(folder);
        assert_eq!(answer(&again, "/x", "1"), (202, "three".to_owned()));
        assert_eq!(answer(&again, "/x", "2"), (202, "two".to_owned()));
        assert_eq!(answer(&again, "/x", "9"), (202, "three".to_owned()), "in the order of old");
        let (parts, body) = request("/x", "1").into_parts();
        let answered = again.answer("a", &parts, &body);
        assert_eq!(answered.headers()["x-own"].as_bytes(), "b\u{1ead}t".as_bytes());
        assert_eq!(files(folder).len(), 2, "what was torn is gone");
        // Newer than what former runs recorded.
        again.keep("a", request("/x", "4"), Response::new(Bytes::from("four")));
        assert_eq!(answer(&open(folder), "/x", "9").1, "four");
    }
}
