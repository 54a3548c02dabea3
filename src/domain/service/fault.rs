//! Why a call came to nothing, and who is to blame: the consumer's side, the provider's, or its system.

use std::fmt;

/// Whose fault it is (domain.md 4.1: "who failed: consumer side, provider side, or the service").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The one who calls, or its platform.
    Consumer,
    /// A platform on the way or the provider's own.
    Provider,
    /// The system behind the service.
    System,
}

impl Side {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Consumer => "consumer",
            Self::Provider => "provider",
            Self::System => "system",
        }
    }
}

/// One row per trouble: variant, stable code, side, metric label.
macro_rules! troubles {
    ($($(#[doc = $doc:literal])* $name:ident $code:literal $side:ident $label:literal,)*) => {
        /// The closed list of what can go wrong with a call. Codes never change their meaning and are
        /// never used twice.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Trouble { $($(#[doc = $doc])* $name,)* }

        impl Trouble {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            pub const fn side(self) -> Side {
                match self { $(Self::$name => Side::$side,)* }
            }

            /// The label of this trouble in metrics.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)* }
            }

            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$name),)* _ => None }
            }
        }
    };
}

troubles! {
    // 1xx: the consumer's side.
    /// No certificate, credential or port says who calls.
    CallerUnknown "LT-S101" Consumer "caller_unknown",
    /// The request names another member than the one that connected.
    CallerForeign "LT-S102" Consumer "caller_foreign",
    /// The member must connect by TLS, with its certificate, and did not.
    CallerInsecure "LT-S103" Consumer "caller_insecure",
    /// The request says nowhere which member calls.
    CallerMissing "LT-S104" Consumer "caller_missing",
    RequestMalformed "LT-S105" Consumer "request_malformed",
    /// The path could mean one thing to a right and another to the provider.
    PathRefused "LT-S106" Consumer "path_refused",
    RequestTooLarge "LT-S107" Consumer "request_too_large",
    /// The body broke off before its end.
    RequestCut "LT-S108" Consumer "request_cut",
    /// More calls than the platform's design takes.
    Throttled "LT-S109" Consumer "throttled",
    /// Too many calls are under way at this platform.
    Busy "LT-S110" Consumer "busy",
    // 2xx: the way.
    ProviderUnknown "LT-S201" Consumer "provider_unknown",
    NoRoute "LT-S202" Consumer "no_route",
    LinkDown "LT-S203" Consumer "link_down",
    /// The neighbour's certificate does not hold, or it refuses ours.
    LinkRefused "LT-S204" Consumer "link_refused",
    LinkTimeout "LT-S205" Consumer "link_timeout",
    HopsExhausted "LT-S206" Consumer "hops_exhausted",
    /// The neighbour's answer cannot be read.
    LinkGarbage "LT-S207" Consumer "link_garbage",
    /// The neighbour's answer broke off before its end.
    LinkCut "LT-S208" Consumer "link_cut",
    /// The neighbour's answer comes without the head of its evidence.
    LinkUnsigned "LT-S209" Consumer "link_unsigned",
    // 3xx: the provider's side.
    ServiceUnknown "LT-S301" Provider "service_unknown",
    /// A SOAP service called by REST, or the reverse.
    WrongKind "LT-S302" Provider "wrong_kind",
    AccessDenied "LT-S303" Provider "access_denied",
    ServiceDisabled "LT-S304" Provider "service_disabled",
    /// As many calls as the service takes are under way.
    ProviderBusy "LT-S305" Provider "provider_busy",
    /// Its system failed too often; it is left alone for a while.
    CircuitOpen "LT-S306" Provider "circuit_open",
    /// The evidence cannot be kept, so the call is not made or its answer not given.
    EvidenceFailed "LT-S307" Provider "evidence_failed",
    Internal "LT-S308" Provider "internal",
    ShuttingDown "LT-S309" Provider "shutting_down",
    /// The provider's platform takes no calls for a while.
    PlatformMaintenance "LT-S310" Provider "platform_maintenance",
    // 4xx: the provider's system.
    SystemUnreachable "LT-S401" System "system_unreachable",
    SystemHostUnknown "LT-S402" System "system_host_unknown",
    SystemUntrusted "LT-S403" System "system_untrusted",
    SystemTimeout "LT-S404" System "system_timeout",
    SystemCut "LT-S405" System "system_cut",
    /// What it answered is no HTTP, or no answer to what was asked.
    SystemGarbage "LT-S406" System "system_garbage",
    AnswerTooLarge "LT-S407" System "answer_too_large",
    /// In maintenance, by its schedule.
    SystemMaintenance "LT-S408" System "system_maintenance",
    /// No simulated system has this name.
    SystemMissing "LT-S409" System "system_missing",
    /// A simulated system answers by rules only, and none fits; it says so itself, with 404.
    RuleMissing "LT-S410" System "rule_missing",
    /// The template of a rule failed at the answer.
    RuleFailed "LT-S411" System "rule_failed",
}

/// One call's trouble: what, at which platform, and what helps to find it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} at {at}: {detail}", trouble.code())]
pub struct CallFault {
    pub trouble: Trouble,
    /// The platform that noticed.
    pub at: String,
    /// A short fact in no particular language. May be empty.
    pub detail: String,
    pub retry_after_ms: Option<u64>,
}

impl CallFault {
    pub const fn new(trouble: Trouble) -> Self {
        Self { trouble, at: String::new(), detail: String::new(), retry_after_ms: None }
    }

    #[must_use]
    pub fn at(mut self, platform: &str) -> Self {
        if self.at.is_empty() {
            platform.clone_into(&mut self.at);
        }
        self
    }

    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    #[must_use]
    pub const fn retry_after_ms(mut self, ms: u64) -> Self {
        self.retry_after_ms = Some(ms);
        self
    }
}

impl From<Trouble> for CallFault {
    fn from(trouble: Trouble) -> Self {
        Self::new(trouble)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_used_once_and_found_again() {
        let mut codes: Vec<_> = Trouble::ALL.iter().map(|trouble| trouble.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Trouble::ALL.len());
        for trouble in Trouble::ALL {
            assert_eq!(Trouble::from_code(trouble.code()), Some(*trouble));
        }
    }

    #[test]
    fn the_first_platform_that_noticed_is_the_one_that_is_named() {
        let fault = CallFault::new(Trouble::LinkDown).at("lgsp-h60").at("ndxp");
        assert_eq!(fault.at, "lgsp-h60");
    }
}
