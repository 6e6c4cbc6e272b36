//! The cost of many requests in flight.

use super::*;
use std::time::{Duration, Instant};

/// Runs a transaction of this many queries: all of them queued, then answered, then delivered.
fn pipeline(queries: usize) -> Duration {
    let mut connection = ready();
    let start = Instant::now();
    connection.begin(&Extra::default()).unwrap();
    let mut results = Vec::new();
    for _ in 0..queries {
        let (_, result) = connection.run(&Query::new("Q"), &Extra::default()).unwrap();
        connection.pull(result, Fetch::All).unwrap();
        results.push(result);
    }
    connection.commit().unwrap();
    assert_eq!(connection.unanswered(), 2 + 2 * queries);
    let answers = [FIELDS_N, RECORD_42, SUCCESS].concat();
    feed(
        &mut connection,
        &[SUCCESS, &answers.repeat(queries), SUCCESS].concat(),
    );
    let mut reported = 0;
    while connection.has_event().unwrap().is_some() {
        assert!(connection.event().is_some());
        assert!(
            results
                .first()
                .is_some_and(|result| !connection.has_more(*result))
        );
        reported += 1;
    }
    assert_eq!(reported, 2 + 3 * queries);
    assert_eq!(connection.disposition(), Disposition::Reusable);
    start.elapsed()
}

/// Open results, each with a page that is answered and has more, then ended together by RESET.
fn pages(results: usize) -> Duration {
    let mut connection = ready();
    let start = Instant::now();
    connection.begin(&Extra::default()).unwrap();
    feed(&mut connection, SUCCESS);
    events(&mut connection);
    let mut open = Vec::new();
    for _ in 0..results {
        let (_, result) = connection.run(&Query::new("Q"), &Extra::default()).unwrap();
        connection.pull(result, Fetch::Rows(1)).unwrap();
        open.push(result);
    }
    feed(
        &mut connection,
        &[FIELDS_N, RECORD_42, HAS_MORE].concat().repeat(results),
    );
    assert_eq!(events(&mut connection).len(), 3 * results);
    assert!(open.iter().all(|result| connection.has_more(*result)));
    connection.reset().unwrap();
    assert!(!open.iter().any(|result| connection.is_open(*result)));
    connection.unqueue();
    assert!(open.iter().all(|result| connection.has_more(*result)));
    connection.reset().unwrap();
    feed(&mut connection, SUCCESS);
    events(&mut connection);
    assert_eq!(connection.disposition(), Disposition::Reusable);
    start.elapsed()
}

/// Queries that are cancelled at once, by one RESET each.
fn resets(queries: usize) -> Duration {
    let mut connection = ready();
    let start = Instant::now();
    for _ in 0..queries {
        run_all(&mut connection);
        connection.reset().unwrap();
    }
    let answers = [IGNORED, IGNORED, IGNORED].concat();
    let last = [IGNORED, IGNORED, SUCCESS].concat();
    feed(&mut connection, &[answers.repeat(queries - 1), last].concat());
    assert_eq!(events(&mut connection).len(), 3 * queries);
    assert_eq!(connection.disposition(), Disposition::Reusable);
    start.elapsed()
}

/// Queries that are queued and taken back.
fn taken_back(queries: usize) -> Duration {
    let mut connection = ready();
    let start = Instant::now();
    for _ in 0..queries {
        run_all(&mut connection);
        connection.reset().unwrap();
    }
    connection.unqueue();
    assert_eq!(connection.disposition(), Disposition::Reusable);
    start.elapsed()
}

/// Each of these took minutes for the largest number when its cost was quadratic. Other load on the machine can only
/// make the code look slower, so the test has several tries.
#[test]
fn sixteen_times_as_many_requests_cost_about_sixteen_times_as_much() {
    for cost in [pipeline, pages, resets, taken_back] {
        let is_linear = || {
            let [one, sixteen] = [1_000, 16_000].map(cost);
            sixteen < one.max(Duration::from_millis(20)) * 16 * 5
        };
        assert!((0..5).any(|_| is_linear()));
    }
}

/// A result that stays open does not keep the later results that have ended.
#[test]
fn ended_results_are_forgotten() {
    let mut connection = ready();
    connection.begin(&Extra::default()).unwrap();
    connection.run(&Query::new("Q"), &Extra::default()).unwrap();
    feed(&mut connection, &[SUCCESS, FIELDS_N].concat());
    events(&mut connection);
    for _ in 0..100 {
        run_all(&mut connection);
        feed(&mut connection, &[FIELDS_N, RECORD_42, SUCCESS].concat());
        assert_eq!(events(&mut connection).len(), 3);
        let shown = format!("{connection:?}");
        assert!(shown.matches("ResultState {").count() <= 3, "{shown}");
    }
    connection.rollback().unwrap();
    feed(&mut connection, SUCCESS);
    assert!(connection.has_event().unwrap().is_some());
    assert!(!format!("{connection:?}").contains("ResultState {"));
}
