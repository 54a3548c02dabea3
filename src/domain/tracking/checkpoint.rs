//! The fold's state as bytes, so that a restart need not read what came before.
//!
//! Protobuf by derive, like the facts: a later release may add fields. Mailbox numbers are kept, so facts
//! that name them still fit.

use super::duplicates::Known;
use super::sent::Neighbours;
use super::{
    Chunks, Delivery, DeliveryDetails, Destination, Doc, DocIx, Ground, ItemRef, Report,
    StatusNote, Tracking,
};
use crate::clock::Timestamp;
use crate::domain::agency::AgencyCode;
use crate::domain::directory::AgencyId;
use crate::domain::envelope::DocId;
use crate::domain::fact::{Accepted, DeliveryState, Hop, Progressed, Record, id_bytes};
use crate::domain::rejection::Reason;
use crate::domain::routing::Hop as Route;
use crate::domain::status::BusinessStatus;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::Message;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The bytes are not a checkpoint of ours.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    #[error("the checkpoint cannot be read")]
    Decode(#[from] prost::DecodeError),
    #[error("the checkpoint names agency {0}, which is not a code")]
    BadAgency(String),
}

#[derive(Clone, PartialEq, Message)]
struct StateImage {
    #[prost(uint64, tag = "1")]
    next_number: u64,
    #[prost(message, repeated, tag = "2")]
    docs: Vec<DocImage>,
    #[prost(message, repeated, tag = "3")]
    reports: Vec<ReportImage>,
    /// Codes of the senders that `known` names by their place here.
    #[prost(string, repeated, tag = "5")]
    senders: Vec<String>,
    /// The duplicate window, oldest first, in records of `KNOWN_BYTES`: hundreds of thousands of messages would
    /// take longer to read than everything else.
    #[prost(bytes = "bytes", tag = "6")]
    known: Bytes,
}

/// The tag of `StateImage::docs`.
const DOCS_TAG: u32 = 2;

#[derive(Clone, PartialEq, Message)]
struct DocImage {
    /// A message by itself, so that a document is written without making its strings.
    #[prost(bytes = "bytes", required, tag = "1")]
    accepted: Bytes,
    #[prost(fixed64, repeated, tag = "2")]
    chunks: Vec<u64>,
    #[prost(message, repeated, tag = "3")]
    deliveries: Vec<DeliveryImage>,
}

#[derive(Clone, PartialEq, Message)]
struct DeliveryImage {
    #[prost(bytes = "bytes", tag = "1")]
    receiver: Bytes,
    #[prost(string, tag = "2")]
    agency: String,
    #[prost(uint64, tag = "3")]
    number: u64,
    #[prost(enumeration = "DeliveryState", tag = "4")]
    state: i32,
    #[prost(bool, tag = "5")]
    is_closed: bool,
    #[prost(uint32, tag = "6")]
    attempts: u32,
    #[prost(string, tag = "7")]
    refused: String,
    #[prost(uint64, tag = "8")]
    arrived_at: u64,
    #[prost(uint64, tag = "9")]
    handed_on_at: u64,
    #[prost(uint64, tag = "10")]
    updated_at: u64,
    #[prost(message, optional, tag = "11")]
    details: Option<DetailsImage>,
}

#[derive(Clone, PartialEq, Message)]
struct DetailsImage {
    #[prost(string, tag = "1")]
    description: String,
    #[prost(string, tag = "2")]
    confirmed_by: String,
    #[prost(message, repeated, tag = "3")]
    statuses: Vec<StatusImage>,
    #[prost(message, repeated, tag = "4")]
    hops: Vec<Hop>,
    #[prost(uint64, tag = "5")]
    processing_at: u64,
    #[prost(bool, tag = "6")]
    recall_asked: bool,
    #[prost(uint64, tag = "7")]
    destroyed_at: u64,
    #[prost(string, tag = "8")]
    last_code: String,
}

#[derive(Clone, PartialEq, Message)]
struct StatusImage {
    #[prost(uint32, tag = "1")]
    status: u32,
    #[prost(string, tag = "2")]
    by: String,
    #[prost(uint64, tag = "3")]
    at: u64,
    #[prost(string, tag = "4")]
    description: String,
    #[prost(bool, tag = "5")]
    out_of_order: bool,
}

