//! How rows are requested, and which are kept.

use super::*;

#[track_caller]
fn read(work: &mut Exchange, id: ResultId, rows: usize) {
    for _ in 0..rows {
        assert!(now(work.next(id, Deadline::NONE)).unwrap().is_some());
    }
}

fn number(record: Option<crate::record::Record>) -> i64 {
    record.unwrap().get(0).unwrap()
}

#[test]
fn the_next_page_leaves_when_a_tenth_of_the_last_is_read_and_without_waiting() {
    let servers = Scripted::new();
    let mut work = paged(&servers, 20);
    let id = run(&mut work, "ROWS 50");
    read(&mut work, id, 1);
    assert_eq!(servers.pages(0), [Some(20)]);
    // The end of the first page is known when all of it has arrived.
    read(&mut work, id, 2);
    assert_eq!(servers.pages(0), [Some(20); 2]);
    read(&mut work, id, 19);
    assert_eq!(servers.pages(0), [Some(20); 2]);
    read(&mut work, id, 1);
    assert_eq!(servers.pages(0), [Some(20); 3]);
    read(&mut work, id, 27);
    assert!(now(work.next(id, Deadline::NONE)).unwrap().is_none());
    assert_eq!(servers.pages(0), [Some(20); 3], "there is no fourth");
    assert!(work.has_ended(id));
    now(work.commit(Deadline::NONE)).unwrap();
}

#[test]
fn rows_come_in_their_order_whether_they_were_kept_or_not() {
    let servers = Scripted::new();
    let mut work = paged(&servers, 10);
    let first = run(&mut work, "ROWS 25");
    let second = run(&mut work, "ROWS 25");
    for expected in 1..=25 {
        assert_eq!(number(now(work.next(second, Deadline::NONE)).unwrap()), expected);
        assert_eq!(number(now(work.next(first, Deadline::NONE)).unwrap()), expected);
    }
    for id in [first, second] {
        assert!(now(work.next(id, Deadline::NONE)).unwrap().is_none());
        assert_eq!(work.summary(id).unwrap().query(), "ROWS 25");
    }
}

#[test]
fn a_peeked_row_is_the_next_one() {
    let servers = Scripted::new();
    let mut work = paged(&servers, 10);
    let id = run(&mut work, "ROWS 2");
    for expected in 1..=2 {
        for _ in 0..2 {
            let peeked = now(work.peek(id, Deadline::NONE)).unwrap();
            assert_eq!(number(peeked.cloned()), expected);
        }
        let mut kept = None;
        let borrowed = now(work.next_ref(id, &mut kept, Deadline::NONE)).unwrap();
        assert_eq!(borrowed.unwrap().get::<i64>(0).unwrap(), expected);
    }
    assert!(now(work.peek(id, Deadline::NONE)).unwrap().is_none());
}

#[test]
fn the_bytes_of_kept_rows_are_added_and_subtracted() {
    for query in ["ROWS 20", "ROWS 20 OF 1000", "ROWS 20 OF 200000"] {
        let servers = Scripted::new();
        let mut work = paged(&servers, 100);
        let first = run(&mut work, query);
        run(&mut work, "ROWS 1");
        let kept = |work: &Exchange| work.results.get(first).unwrap().kept_bytes();
        let all = kept(&work);
        let per_row = query
            .split(' ')
            .nth(3)
            .map_or(1, |letters| letters.parse().unwrap());
        assert!(
            all > 20 * (per_row + size_of::<crate::record::Record>()),
            "{query}: {all}"
        );
        assert!(all < 20 * (per_row + 200), "{query}: {all}");
        read(&mut work, first, 10);
        assert_eq!(kept(&work), all / 2, "{query}");
        read(&mut work, first, 10);
        assert_eq!(kept(&work), 0, "{query}");
        assert!(work.results.get(first).unwrap().first_kept().is_none());
    }
}

#[test]
fn a_page_of_long_rows_has_fewer_of_them() {
    let servers = Scripted::new();
    let mut work = paged(&servers, 40);
    let id = run(&mut work, "ROWS 60 OF 1000000");
    assert_eq!(count(&mut work, id), 60);
    // Sixteen rows of a million letters are 16 MiB.
    assert_eq!(servers.pages(0), [Some(40), Some(16), Some(16)]);
}

