//! Bugs that were found once, as small worlds that stay the same when the random worlds change.

use bolt_client::Access;

use super::clock::{MICRO, SECOND};
use super::cluster::ClusterWeather;
use super::program::{
    Act, Cancel, End, Finish, InitialBookmarks, Limits, Op, Program, Query, Reading, Step, Take, Transaction,
    Use, Visit, Work,
};
use super::promises::{calm, query};
use super::statement::Verb;
use super::weather::Weather;
use super::world::World;

#[test]
fn a_timed_out_call_does_not_undo_an_abandoned_write_that_is_being_finished() {
    let abandoned = Work::AutoCommit(query(1, Verb::Add, 40), reading(&[], Finish::Drop));
    let impatient = Query {
        limits: Limits {
            deadline: Some(50 * MICRO),
            cancel: Cancel::default(),
        },
        ..query(2, Verb::Get, 1)
    };
    let impatient = Work::AutoCommit(impatient, reading(&[], Finish::Exhaust));
    check([session(Some(1), vec![abandoned, impatient])], calm());
}

#[test]
fn no_page_is_requested_while_the_previous_one_is_unread() {
    // The reader sees the end of the first page with its row, and takes the row when the second page is in flight.
    let think = Take::Think(SECOND);
    let takes = [think, Take::Next, think, Take::Peek, think, Take::Peek, think];
    let work = Work::AutoCommit(query(1, Verb::Get, 40), reading(&takes, Finish::Exhaust));
    check([session(Some(1), vec![work])], calm());
}

#[test]
fn a_socket_that_yields_does_not_count_as_a_silent_server() {
    let given_up = Cancel {
        polls: None,
        after: Some(10 * MICRO),
    };
    let takes = [
        (Take::Next, given_up),
        (Take::Think(100 * SECOND), Cancel::default()),
    ];
    let reading = Reading {
        takes: takes.into(),
        finish: Finish::Exhaust,
        cancel: Cancel::default(),
    };
    let mut weather = calm();
    weather.server.recv_timeout = Some(1);
    weather.restless = true;
    check(
        [session(
            None,
            vec![Work::AutoCommit(query(1, Verb::Get, 3), reading)],
        )],
        weather,
    );
}

#[test]
fn a_page_request_that_was_taken_back_is_sent_later() {
    // The window is so small that the first cursor's request is partly sent when both cursors are given up.
    let patience = |polls| Cancel {
        polls: Some(polls),
        after: None,
    };
    let acts = (1..12).flat_map(|polls| {
        let impatient = Query {
            limits: Limits {
                deadline: None,
                cancel: patience(polls),
            },
            ..query(polls * 10 + 3, Verb::Get, 1)
        };
        let script = vec![
            Op::Queue(query(polls * 10 + 2, Verb::Add, 3)),
            Op::Use(0, Use::Next, patience(polls)),
            Op::Open(impatient),
            Op::Use(0, Use::Next, Cancel::default()),
        ];
        let transaction = Transaction {
            tag: polls * 10 + 1,
            eager: false,
            limits: Limits::default(),
            script,
            end: End::Commit,
            cancel: Cancel::default(),
        };
        [session(None, vec![Work::Transaction(transaction)])]
    });
    let mut weather = calm();
    weather.net.window = 16;
    weather.net.fragment = 1;
    check(acts.collect::<Vec<_>>(), weather);
}

#[test]
fn a_cursor_does_not_wait_for_a_query_that_was_taken_back() {
    let acts = [Use::Consume, Use::Collect, Use::Eager, Use::Single, Use::Next];
    let acts = acts.into_iter().zip(1..).map(|(how, number)| {
        // Its BEGIN is not sent yet when the time of the second query is up.
        let hurried = Query {
            limits: Limits {
                deadline: Some(2 * MICRO),
                cancel: Cancel::default(),
            },
            ..query(number * 10 + 3, Verb::Get, 1)
        };
        let script = vec![
            Op::Queue(query(number * 10 + 2, Verb::Get, 3)),
            Op::Run(hurried, reading(&[], Finish::Collect)),
            Op::Use(0, how, Cancel::default()),
        ];
        let transaction = Transaction {
            tag: number * 10 + 1,
            eager: false,
            limits: Limits::default(),
            script,
            end: End::Commit,
            cancel: Cancel::default(),
        };
        session(None, vec![Work::Transaction(transaction)])
    });
    let mut weather = calm();
    weather.net.window = 16;
    check(acts.collect::<Vec<_>>(), weather);
}

