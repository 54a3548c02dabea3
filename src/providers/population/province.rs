//! The 34 provinces since 1/7/2025 (domain.md 3.4), each with the former provinces it is made of.
//!
//! Codes, unions and counts of communes are the public ones; the population of a former province
//! within its union is an estimate, good enough for weights.

/// A province or centrally run city (tỉnh, thành phố trực thuộc trung ương).
#[derive(Debug, PartialEq, Eq)]
pub struct Province {
    /// Level-one agency code (`H26`, domain.md 3.4).
    pub agency_code: &'static str,
    /// Two-digit code of administrative units (QĐ 19/2025/QĐ-TTg).
    pub code: u8,
    /// Without "Tỉnh" or "Thành phố".
    pub name: &'static str,
    pub is_city: bool,
    /// Number of xã.
    pub rural: u16,
    /// Number of phường.
    pub wards: u16,
    /// Number of đặc khu.
    pub special: u16,
    /// The former provinces, the one that gave name and code first.
    pub areas: &'static [Area],
    /// Ethnic code and people per thousand who are not Kinh (rounded, assumed).
    pub minorities: &'static [(u8, u32)],
}

/// A former province: it lives on in the first three digits of identity numbers.
#[derive(Debug, PartialEq, Eq)]
pub struct Area {
    /// Code of the place of birth in identity numbers, `001` to `096`.
    pub identity_code: u16,
    pub agency_code: &'static str,
    pub name: &'static str,
    /// Thousands of people.
    pub population: u32,
}

impl Province {
    /// By two-digit code.
    pub fn by_code(code: u8) -> Option<&'static Self> {
        PROVINCES.iter().find(|province| province.code == code)
    }

    /// By the agency code of the union or of a former province (`H26`).
    pub fn by_agency_code(code: &str) -> Option<&'static Self> {
        PROVINCES.iter().find(|province| province.areas.iter().any(|area| area.agency_code == code))
    }

    /// "Tỉnh An Giang", "Thành phố Hà Nội".
    pub fn full_name(&self) -> String {
        let kind = if self.is_city { "Thành phố" } else { "Tỉnh" };
        format!("{kind} {}", self.name)
    }

    /// Thousands of people.
    pub fn population(&self) -> u32 {
        self.areas.iter().map(|area| area.population).sum()
    }

    /// How many communes there are; their numbers run from 1 to this.
    pub fn communes(&self) -> u16 {
        self.rural + self.wards + self.special
    }
}

const fn area(
    identity_code: u16,
    agency_code: &'static str,
    name: &'static str,
    population: u32,
) -> Area {
    Area { identity_code, agency_code, name, population }
}

const fn province(
    code: u8,
    areas: &'static [Area],
    communes: (u16, u16, u16),
    minorities: &'static [(u8, u32)],
) -> Province {
    let (agency_code, name) = match areas {
        [first, ..] => (first.agency_code, first.name),
        [] => ("", ""),
    };
    let (rural, wards, special) = communes;
    // The six cities run by the centre.
    let is_city = matches!(code, 1 | 31 | 46 | 48 | 79 | 92);
    Province { agency_code, code, name, is_city, rural, wards, special, areas, minorities }
}

