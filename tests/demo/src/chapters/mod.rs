//! What a driver is chosen for, shown one claim at a time: [`asynchronous`] for three runtimes, [`blocking`] for threads.
//!
//! A relay between the driver and the server counts round trips, holds answers back and cuts connections.

pub(crate) mod asynchronous;
pub(crate) mod blocking;
mod meeting;
mod memory;
mod shown;
mod stage;

pub(crate) use shown::Shown;
pub(crate) use stage::Stage;

use std::time::Duration;

use bolt_client::{Query, query};

/// How many queries share one flight in the first chapter.
const QUEUED: i64 = 100;
/// A row of the long result: a number and this much text.
const TEXT: usize = 100;
/// When the work of the fourth chapter is dropped.
const DROPPED_AFTER: Duration = Duration::from_millis(100);
/// How long the answer would have taken.
const ANSWER_AFTER: Duration = Duration::from_secs(30);
/// How often all connections are cut in the fifth chapter.
const CUTS: u64 = 6;

/// Where the chapters are, by kind of runtime.
pub(crate) const ASYNCHRONOUS: &str = "tests/demo/src/chapters/asynchronous.rs";
pub(crate) const BLOCKING: &str = "tests/demo/src/chapters/blocking.rs";

/// A claim, and the file of the driver that keeps it.
pub(crate) struct Chapter {
    pub(crate) title: &'static str,
    pub(crate) file: &'static str,
}

pub(crate) const ROUND_TRIPS: Chapter = Chapter {
    title: "Round trips, counted between the driver and the server",
    file: "bolt-client/src/exchange/execute_query.rs",
};
pub(crate) const DEADLOCK: Chapter = Chapter {
    title: "Two transaction functions that block each other: both commit",
    file: "bolt-client/src/exchange/attempts.rs",
};
pub(crate) const STREAM: Chapter = Chapter {
    title: "A long result, row by row: the driver's memory does not grow",
    file: "bolt-client/src/exchange/pages.rs",
};
pub(crate) const DROPPED: Chapter = Chapter {
    title: "A call that is dropped half-way: the server's work is undone, the connection is reused",
    file: "bolt-client/src/connect/link/leaving.rs",
};
pub(crate) const CUT: Chapter = Chapter {
    title: "Connections cut in the middle of a load: every call is answered",
    file: "bolt-client/src/exchange/attempts.rs",
};

/// The queries of the chapters. Their nodes have a label of their own, which the run deletes.
#[derive(Debug)]
pub(crate) struct Queries {
    label: String,
}

impl Queries {
    pub(crate) fn new(label: &str) -> Self {
        Self {
            label: label.to_owned(),
        }
    }

    fn count(&self, name: &str) -> Query {
        query(format!(
            "MATCH (a:{} {{name: $name}}) RETURN count(a)",
            self.label
        ))
        .param("name", name)
    }

    fn create(&self, name: &str, balance: i64) -> Query {
        query(format!(
            "CREATE (:{} {{name: $name, balance: $balance}})",
            self.label
        ))
        .param("name", name)
        .param("balance", balance)
    }

    fn balance(&self, name: &str) -> Query {
        query(format!(
            "MATCH (a:{} {{name: $name}}) RETURN a.balance",
            self.label
        ))
        .param("name", name)
    }

    fn add(&self, name: &str, amount: i64) -> Query {
        query(format!(
            "MATCH (a:{} {{name: $name}}) SET a.balance = a.balance + $amount",
            self.label
        ))
        .param("name", name)
        .param("amount", amount)
    }

    fn rows(&self, rows: u64) -> Query {
        query("UNWIND range(1, $rows) AS n RETURN n, $text AS text")
            .param("rows", i64::try_from(rows).unwrap_or(i64::MAX))
            .param("text", "x".repeat(TEXT))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_files_that_the_chapters_name_exist() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let chapters = [ROUND_TRIPS, DEADLOCK, STREAM, DROPPED, CUT];
        let files = chapters.iter().map(|chapter| chapter.file);
        for file in files.chain([ASYNCHRONOUS, BLOCKING]) {
            assert!(root.join(file).is_file(), "{file}");
        }
    }
}
