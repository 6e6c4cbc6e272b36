//! Random numbers from a seed.

/// A random number generator: SplitMix64, with a state of one number.
///
/// Not a dependency: a seed that is written down must mean the same world in later years.
#[derive(Debug, Clone)]
pub(super) struct Rng(u64);

/// The step of SplitMix64: the golden ratio as a 64-bit fraction.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

impl Rng {
    /// One of the independent streams of a seed, so that an additional draw in one place changes nothing in another.
    pub(super) fn stream(seed: u64, stream: u64) -> Self {
        let mut rng = Self(seed);
        let start = rng.draw();
        Self(start ^ stream.wrapping_add(1).wrapping_mul(0xD134_2543_DE82_EF95))
    }

    /// Draws any number.
    pub(super) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// Draws a number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.draw() % (high - low + 1)
    }

    /// Draws a number from `low` to `high`, with every magnitude equally likely.
    pub(super) fn magnitude(&mut self, low: u64, high: u64) -> u64 {
        let bits = |number: u64| u64::from(u64::BITS - number.leading_zeros());
        let width = self.between(bits(low), bits(high));
        let top = 1_u64
            .checked_shl(width as u32)
            .map_or(u64::MAX, |bound| bound - 1);
        self.between(low, top.clamp(low, high))
    }

    /// Returns `true` once in `times` times; never for 0.
    pub(super) fn one_in(&mut self, times: u64) -> bool {
        times != 0 && self.draw().is_multiple_of(times)
    }

    /// Returns `true` in `share` of a thousand times.
    pub(super) fn permille(&mut self, share: u64) -> bool {
        self.draw() % 1000 < share
    }

    /// Returns one of the items.
    pub(super) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[(self.draw() % items.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_means_the_same_numbers() {
        let mut rng = Rng::stream(42, 7);
        let drawn: Vec<_> = (0..3).map(|_| rng.draw()).collect();
        let mut again = Rng::stream(42, 7);
        assert!(drawn.iter().all(|number| *number == again.draw()));
        assert_ne!(Rng::stream(42, 8).draw(), drawn[0]);
    }

    #[test]
    fn draws_stay_within_their_bounds() {
        let mut rng = Rng::stream(1, 0);
        for _ in 0..1000 {
            assert!((3..=9).contains(&rng.between(3, 9)));
            assert!((1..=5000).contains(&rng.magnitude(1, 5000)));
        }
        assert!(!rng.one_in(0) && rng.one_in(1));
        assert!(!rng.permille(0) && rng.permille(1000));
    }
}