#[derive(Clone, PartialEq, Message)]
struct ReportImage {
    #[prost(uint64, tag = "1")]
    number: u64,
    #[prost(string, tag = "2")]
    to: String,
    #[prost(message, required, tag = "3")]
    news: Progressed,
}

/// One entry of the duplicate window: sender, kind, key, digest, DocId.
const KNOWN_BYTES: usize = 4 + 1 + 8 + 8 + 16;

impl Tracking {
    /// The whole state as bytes. Agencies are written by code, since their numbers live only as long as the process.
    pub fn checkpoint(&self, ground: &Ground<'_>) -> Bytes {
        let recent = self.recent.iter().filter_map(|&ix| self.doc_at(ix));
        let mut open: Vec<&Doc> = self.docs.iter().flatten().filter(|doc| doc.open > 0).collect();
        open.sort_by_key(|doc| doc.deliveries.first().map_or(0, |d| d.number));
        // One by one, so that memory holds the image of one document beside their bytes. Closed ones first, oldest
        // first, so that they are forgotten in the same order.
        let mut bytes = Vec::new();
        for doc in recent.chain(open) {
            prost::encoding::message::encode(DOCS_TAG, &doc_image(doc), &mut bytes);
        }
        let mut reports: Vec<ReportImage> = self
            .items
            .iter()
            .filter_map(|(&number, item)| match item {
                ItemRef::Report(slot) => self
                    .reports
                    .get(*slot as usize)?
                    .as_ref()
                    .map(|r| report_image(ground, number, r)),
                ItemRef::Delivery(..) => None,
            })
            .collect();
        reports.sort_unstable_by_key(|r| r.number);
        let (senders, known) = self.known_image(ground);
        let next_number = self.next_number;
        let rest = StateImage { next_number, docs: Vec::new(), reports, senders, known };
        bytes.reserve(rest.encoded_len());
        rest.encode_raw(&mut bytes);
        bytes.into()
    }

    /// The state that `checkpoint` wrote, routed by today's topology: what is homed elsewhere now goes there.
    pub fn restore(&mut self, ground: &Ground<'_>, bytes: Bytes) -> Result<(), CheckpointError> {
        let image = StateImage::decode(bytes)?;
        self.next_number = image.next_number;
        self.restore_known(ground, &image.senders, &image.known)?;
        // In the order in which they came, and the closed ones forgotten in the order in which they were closed.
        let mut docs: Vec<(usize, DocImage)> = image.docs.into_iter().enumerate().collect();
        docs.sort_by_key(|(_, doc)| doc.deliveries.first().map_or(0, |d| d.number));
        let mut closed = Vec::new();
        for (place, doc) in docs {
            let ix = self.restore_doc(ground, doc)?;
            if self.doc_at(ix).is_some_and(|doc| doc.open == 0) {
                closed.push((place, ix));
            }
        }
        closed.sort_unstable_by_key(|(place, _)| *place);
        self.recent.extend(closed.into_iter().map(|(_, ix)| ix));
        for report in image.reports {
            self.restore_report(ground, report);
        }
        Ok(())
    }

    fn known_image(&self, ground: &Ground<'_>) -> (Vec<String>, Bytes) {
        let mut places: BTreeMap<AgencyId, u32> = BTreeMap::new();
        let mut senders = Vec::new();
        let mut records = BytesMut::with_capacity(self.duplicates.len() * KNOWN_BYTES);
        for &(key, known) in self.duplicates.iter() {
            let place = *places.entry(known.sender).or_insert_with(|| {
                senders.push(ground.directory.agency(known.sender).code.as_str().to_owned());
                u32::try_from(senders.len() - 1).unwrap_or(u32::MAX)
            });
            records.put_u32(place);
            records.put_u8(u8::from(known.is_document));
            records.put_u64(key);
            records.put_u64(known.digest);
            records.put_u128(known.id().0);
        }
        (senders, records.freeze())
    }

