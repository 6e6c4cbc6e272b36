//! Small worlds with logins: what was found once.

use bolt_client::{Access, Version};

use super::clock::MILLI;
use super::logins::LoginWeather;
use super::program::{Act, Program, Step};
use super::promises::{calm, query};
use super::statement::Verb;
use super::world::World;

#[test]
fn tokens_that_live_for_less_than_an_opening_do_not_replace_one_connection_after_the_other() {
    let step = |number| Step {
        number,
        after: MILLI,
        act: Act::Execute {
            query: query(number, Verb::Get, 1),
            access: Access::Read,
            manager: None,
            pipelined: false,
            user: None,
        },
    };
    let program = Program {
        tasks: vec![(1..=5).map(step).collect()],
        closed_at: None,
        closes: true,
    };
    for version in [Version::new(4, 4), Version::new(5, 8)] {
        let mut weather = calm();
        weather.server.version = version;
        weather.net.latency = 20 * MILLI;
        weather.extremes.logins = Some(LoginWeather {
            lifetime: Some(2 * MILLI),
            slow: 1,
            fails: 0,
            rotation: None,
            expirations: 0,
            revocations: 0,
        });
        for seed in 0..20 {
            let outcome = World::of(seed).play(weather.clone(), &program);
            assert_eq!(outcome.violations, [""; 0], "seed {seed}");
            assert_eq!((outcome.failed, outcome.queries), (0, 5), "seed {seed}");
            // Before Bolt 5.1, a connection is replaced once for each new token.
            assert!(outcome.connections <= 6, "seed {seed}: {outcome:?}");
        }
    }
}
