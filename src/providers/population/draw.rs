//! Deterministic choice: one named stream of numbers for each trait, and bijections for numbers that
//! must lead back to the person.
//!
//! A stream depends on (seed, trait, key) only, so a new trait never changes an old one.

/// The traits. The numbers are part of the data: never reuse or renumber one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stream {
    HouseholdSizes = 1,
    HouseholdShape = 2,
    BirthWindows = 3,
    BirthDay = 4,
    ChildSex = 5,
    Migrant = 6,
    OriginBlock = 7,
    IdentitySerial = 8,
    IdentityYear = 9,
    OldNumber = 10,
    FamilyName = 11,
    GivenName = 12,
    Ethnicity = 13,
    Religion = 14,
    BloodGroup = 15,
    Death = 16,
    AbsentDeath = 17,
    HeadChoice = 18,
    HouseholdBook = 19,
    HouseholdCode = 20,
    HomeTown = 21,
    Address = 22,
    CurrentAddress = 23,
    Phone = 24,
    InsuranceNumber = 25,
    HealthCard = 26,
    PersonTaxCode = 27,
    EnterpriseTaxCode = 28,
    Enterprise = 29,
    ParcelHousehold = 30,
    ParcelPosition = 31,
    ParcelDetail = 32,
    CertificateSerial = 33,
    BirthRecord = 34,
    Marriage = 35,
    CriminalRecord = 36,
    Employment = 37,
    CommuneName = 38,
}

/// The numbers of one stream, in order.
#[derive(Clone, Debug)]
pub(super) struct Draw {
    state: u64,
}

impl Draw {
    pub(super) fn new(seed: u64, stream: Stream, key: u64) -> Self {
        let stream = mix(seed ^ mix((stream as u64).wrapping_mul(GOLDEN)));
        Self { state: mix(stream.wrapping_add(key.wrapping_mul(GOLDEN))) }
    }

    /// Splitmix64.
    pub(super) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }

    /// Uniform in `0..limit`; 0 when `limit` is 0.
    pub(super) fn below(&mut self, limit: u32) -> u32 {
        let scaled = (self.next() >> 32) * u64::from(limit);
        u32::try_from(scaled >> 32).unwrap_or(0)
    }

    /// Uniform in `low..=high`; `low` when `high` is below it.
    pub(super) fn between(&mut self, low: i32, high: i32) -> i32 {
        let width = u32::try_from(high.saturating_sub(low).saturating_add(1)).unwrap_or(1);
        low.saturating_add(i32::try_from(self.below(width)).unwrap_or(0))
    }

    pub(super) fn chance(&mut self, per_mille: u32) -> bool {
        self.below(1000) < per_mille
    }

    /// The default of `T` only when there is nothing to pick from.
    pub(super) fn pick<T: Copy + Default>(&mut self, items: &[T]) -> T {
        let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
        let place = usize::try_from(self.below(count)).unwrap_or(0);
        items.get(place).copied().unwrap_or_default()
    }

    /// As `pick`, each item as often as its weight says.
    pub(super) fn weighted<T: Copy + Default>(&mut self, items: &[(T, u32)]) -> T {
        let total = items.iter().map(|(_, weight)| weight).sum();
        let mut left = self.below(total);
        for (item, weight) in items {
            if left < *weight {
                return *item;
            }
            left -= weight;
        }
        T::default()
    }
}

/// A seeded bijection of `0..size`.
///
/// Four rounds of modular addition on the two coordinates of a rectangle that holds `0..size`; a value
/// that lands in the few surplus places walks on. The surplus is less than one row (about the root of
/// `size`), which bounds the walk; on average it takes one step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shuffle {
    size: u64,
    width: u64,
    height: u64,
    key: u64,
}

impl Shuffle {
    pub(super) fn new(seed: u64, stream: Stream, key: u64, size: u64) -> Self {
        let size = size.max(1);
        let width = size.isqrt().max(1);
        let key = Draw::new(seed, stream, key).next();
        Self { size, width, height: size.div_ceil(width), key }
    }