    fn restore_known(
        &mut self,
        ground: &Ground<'_>,
        senders: &[String],
        records: &[u8],
    ) -> Result<(), CheckpointError> {
        let senders: Vec<Option<AgencyId>> = senders
            .iter()
            .map(|sender| Ok(ground.directory.lookup(&code(sender)?)))
            .collect::<Result<_, CheckpointError>>()?;
        self.duplicates.reserve(records.len() / KNOWN_BYTES);
        for mut record in records.chunks_exact(KNOWN_BYTES) {
            let place = record.get_u32() as usize;
            let is_document = record.get_u8() == 1;
            let (key, digest) = (record.get_u64(), record.get_u64());
            let id = DocId(record.get_u128());
            // An agency that the directory no longer holds sends nothing.
            if let Some(sender) = senders.get(place).copied().flatten() {
                self.duplicates.restore(key, Known::new(sender, is_document, digest, id));
            }
        }
        Ok(())
    }

    #[expect(clippy::cast_possible_truncation, reason = "recipients_max is far below 2^32")]
    fn restore_doc(
        &mut self,
        ground: &Ground<'_>,
        image: DocImage,
    ) -> Result<DocIx, CheckpointError> {
        let accepted = Arc::new(Record::of(Accepted::decode(image.accepted)?));
        let mut deliveries: SmallVec<[Delivery; 1]> =
            SmallVec::with_capacity(image.deliveries.len());
        for delivery in image.deliveries {
            deliveries.push(delivery_of(ground, delivery)?);
        }
        let open = deliveries.iter().filter(|d| !d.is_closed).count() as u32;
        let sender = match accepted.via() {
            "" => ground.directory.lookup(&code(accepted.from())?),
            _ => None,
        };
        let doc = Doc {
            sender,
            sent: Neighbours::default(),
            id: accepted.id(),
            key: crate::domain::fact::order_key_of(&accepted),
            chunks: Chunks::from_slice(&image.chunks),
            accepted: Arc::clone(&accepted),
            deliveries,
            open,
        };
        let ix = self.insert_doc(doc);
        self.add_copy(accepted.id(), ix);
        self.open_docs += usize::from(open > 0);
        if let Some(sender) = sender {
            self.add_sent(sender, ix);
        }
        self.restore_places(ix);
        Ok(ix)
    }

    #[expect(clippy::cast_possible_truncation, reason = "recipients_max is far below 2^32")]
    fn restore_places(&mut self, ix: DocIx) {
        let Some(doc) = self.doc_at(ix) else { return };
        let places: Vec<_> = doc
            .deliveries
            .iter()
            .enumerate()
            .map(|(place, d)| {
                (
                    place as u32,
                    d.receiver,
                    d.number,
                    d.to,
                    d.is_closed || d.handed_on_at > Timestamp::ZERO,
                )
            })
            .collect();
        for (place, receiver, number, to, is_settled) in places {
            self.by_receiver.insert(receiver, (ix, place));
            if is_settled {
                continue;
            }
            match to {
                Some(Destination::Inbox(agency)) => {
                    self.items.insert(number, ItemRef::Delivery(ix, place));
                    self.inboxes.entry(agency).or_default().open.insert(number, (ix, place));
                }
                Some(Destination::Link(peer)) => {
                    self.items.insert(number, ItemRef::Delivery(ix, place));
                    *self.link_depth.entry(peer).or_default() += 1;
                }
                None => {}
            }
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "reports in memory are bounded far below 2^32"
    )]
    fn restore_report(&mut self, ground: &Ground<'_>, image: ReportImage) {
        let to = ground
            .routes
            .platform(&image.to)
            .or_else(|| ground.routes.link_to_platform(ground.here, &image.news.origin));
        let Some(to) = to else { return };
        self.reports.push(Some(Report { to, news: Arc::new(image.news) }));
        self.items.insert(image.number, ItemRef::Report(self.reports.len() as u32 - 1));
        *self.link_depth.entry(to).or_default() += 1;
    }
}

fn code(text: &str) -> Result<AgencyCode, CheckpointError> {
    AgencyCode::parse(text).map_err(|_invalid| CheckpointError::BadAgency(text.to_owned()))
}

