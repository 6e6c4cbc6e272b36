//! Which of several addresses is tried first.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::address::Address;

/// What a pool has learnt about the addresses of its name. The next opening tries the one that answered first, and
/// those that did not last; DNS and the resolver decide the rest.
/// Clones share the same order.
#[derive(Debug, Clone, Default)]
pub(crate) struct AddressOrder {
    known: Arc<Mutex<Known>>,
    /// Openings try this address only, and do not look the name up.
    only: Option<SocketAddr>,
}

#[derive(Debug, Default)]
struct Known {
    /// The target and the address of the last completed login.
    good: Option<(Address, SocketAddr)>,
    /// Where attempts failed, or took too long. The last one is at the end.
    bad: Vec<Bad>,
    /// Where the last handshake was completed, whatever followed.
    answered: Option<SocketAddr>,
    /// What the last look-up returned, and when.
    found: Option<(Instant, Vec<SocketAddr>)>,
}

#[derive(Debug)]
struct Bad {
    target: Address,
    socket: SocketAddr,
    since: Instant,
}

/// The most addresses of which it is known that they failed.
const MAX_BAD: usize = 16;

/// The most addresses of a look-up that are remembered.
const MAX_FOUND: usize = 64;

impl AddressOrder {
    /// Returns an order that has one address, and passes on what is learnt about it.
    pub(crate) fn only(&self, socket: SocketAddr) -> Self {
        Self {
            known: Arc::clone(&self.known),
            only: Some(socket),
        }
    }

    /// Returns the only address that is tried, if there is but one.
    pub(super) const fn only_address(&self) -> Option<SocketAddr> {
        self.only
    }

    /// Orders what the resolver returned.
    pub(super) fn targets(&self, targets: &mut [Address]) {
        let known = self.lock();
        for bad in &known.bad {
            last(targets, |target| *target == bad.target);
        }
        if let Some((good, _)) = &known.good {
            first(targets, |target| target == good);
        }
    }

    /// Orders what DNS returned.
    pub(super) fn sockets(&self, sockets: &mut [SocketAddr], now: Instant) {
        let mut known = self.lock();
        known.found = Some((now, sockets.iter().copied().take(MAX_FOUND).collect()));
        for bad in &known.bad {
            last(sockets, |socket| *socket == bad.socket);
        }
        if let Some((_, good)) = &known.good {
            first(sockets, |socket| socket == good);
        }
    }

    /// Notes that a login was completed there.
    pub(super) fn note_success(&self, target: &Address, socket: SocketAddr) {
        let mut known = self.lock();
        known.bad.retain(|bad| bad.socket != socket);
        if known.good.as_ref().is_none_or(|(_, good)| *good != socket) {
            known.good = Some((target.clone(), socket));
        }
    }

    /// Notes that a handshake was completed there.
    pub(super) fn note_answer(&self, socket: SocketAddr) {
        self.lock().answered = Some(socket);
    }

    /// Returns where the last handshake was completed.
    pub(crate) fn last_answered(&self) -> Option<SocketAddr> {
        self.lock().answered
    }

    /// Notes that there was no answer, or that the server is of no help.
    pub(crate) fn note_failure(&self, target: &Address, socket: SocketAddr, now: Instant) {
        let mut known = self.lock();
        known.good.take_if(|(_, good)| *good == socket);
        known.bad.retain(|bad| bad.socket != socket);
        if known.bad.len() == MAX_BAD {
            known.bad.remove(0);
        }
        known.bad.push(Bad {
            target: target.clone(),
            socket,
            since: now,
        });
    }

    /// Returns what the last look-up returned, if that was not before this instant.
    pub(crate) fn found_since(&self, since: Instant) -> Option<Vec<SocketAddr>> {
        let known = self.lock();
        let found = known.found.as_ref().filter(|(at, _)| *at >= since);
        found.map(|(_, sockets)| sockets.clone())
    }

