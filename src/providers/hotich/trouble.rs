//! The error codes of domain.md 4.5, and the HTTP status beside each (assumed).

use serde::Serialize;

use crate::providers::Answer;
use crate::providers::http::{Fault, Reason};
use crate::providers::table::Full;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Authen,
    Address,
    Agency,
    Province,
    Uncomplete,
    NotFound,
    DataType,
    Data,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) code: Code,
    status: u16,
    pub(super) message: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    status: u8,
    error_code: u16,
    error_name: &'static str,
    message: &'a str,
}

impl Code {
    const fn number(self) -> u16 {
        match self {
            Self::Authen => 100,
            Self::Address => 101,
            Self::Agency => 106,
            Self::Province => 108,
            Self::Uncomplete => 200,
            Self::NotFound => 201,
            Self::DataType => 302,
            Self::Data => 500,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Authen => "AUTHEN_ERROR",
            Self::Address => "IP_DISALLOWED",
            Self::Agency => "AGENCY_ID_INCORRECT",
            Self::Province => "PROVINCE_ID_INCORRECT",
            Self::Uncomplete => "RECORD_UNCOMPLETE",
            Self::NotFound => "RECORD_NOT_FOUND",
            Self::DataType => "DATA_TYPE_INVALID",
            Self::Data => "DATA_INCORRECT",
        }
    }

    const fn status(self) -> u16 {
        match self {
            Self::Authen => 401,
            Self::Address => 403,
            Self::Agency | Self::Province | Self::NotFound => 404,
            Self::Uncomplete | Self::Data => 409,
            Self::DataType => 400,
        }
    }
}

impl Trouble {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, status: code.status(), message: message.into() }
    }

    pub(super) fn data(message: impl Into<String>) -> Self {
        Self::new(Code::Data, message)
    }

    pub(super) fn answer(&self) -> Answer {
        let told = Told {
            status: 0,
            error_code: self.code.number(),
            error_name: self.code.name(),
            message: &self.message,
        };
        Answer::json(self.status, &told)
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        let code = match fault.reason {
            Reason::BadRequest | Reason::NoPath | Reason::WrongMethod => Code::DataType,
            Reason::Unauthenticated => Code::Authen,
            Reason::Denied => Code::Address,
            Reason::NotFound => Code::NotFound,
            Reason::Conflict | Reason::Full => Code::Data,
        };
        Self { code, status: fault.reason.status(), message: fault.message }
    }
}

impl From<Full> for Trouble {
    fn from(full: Full) -> Self {
        Fault::from(full).into()
    }
}