#[test]
fn every_call_that_reads_everything_requests_the_rest_at_once() {
    for collect in 0..3 {
        let servers = Scripted::new();
        let mut work = paged(&servers, 10);
        let id = run(&mut work, "ROWS 50");
        read(&mut work, id, 1);
        let rows = match collect {
            0 => {
                now(work.finish(id, Rest::Keep, Deadline::NONE)).unwrap();
                work.take_rows(id).len()
            }
            1 => now(work.typed::<i64>(id, Deadline::NONE)).unwrap().len(),
            _ => now(work.column::<i64>(id, Deadline::NONE)).unwrap().len(),
        };
        assert_eq!(rows, 49);
        assert_eq!(servers.pages(0), [Some(10), None]);
    }
}

#[test]
fn unwanted_rows_are_discarded_and_not_pulled() {
    let servers = Scripted::new();
    let mut work = paged(&servers, 10);
    let id = run(&mut work, "ROWS 50");
    read(&mut work, id, 1);
    now(work.finish(id, Rest::Discard, Deadline::NONE)).unwrap();
    assert_eq!(servers.pages(0), [Some(10)]);
    assert_eq!(servers.count(Message::Discard), 1);
    assert!(work.take_rows(id).is_empty());
    assert!(work.summary(id).is_ok());
}

#[test]
fn a_queued_query_requests_all_its_rows_and_leaves_with_the_next_wait() {
    let servers = Scripted::new();
    let mut work = paged(&servers, 10);
    let first = queue(&mut work, "ROWS 30");
    let second = queue(&mut work, "ROWS 1");
    assert!(servers.news(0).is_empty());
    assert_eq!(
        number(now(work.next(second.result(), Deadline::NONE)).unwrap()),
        1
    );
    assert_eq!(servers.pages(0), [None, None]);
    assert_eq!(count(&mut work, first.result()), 30);
    now(work.commit(Deadline::NONE)).unwrap();
    let asked = [
        Message::Begin,
        Message::Run,
        Message::Pull,
        Message::Run,
        Message::Pull,
        Message::Commit,
    ];
    assert_eq!(servers.news(0), asked);
}

#[test]
fn a_result_that_lost_its_holder_is_skipped_once_its_page_has_ended() {
    let servers = Scripted::new();
    let mut work = paged(&servers, 10);
    let first = run(&mut work, "ROWS 30");
    let second = run(&mut work, "ROWS 30");
    work.forget(first);
    assert_eq!(count(&mut work, second), 30);
    assert_eq!(servers.count(Message::Discard), 1);
    assert!(work.results.get(first).is_none(), "nothing of it is kept");
    work.forget(second);
    assert!(work.results.is_empty());
    now(work.commit(Deadline::NONE)).unwrap();
    assert_eq!(servers.committed().len(), 2);
}

#[test]
fn rows_of_a_cursor_that_was_dropped_are_not_kept() {
    let servers = Scripted::new();
    let mut work = paged(&servers, 10);
    servers.hold(0);
    let large = queue(&mut work, "ROWS 1000 OF 1000");
    let small = queue(&mut work, "ROWS 1");
    let (large_id, small_id) = (large.result(), small.result());
    let mut reading = Task::new(work.next(small_id, Deadline::NONE));
    assert!(reading.run().is_none());
    // BEGIN and RUN are answered, and a few rows have arrived.
    servers.deliver(0, 12);
    assert!(reading.run().is_none());
    drop(reading);
    assert!(work.results.get(large_id).unwrap().kept_bytes() > 10_000);
    drop(large);
    let mut reading = Task::new(work.next(small_id, Deadline::NONE));
    servers.deliver(0, 500);
    assert!(reading.run().is_none());
    drop(reading);
    assert_eq!(work.results.get(large_id).unwrap().kept_bytes(), 0);
    servers.release(0);
    assert_eq!(count(&mut work, small_id), 1);
    assert!(work.results.get(large_id).is_none());
    now(work.commit(Deadline::NONE)).unwrap();
}

