//! Which server is asked next for a routing table, and which answer is accepted: a pure decider.

use std::collections::{HashSet, VecDeque};
use std::mem;
use std::sync::Arc;

use bolt_proto::Access;

use crate::address::Address;

use super::table::Table;

/// A table, and the server that sent it.
pub(crate) type Sent = (Table, Arc<Address>);

/// The most failures of one search that are kept.
const MAX_FAILURES: usize = 16;

/// A server that may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Candidate {
    /// The server of the URI, whose addresses the application's resolver may name.
    Seed,
    Router(Arc<Address>),
}

/// A search for a routing table.
///
/// The seed comes first if there is no table, or if the last one came without writers: its routers may be cut off from
/// the rest. Otherwise the known routers come first. Each address is asked once. A search for a writer goes on after a
/// table without writers, and is content with that table if no other is better.
#[derive(Debug)]
pub(crate) struct Search<E> {
    left: VecDeque<Candidate>,
    asked: HashSet<Arc<Address>>,
    needs_writer: bool,
    without_writers: Option<Sent>,
    failures: Vec<(Arc<Address>, E)>,
}

impl<E> Search<E> {
    /// Begins a search. `table` is the last one of the database.
    pub(crate) fn new(table: Option<&Table>, seed: &Address, access: Access) -> Self {
        let known = table.map(Table::routers).unwrap_or_default();
        let routers = known.iter().filter(|router| ***router != *seed);
        let mut left: VecDeque<_> = routers.cloned().map(Candidate::Router).collect();
        if table.is_none_or(Table::came_without_writers) {
            left.push_front(Candidate::Seed);
        } else if !planted!(SeedForgotten) {
            left.push_back(Candidate::Seed);
        }
        Self {
            left,
            asked: HashSet::new(),
            needs_writer: access == Access::Write,
            without_writers: None,
            failures: Vec::new(),
        }
    }

