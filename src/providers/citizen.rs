//! What the databases about citizens share: the register of newborns, the rule under which a person is told about,
//! dates as these databases write them, and choices that clients write as numbers or as strings.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::http::Fault;
use super::moment;
use super::seed;
use super::table::{Bounds, Full, Table};
use crate::providers::population::{
    Commune, Date, HealthCard, IdentityNumber, InsuranceNumber, Person, Population, Province, Sex,
};

/// Children registered while the simulator runs, with numbers in the format of the population that nobody has.
/// Shared by the civil status system, which writes, and the others, which read.
#[derive(Debug)]
pub struct Newborns {
    seed: u64,
    population: Arc<Population>,
    book: Mutex<Book>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newborn {
    pub number: IdentityNumber,
    pub insurance_number: InsuranceNumber,
    pub health_card: HealthCard,
    pub name: String,
    pub sex: Sex,
    pub birth_date: Date,
    /// Where the birth is registered.
    pub commune: Commune,
    pub parents: Parents,
    /// When the registration is done, in milliseconds since 1970: before that no database tells of the child.
    pub known_from_ms: i64,
}

/// What is entered of a child.
#[derive(Clone, Debug)]
pub struct Birth {
    pub parents: Parents,
    pub name: String,
    pub sex: Sex,
    pub birth_date: Date,
    pub commune: Commune,
    pub known_from_ms: i64,
}

/// Indices in the population; `None` for a parent who is not on record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parents {
    pub father: Option<u32>,
    pub mother: Option<u32>,
}

#[derive(Debug)]
struct Book {
    children: Table<IdentityNumber, Newborn>,
    by_insurance: BTreeMap<InsuranceNumber, IdentityNumber>,
}

impl Newborns {
    pub fn new(seed: u64, population: &Arc<Population>) -> Self {
        let book = Book { children: Table::new(CHILDREN), by_insurance: BTreeMap::new() };
        Self { seed, population: Arc::clone(population), book: Mutex::new(book) }
    }

    /// Enters a child and gives it its numbers. `Full` when the register holds 20,000 children or no number is free.
    pub fn register(&self, birth: Birth) -> Result<Newborn, Full> {
        let Birth { parents, name, sex, birth_date, commune, known_from_ms } = birth;
        let mut book = self.book.lock();
        let number = self.free_number(&book, sex, birth_date, commune).ok_or(Full)?;
        let insurance_number = self.free_insurance_number(&book, number).ok_or(Full)?;
        let province = commune.province().code;
        // Children below six: group TE, the best benefit (domain.md 4.4; `population::insurance`).
        let health_card =
            HealthCard { group: "TE", benefit: 1, province, number: insurance_number };
        let bytes = name.len().saturating_add(CHILD_BYTES);
        let child = Newborn {
            number,
            insurance_number,
            health_card,
            name,
            sex,
            birth_date,
            commune,
            parents,
            known_from_ms,
        };
        book.children.put(number, child.clone(), bytes)?;
        book.by_insurance.insert(insurance_number, number);
        Ok(child)
    }

    pub fn find(&self, number: IdentityNumber) -> Option<Newborn> {
        self.book.lock().children.get(&number).cloned()
    }

    pub fn find_by_insurance_number(&self, number: InsuranceNumber) -> Option<Newborn> {
        let book = self.book.lock();
        book.children.get(book.by_insurance.get(&number)?).cloned()
    }

    /// At most `count_max` children for whom `fits` holds, in the order of their numbers.
    pub fn matching(&self, fits: impl Fn(&Newborn) -> bool, count_max: usize) -> Vec<Newborn> {
        let book = self.book.lock();
        book.children.values().filter(|child| fits(child)).take(count_max).cloned().collect()
    }

    /// TT 07/2016/TT-BCA: place, century and sex, two digits of the year, six of serial.
    fn free_number(
        &self,
        book: &Book,
        sex: Sex,
        birth_date: Date,
        commune: Commune,
    ) -> Option<IdentityNumber> {
        let place = commune.area()?.identity_code;
        let century = birth_date.year().checked_sub(1900)? / 100;
        let digit = 2 * century + u16::from(sex == Sex::Female);
        let prefix = format!("{place:03}{digit}{:02}", birth_date.year() % 100);
        let start = seed::below(self.seed, &["newborn", &prefix], SERIALS);
        let known = u64::try_from(book.children.len()).unwrap_or(0);
        (known..known.saturating_add(TRIES)).find_map(|attempt| {
            let serial = start.saturating_add(attempt) % SERIALS;
            let number = IdentityNumber::parse(&format!("{prefix}{serial:06}"))?;
            (!self.is_taken(book, number)).then_some(number)
        })
    }

    fn is_taken(&self, book: &Book, number: IdentityNumber) -> bool {
        self.population.find_index(number).is_some() || book.children.contains(&number)
    }