    /// `None` outside `0..size`.
    pub(super) fn apply(&self, value: u64) -> Option<u64> {
        self.walk(value, Self::forward)
    }

    /// `None` outside `0..size`.
    pub(super) fn invert(&self, value: u64) -> Option<u64> {
        self.walk(value, Self::backward)
    }

    fn walk(&self, value: u64, step: impl Fn(&Self, u64) -> u64) -> Option<u64> {
        let mut value = (value < self.size).then_some(value)?;
        for _ in 0..=self.surplus() {
            value = step(self, value);
            if value < self.size {
                return Some(value);
            }
        }
        None
    }

    fn surplus(&self) -> u64 {
        self.width * self.height - self.size
    }

    fn forward(&self, value: u64) -> u64 {
        let (mut x, mut y) = (value % self.width, value / self.width);
        for round in 0..ROUNDS {
            x = (x + self.noise(2 * round, y) % self.width) % self.width;
            y = (y + self.noise(2 * round + 1, x) % self.height) % self.height;
        }
        y * self.width + x
    }

    fn backward(&self, value: u64) -> u64 {
        let (mut x, mut y) = (value % self.width, value / self.width);
        for round in (0..ROUNDS).rev() {
            y = (y + self.height - self.noise(2 * round + 1, x) % self.height) % self.height;
            x = (x + self.width - self.noise(2 * round, y) % self.width) % self.width;
        }
        y * self.width + x
    }

    fn noise(&self, round: u64, value: u64) -> u64 {
        mix(self.key ^ mix(value.wrapping_mul(GOLDEN).wrapping_add(round)))
    }
}

/// The finalizer of splitmix64 (Steele, Lea, Flood 2014).
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
const ROUNDS: u64 = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    #[test]
    fn a_shuffle_hits_every_place_once() {
        for size in [1_u64, 2, 3, 7, 31, 100, 999, 1000, 12_345] {
            let shuffle = Shuffle::new(5, Stream::Phone, 0, size);
            let mut seen: Vec<u64> = (0..size).filter_map(|x| shuffle.apply(x)).collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..size).collect::<Vec<_>>());
            assert_eq!(shuffle.apply(size), None);
            assert_eq!(shuffle.invert(size), None);
        }
    }

    /// So a number leads to its person after at most a root of the population in steps, nearly always one.
    #[test]
    fn the_walk_of_a_shuffle_is_bounded() {
        for size in (1..3_000).chain([500_000, 1_250_000, 100_000_000, 10_000_000_000]) {
            let shuffle = Shuffle::new(5, Stream::Phone, 0, size);
            assert!(shuffle.surplus() <= size.isqrt(), "{size}");
        }
    }

    proptest! {
        #[test]
        fn a_shuffle_reads_back(seed: u64, size in 1_u64..10_000_000_001, value: u64) {
            let shuffle = Shuffle::new(seed, Stream::Phone, 1, size);
            let there = shuffle.apply(value % size).unwrap();
            prop_assert!(there < size);
            prop_assert_eq!(shuffle.invert(there), Some(value % size));
        }

        #[test]
        fn a_draw_stays_in_its_range(seed: u64, limit in 1_u32.., low in -100_i32..100, width in 0_i32..50) {
            let mut draw = Draw::new(seed, Stream::Phone, 0);
            prop_assert!(draw.below(limit) < limit);
            prop_assert!((low..=low + width).contains(&draw.between(low, low + width)));
            prop_assert_eq!(draw.between(low, low - 1), low);
            prop_assert_eq!(draw.below(0), 0);
        }
    }

    #[test]
    fn weights_are_frequencies_and_streams_are_apart() {
        let mut draw = Draw::new(1, Stream::Phone, 0);
        let ones = (0..10_000).filter(|_| draw.weighted(&[(1, 3), (2, 1)]) == 1).count();
        assert!((7_200..7_800).contains(&ones), "{ones}");
        let first = |stream, key| Draw::new(1, stream, key).next();
        assert_ne!(first(Stream::Phone, 0), first(Stream::Death, 0));
        assert_ne!(first(Stream::Phone, 0), first(Stream::Phone, 1));
    }
}
