//! The built-in code lists: `data/dmdc/lists.json` names them and their columns, one CSV file each holds the rows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Row;

const LISTS: &str = include_str!("../data/dmdc/lists.json");
const ROWS: [(&str, &str); 12] = [
    ("magioitinh", include_str!("../data/dmdc/magioitinh.csv")),
    ("madantoc", include_str!("../data/dmdc/madantoc.csv")),
    ("matongiao", include_str!("../data/dmdc/matongiao.csv")),
    ("maquocgia", include_str!("../data/dmdc/maquocgia.csv")),
    ("manhommau", include_str!("../data/dmdc/manhommau.csv")),
    ("matinhtranghonnhan", include_str!("../data/dmdc/matinhtranghonnhan.csv")),
    ("donvihanhchinhcap1", include_str!("../data/dmdc/donvihanhchinhcap1.csv")),
    ("dokhanvanban", include_str!("../data/dmdc/dokhanvanban.csv")),
    ("matenvanbanhanhchinh", include_str!("../data/dmdc/matenvanbanhanhchinh.csv")),
    ("matenvanbantheoqdpl", include_str!("../data/dmdc/matenvanbantheoqdpl.csv")),
    ("maloaivanbantheoqdpl", include_str!("../data/dmdc/maloaivanbantheoqdpl.csv")),
    ("giaoducdaotaovncap1", include_str!("../data/dmdc/giaoducdaotaovncap1.csv")),
];

/// A code list; its first column is its key.
#[derive(Debug, Deserialize)]
pub(super) struct List {
    pub name: String,
    pub title: String,
    pub columns: Vec<Column>,
    #[serde(skip)]
    pub rows: BTreeMap<String, Row>,
    /// Of the rows that were inserted.
    #[serde(skip)]
    pub inserted_bytes: usize,
}

/// `{PropertyCode,PropertyName,PropertyType}` (domain.md 4.9).
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Column {
    pub property_code: String,
    pub property_name: String,
    pub property_type: String,
}

pub(super) fn lists() -> BTreeMap<String, List> {
    // A test reads the same file, so nothing is lost here.
    let lists: Vec<List> = serde_json::from_str(LISTS).unwrap_or_default();
    let mut lists: BTreeMap<_, _> =
        lists.into_iter().map(|list| (list.name.clone(), list)).collect();
    for (name, csv) in ROWS {
        if let Some(list) = lists.get_mut(name) {
            for line in csv.lines().skip(1) {
                let row: Row = line.split(',').map(str::to_owned).collect();
                if let Some(key) = row.first() {
                    list.rows.insert(key.clone(), row);
                }
            }
        }
    }
    lists
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_the_columns_of_its_list() {
        let named: Vec<List> = serde_json::from_str(LISTS).unwrap();
        // domain.md 4.9
        assert_eq!(named.len(), 36);
        for (name, csv) in ROWS {
            let list = named.iter().find(|list| list.name == name).unwrap();
            let codes: Vec<_> = list.columns.iter().map(|c| c.property_code.as_str()).collect();
            assert_eq!(csv.lines().next().unwrap(), codes.join(","), "{name}");
            let lines = csv.lines().skip(1);
            for line in lines.clone() {
                assert_eq!(line.split(',').count(), codes.len(), "{line}");
            }
            assert_eq!(lines.count(), lists()[name].rows.len(), "a code stands twice in {name}");
        }
    }

    #[test]
    fn the_seeded_lists_have_their_known_sizes() {
        let lists = lists();
        let size = |name: &str| lists[name].rows.len();
        assert_eq!(size("madantoc"), 54);
        assert_eq!(size("donvihanhchinhcap1"), 34);
        assert_eq!(size("matenvanbanhanhchinh"), 29);
        assert_eq!(size("mabacluong"), 0);
    }
}
