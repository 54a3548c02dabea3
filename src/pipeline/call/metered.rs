//! Bodies that count and hash what passes through them; the answer's is not over before its evidence is queued.

use super::gate::{Passage, Place};
use super::record::CallRecord;
use super::{CallFault, CallPorts, Trouble};
use crate::egress::call::{CallBody, CutBody};
use crate::evidence::Evidence;
use crate::pipeline::Pipeline;
use aws_lc_rs::digest::{Context as Hash, SHA256};
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// What passed so far.
#[derive(Default)]
pub(super) struct Meter {
    bytes: u64,
    /// Of what is not nothing.
    hash: Option<Hash>,
    /// It broke off, or was larger than it may be.
    fault: Option<Trouble>,
}

impl Meter {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut meter = Self::default();
        meter.add(bytes);
        meter
    }

    fn add(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.bytes += bytes.len() as u64;
        self.hash.get_or_insert_with(|| Hash::new(&SHA256)).update(bytes);
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) const fn fault(&self) -> Option<Trouble> {
        self.fault
    }

    /// Hexadecimal; empty for nothing. To be asked once, at the end.
    pub(super) fn sha256(&mut self) -> String {
        self.hash.take().map_or_else(String::new, |hash| hex(hash.finish().as_ref()))
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.filter_map(|nibble| DIGITS.get(usize::from(nibble))).map(|c| char::from(*c)).collect()
}

/// The body of a request while it is sent on.
pub(super) struct MeteredRequest {
    inner: CallBody,
    meter: Arc<Mutex<Meter>>,
    bytes_max: u64,
}

/// Meters what is held at once and what streams as it goes.
pub(super) fn request(body: CallBody, bytes_max: u64) -> (CallBody, Arc<Mutex<Meter>>) {
    match body {
        CallBody::Empty => (CallBody::Empty, Arc::default()),
        CallBody::Whole(bytes) => {
            let meter = Arc::new(Mutex::new(Meter::of(&bytes)));
            (CallBody::Whole(bytes), meter)
        }
        CallBody::Stream(_) => {
            let meter = Arc::<Mutex<Meter>>::default();
            let metered = MeteredRequest { inner: body, meter: Arc::clone(&meter), bytes_max };
            (CallBody::Stream(Box::pin(metered)), meter)
        }
    }
}

impl Body for MeteredRequest {
    type Data = Bytes;
    type Error = CutBody;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutBody>>> {
        let frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(context));
        let mut meter = self.meter.lock();
        match &frame {
            Some(Ok(frame)) => {
                meter.add(frame.data_ref().map_or(&[], |data| data));
                if meter.bytes > self.bytes_max {
                    meter.fault = Some(Trouble::RequestTooLarge);
                    let why = format!("more than {} bytes", self.bytes_max);
                    return Poll::Ready(Some(Err(CutBody(why))));
                }
            }
            Some(Err(_)) => meter.fault = Some(Trouble::RequestCut),
            None => {}
        }
        drop(meter);
        Poll::Ready(frame)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }
}

/// What an answer takes with it until its last byte.
pub(super) struct Ending<P: CallPorts> {
    pub(super) pipeline: Arc<Pipeline<P>>,
    pub(super) evidence: Evidence,
    pub(super) record: Box<CallRecord>,
    pub(super) asked: Arc<Mutex<Meter>>,
    pub(super) bytes_max: u64,
    /// Who breaks off an answer: the system, or the link to it.
    pub(super) cut: Trouble,
    /// Held until the answer is over.
    pub(super) _places: (Place, Option<Passage>),
}

impl<P: CallPorts> Ending<P> {
    /// Why an answer breaks off: a request that did so takes it along.
    fn blamed(&self) -> Trouble {
        self.asked.lock().fault().unwrap_or(self.cut)
    }

