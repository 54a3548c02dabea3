//! updateStatus: the recipient's word on one item of its inbox.

use super::lists::state_of;
use super::words::{DONE, Nothing, done};
use super::{Asked, Vxp, wrong};
use crate::domain::fact::DeliveryState;
use crate::domain::rejection::{Place, Reason, Rejection};
use crate::domain::tracking::Delivery;
use crate::ingress::http1::Answer;
use crate::pipeline::{Ports, Word};

/// What a client says with `status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    State(DeliveryState),
    /// A clerk's code where a mailbox word belongs.
    Code(u8),
}

impl<P: Ports> Vxp<P> {
    pub(super) async fn update_status(&self, asked: &Asked<'_>) -> Result<Answer, Rejection> {
        let parameters = &asked.parameters;
        let Some(status) = parameters.any_case("status") else {
            let place = Place::Parameter("status".to_owned());
            return Err(Rejection::new(Reason::ParameterMissing).at(place));
        };
        let said = read(status).ok_or_else(|| wrong("status").detail(status))?;
        let receiver = asked.doc_id(["docid", "docId"])?;
        let given = parameters.any_case("description").unwrap_or_default();
        let (state, description) = match said {
            Said::State(state) => (state, given.to_owned()),
            Said::Code(code) => {
                (state_for(code), format!("{code:02} {given}").trim_end().to_owned())
            }
        };
        if state == DeliveryState::Initial {
            // Nothing goes back to the beginning; saying that it is there is fine.
            let found = self.pipeline.find(asked.platform, &asked.caller, receiver).await?;
            let current = found.delivery.as_ref().map(|delivery: &Delivery| delivery.state);
            if current != Some(DeliveryState::Initial) {
                return Err(
                    Rejection::new(Reason::BadTransition).at(Place::Parameter("status".to_owned()))
                );
            }
        } else {
            let word = Word { receiver, state, description };
            let answers = self.pipeline.confirm(asked.platform, &asked.caller, vec![word]).await;
            let answer = answers.into_iter().next().unwrap_or_else(|| Err(Reason::Internal.into()));
            match answer {
                // The item has left the inbox; the clerk's codes go on, and are no errors.
                Err(rejection)
                    if rejection.reason == Reason::BadTransition
                        && matches!(said, Said::Code(_)) => {}
                answer => answer?,
            }
        }
        Ok(done(asked.operation, DONE, Nothing {}, asked.correlation_id))
    }
}

// wire/vxp.md 1.8: initial, processing, done, fail; the LGSP flavour takes 01 to 16 too.
fn read(status: &str) -> Option<Said> {
    if let Some(state) = state_of(status) {
        return Some(Said::State(state));
    }
    let is_number = status.len() <= 2 && status.bytes().all(|b| b.is_ascii_digit());
    let code = is_number.then(|| status.parse().ok())??;
    (1..=16).contains(&code).then_some(Said::Code(code))
}

/// A mailbox item is taken over once the clerk has said anything beyond 01 (đã đến); a client that knows only
/// these codes must see it leave the list. The clerk's word itself reaches the sender by an edXML status message,
/// not by this. Assumed.
const fn state_for(code: u8) -> DeliveryState {
    if code <= 1 { DeliveryState::Processing } else { DeliveryState::Done }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_codes_are_read() {
        for (text, expected) in [
            ("done", Some(Said::State(DeliveryState::Done))),
            ("INITIAL", Some(Said::State(DeliveryState::Initial))),
            ("01", Some(Said::Code(1))),
            ("6", Some(Said::Code(6))),
            ("16", Some(Said::Code(16))),
            ("17", None),
            ("00", None),
            ("", None),
            ("006", None),
            ("+1", None),
            ("finished", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        assert_eq!(state_for(1), DeliveryState::Processing);
        for code in 2..=16 {
            assert_eq!(state_for(code), DeliveryState::Done);
        }
    }
}
