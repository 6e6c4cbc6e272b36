//! Calls of every kind, each of which knows its expected answer.

use bolt_client::{Access, Transaction};

use super::super::{Driver, Error};
use super::dice::Dice;

/// The arguments of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) driver: &'a Driver,
    /// Marks everything that is written.
    pub(super) run: &'a str,
    /// Is returned by every row, so that a foreign row would be noticed, and is stored by every write.
    pub(super) number: i64,
}

/// What a completed call leaves in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Nothing,
    /// One node with its number.
    Node,
    /// No node with its number, because it was rolled back.
    NoNode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// With `execute_query`.
    Read,
    Write,
    LongRead,
    Failing,
    /// With auto-commit queries of a session.
    SessionRead,
    SessionWrite,
    UnreadRead,
    UnreadWrite,
    SessionFailing,
    /// With a transaction.
    Committed,
    RolledBack,
    Dropped,
    FailingTransaction,
}

const CREATE: &str = "CREATE (n:Cancelled {run: $run, number: $number}) RETURN n.number AS number";
const ROWS: &str = "UNWIND range(1, $rows) AS x RETURN $number AS number, x";
const FAILING: &str = "RETURN 1 / ($number - $number) AS number";

impl Kind {
    pub(super) const ALL: [Self; 13] = [
        Self::Read,
        Self::Write,
        Self::LongRead,
        Self::Failing,
        Self::SessionRead,
        Self::SessionWrite,
        Self::UnreadRead,
        Self::UnreadWrite,
        Self::SessionFailing,
        Self::Committed,
        Self::RolledBack,
        Self::Dropped,
        Self::FailingTransaction,
    ];
}

impl Call<'_> {
    /// Makes the call. An error must not be another call's.
    pub(super) async fn make(self, kind: Kind, dice: &mut Dice) -> Result<Effect, Error> {
        match kind {
            Kind::Read => self.execute(ROWS, 1, Access::Read).await?,
            Kind::LongRead => self.execute(ROWS, 3000, Access::Read).await?,
            Kind::Write => {
                self.execute(CREATE, 1, Access::Write).await?;
                return Ok(Effect::Node);
            }
            Kind::Failing => {
                let failing = self.driver.execute_query(FAILING).routing(Access::Read);
                own_failure(failing.param("number", self.number).await.map(drop))?;
            }
            Kind::SessionRead => self.read_session(dice).await?,
            Kind::SessionWrite => {
                let mut session = self.driver.session().build();
                let query = session.run(CREATE).param("run", self.run);
                let rows = query.param("number", self.number).await?.collect().await?;
                self.check_all(&rows, 1)?;
                return Ok(Effect::Node);
            }
            Kind::UnreadRead => self.leave_unread(Access::Read, dice).await?,
            Kind::UnreadWrite => {
                self.leave_unread(Access::Write, dice).await?;
                return Ok(Effect::Node);
            }
            Kind::SessionFailing => {
                let mut session = self.driver.session().build();
                let outcome = match session.run(FAILING).param("number", self.number).await {
                    Ok(rows) => rows.consume().await.map(drop),
                    Err(error) => Err(error),
                };
                own_failure(outcome)?;
            }
            Kind::Committed | Kind::RolledBack | Kind::Dropped | Kind::FailingTransaction => {
                return self.transaction(kind, dice).await;
            }
        }
        Ok(Effect::Nothing)
    }

    async fn execute(self, text: &str, rows: usize, access: Access) -> Result<(), Error> {
        let query = self.driver.execute_query(text).routing(access);
        let found = query
            .param("number", self.number)
            .param("run", self.run)
            .param("rows", i64::try_from(rows).unwrap_or_default())
            .await?;
        self.check_all(&found.records, rows)
    }

    /// Reads all rows by small pages, one by one or together.
    async fn read_session(self, dice: &mut Dice) -> Result<(), Error> {
        let mut session = self
            .driver
            .session()
            .default_access_mode(Access::Read)
            .fetch_size(50)
            .build();
        let query = session.run(ROWS).param("number", self.number);
        let mut rows = query.param("rows", 400).await?;
        let apart = dice.below(300);
        for _ in 0..apart {
            let row = rows.next_ref().await?.expect("there is a row");
            self.check(row.get("number")?);
        }
        let rest = rows.collect().await?;
        self.check_all(&rest, 400 - apart)
    }

    /// Reads some rows, or none.
    async fn leave_unread(self, access: Access, dice: &mut Dice) -> Result<(), Error> {
        const WRITE: &str = "CREATE (n:Cancelled {run: $run, number: $number}) \
            WITH n UNWIND range(1, $rows) AS x RETURN n.number AS number";
        let mut session = self
            .driver
            .session()
            .default_access_mode(access)
            .fetch_size(100)
            .build();
        let text = if access == Access::Read { ROWS } else { WRITE };
        let query = session.run(text).param("number", self.number);
        let mut rows = query.param("run", self.run).param("rows", 450).await?;
        for _ in 0..[0, 1, 99, 100, 101, 450][dice.below(6)] {
            let row = rows.try_next().await?.expect("there is a row");
            self.check(row.get("number")?);
        }
        Ok(())
    }

    async fn transaction(self, kind: Kind, dice: &mut Dice) -> Result<Effect, Error> {
        let mut session = self.driver.session().fetch_size(50).build();
        let eager = dice.below(3) == 0;
        let mut tx = session.begin_transaction().eager(eager).await?;
        for _ in 0..dice.below(3) {
            self.query(&mut tx, dice).await?;
        }
        tx.run(CREATE)
            .param("run", self.run)
            .param("number", self.number)
            .await?;
        for _ in 0..dice.below(3) {
            self.query(&mut tx, dice).await?;
        }
        match kind {
            Kind::Committed => {
                tx.commit().await?;
                return Ok(Effect::Node);
            }
            Kind::RolledBack => tx.rollback().await?,
            Kind::FailingTransaction => {
                let outcome = match tx.run(FAILING).param("number", self.number).await {
                    Ok(rows) => rows.consume().await.map(drop),
                    Err(error) => Err(error),
                };
                own_failure(outcome)?;
            }
            _ => drop(tx),
        }
        Ok(Effect::NoNode)
    }

    /// Runs a query and reads its rows, or not.
    async fn query(self, tx: &mut Transaction<'_>, dice: &mut Dice) -> Result<(), Error> {
        let query = tx.run(ROWS).param("number", self.number);
        let mut rows = query.param("rows", 120).await?;
        match dice.below(3) {
            0 => {
                let rows = rows.collect().await?;
                self.check_all(&rows, 120)?;
            }
            1 => drop(rows.consume().await?),
            _ => {
                let row = rows.try_next().await?.expect("there is a row");
                self.check(row.get("number")?);
            }
        }
        Ok(())
    }

    fn check_all(self, rows: &[bolt_client::Record], expected: usize) -> Result<(), Error> {
        assert_eq!(rows.len(), expected, "{}", self.number);
        for row in rows {
            self.check(row.get("number")?);
        }
        Ok(())
    }

    fn check(self, number: i64) {
        assert_eq!(number, self.number, "another call's row");
    }
}

/// Consumes the intended failure.
fn own_failure(outcome: Result<(), Error>) -> Result<(), Error> {
    let error = outcome.expect_err("dividing by zero is an error");
    match error.server().map(|server| server.code()) {
        Some("Neo.ClientError.Statement.ArithmeticError") => Ok(()),
        _ => Err(error),
    }
}