    fn free_insurance_number(
        &self,
        book: &Book,
        number: IdentityNumber,
    ) -> Option<InsuranceNumber> {
        let start = seed::below(self.seed, &["insurance", &number.to_string()], TEN_DIGITS);
        (0..TRIES).find_map(|attempt| {
            let digits = start.saturating_add(attempt) % TEN_DIGITS;
            let number = InsuranceNumber::parse(&format!("{digits:010}"))?;
            let taken = self.population.find_by_insurance_number(number).is_some()
                || book.by_insurance.contains_key(&number);
            (!taken).then_some(number)
        })
    }
}

/// The person with this number, if name and birth date agree as well: whoever does not know all three is told
/// nothing, and cannot tell which of them is wrong.
pub fn agreeing(
    population: &Population,
    number: &str,
    name: &str,
    birth_date: Date,
) -> Option<Person> {
    named(population, number, Some(name), Some(birth_date))
}

/// As `agreeing`, where the operation leaves name and date to the caller's choice.
pub fn named(
    population: &Population,
    number: &str,
    name: Option<&str>,
    birth_date: Option<Date>,
) -> Option<Person> {
    let person = population.find(IdentityNumber::parse(number)?)?;
    let agrees = name.is_none_or(|name| person.name.matches(name))
        && birth_date.is_none_or(|date| person.birth_date == date);
    agrees.then_some(person)
}

/// The day in Vietnam.
pub fn day_of(milliseconds: i64) -> Date {
    let date = moment::local(milliseconds).date();
    let part = |number: i8| u8::try_from(number).unwrap_or(1);
    let year = u16::try_from(date.year()).unwrap_or(1);
    Date::new(year, part(date.month()), part(date.day()))
        .unwrap_or_else(|| Date::from_day_number(0))
}

/// A province by its two-digit code.
pub fn province_by_code(code: &str) -> Option<&'static Province> {
    (code.len() == 2).then(|| code.parse().ok().and_then(Province::by_code)).flatten()
}

/// Whether a text has the shape: `9` stands for a digit, everything else for itself.
fn has_shape(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(byte, wanted)| match wanted {
            b'9' => byte.is_ascii_digit(),
            fixed => byte == fixed,
        })
}

/// `dd/MM/yyyy`: another shape is malformed, a day that no calendar has conflicts.
pub fn slashed(text: &str) -> Result<Date, Fault> {
    if !has_shape(text, "99/99/9999") {
        return Err(Fault::bad_request("ngày phải viết dd/MM/yyyy"));
    }
    Date::parse_slashed(text).ok_or_else(no_such_day)
}

/// `HH:mm` as minutes of the day; same distinction as `slashed`.
pub fn minutes(text: &str) -> Result<u16, Fault> {
    if !has_shape(text, "99:99") {
        return Err(Fault::bad_request("giờ phải viết HH:mm"));
    }
    let part = |range| text.get(range).and_then(|part: &str| part.parse::<u16>().ok());
    match (part(0..2), part(3..5)) {
        (Some(hour @ 0..24), Some(minute @ 0..60)) => Ok(hour * 60 + minute),
        _ => Err(Fault::conflict("giờ không có trong ngày")),
    }
}

fn no_such_day() -> Fault {
    Fault::conflict("ngày không có trên lịch")
}

/// A field `dd/MM/yyyy`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Slashed(String);

impl Slashed {
    /// Conflict for a day that no calendar has.
    pub fn date(&self) -> Result<Date, Fault> {
        slashed(&self.0)
    }
}

impl<'de> Deserialize<'de> for Slashed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let shaped = has_shape(&text, "99/99/9999");
        shaped.then_some(Self(text)).ok_or_else(|| Error::custom("ngày phải viết dd/MM/yyyy"))
    }
}

/// One of the numbers `MIN` to `MAX`, as a number or as a string of it: `2` and `"2"` are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Choice<const MIN: u8, const MAX: u8>(pub u8);

impl<'de, const MIN: u8, const MAX: u8> Deserialize<'de> for Choice<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Either::<MIN, MAX>)
    }
}

struct Either<const MIN: u8, const MAX: u8>;

impl<const MIN: u8, const MAX: u8> Either<MIN, MAX> {
    fn chosen<E: Error>(number: Option<u8>) -> Result<Choice<MIN, MAX>, E> {
        let inside = number.filter(|number| (MIN..=MAX).contains(number)).map(Choice);
        inside.ok_or_else(|| E::custom(format_args!("phải là một số từ {MIN} đến {MAX}")))
    }
}

impl<const MIN: u8, const MAX: u8> Visitor<'_> for Either<MIN, MAX> {
    type Value = Choice<MIN, MAX>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "một số từ {MIN} đến {MAX}")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Self::chosen(u8::try_from(number).ok())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Self::chosen(u8::try_from(number).ok())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        let number = (MIN..=MAX).find(|number| number.to_string() == text);
        Self::chosen(number)
    }
}

/// Code and name, as the catalogues of civil status and criminal records list them.
pub const NATIONALITIES: &[(&str, &str)] = &[
    ("VN", "Việt Nam"),
    ("CN", "Trung Quốc"),
    ("FR", "Pháp"),
    ("JP", "Nhật Bản"),
    ("KH", "Campuchia"),
    ("KR", "Hàn Quốc"),
    ("LA", "Lào"),
    ("US", "Hoa Kỳ"),
];

