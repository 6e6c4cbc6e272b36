//! The model database: integer values by key, transactions, and locks.

use std::collections::{BTreeMap, VecDeque};

use super::history::ExecutionId;
use super::net::ConnId;

/// The name of a transaction. Later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TxId(u64);

/// A server's database. Each transaction sees committed state plus its own changes, and locks what it changes until it
/// ends.
#[derive(Debug, Default)]
pub(super) struct Database {
    /// The values of each key, with the number of the commit that made each.
    values: BTreeMap<u64, Vec<(u64, i64)>>,
    transactions: BTreeMap<TxId, Transaction>,
    locks: BTreeMap<u64, Lock>,
    begun: u64,
}

#[derive(Debug)]
struct Transaction {
    conn: ConnId,
    /// The last commit that it sees; `None` if it sees all.
    sees: Option<u64>,
    changes: BTreeMap<u64, i64>,
    executions: Vec<ExecutionId>,
}

#[derive(Debug)]
struct Lock {
    holder: TxId,
    queue: VecDeque<TxId>,
}

/// What remains of a transaction that has ended.
#[derive(Debug, Default)]
pub(super) struct Ended {
    /// The queries that it ran.
    pub(super) executions: Vec<ExecutionId>,
    /// The connections that got a lock when it ended.
    pub(super) unblocked: Vec<ConnId>,
}

impl Database {
    /// Begins a transaction that sees all commits, or those up to `sees`.
    pub(super) fn begin(&mut self, conn: ConnId, sees: Option<u64>) -> TxId {
        self.begun += 1;
        let id = TxId(self.begun);
        self.transactions.insert(
            id,
            Transaction {
                conn,
                sees,
                changes: BTreeMap::new(),
                executions: Vec::new(),
            },
        );
        id
    }

    /// Requests the lock of a key. Returns whether the transaction has the lock now; if not, it is queued.
    pub(super) fn lock(&mut self, tx: TxId, key: u64) -> bool {
        let lock = self.locks.entry(key).or_insert_with(|| Lock {
            holder: tx,
            queue: VecDeque::new(),
        });
        if lock.holder != tx && !lock.queue.contains(&tx) {
            lock.queue.push_back(tx);
        }
        lock.holder == tx
    }

    /// Returns the value of a key as the transaction sees it.
    pub(super) fn read(&self, tx: TxId, key: u64) -> i64 {
        let tx = self.transactions.get(&tx);
        let sees = tx.and_then(|tx| tx.sees).unwrap_or(u64::MAX);
        let own = tx.and_then(|tx| tx.changes.get(&key).copied());
        self.committed(key, sees) + own.unwrap_or_default()
    }

    /// Adds to a key and returns the new value.
    pub(super) fn add(&mut self, tx: TxId, key: u64, by: i64) -> i64 {
        if let Some(tx) = self.transactions.get_mut(&tx) {
            *tx.changes.entry(key).or_default() += by;
        }
        self.read(tx, key)
    }

    /// Notes a query of the transaction.
    pub(super) fn note(&mut self, tx: TxId, execution: ExecutionId) {
        if let Some(tx) = self.transactions.get_mut(&tx) {
            tx.executions.push(execution);
        }
    }

    /// Commits under this number.
    pub(super) fn commit(&mut self, tx: TxId, number: u64) -> Ended {
        let changes = self.transactions.get(&tx).map(|tx| tx.changes.clone());
        for (key, by) in changes.unwrap_or_default() {
            let value = self.committed(key, u64::MAX) + by;
            self.values.entry(key).or_default().push((number, value));
        }
        self.end(tx)
    }

    /// Returns the value of a key after this commit.
    fn committed(&self, key: u64, number: u64) -> i64 {
        let values = self.values.get(&key).into_iter().flatten();
        let known = values.rev().find(|(at, _)| *at <= number);
        known.map_or(0, |(_, value)| *value)
    }

    /// Removes the transaction and passes its locks on.
    pub(super) fn end(&mut self, tx: TxId) -> Ended {
        let executions = self.transactions.remove(&tx).map(|tx| tx.executions);
        let mut unblocked = Vec::new();
        self.locks.retain(|_, lock| {
            lock.queue.retain(|waiting| *waiting != tx);
            if lock.holder != tx {
                return true;
            }
            match lock.queue.pop_front() {
                Some(next) => {
                    lock.holder = next;
                    unblocked.extend(self.transactions.get(&next).map(|tx| tx.conn));
                    true
                }
                None => false,
            }
        });
        Ended {
            executions: executions.unwrap_or_default(),
            unblocked,
        }
    }

    /// Returns the connections with open transactions.
    pub(super) fn open(&self) -> impl Iterator<Item = ConnId> + '_ {
        self.transactions.values().map(|tx| tx.conn)
    }

    /// Returns the connection whose transaction has the lock of a key.
    #[cfg(test)]
    fn holder(&self, key: u64) -> Option<ConnId> {
        let holder = self.locks.get(&key)?.holder;
        self.transactions.get(&holder).map(|tx| tx.conn)
    }

    /// Returns the number of held locks.
    pub(super) fn locks(&self) -> usize {
        self.locks.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_goes_to_the_first_waiter_when_its_holder_ends() {
        let mut database = Database::default();
        let (first, second, third) = (
            database.begin(1, None),
            database.begin(2, None),
            database.begin(3, None),
        );
        assert!(database.lock(first, 7) && database.lock(first, 7));
        assert!(!database.lock(second, 7) && !database.lock(third, 7));
        assert_eq!((database.holder(7), database.holder(8)), (Some(1), None));
        assert!(database.end(second).unblocked.is_empty());
        assert_eq!(database.commit(first, 1).unblocked, [3]);
        assert!(database.lock(third, 7));
        assert!(database.end(third).unblocked.is_empty());
        assert_eq!(database.locks(), 0);
    }

    #[test]
    fn a_transaction_sees_its_own_changes_and_others_see_them_after_the_commit() {
        let mut database = Database::default();
        let (writer, reader) = (database.begin(1, None), database.begin(2, None));
        assert_eq!(database.add(writer, 1, 5), 5);
        assert_eq!((database.read(writer, 1), database.read(reader, 1)), (5, 0));
        database.commit(writer, 1);
        assert_eq!(database.read(reader, 1), 5);
        let lagging = database.begin(3, Some(0));
        assert_eq!(database.read(lagging, 1), 0);
        database.end(lagging);
        let undone = database.begin(1, None);
        database.add(undone, 1, 5);
        database.end(undone);
        assert_eq!(database.read(reader, 1), 5);
        assert_eq!(database.open().collect::<Vec<_>>(), [2]);
    }
}
