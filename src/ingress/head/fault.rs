//! Why a head is not taken, with the HTTP status and the code that each refusal is answered with.

/// Why a head is not taken. The connection cannot go on after any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadFault {
    #[error("not HTTP")]
    Garbage,
    #[error("a line ends without a carriage return")]
    BareLineFeed,
    #[error("a carriage return stands alone")]
    BareCarriageReturn,
    #[error("the first line is not method, target and version")]
    FirstLine,
    #[error("only HTTP/1.1 and HTTP/1.0 are spoken here")]
    Version,
    #[error("the target is not a path")]
    Target,
    #[error("a header name is missing or holds a forbidden character")]
    FieldName,
    #[error("a header value is continued on the next line")]
    Folded,
    #[error("a header value holds NUL")]
    Nul,
    #[error("Content-Length is not a plain number")]
    BadLength,
    #[error("Content-Length is given more than once")]
    LengthTwice,
    #[error("Transfer-Encoding is not accepted, send Content-Length")]
    Coded,
    #[error("Transfer-Encoding and Content-Length together")]
    CodedWithLength,
    #[error("Host is given more than once")]
    HostTwice,
    #[error("Expect asks for something unknown")]
    Expectation,
    #[error("the head is too large")]
    TooLarge,
    #[error("the head has too many fields")]
    TooManyFields,
    #[error("the answer does not say how long it is")]
    NoLength,
}

impl HeadFault {
    /// The HTTP status it is answered with.
    pub const fn status(self) -> u16 {
        match self {
            Self::Version => 505,
            Self::Coded => 411,
            Self::Expectation => 417,
            Self::TooLarge | Self::TooManyFields => 431,
            Self::Garbage
            | Self::BareLineFeed
            | Self::BareCarriageReturn
            | Self::FirstLine
            | Self::Target
            | Self::FieldName
            | Self::Folded
            | Self::Nul
            | Self::BadLength
            | Self::LengthTwice
            | Self::CodedWithLength
            | Self::HostTwice
            | Self::NoLength => 400,
        }
    }

    /// Codes never change their meaning and are never used twice.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Garbage => "LT-H001",
            Self::BareLineFeed => "LT-H002",
            Self::BareCarriageReturn => "LT-H003",
            Self::FirstLine => "LT-H004",
            Self::Version => "LT-H005",
            Self::Target => "LT-H006",
            Self::FieldName => "LT-H007",
            Self::Folded => "LT-H008",
            Self::Nul => "LT-H009",
            Self::BadLength => "LT-H010",
            Self::LengthTwice => "LT-H011",
            Self::Coded => "LT-H012",
            Self::CodedWithLength => "LT-H013",
            Self::HostTwice => "LT-H014",
            Self::Expectation => "LT-H015",
            Self::TooLarge => "LT-H016",
            Self::TooManyFields => "LT-H017",
            Self::NoLength => "LT-H018",
        }
    }
}
