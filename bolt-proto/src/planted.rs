//! Planted bugs: they let tests show that they would find such bugs. They exist only in builds with `--cfg planted`,
//! and have no effect until one is [chosen](plant).

use core::sync::atomic::{AtomicUsize, Ordering};

/// An illegal request that is let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// RESET while BEGIN is unanswered.
    ResetOvertakesBegin,
    /// COMMIT while results are open.
    CommitWithOpenResult,
}

/// The index of the planted bug plus one. Zero means none.
static PLANTED: AtomicUsize = AtomicUsize::new(0);

/// Plants a bug in every connection of this process; `None` removes it.
pub fn plant(bug: Option<Bug>) {
    PLANTED.store(bug.map_or(0, number), Ordering::Relaxed);
}

pub(crate) fn is(bug: Bug) -> bool {
    PLANTED.load(Ordering::Relaxed) == number(bug)
}

const fn number(bug: Bug) -> usize {
    (bug as usize).saturating_add(1)
}
