//! What the national portal tells the one-stop systems: procedures, agencies, sectors, and who stands behind a
//! `TechID`. Procedures are a small sample; people are synthetic.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::seed;

const PROCEDURES: &str = include_str!("../data/dvcqg/procedures.csv");
const NAMES: &str = include_str!("../data/dvcqg/names.json");
/// People with an account.
const ACCOUNTS: u64 = 500;

#[derive(Debug)]
pub(super) struct Reference {
    pub procedures: Vec<Procedure>,
    pub agencies: Vec<Agency>,
    pub sectors: Vec<Sector>,
    pub accounts: BTreeMap<String, Account>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Procedure {
    #[serde(rename = "MaTTHC")]
    pub code: String,
    #[serde(rename = "TenTTHC")]
    pub name: String,
    pub ma_linh_vuc: String,
    pub ten_linh_vuc: String,
    pub ma_co_quan: String,
    pub cap_thuc_hien: String,
    pub muc_do: String,
    pub thoi_han_ngay: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Agency {
    pub ma_co_quan: String,
    pub ten_co_quan: String,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Sector {
    pub ma_linh_vuc: String,
    pub ten_linh_vuc: String,
}

/// Claims of the portal's sign-on (domain.md 4.10).
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Account {
    #[serde(rename = "TechID")]
    pub tech_id: String,
    pub so_dinh_danh: String,
    pub ho_va_ten: String,
    pub loai_tai_khoan: &'static str,
}

#[derive(Default, Deserialize)]
struct Names {
    family: Vec<String>,
    middle: Vec<String>,
    given: Vec<String>,
}

impl Reference {
    pub(super) fn new(seed: u64, agencies: &[(String, String)]) -> Self {
        let procedures: Vec<_> = PROCEDURES.lines().skip(1).filter_map(procedure).collect();
        let mut sectors: Vec<Sector> = Vec::new();
        for Procedure { ma_linh_vuc, ten_linh_vuc, .. } in &procedures {
            let (ma_linh_vuc, ten_linh_vuc) = (ma_linh_vuc.clone(), ten_linh_vuc.clone());
            let sector = Sector { ma_linh_vuc, ten_linh_vuc };
            if !sectors.contains(&sector) {
                sectors.push(sector);
            }
        }
        let agency = |(code, name): &(String, String)| Agency {
            ma_co_quan: code.clone(),
            ten_co_quan: name.clone(),
        };
        // A test reads the same file, so nothing is lost here.
        let names: Names = serde_json::from_str(NAMES).unwrap_or_default();
        let accounts = (0..ACCOUNTS).map(|number| account(seed, number, &names));
        Self {
            procedures,
            agencies: agencies.iter().map(agency).collect(),
            sectors,
            accounts: accounts.map(|account| (account.tech_id.clone(), account)).collect(),
        }
    }
}

/// The `TechID` of the account with this number, below 500.
pub fn tech_id(seed: u64, number: u64) -> String {
    seed::hex(seed, &["techid", &number.to_string()])
}

fn account(seed: u64, number: u64, names: &Names) -> Account {
    let label = number.to_string();
    let pick = |list: &'_ [String], name: &str| -> String {
        let bound = u64::try_from(list.len()).unwrap_or(0);
        let at = usize::try_from(seed::below(seed, &[name, &label], bound)).unwrap_or(0);
        list.get(at).cloned().unwrap_or_default()
    };
    let parts =
        [pick(&names.family, "family"), pick(&names.middle, "middle"), pick(&names.given, "given")];
    Account {
        tech_id: tech_id(seed, number),
        // Real numbers begin with a province code from 001 to 096; 099 is nobody's.
        so_dinh_danh: format!("099{:09}", seed::below(seed, &["citizen", &label], 1_000_000_000)),
        ho_va_ten: parts.join(" ").to_uppercase(),
        loai_tai_khoan: "Công dân",
    }
}

fn procedure(line: &str) -> Option<Procedure> {
    let mut fields = line.split(',').map(str::to_owned);
    Some(Procedure {
        code: fields.next()?,
        name: fields.next()?,
        ma_linh_vuc: fields.next()?,
        ten_linh_vuc: fields.next()?,
        ma_co_quan: fields.next()?,
        cap_thuc_hien: fields.next()?,
        muc_do: fields.next()?,
        thoi_han_ngay: fields.next()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_read_whole() {
        let reference = Reference::new(1, &[]);
        assert_eq!(reference.procedures.len(), PROCEDURES.lines().count() - 1);
        assert!(reference.sectors.iter().any(|sector| sector.ma_linh_vuc == "G03-GD10"));
        assert_eq!(reference.accounts.len(), 500);
        for account in reference.accounts.values() {
            assert_eq!(account.so_dinh_danh.len(), 12);
            assert_eq!(account.ho_va_ten.split(' ').count(), 3);
        }
    }
}
