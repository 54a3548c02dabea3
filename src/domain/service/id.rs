//! `ServiceId`: the five-part name of a service, `VN:GOV:000.00.00.G06:DMDC/danh-muc`.

use crate::domain::member_id::{MemberId, NameError, checked_name};
use std::fmt;
use std::str::FromStr;

/// Who offers it, and its own code there (wire/xroad.md 2.1: instance, class, member, subsystem, service).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId {
    owner: MemberId,
    code: String,
}

/// Why a text names no service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceIdError {
    #[error("not of the form VN:GOV:<agency code>:<system>/<service>")]
    NotAService,
    #[error(transparent)]
    Name(#[from] NameError),
}

impl ServiceId {
    pub fn new(owner: MemberId, code: &str) -> Result<Self, ServiceIdError> {
        Ok(Self { owner, code: checked_name(code)? })
    }

    pub fn parse(text: &str) -> Result<Self, ServiceIdError> {
        let (owner, code) = text.trim().rsplit_once('/').ok_or(ServiceIdError::NotAService)?;
        Self::new(MemberId::parse(owner)?, code)
    }

    pub const fn owner(&self) -> &MemberId {
        &self.owner
    }

    pub fn code(&self) -> &str {
        &self.code
    }
}

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.code)
    }
}

impl FromStr for ServiceId {
    type Err = ServiceIdError;

    fn from_str(text: &str) -> Result<Self, ServiceIdError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_one_name_whichever_form_its_agency_came_in() {
        let id = ServiceId::parse("VN:GOV:G06:DMDC/danh-muc").unwrap();
        assert_eq!(id.to_string(), "VN:GOV:000.00.00.G06:DMDC/danh-muc");
        assert_eq!(id, id.to_string().parse().unwrap());
        assert_eq!((id.code(), id.owner().system()), ("danh-muc", "DMDC"));
    }

    #[test]
    fn what_names_no_service_is_told_apart() {
        for (text, wrong) in [
            ("VN:GOV:G06:DMDC", ServiceIdError::NotAService),
            ("VN:GOV:G06:DMDC/", ServiceIdError::Name(NameError::BadName)),
            ("VN:GOV:G06/x", ServiceIdError::Name(NameError::NotAMember)),
        ] {
            assert_eq!(ServiceId::parse(text), Err(wrong), "{text}");
        }
    }
}