#[test]
fn a_query_queued_on_a_dead_connection_is_not_omitted_on_another() {
    // Connections break at some point, sometimes while they are idle.
    let acts = (1..40).map(|number| {
        let script = vec![
            Op::Queue(query(number * 10 + 2, Verb::Add, 1)),
            Op::Run(
                query(number * 10 + 3, Verb::Add, 1),
                reading(&[], Finish::Exhaust),
            ),
        ];
        let transaction = Transaction {
            tag: number * 10 + 1,
            eager: false,
            limits: Limits::default(),
            script,
            end: End::Commit,
            cancel: Cancel::default(),
        };
        let think = Work::Use(vec![Op::Think(50 * MICRO * number)]);
        session(None, vec![Work::Transaction(transaction), think])
    });
    let mut weather = calm();
    weather.calm = false;
    weather.net.resets = 1_000;
    check(acts.collect::<Vec<_>>(), weather);
}

#[test]
fn a_query_with_a_cancelled_reader_on_a_dead_connection_is_not_omitted_on_another() {
    let acts = (1..40).map(|number| {
        let script = vec![
            Op::Queue(query(number * 10 + 2, Verb::Add, 1)),
            Op::Use(
                0,
                Use::Next,
                Cancel {
                    polls: Some(number % 3),
                    after: None,
                },
            ),
        ];
        let transaction = Transaction {
            tag: number * 10 + 1,
            eager: false,
            limits: Limits::default(),
            script,
            end: End::Commit,
            cancel: Cancel::default(),
        };
        let think = Work::Use(vec![Op::Think(50 * MICRO * number)]);
        session(None, vec![Work::Transaction(transaction), think])
    });
    let mut weather = calm();
    weather.calm = false;
    weather.net.resets = 1_000;
    check(acts.collect::<Vec<_>>(), weather);
}

#[test]
fn the_lock_of_an_unread_write_is_no_fault_of_a_settled_cluster() {
    let unread = Work::AutoCommit(query(1, Verb::Add, 150), reading(&[], Finish::Drop));
    // The pool has others that are ready, so nothing needs its connection.
    let acts = [Act::WarmUp(Cancel::default()), session(None, vec![unread])];
    let mut weather = calm();
    weather.net.window = 16;
    weather.server.lock_timeout = 30 * SECOND;
    weather.driver.min_idle = 2;
    weather.driver.pool_size = 3;
    weather.cluster = Some(ClusterWeather::steady(3));
    check(acts, weather);
}

/// Runs a program in worlds that differ only in their seeds.
pub(super) fn check(acts: impl Into<Vec<Act>>, weather: Weather) {
    let step = |(act, number)| Step {
        number,
        after: 0,
        act,
    };
    let program = Program {
        tasks: vec![acts.into().into_iter().zip(1..).map(step).collect()],
        closed_at: None,
        closes: true,
    };
    for seed in 0..100 {
        let outcome = World::of(seed).play(weather.clone(), &program);
        assert_eq!(outcome.violations, [""; 0], "seed {seed}");
    }
}

pub(super) fn session(page: Option<u64>, works: Vec<Work>) -> Act {
    Act::Session(Visit {
        access: Access::Write,
        page,
        given: InitialBookmarks::Empty,
        manager: None,
        user: None,
        works,
        closes: false,
    })
}

pub(super) fn reading(takes: &[Take], finish: Finish) -> Reading {
    Reading {
        takes: takes.iter().map(|take| (*take, Cancel::default())).collect(),
        finish,
        cancel: Cancel::default(),
    }
}
