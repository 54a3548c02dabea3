//! Invented agencies below real ministries and provinces, so that a laptop has as many to address as the real
//! directory. Every row says that it is synthetic.
//!
//! The tree is the usual one (domain.md 3.5): second-level numbers 01–22 for the departments of a province;
//! districts from 30 with communes from 20 until 30/6/2025; communes right below the province after that.
//! Same plan, same rows: the numbers and names follow from the code of the root.

use super::{AgencyKind, Period, Row};
use crate::domain::agency::AgencyCode;
use jiff::civil::{Date, date};
use std::collections::BTreeMap;
use std::sync::Arc;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// How much to invent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Below which ministries and provinces; all of them when empty.
    pub below: Vec<AgencyCode>,
    /// The departments of a province, the units of a ministry.
    pub departments: bool,
    /// Communes per province alive after 1/7/2025.
    pub communes: u16,
    /// Districts per province until then, the communes of that time spread over them.
    pub districts: u16,
    /// Units below each department and commune of today.
    pub units: u16,
}

/// NQ 202/2025/QH15: 34 provinces, and no districts, from this day on.
const MERGER: Date = date(2025, 7, 1);
/// The ministries, and their departments in provinces, were merged four months before.
const REFORM: Date = date(2025, 3, 1);
/// When the axis' codes begin (QCVN 102:2016).
const BEGINNING: Date = date(2016, 10, 1);

/// Rows to add to those known. A code that is known already is left out for as long as the known one lives.
pub fn rows(known: &[Row], plan: &Plan) -> Vec<Row> {
    let mut builder = Builder { taken: BTreeMap::new(), rows: Vec::new() };
    let mut roots: BTreeMap<AgencyCode, Root> = BTreeMap::new();
    for row in known {
        builder.take(row);
        if let Some(root) = Root::of(row) {
            roots.entry(row.code).and_modify(|r| r.continue_with(&root)).or_insert(root);
        }
    }
    for root in roots.values() {
        if plan.below.is_empty() || plan.below.contains(&root.code) {
            builder.below(root, plan);
        }
    }
    builder.rows
}

/// A ministry or province over its whole life.
struct Root {
    code: AgencyCode,
    kind: AgencyKind,
    /// `tỉnh Tuyên Quang`, `Bộ Tài chính`.
    name: String,
    until: Option<Date>,
    successor: Option<AgencyCode>,
}

impl Root {
    fn of(row: &Row) -> Option<Self> {
        let kind = row.period.kind;
        let is_root = matches!(
            kind,
            AgencyKind::Province | AgencyKind::Ministry | AgencyKind::MinisterialAgency
        );
        let name = row.period.name_vi.strip_prefix("UBND ").unwrap_or(&row.period.name_vi);
        let name = name.replacen("Tỉnh ", "tỉnh ", 1).replacen("Thành phố ", "thành phố ", 1);
        let own = row.period.merged_into == Some(row.code);
        (is_root && row.code.level() == 1).then_some(Self {
            code: row.code,
            kind,
            name,
            until: row.period.valid_to.filter(|_| !own),
            successor: row.period.merged_into.filter(|_| !own),
        })
    }

    fn continue_with(&mut self, later: &Self) {
        self.until = later.until;
        self.successor = later.successor;
        self.kind = later.kind;
        self.name.clone_from(&later.name);
    }

    fn is_province(&self) -> bool {
        self.kind == AgencyKind::Province
    }

    fn is_alive_after(&self, day: Date) -> bool {
        self.until.is_none_or(|until| until >= day)
    }
}

struct Builder {
    /// The last day of each code known; `None` for one that goes on.
    taken: BTreeMap<AgencyCode, Option<Date>>,
    rows: Vec<Row>,
}

/// What a row is made of, before its life is cut to what is free.
struct Draft {
    code: Option<AgencyCode>,
    name: String,
    kind: AgencyKind,
    from: Date,
    to: Option<Date>,
    into: Option<AgencyCode>,
}

impl Builder {
    fn take(&mut self, row: &Row) {
        let to = row.period.valid_to;
        let last = self.taken.entry(row.code).or_insert(to);
        *last = match (*last, to) {
            (Some(a), Some(b)) => Some(a.max(b)),
            _ => None,
        };
    }

    fn add(&mut self, draft: Draft) -> Option<AgencyCode> {
        let code = draft.code?;
        let from = match self.taken.get(&code) {
            Some(Some(last)) => draft.from.max(last.tomorrow().ok()?),
            Some(None) => return None,
            None => draft.from,
        };
        if draft.to.is_some_and(|to| to < from) {
            return None;
        }
        let name_en: Arc<str> = ascii(&draft.name).into();
        let period = Period {
            name_vi: draft.name.into(),
            name_en,
            kind: draft.kind,
            valid_from: Some(from),
            valid_to: draft.to,
            merged_into: draft.into,
            synthetic: true,
        };
        self.rows.push(Row { code, period, mail: Arc::default() });
        Some(code)
    }

