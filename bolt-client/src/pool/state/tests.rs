use super::*;

/// A connection, for the decider a number.
type Slots = super::Slots<u32>;

fn ready(slots: &mut Slots, link: u32) -> Option<Ticket> {
    slots.give_back_ready(link, Instant::now()).wake
}

#[test]
fn no_more_connections_are_opened_than_allowed_even_before_they_are_open() {
    let mut slots = Slots::new(2);
    assert!(matches!(slots.acquire(), Some(Grant::Slot)));
    assert!(matches!(slots.acquire(), Some(Grant::Slot)));
    assert!(slots.acquire().is_none());
    assert_eq!(
        slots.counts(),
        PoolCounts {
            opening: 2,
            ..PoolCounts::default()
        }
    );
}

#[test]
fn waiters_are_served_in_their_order_and_nobody_overtakes_them() {
    let mut slots = Slots::new(1);
    assert!(slots.acquire().is_some());
    slots.opened();
    let (first, second) = (slots.enqueue(), slots.enqueue());
    assert_eq!(ready(&mut slots, 7), Some(first));
    // The connection is the first waiter's, though it has not come for it yet.
    assert!(slots.acquire().is_none());
    assert!(matches!(slots.collect(first), Some(Grant::Ready { link: 7, .. })));
    assert!(slots.collect(second).is_none());
    assert_eq!(ready(&mut slots, 7), Some(second));
}

#[test]
fn what_a_leaving_waiter_was_given_goes_to_the_next() {
    let mut slots = Slots::new(1);
    assert!(slots.acquire().is_some());
    slots.opened();
    let (first, second) = (slots.enqueue(), slots.enqueue());
    assert_eq!(ready(&mut slots, 7), Some(first));
    assert_eq!(slots.leave(first).wake, Some(second));
    assert!(matches!(
        slots.collect(second),
        Some(Grant::Ready { link: 7, .. })
    ));
}

#[test]
fn a_closed_connection_makes_room_for_the_next_waiter_to_open_one() {
    let mut slots = Slots::new(1);
    assert!(slots.acquire().is_some());
    slots.opened();
    let waiter = slots.enqueue();
    assert_eq!(slots.give_up().wake, Some(waiter));
    assert!(matches!(slots.collect(waiter), Some(Grant::Slot)));
}

#[test]
fn the_last_used_is_handed_out_first_and_what_is_not_ready_last() {
    let mut slots = Slots::new(4);
    for _ in 0..4 {
        assert!(slots.acquire().is_some());
    }
    let _ = slots.give_back_half_open(4);
    for _ in 0..3 {
        slots.opened();
    }
    let _ = slots.give_back_unsettled(3);
    ready(&mut slots, 1);
    ready(&mut slots, 2);
    assert!(matches!(slots.acquire(), Some(Grant::Ready { link: 2, .. })));
    assert!(matches!(slots.acquire(), Some(Grant::Ready { link: 1, .. })));
    assert!(matches!(slots.acquire(), Some(Grant::HalfOpen(4))));
    assert!(matches!(slots.acquire(), Some(Grant::Unsettled(3))));
}

#[test]
fn a_closed_pool_discards_what_comes_back() {
    let mut slots = Slots::new(2);
    assert!(slots.acquire().is_some() && slots.acquire().is_some());
    slots.opened();
    slots.opened();
    ready(&mut slots, 1);
    let waiter = slots.enqueue();
    assert_eq!(slots.close(), (vec![1], vec![waiter]));
    assert_eq!(slots.give_back_ready(2, Instant::now()).discard, Some(2));
    assert!(slots.acquire().is_none() && slots.is_closed());
}

/// A caller's side of the pool.
#[derive(Debug)]
enum Caller {
    Waiting(Ticket),
    Opening(u32),
    Using(u32),
}

/// Random callers that come, wait, open, use, fail, leave half-open connections behind and give up waiting.
#[test]
fn whatever_callers_do_nothing_leaks_nothing_is_shared_and_nobody_starves() {
    for seed in 0..2_000 {
        let mut world = World::new(seed);
        for _ in 0..200 {
            world.step();
            world.check();
        }
        world.drain();
    }
}

