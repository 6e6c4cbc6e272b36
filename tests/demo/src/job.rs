//! What there is to do, on any runtime.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bolt_client::{EagerResult, Query, query};

use crate::arguments::{Arguments, Runtime};
use crate::chapters::{Chapter, Queries};
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
    /// Done at once, after the steps and the chapters.
    pub(crate) load: Arc<Load>,
    /// Done at once while connections are cut.
    pub(crate) cut_load: Arc<Load>,
    /// The queries of the chapters.
    pub(crate) queries: Queries,
    /// The length of the long result.
    pub(crate) rows: u64,
    graph: Arc<Graph>,
    interrupted: Arc<AtomicBool>,
    /// What deletes the nodes of this run; nothing if the server ends with it.
    clean_up: Vec<String>,
}

impl Job {
    pub(crate) fn new(arguments: &Arguments, target: &Target, narrator: Narrator) -> Result<Self, Failure> {
        let graph = Arc::new(Graph::load()?);
        let interrupted = Arc::new(AtomicBool::new(false));
        let label = target.label();
        let chapter_label = format!("{label}Account");
        let clean_up: Vec<_> = [label, &chapter_label]
            .into_iter()
            .filter(|_| target.outlives_us())
            .map(|label| format!("MATCH (a:{label}) DETACH DELETE a"))
            .collect();
        stop_on_interrupt(&interrupted, &clean_up)?;
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
            cut_load: Arc::new(Load::new(
                &graph,
                label,
                Progress::hidden(arguments.queries.div_ceil(5).max(100), narrator),
                &interrupted,
            )),
            queries: Queries::new(&chapter_label),
            rows: arguments.rows,
            graph,
            interrupted,
            clean_up,
        })
    }

    /// Announces a step, unless the user has pressed Ctrl-C.
    pub(crate) fn begin(&self, step: &Step, narrator: Narrator) -> Result<(), Failure> {
        self.check_interrupt()?;
        narrator.say(&format!("\n{}\n", step.title));
        for line in step.text.lines() {
            narrator.say(&format!("    {line}"));
        }
        narrator.say("");
        Ok(())
    }

    /// Compares the answer of a step with the data, and prints it.
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

    /// Announces a chapter, unless the user has pressed Ctrl-C.
    pub(crate) fn open(&self, chapter: &Chapter, narrator: Narrator) -> Result<(), Failure> {
        self.check_interrupt()?;
        narrator.say(&format!("\n{}\n    {}\n", chapter.title, chapter.file));
        Ok(())
    }

    /// Prints what a chapter has shown, and compares it with the chapter's claim.
    pub(crate) fn close<T>(
        &self,
        chapter: &Chapter,
        shown: Result<T, bolt_client::Error>,
        lines: fn(&T) -> Vec<String>,
        check: fn(&T) -> Result<(), String>,
        narrator: Narrator,
    ) -> Result<T, Failure> {
        let title = chapter.title;
        let shown = shown.map_err(|source| Failure::Step { title, source })?;
        self.check_interrupt()?;
        for line in lines(&shown) {
            narrator.say(&format!("  {line}"));
        }
        check(&shown).map_err(|wrong| Failure::Wrong { title, wrong })?;
        Ok(shown)
    }

    /// The queries that leave the server as it was, if it outlives the run.
    pub(crate) fn clean_up(&self) -> impl Iterator<Item = Query> {
        self.clean_up.iter().map(query)
    }

    /// The failure to clean up, with the queries that the user can run instead.
    pub(crate) fn not_cleaned_up(&self, source: bolt_client::Error) -> Failure {
        Failure::CleanUp {
            statements: self.clean_up.join("; "),
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

/// Ctrl-C lets the demo clean up. Pressed again, it ends the demo at once, which says what is left on the server.
fn stop_on_interrupt(interrupted: &Arc<AtomicBool>, clean_up: &[String]) -> Result<(), Failure> {
    let interrupted = Arc::clone(interrupted);
    let left = left_behind(clean_up);
    let handler = move || {
        if interrupted.swap(true, Ordering::Relaxed) {
            eprintln!("{left}");
            process::exit(130);
        }
        eprintln!("demo: stopping and cleaning up; Ctrl-C again ends at once");
    };
    ctrlc::set_handler(handler).map_err(|error| Failure::Start(std::io::Error::other(error)))
}

/// What a run that ends without cleaning up has to say.
fn left_behind(clean_up: &[String]) -> String {
    if clean_up.is_empty() {
        return "demo: ended; nothing is left, since the database was in this process".to_owned();
    }
    let statements = clean_up.join(";\n    ");
    format!(
        "demo: ended without cleaning up; nodes of this run are left on the server. To delete them, run:\n    {statements};"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_interrupt_names_what_is_left_and_how_to_delete_it() {
        let statements = [
            "MATCH (a:A) DETACH DELETE a".to_owned(),
            "MATCH (a:B) DETACH DELETE a".to_owned(),
        ];
        let left = left_behind(&statements);
        assert!(
            statements.iter().all(|statement| left.contains(statement)),
            "{left}"
        );
        assert!(left_behind(&[]).contains("nothing is left"));
    }
}
