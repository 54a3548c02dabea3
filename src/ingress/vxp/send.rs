//! sendEdoc: an edXML file comes in.

use super::words::{Sent, done};
use super::{Asked, Vxp};
use crate::domain::agency::AgencyCode;
use crate::domain::edxml::{self, Prefix};
use crate::domain::rejection::{Place, Reason, Rejection};
use crate::domain::rules::Expected;
use crate::ingress::documents::words::description_of;
use crate::ingress::documents::{hash_file, wrong};
use crate::ingress::http1::{Answer, Body, BodyFault};
use crate::pipeline::Ports;
use bytes::Bytes;

/// The line end that the SDK appends to a file.
const APPENDED_BYTES: u64 = 2;

impl<P: Ports> Vxp<P> {
    pub(super) async fn send(
        &self,
        asked: &Asked<'_>,
        body: &mut Body<'_>,
    ) -> Result<Answer, Rejection> {
        asked.check_service()?;
        let expected = Expected::kind(asked.wants_status()?);
        let announced = body.left();
        if announced <= APPENDED_BYTES {
            return Err(Reason::Empty.into());
        }
        // Asked before a byte is read. The line end is the SDK's, not part of the file.
        let permit = self.pipeline.admit_bytes(announced - APPENDED_BYTES, false)?;
        let body = body.collect(announced).await.map_err(cut)?;
        let hash = asked.parameters.any_case("hash-file");
        let file = hash_file::file_in(&body, hash).ok_or_else(|| {
            Rejection::new(Reason::HashDiffers).at(Place::Parameter("hash-file".into()))
        })?;
        let only_to = self.check_header(asked, &file)?;
        let answer = self.exchange(asked).send(file, expected, only_to).await?;
        drop(permit);
        let sent = Sent { doc_id: answer.doc_id.to_string() };
        Ok(done(asked.operation, &description_of(&answer), sent, asked.correlation_id))
    }

    /// `from` agrees with the file; `to` narrows its recipients. What cannot be read is left to the rules, which
    /// word it better.
    fn check_header(&self, asked: &Asked<'_>, file: &Bytes) -> Result<Vec<AgencyCode>, Rejection> {
        let rules = &self.pipeline.rules;
        let Ok(Prefix::Complete(header)) = edxml::read_header(file, rules.mode, rules.xml) else {
            return Ok(Vec::new());
        };
        if let Some(from) = asked.parameters.any_case("from") {
            let inside = header.from.organ_id.as_str();
            let agree = match (AgencyCode::parse(from), AgencyCode::parse(inside)) {
                (Ok(from), Ok(inside)) => from == inside,
                // A file without a sender is refused for that.
                (_, Err(_)) => true,
                (Err(_), Ok(_)) => false,
            };
            if !agree {
                return Err(Rejection::new(Reason::SenderNotYours)
                    .at(Place::Parameter("from".into()))
                    .detail(format!("{from} ≠ {inside}")));
            }
        }
        let Some(to) = asked.parameters.any_case("to") else { return Ok(Vec::new()) };
        let narrowed = intended(to);
        let named = |code: &AgencyCode| {
            header.to.iter().any(|organ| {
                AgencyCode::parse(organ.organ_id.as_str()).is_ok_and(|known| known == *code)
            })
        };
        // None of the file's own recipients: left over from another document.
        Ok(if narrowed.iter().any(named) { narrowed } else { Vec::new() })
    }
}

// wire/vxp.md 1.4.2: an intended `to` is JSON text; a bare one is a leak.
fn intended(to: &str) -> Vec<AgencyCode> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum To {
        One(String),
        Many(Vec<String>),
    }
    let codes = match serde_json::from_str(to) {
        Ok(To::One(code)) => vec![code],
        Ok(To::Many(codes)) => codes,
        Err(_) => Vec::new(),
    };
    codes.iter().filter_map(|code| AgencyCode::parse(code).ok()).collect()
}

fn cut(fault: BodyFault) -> Rejection {
    match fault {
        BodyFault::Short { .. } => Rejection::new(Reason::Truncated),
        BodyFault::TooSlow { .. } => Rejection::new(Reason::Timeout),
        BodyFault::Chunks(_) => Rejection::new(Reason::Malformed),
        BodyFault::TooLarge { .. } => Rejection::new(Reason::TooLarge),
    }
    .detail(fault.to_string())
}

/// The body of registerAgency; a little JSON.
pub(super) async fn small_body(body: &mut Body<'_>) -> Result<Bytes, Rejection> {
    const BYTES_MAX: u64 = 64 * 1024;
    if body.left() > BYTES_MAX {
        return Err(wrong("body").detail(format!("{} > {BYTES_MAX}", body.left())));
    }
    body.collect(BYTES_MAX).await.map_err(cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_narrows_the_recipients() {
        let codes = |to| intended(to).iter().map(AgencyCode::wire).collect::<Vec<_>>();
        assert_eq!(
            codes(r#"["000.00.00.H41","000.00.00.H44"]"#),
            ["000.00.00.H41", "000.00.00.H44"]
        );
        assert_eq!(codes(r#""000.00.00.H41""#), ["000.00.00.H41"]);
        assert!(codes("000.00.00.H41").is_empty());
        assert!(codes("[]").is_empty());
    }
}
