//! The command line.

use std::fmt;

use clap::{Parser, ValueEnum};

/// Loads a graph of the people in Les Misérables, asks it questions, and shows what the driver does when things go wrong.
///
/// Without set-up everything happens in this process: a graph database is started in it, and the driver speaks Bolt to
/// it over TCP. Every answer is compared with the data. Ends within a minute.
#[derive(Debug, Parser)]
#[command(name = "demo", after_help = ENVIRONMENT)]
pub(crate) struct Arguments {
    /// What the driver runs on
    #[arg(long, value_enum, default_value_t = Runtime::Tokio)]
    pub(crate) runtime: Runtime,

    /// How many queries to run at the end
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) queries: u64,

    /// How many rows the long result has
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) rows: u64,

    /// How many tasks (threads, with --runtime blocking) ask at once
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) concurrency: u16,

    /// How many connections they share
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) connections: u16,

    /// Print the final figures to standard output as one line of JSON, and everything else to standard error
    #[arg(long)]
    pub(crate) json: bool,
}

const ENVIRONMENT: &str = "\
Environment:
  NEO4J_URI       Run on this server instead, such as bolt://localhost:7687. Everything is created under a
                  label that is made up for the run, and deleted at its end
  NEO4J_USERNAME  Its user [default: neo4j, if there is a password]
  NEO4J_PASSWORD  The user's password [default: log on without]
  NEO4J_DATABASE  The database to use [default: the user's home database]

Exit status: 0 if every answer was right, 1 if not or if something failed, 2 for wrong arguments.";

/// The adapters of the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Runtime {
    /// Async, on tokio
    Tokio,
    /// Async, on async-std
    AsyncStd,
    /// Async, on smol
    Smol,
    /// Without an async runtime, on threads
    Blocking,
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tokio => "tokio",
            Self::AsyncStd => "async-std",
            Self::Smol => "smol",
            Self::Blocking => "blocking",
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn runtimes_are_shown_as_they_are_given() {
        for runtime in Runtime::value_variants() {
            let given = runtime.to_possible_value().expect("none is hidden");
            assert_eq!(given.get_name(), runtime.to_string());
        }
    }

    #[test]
    fn nothing_to_do_is_refused() {
        for wrong in [
            "--queries=0",
            "--rows=0",
            "--concurrency=0",
            "--connections=0",
            "--runtime=none",
        ] {
            assert!(Arguments::try_parse_from(["demo", wrong]).is_err(), "{wrong}");
        }
    }
}
