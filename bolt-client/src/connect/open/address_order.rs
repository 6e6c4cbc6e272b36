//! Which of several addresses is tried first.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::address::Address;

/// What a pool has learnt about the addresses of its name. The next opening tries the one that answered first, and
/// the one that did not last; DNS and the resolver decide the rest. It holds one of each, whatever they return.
/// Clones share the same order.
#[derive(Debug, Clone, Default)]
pub(crate) struct AddressOrder(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// The target and the address of the last completed login.
    good: Option<(Address, SocketAddr)>,
    /// Where an attempt last failed, or took too long.
    bad: Option<(Address, SocketAddr)>,
}

impl AddressOrder {
    /// Orders what the resolver returned.
    pub(super) fn targets(&self, targets: &mut [Address]) {
        let known = self.lock();
        if let Some((bad, _)) = &known.bad {
            last(targets, |target| target == bad);
        }
        if let Some((good, _)) = &known.good {
            first(targets, |target| target == good);
        }
    }

    /// Orders what DNS returned.
    pub(super) fn sockets(&self, sockets: &mut [SocketAddr]) {
        let known = self.lock();
        if let Some((_, bad)) = &known.bad {
            last(sockets, |socket| socket == bad);
        }
        if let Some((_, good)) = &known.good {
            first(sockets, |socket| socket == good);
        }
    }

    /// Notes that a login was completed there.
    pub(super) fn note_success(&self, target: &Address, socket: SocketAddr) {
        let mut known = self.lock();
        known.bad.take_if(|(_, bad)| *bad == socket);
        if known.good.as_ref().is_none_or(|(_, good)| *good != socket) {
            known.good = Some((target.clone(), socket));
        }
    }

    /// Notes that there was no answer.
    pub(super) fn note_failure(&self, target: &Address, socket: SocketAddr) {
        let mut known = self.lock();
        known.good.take_if(|(_, good)| *good == socket);
        known.bad = Some((target.clone(), socket));
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        assert_order(&order, [1, 2, 3]);
        order.note_success(&target(2), socket(2));
        assert_order(&order, [2, 1, 3]);
        order.note_success(&target(3), socket(3));
        assert_order(&order, [3, 1, 2]);
    }

    #[test]
    fn an_address_that_dns_no_longer_returns_changes_nothing() {
        let order = AddressOrder::default();
        order.note_failure(&target(9), socket(9));
        order.note_success(&target(8), socket(8));
        assert_order(&order, [1, 2, 3]);
    }
}
