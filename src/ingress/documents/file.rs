//! A file on its way out, as it is or in base64. Chunks go out as they are read; it is never in memory whole.

use super::{Exchange, render};
use crate::domain::envelope::DocId;
use crate::domain::rejection::{Reason, Rejection};
use crate::ingress::http1::ChunkStream;
use crate::pipeline::{Found, Ports};
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, StreamExt};
use std::io;
use std::sync::Arc;

pub(in crate::ingress) struct File {
    pub(in crate::ingress) bytes: u64,
    pub(in crate::ingress) chunks: ChunkStream,
}

impl<P: Ports> Exchange<'_, P> {
    pub(in crate::ingress) async fn file(&self, id: DocId) -> Result<File, Rejection> {
        let found = self.pipeline.find(self.platform, self.caller, id).await?;
        self.file_of(found).await
    }

    /// The file of a document that was found.
    pub(in crate::ingress) async fn file_of(&self, found: Found) -> Result<File, Rejection> {
        if !found.accepted.is_edxml {
            return self.rendered(&found).await;
        }
        let bytes = found.accepted.body.as_ref().map_or(0, |body| body.bytes);
        let mut chunks = found.chunks.into_iter();
        // The first chunk is read before the answer begins: where it fails, there is still a way to say so.
        let first = match chunks.next() {
            Some(first) => self.pipeline.chunk(first).await.map_err(|error| unreadable(&error))?,
            None => Bytes::new(),
        };
        let pipeline = Arc::clone(self.pipeline);
        let rest = stream::iter(chunks).then(move |seq| {
            let pipeline = Arc::clone(&pipeline);
            async move { pipeline.chunk(seq).await.map_err(io::Error::other) }
        });
        let first = stream::once(std::future::ready(Ok(first)));
        Ok(File { bytes, chunks: Box::pin(first.chain(rest)) })
    }

    /// What came in as fields has no file yet; these dialects know nothing else.
    async fn rendered(&self, found: &Found) -> Result<File, Rejection> {
        let payload =
            self.pipeline.body(&found.chunks).await.map_err(|error| unreadable(&error))?;
        let file =
            Bytes::from(render::edxml_of(&self.pipeline.directory(), &found.accepted, &payload));
        let bytes = file.len() as u64;
        Ok(File { bytes, chunks: Box::pin(stream::once(std::future::ready(Ok(file)))) })
    }
}

impl File {
    /// In base64 between two pieces of an answer; with the length of all three.
    pub(in crate::ingress) fn in_base64(
        self,
        before: String,
        after: &'static [u8],
    ) -> (u64, ChunkStream) {
        let length = before.len() as u64 + self.bytes.div_ceil(3) * 4 + after.len() as u64;
        let before = stream::once(std::future::ready(Ok(Bytes::from(before))));
        let after = stream::once(std::future::ready(Ok(Bytes::from_static(after))));
        (length, Box::pin(before.chain(base64(self.chunks)).chain(after)))
    }

    /// All of it, for a dialect that cannot do without. The caller holds the right to that memory.
    pub(in crate::ingress) async fn whole(mut self) -> Result<Bytes, Rejection> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.chunks.next().await {
            match chunk {
                // Most files are one chunk, and are not copied.
                Ok(chunk) if whole.is_empty() && chunk.len() as u64 == self.bytes => {
                    return Ok(chunk);
                }
                Ok(chunk) => whole.extend_from_slice(&chunk),
                Err(error) => {
                    tracing::error!(%error, "a body cannot be read");
                    return Err(Rejection::new(Reason::Internal));
                }
            }
        }
        Ok(whole.freeze())
    }
}

fn unreadable(error: &crate::journal::ReadError) -> Rejection {
    tracing::error!(%error, "a body cannot be read");
    Rejection::new(Reason::Internal)
}

/// Chunks in base64; what does not fill a group of three waits for the next.
fn base64(chunks: ChunkStream) -> ChunkStream {
    Box::pin(stream::unfold((Some(chunks), BytesMut::new()), |(chunks, mut kept)| async move {
        let mut chunks = chunks?;
        match chunks.next().await {
            Some(Ok(chunk)) => {
                kept.extend_from_slice(&chunk);
                let whole = kept.split_to(kept.len() - kept.len() % 3);
                Some((Ok(encoded(&whole)), (Some(chunks), kept)))
            }
            Some(Err(error)) => Some((Err(error), (None, kept))),
            None => Some((Ok(encoded(&kept)), (None, BytesMut::new()))),
        }
    }))
}

fn encoded(bytes: &[u8]) -> Bytes {
    base64_simd::STANDARD.encode_to_string(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn base64_does_not_depend_on_where_chunks_end() {
        let file: Vec<u8> = (0..=255).collect();
        for size in [1, 2, 3, 4, 5, 64, 255, 256] {
            let chunks: Vec<io::Result<Bytes>> =
                file.chunks(size).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
            let pieces: Vec<Bytes> =
                base64(Box::pin(stream::iter(chunks))).map(Result::unwrap).collect().await;
            assert_eq!(pieces.concat(), encoded(&file), "{size}");
            assert_eq!(pieces.concat().len(), file.len().div_ceil(3) * 4);
        }
    }

    #[tokio::test]
    async fn a_chunk_that_cannot_be_read_ends_the_stream_with_its_error() {
        let chunks = [Ok(Bytes::from_static(b"abc")), Err(io::Error::other("gone"))];
        let pieces: Vec<io::Result<Bytes>> = base64(Box::pin(stream::iter(chunks))).collect().await;
        assert_eq!(pieces.len(), 2);
        assert!(pieces[1].is_err());
    }
}
