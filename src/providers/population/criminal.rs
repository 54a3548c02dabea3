//! Criminal records (lý lịch tư pháp, domain.md 4.6): three adults in two hundred have one.

use super::Population;
use super::date::Date;
use super::draw::Stream;
use super::territory::BLOCK_PEOPLE;

/// One conviction (án tích).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CriminalCase {
    pub court: String,
    /// Day of the judgment, after the 18th birthday.
    pub judged_on: Date,
    pub offence: &'static str,
    pub sentence: &'static str,
    /// Day the conviction was cleared (xóa án tích), if it was.
    pub cleared_on: Option<Date>,
}

impl Population {
    /// The convictions, oldest first; `None` for people without any, for minors and past the last person.
    pub fn criminal_record(&self, index: u32) -> Option<Vec<CriminalCase>> {
        let of_age = self.birth_date(index)?.plus_years(18);
        // The last month is kept free: a judgment takes a while to arrive.
        let days = self.on.day_number() - of_age.day_number() - 30;
        let draw = &mut self.draw(Stream::CriminalRecord, index);
        if !draw.chance(CONVICTED_PER_MILLE) || days <= 0 {
            return None;
        }
        let province = self.territory.commune(index / BLOCK_PEOPLE)?.province();
        let count = if draw.chance(150) { 2 } else { 1 };
        let mut cases: Vec<_> = (0..count)
            .map(|_| {
                let judged_on = self.on.plus_days(-30 - draw.between(0, days.min(DAYS_BACK_MAX)));
                let (offence, sentence) = draw.pick(OFFENCES);
                let clearance = judged_on.plus_days(draw.between(900, 3000));
                CriminalCase {
                    court: format!(
                        "Tòa án nhân dân khu vực {} - {}",
                        draw.between(1, 9),
                        province.full_name()
                    ),
                    judged_on,
                    offence,
                    sentence,
                    cleared_on: (clearance < self.on).then_some(clearance),
                }
            })
            .collect();
        cases.sort_by_key(|case| case.judged_on);
        Some(cases)
    }
}

const CONVICTED_PER_MILLE: u32 = 15;
/// Twenty years.
const DAYS_BACK_MAX: i32 = 7305;
/// Articles of the Penal Code 2015, and a sentence within their range.
const OFFENCES: &[(&str, &str)] = &[
    ("Tội trộm cắp tài sản (Điều 173)", "12 tháng tù"),
    ("Tội cố ý gây thương tích (Điều 134)", "24 tháng tù"),
    ("Tội đánh bạc (Điều 321)", "9 tháng tù cho hưởng án treo"),
    ("Tội gây rối trật tự công cộng (Điều 318)", "Phạt tiền 20.000.000 đồng"),
    (
        "Tội vi phạm quy định về tham gia giao thông đường bộ (Điều 260)",
        "18 tháng cải tạo không giam giữ",
    ),
    ("Tội lừa đảo chiếm đoạt tài sản (Điều 174)", "36 tháng tù"),
    ("Tội tàng trữ trái phép chất ma túy (Điều 249)", "30 tháng tù"),
];