    fn below(&mut self, root: &Root, plan: &Plan) {
        if plan.departments {
            self.departments(root, plan);
        }
        if root.is_province() {
            if plan.districts > 0 {
                self.districts(root, plan);
            }
            if root.is_alive_after(MERGER) {
                self.communes(root, plan);
            }
        }
    }

    fn departments(&mut self, root: &Root, plan: &Plan) {
        let (table, kind) = if root.is_province() {
            (PROVINCE, AgencyKind::ProvinceUnit)
        } else {
            (MINISTRY, AgencyKind::MinistryUnit)
        };
        for department in table {
            let ends_with_root =
                (root.until, root.successor.and_then(|s| below(&s, department.number)));
            let reformed = REFORM.yesterday().ok();
            let (to, into) = match department.into {
                Some(number) => (reformed, below(&root.code, number)),
                None => ends_with_root,
            };
            let code = self.add(Draft {
                code: below(&root.code, department.number),
                name: format!("{} {}", department.name, root.name),
                kind,
                from: department.from,
                to,
                into,
            });
            if let Some(code) = code.filter(|_| to.is_none()) {
                self.units(&code, &root.name, kind, DEPARTMENT_UNITS, plan.units);
            }
        }
    }

    fn communes(&mut self, root: &Root, plan: &Plan) {
        for number in 0..plan.communes {
            let place = place(&root.code, number);
            let code = self.add(Draft {
                code: commune(&root.code, number),
                name: format!("UBND {place} {}", root.name),
                kind: AgencyKind::Commune,
                from: MERGER,
                to: None,
                into: None,
            });
            if let Some(code) = code {
                self.units(&code, &place, AgencyKind::Commune, COMMUNE_UNITS, plan.units);
            }
        }
    }

    fn units(
        &mut self,
        above: &AgencyCode,
        of: &str,
        kind: AgencyKind,
        names: &[&str],
        units: u16,
    ) {
        let kind = if kind == AgencyKind::Commune { AgencyKind::ProvinceUnit } else { kind };
        for (number, place) in (1..=units).zip(0_usize..) {
            let name = match names.get(place) {
                Some(name) => format!("{name} {of}"),
                None => format!("Đơn vị sự nghiệp công lập số {number} {of}"),
            };
            let code = below(above, &format!("{number:02}"));
            self.add(Draft { code, name, kind, from: MERGER, to: None, into: None });
        }
    }

    /// The time before the merger: their successors are the communes of today.
    fn districts(&mut self, root: &Root, plan: &Plan) {
        let to = MERGER.yesterday().ok();
        let heir = root.successor.unwrap_or(root.code);
        let districts = plan.districts.min(DISTRICTS_MAX);
        let each = plan.communes.div_ceil(districts.max(1)).min(COMMUNES_PER_DISTRICT_MAX);
        for district in 0..districts {
            let name = words(&root.code, district.wrapping_mul(7).wrapping_add(3));
            let code = self.add(Draft {
                code: below(&root.code, &format!("{}", 30 + district)),
                name: format!("UBND huyện {name} {}", root.name),
                kind: AgencyKind::District,
                from: BEGINNING,
                to,
                into: Some(heir),
            });
            let Some(code) = code else { continue };
            for number in 0..each {
                let running = district * each + number;
                let name = words(&root.code, running.wrapping_add(500));
                self.add(Draft {
                    code: below(&code, &format!("{}", 20 + number)),
                    name: format!("UBND xã {name} {}", root.name),
                    kind: AgencyKind::Commune,
                    from: BEGINNING,
                    to,
                    into: commune(&heir, running % plan.communes.max(1)),
                });
            }
        }
    }
}

fn below(above: &AgencyCode, group: &str) -> Option<AgencyCode> {
    AgencyCode::parse(&format!("{above}.{group}")).ok()
}

/// Three digits, as `H55.242` has them: 99 numbers do not hold a province's communes and departments.
fn commune(root: &AgencyCode, number: u16) -> Option<AgencyCode> {
    below(root, &format!("{}", number.checked_add(101)?))
}

/// `xã An Bình`; every fourth one is a ward.
fn place(root: &AgencyCode, number: u16) -> String {
    let sort = if number % 4 == 3 { "phường" } else { "xã" };
    format!("{sort} {}", words(root, number))
}

