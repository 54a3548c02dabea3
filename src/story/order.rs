//! Orders to run a flow: from whoever takes them to whoever runs flows.

use super::flow::{Flow, Kind};
use crate::domain::agency::AgencyCode;
use crate::texts::Lang;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;
use tokio::sync::oneshot;

/// Is answered before the flow's first step is taken.
#[derive(Debug)]
pub struct Order {
    pub wanted: Wanted,
    /// How long the flow goes on while a party fails or is not ready.
    pub patience: Duration,
    /// Ids of the services that there are, by their codes.
    pub services: BTreeMap<String, String>,
    /// The flow as it is written down: under way, or done before.
    pub answer: oneshot::Sender<Result<Flow, Refused>>,
}

#[derive(Clone, Debug)]
pub enum Wanted {
    New {
        kind: Kind,
        /// Picks the people; any when there is none.
        seed: Option<u64>,
        /// The province's office that acts; the first that there is when nobody is named.
        office: Option<AgencyCode>,
    },
    /// The one with this id, from where it stands.
    Again(String),
}

/// Why an order is not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    Lacking(CannotBegin),
    /// As many are under way as may be.
    Full,
    Unknown,
    /// Somebody runs it already.
    UnderWay,
    /// A party has refused the matter, and the citizen was told so.
    Over,
    /// Our own failure.
    Failed(String),
}

/// What a flow lacks to begin or to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CannotBegin {
    /// Nobody in the topology plays this part.
    Party(String),
    /// The topology has no such service.
    Service(&'static str),
    /// Nobody fit was found among the province's people.
    Person,
}

impl CannotBegin {
    pub fn text(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Party(who), Lang::Vi) => format!("không có cơ quan nào đóng vai {who}"),
            (Self::Party(who), Lang::En) => format!("no agency plays the part of {who}"),
            (Self::Service(code), Lang::Vi) => format!("cấu hình không có dịch vụ {code}"),
            (Self::Service(code), Lang::En) => format!("the topology has no service {code}"),
            (Self::Person, Lang::Vi) => "không tìm được người dân phù hợp của tỉnh".to_owned(),
            (Self::Person, Lang::En) => "nobody fit was found in the province".to_owned(),
        }
    }
}

impl fmt::Display for CannotBegin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}
