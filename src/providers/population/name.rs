//! Vietnamese personal names: family name (Họ), middle name (Chữ đệm), given name (Tên), about as
//! frequent as in life. The lists are common words; a full name belongs to nobody in particular.

use super::draw::Draw;
use super::traits::Sex;
use std::fmt;

/// A name in three parts, each in Unicode NFC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// Họ.
    pub family: &'static str,
    /// Chữ đệm, one word or two.
    pub middle: &'static str,
    /// Tên.
    pub given: &'static str,
}

impl Name {
    pub(super) fn new(family: &'static str, sex: Sex, draw: &mut Draw) -> Self {
        let (middles, givens) = match sex {
            Sex::Male => (MALE_MIDDLES, MALE_GIVENS),
            Sex::Female => (FEMALE_MIDDLES, FEMALE_GIVENS),
        };
        let (middle, given) = (draw.weighted(middles), draw.weighted(givens));
        // Nobody is called Ngọc Ngọc.
        let middle = if middle.ends_with(given) { sex.plain_middle() } else { middle };
        Self { family, middle, given }
    }

    /// "Nguyễn Thị Minh Anh".
    pub fn full(&self) -> String {
        self.to_string()
    }

    /// "NGUYỄN THỊ MINH ANH", as the national databases store it (domain.md 4.2).
    pub fn upper(&self) -> String {
        self.full().to_uppercase()
    }

    /// Whatever the case and the blanks between words; diacritics count (NFC expected).
    pub fn matches(&self, text: &str) -> bool {
        let parts = [self.family, self.middle, self.given];
        let own = parts.iter().flat_map(|part| part.split(' ')).map(folded);
        // Never reads far beyond a name's length: `eq` stops at the first difference.
        own.flatten().eq(text.split_whitespace().flat_map(folded))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {} {}", self.family, self.middle, self.given)
    }
}

/// The letters in lower case, then a blank: so that words cannot run together.
fn folded(word: &str) -> impl Iterator<Item = char> {
    word.chars().flat_map(char::to_lowercase).chain([' '])
}

/// A family name common among the ethnic group.
pub(super) fn family_name(ethnic_code: u8, draw: &mut Draw) -> &'static str {
    let own = ETHNIC_FAMILIES.iter().find(|(codes, _)| codes.contains(&ethnic_code));
    match own {
        Some((_, families)) => draw.pick(families),
        None => draw.weighted(FAMILIES),
    }
}

/// Share in ten thousand.
const FAMILIES: &[(&str, u32)] = &[
    ("Nguyễn", 3840),
    ("Trần", 1210),
    ("Lê", 950),
    ("Phạm", 700),
    ("Hoàng", 510),
    ("Phan", 450),
    ("Vũ", 390),
    ("Đặng", 210),
    ("Bùi", 200),
    ("Đỗ", 140),
    ("Hồ", 130),
    ("Ngô", 130),
    ("Võ", 130),
    ("Huỳnh", 130),
    ("Dương", 100),
    ("Lý", 50),
    ("Đinh", 80),
    ("Trương", 80),
    ("Lâm", 60),
    ("Mai", 60),
    ("Trịnh", 60),
    ("Đoàn", 60),
    ("Đào", 60),
    ("Cao", 50),
    ("Hà", 50),
    ("Lưu", 40),
    ("Lương", 40),
    ("Tạ", 30),
    ("Châu", 30),
    ("Quách", 10),
];

/// By ethnic code (domain.md 4.9 `madantoc`); other groups use the common names.
const ETHNIC_FAMILIES: &[(&[u8], &[&str])] = &[
    (&[2, 7], &["Nông", "Hoàng", "Triệu", "Lý", "Hứa", "Vi", "Bế", "Lương", "Ma"]),
    (&[3], &["Lò", "Quàng", "Cà", "Tòng", "Lường", "Hà", "Vi", "Lương"]),
    (&[4], &["Trần", "Lâm", "Huỳnh", "Lý", "Quách", "Trương", "Lưu"]),
    (&[5], &["Thạch", "Sơn", "Kim", "Lâm", "Danh", "Kiên"]),
    (&[6], &["Bùi", "Đinh", "Quách", "Hà", "Phạm"]),
    (&[8], &["Giàng", "Vàng", "Sùng", "Thào", "Mùa", "Lầu", "Hạng"]),
    (&[9], &["Triệu", "Đặng", "Bàn", "Lý", "Phùng", "Chảo"]),
    (&[17], &["Đàng", "Lưu", "Bá", "Thành", "Quảng"]),
];