/// A place name: no two numbers of a province share one until all pairs are used up.
fn words(root: &AgencyCode, number: u16) -> String {
    let pairs = FIRST.len() * SECOND.len();
    let salt = root.as_str().bytes().fold(0_usize, |sum, byte| sum * 31 + usize::from(byte));
    // 191 is prime and divides no count of pairs here: stepping by it visits all of them.
    let pair = (salt + usize::from(number) * 191) % pairs;
    let first = FIRST.get(pair / SECOND.len()).copied().unwrap_or_default();
    let second = SECOND.get(pair % SECOND.len()).copied().unwrap_or_default();
    if first == second { format!("{first} Thượng") } else { format!("{first} {second}") }
}

/// The name without diacritics, as the real directory's English column has it for units.
fn ascii(text: &str) -> String {
    let map = |c| match c {
        'đ' => 'd',
        'Đ' => 'D',
        c => c,
    };
    text.nfd().filter(|c| !is_combining_mark(*c)).map(map).collect()
}

struct Department {
    number: &'static str,
    name: &'static str,
    from: Date,
    /// The one that took it over in March 2025.
    into: Option<&'static str>,
}

const fn lasting(number: &'static str, name: &'static str) -> Department {
    Department { number, name, from: BEGINNING, into: None }
}

const fn merged(number: &'static str, name: &'static str, into: &'static str) -> Department {
    Department { number, name, from: BEGINNING, into: Some(into) }
}

/// domain.md 3.5; the mergers are those of the ministries (3.2), assumed to hold in every province.
const PROVINCE: &[Department] = &[
    lasting("01", "Văn phòng UBND"),
    lasting("02", "Sở Công Thương"),
    lasting("03", "Sở Giáo dục và Đào tạo"),
    merged("04", "Sở Giao thông Vận tải", "16"),
    merged("05", "Sở Kế hoạch và Đầu tư", "11"),
    lasting("06", "Sở Khoa học và Công nghệ"),
    merged("07", "Sở Lao động - Thương binh và Xã hội", "09"),
    lasting("08", "Sở Ngoại vụ"),
    lasting("09", "Sở Nội vụ"),
    lasting("10", "Sở Nông nghiệp và Môi trường"),
    lasting("11", "Sở Tài chính"),
    merged("12", "Sở Tài nguyên và Môi trường", "10"),
    merged("13", "Sở Thông tin và Truyền thông", "06"),
    lasting("14", "Sở Tư pháp"),
    lasting("15", "Sở Văn hóa, Thể thao và Du lịch"),
    lasting("16", "Sở Xây dựng"),
    lasting("17", "Sở Y tế"),
    lasting("18", "Thanh tra"),
    Department { number: "19", name: "Sở Dân tộc và Tôn giáo", from: REFORM, into: None },
    lasting("22", "Ban Quản lý các Khu kinh tế"),
];

const MINISTRY: &[Department] = &[
    lasting("01", "Văn phòng"),
    lasting("03", "Vụ Tổ chức cán bộ"),
    lasting("04", "Vụ Pháp chế"),
    lasting("05", "Vụ Kế hoạch - Tài chính"),
    lasting("06", "Vụ Hợp tác quốc tế"),
    Department { number: "07", name: "Cục Chuyển đổi số", from: REFORM, into: None },
    lasting("08", "Trung tâm Thông tin"),
    lasting("10", "Vụ Tổng hợp"),
];

const DEPARTMENT_UNITS: &[&str] = &[
    "Phòng Hành chính - Tổ chức",
    "Phòng Kế hoạch - Tài chính",
    "Phòng Tổng hợp",
    "Phòng Pháp chế",
    "Trung tâm Dữ liệu",
    "Trung tâm Dịch vụ công",
];

const COMMUNE_UNITS: &[&str] = &[
    "Văn phòng HĐND và UBND",
    "Phòng Kinh tế",
    "Phòng Văn hóa - Xã hội",
    "Trung tâm Phục vụ hành chính công",
    "Ban Chỉ huy Quân sự",
    "Trạm Y tế",
    "Trường Mầm non",
    "Trường Tiểu học",
    "Trường Trung học cơ sở",
];

const DISTRICTS_MAX: u16 = 65;
const COMMUNES_PER_DISTRICT_MAX: u16 = 79;

const FIRST: &[&str] = &[
    "An",
    "Bình",
    "Cẩm",
    "Đại",
    "Đông",
    "Đức",
    "Hòa",
    "Hồng",
    "Hưng",
    "Kim",
    "Lâm",
    "Liên",
    "Long",
    "Lương",
    "Minh",
    "Mỹ",
    "Nam",
    "Nghĩa",
    "Phú",
    "Phước",
    "Quảng",
    "Quỳnh",
    "Sơn",
    "Tân",
    "Thái",
    "Thanh",
    "Thạnh",
    "Thượng",
    "Tiên",
    "Trung",
    "Tường",
    "Vạn",
    "Vĩnh",
    "Xuân",
    "Yên",
];

