//! The story, line by line.

use bolt_client::ServerInfo;

use crate::job::Job;

/// Prints what happens: on standard output, or on standard error if the output is for a program.
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

    /// Names the server and the runtime.
    pub(crate) fn introduce(self, job: &Job, server: &ServerInfo) {
        self.say(&format!(
            "Connected to {} at {}, Bolt {}, on {}.",
            server.agent(),
            server.address(),
            server.protocol_version(),
            job.runtime,
        ));
    }

    /// Announces the chapters.
    pub(crate) fn announce_chapters(self, file: &str) {
        self.say(&format!(
            "\nFive chapters ({file}); each names the file of the driver that it is about."
        ));
    }

    /// Announces the load.
    pub(crate) fn announce_load(self, job: &Job) {
        self.say(&format!(
            "\n{} queries, {} at once, over one driver with up to {} connections",
            job.load.total(),
            job.concurrency,
            job.connections,
        ));
    }
}
