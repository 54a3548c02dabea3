//! What a verified signature means for a document. Verification itself sits at the edge (`crate::signature`).

use super::envelope::{Kind, SignatureState, Warning};
use super::rejection::{Reason, Rejection};

/// What to do about signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Policy {
    /// The state is written into the story and changes nothing.
    #[default]
    Record,
    /// What does not hold is a warning.
    Warn,
    /// What does not hold is refused; what is not signed is a warning.
    Refuse,
}

/// The place that a refusal names.
const PLACE: &str = "edXMLHeader/Signature";

impl Policy {
    /// Nothing, a warning, or a refusal.
    pub fn judge(self, state: SignatureState, kind: Kind) -> Result<Option<Warning>, Rejection> {
        let doubt = match state {
            SignatureState::Valid | SignatureState::Unchecked => return Ok(None),
            // The vendor's status messages are never signed.
            SignatureState::None if kind == Kind::Status => return Ok(None),
            SignatureState::None => Doubt::Unsigned,
            SignatureState::Invalid => Doubt::Broken("invalid"),
            SignatureState::Untrusted => Doubt::Broken("untrusted"),
        };
        let warned = Warning { reason: Reason::SignatureRefused, at: PLACE.to_owned() };
        match (self, doubt) {
            (Self::Record, _) => Ok(None),
            // QĐ 28/2018 Art. 4: an unsigned document is for reference only, and may be sent.
            (Self::Warn, _) | (Self::Refuse, Doubt::Unsigned) => Ok(Some(warned)),
            (Self::Refuse, Doubt::Broken(why)) => {
                Err(Rejection::new(Reason::SignatureRefused).element(PLACE).detail(why))
            }
        }
    }
}

enum Doubt {
    Unsigned,
    Broken(&'static str),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_policies_holds() {
        // (policy, state) → n nothing, w warning, r refused.
        let table = [
            (Policy::Record, SignatureState::Invalid, 'n'),
            (Policy::Record, SignatureState::None, 'n'),
            (Policy::Warn, SignatureState::Valid, 'n'),
            (Policy::Warn, SignatureState::Unchecked, 'n'),
            (Policy::Warn, SignatureState::None, 'w'),
            (Policy::Warn, SignatureState::Untrusted, 'w'),
            (Policy::Warn, SignatureState::Invalid, 'w'),
            (Policy::Refuse, SignatureState::Valid, 'n'),
            (Policy::Refuse, SignatureState::None, 'w'),
            (Policy::Refuse, SignatureState::Untrusted, 'r'),
            (Policy::Refuse, SignatureState::Invalid, 'r'),
        ];
        for (policy, state, expected) in table {
            let got = match policy.judge(state, Kind::New) {
                Ok(None) => 'n',
                Ok(Some(_)) => 'w',
                Err(refused) => {
                    assert_eq!(refused.reason, Reason::SignatureRefused);
                    'r'
                }
            };
            assert_eq!(got, expected, "{policy:?} {state:?}");
        }
        assert_eq!(Policy::Refuse.judge(SignatureState::None, Kind::Status), Ok(None));
    }
}
