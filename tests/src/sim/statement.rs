//! The query language of the simulated server.

use std::fmt;

/// A query, with its text form: `add key=2 rows=5 columns=1 size=10 slow=300 fail=row:3,transient,2 id=17`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Statement {
    /// Distinguishes it from every other query of its world. Rows and failures carry it.
    pub(super) id: u64,
    pub(super) verb: Verb,
    /// The key that it reads or changes.
    pub(super) key: u64,
    /// How many rows it has, each of which reads or changes the key once.
    pub(super) rows: u64,
    /// Whether it returns its rows. If so they are carried out when they are requested, else by RUN.
    pub(super) columns: bool,
    /// How many bytes of padding each row has.
    pub(super) size: u64,
    /// How long it takes before its first row, in microseconds.
    pub(super) slow: u64,
    pub(super) fail: Option<Failure>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// Reads the key.
    Get,
    /// Adds the parameter `by` to the key.
    Add,
}

/// How a query fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) at: FailAt,
    pub(super) transient: bool,
    /// How many times, before it succeeds.
    pub(super) times: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FailAt {
    /// At RUN.
    Run,
    /// At this row, counted from 0.
    Row(u64),
    /// At its commit, after the last row.
    End,
}

impl Statement {
    /// What each of its rows adds: the value of its parameter `by`.
    pub(super) const fn by(&self) -> i64 {
        (self.id % 7 + 1) as i64
    }

    pub(super) const fn writes(&self) -> bool {
        matches!(self.verb, Verb::Add)
    }

    /// Parses the text of a query.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let verb = match words.next()? {
            "get" => Verb::Get,
            "add" => Verb::Add,
            _ => return None,
        };
        let mut statement = Self {
            id: 0,
            verb,
            key: 0,
            rows: 0,
            columns: false,
            size: 0,
            slow: 0,
            fail: None,
        };
        for word in words {
            let (name, value) = word.split_once('=')?;
            match name {
                "id" => statement.id = value.parse().ok()?,
                "key" => statement.key = value.parse().ok()?,
                "rows" => statement.rows = value.parse().ok()?,
                "columns" => statement.columns = value == "1",
                "size" => statement.size = value.parse().ok()?,
                "slow" => statement.slow = value.parse().ok()?,
                "fail" => statement.fail = Some(Failure::read(value)?),
                _ => return None,
            }
        }
        Some(statement)
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.writes() { "add" } else { "get" };
        write!(
            f,
            "{verb} key={} rows={} columns={} size={} slow={}",
            self.key,
            self.rows,
            u8::from(self.columns),
            self.size,
            self.slow
        )?;
        if let Some(fail) = self.fail {
            write!(f, " fail={fail}")?;
        }
        write!(f, " id={}", self.id)
    }
}

impl Failure {
    fn read(text: &str) -> Option<Self> {
        let (at, kind) = text.split_once(',')?;
        let (kind, times) = kind.split_once(',')?;
        let at = match at {
            "run" => FailAt::Run,
            "end" => FailAt::End,
            at => FailAt::Row(at.strip_prefix("row:")?.parse().ok()?),
        };
        Some(Self {
            at,
            transient: kind == "transient",
            times: times.parse().ok()?,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            FailAt::Run => f.write_str("run")?,
            FailAt::Row(row) => write!(f, "row:{row}")?,
            FailAt::End => f.write_str("end")?,
        }
        f.write_str(if self.transient { ",transient" } else { ",final" })?;
        write!(f, ",{}", self.times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_survives_being_written_and_parsed() {
        let fails = [FailAt::Run, FailAt::Row(3), FailAt::End].map(|at| {
            Some(Failure {
                at,
                transient: true,
                times: 2,
            })
        });
        for fail in fails.into_iter().chain([None]) {
            for verb in [Verb::Get, Verb::Add] {
                let statement = Statement {
                    id: 17,
                    verb,
                    key: 2,
                    rows: 5,
                    columns: verb == Verb::Get,
                    size: 10,
                    slow: 300,
                    fail,
                };
                assert_eq!(Statement::read(&statement.to_string()), Some(statement));
            }
        }
        assert_eq!(Statement::read("MATCH (n) RETURN n"), None);
        assert_eq!(Statement::read("get key"), None);
    }
}
