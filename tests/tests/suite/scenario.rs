//! Scenarios, and their conversion to tests.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use libtest_mimic::{Completion, Failed, Trial};

use crate::server::{Feature, Server};

/// The longest time for a scenario. The slowest need a tenth of it, so a longer one hangs.
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

/// A scenario, compiled for the async adapters or for the blocking one.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// The feature that it requires of a server.
    pub(crate) needs: Option<Feature>,
    pub(crate) run: Run,
}

/// Runs a scenario to its end.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Run {
    /// Against a server.
    With(fn(Arc<Server>, Adapter) -> Outcome),
    /// Against its own peers, or none.
    Alone(fn(Adapter) -> Outcome),
}

/// A test that fails if `run` fails, panics or takes too long.
pub(crate) fn trial(name: &str, run: impl FnOnce() -> Outcome + Send + 'static) -> Trial {
    Trial::test(name, move || within_limit(run))
}

/// A test that cannot run, for this reason.
pub(crate) fn impossible(name: String, reason: &'static str) -> Trial {
    Trial::ignorable_test(name, move || Ok(Completion::ignored_with(reason)))
}

/// Runs it on a new thread. A thread that hangs is abandoned and ends with the process.
fn within_limit(run: impl FnOnce() -> Outcome + Send + 'static) -> Result<(), Failed> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let outcome = panic::catch_unwind(AssertUnwindSafe(run));
        // The receiver is gone if the limit has passed.
        let _ = sender.send(outcome);
    });
    match receiver.recv_timeout(LIMIT) {
        Ok(Ok(Ok(()))) => Ok(()),
        Ok(Ok(Err(error))) => Err(Failed::from(with_causes(&*error))),
        Ok(Err(panic)) => Err(Failed::from(panic_message(&*panic))),
        Err(_) => Err(Failed::from(format!("it hangs: not finished within {LIMIT:?}"))),
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
        .unwrap_or("panic without a message")
        .to_owned()
}
