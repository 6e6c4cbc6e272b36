//! The process between a test and its server, which ensures that the server never outlives the test.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

const SCRIPT: &str = include_str!("keeper.sh");

/// How long a server may take to terminate by itself. Its data is discarded, so it need not finish its work.
const GRACE: Duration = Duration::from_secs(3);

/// A running `keeper.sh`. Dropping it stops the server, removes the home folder, and waits for both.
#[derive(Debug)]
pub(crate) struct Keeper {
    process: Child,
    /// In a mutex so that a server can be shared between threads.
    reports: Mutex<Receiver<Report>>,
}

/// A report of the keeper about its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Report {
    /// The server runs as this process. It is not ready yet.
    Started(u32),
    /// The server, or its preparation, ended by itself with this code.
    Ended(i32),
}

impl Keeper {
    /// Runs `java @prepare`, then `java @server`, both files in `home`, which belongs to the keeper from now on. All
    /// output goes to `log`.
    pub(crate) fn start(home: &Path, java: &Path, log: File) -> io::Result<Self> {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SCRIPT, "keeper.sh"])
            .arg(home)
            .arg(GRACE.as_secs().to_string())
            .arg(java);
        command
            .env("NEO4J_HOME", home)
            .env("NEO4J_CONF", home.join("conf"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        // Ctrl-C in a terminal goes to the whole group. It is meant to end only the test, which then stops the server
        // in order.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut process = command.spawn()?;
        let (sender, reports) = mpsc::channel();
        if let Some(stdout) = process.stdout.take() {
            let lines = BufReader::new(stdout).lines().map_while(Result::ok);
            // Ends with the keeper, which closes the pipe.
            thread::spawn(move || {
                lines
                    .filter_map(|line| Report::parse(&line))
                    .try_for_each(|report| sender.send(report))
            });
        }
        Ok(Self {
            process,
            reports: Mutex::new(reports),
        })
    }

    /// Terminates the server and starts it again in the same home. The new start is reported.
    pub(crate) fn restart(&mut self) -> io::Result<()> {
        self.say(b"restart\n")
    }

    /// Kills the server and starts it again in the same home. The new start is reported.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        self.say(b"kill\n")
    }

    fn say(&mut self, line: &[u8]) -> io::Result<()> {
        match &mut self.process.stdin {
            Some(stdin) => stdin.write_all(line),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Waits up to `limit` for the next report. Returns `None` if there was none.
    pub(crate) fn next_report(&self, limit: Duration) -> Option<Report> {
        match self
            .reports
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv_timeout(limit)
        {
            Ok(report) => Some(report),
            Err(RecvTimeoutError::Timeout) => None,
            // The keeper has ended without a report: it was killed.
            Err(RecvTimeoutError::Disconnected) => Some(Report::Ended(-1)),
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // Closing the pipe is the stop signal. Waiting cannot fail for our own child process.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

impl Report {
    fn parse(line: &str) -> Option<Self> {
        match line.split_once(' ')? {
            ("started", pid) => pid.parse().ok().map(Self::Started),
            ("ended", code) => code.parse().ok().map(Self::Ended),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
