//! The numbers of waiters, and what is known by them.

/// A waiter's number in the queue. A later waiter has a greater one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket {
    number: u64,
    /// No other waiter that is in the queue at the same time has this place in a [`ByTicket`].
    place: usize,
}

/// Gives out tickets.
#[derive(Debug)]
pub(super) struct Tickets {
    next: u64,
    /// How many places there are.
    places: usize,
    /// Those of them that are free.
    free: Vec<usize>,
}

/// What is known of waiters by their tickets. A waiter is found without a search, since each is looked up several times,
/// and nothing moves when another one leaves.
#[derive(Debug)]
pub(crate) struct ByTicket<T> {
    places: Vec<Option<(Ticket, T)>>,
    len: usize,
}

/// How many places stay when there are no waiters any more.
const KEPT_PLACES: usize = 128;

impl Tickets {
    pub(super) const fn new() -> Self {
        Self {
            next: 0,
            places: 0,
            free: Vec::new(),
        }
    }

    pub(super) fn next(&mut self) -> Ticket {
        let number = self.next;
        self.next += 1;
        let place = self.free.pop().unwrap_or_else(|| {
            self.places += 1;
            self.places - 1
        });
        Ticket { number, place }
    }

    /// Takes back the ticket of a waiter that has left the queue.
    pub(super) fn take_back(&mut self, ticket: Ticket) {
        self.free.push(ticket.place);
        if self.free.len() == self.places {
            self.places = 0;
            self.free.clear();
            self.free.shrink_to(KEPT_PLACES);
        }
    }
}

impl<T> ByTicket<T> {
    pub(crate) const fn new() -> Self {
        Self {
            places: Vec::new(),
            len: 0,
        }
    }

    /// Returns the value that was there before.
    pub(crate) fn insert(&mut self, ticket: Ticket, value: T) -> Option<T> {
        if self.places.len() <= ticket.place {
            self.places.resize_with(ticket.place + 1, || None);
        }
        let before = self.places.get_mut(ticket.place)?.replace((ticket, value));
        self.len += usize::from(before.is_none());
        before.map(|(_, value)| value)
    }

    pub(crate) fn get(&self, ticket: Ticket) -> Option<&T> {
        match self.places.get(ticket.place)? {
            Some((owner, value)) if *owner == ticket => Some(value),
            _ => None,
        }
    }

    pub(crate) fn get_mut(&mut self, ticket: Ticket) -> Option<&mut T> {
        match self.places.get_mut(ticket.place)? {
            Some((owner, value)) if *owner == ticket => Some(value),
            _ => None,
        }
    }

    pub(crate) fn remove(&mut self, ticket: Ticket) -> Option<T> {
        let (_, value) = self
            .places
            .get_mut(ticket.place)?
            .take_if(|(owner, _)| *owner == ticket)?;
        self.len -= 1;
        if self.len == 0 {
            self.places.clear();
            self.places.shrink_to(KEPT_PLACES);
        }
        Some(value)
    }

    /// Returns all, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Ticket, &T)> {
        let taken = self.places.iter().flatten();
        taken.map(|(ticket, value)| (*ticket, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_used_again_and_the_old_ticket_finds_nothing_there() {
        let (mut tickets, mut map) = (Tickets::new(), ByTicket::new());
        let (first, second) = (tickets.next(), tickets.next());
        assert_eq!(map.insert(first, 1), None);
        assert_eq!(map.insert(second, 2), None);
        assert_eq!(map.remove(first), Some(1));
        tickets.take_back(first);
        let third = tickets.next();
        assert_eq!(third.place, first.place);
        assert!(third > second);
        map.insert(third, 3);
        assert_eq!(map.get(first), None);
        assert_eq!(map.remove(first), None);
        assert_eq!((map.get(second), map.get(third)), (Some(&2), Some(&3)));
        assert_eq!(map.insert(third, 4), Some(3));
        let mut all: Vec<_> = map.iter().collect();
        all.sort_unstable();
        assert_eq!(all, [(second, &2), (third, &4)]);
    }

    #[test]
    fn no_memory_is_held_for_many_waiters_that_have_left() {
        let (mut tickets, mut map) = (Tickets::new(), ByTicket::new());
        for waiters in [1_000, 4_000, 16_000] {
            let all: Vec<Ticket> = (0..waiters).map(|_| tickets.next()).collect();
            for ticket in &all {
                map.insert(*ticket, [0; 16]);
            }
            for ticket in all {
                map.remove(ticket);
                tickets.take_back(ticket);
            }
            assert!(map.places.capacity() <= KEPT_PLACES);
            assert!(tickets.free.capacity() <= KEPT_PLACES);
        }
    }
}