    /// Returns whether an attempt at this address has failed since then.
    pub(crate) fn has_failed_since(&self, socket: SocketAddr, since: Instant) -> bool {
        let known = self.lock();
        let mut bad = known.bad.iter();
        bad.any(|bad| bad.socket == socket && bad.since >= since)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn first<T>(list: &mut [T], is: impl Fn(&T) -> bool) {
    let at = list.iter().position(is);
    if let Some(head) = at.and_then(|at| list.get_mut(..=at)) {
        head.rotate_right(1);
    }
}

fn last<T>(list: &mut [T], is: impl Fn(&T) -> bool) {
    let at = list.iter().position(is);
    if let Some(tail) = at.and_then(|at| list.get_mut(at..)) {
        tail.rotate_left(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn target(port: u16) -> Address {
        Address::new("found", port)
    }

    fn fail(order: &AddressOrder, port: u16) {
        order.note_failure(&target(port), socket(port), Instant::now());
    }

    /// Asserts the order in which the targets and the sockets with the ports 1 to 3 are tried: the same for both.
    #[track_caller]
    fn assert_order(order: &AddressOrder, ports: [u16; 3]) {
        let (mut sockets, mut targets) = ([1, 2, 3].map(socket), [1, 2, 3].map(target));
        order.sockets(&mut sockets, Instant::now());
        order.targets(&mut targets);
        assert_eq!((sockets, targets), (ports.map(socket), ports.map(target)));
    }

    #[test]
    fn the_address_that_answered_last_is_tried_first_and_one_that_did_not_is_tried_last() {
        let order = AddressOrder::default();
        assert_order(&order, [1, 2, 3]);
        fail(&order, 1);
        assert_order(&order, [2, 3, 1]);
        order.note_success(&target(3), socket(3));
        assert_order(&order, [3, 2, 1]);
        fail(&order, 3);
        assert_order(&order, [2, 1, 3]);
        order.note_success(&target(3), socket(3));
        assert_order(&order, [3, 2, 1]);
        order.note_success(&target(1), socket(1));
        assert_order(&order, [1, 2, 3]);
    }

    #[test]
    fn an_address_whose_server_is_of_no_help_is_tried_after_all_that_failed_before() {
        let order = AddressOrder::default();
        for (good, then) in [(1, [2, 3, 1]), (2, [3, 1, 2]), (3, [1, 2, 3])] {
            order.note_success(&target(good), socket(good));
            fail(&order, good);
            assert_order(&order, then);
        }
        (0..100).for_each(|port| fail(&order, port));
        assert_eq!(order.lock().bad.len(), MAX_BAD);
    }

    #[test]
    fn an_address_has_failed_since_its_last_failure_until_it_succeeds() {
        let order = AddressOrder::default();
        let start = Instant::now();
        let later = start + std::time::Duration::from_secs(1);
        order.note_failure(&target(1), socket(1), start);
        assert!(order.has_failed_since(socket(1), start));
        assert!(!order.has_failed_since(socket(1), later) && !order.has_failed_since(socket(2), start));
        order.note_failure(&target(1), socket(1), later);
        assert!(order.has_failed_since(socket(1), later));
        order.note_success(&target(1), socket(1));
        assert!(!order.has_failed_since(socket(1), start));
    }

    #[test]
    fn what_is_learnt_about_the_only_address_of_an_order_is_known_to_the_others() {
        let order = AddressOrder::default();
        let only = order.only(socket(2));
        assert_eq!(
            (order.only_address(), only.only_address()),
            (None, Some(socket(2)))
        );
        only.note_success(&target(2), socket(2));
        assert_order(&order, [2, 1, 3]);
        fail(&only, 2);
        assert_order(&order, [1, 3, 2]);
    }

    #[test]
    fn an_address_that_dns_no_longer_returns_changes_nothing() {
        let order = AddressOrder::default();
        fail(&order, 9);
        order.note_success(&target(8), socket(8));
        assert_order(&order, [1, 2, 3]);
    }
}
