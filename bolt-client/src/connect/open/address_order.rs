//! Which of several addresses is tried first.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::address::Address;

/// What a pool has learnt about the addresses of its name. The next opening tries the one that answered first, and
/// those that did not last; DNS and the resolver decide the rest.
/// Clones share the same order.
#[derive(Debug, Clone, Default)]
pub(crate) struct AddressOrder(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// The target and the address of the last completed login.
    good: Option<(Address, SocketAddr)>,
    /// Where attempts failed, or took too long. The last one is at the end.
    bad: Vec<(Address, SocketAddr)>,
}

/// The most addresses of which it is known that they failed.
const MAX_BAD: usize = 16;

impl AddressOrder {
    /// Orders what the resolver returned.
    pub(super) fn targets(&self, targets: &mut [Address]) {
        let known = self.lock();
        for (bad, _) in &known.bad {
            last(targets, |target| target == bad);
        }
        if let Some((good, _)) = &known.good {
            first(targets, |target| target == good);
        }
    }

    /// Orders what DNS returned.
    pub(super) fn sockets(&self, sockets: &mut [SocketAddr]) {
        let known = self.lock();
        for (_, bad) in &known.bad {
            last(sockets, |socket| socket == bad);
        }
        if let Some((_, good)) = &known.good {
            first(sockets, |socket| socket == good);
        }
    }

    /// Notes that a login was completed there.
    pub(super) fn note_success(&self, target: &Address, socket: SocketAddr) {
        let mut known = self.lock();
        known.bad.retain(|(_, bad)| *bad != socket);
        if known.good.as_ref().is_none_or(|(_, good)| *good != socket) {
            known.good = Some((target.clone(), socket));
        }
    }

    /// Notes that there was no answer.
    pub(super) fn note_failure(&self, target: &Address, socket: SocketAddr) {
        let mut known = self.lock();
        known.good.take_if(|(_, good)| *good == socket);
        known.add_bad(target.clone(), socket);
    }

    /// Notes that the server behind the address that answered last is of no help.
    pub(crate) fn reject_last(&self) {
        let mut known = self.lock();
        if let Some((target, socket)) = known.good.take() {
            known.add_bad(target, socket);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn add_bad(&mut self, target: Address, socket: SocketAddr) {
        self.bad.retain(|(_, bad)| *bad != socket);
        if self.bad.len() == MAX_BAD {
            self.bad.remove(0);
        }
        self.bad.push((target, socket));
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

    /// Asserts the order in which the targets and the sockets with the ports 1 to 3 are tried: the same for both.
    #[track_caller]
    fn assert_order(order: &AddressOrder, ports: [u16; 3]) {
        let (mut sockets, mut targets) = ([1, 2, 3].map(socket), [1, 2, 3].map(target));
        order.sockets(&mut sockets);
        order.targets(&mut targets);
        assert_eq!((sockets, targets), (ports.map(socket), ports.map(target)));
    }

    #[test]
    fn the_address_that_answered_last_is_tried_first_and_one_that_did_not_is_tried_last() {
        let order = AddressOrder::default();
        assert_order(&order, [1, 2, 3]);
        order.note_failure(&target(1), socket(1));
        assert_order(&order, [2, 3, 1]);
        order.note_success(&target(3), socket(3));
        assert_order(&order, [3, 2, 1]);
        order.note_failure(&target(3), socket(3));
        assert_order(&order, [2, 1, 3]);
        order.note_success(&target(3), socket(3));
        assert_order(&order, [3, 2, 1]);
        order.note_success(&target(1), socket(1));
        assert_order(&order, [1, 2, 3]);
    }

    #[test]
    fn an_address_whose_server_is_of_no_help_is_tried_after_all_that_failed_before() {
        let order = AddressOrder::default();
        order.reject_last();
        assert_order(&order, [1, 2, 3]);
        for (good, then) in [(1, [2, 3, 1]), (2, [3, 1, 2]), (3, [1, 2, 3])] {
            order.note_success(&target(good), socket(good));
            order.reject_last();
            assert_order(&order, then);
        }
        (0..100).for_each(|port| order.note_failure(&target(port), socket(port)));
        assert_eq!(order.lock().bad.len(), MAX_BAD);
    }

    #[test]
    fn an_address_that_dns_no_longer_returns_changes_nothing() {
        let order = AddressOrder::default();
        order.note_failure(&target(9), socket(9));
        order.note_success(&target(8), socket(8));
        assert_order(&order, [1, 2, 3]);
    }
}
