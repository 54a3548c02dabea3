//! The two searches: a number by traits, a household by one of its people. Both need every trait to agree.

use serde::{Deserialize, Serialize};

use super::SocialInsurance;
use super::record::{CLOSED, IN_USE, Resident, state};
use crate::providers::Answer;
use crate::providers::citizen::{Choice, Newborn, province_by_code};
use crate::providers::http::{Fault, Outcome, Request};
use crate::providers::input::Text;
use crate::providers::population::{
    BirthFilter, Commune, Date, InsuranceNumber, Person, Province, SearchBy, Sex, Traits,
};

/// A search tells one person apart from two; more need not be looked for.
const FOUND_MAX: usize = 2;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ByTraits {
    ho_ten: Text<1, 200>,
    ngay_sinh: Text<1, 8>,
    loai_ngay_sinh: Choice<0, 2>,
    gioi_tinh: Choice<1, 3>,
    #[serde(default)]
    ma_tinh_ks: Option<Text<0, 10>>,
    #[serde(default)]
    ma_xa_ks: Option<Text<0, 10>>,
    is_ks: Choice<0, 1>,
}

/// `maSoBhxh` is empty unless `errorCode` is "00".
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    ma_so_bhxh: String,
    trang_thai: u8,
    error_code: &'static str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfHousehold {
    ma_tinh: Text<1, 10>,
    ho_ten: Text<1, 200>,
    ngay_sinh: Text<1, 8>,
    loai_ngay_sinh: Choice<0, 2>,
    gioi_tinh: Choice<1, 3>,
    #[serde(default)]
    so_so: Option<Text<0, 20>>,
    #[serde(default)]
    ma_the: Option<Text<0, 20>>,
    is_ks: Choice<0, 1>,
}

/// Why `getMaSoBhxhTheoTieuChi` names no number. The codes are assumed: the source has only the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    NoMatch,
    Several,
    NoCommune,
    UnknownCommune,
    BadDate,
    OtherProvince,
}

impl Missing {
    const fn code(self) -> &'static str {
        match self {
            Self::NoMatch => "01",
            Self::Several => "02",
            Self::NoCommune => "03",
            Self::UnknownCommune => "04",
            Self::BadDate => "05",
            Self::OtherProvince => "06",
        }
    }
}

impl SocialInsurance {
    pub(super) fn number_by_traits(&self, request: &Request<'_>) -> Outcome {
        let wanted: ByTraits = request.json()?;
        let found = match self.one_with(&wanted, request.call.now_ms) {
            Ok((number, trang_thai)) => {
                Found { ma_so_bhxh: number.to_string(), trang_thai, error_code: "00" }
            }
            Err(missing) => {
                Found { ma_so_bhxh: String::new(), trang_thai: CLOSED, error_code: missing.code() }
            }
        };
        Ok(Answer::json(200, &found))
    }

    fn one_with(&self, wanted: &ByTraits, now_ms: i64) -> Result<(InsuranceNumber, u8), Missing> {
        let code = wanted.ma_xa_ks.as_deref().filter(|code| !code.is_empty());
        let commune = Commune::by_code(code.ok_or(Missing::NoCommune)?);
        let commune = commune.ok_or(Missing::UnknownCommune)?;
        let province = wanted.ma_tinh_ks.as_deref().filter(|code| !code.is_empty());
        if province.is_some_and(|code| province_by_code(code) != Some(commune.province())) {
            return Err(Missing::OtherProvince);
        }
        let birth = birth(&wanted.ngay_sinh, wanted.loai_ngay_sinh).ok_or(Missing::BadDate)?;
        let sex = sex(wanted.gioi_tinh).ok_or(Missing::NoMatch)?;
        let by = place(wanted.is_ks);
        let traits = Traits { commune, by, name: &wanted.ho_ten, birth, sex: Some(sex) };
        let mut found: Vec<_> = self
            .population
            .matching(&traits, FOUND_MAX)
            .into_iter()
            .filter_map(|index| self.population.person(index))
            .map(|person| (person.insurance_number, state(&person)))
            .collect();
        let fits = |child: &Newborn| child.known_from_ms <= now_ms && newborn_fits(child, &traits);
        let children = self.newborns.matching(fits, FOUND_MAX);
        found.extend(children.iter().map(|child| (child.insurance_number, IN_USE)));
        match found.as_slice() {
            [] => Err(Missing::NoMatch),
            [one] => Ok(*one),
            _ => Err(Missing::Several),
        }
    }

