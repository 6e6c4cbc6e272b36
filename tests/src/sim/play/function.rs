//! Transaction functions: how often they are called, and how that ends.

use std::future::IntoFuture;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bolt_client::{Access, Bookmarks, Cursor, Error, ErrorKind, ManagedTransaction};
use bolt_proto::Api;

use super::Player;
use super::script::Script;
use super::session::SessionPlayer;
use crate::sim::causality::Floor;
use crate::sim::clock::Nanos;
use crate::sim::cluster;
use crate::sim::history::Promise;
use crate::sim::logins::is_login_failure;
use crate::sim::oracle::Call;
use crate::sim::program::{Ending, Function};
use crate::sim::server::{Cause, TAG_BASE};

/// A transaction function that is being executed.
struct Running<'p> {
    player: &'p Player,
    work: &'p Function,
    /// The template for calls of its transactions.
    call: Call,
    page: Option<u64>,
    floor: &'p Floor,
    state: Mutex<Attempts<'p>>,
}

/// What is known of the attempts.
#[derive(Default)]
pub(super) struct Attempts<'p> {
    pub(super) count: u64,
    /// The last attempt.
    pub(super) last: Option<Attempt<'p>>,
    /// An upper bound of the time of the first failure by the server, as far as an observer can tell.
    failed_at: Option<Nanos>,
    /// Transactions that have outlived their functions.
    pub(super) outlived: Vec<ManagedTransaction>,
    /// Cursors of ended transactions.
    pub(super) stale: Vec<Cursor>,
    /// Whether the loss of a connection was reported.
    pub(super) loss_reported: bool,
}

/// One call of the function.
pub(super) struct Attempt<'p> {
    /// How many failures the server had reported when it began.
    failures: usize,
    /// How it ended; `None` while it runs.
    pub(super) ended: Option<Ended<'p>>,
}

pub(super) struct Ended<'p> {
    pub(super) at: Nanos,
    closing: bool,
    pub(super) how: How,
    pub(super) script: Script<'p>,
}

/// What a function has returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Ok,
    /// An error of one of its calls.
    Reported,
    Aborted,
    /// An error of another kind.
    Other,
    Outlived,
}

impl SessionPlayer<'_> {
    pub(super) async fn function(&mut self, work: &Function) {
        let player = self.player;
        let floor = self.begin(work.tag, Api::ManagedTransaction);
        let started = player.now();
        let call = Call {
            what: format!("function {}", work.tag),
            expected_failures: [work.tag]
                .into_iter()
                .chain(work.statements().map(|statement| statement.id))
                .collect(),
            deadline: work.limits.deadline.map(|limit| started + limit),
            ..Call::default()
        };
        // If the world ends before the call does, nothing is committed.
        player.promise_all(work.statements(), |_| Promise::Never);
        let starting = self.starting(&call);
        let running = Running {
            player,
            work,
            call,
            page: self.page,
            floor: &floor,
            state: Mutex::default(),
        };
        let function = |tx| running.attempt(tx);
        let mut call = match work.access {
            Access::Read => self.session.execute_read(function),
            _ => self.session.execute_write(function),
        };
        call = call.timeout(Duration::from_millis(TAG_BASE + work.tag));
        if let Some(deadline) = work.limits.deadline {
            call = call.deadline(Duration::from_nanos(deadline));
        }
        let outcome = player.drive(work.limits.cancel, call.into_future()).await;
        let attempts = running.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let begun = attempts.count > 0;
        let stale = player.conclude(work, starting, started, attempts, &outcome);
        self.stale.extend(stale);
        if !begun {
            player.note_begin_failed(self.number, &mut self.held);
        }
    }
}

impl<'p> Running<'p> {
    /// The function itself: called once per attempt.
    fn attempt(&self, tx: ManagedTransaction) -> impl Future<Output = Result<u64, Error>> + use<'_, 'p> {
        let number = self.begin();
        async move { self.work_in(tx, number).await }
    }

    async fn work_in(&self, mut tx: ManagedTransaction, number: u64) -> Result<u64, Error> {
        let (player, work) = (self.player, self.work);
        let mut stale = std::mem::take(&mut self.lock().stale);
        let mut script = Script::new(player, self.call.clone(), number, self.page, self.floor)
            .continues_after_errors(work.continues_after_errors);
        script.perform(&mut tx, &work.script, &mut stale).await;
        self.lock().stale = stale;

        let at = work.endings.len().min(number as usize) - 1;
        let first = script.errors.first().cloned();
        let (how, result) = match (work.endings[at], first) {
            (Ending::Honest, Some(error)) => (How::Reported, Err(error)),
            (Ending::Ok | Ending::Honest, _) => (How::Ok, Ok(number)),
            (Ending::OkLater(time), _) => {
                drop(tx);
                player.think(time).await;
                self.end(How::Ok, script);
                return Ok(number);
            }
            (Ending::Abort, _) => (How::Aborted, Err(Error::abort(format!("attempt {number}")))),
            (Ending::Error, _) => (How::Other, Bookmarks::from_raw_values(["\u{e4}"]).map(|_| number)),
            (Ending::Outlived, _) => {
                self.end(How::Outlived, script);
                self.lock().outlived.push(tx);
                return Ok(number);
            }
        };
        drop(tx);
        self.end(how, script);
        result
    }