/// Assumed: enough for a training day.
const CHILDREN: Bounds = Bounds { rows_max: 20_000, bytes_max: 16 << 20 };
const CHILD_BYTES: usize = 256;
const SERIALS: u64 = 1_000_000;
const TEN_DIGITS: u64 = 10_000_000_000;
/// Numbers looked at before the register counts as full: few are taken, so two or three are usual.
const TRIES: u64 = 1_000;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::providers::population::PROVINCES;

    fn country() -> Arc<Population> {
        Arc::new(Population::new(7, 50_000, Date::new(2026, 1, 5).unwrap()).unwrap())
    }

    #[test]
    fn a_newborn_has_numbers_in_the_format_that_nobody_else_has() {
        let population = country();
        let newborns = Newborns::new(7, &population);
        let commune = Commune::new(&PROVINCES[0], 1).unwrap();
        let born = Date::new(2026, 1, 4).unwrap();
        let mut numbers = BTreeSet::new();
        for _ in 0..300 {
            let name = "Lê Thị An".to_owned();
            let parents = Parents { father: None, mother: Some(3) };
            let child = newborns
                .register(Birth {
                    parents,
                    name,
                    sex: Sex::Female,
                    birth_date: born,
                    commune,
                    known_from_ms: 0,
                })
                .unwrap();
            assert_eq!((child.number.place(), child.number.sex()), (1, Sex::Female));
            assert_eq!(child.number.birth_year(), 2026);
            assert_eq!(population.find_index(child.number), None);
            assert_eq!(population.find_by_insurance_number(child.insurance_number), None);
            assert!(numbers.insert(child.number) & (child.health_card.to_string().len() == 15));
            assert_eq!(newborns.find(child.number).as_ref(), Some(&child));
            let same = newborns.find_by_insurance_number(child.insurance_number);
            assert_eq!(same, Some(child));
        }
        assert_eq!(newborns.matching(|child| child.sex == Sex::Female, 10).len(), 10);
    }

    #[test]
    fn a_number_of_the_population_or_of_another_child_is_taken() {
        let population = country();
        let newborns = Newborns::new(7, &population);
        let commune = Commune::new(&PROVINCES[0], 1).unwrap();
        let born = Date::new(2026, 1, 4).unwrap();
        let register = |name: &str| {
            let (parents, name) = (Parents::default(), name.to_owned());
            let (sex, birth_date, known_from_ms) = (Sex::Male, born, 0);
            newborns.register(Birth { parents, name, sex, birth_date, commune, known_from_ms })
        };
        let child = register("Lê Văn An").unwrap();
        for index in 0..100 {
            let number = population.identity_number(index).unwrap();
            assert!(newborns.is_taken(&newborns.book.lock(), number));
        }
        assert!(newborns.is_taken(&newborns.book.lock(), child.number));
        while newborns.book.lock().children.len() < CHILDREN.rows_max {
            assert!(register("Lê Văn An").is_ok());
        }
        assert_eq!(register("Lê Văn An"), Err(Full));
        assert_eq!(newborns.book.lock().by_insurance.len(), CHILDREN.rows_max);
    }

    #[test]
    fn a_person_is_found_only_when_number_name_and_date_agree() {
        let population = country();
        let person = population.person(11).unwrap();
        let (number, name) = (person.number.to_string(), person.name.upper());
        let found = agreeing(&population, &number, &name, person.birth_date);
        assert_eq!(found.as_ref(), Some(&person));
        assert_eq!(named(&population, &number, None, None), Some(person.clone()));
        let other_day = person.birth_date.plus_days(1);
        assert_eq!(agreeing(&population, &number, &name, other_day), None);
        assert_eq!(agreeing(&population, &number, "Lê A", person.birth_date), None);
        assert_eq!(agreeing(&population, "1", &name, person.birth_date), None);
    }

    #[test]
    fn a_wrong_shape_is_malformed_and_an_impossible_day_conflicts() {
        assert_eq!(slashed("05/01/2026"), Ok(Date::new(2026, 1, 5).unwrap()));
        let status = |text| slashed(text).unwrap_err().reason.status();
        assert_eq!((status("31/02/2026"), status("5/1/2026"), status("")), (409, 400, 400));
        assert_eq!(minutes("23:59"), Ok(1439));
        let status = |text| minutes(text).unwrap_err().reason.status();
        assert_eq!((status("24:00"), status("7:00"), status("07:0x")), (409, 400, 400));
        assert_eq!(day_of(0), Date::new(1970, 1, 1).unwrap());
        assert_eq!(day_of(i64::MAX), day_of(0));
    }

    #[test]
    fn a_choice_is_a_number_or_its_string() {
        let read = |text: &str| serde_json::from_str::<Choice<1, 3>>(text).ok();
        assert_eq!((read("2"), read("\"2\"")), (Some(Choice(2)), Some(Choice(2))));
        for bad in ["0", "4", "-1", "\"02\"", "\"x\"", "null", "1.5", "[]"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
