//! The story, line by line.

use bolt_client::ServerInfo;

use crate::job::Job;

/// Tells what happens: on standard output, or on standard error if the output is for a program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Narrator {
    to_error: bool,
}

impl Narrator {
    /// `output_taken`: standard output is for something else.
    pub(crate) fn new(output_taken: bool) -> Self {
        Self {
            to_error: output_taken,
        }
    }

    pub(crate) fn say(self, text: &str) {
        if self.to_error {
            eprintln!("{text}");
        } else {
            println!("{text}");
        }
    }

    /// Who talks to whom.
    pub(crate) fn introduce(self, job: &Job, server: &ServerInfo) {
        self.say(&format!(
            "Connected to {} at {}, Bolt {}, on {}.",
            server.agent(),
            server.address(),
            server.protocol_version(),
            job.runtime,
        ));
    }

    /// What comes after the questions.
    pub(crate) fn announce_load(self, job: &Job) {
        self.say(&format!(
            "\n{} such queries by {} at once, over one driver with up to {} connections",
            job.load.total(),
            job.concurrency,
            job.connections,
        ));
    }
}
