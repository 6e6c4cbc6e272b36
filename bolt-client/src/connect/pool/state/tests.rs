//! The properties of the decider, one for each test; and [`machine`], which tries random sequences.

mod machine;
mod model;

use super::*;

/// Connections are numbers here.
type Slots = super::Slots<u32, u32>;

const SECOND: Duration = Duration::from_secs(1);

fn pool(max: usize) -> (Slots, Instant) {
    let rules = Rules {
        max,
        probe_after: None,
        max_waiting: None,
        min_idle: 0,
        max_idle: None,
        opens_for_others: false,
    };
    (Slots::new(rules), Instant::now())
}

fn idle(link: u32, since: Instant) -> Idle<u32> {
    Idle::new(link, since, Deadline::NONE)
}

/// A caller opens a connection, and has it.
fn open(slots: &mut Slots, now: Instant) {
    let ticket = slots.enqueue(now);
    assert_eq!(slots.collect(ticket), Some(Grant::Slot));
    slots.opened(ticket, now);
    let _ = slots.effects();
}

/// A caller waits that is preparing nothing.
fn wait(slots: &mut Slots, now: Instant) -> Ticket {
    let ticket = slots.enqueue(now);
    assert_eq!(slots.collect(ticket), None);
    let _ = slots.effects();
    ticket
}

fn woken(slots: &mut Slots) -> Vec<Ticket> {
    slots.effects().wake.iter().collect()
}

#[test]
fn no_more_connections_are_opened_than_allowed_even_before_they_are_open() {
    let (mut slots, now) = pool(2);
    for _ in 0..2 {
        let ticket = slots.enqueue(now);
        assert_eq!(slots.collect(ticket), Some(Grant::Slot));
    }
    wait(&mut slots, now);
    let counts = slots.counts(now);
    assert_eq!((counts.opening, counts.waiting), (2, 1));
}

#[test]
fn an_uncollected_right_to_open_a_connection_is_exchanged_for_a_ready_one() {
    let (mut slots, now) = pool(2);
    open(&mut slots, now);
    let first = slots.enqueue(now);
    let second = wait(&mut slots, now);
    slots.give_back_ready(idle(1, now), now);
    assert_eq!(slots.collect(first), Some(Grant::Ready(idle(1, now))));
    assert_eq!(slots.collect(second), Some(Grant::Slot));
}

#[test]
fn an_uncollected_right_to_open_a_connection_is_used_for_others_that_wait_if_that_blocks_no_thread() {
    let (mut slots, now) = pool(2);
    slots.rules.opens_for_others = true;
    open(&mut slots, now);
    let first = slots.enqueue(now);
    slots.give_back_ready(idle(1, now), now);
    assert_eq!(slots.collect(first), Some(Grant::Ready(idle(1, now))));
    slots.leave(first, now);

    let second = slots.enqueue(now);
    let third = wait(&mut slots, now);
    slots.give_back_ready(idle(1, now), now);
    assert_eq!(slots.collect(second), Some(Grant::Slot));
    assert_eq!(slots.collect(second), Some(Grant::Ready(idle(1, now))));
    slots.give_back_half_open(idle(9, now), now);
    slots.leave(second, now);
    assert_eq!(slots.collect(third), Some(Grant::HalfOpen(idle(9, now))));
}

/// A waiter to which a half-open connection is assigned, and then a ready one; and another waiter.
fn with_two_assigned() -> (Slots, Instant, Ticket, Ticket) {
    let (mut slots, now) = pool(2);
    open(&mut slots, now);
    let opener = slots.enqueue(now);
    assert_eq!(slots.collect(opener), Some(Grant::Slot));
    let (first, second) = (wait(&mut slots, now), wait(&mut slots, now));
    slots.give_back_half_open(idle(9, now), now);
    slots.leave(opener, now);
    slots.give_back_ready(idle(1, now), now);
    assert_eq!(woken(&mut slots), [first]);
    (slots, now, first, second)
}

#[test]
fn a_waiter_collects_what_was_assigned_before_something_better_so_that_it_gets_on() {
    let (mut slots, now, first, second) = with_two_assigned();
    assert_eq!(slots.collect(first), Some(Grant::HalfOpen(idle(9, now))));
    assert!(slots.has_uncollected(first));
    assert_eq!(slots.collect(first), Some(Grant::Ready(idle(1, now))));
    assert!(!slots.has_uncollected(first));
    slots.give_back_half_open(idle(9, now), now);
    slots.leave(first, now);
    assert_eq!(slots.collect(second), Some(Grant::HalfOpen(idle(9, now))));
}