/// In the order of their codes.
pub static PROVINCES: [Province; 34] = [
    province(1, &[area(1, "H26", "Hà Nội", 8810)], (75, 51, 0), &[(6, 10)]),
    province(
        4,
        &[area(4, "H14", "Cao Bằng", 570)],
        (53, 3, 0),
        &[(2, 410), (7, 300), (8, 115), (9, 105)],
    ),
    province(
        8,
        &[area(8, "H60", "Tuyên Quang", 880), area(2, "H22", "Hà Giang", 990)],
        (117, 7, 0),
        &[(2, 250), (8, 210), (9, 150), (7, 40)],
    ),
    province(11, &[area(11, "H18", "Điện Biên", 670)], (42, 3, 0), &[(3, 380), (8, 360), (9, 20)]),
    province(12, &[area(12, "H35", "Lai Châu", 510)], (36, 2, 0), &[(3, 320), (8, 240), (9, 130)]),
    province(14, &[area(14, "H52", "Sơn La", 1400)], (67, 8, 0), &[(3, 540), (8, 160), (6, 80)]),
    province(
        15,
        &[area(10, "H38", "Lào Cai", 820), area(15, "H63", "Yên Bái", 960)],
        (89, 10, 0),
        &[(2, 170), (8, 170), (9, 120), (3, 60)],
    ),
    province(
        19,
        &[area(19, "H55", "Thái Nguyên", 1450), area(6, "H03", "Bắc Kạn", 350)],
        (77, 15, 0),
        &[(2, 200), (7, 90), (9, 50), (18, 30)],
    ),
    province(20, &[area(20, "H37", "Lạng Sơn", 880)], (61, 4, 0), &[(7, 430), (2, 360), (9, 35)]),
    province(
        22,
        &[area(22, "H49", "Quảng Ninh", 1500)],
        (22, 30, 2),
        &[(9, 60), (2, 35), (18, 20)],
    ),
    province(
        24,
        &[area(27, "H05", "Bắc Ninh", 1590), area(24, "H02", "Bắc Giang", 2030)],
        (66, 33, 0),
        &[(7, 50), (2, 30), (18, 15)],
    ),
    province(
        25,
        &[
            area(25, "H44", "Phú Thọ", 1660),
            area(26, "H62", "Vĩnh Phúc", 1360),
            area(17, "H28", "Hòa Bình", 1000),
        ],
        (133, 15, 0),
        &[(6, 220), (18, 15), (9, 15)],
    ),
    province(
        31,
        &[area(31, "H24", "Hải Phòng", 2400), area(30, "H23", "Hải Dương", 2260)],
        (67, 45, 2),
        &[],
    ),
    province(
        33,
        &[area(33, "H31", "Hưng Yên", 1430), area(34, "H54", "Thái Bình", 2140)],
        (93, 11, 0),
        &[],
    ),
    province(
        37,
        &[
            area(37, "H42", "Ninh Bình", 1190),
            area(35, "H25", "Hà Nam", 1040),
            area(36, "H40", "Nam Định", 2180),
        ],
        (97, 32, 0),
        &[(6, 8)],
    ),
    province(38, &[area(38, "H56", "Thanh Hóa", 4320)], (147, 19, 0), &[(6, 100), (3, 60), (8, 5)]),
    province(40, &[area(40, "H41", "Nghệ An", 3830)], (119, 11, 0), &[(3, 110), (8, 12)]),
    province(42, &[area(42, "H27", "Hà Tĩnh", 1620)], (60, 9, 0), &[]),
    province(
        44,
        &[area(45, "H50", "Quảng Trị", 780), area(44, "H46", "Quảng Bình", 1090)],
        (69, 8, 1),
        &[(21, 70)],
    ),
    province(46, &[area(46, "H57", "Huế", 1430)], (19, 21, 0), &[(21, 45)]),
    province(
        48,
        &[area(48, "H17", "Đà Nẵng", 1340), area(49, "H47", "Quảng Nam", 1730)],
        (70, 23, 1),
        &[(21, 50)],
    ),
    province(
        51,
        &[area(51, "H48", "Quảng Ngãi", 1490), area(62, "H34", "Kon Tum", 670)],
        (86, 9, 1),
        &[(19, 100), (14, 80), (13, 50)],
    ),
    province(
        52,
        &[area(64, "H21", "Gia Lai", 1800), area(52, "H08", "Bình Định", 1780)],
        (110, 25, 0),
        &[(10, 150), (13, 80)],
    ),
    province(
        56,
        &[area(56, "H32", "Khánh Hòa", 1500), area(58, "H43", "Ninh Thuận", 740)],
        (48, 16, 1),
        &[(20, 60), (17, 40)],
    ),
    province(
        66,
        &[area(66, "H15", "Đắk Lắk", 2270), area(54, "H45", "Phú Yên", 1080)],
        (88, 14, 0),
        &[(12, 140), (7, 45), (2, 30)],
    ),
    province(
        68,
        &[
            area(68, "H36", "Lâm Đồng", 1500),
            area(67, "H16", "Đắk Nông", 770),
            area(60, "H11", "Bình Thuận", 1600),
        ],
        (103, 20, 1),
        &[(16, 90), (17, 15), (8, 20), (7, 20)],
    ),
    province(
        75,
        &[area(75, "H19", "Đồng Nai", 3350), area(70, "H10", "Bình Phước", 1140)],
        (72, 23, 0),
        &[(4, 25), (7, 20), (2, 15)],
    ),
    province(
        79,
        &[
            area(79, "H29", "Hồ Chí Minh", 9800),
            area(77, "H06", "Bà Rịa - Vũng Tàu", 1250),
            area(74, "H09", "Bình Dương", 2950),
        ],
        (54, 113, 1),
        &[(4, 40), (5, 5)],
    ),
    province(
        80,
        &[area(72, "H53", "Tây Ninh", 1320), area(80, "H39", "Long An", 1930)],
        (82, 14, 0),
        &[(5, 8)],
    ),
    province(
        82,
        &[area(87, "H20", "Đồng Tháp", 2080), area(82, "H58", "Tiền Giang", 2290)],
        (82, 20, 0),
        &[],
    ),
    province(
        86,
        &[
            area(86, "H61", "Vĩnh Long", 1300),
            area(83, "H07", "Bến Tre", 1610),
            area(84, "H59", "Trà Vinh", 1350),
        ],
        (105, 19, 0),
        &[(5, 115), (4, 5)],
    ),
    province(
        91,
        &[area(89, "H01", "An Giang", 2560), area(91, "H33", "Kiên Giang", 2390)],
        (85, 14, 3),
        &[(5, 80), (4, 8), (17, 5)],
    ),
    province(
        92,
        &[
            area(92, "H13", "Cần Thơ", 1500),
            area(94, "H51", "Sóc Trăng", 1560),
            area(93, "H30", "Hậu Giang", 1140),
        ],
        (72, 31, 0),
        &[(5, 130), (4, 20)],
    ),
    province(
        96,
        &[area(96, "H12", "Cà Mau", 1480), area(95, "H04", "Bạc Liêu", 1130)],
        (55, 9, 0),
        &[(5, 45), (4, 10)],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_country_is_whole() {
        let sum = |count: fn(&Province) -> u16| PROVINCES.iter().map(count).sum::<u16>();
        assert_eq!((sum(|p| p.rural), sum(|p| p.wards), sum(|p| p.special)), (2621, 687, 13));
        assert_eq!(PROVINCES.iter().map(Province::population).sum::<u32>(), 113_540);
        assert!(PROVINCES.is_sorted_by(|one, next| one.code < next.code));
        let mut codes: Vec<_> =
            PROVINCES.iter().flat_map(|p| p.areas).map(|area| area.identity_code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), 63);
        for number in 1..=63 {
            assert!(Province::by_agency_code(&format!("H{number:02}")).is_some(), "H{number:02}");
        }
        assert_eq!(Province::by_agency_code("H39").map(|p| p.agency_code), Some("H53"));
        assert_eq!(
            Province::by_code(79).map(Province::full_name).unwrap(),
            "Thành phố Hồ Chí Minh"
        );
        assert_eq!(Province::by_code(2), None);
    }
}
