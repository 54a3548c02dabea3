//! Claims about the directory as a whole, and the small one that other tests use.

use super::*;

/// A small directory with every sort of life: unchanged, merged, merged under its own code, renamed, new.
pub(crate) fn directory(today: &str) -> Directory {
    let rows = [
        (
            "H60",
            "UBND Tỉnh Tuyên Quang",
            "Tuyen Quang",
            "province",
            "2016-10-01",
            "2025-06-30",
            "H60",
        ),
        ("H22", "UBND Tỉnh Hà Giang", "Ha Giang", "province", "2016-10-01", "2025-06-30", "H60"),
        ("H60", "UBND Tỉnh Tuyên Quang", "Tuyen Quang (merged)", "province", "2025-07-01", "", ""),
        ("H41", "UBND Tỉnh Nghệ An", "Nghe An", "province", "2016-10-01", "", ""),
        ("G12", "Bộ Tài chính", "Ministry of Finance", "ministry", "2016-10-01", "", ""),
        ("G05", "Bộ Kế hoạch và Đầu tư", "MPI", "ministry", "2016-10-01", "2025-02-28", "G12"),
        ("G99", "Bộ cũ", "Older", "ministry", "2010-01-01", "2016-09-30", "G05"),
        ("000.00.09.H60", "Sở Nội vụ", "So Noi vu", "province_unit", "2016-10-01", "", ""),
        ("H60.101", "UBND Xã An Bình", "An Binh", "commune", "2025-07-01", "", ""),
        ("H60-X", "Trạm thử", "Probe", "agency", "", "", ""),
        (
            "H09",
            "UBND Tỉnh Bình Dương",
            "Binh Duong",
            "province",
            "2016-10-01",
            "2025-06-30",
            "H09",
        ),
    ];
    let rows = rows.into_iter().map(row).collect();
    Directory::from_rows(rows, today.parse().unwrap(), 7)
}

type Texts = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

fn row((code, vi, en, kind, from, to, into): Texts) -> Row {
    Row {
        code: AgencyCode::parse(code).unwrap(),
        period: Period {
            name_vi: vi.into(),
            name_en: en.into(),
            kind: AgencyKind::ALL.iter().find(|(name, _)| *name == kind).unwrap().1,
            valid_from: from.parse().ok(),
            valid_to: to.parse().ok(),
            merged_into: AgencyCode::parse(into).ok(),
            synthetic: false,
        },
        mail: Arc::default(),
    }
}

pub(crate) fn id(directory: &Directory, code: &str) -> AgencyId {
    directory.lookup_text(code).unwrap()
}

#[test]
fn standing_follows_the_calendar() {
    let directory = directory("2026-01-01");
    let dissolved = |code: &str| Standing::Dissolved { into: Some(id(&directory, code)) };
    // (code, day, standing): valid, becoming invalid, and back.
    let table = [
        ("H41", "2016-09-30", Standing::NotYet),
        ("H41", "2016-10-01", Standing::Alive),
        ("H22", "2025-06-30", Standing::Alive),
        ("H22", "2025-07-01", dissolved("H60")),
        ("H60", "2025-06-30", Standing::Alive),
        ("H60", "2025-07-01", Standing::Alive),
        ("H60.101", "2025-06-30", Standing::NotYet),
        ("H60.101", "2025-07-01", Standing::Alive),
        // Goes on under its own code though no row says how.
        ("H09", "2025-07-01", Standing::Alive),
        // Successors of successors, as of the day.
        ("G99", "2020-01-01", dissolved("G05")),
        ("G99", "2026-01-01", dissolved("G12")),
        ("H60-X", "1990-01-01", Standing::Alive),
    ];
    for (code, day, expected) in table {
        let found = directory.standing(id(&directory, code), day.parse().unwrap());
        assert_eq!(found, expected, "{code} on {day}");
    }
    for id in directory.ids() {
        assert_eq!(directory.standing_today(id), directory.standing(id, directory.today()));
    }
}

#[test]
fn another_day_keeps_ids_and_changes_names() {
    let before = directory("2025-06-30");
    let after = before.at("2025-07-01".parse().unwrap());
    let province = id(&before, "H60");
    assert_eq!(id(&after, "H60"), province);
    assert_eq!(&*before.agency(province).name_en, "Tuyen Quang");
    assert_eq!(&*after.agency(province).name_en, "Tuyen Quang (merged)");
    assert_eq!(before.len(), 10);
    assert_eq!(before.standing_today(id(&before, "H22")), Standing::Alive);
}

#[test]
fn both_forms_of_a_code_are_one_agency_in_one_tree() {
    let directory = directory("2026-01-01");
    assert_eq!(directory.lookup_text("000.00.09.h60"), directory.lookup_text("H60.09"));
    let province = AgencyCode::parse("H60").unwrap();
    let codes = |ids: Vec<AgencyId>| -> Vec<String> {
        ids.iter().map(|id| directory.agency(*id).code.to_string()).collect()
    };
    assert_eq!(codes(directory.children(&province)), ["H60.09", "H60.101"]);
    assert_eq!(codes(directory.roots()).len(), 8);
    assert_eq!(directory.parent(id(&directory, "H60.09")), Some(id(&directory, "H60")));
    assert_eq!(directory.parent(id(&directory, "H60")), None);
}

#[test]
fn nobody_is_an_agency_that_may_do_nothing() {
    assert_eq!(NOBODY.code.as_str(), "NOBODY");
    assert!(NOBODY.locked && NOBODY.removed);
}