#[test]
fn a_waiter_that_leaves_passes_on_all_that_was_assigned() {
    let (mut slots, now, first, second) = with_two_assigned();
    slots.leave(first, now);
    assert_eq!(slots.collect(second), Some(Grant::Ready(idle(1, now))));
    let third = slots.enqueue(now);
    assert_eq!(slots.collect(third), Some(Grant::HalfOpen(idle(9, now))));
}

#[test]
fn a_waiter_keeps_what_was_assigned_before_a_connection_that_is_suspected_then() {
    let (mut slots, now, first, _) = with_two_assigned();
    slots.suspect(now, now);
    assert_eq!(slots.collect(first), Some(Grant::HalfOpen(idle(9, now))));
    assert_eq!(slots.collect(first), None);
}

#[test]
fn a_waiter_that_loses_what_it_prepared_keeps_its_turn() {
    let (mut slots, now) = pool(2);
    (0..2).for_each(|_| open(&mut slots, now));
    slots.give_back_unsettled(idle(1, now), now);
    let first = slots.enqueue(now);
    assert_eq!(slots.collect(first), Some(Grant::Unsettled(idle(1, now))));
    wait(&mut slots, now);
    slots.lose(first, now);
    assert_eq!(slots.collect(first), Some(Grant::Slot));
}

#[test]
fn a_waiter_that_rejects_a_dead_connection_keeps_what_it_was_preparing() {
    let (mut slots, now) = pool(2);
    open(&mut slots, now);
    let first = slots.enqueue(now);
    assert_eq!(slots.collect(first), Some(Grant::Slot));
    slots.give_back_ready(idle(1, now), now);
    assert_eq!(slots.collect(first), Some(Grant::Ready(idle(1, now))));
    slots.reject(first, now);
    slots.opened(first, now);
    let counts = slots.counts(now);
    assert_eq!((counts.in_use, counts.opening, counts.waiting), (1, 0, 0));
}

#[test]
fn a_slow_connection_ranks_after_a_new_one_for_a_while() {
    let (mut slots, now) = pool(2);
    open(&mut slots, now);
    slots.give_back_unsettled(idle(1, now), now);
    let first = slots.enqueue(now);
    assert_eq!(slots.collect(first), Some(Grant::Unsettled(idle(1, now))));
    slots.defer(first, idle(1, now).slow(now), now);
    assert_eq!(slots.collect(first), Some(Grant::Slot));
    let second = slots.enqueue(now);
    assert_eq!(
        slots.collect(second),
        Some(Grant::Unsettled(idle(1, now).slow(now)))
    );

    // A caller that has to wait for it takes the right to open another one.
    slots.opened(first, now);
    slots.give_up(now);
    assert_eq!(slots.collect(second), Some(Grant::Slot));
    slots.give_back_unsettled(idle(1, now).slow(now), now);
    slots.fail(second, now);

    let third = slots.enqueue(now + SECOND * 60);
    assert!(matches!(slots.collect(third), Some(Grant::Unsettled(_))));
}

#[test]
fn a_waiter_that_probed_in_vain_prefers_to_open_a_connection_over_probing_the_next() {
    let (mut slots, now) = pool(3);
    slots.rules.probe_after = Some(SECOND);
    (0..2).for_each(|_| open(&mut slots, now));
    (1..=2).for_each(|link| slots.give_back_ready(idle(link, now), now));
    let late = now + SECOND * 5;
    assert_eq!(slots.acquire(|_| true, late), None, "neither is proven");
    let ticket = slots.enqueue(late);
    assert_eq!(slots.collect(ticket), Some(Grant::Unproven(idle(2, now))));
    slots.defer(ticket, idle(2, late).slow(late), late);
    assert_eq!(slots.collect(ticket), Some(Grant::Slot));
}

#[test]
fn a_waiter_whose_probe_found_a_dead_connection_probes_the_next_before_it_opens_one() {
    let (mut slots, now) = pool(3);
    slots.rules.probe_after = Some(SECOND);
    (0..2).for_each(|_| open(&mut slots, now));
    (1..=2).for_each(|link| slots.give_back_ready(idle(link, now), now));
    let late = now + SECOND * 5;
    let ticket = slots.enqueue(late);
    for link in [2, 1] {
        assert_eq!(slots.collect(ticket), Some(Grant::Unproven(idle(link, now))));
        slots.lose_probed(ticket, late);
    }
    assert_eq!(slots.collect(ticket), Some(Grant::Slot));
    assert_eq!((slots.counts(late).opening, slots.counts(late).idle), (1, 0));
}

