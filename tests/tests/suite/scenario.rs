//! What a scenario is, and how it becomes a test.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use libtest_mimic::{Completion, Failed, Trial};

use crate::server::{Feature, Server};

/// The longest that a scenario may take. The slowest ones take a tenth of it: what takes longer hangs.
const LIMIT: Duration = Duration::from_secs(240);

/// How a scenario ended. Assertions panic, as in any test.
pub(crate) type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// The adapters, each of which runs every scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Adapter {
    Tokio,
    AsyncStd,
    Smol,
    Blocking,
}

impl Adapter {
    pub(crate) const ALL: [Self; 4] = [Self::Tokio, Self::AsyncStd, Self::Smol, Self::Blocking];
}

impl fmt::Display for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tokio => "tokio",
            Self::AsyncStd => "async-std",
            Self::Smol => "smol",
            Self::Blocking => "blocking",
        })
    }
}

/// One scenario, as compiled for the asynchronous adapters or for the blocking one.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// What a server must be able to do for it.
    pub(crate) needs: Option<Feature>,
    pub(crate) run: Run,
}

/// Runs a scenario from its beginning to its end.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Run {
    /// Against a server.
    With(fn(Arc<Server>, Adapter) -> Outcome),
    /// Against peers of its own, or none.
    Alone(fn(Adapter) -> Outcome),
}

/// A test that fails when `run` fails, panics or takes too long.
pub(crate) fn trial(name: &str, run: impl FnOnce() -> Outcome + Send + 'static) -> Trial {
    Trial::test(name, move || within_limit(run))
}

/// A test that cannot be run for this reason.
pub(crate) fn impossible(name: String, reason: &'static str) -> Trial {
    Trial::ignorable_test(name, move || Ok(Completion::ignored_with(reason)))
}

/// Runs it in a thread of its own: one that hangs is left behind, and ends with the process.
fn within_limit(run: impl FnOnce() -> Outcome + Send + 'static) -> Result<(), Failed> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let outcome = panic::catch_unwind(AssertUnwindSafe(run));
        // Nobody listens any more when the limit has passed.
        let _ = sender.send(outcome);
    });
    match receiver.recv_timeout(LIMIT) {
        Ok(Ok(Ok(()))) => Ok(()),
        Ok(Ok(Err(error))) => Err(Failed::from(with_causes(&*error))),
        Ok(Err(panic)) => Err(Failed::from(panic_message(&*panic))),
        Err(_) => Err(Failed::from(format!("it hangs: no end within {LIMIT:?}"))),
    }
}

fn with_causes(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |&error| error.source());
    causes.fold(error.to_string(), |text, cause| {
        format!("{text}\n  caused by: {cause}")
    })
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("it panicked")
        .to_owned()
}
