//! Small worlds with TLS: what was found once, and every place at which a handshake can be cut.

use std::time::Duration;

use bolt_client::Access;

use super::clock::{MICRO, MILLI, SECOND};
use super::extremes::Cut;
use super::net::Trouble;
use super::program::{
    Act, Cancel, End, Ending, Finish, Function, Limits, Op, Program, Reading, Step, Take, Transaction, Work,
};
use super::promises::{calm, query};
use super::regressions::{check, reading, session};
use super::statement::Verb;
use super::tls::{Speaks, TlsWeather};
use super::weather::Weather;
use super::world::{Outcome, World};

#[test]
fn a_record_that_arrives_in_parts_is_no_silence() {
    // The window holds a small part of a record, and the caller thinks for longer than a server may be silent.
    let acts = (1..30).map(|polls| {
        let impatient = Cancel {
            polls: Some(polls),
            after: None,
        };
        let takes = [
            (Take::Next, impatient),
            (Take::Think(2 * SECOND), Cancel::default()),
        ];
        let reading = Reading {
            takes: takes.into(),
            finish: Finish::Exhaust,
            cancel: Cancel::default(),
        };
        session(None, vec![Work::AutoCommit(query(polls, Verb::Get, 10), reading)])
    });
    let mut weather = encrypted(TlsWeather::calm());
    weather.net.window = 16;
    weather.server.recv_timeout = Some(1);
    check(acts.collect::<Vec<_>>(), weather);
}

#[test]
fn a_server_that_is_not_trusted_is_tried_once_by_each_call() {
    let transaction = Transaction {
        tag: 31,
        eager: true,
        limits: Limits::default(),
        script: vec![Op::Run(query(32, Verb::Add, 1), reading(&[], Finish::Exhaust))],
        end: End::Commit,
        cancel: Cancel::default(),
    };
    let function = Function {
        tag: 41,
        access: Access::Write,
        limits: Limits::default(),
        script: vec![Op::Run(query(42, Verb::Add, 1), reading(&[], Finish::Exhaust))],
        continues_after_errors: false,
        endings: vec![Ending::Honest],
    };
    let acts = [
        execute(10),
        execute(20),
        session(None, vec![Work::Transaction(transaction)]),
        session(None, vec![Work::Function(function)]),
    ];
    let program = program(acts);
    for driver in [Speaks::Only12, Speaks::Only13] {
        let mut weather = encrypted(TlsWeather {
            driver,
            stranger: Some((0, u64::MAX)),
            ..TlsWeather::calm()
        });
        weather.calm = false;
        for seed in 0..30 {
            let outcome = run(seed, &weather, &program);
            assert_eq!(outcome.queries, 0);
            // A name has one or two addresses, each of which is tried.
            assert!(outcome.connections <= 4 * 2, "seed {seed}: {outcome:?}");
        }
    }
}

#[test]
fn a_server_whose_certificate_has_changed_serves_again_when_it_is_trusted_again() {
    let step = |number| Step {
        number,
        after: SECOND,
        act: execute(number),
    };
    let program = Program {
        tasks: vec![(1..=9).map(step).collect()],
        closed_at: None,
        closes: true,
    };
    let mut weather = encrypted(TlsWeather {
        stranger: Some((3_500 * MILLI, 6_500 * MILLI)),
        ..TlsWeather::calm()
    });
    weather.calm = false;
    weather.driver.lifetime = Some(Duration::from_millis(1));
    for seed in 0..30 {
        let outcome = run(seed, &weather, &program);
        assert_eq!((outcome.failed, outcome.queries), (3, 6), "seed {seed}");
    }
}

#[test]
fn a_handshake_that_is_cut_at_any_byte_fails_one_call_or_none() {
    for (first, (weather, trouble)) in cuts().enumerate() {
        // A server that has not spoken TLS before fails the call, unless it has another address. After the handshake of
        // TLS the call is retried.
        let program = program([execute(1), execute(2)]);
        let mut failed = Vec::new();
        for bytes in (1 + first as u64..MOST).step_by(7) {
            let outcome = run(bytes, &cut(&weather, 0, bytes, trouble), &program);
            // A query whose answer was cut off is repeated.
            assert!(
                outcome.failed <= 1 && outcome.queries >= 2 - outcome.failed,
                "{bytes}: {outcome:?}"
            );
            if outcome.failed == 1 {
                failed.push(bytes);
            }
        }
        let longest = failed.last().copied().unwrap_or_default();
        assert!((100..1_100).contains(&longest), "{failed:?}");
    }
}

#[test]
fn a_later_handshake_that_is_cut_at_any_byte_fails_no_call() {
    for (first, (mut weather, trouble)) in cuts().enumerate() {
        weather.driver.lifetime = Some(Duration::from_micros(1));
        let program = program([execute(1), execute(2)]);
        for bytes in (1 + first as u64..MOST).step_by(7) {
            let outcome = run(bytes, &cut(&weather, 1, bytes, trouble), &program);
            assert!(
                outcome.failed == 0 && outcome.queries >= 2,
                "{bytes}: {outcome:?}"
            );
        }
    }
}

/// More bytes than a handshake has in one direction.
const MOST: u64 = 1_400;

/// Where and how handshakes are cut.
fn cuts() -> impl Iterator<Item = (Weather, (bool, Trouble))> {
    let troubles = [
        (Speaks::Only13, true, Trouble::Closure),
        (Speaks::Only13, false, Trouble::Reset),
        (Speaks::Only12, true, Trouble::Reset),
        (Speaks::Only12, false, Trouble::Closure),
    ];
    troubles.into_iter().map(|(server, at_client, trouble)| {
        let mut weather = encrypted(TlsWeather {
            server,
            announces_end: false,
            ..TlsWeather::calm()
        });
        weather.calm = false;
        weather.net.latency = 20 * MICRO;
        (weather, (at_client, trouble))
    })
}

fn cut(weather: &Weather, conn: usize, bytes: u64, (at_client, trouble): (bool, Trouble)) -> Weather {
    let mut weather = weather.clone();
    weather.extremes.cut = Some(Cut {
        conn,
        at_client,
        bytes,
        trouble,
    });
    weather
}

fn run(seed: u64, weather: &Weather, program: &Program) -> Outcome {
    let outcome = World::of(seed).play(weather.clone(), program);
    assert_eq!(outcome.violations, [""; 0], "seed {seed}, {weather:?}");
    outcome
}

fn program(acts: impl Into<Vec<Act>>) -> Program {
    let step = |(act, number)| Step {
        number,
        after: MILLI,
        act,
    };
    Program {
        tasks: vec![acts.into().into_iter().zip(1..).map(step).collect()],
        closed_at: None,
        closes: true,
    }
}

fn execute(id: u64) -> Act {
    Act::Execute {
        query: query(id, Verb::Get, 1),
        access: Access::Read,
        manager: None,
        pipelined: false,
        user: None,
    }
}

fn encrypted(tls: TlsWeather) -> Weather {
    let mut weather = calm();
    weather.extremes.tls = Some(tls);
    weather
}