#[test]
fn a_connection_is_probed_only_when_it_was_idle_for_longer_than_the_limit() {
    let (mut slots, now) = pool(1);
    slots.rules.probe_after = Some(SECOND);
    open(&mut slots, now);
    slots.give_back_ready(idle(1, now), now);
    assert_eq!(slots.acquire(|_| true, now + SECOND), Some(idle(1, now)));
    slots.give_back_ready(idle(1, now), now);
    let later = now + SECOND + Duration::from_nanos(1);
    assert_eq!(slots.acquire(|_| true, later), None);
    let ticket = slots.enqueue(later);
    assert_eq!(slots.collect(ticket), Some(Grant::Unproven(idle(1, now))));
}

#[test]
fn what_has_expired_is_discarded_when_the_pool_is_used_or_its_counts_are_read() {
    let (mut slots, now) = pool(3);
    (0..2).for_each(|_| open(&mut slots, now));
    let opener = slots.enqueue(now);
    assert_eq!(slots.collect(opener), Some(Grant::Slot));
    let expires = |seconds| Deadline::after(now, SECOND * seconds);
    slots.give_back_half_open(Idle::new(3, now, expires(1)), now);
    slots.leave(opener, now);
    slots.give_back_unsettled(Idle::new(2, now, expires(2)), now);
    slots.give_back_ready(Idle::new(1, now, expires(3)), now);
    let _ = slots.effects();

    assert_eq!(slots.counts(now + SECOND).opening, 0);
    assert_eq!(slots.effects().abandon, [3]);
    assert_eq!(slots.counts(now + SECOND * 2).idle, 1);
    assert_eq!(slots.effects().discard, [2]);
    assert_eq!(slots.acquire(|_| true, now + SECOND * 3), None);
    assert_eq!(slots.effects().discard, [1]);
    assert_eq!(slots.counts(now + SECOND * 3), PoolCounts::default());
}

#[test]
fn connections_with_answers_on_their_way_are_leased_all_at_once() {
    let (mut slots, now) = pool(3);
    (0..3).for_each(|_| open(&mut slots, now));
    slots.give_back_unsettled(idle(1, now), now);
    slots.give_back_unsettled(idle(2, now), now);
    assert_eq!(slots.lease_unsettled(), [1, 2]);
    assert_eq!((slots.counts(now).in_use, slots.counts(now).idle), (3, 0));
    slots.give_up(now);
    slots.give_back_unsettled(idle(2, now), now);
    assert_eq!((slots.counts(now).in_use, slots.counts(now).idle), (1, 1));
}

#[test]
fn a_connection_that_expired_in_use_makes_room_for_the_next_waiter() {
    let (mut slots, now) = pool(1);
    open(&mut slots, now);
    let waiter = wait(&mut slots, now);
    slots.give_back_ready(Idle::new(1, now, Deadline::after(now, SECOND)), now + SECOND);
    assert_eq!(slots.effects().discard, [1]);
    assert_eq!(slots.collect(waiter), Some(Grant::Slot));
}

#[test]
fn a_closed_pool_hands_nothing_out_and_discards_what_comes_back() {
    let (mut slots, now) = pool(3);
    (0..2).for_each(|_| open(&mut slots, now));
    let opener = slots.enqueue(now);
    assert_eq!(slots.collect(opener), Some(Grant::Slot));
    let waiter = wait(&mut slots, now);
    slots.give_back_ready(idle(1, now), now);
    let _ = slots.effects();

    // The opener has not collected the connection that was assigned to it.
    assert_eq!(slots.close(), Some(vec![1]));
    assert_eq!(woken(&mut slots), [opener, waiter]);
    assert_eq!((slots.collect(opener), slots.collect(waiter)), (None, None));
    assert_eq!(slots.close(), None, "once is enough");

    slots.give_back_half_open(idle(3, now), now);
    slots.leave(opener, now);
    slots.give_back_ready(idle(2, now), now);
    let effects = slots.effects();
    assert_eq!((effects.discard, effects.abandon), (vec![2], vec![3]));
    slots.leave(waiter, now);
    assert_eq!(slots.acquire(|_| true, now), None);
    assert_eq!(slots.counts(now), PoolCounts::default());
}