    /// Queues the evidence of an answer.
    pub(super) fn finish(
        mut self,
        answered: &mut Meter,
        fault: Option<&CallFault>,
    ) -> Result<(), CallFault> {
        let now = self.pipeline.now();
        let mut asked = self.asked.lock();
        let record = &mut self.record;
        record.response_out_ts = now.ms();
        record.request_size = asked.bytes();
        record.request_sha256 = asked.sha256();
        drop(asked);
        record.response_size = answered.bytes();
        record.response_sha256 = answered.sha256();
        record.succeeded = fault.is_none() && record.fault_code.is_empty();
        if let Some(fault) = fault {
            record.fail(fault);
        }
        let queued = self.evidence.queue(&self.record, now);
        queued.map(drop).map_err(|refused| {
            CallFault::new(Trouble::EvidenceFailed)
                .at(&self.record.platform)
                .detail(refused.to_string())
        })
    }
}

/// The body of an answer that streams: metered, and ended by its evidence.
pub(super) struct MeteredAnswer<P: CallPorts> {
    inner: CallBody,
    /// Where it is known: whoever has read so much asks for no more.
    length: Option<u64>,
    meter: Meter,
    ending: Option<Ending<P>>,
}

impl<P: CallPorts> MeteredAnswer<P> {
    pub(super) fn new(inner: CallBody, ending: Ending<P>) -> Self {
        let length = inner.length();
        Self { inner, length, meter: Meter::default(), ending: Some(ending) }
    }

    fn end(&mut self, fault: Option<&CallFault>) -> Result<(), CutBody> {
        let Some(ending) = self.ending.take() else { return Ok(()) };
        ending.finish(&mut self.meter, fault).map_err(|fault| {
            tracing::error!(%fault, "an answer was cut: its evidence cannot be kept");
            CutBody(fault.to_string())
        })
    }
}

impl<P: CallPorts> Body for MeteredAnswer<P> {
    type Data = Bytes;
    type Error = CutBody;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutBody>>> {
        let frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(context));
        let too_large = match &frame {
            Some(Ok(frame)) => {
                self.meter.add(frame.data_ref().map_or(&[], |data| data));
                let max = self.ending.as_ref().map_or(u64::MAX, |ending| ending.bytes_max);
                (self.meter.bytes > max).then_some(max)
            }
            Some(Err(cut)) => {
                let ending = self.ending.as_ref();
                let trouble = ending.map_or(Trouble::SystemCut, Ending::blamed);
                let fault = CallFault::new(trouble).detail(cut.0.clone());
                self.end(Some(&fault))?;
                None
            }
            None => {
                self.end(None)?;
                None
            }
        };
        if let Some(max) = too_large {
            let fault =
                CallFault::new(Trouble::AnswerTooLarge).detail(format!("more than {max} bytes"));
            self.end(Some(&fault))?;
            return Poll::Ready(Some(Err(CutBody(fault.to_string()))));
        }
        // The evidence goes before the last piece.
        let is_over = self.inner.is_end_stream() || self.length == Some(self.meter.bytes);
        if is_over && matches!(frame, Some(Ok(_))) {
            self.end(None)?;
        }
        Poll::Ready(frame)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }

    fn is_end_stream(&self) -> bool {
        self.ending.is_none() && self.inner.is_end_stream()
    }
}

impl<P: CallPorts> Drop for MeteredAnswer<P> {
    fn drop(&mut self) {
        if let Some(ending) = self.ending.take() {
            let fault = CallFault::new(Trouble::RequestCut).detail("the caller went away");
            if let Err(fault) = ending.finish(&mut self.meter, Some(&fault)) {
                tracing::error!(%fault, "the evidence of a call that was given up cannot be kept");
            }
        }
    }
}

/// Meters an answer that is held, and queues its evidence at once.
pub(super) fn answer<P: CallPorts>(
    body: CallBody,
    ending: Ending<P>,
) -> Result<CallBody, CallFault> {
    let mut meter = match &body {
        CallBody::Stream(_) => {
            return Ok(CallBody::Stream(Box::pin(MeteredAnswer::new(body, ending))));
        }
        CallBody::Whole(bytes) => Meter::of(bytes),
        CallBody::Empty => Meter::default(),
    };
    ending.finish(&mut meter, None)?;
    Ok(body)
}