struct World {
    slots: Slots,
    max: usize,
    callers: Vec<Caller>,
    woken: Vec<Ticket>,
    opened: u32,
    draw: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let max = 1 + usize::try_from(seed % 5).unwrap();
        let draw = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        Self {
            slots: Slots::new(max),
            max,
            callers: Vec::new(),
            woken: Vec::new(),
            opened: 0,
            draw,
        }
    }

    /// xorshift: the same seed gives the same world.
    fn random(&mut self, below: usize) -> usize {
        self.draw ^= self.draw << 13;
        self.draw ^= self.draw >> 7;
        self.draw ^= self.draw << 17;
        usize::try_from(self.draw % u64::try_from(below).unwrap()).unwrap()
    }

    fn step(&mut self) {
        if self.callers.is_empty() || self.random(3) == 0 {
            match self.slots.acquire() {
                Some(grant) => self.granted(grant),
                None => {
                    let ticket = self.slots.enqueue();
                    self.callers.push(Caller::Waiting(ticket));
                }
            }
            return;
        }
        let at = self.random(self.callers.len());
        let then = match self.callers.swap_remove(at) {
            Caller::Waiting(ticket) => match (self.random(4), self.slots.collect(ticket)) {
                (0, None) => self.slots.leave(ticket),
                (_, None) => return self.callers.push(Caller::Waiting(ticket)),
                (_, Some(grant)) => {
                    self.woken.retain(|woken| *woken != ticket);
                    return self.granted(grant);
                }
            },
            Caller::Opening(link) => match self.random(3) {
                0 => self.slots.give_back_half_open(link),
                1 => self.slots.give_up_opening(),
                _ => {
                    self.slots.opened();
                    return self.callers.push(Caller::Using(link));
                }
            },
            Caller::Using(link) => match self.random(4) {
                0 => self.slots.give_up(),
                1 => self.slots.give_back_unsettled(link),
                2 => {
                    self.slots.reopen();
                    return self.callers.push(Caller::Opening(link));
                }
                _ => self.slots.give_back_ready(link, Instant::now()),
            },
        };
        self.woken.extend(then.wake);
    }

    fn granted(&mut self, grant: Grant<u32>) {
        self.callers.push(match grant {
            Grant::Ready { link, .. } | Grant::Unsettled(link) => Caller::Using(link),
            Grant::HalfOpen(link) => Caller::Opening(link),
            Grant::Slot => {
                self.opened += 1;
                Caller::Opening(self.opened)
            }
        });
    }

    fn check(&self) {
        let counts = self.slots.counts();
        assert!(
            counts.in_use + counts.idle + counts.opening <= self.max,
            "overshoot: {counts}"
        );
        assert!(
            counts.waiting == 0 || counts.idle == 0,
            "a waiter beside an idle connection: {counts}"
        );
        let mut held: Vec<u32> = self.callers.iter().filter_map(link_of).collect();
        held.sort_unstable();
        assert!(
            held.windows(2).all(|pair| pair[0] != pair[1]),
            "handed out twice: {held:?}"
        );
    }

    /// Everybody finishes; everyone who waits must be served.
    fn drain(mut self) {
        while !self.callers.is_empty() {
            let before = self.callers.len();
            for caller in std::mem::take(&mut self.callers) {
                match caller {
                    Caller::Opening(_) => drop(self.slots.give_up_opening()),
                    Caller::Using(link) => drop(self.slots.give_back_ready(link, Instant::now())),
                    Caller::Waiting(ticket) => match self.slots.collect(ticket) {
                        Some(Grant::Ready { link, .. } | Grant::Unsettled(link)) => {
                            drop(self.slots.give_back_ready(link, Instant::now()));
                        }
                        Some(Grant::HalfOpen(_) | Grant::Slot) => drop(self.slots.give_up_opening()),
                        None => self.callers.push(Caller::Waiting(ticket)),
                    },
                }
            }
            assert!(self.callers.len() < before, "waiters starve: {:?}", self.slots);
        }
        let counts = self.slots.counts();
        assert_eq!((counts.in_use, counts.waiting), (0, 0));
        assert_eq!(counts.opening, self.slots.half_open.len());
    }
}

fn link_of(caller: &Caller) -> Option<u32> {
    match caller {
        Caller::Waiting(_) => None,
        Caller::Opening(link) | Caller::Using(link) => Some(*link),
    }
}
