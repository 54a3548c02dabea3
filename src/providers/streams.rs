//! Two systems for bodies of any size: one takes them, one makes them. Neither holds more than a piece.

use super::host::response;
use crate::domain::service::{CallFault, Trouble};
use crate::egress::call::CallBody;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Frame;
use sha2::{Digest, Sha256};

static PIECE: [u8; 64 << 10] = [b'.'; 64 << 10];

/// Reads it all; answers with its length and hash.
pub(super) async fn sink(request: Request<CallBody>) -> Result<Response<CallBody>, CallFault> {
    let mut body = request.into_body();
    let (mut bytes, mut hash) = (0_u64, Sha256::new());
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|cut| CallFault::new(Trouble::RequestCut).detail(cut.to_string()))?;
        if let Some(data) = frame.data_ref() {
            bytes += data.len() as u64;
            hash.update(data);
        }
    }
    let hash: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let text = serde_json::json!({ "bytes": bytes, "sha256": hash }).to_string();
    Ok(response(200, "application/json", text.into()))
}

/// So many dots as the path says.
pub(super) fn source(path: &str) -> Response<CallBody> {
    let Ok(bytes) = path.trim_start_matches('/').parse::<u64>() else {
        let text = r#"{"error":"the path is /<number of bytes>"}"#;
        return response(400, "application/json", Bytes::from_static(text.as_bytes()));
    };
    let pieces = futures_util::stream::unfold(bytes, |left| async move {
        let next = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE.len());
        let piece = PIECE.get(..next).filter(|piece| !piece.is_empty())?;
        Some((Ok(Frame::data(Bytes::from_static(piece))), left - next as u64))
    });
    let mut answer = response(200, "application/octet-stream", Bytes::new());
    *answer.body_mut() = CallBody::pieces(pieces, Some(bytes));
    answer
}
