//! The fields of a request (domain.md 4.2). Order is free, as clients write it in many; an unknown or misplaced field
//! is refused, so that a misspelt one is not passed over.

use super::super::moment::local;
use super::super::soap::{Element, SoapFault};
use super::changes::{ChangeKind, Window};
use super::{NAMESPACE, Operation};
use crate::providers::population::{BirthFilter, Date, IdentityNumber, OldNumber};

const ID_CHARS_MAX: usize = 64;
const NAME_CHARS_MAX: usize = 200;
const OFFICER_CHARS_MAX: usize = 200;
const PAGE_MAX: u32 = 100_000;
const PAGE_ROWS: u32 = 50;
const PAGE_ROWS_MAX: u32 = 100;
/// Assumed: one call of the feed spans no more.
const FEED_DAYS_MAX: i32 = 31;
/// The right to the whole record goes with this integration code.
const LOOKUP_INTEGRATION: &str = "037";

const FIELDS: [&str; 12] = [
    "MaYeuCau",
    "MaDVC",
    "MaTichHop",
    "MaCanBo",
    "MaDonVi",
    "TaiKhoan",
    "SoDienThoai",
    "AuthHash",
    "SoDinhDanh",
    "SoCMND",
    "HoVaTen",
    "NgayThangNamSinh",
];
const FEED_FIELDS: [&str; 5] = ["TuNgay", "DenNgay", "Loai", "Trang", "SoBanGhi"];

#[derive(Debug)]
pub(super) enum Request {
    Citizen(Citizen),
    Changes(Window),
}

/// Whom the caller claims to know. At least one number is given.
#[derive(Debug)]
pub(super) struct Citizen {
    pub(super) number: Option<IdentityNumber>,
    pub(super) old_number: Option<OldNumber>,
    pub(super) name: String,
    pub(super) birth: BirthFilter,
}

pub(super) fn read(
    root: &Element,
    operation: Operation,
    now_ms: i64,
) -> Result<Request, SoapFault> {
    let may_feed = operation == Operation::Lookup;
    let is_known = |name: &str| FIELDS.contains(&name) || may_feed && FEED_FIELDS.contains(&name);
    let fields = Fields::of(root, is_known)?;
    fields.required("MaYeuCau", ID_CHARS_MAX)?;
    let feeds = FEED_FIELDS.iter().any(|name| root.children.iter().any(|one| one.name == *name));
    if feeds {
        return window(&fields, now_ms).map(Request::Changes);
    }
    fields.required("MaDVC", ID_CHARS_MAX)?;
    let integration = fields.required("MaTichHop", ID_CHARS_MAX)?;
    if operation == Operation::Lookup && integration != LOOKUP_INTEGRATION {
        let message = format!("MaTichHop {LOOKUP_INTEGRATION} mới được tra cứu thông tin công dân");
        return Err(SoapFault::client(message));
    }
    fields.required("MaCanBo", OFFICER_CHARS_MAX)?;
    for name in ["MaDonVi", "TaiKhoan", "SoDienThoai", "AuthHash"] {
        fields.optional(name, OFFICER_CHARS_MAX)?;
    }
    citizen(&fields).map(Request::Citizen)
}

fn citizen(fields: &Fields<'_>) -> Result<Citizen, SoapFault> {
    let number = fields.parsed("SoDinhDanh", "12 chữ số", IdentityNumber::parse)?;
    let old_number = fields.parsed("SoCMND", "9 chữ số", OldNumber::parse)?;
    if number.is_none() && old_number.is_none() {
        return Err(SoapFault::client("thiếu SoDinhDanh hoặc SoCMND"));
    }
    let name = fields.required("HoVaTen", NAME_CHARS_MAX)?.to_owned();
    let birth = fields.child("NgayThangNamSinh")?;
    let birth = birth.ok_or_else(|| SoapFault::client("thiếu NgayThangNamSinh"))?;
    let birth = Fields::of(birth, |name| matches!(name, "Nam" | "NgayThangNam"))?;
    let year = birth.parsed("Nam", "4 chữ số", year)?;
    let day = birth.parsed("NgayThangNam", "ngày có thật, viết yyyyMMdd", Date::parse_compact)?;
    let birth = match (year, day) {
        (Some(year), None) => BirthFilter::Year(year),
        (None, Some(day)) => BirthFilter::Day(day),
        _ => {
            let message = "NgayThangNamSinh phải có đúng một trong hai: Nam hoặc NgayThangNam";
            return Err(SoapFault::client(message));
        }
    };
    Ok(Citizen { number, old_number, name, birth })
}

