//! The documents of a run: unique ids and bytes, recipients drawn from the seed.
//!
//! The id carries the document's number and its intended moment, so that the receiving side needs no
//! table shared with the sending one.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{BufMut, Bytes, BytesMut};

use crate::plan::Plan;
use crate::wire::v1;

#[derive(Debug)]
pub(crate) struct Documents {
    run: u64,
    seed: u64,
    next: AtomicU64,
    sender: String,
    receivers: Vec<String>,
    filler: Bytes,
    payload_bytes: usize,
}

/// What a document's id says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) number: u64,
    pub(crate) intended: u64,
}

impl Documents {
    pub(crate) fn new(plan: &Plan, run: u64) -> Self {
        let mut filler = BytesMut::with_capacity(plan.payload_bytes + 8);
        let mut state = plan.seed;
        while filler.len() < plan.payload_bytes {
            state = mix(state);
            filler.put_u64(state);
        }
        Self {
            run,
            seed: plan.seed,
            next: AtomicU64::new(0),
            sender: plan.sender.clone(),
            receivers: plan.receivers.clone(),
            filler: filler.freeze(),
            payload_bytes: plan.payload_bytes,
        }
    }

    pub(crate) fn make(&self, intended: u64) -> (u64, v1::Submission) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let to = self.receivers.get(self.target(number)).cloned().unwrap_or_default();
        let envelope = v1::Envelope {
            from: self.sender.clone(),
            to: vec![to],
            document_id: format!("{:x}-{number:x}-{intended:x}", self.run),
            notation: "1/LT".to_owned(),
            type_name: "Công văn".to_owned(),
            subject: "load".to_owned(),
            promulgated_on: "2026-01-05".to_owned(),
            ..v1::Envelope::default()
        };
        let submission = v1::Submission {
            content: Some(v1::submission::Content::Envelope(envelope)),
            payload: self.payload(number),
            ..v1::Submission::default()
        };
        (number, submission)
    }

    pub(crate) fn sent(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// The document behind an id, if it is of this run.
    pub(crate) fn read(&self, document_id: &str) -> Option<Mark> {
        let mut parts = document_id.split('-').map(|part| u64::from_str_radix(part, 16).ok());
        let (run, number, intended) = (parts.next()??, parts.next()??, parts.next()??);
        (run == self.run && parts.next().is_none()).then_some(Mark { number, intended })
    }

    /// Which of the receivers it goes to.
    pub(crate) fn target(&self, number: u64) -> usize {
        let drawn = mix(self.seed ^ mix(number)) % (self.receivers.len() as u64).max(1);
        usize::try_from(drawn).unwrap_or_default()
    }

    pub(crate) fn is_whole(&self, number: u64, body: &[u8]) -> bool {
        let head = self.head(number);
        let (start, rest) = body.split_at(HEAD_BYTES.min(body.len()));
        body.len() == self.payload_bytes
            && head.starts_with(start)
            && Some(rest) == self.filler.get(start.len()..self.payload_bytes)
    }

    /// No two of one sender may be equal: the platform would take the second for a repeat.
    fn payload(&self, number: u64) -> Bytes {
        let mut payload = BytesMut::with_capacity(self.payload_bytes.max(HEAD_BYTES));
        payload.put_slice(&self.head(number));
        payload.truncate(self.payload_bytes);
        payload.put_slice(self.filler.get(payload.len()..self.payload_bytes).unwrap_or_default());
        payload.freeze()
    }

    fn head(&self, number: u64) -> [u8; HEAD_BYTES] {
        let mut head = [0; HEAD_BYTES];
        let mut rest = head.as_mut_slice();
        rest.put_u64_le(number);
        rest.put_u64_le(self.run);
        head
    }
}

/// splitmix64.
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

const HEAD_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::TlsPaths;

    fn documents(payload_bytes: usize, run: u64) -> Documents {
        let tls = TlsPaths { ca: "".into(), cert: "".into(), key: "".into() };
        let plan = Plan {
            sender: "H53".to_owned(),
            receivers: vec!["H41".to_owned(), "H42".to_owned(), "H43".to_owned()],
            payload_bytes,
            ..Plan::canonical(String::new(), tls.clone(), tls)
        };
        Documents::new(&plan, run)
    }

    fn id(submission: &v1::Submission) -> &str {
        match submission.content.as_ref().unwrap() {
            v1::submission::Content::Envelope(envelope) => &envelope.document_id,
            v1::submission::Content::Edxml(_) => panic!("an envelope was sent"),
        }
    }

    #[test]
    fn ids_lead_back_to_number_and_moment_in_their_own_run_only() {
        let (documents, another) = (documents(100, 7), documents(100, 8));
        documents.make(5);
        let (number, submission) = documents.make(99);
        let mark = Mark { number: 1, intended: 99 };
        assert_eq!((number, documents.read(id(&submission))), (1, Some(mark)));
        assert_eq!(another.read(id(&submission)), None);
        assert_eq!(documents.read("7-1"), None);
        assert_eq!(documents.read("7-1-2-3"), None);
    }

    #[test]
    fn bodies_are_unique_and_known_again() {
        for bytes in [16, 17, 100, 1024] {
            let documents = documents(bytes, 7);
            let bodies = [documents.make(0).1.payload, documents.make(0).1.payload];
            assert_ne!(bodies[0], bodies[1]);
            assert!(documents.is_whole(0, &bodies[0]) && documents.is_whole(1, &bodies[1]));
            assert!(!documents.is_whole(0, &bodies[1]));
            assert!(!documents.is_whole(0, &bodies[0][1..]));
            let mut spoilt = bodies[0].to_vec();
            *spoilt.last_mut().unwrap() ^= 1;
            assert!(!documents.is_whole(0, &spoilt));
        }
    }

    #[test]
    fn every_receiver_gets_its_share() {
        let documents = documents(16, 7);
        let mut shares = [0; 3];
        for number in 0..3000 {
            shares[documents.target(number)] += 1;
        }
        assert!(shares.iter().all(|share| (900..1100).contains(share)), "{shares:?}");
    }
}
