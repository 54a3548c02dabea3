//! A request's body, held whole under the limits that a file has at every door.

use super::Lgsp;
use crate::domain::rejection::{Reason, Rejection};
use crate::egress::call::CallBody;
use crate::ingress::documents::wrong;
use crate::pipeline::BytesPermit;
use crate::pipeline::call::CallPorts;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

/// What a form or JSON may have around a file.
const AROUND_BYTES_MAX: u64 = 64 * 1024;
/// Asked for at a time while a body's length is not known.
const STEP_BYTES: u64 = 1 << 20;
/// A little JSON or a small form.
const SMALL_BYTES_MAX: usize = 64 * 1024;

/// A body and the right to hold it.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) bytes: Bytes,
    permits: Vec<BytesPermit>,
}

/// How a file is written in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    /// Four bytes for three.
    Base64,
}

impl<P: CallPorts> Lgsp<'_, P> {
    /// The body of a request that brings a file. What is too large is refused unread when its length is known.
    pub(super) async fn held(&self, body: CallBody, form: Form) -> Result<Held, Rejection> {
        let file_max = self.plane.pipeline.limits.body_bytes_max;
        let max = match form {
            Form::Plain => file_max,
            Form::Base64 => file_max.div_ceil(3).saturating_mul(4),
        };
        let max = max.saturating_add(AROUND_BYTES_MAX);
        let mut held = Held { bytes: Bytes::new(), permits: Vec::new() };
        let announced = body.length();
        let too_large = |bytes: u64| {
            (bytes > max)
                .then(|| Rejection::new(Reason::TooLarge).detail(format!("{bytes} > {file_max}")))
        };
        let mut admitted = 0;
        self.admit(&mut held, &mut admitted, announced.filter(|bytes| *bytes <= max))?;
        if let Some(rejection) = announced.and_then(too_large) {
            return Err(rejection);
        }
        let mut whole = BytesMut::new();
        let mut body = body;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|cut| Rejection::new(Reason::Truncated).detail(cut.0))?;
            let Ok(data) = frame.into_data() else { continue };
            if whole.is_empty() && announced == Some(data.len() as u64) {
                held.bytes = data;
                return Ok(held);
            }
            let bytes = (whole.len() + data.len()) as u64;
            if let Some(rejection) = too_large(bytes) {
                return Err(rejection);
            }
            if bytes > admitted {
                self.admit(&mut held, &mut admitted, Some(bytes.saturating_add(STEP_BYTES)))?;
            }
            whole.extend_from_slice(&data);
        }
        if announced.is_some_and(|announced| announced > whole.len() as u64) {
            return Err(Reason::Truncated.into());
        }
        held.bytes = whole.freeze();
        Ok(held)
    }

    /// Raises what may be held to so many bytes.
    fn admit(&self, held: &mut Held, admitted: &mut u64, to: Option<u64>) -> Result<(), Rejection> {
        let pipeline = &self.plane.pipeline;
        let step_max = pipeline.limits.body_bytes_max.max(1);
        while let Some(step) = to.and_then(|to| to.checked_sub(*admitted)).filter(|step| *step > 0)
        {
            let step = step.min(step_max);
            held.permits.push(pipeline.admit_bytes(step, false)?);
            *admitted += step;
        }
        Ok(())
    }

    /// The right to hold a file that goes out whole.
    pub(super) fn permit(&self, bytes: u64) -> Result<BytesPermit, Rejection> {
        self.plane.pipeline.admit_bytes(bytes, false)
    }
}

/// A small body.
pub(super) async fn small(body: CallBody) -> Result<Bytes, Rejection> {
    let read = body.collect(SMALL_BYTES_MAX).await;
    let read = read.map_err(|cut| Rejection::new(Reason::Truncated).detail(cut.0))?;
    read.ok_or_else(|| wrong("body").detail(format!("> {SMALL_BYTES_MAX}")))
}
