//! What a flow has come to, step by step: the one thing that is shown and kept, and from which it goes on.

use crate::domain::agency::AgencyCode;
use crate::domain::member_id::MemberId;
use crate::texts::Lang;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What is done across parties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Commune → civil status → population → insurance, told to the citizen by Cổng DVCQG.
    Birth,
    /// Cổng DVCQG → a province's one-stop → fee → post → back.
    Dossier,
    /// Land office → land register → tax notice → payment.
    LandTax,
    /// Province → the Government Office: enter, send, return, approve (NĐ 09/2019).
    Report,
    /// The Government Office asks ministries, and tells them the result by a document.
    Ballot,
}

/// One flow: one story under one id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Flow {
    pub version: u32,
    /// In the form of a dossier code; each of its calls carries it as `X-Road-Issue`.
    pub id: String,
    pub kind: Kind,
    pub state: State,
    /// Milliseconds since 1970.
    pub began_ms: u64,
    pub ended_ms: Option<u64>,
    /// Who acts, by role.
    pub parties: BTreeMap<String, Party>,
    /// What it is about: invented people.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub input: Value,
    pub steps: Vec<Step>,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub outcome: Value,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    #[serde(with = "as_text")]
    pub member: MemberId,
    #[serde(with = "as_code")]
    pub agency: AgencyCode,
    pub name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Running,
    Done,
    /// It stands still at its last step and can be taken up again.
    Stopped,
    /// A party refused the matter and the citizen's dossier was stopped for it: it is not taken up again.
    Refused,
}

/// One step of one party.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Step {
    pub name: String,
    pub title_vi: String,
    pub title_en: String,
    pub role: String,
    /// Code of the service, or `edxml` for a document.
    pub service: String,
    pub method: String,
    pub path: String,
    pub state: StepState,
    pub tries: u32,
    /// HTTP status of the last answer; 0 before one came.
    pub status: u16,
    /// Of the last attempt: `lienthong calls ID` tells its way.
    pub message_id: String,
    /// Empty where the dialect does not tell it.
    pub request_id: String,
    /// Milliseconds since 1970.
    pub began_ms: u64,
    pub ended_ms: Option<u64>,
    /// What the other side said last, when it did not do what it was asked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub answer: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// On its way.
    Asking,
    /// The other side was reached and is not ready, or was not reached at all: it will be asked again.
    Waiting,
    Done,
    /// The other side will not.
    Refused,
    /// Asked, and nobody knows whether it was done: it is asked again before anything else.
    InDoubt,
}

impl Kind {
    pub const ALL: [Self; 5] =
        [Self::Birth, Self::Dossier, Self::LandTax, Self::Report, Self::Ballot];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Birth => "birth",
            Self::Dossier => "dossier",
            Self::LandTax => "land-tax",
            Self::Report => "report",
            Self::Ballot => "ballot",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub const fn title(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Birth, Lang::Vi) => "Liên thông đăng ký khai sinh",
            (Self::Birth, Lang::En) => "Birth registration, interlinked",
            (Self::Dossier, Lang::Vi) => "Hồ sơ một cửa từ Cổng DVCQG",
            (Self::Dossier, Lang::En) => "A one-stop dossier from the national portal",
            (Self::LandTax, Lang::Vi) => "Liên thông thuế đất",
            (Self::LandTax, Lang::En) => "Land-tax link",
            (Self::Report, Lang::Vi) => "Báo cáo định kỳ gửi Văn phòng Chính phủ",
            (Self::Report, Lang::En) => "Periodic report to the Government Office",
            (Self::Ballot, Lang::Vi) => "Phiếu lấy ý kiến thành viên Chính phủ",
            (Self::Ballot, Lang::En) => "Opinion ballot of the Government",
        }
    }
}

impl Flow {
    /// The answer of a step that is done.
    pub fn answer_of(&self, name: &str) -> Option<&Value> {
        let step = self.steps.iter().find(|step| step.name == name);
        step.filter(|step| step.state == StepState::Done).map(|step| &step.answer)
    }

    /// Its runner is gone: what was on its way may have been done.
    pub fn interrupt(&mut self) {
        self.state = State::Stopped;
        for step in self.steps.iter_mut().filter(|step| step.state == StepState::Asking) {
            step.state = StepState::InDoubt;
        }
    }

    /// The step at which it stands.
    pub fn at(&self) -> Option<&Step> {
        self.steps
            .iter()
            .rev()
            .find(|step| step.state != StepState::Done)
            .or_else(|| self.steps.last())
    }

    /// Text of the input at a JSON pointer; empty when there is none.
    pub fn text(&self, pointer: &str) -> &str {
        self.input.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }
}

impl Step {
    pub const fn title(&self, lang: Lang) -> &str {
        match lang {
            Lang::Vi => self.title_vi.as_str(),
            Lang::En => self.title_en.as_str(),
        }
    }
}

impl StepState {
    pub const fn title(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Asking, Lang::Vi) => "đang hỏi",
            (Self::Asking, Lang::En) => "asking",
            (Self::Waiting, Lang::Vi) => "đang chờ",
            (Self::Waiting, Lang::En) => "waiting",
            (Self::Done, Lang::Vi) => "xong",
            (Self::Done, Lang::En) => "done",
            (Self::Refused, Lang::Vi) => "bị từ chối",
            (Self::Refused, Lang::En) => "refused",
            (Self::InDoubt, Lang::Vi) => "chưa rõ đã làm hay chưa",
            (Self::InDoubt, Lang::En) => "in doubt",
        }
    }
}

impl State {
    /// Nothing more comes of it.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Refused)
    }

    pub const fn title(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Running, Lang::Vi) => "đang chạy",
            (Self::Running, Lang::En) => "running",
            (Self::Done, Lang::Vi) => "hoàn thành",
            (Self::Done, Lang::En) => "done",
            (Self::Stopped, Lang::Vi) => "dừng giữa chừng",
            (Self::Stopped, Lang::En) => "stopped",
            (Self::Refused, Lang::Vi) => "bị từ chối, hồ sơ đã dừng xử lý",
            (Self::Refused, Lang::En) => "refused, the dossier is stopped",
        }
    }
}

mod as_text {
    use crate::domain::member_id::MemberId;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(id: &MemberId, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(id)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<MemberId, D::Error> {
        let text = String::deserialize(from)?;
        MemberId::parse(&text).map_err(|error| de::Error::custom(format!("{text}: {error:?}")))
    }
}

mod as_code {
    use crate::domain::agency::AgencyCode;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(code: &AgencyCode, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(code.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<AgencyCode, D::Error> {
        let text = String::deserialize(from)?;
        AgencyCode::parse(&text).map_err(|error| de::Error::custom(format!("{text}: {error:?}")))
    }
}
