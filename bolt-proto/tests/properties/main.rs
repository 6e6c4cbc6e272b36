//! Properties of every connection, for any calls and any inbound bytes: P1 to P7. (P8, the state table, is tested
//! next to the table.) The tests drive both halves against each other, through every message and version.
//!
//! Each property runs 256 cases; `PROPTEST_CASES` sets another number.

mod garbage;
mod peer_values;
mod values;
mod world;

use std::collections::BTreeSet;

use bolt_proto::Version;
use bolt_proto::state::Message;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use world::{Plan, World, plan, replay};

proptest! {
    #[test]
    fn p1_any_split_of_the_inbound_bytes_gives_the_same_events(
        plan in plan(),
        sizes in prop::collection::vec(1..50_usize, 1..20),
    ) {
        let world = World::played(&plan);
        let (events, _) = replay(&world.log, &plan, &sizes);
        prop_assert_eq!(events, world.events);
    }

    #[test]
    fn p2_the_bytes_out_depend_on_nothing_but_the_calls_and_the_bytes_in(plan in plan()) {
        let (first, second) = (World::played(&plan), World::played(&plan));
        prop_assert_eq!(&first.sent, &second.sent);
        let (_, sent) = replay(&first.log, &plan, &[3, 17]);
        prop_assert_eq!(sent, first.sent);
    }

    /// The world checks this on every refused call.
    #[test]
    fn p3_a_refused_request_changes_nothing(plan in plan()) {
        World::played(&plan);
    }

    /// The world checks the order on every event.
    #[test]
    fn p4_every_request_but_goodbye_gets_exactly_one_summary_in_order(plan in plan()) {
        let mut world = World::played(&plan);
        world.exchange_all();
        prop_assert!(world.has_ended() || world.awaited.is_empty(), "{:?}", world.awaited);
    }

    /// The server is stricter than any real one. The world panics on requests that it refuses.
    #[test]
    fn no_sequence_of_calls_sends_a_request_that_a_strict_server_refuses(plan in plan()) {
        let mut world = World::played(&plan);
        world.exchange_all();
        prop_assert_eq!(world.refusals, Vec::<String>::new());
    }

    #[test]
    fn a_connection_that_reports_reusable_can_be_reused(plan in plan()) {
        let mut world = World::played(&plan);
        world.exchange_all();
        world.check_disposition();
    }
}

/// Without this, the properties above would show nothing.
#[test]
fn the_generator_reaches_every_message_on_every_version_that_has_it() {
    let mut runner = TestRunner::deterministic();
    let mut reached = BTreeSet::new();
    for _ in 0..4000 {
        let plan: Plan = plan().new_tree(&mut runner).unwrap().current();
        let world = World::played(&plan);
        reached.extend(world.served.iter().map(|message| (plan.version, *message)));
    }
    for version in Version::all() {
        for message in Message::ALL
            .into_iter()
            .filter(|message| message.since() <= version)
        {
            assert!(reached.contains(&(version, message)), "{message} on {version}");
        }
    }
}