    pub(super) fn household(&self, request: &Request<'_>) -> Outcome {
        let wanted: OfHousehold = request.json()?;
        let birth = birth(&wanted.ngay_sinh, wanted.loai_ngay_sinh);
        let birth = birth.ok_or_else(|| Fault::conflict("ngaySinh không hợp với loaiNgaySinh"))?;
        let given =
            |text: &Option<Text<0, 20>>| text.as_deref().is_some_and(|text| !text.is_empty());
        if !given(&wanted.so_so) && !given(&wanted.ma_the) {
            return Err(Fault::conflict("cần soSo (số sổ hộ khẩu) hoặc maThe (mã thẻ BHYT)"));
        }
        let person = self.candidates(&wanted).into_iter().find(|person| {
            let place = match place(wanted.is_ks) {
                SearchBy::Birth => person.birth_place.province(),
                SearchBy::Household => person.permanent_address.province(),
            };
            person.name.matches(&wanted.ho_ten)
                && birth.matches(person.birth_date)
                && sex(wanted.gioi_tinh) == Some(person.sex)
                && province_by_code(&wanted.ma_tinh).is_some_and(|code| same(code, place))
        });
        let person = person.ok_or_else(|| Fault::not_found("không có người khớp mọi tiêu chí"))?;
        Ok(Answer::json(200, &Resident::household_of(&self.population, &person)))
    }

    /// By card, by book, or by both at once.
    fn candidates(&self, wanted: &OfHousehold) -> Vec<Person> {
        let card = wanted.ma_the.as_deref().filter(|card| !card.is_empty());
        let book = wanted.so_so.as_deref().filter(|book| !book.is_empty());
        let insured = card.map(|card| self.population.find_by_health_card(card));
        let home = book.map(|book| self.population.find_household_by_book(book));
        let indices = match (insured, home) {
            (Some(Some(index)), None) => vec![index],
            (None, Some(Some(home))) => {
                (home.first..home.first.saturating_add(home.size)).collect()
            }
            (Some(Some(index)), Some(Some(home))) => {
                let lives = (home.first..home.first.saturating_add(home.size)).contains(&index);
                if lives { vec![index] } else { Vec::new() }
            }
            _ => Vec::new(),
        };
        indices.into_iter().filter_map(|index| self.population.person(index)).collect()
    }
}

/// `yyyyMMdd`, `yyyy` or `yyyyMM`, as `loaiNgaySinh` says; the shorter ones may be filled up with zeros.
fn birth(text: &str, kind: Choice<0, 2>) -> Option<BirthFilter> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let year = || text.get(..4).and_then(|year| year.parse().ok());
    let rest = |from: usize| text.get(from..).filter(|rest| rest.bytes().all(|byte| byte == b'0'));
    match kind.0 {
        _ if !digits => None,
        0 => Date::parse_compact(text).map(BirthFilter::Day),
        1 => rest(4).and_then(|_| year().map(BirthFilter::Year)),
        _ => {
            let month = text.get(4..6)?.parse().ok().filter(|month| (1..=12).contains(month))?;
            rest(6).and_then(|_| Some(BirthFilter::Month { year: year()?, month }))
        }
    }
}

/// Nobody in the population is of another sex than these two.
fn sex(code: Choice<1, 3>) -> Option<Sex> {
    [Sex::Male, Sex::Female].into_iter().find(|sex| sex.insurance_code() == code.0)
}

fn place(is_ks: Choice<0, 1>) -> SearchBy {
    if is_ks.0 == 1 { SearchBy::Birth } else { SearchBy::Household }
}

fn same(one: &Province, other: &Province) -> bool {
    one.code == other.code
}

fn newborn_fits(child: &Newborn, traits: &Traits<'_>) -> bool {
    let words = |text: &str| text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>();
    child.commune == traits.commune
        && traits.birth.matches(child.birth_date)
        && traits.sex.is_none_or(|sex| sex == child.sex)
        && words(&child.name) == words(traits.name)
}
