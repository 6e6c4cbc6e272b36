//! Bugs that were planted, so that tests can show that they would find such bugs. They exist only in builds with
//! `--cfg planted`, and do nothing there until one is [chosen](plant).

use core::sync::atomic::{AtomicUsize, Ordering};

/// A request that servers do not bear, and that is let pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// RESET while BEGIN is unanswered.
    ResetOvertakesBegin,
    /// COMMIT while results are open.
    CommitWithOpenResult,
}

/// One more than the index of the bug that is planted; 0 for none.
static PLANTED: AtomicUsize = AtomicUsize::new(0);

/// Plants a bug in every connection of this process, or takes it out.
pub fn plant(bug: Option<Bug>) {
    PLANTED.store(bug.map_or(0, number), Ordering::Relaxed);
}

pub(crate) fn is(bug: Bug) -> bool {
    PLANTED.load(Ordering::Relaxed) == number(bug)
}

const fn number(bug: Bug) -> usize {
    (bug as usize).saturating_add(1)
}