#[test]
fn while_a_pool_closes_it_takes_what_comes_back_unsettled() {
    let (mut slots, now) = pool(2);
    (0..2).for_each(|_| open(&mut slots, now));
    slots.give_back_unsettled(idle(1, now), now);
    let settler = slots.enqueue(now);
    assert!(slots.collect(settler).is_some());
    assert_eq!(slots.close(), Some(vec![]));
    assert!(slots.is_settling());
    slots.give_back_unsettled(idle(1, now), now);
    slots.leave(settler, now);
    assert!(!slots.is_settling());
    assert_eq!(slots.take_unsettled(), [1]);
    slots.end();
    slots.give_back_unsettled(idle(2, now), now);
    assert_eq!(slots.effects().discard, [2]);
}

#[test]
fn a_preferred_connection_is_handed_out_before_one_that_was_used_later() {
    let (mut slots, now) = pool(3);
    (0..3).for_each(|_| open(&mut slots, now));
    for link in 1..=3 {
        slots.give_back_ready(idle(link, now + SECOND * link), now);
    }
    let late = now + SECOND * 3;
    let preferred = slots.acquire(|link| *link < 3, late);
    assert_eq!(preferred.map(|idle| idle.link), Some(2));
    let other = slots.acquire(|link| *link > 5, late);
    assert_eq!(other.map(|idle| idle.link), Some(3));
}

#[test]
fn a_preferred_connection_that_must_be_probed_is_left() {
    let (mut slots, now) = pool(2);
    (0..2).for_each(|_| open(&mut slots, now));
    for link in 1..=2 {
        slots.give_back_ready(idle(link, now + SECOND * link), now);
    }
    slots.suspect(now + SECOND, now + SECOND * 2);
    let acquired = slots.acquire(|link| *link == 1, now + SECOND * 2);
    assert_eq!(acquired.map(|idle| idle.link), Some(2));
}

#[test]
fn an_unanswered_connection_goes_from_waiter_to_waiter_and_is_closed_when_none_is_left() {
    let (mut slots, now) = pool(1);
    open(&mut slots, now);
    let (first, second) = (wait(&mut slots, now), wait(&mut slots, now));
    slots.give_back_unanswered(idle(7, now), now);
    assert_eq!(woken(&mut slots), [first]);
    // The first waiter leaves before it has collected the connection, the second after that.
    slots.leave(first, now);
    assert_eq!(woken(&mut slots), [second]);
    let Some(Grant::Unsettled(held)) = slots.collect(second) else {
        panic!("the second has it");
    };
    slots.give_back_unanswered(held, now);
    assert_eq!(slots.effects().discard, [7]);
    slots.leave(second, now);
    assert_eq!(slots.counts(now), PoolCounts::default());
}

#[test]
fn the_room_of_a_discarded_unanswered_connection_is_there_for_the_next() {
    let (mut slots, now) = pool(2);
    open(&mut slots, now);
    open(&mut slots, now);
    slots.give_back_unanswered(idle(7, now), now);
    assert_eq!(slots.effects().discard, [7]);
    let ticket = slots.enqueue(now);
    assert_eq!(slots.collect(ticket), Some(Grant::Slot));
}

#[test]
fn connections_that_were_idle_as_long_as_a_dead_one_are_probed_and_others_are_not() {
    let (mut slots, now) = pool(4);
    (0..3).for_each(|_| open(&mut slots, now));
    for (link, since) in [(1, now), (2, now + SECOND), (3, now + SECOND * 2)] {
        slots.give_back_ready(idle(link, since), now + SECOND * 2);
    }
    let late = now + SECOND * 9;
    slots.suspect(now + SECOND, late);
    // An older suspicion changes nothing.
    slots.suspect(now, late);
    assert_eq!(slots.acquire(|_| true, late), Some(idle(3, now + SECOND * 2)));
    assert_eq!(slots.acquire(|_| true, late), None);
    let ticket = slots.enqueue(late);
    assert_eq!(
        slots.collect(ticket),
        Some(Grant::Unproven(idle(2, now + SECOND)))
    );
    // Once it has been used, it is no longer suspected.
    slots.leave(ticket, late);
    slots.give_back_ready(idle(2, late), late);
    assert_eq!(slots.acquire(|_| true, late), Some(idle(2, late)));
}

