//! Seeded randomness for the simulator and the virtual agencies: xoshiro256++, one stream per actor.
//!
//! Invariant: the numbers depend on the seed alone, on every machine and in every version; a seed in a
//! bug report must still lead to the bug.

/// Not for secrets.
#[derive(Clone, Debug)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    pub const fn new(seed: u64) -> Self {
        let (a, seed) = splitmix(seed);
        let (b, seed) = splitmix(seed);
        let (c, seed) = splitmix(seed);
        let (d, _) = splitmix(seed);
        Self { state: [a, b, c, d] }
    }

    /// A stream of its own for an actor: how much one draws does not change what another sees.
    #[must_use]
    pub const fn stream(seed: u64, actor: u64) -> Self {
        let (mixed, _) = splitmix(actor);
        Self::new(seed ^ mixed)
    }

    pub const fn next(&mut self) -> u64 {
        let [a, mut b, mut c, mut d] = self.state;
        let drawn = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let shifted = b << 17;
        c ^= a;
        d ^= b;
        b ^= c;
        let a = a ^ d;
        c ^= shifted;
        d = d.rotate_left(45);
        self.state = [a, b, c, d];
        drawn
    }

    /// Uniform in `0..bound`; 0 when the bound is 0.
    #[expect(clippy::cast_possible_truncation, reason = "the halves of a product")]
    pub const fn below(&mut self, bound: u64) -> u64 {
        // Lemire 2019, without a division in the common case.
        let mut wide = self.next() as u128 * bound as u128;
        if (wide as u64) < bound {
            let threshold = bound.wrapping_neg() % bound;
            while (wide as u64) < threshold {
                wide = self.next() as u128 * bound as u128;
            }
        }
        (wide >> 64) as u64
    }

    /// Uniform in `0.0..1.0`.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    pub const fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub const fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// The time between two events that are independent of each other.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }
}

const fn splitmix(seed: u64) -> (u64, u64) {
    let seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31), seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    // The first outputs of the reference xoshiro256plusplus.c for the state 1, 2, 3, 4.
    #[test]
    fn it_is_xoshiro256_plus_plus() {
        let mut random = Random { state: [1, 2, 3, 4] };
        let drawn = [random.next(), random.next(), random.next(), random.next()];
        assert_eq!(drawn, [41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386]);
        // The first output of the reference splitmix64.c for the seed 1234567.
        assert_eq!(splitmix(1_234_567).0, 6_457_827_717_110_365_317);
    }

    #[test]
    fn streams_differ_and_repeat() {
        let draw = |mut random: Random| [random.next(), random.next()];
        assert_eq!(draw(Random::stream(7, 1)), draw(Random::stream(7, 1)));
        assert_ne!(draw(Random::stream(7, 1)), draw(Random::stream(7, 2)));
        assert_ne!(draw(Random::stream(7, 1)), draw(Random::stream(8, 1)));
    }

    #[test]
    fn draws_stay_in_their_range_and_are_even() {
        let mut random = Random::new(3);
        let mut seen = [0_u32; 6];
        let mut sum = 0.0;
        for _ in 0..60_000 {
            seen[usize::try_from(random.below(6)).unwrap()] += 1;
            let unit = random.unit();
            assert!((0.0..1.0).contains(&unit));
            sum += random.exponential(2.0);
        }
        assert!(seen.iter().all(|&count| (9_500..10_500).contains(&count)), "{seen:?}");
        assert!((1.95..2.05).contains(&(sum / 60_000.0)));
        assert_eq!(random.below(0), 0);
        assert_eq!(random.below(1), 0);
    }
}
