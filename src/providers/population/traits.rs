//! Small closed sets a person is described by: sex, ethnic group, religion, marital status, blood group.

use super::draw::Draw;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sex {
    Male,
    Female,
}

impl Sex {
    pub fn label(self) -> &'static str {
        match self {
            Self::Male => "Nam",
            Self::Female => "Nữ",
        }
    }

    /// `gioiTinh` of social insurance: 1 male, 2 female (domain.md 4.4).
    pub fn insurance_code(self) -> u8 {
        match self {
            Self::Male => 1,
            Self::Female => 2,
        }
    }

    pub(super) fn plain_middle(self) -> &'static str {
        match self {
            Self::Male => "Văn",
            Self::Female => "Thị",
        }
    }
}

/// An ethnic group (dân tộc) of the national list (domain.md 4.9 `madantoc`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EthnicGroup {
    /// Written with two digits.
    pub code: u8,
    pub name: &'static str,
}

impl EthnicGroup {
    pub(super) const KINH: Self = Self { code: 1, name: "Kinh" };

    /// `minorities` is (code, people in a thousand); the rest are Kinh.
    pub(super) fn draw(minorities: &[(u8, u32)], draw: &mut Draw) -> Self {
        let mut left = draw.below(1000);
        for (code, per_mille) in minorities {
            if left < *per_mille {
                return Self::by_code(*code).unwrap_or(Self::KINH);
            }
            left -= per_mille;
        }
        Self::KINH
    }

    /// One of the groups that occur in the population.
    pub fn by_code(code: u8) -> Option<Self> {
        Self::ALL.iter().find(|group| group.code == code).copied()
    }

    /// The groups that occur in the population: the largest of the 54, with their official codes.
    pub const ALL: [Self; 19] = [
        Self::KINH,
        Self { code: 2, name: "Tày" },
        Self { code: 3, name: "Thái" },
        Self { code: 4, name: "Hoa" },
        Self { code: 5, name: "Khmer" },
        Self { code: 6, name: "Mường" },
        Self { code: 7, name: "Nùng" },
        Self { code: 8, name: "HMông" },
        Self { code: 9, name: "Dao" },
        Self { code: 10, name: "Gia-rai" },
        Self { code: 12, name: "Ê-đê" },
        Self { code: 13, name: "Ba-na" },
        Self { code: 14, name: "Xơ-đăng" },
        Self { code: 16, name: "Cơ-ho" },
        Self { code: 17, name: "Chăm" },
        Self { code: 18, name: "Sán Dìu" },
        Self { code: 19, name: "Hrê" },
        Self { code: 20, name: "Ra-glai" },
        Self { code: 21, name: "Bru-Vân Kiều" },
    ];
}

/// Codes are those of this simulator; the real list is not at hand (assumed).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Religion {
    #[default]
    None,
    Buddhism,
    Catholicism,
    Protestantism,
    CaoDai,
    HoaHao,
}

impl Religion {
    pub(super) fn draw(draw: &mut Draw) -> Self {
        draw.weighted(&[
            (Self::None, 860),
            (Self::Buddhism, 48),
            (Self::Catholicism, 61),
            (Self::Protestantism, 10),
            (Self::CaoDai, 9),
            (Self::HoaHao, 12),
        ])
    }

    pub fn code(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Buddhism => 1,
            Self::Catholicism => 2,
            Self::Protestantism => 3,
            Self::CaoDai => 4,
            Self::HoaHao => 5,
        }
    }

    pub fn label(self) -> &'static str {
        match self {
            Self::None => "Không",
            Self::Buddhism => "Phật giáo",
            Self::Catholicism => "Công giáo",
            Self::Protestantism => "Tin lành",
            Self::CaoDai => "Cao Đài",
            Self::HoaHao => "Phật giáo Hòa Hảo",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum MaritalStatus {
    #[default]
    Single,
    Married,
    Widowed,
    Divorced,
}

impl MaritalStatus {
    /// Assumed: the real list is not at hand.
    pub fn code(self) -> u8 {
        match self {
            Self::Single => 1,
            Self::Married => 2,
            Self::Widowed => 3,
            Self::Divorced => 4,
        }
    }

    pub fn label(self) -> &'static str {
        match self {
            Self::Single => "Chưa kết hôn",
            Self::Married => "Đang có vợ/chồng",
            Self::Widowed => "Góa",
            Self::Divorced => "Ly hôn",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum BloodGroup {
    #[default]
    O,
    A,
    B,
    Ab,
}

impl BloodGroup {
    pub(super) fn draw(draw: &mut Draw) -> Self {
        draw.weighted(&[(Self::O, 43), (Self::B, 31), (Self::A, 21), (Self::Ab, 5)])
    }

    pub fn label(self) -> &'static str {
        match self {
            Self::O => "O",
            Self::A => "A",
            Self::B => "B",
            Self::Ab => "AB",
        }
    }
}

/// What a member is to the head of the household (quan hệ với chủ hộ).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelationToHead {
    Head,
    Wife,
    Husband,
    Child,
    Father,
    Mother,
    FatherInLaw,
    MotherInLaw,
}

impl RelationToHead {
    pub fn label(self) -> &'static str {
        match self {
            Self::Head => "Chủ hộ",
            Self::Wife => "Vợ",
            Self::Husband => "Chồng",
            Self::Child => "Con",
            Self::Father => "Bố",
            Self::Mother => "Mẹ",
            Self::FatherInLaw => "Bố chồng",
            Self::MotherInLaw => "Mẹ chồng",
        }
    }
}
