//! The body of a call: nothing, a few bytes, or a stream that is never held whole.

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use http_body_util::{BodyExt, BodyStream, StreamBody};
use hyper::body::{Body, Frame, SizeHint};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A body broke off; why, for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CutBody(pub String);

pub type StreamedBody = Pin<Box<dyn Body<Data = Bytes, Error = CutBody> + Send>>;

#[derive(Default)]
pub enum CallBody {
    #[default]
    Empty,
    Whole(Bytes),
    Stream(StreamedBody),
}

impl CallBody {
    pub fn whole(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        if bytes.is_empty() { Self::Empty } else { Self::Whole(bytes) }
    }

    /// Trailers are not carried.
    pub fn stream<B>(body: B) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: fmt::Display,
    {
        if body.is_end_stream() {
            return Self::Empty;
        }
        Self::Stream(Box::pin(body.map_err(|error| CutBody(error.to_string()))))
    }

    /// Of pieces as they come; `length` is their sum, where it is known.
    pub fn pieces<S>(pieces: S, length: Option<u64>) -> Self
    where
        S: Stream<Item = Result<Frame<Bytes>, CutBody>> + Send + 'static,
    {
        Self::Stream(Box::pin(Measured { inner: StreamBody::new(Box::pin(pieces)), left: length }))
    }

    /// Its length, where it is known before it is read.
    pub fn length(&self) -> Option<u64> {
        self.size_hint().exact()
    }

    /// What can be held is held: a body of known length up to `max`.
    pub async fn settled(self, max: usize) -> Result<Self, CutBody> {
        match self.length() {
            Some(length) if length <= max as u64 => {
                Ok(Self::whole(self.collect(max).await?.unwrap_or_default()))
            }
            _ => Ok(self),
        }
    }

    /// As `settled`, whether its length is known or not; a larger one streams on.
    pub async fn held(self, max: usize) -> Result<Self, CutBody> {
        let Self::Stream(mut stream) = self else { return Ok(self) };
        let (mut pieces, mut bytes) = (Vec::new(), 0);
        let length = stream.size_hint().exact();
        while length.is_none_or(|length| length <= max as u64) {
            let Some(frame) = stream.frame().await else {
                return Ok(Self::whole(pieces.concat()));
            };
            let Ok(data) = frame?.into_data() else { continue };
            bytes += data.len();
            pieces.push(data);
            if bytes > max {
                break;
            }
        }
        let first = pieces.into_iter().map(|piece| Ok(Frame::data(piece)));
        let rest = BodyStream::new(stream);
        Ok(Self::pieces(futures_util::stream::iter(first).chain(rest), length))
    }

    /// The whole body, or `None` when it is larger than `max`.
    pub async fn collect(self, max: usize) -> Result<Option<Bytes>, CutBody> {
        let mut stream = match self {
            Self::Empty => return Ok(Some(Bytes::new())),
            Self::Whole(bytes) => return Ok((bytes.len() <= max).then_some(bytes)),
            Self::Stream(stream) => stream,
        };
        if stream.size_hint().lower() > max as u64 {
            return Ok(None);
        }
        let mut first: Option<Bytes> = None;
        let mut whole = BytesMut::new();
        while let Some(frame) = stream.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            if whole.len() + first.as_ref().map_or(0, Bytes::len) + data.len() > max {
                return Ok(None);
            }
            match first.take() {
                // Most bodies are one frame, and are not copied.
                None if whole.is_empty() => first = Some(data),
                None => whole.extend_from_slice(&data),
                Some(one) => {
                    whole.extend_from_slice(&one);
                    whole.extend_from_slice(&data);
                }
            }
        }
        Ok(Some(first.unwrap_or_else(|| whole.freeze())))
    }
}

/// A stream that knows how much is still to come.
struct Measured<S> {
    inner: StreamBody<Pin<Box<S>>>,
    left: Option<u64>,
}

impl<S> Body for Measured<S>
where
    S: Stream<Item = Result<Frame<Bytes>, CutBody>>,
{
    type Data = Bytes;
    type Error = CutBody;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutBody>>> {
        let frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(context));
        if let (Some(left), Some(Ok(frame))) = (self.left.as_mut(), &frame) {
            *left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len) as u64);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.left == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Body for CallBody {
    type Data = Bytes;
    type Error = CutBody;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutBody>>> {
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Whole(_) => match std::mem::take(&mut *self) {
                Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Self::Empty | Self::Stream(_) => Poll::Ready(None),
            },
            Self::Stream(stream) => stream.as_mut().poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream(stream) => stream.size_hint(),
        }
    }
}

impl fmt::Debug for CallBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Whole(bytes) => write!(f, "Whole({})", bytes.len()),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;

    fn streamed(pieces: &'static [&'static str]) -> CallBody {
        let pieces = pieces.iter().copied();
        CallBody::pieces(
            stream::iter(pieces.map(|piece| Ok(Frame::data(Bytes::from(piece))))),
            None,
        )
    }

    #[tokio::test]
    async fn a_body_is_collected_up_to_its_limit_and_not_beyond() {
        for (pieces, max, expected) in [
            (&["abc"][..], 3, Some("abc")),
            (&["ab", "c", "de"][..], 5, Some("abcde")),
            (&["ab", "c", "de"][..], 4, None),
            (&[][..], 0, Some("")),
        ] {
            let found = streamed(pieces).collect(max).await.unwrap();
            assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{pieces:?} {max}");
        }
        for (pieces, max) in [(&["ab", "c"][..], 3), (&["ab", "c", "de"][..], 4), (&[][..], 0)] {
            let held = streamed(pieces).held(max).await.unwrap();
            let whole: String = pieces.concat();
            assert_eq!(matches!(held, CallBody::Stream(_)), whole.len() > max, "{pieces:?} {max}");
            let all = held.collect(100).await.unwrap().unwrap();
            assert_eq!(&all[..], whole.as_bytes(), "{pieces:?} {max}");
        }
        assert_eq!(CallBody::whole("abc").collect(2).await.unwrap(), None);
        assert!(matches!(CallBody::whole("").settled(10).await.unwrap(), CallBody::Empty));
    }
}