fn window(fields: &Fields<'_>, now_ms: i64) -> Result<Window, SoapFault> {
    let wanted = "ngày yyyyMMdd hoặc mili giây từ 1970";
    let missing = |name: &str| SoapFault::client(format!("thiếu {name}"));
    let first = fields.parsed("TuNgay", wanted, day)?.ok_or_else(|| missing("TuNgay"))?;
    let last = fields.parsed("DenNgay", wanted, day)?.ok_or_else(|| missing("DenNgay"))?;
    let kind = fields.parsed("Loai", "1 hoặc 2", ChangeKind::parse)?;
    let kind = kind.ok_or_else(|| missing("Loai"))?;
    let days = last.day_number() - first.day_number() + 1;
    if !(1..=FEED_DAYS_MAX).contains(&days) {
        let message = format!("TuNgay đến DenNgay phải từ 1 đến {FEED_DAYS_MAX} ngày");
        return Err(SoapFault::client(message));
    }
    let number = |text: &str, most| number(text).filter(|number| (1..=most).contains(number));
    let page =
        fields.parsed("Trang", "số từ 1 đến 100000", |text| number(text, PAGE_MAX))?;
    let rows =
        fields.parsed("SoBanGhi", "số từ 1 đến 100", |text| number(text, PAGE_ROWS_MAX))?;
    Ok(Window {
        first,
        // Tomorrow's changes are not known yet.
        last: day_of(now_ms).map_or(last, |today| last.min(today)),
        kind,
        page: page.unwrap_or(1),
        rows: rows.unwrap_or(PAGE_ROWS),
    })
}

/// Children of one element, known and each at most once.
struct Fields<'a>(&'a [Element]);

impl<'a> Fields<'a> {
    fn of(element: &'a Element, is_known: impl Fn(&str) -> bool) -> Result<Self, SoapFault> {
        if !element.text.trim().is_empty() {
            return Err(SoapFault::client(format!("{} không được có văn bản", element.name)));
        }
        for field in &element.children {
            if field.namespace != NAMESPACE {
                let message =
                    format!("trường {} phải thuộc không gian tên {NAMESPACE}", field.name);
                return Err(SoapFault::client(message));
            }
            if !is_known(&field.name) {
                let message = format!("{} không có trường {}", element.name, field.name);
                return Err(SoapFault::client(message));
            }
        }
        Ok(Self(&element.children))
    }

    fn child(&self, name: &str) -> Result<Option<&'a Element>, SoapFault> {
        let mut found = self.0.iter().filter(|field| field.name == name);
        match (found.next(), found.next()) {
            (first, None) => Ok(first),
            (_, Some(_)) => Err(SoapFault::client(format!("trường {name} lặp lại"))),
        }
    }

    /// A blank field is an absent one: clients send all of them.
    fn optional(&self, name: &str, chars_max: usize) -> Result<Option<&'a str>, SoapFault> {
        let Some(field) = self.child(name)? else {
            return Ok(None);
        };
        let text = field.text.trim();
        if !field.children.is_empty() || text.chars().count() > chars_max {
            let message = format!("{name} phải là văn bản không quá {chars_max} ký tự");
            return Err(SoapFault::client(message));
        }
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    fn required(&self, name: &str, chars_max: usize) -> Result<&'a str, SoapFault> {
        let text = self.optional(name, chars_max)?;
        text.ok_or_else(|| SoapFault::client(format!("thiếu {name}")))
    }

    fn parsed<T>(
        &self,
        name: &str,
        wanted: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, SoapFault> {
        let Some(text) = self.optional(name, ID_CHARS_MAX)? else {
            return Ok(None);
        };
        let value = parse(text);
        value.map(Some).ok_or_else(|| SoapFault::client(format!("{name} phải là {wanted}")))
    }
}

fn year(text: &str) -> Option<u16> {
    let year = number(text).filter(|_| text.len() == 4)?;
    u16::try_from(year).ok()
}

fn number(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// `yyyyMMdd`, or milliseconds as the feed's known client sends them.
fn day(text: &str) -> Option<Date> {
    if text.len() == "20260105".len() {
        return Date::parse_compact(text);
    }
    let digits = (10..=15).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().and_then(day_of)
}

/// The day in Vietnam.
fn day_of(milliseconds: i64) -> Option<Date> {
    let date = local(milliseconds).date();
    let (year, month, day) = (date.year(), date.month(), date.day());
    Date::new(u16::try_from(year).ok()?, u8::try_from(month).ok()?, u8::try_from(day).ok()?)
}