    /// Adds servers that are asked after all others.
    pub(crate) fn and_then<'a>(mut self, routers: impl Iterator<Item = &'a Arc<Address>>) -> Self {
        self.left.extend(routers.cloned().map(Candidate::Router));
        self.drop_repeated();
        self
    }

    /// Returns what is asked next.
    pub(crate) fn next(&mut self) -> Option<Candidate> {
        loop {
            match self.left.pop_front()? {
                Candidate::Router(router) if !self.asked.insert(Arc::clone(&router)) => {}
                next => return Some(next),
            }
        }
    }

    /// Puts the seed back: its addresses are not known yet.
    pub(crate) fn postpone_seed(&mut self) {
        self.left.push_front(Candidate::Seed);
    }

    /// Puts the addresses of the seed in its place.
    pub(crate) fn expand_seed(&mut self, addresses: Vec<Address>) {
        if self.left.front() == Some(&Candidate::Seed) {
            self.left.pop_front();
        }
        for address in addresses.into_iter().rev() {
            self.left.push_front(Candidate::Router(Arc::new(address)));
        }
        self.drop_repeated();
    }

    /// Drops servers that were asked, or stand before: they would take a share of the time.
    fn drop_repeated(&mut self) {
        let Self { left, asked, .. } = self;
        let mut before = HashSet::new();
        left.retain(|candidate| match candidate {
            Candidate::Seed => true,
            Candidate::Router(router) => !asked.contains(router) && before.insert(Arc::clone(router)),
        });
    }

    /// Returns how many servers may still be asked.
    pub(crate) fn left(&self) -> usize {
        self.left.len()
    }

    /// A caller has joined that needs this access.
    pub(crate) fn joined(&mut self, access: Access) {
        self.needs_writer |= access == Access::Write;
    }

    /// Notes that a server has sent this table. Returns the table if the search is over with it.
    pub(crate) fn answered(&mut self, table: Table, router: &Arc<Address>) -> Option<Table> {
        if self.needs_writer && table.writers().is_empty() {
            self.without_writers
                .get_or_insert_with(|| (table, Arc::clone(router)));
            return None;
        }
        Some(table)
    }

    /// Notes that a server has no usable table, or cannot be reached.
    pub(crate) fn failed(&mut self, router: Arc<Address>, error: E) {
        if self.failures.len() == MAX_FAILURES {
            // The first ones, and the last.
            self.failures.pop();
        }
        self.failures.push((router, error));
    }

    /// Returns the failures so far.
    pub(crate) fn failures(&self) -> &Vec<(Arc<Address>, E)> {
        &self.failures
    }

    /// Ends the search: the next best table and the server that sent it, or all failures.
    pub(crate) fn end(&mut self) -> Result<Sent, Vec<(Arc<Address>, E)>> {
        match self.without_writers.take() {
            Some(found) => Ok(found),
            None => Err(mem::take(&mut self.failures)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;

    use super::*;
    use crate::connect::routing::table::tests::sent;

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    fn table(routers: &str, writers: &str) -> Table {
        Table::read(&sent(routers, "r", writers, 9), None, Instant::now()).unwrap()
    }

    /// Asks until the search is over; the seed stands for these addresses.
    fn asked(mut search: Search<()>, seeds: &str) -> Vec<String> {
        let mut asked = Vec::new();
        while let Some(next) = search.next() {
            match next {
                Candidate::Seed => search.expand_seed(seeds.split_whitespace().map(address).collect()),
                Candidate::Router(router) => asked.push(router.host().to_owned()),
            }
        }
        asked
    }

    #[test]
    fn the_seed_is_asked_first_without_a_table_or_after_one_without_writers() {
        let seed = address("seed");
        let search = |table: Option<&Table>| Search::new(table, &seed, Access::Read);
        assert_eq!(asked(search(None), "seed"), ["seed"]);
        let led = table("a seed b", "w");
        assert_eq!(asked(search(Some(&led)), "seed"), ["a", "b", "seed"]);
        let leaderless = table("a seed b", "");
        assert_eq!(asked(search(Some(&leaderless)), "seed"), ["seed", "a", "b"]);
    }

    #[test]
    fn the_resolver_applies_to_the_seed_only_and_no_address_is_asked_twice() {
        let seed = address("seed");
        let known = table("a b", "");
        let search = Search::new(Some(&known), &seed, Access::Read);
        assert_eq!(asked(search, "x b y x"), ["x", "b", "y", "a"]);
    }

    #[test]
    fn servers_that_stand_twice_count_once_among_those_that_are_left() {
        let seed = address("seed");
        let known = table("a b", "w");
        let home = [Arc::new(address("b")), Arc::new(address("c"))];
        let mut search = Search::<()>::new(Some(&known), &seed, Access::Read).and_then(home.iter());
        let mut left = Vec::new();
        while let Some(next) = search.next() {
            match next {
                Candidate::Seed => search.expand_seed(["x", "a", "x", "c"].map(address).to_vec()),
                Candidate::Router(router) => left.push((router.host().to_owned(), search.left())),
            }
        }
        let left: Vec<_> = left.iter().map(|(host, left)| (&**host, *left)).collect();
        assert_eq!(left, [("a", 3), ("b", 2), ("x", 1), ("c", 0)]);
    }

    #[test]
    fn a_caller_that_needs_a_writer_asks_on_and_is_content_with_the_first_table_without() {
        let seed = address("seed");
        let mut search = Search::<()>::new(None, &seed, Access::Write);
        let first = table("first", "");
        let [one, other] = ["one", "other"].map(|host| Arc::new(address(host)));
        assert_eq!(search.answered(first.clone(), &one), None);
        assert_eq!(search.answered(table("second", ""), &other), None);
        assert_eq!(search.end(), Ok((first, Arc::clone(&one))));
        let led = table("third", "w");
        assert_eq!(search.answered(led.clone(), &one), Some(led));
        let mut reads = Search::<()>::new(None, &seed, Access::Read);
        assert!(reads.answered(table("a", ""), &one).is_some());
        let mut joined = Search::<()>::new(None, &seed, Access::Read);
        joined.joined(Access::Write);
        assert!(joined.answered(table("a", ""), &one).is_none());
    }

    #[test]
    fn failures_are_bounded_and_the_last_is_among_them() {
        let mut search = Search::new(None, &address("seed"), Access::Read);
        for n in 0..1000 {
            search.failed(Arc::new(Address::new("h", 1)), n);
        }
        let failures = search.end().unwrap_err();
        assert_eq!(failures.len(), MAX_FAILURES);
        assert_eq!((failures[0].1, failures[MAX_FAILURES - 1].1), (0, 999));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_the_servers_answer_the_naive_search_asks_the_same_and_ends_the_same(
            known in prop::option::of((prop::collection::vec(0_u8..6, 1..6), any::<bool>())),
            seeds in prop::collection::vec(0_u8..6, 0..4),
            // Of each server: a failure, a table without writers, a table with one.
            answers in prop::collection::vec(0_u8..3, 6),
            write in any::<bool>(),
        ) {
            let host = |n: &u8| format!("s{n}");
            let list = |list: &[u8]| list.iter().map(host).collect::<Vec<_>>();
            let last = known.as_ref().map(|(routers, led)| {
                table(&list(routers).join(" "), if *led { "w" } else { "" })
            });
            let seed = address("s0");
            let access = if write { Access::Write } else { Access::Read };

            // Naively: all in order, without those that stood before.
            let routers = known.as_ref().map(|(routers, _)| list(routers)).unwrap_or_default();
            let mut order: Vec<String> = routers.into_iter().filter(|router| router != "s0").collect();
            let at = if known.as_ref().is_some_and(|(_, led)| *led) { order.len() } else { 0 };
            order.splice(at..at, list(&seeds));
            let mut once: Vec<String> = Vec::new();
            order.into_iter().for_each(|host| if !once.contains(&host) { once.push(host) });
            let answer = |host: &str| answers[usize::from(host.as_bytes()[1] - b'0')];
            let good = once.iter().position(|host| answer(host) == 2 || (answer(host) == 1 && !write));
            let poor = once.iter().position(|host| answer(host) == 1);
            let asked = good.map_or(once.len(), |at| at + 1);

            let mut search = Search::new(last.as_ref(), &seed, access);
            let mut really = Vec::new();
            let mut found = None;
            while let Some(next) = search.next() {
                let Candidate::Router(router) = next else {
                    search.expand_seed(seeds.iter().map(|n| address(&host(n))).collect());
                    continue;
                };
                really.push(router.host().to_owned());
                let routers = router.host().to_owned();
                match answer(router.host()) {
                    0 => search.failed(router, ()),
                    kind => {
                        let table = table(&routers, if kind == 2 { "w" } else { "" });
                        found = search.answered(table, &router);
                    }
                }
                if found.is_some() {
                    break;
                }
            }
            prop_assert_eq!(&really, &once[..asked]);
            let expected = good.or(poor).map(|at| once[at].clone());
            let found = found.or_else(|| search.end().ok().map(|(table, _)| table));
            prop_assert_eq!(found.map(|table| table.routers()[0].host().to_owned()), expected);
        }
    }
}
