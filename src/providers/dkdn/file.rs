//! Files (hồ sơ) of the business register. A file's number is its day and its place in that day; the rest follows
//! from these two, from the enterprises and, for the state, from the time of asking.

use serde::Serialize;

use super::enterprise::id_of;
use super::instant;
use crate::providers::moment;
use crate::providers::population::{Date, Enterprise, Population};
use crate::providers::seed;

/// `IN_JOURNAL_NO`: yyyyMMdd and four digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Journal {
    day: Date,
    place: u32,
}

#[derive(Debug)]
pub(super) struct File {
    journal: Journal,
    enterprise: Enterprise,
    document_type: &'static str,
    /// Minute of the day of receipt, within office hours.
    pub(super) minute: u16,
    needs_supplement: bool,
    online: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Received,
    Processing,
    Supplement,
    Registered,
}

#[derive(Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) struct Row {
    in_journal_no: String,
    document_type: &'static str,
    enterprise_code: String,
    enterprise_gdt_code: String,
    name: String,
    site_id: String,
    receipt_date: String,
    plan_date: String,
    process_status: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) struct FileDetail {
    #[serde(flatten)]
    row: Row,
    registration_date: Option<String>,
    supplement_date: Option<String>,
    submission_type: &'static str,
    contact_name: String,
    contact_phone: String,
    contact_email: String,
}

impl Journal {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (day, place) = (text.get(..8)?, text.get(8..)?);
        let digits = place.len() == 4 && place.bytes().all(|byte| byte.is_ascii_digit());
        let place = digits.then(|| place.parse().ok()).flatten()?;
        Some(Self { day: Date::parse_compact(day)?, place })
    }

    fn text(self) -> String {
        format!("{}{:04}", self.day.compact(), self.place)
    }
}

/// The files received on a day, in the order of their numbers; none at the weekend.
pub(super) fn of_day(
    seed: u64,
    population: &Population,
    day: Date,
) -> impl Iterator<Item = File> + '_ {
    let places = 1..=count(seed, population, day);
    places.filter_map(move |place| File::read(seed, population, Journal { day, place }))
}

/// In proportion to the enterprises, a little more or less from day to day.
fn count(seed: u64, population: &Population, day: Date) -> u32 {
    let usual = (population.enterprises() / 1_000).clamp(4, DAY_FILES_MAX / 2);
    let more = seed::below(seed, &["files", &day.compact()], u64::from(usual));
    // Day number 0 was a Wednesday; Saturday and Sunday follow three and four days later.
    let weekend = matches!(day.day_number().rem_euclid(7), 3 | 4);
    if weekend { 0 } else { usual.saturating_add(u32::try_from(more).unwrap_or(0)) }
}

impl File {
    /// `None` when the day has no such file.
    pub(super) fn read(seed: u64, population: &Population, journal: Journal) -> Option<Self> {
        if !(1..=count(seed, population, journal.day)).contains(&journal.place) {
            return None;
        }
        let number = journal.text();
        let below = |name: &str, bound: u64| seed::below(seed, &["file", name, &number], bound);
        let index = below("enterprise", u64::from(population.enterprises()));
        let enterprise = population.enterprise(u32::try_from(index).ok()?)?;
        // A file about an enterprise that did not exist yet would be nonsense; the day has one file less.
        if enterprise.founded_on > journal.day {
            return None;
        }
        let document_type = if enterprise.founded_on == journal.day {
            "Đăng ký thành lập doanh nghiệp"
        } else {
            let kind = usize::try_from(below("type", 4)).ok()?;
            DOCUMENT_TYPES.get(kind).copied()?
        };
        Some(Self {
            journal,
            enterprise,
            document_type,
            minute: 8 * 60 + u16::try_from(below("minute", 9 * 60)).ok()?,
            needs_supplement: below("supplement", 8) == 0,
            online: below("online", 5) > 0,
        })
    }

    pub(super) fn is_received(&self, now_ms: i64) -> bool {
        self.received_ms() <= now_ms
    }

    fn received_ms(&self) -> i64 {
        instant(self.journal.day, self.minute)
    }

    /// Luật Doanh nghiệp 2020 Art. 26: three working days; a supplement takes two more.
    fn state(&self, now_ms: i64) -> State {
        let age = now_ms.saturating_sub(self.received_ms());
        match age.div_euclid(moment::DAY_MS) {
            ..1 if age < 2 * moment::HOUR_MS => State::Received,
            1..4 if self.needs_supplement => State::Supplement,
            ..3 => State::Processing,
            4..6 if self.needs_supplement => State::Processing,
            _ => State::Registered,
        }
    }

    pub(super) fn row(&self, now_ms: i64) -> Row {
        let enterprise = &self.enterprise;
        Row {
            in_journal_no: self.journal.text(),
            document_type: self.document_type,
            enterprise_code: format!("{:010}", id_of(enterprise)),
            enterprise_gdt_code: enterprise.code.to_string(),
            name: enterprise.name.to_uppercase(),
            site_id: format!("{:02}", enterprise.address.province().code),
            receipt_date: self.journal.day.slashed(),
            plan_date: self.journal.day.plus_days(3).slashed(),
            process_status: self.state(now_ms).label(),
        }
    }
}

impl FileDetail {
    pub(super) fn of(population: &Population, file: &File, now_ms: i64) -> Self {
        let day = file.journal.day;
        let representative = file.enterprise.members.first().map(|member| member.index);
        let contact = representative.and_then(|index| population.person(index));
        let registered = file.state(now_ms) == State::Registered;
        let after = if file.needs_supplement { 6 } else { 3 };
        let text = |value: Option<String>| value.unwrap_or_default();
        Self {
            row: file.row(now_ms),
            registration_date: registered.then(|| day.plus_days(after).slashed()),
            supplement_date: (registered && file.needs_supplement)
                .then(|| day.plus_days(4).slashed()),
            submission_type: if file.online { "Qua mạng" } else { "Trực tiếp" },
            contact_name: text(contact.as_ref().map(|person| person.name.upper())),
            contact_phone: text(contact.as_ref().and_then(|person| person.phone.clone())),
            contact_email: text(contact.and_then(|person| person.email)),
        }
    }
}

impl State {
    fn label(self) -> &'static str {
        match self {
            Self::Received => "Đã tiếp nhận",
            Self::Processing => "Đang xử lý",
            Self::Supplement => "Yêu cầu sửa đổi, bổ sung",
            Self::Registered => "Đã cấp đăng ký",
        }
    }
}

/// Four digits number a day's files; this stays far below.
const DAY_FILES_MAX: u32 = 400;
const DOCUMENT_TYPES: [&str; 4] = [
    "Đăng ký thay đổi nội dung đăng ký doanh nghiệp",
    "Thông báo thay đổi ngành, nghề kinh doanh",
    "Thông báo tạm ngừng kinh doanh",
    "Đăng ký thay đổi người đại diện theo pháp luật",
];