#[test]
fn a_page_that_was_taken_back_is_requested_again() {
    let servers = Scripted::new();
    let mut work = paged(&servers, 10);
    let id = run(&mut work, "ROWS 30");
    servers.fill(0, true);
    // The next page is requested, and the server accepts no byte of the request.
    read(&mut work, id, 5);
    let query = Query::new("CREATE ()");
    let mut other = Task::new(work.run(&query, Deadline::NONE));
    assert!(other.run().is_none());
    drop(other);
    servers.fill(0, false);
    assert_eq!(servers.pages(0), [Some(10)]);
    assert_eq!(count(&mut work, id), 25);
    now(work.commit(Deadline::NONE)).unwrap();
    assert_eq!(servers.committed(), ["ROWS 30"]);
}

#[test]
fn a_query_whose_pages_have_no_rows_is_refused() {
    let servers = Scripted::new();
    let mut work = paged(&servers, 0);
    let error = now(work.run(&Query::new("ROWS 1"), Deadline::NONE)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    now(work.rollback(Deadline::NONE)).unwrap();
    assert!(servers.news(0).is_empty());
}

#[test]
fn the_only_row_is_distinguished_from_none_and_from_several() {
    let servers = Scripted::new();
    let mut work = paged(&servers, 10);
    let id = run(&mut work, "ROWS 1");
    assert_eq!(number(now(work.single(id, Deadline::NONE)).ok()), 1);
    let id = run(&mut work, "ROWS 0");
    let error = now(work.single(id, Deadline::NONE)).unwrap_err();
    assert_eq!(error.to_string(), "expected one row, the result has none");
    let id = run(&mut work, "ROWS 0");
    assert!(now(work.single_optional(id, Deadline::NONE)).unwrap().is_none());
    let id = run(&mut work, "ROWS 2");
    let error = now(work.single_optional(id, Deadline::NONE)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conversion);
    let id = run(&mut work, "ROWS 5");
    assert_eq!(now(work.fetch(id, 3, Deadline::NONE)).unwrap().len(), 3);
    assert_eq!(now(work.fetch(id, 3, Deadline::NONE)).unwrap().len(), 2);
}

#[test]
fn an_auto_commit_query_gives_its_connection_back_as_soon_as_its_end_is_known() {
    let servers = Scripted::new();
    let mut work = auto_commit(&servers, Access::Write);
    let id = run(&mut work, "ROWS 2");
    read(&mut work, id, 2);
    assert!(work.flight.lease().is_some());
    assert!(now(work.next(id, Deadline::NONE)).unwrap().is_none());
    assert!(work.flight.lease().is_none(), "though its holder is still there");
    assert!(work.summary(id).is_ok());
}

#[test]
fn a_result_that_loses_its_holder_while_a_page_is_on_its_way_is_skipped_when_that_has_ended() {
    let servers = Scripted::new();
    let mut work = paged(&servers, 10);
    let first = run(&mut work, "ROWS 30");
    let second = run(&mut work, "ROWS 5");
    servers.hold(0);
    // The second page of the first is requested.
    read(&mut work, first, 2);
    work.forget(first);
    assert_eq!(servers.count(Message::Discard), 0);
    servers.release(0);
    assert_eq!(count(&mut work, second), 5);
    // Its end is seen during this wait, and DISCARD leaves with the next request.
    run(&mut work, "ROWS 5");
    run(&mut work, "ROWS 5");
    assert_eq!(servers.count(Message::Discard), 1);
    assert!(work.results.get(first).is_none());
    now(work.commit(Deadline::NONE)).unwrap();
}

#[test]
fn a_page_that_is_shorter_than_requested_is_followed_by_the_next() {
    let servers = Scripted::new();
    servers.limit_pages(1);
    let mut work = paged(&servers, 20);
    let id = run(&mut work, "ROWS 5");
    assert_eq!(count(&mut work, id), 5);
    now(work.commit(Deadline::NONE)).unwrap();
    assert_eq!(servers.pages(0).len(), 5);
}
