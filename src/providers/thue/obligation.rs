//! What a taxpayer owes for a year, and what was paid. Nothing is stored: it follows from the taxpayer and the year.

use serde::Serialize;

use super::Taxes;
use super::taxpayer::Taxpayer;
use crate::providers::citizen::day_of;
use crate::providers::datdai::dong_per_m2;
use crate::providers::population::{Date, Enterprise, EnterpriseStatus, LandUse, Person};
use crate::providers::seed;

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Obligation {
    ma_khoan: &'static str,
    ten_khoan: &'static str,
    ky: String,
    han_nop: String,
    so_tien: u64,
    trang_thai: &'static str,
    so_bien_lai: Option<String>,
    #[serde(skip)]
    paid_on: Option<Date>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Receipt {
    so_bien_lai: String,
    ma_khoan: &'static str,
    ky: String,
    ngay_nop: String,
    so_tien: u64,
}

/// A sum due: item, name, period, last day to pay, dong.
type Due = (&'static str, &'static str, String, Date, u64);

impl Obligation {
    /// Names of the signed message and what stands there.
    pub(super) fn fields(&self) -> [(&'static str, String); 7] {
        [
            ("MaKhoan", self.ma_khoan.to_owned()),
            ("TenKhoan", self.ten_khoan.to_owned()),
            ("Ky", self.ky.clone()),
            ("HanNop", self.han_nop.clone()),
            ("SoTien", self.so_tien.to_string()),
            ("TrangThai", self.trang_thai.to_owned()),
            ("SoBienLai", self.so_bien_lai.clone().unwrap_or_default()),
        ]
    }

    pub(super) fn receipt(self) -> Option<Receipt> {
        Some(Receipt {
            so_bien_lai: self.so_bien_lai?,
            ma_khoan: self.ma_khoan,
            ky: self.ky,
            ngay_nop: self.paid_on?.slashed(),
            so_tien: self.so_tien,
        })
    }
}

impl Taxes {
    /// Sums whose period has begun.
    pub(super) fn obligations_of(&self, of: &Taxpayer, year: u16, now_ms: i64) -> Vec<Obligation> {
        let today = day_of(now_ms);
        if year > today.year() {
            return Vec::new();
        }
        let (code, due) = match of {
            Taxpayer::Person(person) => (person.number.to_string(), self.of_person(person, year)),
            Taxpayer::Enterprise(one) => (one.code.to_string(), self.of_enterprise(one, year)),
        };
        due.into_iter().map(|due| self.judged(&code, due, today)).collect()
    }

    /// Most pay in the last days before the term, one in twelve does not pay.
    fn judged(&self, code: &str, due: Due, today: Date) -> Obligation {
        let (ma_khoan, ten_khoan, ky, last, so_tien) = due;
        let below =
            |name, bound| seed::below(self.seed, &["tax", name, code, ma_khoan, &ky], bound);
        let early = i32::try_from(below("early", 20)).unwrap_or(0);
        let day = last.plus_days(-early);
        let paid_on = (below("unpaid", 12) > 0 && day <= today).then_some(day);
        let trang_thai = match paid_on {
            Some(_) => "Đã nộp",
            None if today > last => "Quá hạn",
            None => "Chưa nộp",
        };
        let number = below("receipt", 100_000_000);
        Obligation {
            ma_khoan,
            ten_khoan,
            han_nop: last.slashed(),
            so_tien,
            trang_thai,
            so_bien_lai: paid_on.map(|day| format!("{}{number:08}", day.compact())),
            paid_on,
            ky,
        }
    }

    fn of_person(&self, person: &Person, year: u16) -> Vec<Due> {
        let mut due = Vec::new();
        let servant = self.population.employment(person.index);
        if let Some(servant) = servant.filter(|one| one.since.year() <= year) {
            let income = u64::from(servant.coefficient) * BASE_SALARY / 100 * 12;
            let taxed = income.saturating_sub(ALLOWANCE * 12);
            due.extend(term(year.saturating_add(1), 3, 31).map(|last| {
                ("TNCN", "Thuế thu nhập cá nhân từ tiền lương", year.to_string(), last, taxed / 20)
            }));
        }
        for parcel in self.population.parcels_of(person.index) {
            let home = matches!(parcel.land_use, LandUse::Odt | LandUse::Ont);
            if !home || parcel.certified_on.year() > year {
                continue;
            }
            // Luật Thuế sử dụng đất phi nông nghiệp Art. 7: 0.03 % of the value.
            let tax = dong_per_m2(&parcel) * u64::from(parcel.area_m2) * 3 / 10_000;
            let owners = u64::try_from(parcel.owners.len()).unwrap_or(1).max(1);
            let period = format!("{year}/{}", parcel.certificate);
            due.extend(term(year, 10, 31).map(|last| {
                ("SDDPNN", "Thuế sử dụng đất phi nông nghiệp", period, last, tax / owners)
            }));
        }
        due
    }

    /// Dissolved enterprises owe nothing; the day of dissolution is not on record.
    fn of_enterprise(&self, enterprise: &Enterprise, year: u16) -> Vec<Due> {
        let runs = enterprise.status != EnterpriseStatus::Dissolved;
        if !runs || enterprise.founded_on.year() > year {
            return Vec::new();
        }
        let (code, period) = (enterprise.code.to_string(), year.to_string());
        let percent = 20 + seed::below(self.seed, &["revenue", &code, &period], 180);
        let revenue = enterprise.capital / 100 * percent;
        let mut due = Vec::new();
        if year < LICENCE_FEE_END {
            let fee = if enterprise.capital > 10_000_000_000 { 3_000_000 } else { 2_000_000 };
            due.extend(
                term(year, 1, 30).map(|last| ("LPMB", "Lệ phí môn bài", period.clone(), last, fee)),
            );
        }
        for (quarter, (after, month, day)) in
            [(0, 4, 30), (0, 7, 31), (0, 10, 31), (1, 1, 31)].into_iter().enumerate()
        {
            let last = term(year.saturating_add(after), month, day);
            let name = format!("Q{}/{year}", quarter + 1);
            due.extend(
                last.map(|last| ("GTGT", "Thuế giá trị gia tăng", name, last, revenue / 4 / 50)),
            );
        }
        due.extend(
            term(year.saturating_add(1), 3, 31)
                .map(|last| ("TNDN", "Thuế thu nhập doanh nghiệp", period, last, revenue / 100)),
        );
        due
    }
}

fn term(year: u16, month: u8, day: u8) -> Option<Date> {
    Date::new(year, month, day)
}

/// Lương cơ sở, in dong a month (NĐ 73/2024).
const BASE_SALARY: u64 = 2_340_000;
/// Giảm trừ gia cảnh, in dong a month (NQ 954/2020).
const ALLOWANCE: u64 = 11_000_000;
/// The licence fee is gone since this year (NQ 198/2025/QH15).
const LICENCE_FEE_END: u16 = 2026;
