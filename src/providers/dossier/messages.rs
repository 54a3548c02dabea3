//! The bodies of the one-stop interface, one struct per shape.

use serde::{Deserialize, Serialize};

use super::super::input::{Flag, Many, Object, Page, Text, Whole};

/// Items of one `data` list.
pub(super) const ITEMS_MAX: usize = 100;

type PageNumber = Whole<1, 1_000_000>;
type PageRows = Whole<1, 200>;

#[derive(Deserialize)]
pub(super) struct Login {
    pub username: Text<1, 64>,
    pub password: Text<1, 128>,
}

/// What every body of `/mapi/g` begins with.
#[derive(Deserialize)]
pub(super) struct Head {
    pub session: Text<1, 128>,
    pub madonvi: Text<1, 64>,
    pub service: Text<1, 64>,
}

#[derive(Deserialize)]
pub(super) struct Sync<T> {
    #[serde(rename = "isUpdating")]
    pub is_updating: Option<Flag>,
    #[serde(bound(deserialize = "T: Deserialize<'de>"))]
    pub data: Many<Object<T>, ITEMS_MAX>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Lookup {
    pub ma_ho_so: Text<1, 64>,
}

#[derive(Deserialize)]
pub(super) struct OneProcedure {
    #[serde(rename = "maTTHC")]
    pub procedure: Text<1, 64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Catalogue {
    pub ma_linh_vuc: Option<Text<0, 64>>,
    pub ma_co_quan: Option<Text<0, 64>>,
    trang: Option<PageNumber>,
    so_ban_ghi: Option<PageRows>,
}

#[derive(Deserialize)]
pub(super) struct Questions {
    pub data: Many<Object<Question>, ITEMS_MAX>,
}

/// Assumed fields.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Question {
    pub ma_cau_hoi: Text<1, 64>,
    pub tieu_de: Text<1, 500>,
    pub noi_dung: Text<1, 4000>,
    pub nguoi_hoi: Option<Text<0, 200>>,
    #[serde(rename = "MaTTHC")]
    pub procedure: Option<Text<0, 64>>,
    pub tra_loi: Option<Text<0, 4000>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Since {
    pub tu_ngay: Option<Text<0, 14>>,
    pub trang: Option<PageNumber>,
    pub so_ban_ghi: Option<PageRows>,
}

#[derive(Deserialize)]
pub(super) struct Tech {
    #[serde(rename = "techID")]
    pub tech_id: Text<1, 128>,
}

impl Catalogue {
    pub(super) fn page(&self) -> Page {
        Page::new(self.trang.map_or(1, |page| page.0), self.so_ban_ghi.map(|rows| rows.0))
    }
}
