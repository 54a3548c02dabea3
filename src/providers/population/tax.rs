//! Ten-digit tax codes (mã số thuế) with their check digit (TT 105/2020/TT-BTC; weights as commonly
//! published). Enterprises begin with 0, people with 8 or 9; since 1/7/2025 a person's tax code is the
//! identity number.

use super::draw::{Draw, Shuffle, Stream};
use super::identity::digits;
use super::{IdentityNumber, Population};
use std::fmt;

/// A tax code whose check digit is right; an enterprise's is also its registration number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaxCode(u64);

impl TaxCode {
    /// Ten ASCII digits with the right check digit; the code need not be anybody's.
    pub fn parse(text: &str) -> Option<Self> {
        let code = digits(text, 10)?;
        (check_digit(code / 10)? == code % 10).then_some(Self(code))
    }

    /// Eight digits, then one that makes a check digit exist, then the check digit. `key` chooses among
    /// the possible ninth digits.
    fn compose(body: u64, key: u64) -> Option<Self> {
        // At most one of ten ninth digits has no check digit: two tries do.
        (0..2).find_map(|attempt| {
            let nine = body * 10 + (key + attempt) % 10;
            check_digit(nine).map(|check| Self(nine * 10 + check))
        })
    }

    fn body(self) -> u64 {
        self.0 / 100
    }
}

impl Population {
    /// `None` past the last person.
    pub fn old_tax_code(&self, index: u32) -> Option<TaxCode> {
        if index >= self.people {
            return None;
        }
        let body = PERSON_BODIES + self.person_bodies().apply(u64::from(index))?;
        TaxCode::compose(body, self.draw(Stream::PersonTaxCode, index).next())
    }

    pub fn find_by_old_tax_code(&self, code: TaxCode) -> Option<u32> {
        let body = code.body().checked_sub(PERSON_BODIES)?;
        let index = u32::try_from(self.person_bodies().invert(body)?).ok()?;
        (self.old_tax_code(index)? == code).then_some(index)
    }

    /// By either tax code of a person: the old ten digits, or the identity number.
    pub fn find_by_tax_code(&self, text: &str) -> Option<u32> {
        match IdentityNumber::parse(text) {
            Some(number) => self.find_index(number),
            None => self.find_by_old_tax_code(TaxCode::parse(text)?),
        }
    }

    pub(super) fn enterprise_tax_code(&self, enterprise: u32) -> Option<TaxCode> {
        let body = self.enterprise_bodies().apply(u64::from(enterprise))?;
        let key = Draw::new(self.seed, Stream::EnterpriseTaxCode, u64::from(enterprise)).next();
        TaxCode::compose(body, key)
    }

    /// The enterprise that may have this code; the caller compares.
    pub(super) fn enterprise_by_body(&self, code: TaxCode) -> Option<u32> {
        u32::try_from(self.enterprise_bodies().invert(code.body())?).ok()
    }

    fn person_bodies(&self) -> Shuffle {
        Shuffle::new(self.seed, Stream::PersonTaxCode, 1 << 40, 100_000_000 - PERSON_BODIES)
    }

    fn enterprise_bodies(&self) -> Shuffle {
        Shuffle::new(self.seed, Stream::EnterpriseTaxCode, 1 << 40, ENTERPRISE_BODIES)
    }
}

impl fmt::Display for TaxCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:010}", self.0)
    }
}

impl fmt::Debug for TaxCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// 10 minus the weighted sum modulo 11; `None` where that is not a digit: such codes are not issued.
fn check_digit(nine: u64) -> Option<u64> {
    let mut rest = nine;
    let mut sum = 0;
    for weight in [3, 5, 7, 13, 17, 19, 23, 29, 31] {
        sum += rest % 10 * weight;
        rest /= 10;
    }
    (10 - sum % 11 < 10).then_some(10 - sum % 11)
}

/// First eight digits of people's codes, from here to 99999999: room for `PEOPLE_MAX`.
const PERSON_BODIES: u64 = 80_000_000;
/// First eight digits of enterprises' codes are below this.
const ENTERPRISE_BODIES: u64 = 10_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_digit_is_the_published_one() {
        // 0123456789: 0·31 + 1·29 + 2·23 + 3·19 + 4·17 + 5·13 + 6·7 + 7·5 + 8·3 = 366, 366 mod 11 = 3, 10 − 3 = 7.
        assert_eq!(check_digit(12_345_678), Some(7));
        assert_eq!(TaxCode::parse("0123456787").unwrap().to_string(), "0123456787");
        for bad in ["0123456789", "012345678", "01234567870", "012345678a", ""] {
            assert_eq!(TaxCode::parse(bad), None, "{bad}");
        }
        // A sum divisible by 11 leaves ten, which is no digit.
        assert_eq!(check_digit(0), None);
    }

    #[test]
    fn every_body_gets_a_code() {
        for body in 0..100_000 {
            for key in 0..10 {
                let code = TaxCode::compose(body, key).unwrap();
                assert_eq!(code.body(), body);
                assert_eq!(TaxCode::parse(&code.to_string()), Some(code));
            }
        }
    }
}
