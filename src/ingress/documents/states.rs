//! The recipient's word on one item of its inbox, in mailbox words or in a clerk's codes.

use super::lists::state_of;
use super::{Exchange, wrong};
use crate::domain::envelope::DocId;
use crate::domain::fact::DeliveryState;
use crate::domain::rejection::{Place, Reason, Rejection};
use crate::domain::tracking::Delivery;
use crate::pipeline::{Ports, Word};

/// What a client says with `status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ingress) enum Said {
    State(DeliveryState),
    /// A clerk's code where a mailbox word belongs.
    Code(u8),
}

impl Said {
    /// One of the words of wire/vxp.md 1.8, or a code.
    pub(in crate::ingress) fn parse(status: &str) -> Result<Self, Rejection> {
        read(status).ok_or_else(|| wrong("status").detail(status))
    }
}

impl<P: Ports> Exchange<'_, P> {
    /// What the recipient says about it may be empty.
    pub(in crate::ingress) async fn say(
        &self,
        receiver: DocId,
        said: Said,
        given: &str,
    ) -> Result<(), Rejection> {
        let (state, description) = match said {
            Said::State(state) => (state, given.to_owned()),
            Said::Code(code) => {
                (state_for(code), format!("{code:02} {given}").trim_end().to_owned())
            }
        };
        if state == DeliveryState::Initial {
            // Nothing goes back to the beginning; saying that it is there is fine.
            let found = self.pipeline.find(self.platform, self.caller, receiver).await?;
            let current = found.delivery.as_ref().map(|delivery: &Delivery| delivery.state);
            if current == Some(DeliveryState::Initial) {
                return Ok(());
            }
            let place = Place::Parameter("status".to_owned());
            return Err(Rejection::new(Reason::BadTransition).at(place));
        }
        let word = Word { receiver, state, description };
        let answers = self.pipeline.confirm(self.platform, self.caller, vec![word]).await;
        match answers.into_iter().next().unwrap_or_else(|| Err(Reason::Internal.into())) {
            // The item has left the inbox; the clerk's codes go on, and are no errors.
            Err(rejection)
                if rejection.reason == Reason::BadTransition && matches!(said, Said::Code(_)) =>
            {
                Ok(())
            }
            answer => answer,
        }
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