#[test]
fn a_suspected_connection_that_was_assigned_as_ready_is_probed() {
    let (mut slots, now) = pool(1);
    open(&mut slots, now);
    let waiter = wait(&mut slots, now);
    slots.give_back_ready(idle(1, now), now);
    assert_eq!(woken(&mut slots), [waiter]);
    slots.suspect(now, now);
    assert_eq!(slots.collect(waiter), Some(Grant::Unproven(idle(1, now))));
    assert_eq!(slots.counts(now).waiting, 0);
}

#[test]
fn a_waiter_whose_patience_has_ended_keeps_what_it_has_and_gets_the_next_best() {
    let (mut slots, now) = pool(2);
    let first = slots.enqueue(now);
    assert_eq!(slots.collect(first), Some(Grant::Slot));
    let _ = slots.effects();
    slots.mark_overdue(first, now);
    assert_eq!(woken(&mut slots), [first]);
    assert_eq!(slots.collect(first), Some(Grant::Slot));
    assert_eq!(slots.counts(now).opening, 2);
    // No room is left, so it waits for the two.
    slots.mark_overdue(first, now);
    assert_eq!(slots.collect(first), None);
    // The second is open; the first goes back, and ranks after new ones.
    slots.opened(first, now);
    slots.give_back_half_open(idle(1, now).slow(now), now);
    let second = slots.enqueue(now);
    assert_eq!(
        slots.collect(second),
        Some(Grant::HalfOpen(idle(1, now).slow(now)))
    );
    slots.give_up(now);
    assert_eq!(slots.collect(second), Some(Grant::Slot), "there is room again");
    assert_eq!(
        slots.counts(now),
        PoolCounts {
            opening: 2,
            ..PoolCounts::default()
        }
    );
}

#[test]
fn a_slow_opening_is_watched_along_with_the_next_one_for_ten_seconds() {
    let (mut slots, now) = pool(3);
    let first = slots.enqueue(now);
    assert_eq!(slots.collect(first), Some(Grant::Slot));
    slots.give_back_half_open(idle(1, now).slow(now), now);
    slots.leave(first, now);
    let second = slots.enqueue(now);
    assert_eq!(slots.collect(second), Some(Grant::Slot));
    assert_eq!(slots.take_slow_half_open(now), Some(idle(1, now).slow(now)));
    assert_eq!(slots.take_slow_half_open(now), None);
    assert_eq!(slots.counts(now).opening, 2);
    slots.give_back_half_open(idle(1, now).slow(now), now);
    slots.fail(second, now);
    let late = now + SECOND * 10;
    assert_eq!(slots.take_slow_half_open(late), None, "it is as good as any then");
    let third = slots.enqueue(late);
    assert!(matches!(slots.collect(third), Some(Grant::HalfOpen(_))));
}

#[test]
fn of_several_openings_one_can_be_given_up() {
    let (mut slots, now) = pool(2);
    let first = slots.enqueue(now);
    assert_eq!(slots.collect(first), Some(Grant::Slot));
    slots.mark_overdue(first, now);
    assert_eq!(slots.collect(first), Some(Grant::Slot));
    let second = wait(&mut slots, now);
    slots.lose_one_of_several(now);
    assert_eq!(slots.collect(second), Some(Grant::Slot));
    slots.lose(first, now);
    let counts = slots.counts(now);
    assert_eq!((counts.opening, counts.waiting), (2, 0));
}

#[test]
fn a_probe_in_vain_closes_the_connection_only_if_it_takes_the_room_of_a_new_one() {
    for (max, is_closed) in [(1, true), (2, false)] {
        let (mut slots, now) = pool(max);
        slots.rules.probe_after = Some(SECOND);
        open(&mut slots, now);
        slots.give_back_ready(idle(1, now), now);
        let late = now + SECOND * 2;
        let ticket = slots.enqueue(late);
        assert_eq!(slots.collect(ticket), Some(Grant::Unproven(idle(1, now))));
        slots.probe_timed_out(ticket, idle(1, late).slow(late), late);
        assert_eq!(slots.effects().discard.len(), usize::from(is_closed));
        assert_eq!(slots.collect(ticket), Some(Grant::Slot));
    }
}

#[test]
fn waiters_in_excess_of_the_bound_are_rejected_unless_something_is_in_sight() {
    let (mut slots, now) = pool(1);
    slots.rules.max_waiting = Some(1);
    let opener = slots.enqueue(now);
    assert!(slots.may_wait(opener));
    let first = slots.enqueue(now);
    assert!(slots.may_wait(first));
    let second = slots.enqueue(now);
    assert!(!slots.may_wait(second));
    slots.leave(first, now);
    assert!(slots.may_wait(second));
}
