//! The request hash of a body that is still on its way while its call is made (wire/xroad.md 2.4).

use super::request_hash::RequestHash;
use crate::egress::call::{CallBody, CutBody};
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// The hash of a request whose body is read by somebody else.
pub(super) struct BodyHash(Arc<Mutex<State>>);

struct State {
    hash: RequestHash,
    is_over: bool,
}

/// `hash` has the head already; the body that comes back is the one to read.
pub(super) fn hashed(body: CallBody, mut hash: RequestHash) -> (CallBody, BodyHash) {
    let is_over = match &body {
        CallBody::Empty => true,
        CallBody::Whole(bytes) => {
            hash.body(bytes);
            true
        }
        CallBody::Stream(_) => false,
    };
    let state = Arc::new(Mutex::new(State { hash, is_over }));
    if is_over {
        return (body, BodyHash(state));
    }
    let body = HashedBody { inner: body, state: Arc::clone(&state) };
    (CallBody::Stream(Box::pin(body)), BodyHash(state))
}

impl BodyHash {
    /// `None` while the body is not over: the provider answered before it had read it.
    pub(super) fn digest(&self) -> Option<String> {
        let state = self.0.lock();
        state.is_over.then(|| state.hash.clone().finish())
    }
}

struct HashedBody {
    inner: CallBody,
    state: Arc<Mutex<State>>,
}

impl Body for HashedBody {
    type Data = Bytes;
    type Error = CutBody;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutBody>>> {
        let frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(context));
        let is_over = self.inner.is_end_stream();
        let mut state = self.state.lock();
        match &frame {
            Some(Ok(frame)) => {
                state.hash.body(frame.data_ref().map_or(&[], |data| data));
                state.is_over |= is_over;
            }
            Some(Err(_)) => {}
            None => state.is_over = true,
        }
        drop(state);
        Poll::Ready(frame)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt, stream};
    use http_body_util::{BodyExt, StreamBody};

    fn head() -> RequestHash {
        RequestHash::new("POST", "/r1/DEV/COM/1/s/x")
    }

    fn streamed(pieces: &'static [&'static str]) -> CallBody {
        let frames = pieces
            .iter()
            .map(|piece| Ok::<_, CutBody>(Frame::data(Bytes::from_static(piece.as_bytes()))));
        CallBody::stream(StreamBody::new(stream::iter(frames)))
    }

    fn digest_of(body: CallBody) -> Option<String> {
        let (body, hash) = hashed(body, head());
        body.collect(1_024).now_or_never().unwrap().unwrap();
        hash.digest()
    }

    #[test]
    fn a_body_has_one_hash_however_it_comes() {
        let whole = digest_of(CallBody::whole("abc"));
        assert!(whole.is_some());
        assert_eq!(digest_of(streamed(&["a", "", "bc"])), whole);
        assert_ne!(digest_of(streamed(&["ab"])), whole);
        let none = digest_of(CallBody::Empty);
        assert_eq!(none, Some(head().finish()));
        assert_eq!(digest_of(streamed(&[])), none);
    }

    #[test]
    fn a_body_that_is_not_over_has_no_hash() {
        let (mut body, hash) = hashed(streamed(&["a", "bc"]), head());
        assert_eq!(hash.digest(), None);
        body.frame().now_or_never().unwrap().unwrap().unwrap();
        assert_eq!(hash.digest(), None);
    }

    #[test]
    fn a_body_that_breaks_off_has_no_hash() {
        let frames = [Ok(Frame::data(Bytes::from_static(b"a"))), Err(CutBody("gone".to_owned()))];
        let (body, hash) = hashed(CallBody::stream(StreamBody::new(stream::iter(frames))), head());
        assert!(body.collect(1_024).now_or_never().unwrap().is_err());
        assert_eq!(hash.digest(), None);
    }
}
