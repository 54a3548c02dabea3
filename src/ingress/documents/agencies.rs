//! Agencies in lists, and their registration.
//!
//! A list of the whole country has some 25 MB, so it is measured first and then written a few hundred agencies at
//! a time; both passes read one snapshot.

use super::{Exchange, missing};
use crate::domain::agency::AgencyCode;
use crate::domain::directory::AgencyId;
use crate::domain::rejection::{Place, Reason, Rejection};
use crate::ingress::http1::ChunkStream;
use crate::pipeline::Ports;
use crate::wire::v1;
use bytes::Bytes;
use futures_util::stream;
use serde::Deserialize;

/// Agencies written at a time.
const PIECE_AGENCIES: usize = 512;

/// What a dialect says of an agency that is to be registered.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::ingress) struct Registration {
    pub(in crate::ingress) pcode: Option<String>,
    pub(in crate::ingress) code: Option<String>,
    pub(in crate::ingress) name: Option<String>,
    #[serde(alias = "email")]
    pub(in crate::ingress) mail: Option<String>,
    pub(in crate::ingress) mobile: Option<String>,
    pub(in crate::ingress) fax: Option<String>,
}

impl<P: Ports> Exchange<'_, P> {
    /// Registers an agency below the caller's own, or changes one that it registered.
    pub(in crate::ingress) async fn register(&self, given: Registration) -> Result<(), Rejection> {
        let code = given.code.unwrap_or_default();
        let above = given.pcode.unwrap_or_default();
        if code.trim().is_empty() {
            return Err(missing("code"));
        }
        if !above.trim().is_empty() && !is_below(&code, &above) {
            return Err(Rejection::new(Reason::CodeInvalid)
                .at(Place::Parameter("pcode".into()))
                .detail(format!("{code} ↛ {above}")));
        }
        let request = v1::RegisterRequest {
            code,
            name: given.name.unwrap_or_default(),
            mail: given.mail.unwrap_or_default(),
            mobile: given.mobile.unwrap_or_default(),
            fax: given.fax.unwrap_or_default(),
        };
        self.pipeline.register(self.platform, self.caller, request).await.map(drop)
    }
}

/// A JSON array of agencies between two pieces of an answer, with the length of all; `write` must write the same
/// each time.
pub(in crate::ingress) fn in_pieces<W>(
    before: String,
    ids: Vec<AgencyId>,
    after: &'static [u8],
    write: W,
) -> (u64, ChunkStream)
where
    W: Fn(AgencyId, &mut Vec<u8>) -> serde_json::Result<()> + Send + 'static,
{
    let places = (0..ids.len()).step_by(PIECE_AGENCIES);
    let inside: usize = places.clone().map(|from| piece(&ids, from, &write).len()).sum();
    let length = (before.len() + inside + after.len()) as u64;
    let pieces = std::iter::once(Bytes::from(before))
        .chain(places.map(move |from| piece(&ids, from, &write).into()))
        .chain(std::iter::once(Bytes::from_static(after)));
    (length, Box::pin(stream::iter(pieces.map(Ok))))
}

/// A piece of the array, with the comma that it needs before it.
fn piece(
    ids: &[AgencyId],
    from: usize,
    write: impl Fn(AgencyId, &mut Vec<u8>) -> serde_json::Result<()>,
) -> Vec<u8> {
    let mut text = Vec::with_capacity(PIECE_AGENCIES * 192);
    for (offset, id) in ids.iter().skip(from).take(PIECE_AGENCIES).enumerate() {
        let before = text.len();
        if from + offset > 0 {
            text.push(b',');
        }
        if let Err(error) = write(*id, &mut text) {
            // Text and numbers always serialise; if not, this agency is missing and the rest is sound.
            tracing::error!(%error, "an agency cannot be written");
            text.truncate(before);
        }
    }
    text
}

fn is_below(code: &str, above: &str) -> bool {
    match (AgencyCode::parse(code), AgencyCode::parse(above)) {
        (Ok(code), Ok(above)) => code != above && code.is_at_or_below(&above),
        // Whose code it is, the directory says better.
        (Err(_), _) => true,
        (Ok(_), Err(_)) => false,
    }
}
