//! The indicator set, and the figure of any office, indicator and period: drawn from the seed, and consistent, so that
//! actual figures stay near the plan and a year is about as large as its months.

use super::super::seed;
use super::period::{DataType, Period};

const INDICATORS: &str = include_str!("../data/report/indicators.csv");
/// Growth from year to year, in thousandths. Assumed.
const GROWTH_MILLI: u64 = 70;
const FIRST_YEAR: u64 = 2010;
/// Years after which growth is no longer added.
const GROWTH_YEARS_MAX: u64 = 40;

#[derive(Debug)]
pub(super) struct Indicator {
    pub code: &'static str,
    pub name: &'static str,
    pub unit: &'static str,
    /// Kinds of period it is reported for.
    pub kinds: &'static str,
    /// A flow adds up over months; a share does not.
    is_flow: bool,
    base: u64,
    spread: u64,
    decimals: u32,
}

/// Which figure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub office: &'a str,
    pub data_type: DataType,
    pub period: Period,
    pub year: i16,
}

pub(super) fn indicators() -> Vec<Indicator> {
    INDICATORS.lines().skip(1).filter_map(read).collect()
}

fn read(line: &'static str) -> Option<Indicator> {
    let mut fields = line.split(',');
    Some(Indicator {
        code: fields.next()?,
        name: fields.next()?,
        unit: fields.next()?,
        kinds: fields.next()?,
        is_flow: fields.next()? == "flow",
        base: fields.next()?.parse().ok()?,
        spread: fields.next()?.parse().ok()?,
        decimals: fields.next()?.parse().ok()?,
    })
}

impl Indicator {
    pub(super) fn is_reported_for(&self, period: Period) -> bool {
        self.kinds.contains(period.kind())
    }

    /// The seeded figure.
    pub(super) fn figure(&self, seed: u64, wanted: Wanted<'_>) -> f64 {
        let Wanted { office, data_type, period, year } = wanted;
        let label = format!("{year} {period:?} {data_type:?}");
        // In thousandths of the unit, for a whole year.
        let spread = self.spread.saturating_mul(1000);
        let of_office = seed::below(seed, &["level", self.code, office], spread.saturating_add(1));
        let mut milli = self.base.saturating_mul(1000).saturating_add(of_office);
        // Plan and actual differ by a few per cent of the spread for a share, of the figure for a flow.
        let width = if self.is_flow { milli / 10 } else { spread / 20 };
        let drawn =
            seed::below(seed, &["wave", self.code, office, &label], width.saturating_add(1));
        if self.is_flow {
            let years =
                u64::try_from(year).unwrap_or(0).saturating_sub(FIRST_YEAR).min(GROWTH_YEARS_MAX);
            let growth = 1000_u64.saturating_add(years.saturating_mul(GROWTH_MILLI));
            milli = milli.saturating_add(drawn).saturating_mul(growth) / 1000;
            milli = milli.saturating_mul(u64::from(period.months())) / 12;
        } else {
            // Seeded levels of a percentage never pass the base plus the spread.
            milli = milli.saturating_sub(drawn);
        }
        rounded(milli, self.decimals)
    }
}

/// Thousandths as a number with that many decimals, at most three.
fn rounded(milli: u64, decimals: u32) -> f64 {
    let kept = decimals.min(3);
    let step = 10_u64.saturating_pow(3_u32.saturating_sub(kept));
    let shown = (milli / step).saturating_mul(step);
    let text = format!("{}.{:03}", shown / 1000, shown % 1000);
    text.parse().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_whole_and_codes_are_unique() {
        let indicators = indicators();
        assert_eq!(indicators.len(), INDICATORS.lines().count() - 1);
        let mut codes: Vec<_> = indicators.iter().map(|indicator| indicator.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), indicators.len());
        assert!(codes.contains(&"BPC_KTXH_TDTTGRDP"));
        assert!(indicators.iter().all(|one| one.kinds.chars().all(|kind| "mqhyf".contains(kind))));
    }

    #[test]
    fn a_year_is_about_its_months_and_a_share_stays_in_its_range() {
        for indicator in indicators() {
            let figure = |id, year| {
                let (data_type, period) = (DataType::Actual, Period::read(id).unwrap());
                indicator.figure(7, Wanted { office: "H60", data_type, period, year })
            };
            let (year, months) =
                (figure(20, 2025), (1..=12).map(|id| figure(id, 2025)).sum::<f64>());
            if indicator.is_flow {
                assert!(
                    (0.85..1.15).contains(&(months / year)),
                    "{}: {months} {year}",
                    indicator.code
                );
                assert!(figure(20, 2025) > figure(20, 2015), "{}", indicator.code);
            } else if indicator.unit == "%"
                && !indicator.code.contains("_CPI")
                && !indicator.code.contains("_IIP")
            {
                assert!((0.0..=100.0).contains(&year), "{}: {year}", indicator.code);
            }
            assert_eq!(figure(20, 2025).to_bits(), year.to_bits());
            assert!(figure(20, i16::MAX).is_finite());
        }
    }
}