const SECOND: &[&str] = &[
    "An", "Bắc", "Bình", "Châu", "Dương", "Giang", "Hà", "Hải", "Hiệp", "Hòa", "Hưng", "Khê",
    "Khánh", "Lập", "Lộc", "Long", "Minh", "Ninh", "Phong", "Phú", "Phúc", "Quang", "Sơn", "Tâm",
    "Thành", "Thắng", "Thịnh", "Thọ", "Tiến", "Trạch", "Trị", "Xá",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::directory::{Directory, Standing};
    use std::collections::BTreeSet;

    fn known() -> Vec<Row> {
        let row = |code: &str, name: &str, kind, to: Option<Date>, into: &str| Row {
            code: AgencyCode::parse(code).unwrap(),
            period: Period {
                name_vi: name.into(),
                name_en: name.into(),
                kind,
                valid_from: Some(BEGINNING),
                valid_to: to,
                merged_into: AgencyCode::parse(into).ok(),
                synthetic: false,
            },
            mail: Arc::default(),
        };
        let last = MERGER.yesterday().ok();
        vec![
            row("H60", "UBND Tỉnh Tuyên Quang", AgencyKind::Province, None, ""),
            row("H22", "UBND Tỉnh Hà Giang", AgencyKind::Province, last, "H60"),
            row("G12", "Bộ Tài chính", AgencyKind::Ministry, None, ""),
            row("H60.09", "Sở Nội vụ thật", AgencyKind::ProvinceUnit, None, ""),
            row("H60.08", "Sở Ngoại vụ thật", AgencyKind::ProvinceUnit, last, ""),
        ]
    }

    fn plan() -> Plan {
        Plan { below: Vec::new(), departments: true, communes: 98, districts: 9, units: 12 }
    }

    fn whole(plan: &Plan, today: &str) -> Directory {
        let mut all = known();
        let invented = rows(&all, plan);
        assert!(invented.iter().all(|row| row.period.synthetic));
        all.extend(invented);
        Directory::from_rows(all, today.parse().unwrap(), 1)
    }

    #[test]
    fn the_same_plan_gives_the_same_rows() {
        assert_eq!(rows(&known(), &plan()), rows(&known(), &plan()));
        assert!(rows(&known(), &Plan::default()).is_empty());
    }

    #[test]
    fn what_is_known_stays_and_what_ended_goes_on() {
        let directory = whole(&plan(), "2026-01-01");
        let agency = |code: &str| directory.agency(directory.lookup_text(code).unwrap());
        assert_eq!(&*agency("H60.09").name_vi, "Sở Nội vụ thật");
        assert_eq!(agency("H60.08").periods.len(), 2);
        assert_eq!(agency("H60.08").periods[1].valid_from, Some(MERGER));
        assert_eq!(&*agency("H60.08").name_vi, "Sở Ngoại vụ tỉnh Tuyên Quang");
        assert_eq!(&*agency("H60.02").name_en, "So Cong Thuong tinh Tuyen Quang");
        assert!(agency("H60.02").synthetic && !agency("H60.09").synthetic);
    }

    #[test]
    fn mergers_lead_to_agencies_that_live() {
        let directory = whole(&plan(), "2026-01-01");
        let standing = |code: &str| directory.standing_today(directory.lookup_text(code).unwrap());
        let into = |code: &str| Standing::Dissolved { into: directory.lookup_text(code) };
        assert_eq!(standing("H60.04"), into("H60.16"));
        assert_eq!(standing("H22.02"), into("H60.02"));
        // Twice: with the reform into H22.16, with the province into H60.16.
        assert_eq!(standing("H22.04"), into("H60.16"));
        for id in directory.ids() {
            if let Standing::Dissolved { into } = directory.standing_today(id) {
                let heir = into.map(|heir| directory.standing_today(heir));
                assert_eq!(heir, Some(Standing::Alive), "{}", directory.agency(id).code);
            }
        }
        let before = directory.at(date(2025, 6, 30));
        let commune = before.lookup_text("H22.31.20").unwrap();
        assert_eq!(before.standing_today(commune), Standing::Alive);
        assert_eq!(before.standing_today(before.lookup_text("H60.101").unwrap()), Standing::NotYet);
    }

    #[test]
    fn communes_of_a_province_have_names_of_their_own() {
        let directory = whole(&Plan { units: 0, ..plan() }, "2026-01-01");
        let province = AgencyCode::parse("H60").unwrap();
        let names: Vec<_> = directory
            .children(&province)
            .into_iter()
            .map(|id| directory.agency(id))
            .filter(|agency| agency.kind == AgencyKind::Commune)
            .map(|agency| agency.name_vi.clone())
            .collect();
        assert_eq!(names.len(), 98);
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 98);
    }
}
