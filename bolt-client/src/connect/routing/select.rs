//! Which of several servers gets work: a pure decider.

use std::sync::atomic::{AtomicU64, Ordering};

/// The increment of a sequence that meets every number once (the golden ratio of 2⁶⁴).
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The numbers that decide between servers with the same load: a sequence from a random begin, since every query on a cluster
/// that idles needs one.
#[derive(Debug)]
pub(crate) struct Draws(AtomicU64);

impl Draws {
    pub(crate) const fn new(begin: u64) -> Self {
        Self(AtomicU64::new(begin))
    }

    fn next(&self) -> u64 {
        self.0.fetch_add(STEP, Ordering::Relaxed)
    }
}

/// Returns the server with the least load; if several have it, a draw decides, which is made only then. Each server is looked
/// at once.
pub(crate) fn least_in_use<T>(servers: impl IntoIterator<Item = (T, usize)>, draws: &Draws) -> Option<T> {
    let mut drawn = None;
    let mut best: Option<(T, usize)> = None;
    let mut ties = 0_u64;
    for (server, load) in servers {
        let least = best.as_ref().map_or(usize::MAX, |(_, least)| *least);
        if best.is_none() || load < least {
            ties = 1;
            best = Some((server, load));
        } else if load == least {
            ties += 1;
            // The nth replaces one of those before with a chance of 1 in n: then all have the same.
            if mix(*drawn.get_or_insert_with(|| draws.next()), ties) % ties == 0 {
                best = Some((server, load));
            }
        }
    }
    best.map(|(server, _)| server)
}

/// Makes another number of a draw for each tie (the finaliser of `SplitMix64`).
const fn mix(draw: u64, tie: u64) -> u64 {
    let mut bits = draw.wrapping_add(tie.wrapping_mul(STEP));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ties_are_broken_evenly_by_the_draw() {
        for ties in 1..=7_usize {
            let mut chosen = vec![0_usize; ties];
            let draws = Draws::new(77);
            for _ in 0..10_000 {
                let servers = (0..ties).map(|server| (server, 3)).chain([(99, 4)]);
                chosen[least_in_use(servers, &draws).unwrap()] += 1;
            }
            let even = 10_000 / ties;
            assert!(
                chosen
                    .iter()
                    .all(|count| count.abs_diff(even) < even / 5 + 1 || ties == 1),
                "{chosen:?}"
            );
        }
    }

    #[test]
    fn without_servers_none_is_chosen() {
        assert_eq!(least_in_use(Vec::<(u8, usize)>::new(), &Draws::new(17)), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_other_server_has_a_smaller_load(
            loads in prop::collection::vec(prop_oneof![0_usize..4, Just(usize::MAX)], 1..20),
            draw in any::<u64>(),
        ) {
            let chosen = least_in_use(loads.iter().copied().enumerate(), &Draws::new(draw)).unwrap();
            prop_assert_eq!(Some(&loads[chosen]), loads.iter().min());
        }
    }
}