    /// Checks whether the function may be called, and returns the number of the attempt.
    fn begin(&self) -> u64 {
        let mut attempts = self.lock();
        attempts.count += 1;
        let number = attempts.count;
        if let Some(problem) = attempts
            .last
            .take()
            .and_then(|last| self.problem(&mut attempts, &last))
        {
            let what = &self.call.what;
            self.player.violation(format!("{what}: call {number} {problem}"));
        }
        self.player.sim.with(|state| state.note_began(self.work.tag));
        attempts.last = Some(Attempt {
            failures: self.player.sim.with(|state| state.history.failures.len()),
            ended: None,
        });
        number
    }

    /// Returns what is wrong with another attempt after this one.
    fn problem(&self, attempts: &mut Attempts<'_>, last: &Attempt<'_>) -> Option<String> {
        let Some(ended) = &last.ended else {
            return Some("began during the previous one".to_owned());
        };
        let now = self.player.now();
        if ended.closing {
            return Some("began although the driver was closed".to_owned());
        }
        if matches!(ended.how, How::Aborted | How::Outlived) {
            return Some(format!("began after an attempt that ended as {:?}", ended.how));
        }
        if self.call.deadline.is_some_and(|deadline| now > deadline) {
            return Some("began after the deadline".to_owned());
        }
        let final_failure = ended.script.errors.iter().find(|error| is_final(error));
        if let Some(error) = final_failure {
            return Some(format!("began after a final failure: {error}"));
        }
        if self
            .player
            .sim
            .with(|state| state.history.commits.contains(&self.work.tag))
        {
            return Some("began after an unknown commit".to_owned());
        }
        let failed = self.has_failed(last);
        if failed {
            attempts.failed_at.get_or_insert(now);
        }
        let failed_at = attempts.failed_at.unwrap_or(now);
        let options = self.player.sim.with(|state| state.weather.driver.clone());
        let latest = Duration::from_nanos(failed_at)
            .saturating_add(options.retry)
            .saturating_add(options.acquisition);
        // A stall between two attempts delays the next one.
        let stalls = self.player.sim.with(|state| state.weather.extremes.stalls > 0);
        if Duration::from_nanos(now) > latest && !stalls {
            return Some(format!("began after its budget of {:?} was spent", options.retry));
        }
        self.check_reason(attempts, failed, ended)
    }

    /// Whether the server has failed this attempt with a transient error.
    fn has_failed(&self, last: &Attempt<'_>) -> bool {
        self.player.sim.with(|state| {
            let mut since = state.history.failures[last.failures..].iter();
            since.any(|(id, transient)| *transient && self.call.expected_failures.contains(id))
        })
    }

    /// Returns the problem if there was no reason for another attempt.
    fn check_reason(&self, attempts: &mut Attempts<'_>, failed: bool, ended: &Ended<'_>) -> Option<String> {
        let lost = ended
            .script
            .errors
            .iter()
            .any(|error| is_loss(error) || is_login_failure(error));
        attempts.loss_reported |= lost;
        if failed || lost {
            return None;
        }
        // A dropped call may have met the loss without reporting it.
        let knows = !ended.script.call.spoiled;
        if ended.how == How::Other && ended.script.errors.is_empty() && knows {
            return Some("began after an unrelated error".to_owned());
        }
        // Then a connection was lost without a report.
        self.player.sim.with(|state| {
            state.history.losses += 1;
            let (losses, breaks) = (state.history.losses, state.history.breaks);
            (losses > breaks).then(|| {
                format!("began without a reason: {losses} losses, although only {breaks} connections broke")
            })
        })
    }

    fn end(&self, how: How, script: Script<'p>) {
        let (at, closing) = self
            .player
            .sim
            .with(|state| (state.clock.now(), state.history.closing));
        let mut attempts = self.lock();
        // Connections that died before anything happened are replaced at once; that starts no budget.
        if script.errors.iter().any(|error| error.server().is_some()) {
            attempts.failed_at.get_or_insert(at);
        }
        if let Some(last) = &mut attempts.last {
            last.ended = Some(Ended {
                at,
                closing,
                how,
                script,
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Attempts<'p>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a retry is pointless by Neo4j's classification of failures.
fn is_final(error: &Error) -> bool {
    error.server().is_some_and(|failure| {
        let by_login = Cause::of(failure) == Cause::Login || is_login_failure(error);
        !by_login && !cluster::may_be_repeated(failure.code())
    })
}

pub(super) fn is_loss(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionLost | ErrorKind::Connect | ErrorKind::Tls
    )
}
