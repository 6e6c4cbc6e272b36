//! What there is to do, whichever runtime does it.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bolt_client::{Access, EagerResult, Query, query};

use crate::arguments::{Arguments, Runtime};
use crate::failure::Failure;
use crate::graph::Graph;
use crate::load::Load;
use crate::questions::{self, Step};
use crate::report::{Narrator, Progress};
use crate::target::Target;

/// The plan of a run.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) runtime: Runtime,
    pub(crate) concurrency: u16,
    pub(crate) connections: usize,
    /// The database to ask for.
    pub(crate) database: Option<String>,
    /// Done one after the other.
    pub(crate) steps: Vec<Step>,
    /// Done at once, behind them.
    pub(crate) load: Arc<Load>,
    graph: Arc<Graph>,
    interrupted: Arc<AtomicBool>,
    clean_up: Option<String>,
}

impl Job {
    pub(crate) fn new(arguments: &Arguments, target: &Target, narrator: Narrator) -> Result<Self, Failure> {
        let graph = Arc::new(Graph::load()?);
        let interrupted = Arc::new(AtomicBool::new(false));
        stop_on_interrupt(&interrupted)?;
        let label = target.label();
        Ok(Self {
            runtime: arguments.runtime,
            concurrency: arguments.concurrency,
            connections: usize::from(arguments.connections),
            database: target.database().map(str::to_owned),
            steps: questions::steps(&graph, label),
            load: Arc::new(Load::new(
                &graph,
                label,
                Progress::new(arguments.queries, narrator),
                &interrupted,
            )),
            graph,
            interrupted,
            clean_up: target
                .outlives_us()
                .then(|| format!("MATCH (a:{label}) DETACH DELETE a")),
        })
    }

    /// Announces a step, unless the user wants no more of them.
    pub(crate) fn begin(&self, step: &Step, narrator: Narrator) -> Result<(), Failure> {
        self.check_interrupt()?;
        narrator.say(&format!("\n{}\n", step.title));
        for line in step.text.lines() {
            narrator.say(&format!("    {line}"));
        }
        narrator.say("");
        Ok(())
    }

    /// Compares the answer of a step with the data, and tells it.
    pub(crate) fn finish(
        &self,
        step: &Step,
        answer: Result<EagerResult, bolt_client::Error>,
        narrator: Narrator,
    ) -> Result<(), Failure> {
        let title = step.title;
        let answer = answer.map_err(|source| Failure::Step { title, source })?;
        let lines = step.check(&answer, &self.graph).map_err(|wrong| Failure::Wrong {
            title,
            wrong: wrong.to_string(),
        })?;
        for line in lines {
            narrator.say(&format!("  {line}"));
        }
        Ok(())
    }

    /// What to ask to leave the server as it was, if it stays.
    pub(crate) fn clean_up(&self) -> Option<(Query, Access)> {
        self.clean_up
            .as_deref()
            .map(|statement| (query(statement), Access::Write))
    }

    /// The failure to clean up, with what the user can do about it.
    pub(crate) fn not_cleaned_up(&self, source: bolt_client::Error) -> Failure {
        Failure::CleanUp {
            statement: self.clean_up.clone().unwrap_or_default(),
            source,
        }
    }

    /// Fails once the user has pressed Ctrl-C.
    pub(crate) fn check_interrupt(&self) -> Result<(), Failure> {
        if self.interrupted.load(Ordering::Relaxed) {
            return Err(Failure::Interrupted);
        }
        Ok(())
    }
}

/// Ctrl-C lets the demo clean up. Pressed again, it ends at once.
fn stop_on_interrupt(interrupted: &Arc<AtomicBool>) -> Result<(), Failure> {
    let interrupted = Arc::clone(interrupted);
    let handler = move || {
        if interrupted.swap(true, Ordering::Relaxed) {
            process::exit(130);
        }
    };
    ctrlc::set_handler(handler).map_err(|error| Failure::Start(std::io::Error::other(error)))
}
