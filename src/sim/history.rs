//! What members sent, what they were told and what they saw: all that the oracle may judge by.

use crate::clock::Timestamp;
use crate::domain::agency::AgencyCode;
use crate::domain::directory::Caller;
use crate::domain::envelope::{
    Declaration, DocId, Envelope, Kind, ResponseFor, StatusNotice, Urgency,
};
use crate::domain::fact::{DeliveryState, Record, order_key};
use crate::domain::rejection::Reason;
use crate::domain::rules::Expected;
use crate::domain::status::BusinessStatus;
use crate::pipeline::{AcceptedAnswer, Content, Submission};
use bytes::Bytes;
use sha2::Digest;
use std::collections::BTreeMap;

/// One message as its author wrote it. Sent again it is the same file.
#[derive(Clone, Debug)]
pub struct Letter {
    pub from: AgencyCode,
    /// Empty for a status: it goes by what it answers.
    pub to: Vec<AgencyCode>,
    pub kind: Kind,
    pub document_id: String,
    /// The document it is about: its sender and DocumentId.
    pub about: Option<(AgencyCode, String)>,
    pub status: Option<BusinessStatus>,
    pub urgency: Urgency,
    pub body: Bytes,
    pub digest: [u8; 32],
}

impl Letter {
    /// A new document. `number` makes the file unlike all others.
    pub fn new(
        from: AgencyCode,
        to: Vec<AgencyCode>,
        document_id: String,
        number: u64,
        bytes: usize,
    ) -> Self {
        let mut body = format!("{number} {from} {document_id} ").into_bytes();
        body.resize(body.len().max(bytes), b'.');
        let digest = sha2::Sha256::digest(&body).into();
        Self {
            from,
            to,
            kind: Kind::New,
            document_id,
            about: None,
            status: None,
            urgency: Urgency::NORMAL,
            body: body.into(),
            digest,
        }
    }

    /// Messages with the same key keep their order.
    pub fn key(&self) -> u64 {
        match &self.about {
            Some((sender, id)) => order_key(sender.as_str(), id),
            None => order_key(self.from.as_str(), &self.document_id),
        }
    }

    pub fn submission<'a>(&self, caller: &'a Caller) -> Submission<'a> {
        let mut envelope =
            Envelope::addressed(self.kind, self.from, self.to.clone(), self.document_id.clone());
        envelope.urgency = self.urgency;
        match (&self.about, self.status) {
            (Some((sender, id)), Some(code)) => {
                let description = "simulated".to_owned();
                envelope.status = Some(StatusNotice { code, description });
                let organ_id = (code != BusinessStatus::RecallRequested).then_some(*sender);
                envelope.response_for.push(ResponseFor {
                    organ_id,
                    document_id: id.clone(),
                    ..ResponseFor::default()
                });
            }
            (Some((_, id)), None) => envelope.acts_on.clone_from(id),
            (None, _) => {}
        }
        Submission {
            caller,
            content: Content::Fields { envelope: Box::new(envelope), payload: self.body.clone() },
            sha256: Some(self.digest),
            declaration: Declaration::NoSecret,
            expected: Expected::Any,
            tls: "simulated",
            correlation_id: String::new(),
            only_to: Vec::new(),
        }
    }
}

/// An answer to a submission.
#[derive(Clone, Debug)]
pub struct Told {
    pub letter: usize,
    pub at: Timestamp,
    pub answer: Result<AcceptedAnswer, Reason>,
}

/// The first sight of something in an inbox.
#[derive(Clone, Debug)]
pub struct Seen {
    pub at: Timestamp,
    pub receiver: DocId,
    pub from: String,
    pub digest: Bytes,
    pub urgent: bool,
}

/// One look of a sender at one of its deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub at: Timestamp,
    pub state: DeliveryState,
    pub refused: Option<Reason>,
}

#[derive(Debug, Default)]
pub struct History {
    pub letters: Vec<Letter>,
    pub told: Vec<Told>,
    /// In the order of first sight.
    pub seen: BTreeMap<AgencyCode, Vec<Seen>>,
    /// By the receiver's DocId: what its sender was shown, whenever it changed.
    pub rows: BTreeMap<DocId, Vec<Row>>,
    /// What the recipient said last and was told to be noted.
    pub confirmed: BTreeMap<DocId, DeliveryState>,
    /// What the recipient said last without an answer: it may count.
    pub unanswered: BTreeMap<DocId, DeliveryState>,
    /// What members noticed themselves.
    pub complaints: Vec<String>,
}

impl History {
    pub fn write(&mut self, letter: Letter) -> usize {
        self.letters.push(letter);
        self.letters.len() - 1
    }

    pub fn see(&mut self, agency: AgencyCode, receiver: DocId, accepted: &Record, at: Timestamp) {
        let digest = accepted.body.as_ref().map(|body| body.sha256.to_bytes()).unwrap_or_default();
        let urgent = accepted.urgency > 0;
        let seen = Seen { at, receiver, from: accepted.from().to_owned(), digest, urgent };
        self.seen.entry(agency).or_default().push(seen);
    }

    pub fn look(&mut self, receiver: DocId, row: Row) {
        let rows = self.rows.entry(receiver).or_default();
        if rows.last().is_none_or(|last| (last.state, last.refused) != (row.state, row.refused)) {
            rows.push(row);
        }
    }
}
