//! Periodic reports of NĐ 09/2019 on their way: entered → sent → reviewed → approved, returned or corrected
//! (domain.md 4.8; the steps are the source's, who may take them is assumed).

use serde::{Deserialize, Serialize};

use super::super::caller::{agency_of, level_one, speaks_for, stands_above};
use super::super::http::Fault;
use super::super::input::{Many, Object, Text, Whole};
use super::period::{DataType, Period};

/// Figures of one report.
pub(super) const VALUES_MAX: usize = 400;
/// Steps remembered of one report.
pub(super) const STEPS_MAX: usize = 50;
/// The Government Office receives what ministries and provinces report.
const RECEIVER: &str = "G22";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Entered,
    Sent,
    Reviewed,
    Approved,
    Returned,
    Corrected,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Step {
    Enter,
    Send,
    Review,
    Approve,
    Return,
    Correct,
}

impl State {
    /// The state after a step; `None` when the step does not fit.
    pub(super) const fn after(self, step: Step) -> Option<Self> {
        match (self, step) {
            (Self::Entered | Self::Returned, Step::Enter) => Some(Self::Entered),
            (Self::Entered, Step::Send) => Some(Self::Sent),
            (Self::Sent | Self::Corrected, Step::Review) => Some(Self::Reviewed),
            (Self::Reviewed, Step::Approve) => Some(Self::Approved),
            (Self::Sent | Self::Corrected | Self::Reviewed, Step::Return) => Some(Self::Returned),
            (Self::Approved, Step::Correct) => Some(Self::Corrected),
            _ => None,
        }
    }
}

impl Step {
    /// The reporting office enters, sends and corrects; who stands above it reviews, approves and returns.
    pub(super) fn allowed(self, caller: &str, office: &str) -> Result<(), Fault> {
        let agency = agency_of(caller);
        let allowed = match self {
            Self::Enter | Self::Send | Self::Correct => speaks_for(caller, office),
            Self::Review | Self::Approve | Self::Return => {
                level_one(&agency) == RECEIVER || stands_above(&agency, office)
            }
        };
        if allowed {
            Ok(())
        } else {
            Err(Fault::denied("đơn vị gọi không được làm bước này với báo cáo"))
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    pub office_code: Text<1, 64>,
    pub data_type_id: Whole<1, 4>,
    pub period_id: Whole<1, 21>,
    pub data_year: Whole<2000, 2100>,
    pub values: Many<Object<Figure>, VALUES_MAX>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Figure {
    pub indicator_code: Text<1, 64>,
    pub value: f64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Reason {
    pub reason: Text<1, 1000>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Correction {
    pub reason: Text<1, 1000>,
    pub values: Many<Object<Figure>, VALUES_MAX>,
}

/// What a report is about; one report each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Subject {
    pub office: String,
    pub data_type: DataType,
    pub period: Period,
    pub year: i16,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    pub report_id: u64,
    pub office_code: String,
    pub data_type_id: i64,
    pub period_id: i64,
    pub data_year: i16,
    pub state: State,
    pub values: Vec<Figure>,
    pub history: Vec<Done>,
    /// The figures in force: those of the last approval.
    #[serde(skip)]
    pub approved: Vec<Figure>,
}

/// A step that was taken.
#[derive(Debug, Serialize)]
pub(super) struct Done {
    pub step: Step,
    /// `2026-01-05T08:30:00+07:00`
    pub at: String,
    pub by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_takes_its_steps_only() {
        let states = [
            State::Entered,
            State::Sent,
            State::Reviewed,
            State::Approved,
            State::Returned,
            State::Corrected,
        ];
        let steps =
            [Step::Enter, Step::Send, Step::Review, Step::Approve, Step::Return, Step::Correct];
        let fits = |state: State| -> Vec<Step> {
            steps.into_iter().filter(|&step| state.after(step).is_some()).collect()
        };
        assert_eq!(fits(State::Entered), [Step::Enter, Step::Send]);
        assert_eq!(fits(State::Sent), [Step::Review, Step::Return]);
        assert_eq!(fits(State::Reviewed), [Step::Approve, Step::Return]);
        assert_eq!(fits(State::Approved), [Step::Correct]);
        assert_eq!(fits(State::Returned), [Step::Enter]);
        assert_eq!(fits(State::Corrected), [Step::Review, Step::Return]);
        assert_eq!(states.len(), 6);
    }

    #[test]
    fn a_province_reports_and_the_government_office_decides() {
        let (province, office) = ("VN:GOV:000.00.00.H60:BC", "VN:GOV:000.00.00.G22:BC");
        assert!(Step::Send.allowed(province, "H60").is_ok());
        assert!(Step::Send.allowed(office, "H60").is_err());
        assert!(Step::Approve.allowed(office, "H60").is_ok());
        assert!(Step::Approve.allowed(province, "H60").is_err());
        assert!(Step::Approve.allowed(province, "000.00.06.H60").is_ok());
    }
}