const MALE_MIDDLES: &[(&str, u32)] = &[
    ("Văn", 30),
    ("Đức", 9),
    ("Minh", 9),
    ("Hữu", 7),
    ("Quang", 6),
    ("Ngọc", 6),
    ("Công", 5),
    ("Xuân", 5),
    ("Thanh", 5),
    ("Đình", 4),
    ("Gia", 4),
    ("Quốc", 4),
    ("Hoàng", 4),
    ("Anh", 3),
    ("Tiến", 3),
    ("Trọng", 2),
    ("Bá", 1),
    ("Thế", 2),
    ("Mạnh", 2),
];
const MALE_GIVENS: &[(&str, u32)] = &[
    ("Hùng", 6),
    ("Tuấn", 6),
    ("Dũng", 5),
    ("Minh", 6),
    ("Nam", 4),
    ("Hải", 4),
    ("Long", 4),
    ("Thành", 4),
    ("Đức", 4),
    ("Huy", 5),
    ("Cường", 4),
    ("Khang", 3),
    ("Phúc", 3),
    ("Khoa", 3),
    ("Sơn", 4),
    ("Thắng", 4),
    ("Trung", 3),
    ("Quân", 3),
    ("Kiên", 3),
    ("Bình", 3),
    ("Phong", 3),
    ("Tùng", 2),
    ("Việt", 2),
    ("Tài", 2),
    ("Toàn", 2),
    ("Hiếu", 4),
    ("Đạt", 3),
    ("Lâm", 2),
    ("Nghĩa", 2),
    ("Vinh", 2),
    ("Bảo", 3),
    ("Thịnh", 2),
    ("Tiến", 2),
    ("Hòa", 2),
    ("Lộc", 1),
    ("Quý", 1),
    ("Trí", 1),
    ("An", 2),
];
const FEMALE_MIDDLES: &[(&str, u32)] = &[
    ("Thị", 34),
    ("Thị Thu", 5),
    ("Thị Thanh", 5),
    ("Thị Ngọc", 5),
    ("Thị Minh", 4),
    ("Thị Kim", 4),
    ("Thị Hồng", 4),
    ("Ngọc", 8),
    ("Thu", 4),
    ("Thanh", 4),
    ("Minh", 4),
    ("Phương", 4),
    ("Khánh", 3),
    ("Bảo", 3),
    ("Hoàng", 2),
    ("Mai", 2),
    ("Diệu", 2),
    ("Quỳnh", 2),
    ("Thùy", 3),
    ("Gia", 1),
];
const FEMALE_GIVENS: &[(&str, u32)] = &[
    ("Hương", 5),
    ("Lan", 4),
    ("Hoa", 4),
    ("Linh", 6),
    ("Trang", 5),
    ("Hà", 4),
    ("Anh", 6),
    ("Thảo", 5),
    ("Ngọc", 4),
    ("Mai", 3),
    ("Phương", 5),
    ("Hằng", 3),
    ("Nga", 3),
    ("Hồng", 3),
    ("Thủy", 3),
    ("Yến", 3),
    ("Nhung", 3),
    ("Huyền", 4),
    ("Vân", 3),
    ("Loan", 2),
    ("Tuyết", 2),
    ("Dung", 2),
    ("Hạnh", 3),
    ("Oanh", 2),
    ("Nhi", 3),
    ("Vy", 3),
    ("My", 3),
    ("Châu", 2),
    ("Chi", 3),
    ("Hiền", 3),
    ("Tâm", 2),
    ("Thơm", 1),
    ("Quyên", 2),
    ("Trâm", 2),
    ("Như", 2),
    ("Hân", 2),
];

#[cfg(test)]
mod tests {
    use super::super::draw::Stream;
    use super::*;

    const NAME: Name = Name { family: "Nguyễn", middle: "Thị Thu", given: "Hà" };

    #[test]
    fn a_name_is_the_same_in_any_case_and_spacing_but_not_without_marks() {
        assert_eq!(NAME.upper(), "NGUYỄN THỊ THU HÀ");
        for same in ["Nguyễn Thị Thu Hà", "NGUYỄN THỊ THU HÀ", "  nguyễn  thị thu\thà "]
        {
            assert!(NAME.matches(same), "{same}");
        }
        for other in
            ["", "Nguyễn Thị Thu", "Nguyen Thi Thu Ha", "NguyễnThị Thu Hà", "Nguyễn Thị Thu Hà A"]
        {
            assert!(!NAME.matches(other), "{other}");
        }
    }

    #[test]
    fn names_follow_their_sex_and_never_repeat_a_word() {
        for seed in 0..5_000 {
            let draw = &mut Draw::new(seed, Stream::GivenName, 0);
            let man = Name::new("Lê", Sex::Male, draw);
            let woman = Name::new("Lê", Sex::Female, draw);
            assert!(!man.middle.starts_with("Thị") && woman.middle != "Văn");
            assert!(!man.middle.ends_with(man.given) && !woman.middle.ends_with(woman.given));
            assert!(man.matches(&man.upper()) && woman.matches(&woman.upper()));
        }
    }
}
