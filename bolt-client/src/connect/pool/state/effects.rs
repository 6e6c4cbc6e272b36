//! What follows from decisions.

use super::Ticket;

/// What must be carried out after a decision.
#[derive(Debug)]
#[must_use = "a caller that is not woken waits for ever"]
pub(crate) struct Effects<L, O> {
    /// Wake these waiters: something was assigned to them, or nothing will be.
    pub(crate) wake: Woken,
    /// Say goodbye to these connections.
    pub(crate) discard: Vec<L>,
    /// Drop these openings.
    pub(crate) abandon: Vec<O>,
}

/// Waiters that are woken: nearly always one, which needs no memory.
#[derive(Debug)]
pub(crate) struct Woken {
    first: Option<Ticket>,
    others: Vec<Ticket>,
}

impl<L, O> Effects<L, O> {
    pub(super) const fn none() -> Self {
        Self {
            wake: Woken {
                first: None,
                others: Vec::new(),
            },
            discard: Vec::new(),
            abandon: Vec::new(),
        }
    }

    pub(super) fn are_none(&self) -> bool {
        self.wake.first.is_none() && self.discard.is_empty() && self.abandon.is_empty()
    }
}

impl Woken {
    pub(super) fn push(&mut self, ticket: Ticket) {
        match self.first {
            None => self.first = Some(ticket),
            Some(_) => self.others.push(ticket),
        }
    }

    /// Returns them in the order of the decisions.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Ticket> + '_ {
        self.first.iter().chain(&self.others).copied()
    }
}
