//! Names of what the exchange knows: the official Vietnamese terms, and English ones.

use super::{Both, Lang};
use crate::domain::document_type::Group;
use crate::domain::envelope::{Kind, SignatureState, Urgency};
use crate::domain::fact::DeliveryState;
use crate::domain::status::BusinessStatus;

/// Has a name for users in both languages.
pub trait Named {
    fn name(&self, lang: Lang) -> &'static str;
}

// domain.md 2.2; QĐ 28/2018 Art. 10 names the statuses.
impl Named for BusinessStatus {
    fn name(&self, lang: Lang) -> &'static str {
        let both = match self {
            Self::Arrived => Both { vi: "Đã đến", en: "Arrived" },
            Self::Refused => Both { vi: "Từ chối tiếp nhận", en: "Refused" },
            Self::Accepted => Both { vi: "Đã tiếp nhận", en: "Accepted" },
            Self::Assigned => Both { vi: "Phân công xử lý", en: "Assigned" },
            Self::InProgress => Both { vi: "Đang xử lý", en: "In progress" },
            Self::Completed => Both { vi: "Hoàn thành", en: "Completed" },
            Self::RecallRequested => Both { vi: "Lấy lại", en: "Recall requested" },
            Self::ChangeAgreed => {
                Both { vi: "Đồng ý cập nhật/lấy lại", en: "Update or recall agreed" }
            }
            Self::ChangeDeclined => {
                Both { vi: "Từ chối cập nhật/lấy lại", en: "Update or recall declined" }
            }
        };
        both.of(lang)
    }
}

impl Named for Kind {
    fn name(&self, lang: Lang) -> &'static str {
        let both = match self {
            Self::New => Both { vi: "Văn bản mới", en: "New document" },
            Self::Recall => Both { vi: "Thu hồi văn bản", en: "Recall" },
            Self::Update => Both { vi: "Cập nhật văn bản", en: "Update" },
            Self::Replace => Both { vi: "Thay thế văn bản", en: "Replacement" },
            Self::Status => Both { vi: "Trạng thái xử lý", en: "Status message" },
        };
        both.of(lang)
    }
}

// domain.md 2.3, Priority.
impl Named for Urgency {
    fn name(&self, lang: Lang) -> &'static str {
        let both = match self.level() {
            0 => Both { vi: "Thường", en: "Normal" },
            1 => Both { vi: "Khẩn", en: "Urgent" },
            2 => Both { vi: "Thượng khẩn", en: "Very urgent" },
            3 => Both { vi: "Hỏa tốc", en: "Immediate" },
            _ => Both { vi: "Hỏa tốc hẹn giờ", en: "Immediate, timed" },
        };
        both.of(lang)
    }
}

impl Named for DeliveryState {
    fn name(&self, lang: Lang) -> &'static str {
        let both = match self {
            Self::UnderWay => Both { vi: "Đang chuyển", en: "Under way" },
            Self::Initial => {
                Both { vi: "Đã vào hộp thư, chưa lấy", en: "In the inbox, not taken" }
            }
            Self::Processing => Both { vi: "Nơi nhận đang lấy", en: "Being taken" },
            Self::Done => Both { vi: "Nơi nhận đã lấy xong", en: "Taken" },
            Self::Fail => {
                Both { vi: "Nơi nhận lấy không thành công", en: "Taking it failed" }
            }
            Self::Refused => {
                Both { vi: "Bị từ chối trên đường chuyển", en: "Refused on the way" }
            }
            Self::Expired => {
                Both { vi: "Quá hạn lưu, không ai lấy", en: "Expired, never fetched" }
            }
        };
        both.of(lang)
    }
}

impl Named for SignatureState {
    fn name(&self, lang: Lang) -> &'static str {
        let both = match self {
            Self::Unchecked => {
                Both { vi: "Chưa kiểm tra chữ ký", en: "Signature not checked" }
            }
            Self::None => Both { vi: "Không có chữ ký số", en: "Not signed" },
            Self::Valid => Both { vi: "Chữ ký số hợp lệ", en: "Signature valid" },
            Self::Invalid => {
                Both { vi: "Chữ ký số không hợp lệ", en: "Signature invalid" }
            }
            Self::Untrusted => {
                Both { vi: "Chữ ký số chưa được tin cậy", en: "Signer not trusted" }
            }
        };
        both.of(lang)
    }
}

impl Named for Group {
    fn name(&self, lang: Lang) -> &'static str {
        let both = match self {
            Self::Normative => {
                Both { vi: "Văn bản quy phạm pháp luật", en: "Normative document" }
            }
            Self::Administrative => {
                Both { vi: "Văn bản hành chính", en: "Administrative document" }
            }
            Self::Copy => Both { vi: "Bản sao", en: "Copy" },
        };
        both.of(lang)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_within_their_list() {
        for lang in Lang::ALL {
            let mut names: Vec<_> = BusinessStatus::ALL.iter().map(|s| s.name(lang)).collect();
            names.extend((0..=4).filter_map(Urgency::new).map(|u| u.name(lang)));
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count, "{lang:?}");
        }
        assert_eq!(BusinessStatus::Accepted.name(Lang::Vi), "Đã tiếp nhận");
        assert_eq!(Urgency::new(3).unwrap().name(Lang::Vi), "Hỏa tốc");
    }
}
