//! The table of results counts how many are open and unanswered.

use super::*;

const BY: Deadline = Deadline::NONE;

/// Queues this many queries, which are not sent.
fn unsent(work: &mut Exchange, queries: usize) -> Vec<(RequestId, ResultId)> {
    let query = Query::new("ROWS 1");
    (0..queries)
        .map(|_| work.send(&query, Fetch::All).unwrap())
        .collect()
}

#[test]
fn results_count_as_open_and_unanswered_from_when_they_are_queued() {
    let servers = Scripted::new();
    let mut work = transaction(&servers);
    assert!(!work.results.any_open() && !work.results.any_unanswered() && work.results.is_empty());
    let ids: Vec<_> = unsent(&mut work, 2).into_iter().map(|(_, id)| id).collect();
    let results = &mut work.results;
    assert!(results.any_open() && results.any_unanswered() && !results.is_empty());
    assert_eq!(results.ids(), ids);
    assert_eq!(results.first().map(|result| result.id), Some(ids[0]));
    assert_eq!(results.newest(), Some(ids[1]));
    for id in ids {
        assert!(results.any_open() && results.any_unanswered());
        results.remove(id);
        assert!(results.get(id).is_none());
        // A result that is not in the table does not count.
        results.remove(id);
    }
    assert!(!results.any_open() && !results.any_unanswered() && results.is_empty());
}

#[test]
fn a_result_that_fails_has_ended_and_started_once() {
    let servers = Scripted::new();
    let mut work = transaction(&servers);
    let ids: Vec<_> = unsent(&mut work, 2).into_iter().map(|(_, id)| id).collect();
    let results = &mut work.results;
    for _ in 0..2 {
        results.update(ids[0], OpenResult::fail);
        results.update(ids[0], OpenResult::ignore);
    }
    assert!(results.get(ids[0]).unwrap().failed_itself());
    assert!(results.any_open() && results.any_unanswered());
    results.update(ids[1], OpenResult::ignore);
    assert!(results.get(ids[1]).unwrap().has_failed());
    assert!(!results.get(ids[1]).unwrap().failed_itself());
    assert!(!results.any_open() && !results.any_unanswered());
    for id in ids {
        results.remove(id);
        assert!(!results.any_open() && !results.any_unanswered());
    }
}

#[test]
fn a_result_without_a_holder_stays_until_it_has_ended() {
    let servers = Scripted::new();
    let mut work = transaction(&servers);
    let id = unsent(&mut work, 1)[0].1;
    let results = &mut work.results;
    assert!(results.mark_unwanted(id), "its rest is to be skipped");
    assert!(!results.get(id).unwrap().is_wanted());
    assert!(results.any_open());
    results.update(id, OpenResult::fail);
    assert!(results.is_empty() && !results.any_open() && !results.any_unanswered());
    assert!(!results.mark_unwanted(id));

    let id = unsent(&mut work, 1)[0].1;
    work.results.update(id, OpenResult::fail);
    assert!(!work.results.is_empty());
    assert!(!work.results.mark_unwanted(id), "nothing is left of it");
    assert!(work.results.is_empty());
}

#[test]
fn results_that_are_taken_back_are_removed_and_earlier_ones_stay() {
    let servers = Scripted::new();
    let mut work = transaction(&servers);
    let sent = unsent(&mut work, 3);
    let gone = work.results.take_back(sent[1].0);
    assert_eq!(gone, [sent[2].0, sent[1].0], "the newest first");
    assert_eq!(work.results.ids(), [sent[0].1]);
    assert!(work.results.any_open() && work.results.any_unanswered());
    work.results.clear();
    assert!(work.results.is_empty() && !work.results.any_open() && !work.results.any_unanswered());
}

#[test]
fn debug_shows_the_number_of_results_and_no_row() {
    let servers = Scripted::new();
    let mut work = transaction(&servers);
    let id = run(&mut work, "ROWS 5 OF 3 SECRET");
    now(work.peek(id, BY)).unwrap();
    unsent(&mut work, 1);
    assert_eq!(format!("{:?}", work.results), "Results { held: 2, open: 2 }");
    let shown = format!("{work:?}");
    assert!(shown.contains("held: 2") && !shown.contains("SECRET"), "{shown}");
}

#[test]
fn the_size_of_a_kept_row_includes_the_row_its_values_their_positions_and_an_allocation() {
    let servers = Scripted::new();
    let mut work = transaction(&servers);
    let id = run(&mut work, "ROWS 4 OF 100");
    run(&mut work, "CREATE ()");
    // A string of a hundred letters has a header of two bytes.
    let row = size_of::<crate::record::Record>() + 102 + size_of::<u32>() + 24;
    assert_eq!(work.results.get(id).unwrap().kept_bytes(), 4 * row);
}

/// A transaction over a version of the protocol that does not know this query's parameter.
fn old(servers: &Scripted) -> (Box<Exchange>, Query) {
    let old = bolt_proto::Versions::only(bolt_proto::Version::new(5, 4));
    let context = context_with(servers, Scripted::config().versions(old), Settings::default());
    warm(&context, servers, 1);
    let uuid = bolt_proto::types::Uuid::from_bytes([0; 16]);
    let unknown = Query::new("CREATE ()").param("p", uuid);
    (now(explicit(&context).begin()).unwrap(), unknown)
}

#[test]
fn a_query_that_cannot_be_sent_leaves_nothing() {
    let servers = Scripted::new();
    let (mut work, unknown) = old(&servers);
    now(work.run(&unknown, BY)).unwrap_err();
    work.queue(&unknown).unwrap_err();
    assert!(work.results.is_empty());
    now(work.rollback(BY)).unwrap();
    assert!(servers.news(0).is_empty(), "not even BEGIN has left");
    run(&mut work, "CREATE ()");
    now(work.commit(BY)).unwrap();
    assert_eq!(servers.committed(), ["CREATE ()"]);
}

#[test]
fn queries_that_were_queued_before_one_that_cannot_be_sent_stay() {
    let servers = Scripted::new();
    let (mut work, unknown) = old(&servers);
    let queued = queue(&mut work, "ROWS 1");
    work.queue(&unknown).unwrap_err();
    now(work.run(&unknown, BY)).unwrap_err();
    assert_eq!(count(&mut work, queued.result()), 1);
    now(work.commit(BY)).unwrap();
    assert_eq!(servers.committed(), ["ROWS 1"]);
}

#[test]
fn a_rollback_after_results_that_have_ended_sends_no_reset() {
    let servers = Scripted::new();
    let mut work = transaction(&servers);
    let id = run(&mut work, "ROWS 2");
    assert_eq!(count(&mut work, id), 2);
    servers.fill(0, true);
    let query = Query::new("CREATE ()");
    let mut running = Task::new(work.run(&query, BY));
    assert!(running.run().is_none());
    drop(running);
    servers.fill(0, false);
    now(work.rollback(BY)).unwrap();
    assert_eq!(servers.asked(0).last(), Some(&Message::Rollback));
}

#[test]
fn the_columns_are_known_once_run_is_answered() {
    let servers = Scripted::new();
    let mut work = transaction(&servers);
    let id = run(&mut work, "ROWS 2");
    assert_eq!(work.keys(id).unwrap().len(), 1);
    let id = run(&mut work, "CREATE ()");
    assert_eq!(work.keys(id).unwrap().len(), 0);
    assert!(work.has_ended(id), "without columns there is nothing to read");
}