fn encoded(record: &Record) -> Bytes {
    let mut bytes = Vec::with_capacity(record.encoded_len());
    record.encode(&mut bytes);
    bytes.into()
}

fn doc_image(doc: &Doc) -> DocImage {
    DocImage {
        accepted: encoded(&doc.accepted),
        chunks: doc.chunks.as_slice().to_vec(),
        deliveries: doc.deliveries.iter().map(delivery_image).collect(),
    }
}

fn delivery_image(delivery: &Delivery) -> DeliveryImage {
    DeliveryImage {
        receiver: id_bytes(delivery.receiver),
        agency: delivery.agency.as_str().to_owned(),
        number: delivery.number,
        state: delivery.state as i32,
        is_closed: delivery.is_closed,
        attempts: delivery.attempts,
        refused: delivery.refused.map(|r| r.code().to_owned()).unwrap_or_default(),
        arrived_at: delivery.arrived_at.0,
        handed_on_at: delivery.handed_on_at.0,
        updated_at: delivery.updated_at.0,
        details: delivery.details.as_deref().map(details_image),
    }
}

fn details_image(details: &DeliveryDetails) -> DetailsImage {
    let statuses = details.statuses.iter().map(|note| StatusImage {
        status: u32::from(note.status.code()),
        by: note.by.as_str().to_owned(),
        at: note.at.0,
        description: note.description.clone(),
        out_of_order: note.out_of_order,
    });
    DetailsImage {
        description: details.description.clone(),
        confirmed_by: details.confirmed_by.clone(),
        statuses: statuses.collect(),
        hops: details.hops.clone(),
        processing_at: details.processing_at.0,
        recall_asked: details.recall_asked,
        destroyed_at: details.destroyed_at.0,
        last_code: details.last_code.clone(),
    }
}

fn report_image(ground: &Ground<'_>, number: u64, report: &Report) -> ReportImage {
    ReportImage {
        number,
        to: ground.routes.platform_name(report.to).to_owned(),
        news: Progressed::clone(&report.news),
    }
}

fn delivery_of(ground: &Ground<'_>, image: DeliveryImage) -> Result<Delivery, CheckpointError> {
    let agency = code(&image.agency)?;
    let refused = Reason::from_code(&image.refused);
    let to = ground.directory.lookup(&agency).and_then(|id| {
        match ground.routes.next_hop(ground.here, id) {
            Route::Here => Some(Destination::Inbox(id)),
            Route::Link(peer) => Some(Destination::Link(peer)),
            Route::NoRoute => None,
        }
    });
    let state = image.state();
    // Refused by this platform as it came; what a neighbour refused was on its way there.
    let is_refused_here = state == DeliveryState::Refused && image.attempts == 0;
    Ok(Delivery {
        receiver: DocId::from_slice(&image.receiver).unwrap_or(DocId::NIL),
        agency,
        to: to.filter(|_| !is_refused_here),
        number: image.number,
        state,
        is_closed: image.is_closed,
        attempts: image.attempts,
        refused,
        arrived_at: Timestamp(image.arrived_at),
        handed_on_at: Timestamp(image.handed_on_at),
        updated_at: Timestamp(image.updated_at),
        details: image.details.map(details_of).transpose()?,
    })
}

fn details_of(image: DetailsImage) -> Result<Box<DeliveryDetails>, CheckpointError> {
    let mut statuses = Vec::with_capacity(image.statuses.len());
    for note in image.statuses {
        let Some(status) = u8::try_from(note.status).ok().and_then(BusinessStatus::from_code)
        else {
            continue;
        };
        statuses.push(StatusNote {
            status,
            by: code(&note.by)?,
            at: Timestamp(note.at),
            description: note.description,
            out_of_order: note.out_of_order,
        });
    }
    Ok(Box::new(DeliveryDetails {
        description: image.description,
        confirmed_by: image.confirmed_by,
        statuses,
        hops: image.hops,
        processing_at: Timestamp(image.processing_at),
        recall_asked: image.recall_asked,
        destroyed_at: Timestamp(image.destroyed_at),
        last_code: image.last_code,
    }))
}
