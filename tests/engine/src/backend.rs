//! Implements the database interface of `boltr` with the engine.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use boltr::error::BoltError;
use boltr::server::{
    BoltBackend, ResultStream, RoutingServer, RoutingTable, SessionConfig, SessionHandle, SessionProperty,
    TransactionHandle,
};
use boltr::types::{BoltDict, BoltValue};

use crate::failures::{database_not_found, failure, transaction_over};
use crate::store::Store;
use crate::transactions::{Options, Transaction};

/// The only database.
const DATABASE: &str = "neo4j";

/// The name and version that clients see.
const AGENT: &str = "graphdblite/0.2.0";

/// A server's sessions, each with at most one explicit transaction.
pub(crate) struct Backend {
    store: Arc<Store>,
    address: SocketAddr,
    transactions: Mutex<HashMap<String, Transaction>>,
    sessions: AtomicU64,
    commits: AtomicU64,
}

impl Backend {
    pub(crate) fn new(store: Arc<Store>, address: SocketAddr) -> Self {
        Self {
            store,
            address,
            transactions: Mutex::default(),
            sessions: AtomicU64::new(0),
            commits: AtomicU64::new(0),
        }
    }

    /// Takes the session's transaction. Its connection does one thing at a time, so no other request needs it
    /// meanwhile.
    fn take(&self, session: &str) -> Result<Transaction, BoltError> {
        self.transactions().remove(session).ok_or_else(transaction_over)
    }

    fn transactions(&self) -> MutexGuard<'_, HashMap<String, Transaction>> {
        self.transactions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the metadata of a commit. Bookmarks only need to be distinct: later transactions see every commit
    /// anyway.
    fn committed(&self) -> BoltDict {
        let number = self.commits.fetch_add(1, Ordering::Relaxed) + 1;
        BoltDict::from([
            (
                "bookmark".to_owned(),
                BoltValue::String(format!("FB:engine:{number}")),
            ),
            ("db".to_owned(), BoltValue::from(DATABASE)),
        ])
    }

    async fn auto_commit(
        &self,
        query: &str,
        parameters: &BoltDict,
        extra: &BoltDict,
    ) -> Result<ResultStream, BoltError> {
        let mut transaction = Transaction::begin(&self.store, Options::read(extra));
        let mut result = transaction.run(query, parameters).await?;
        transaction.commit().await?;
        result.summary.extend(self.committed());
        Ok(result)
    }
}

#[async_trait]
impl BoltBackend for Backend {
    async fn create_session(&self, _config: &SessionConfig) -> Result<SessionHandle, BoltError> {
        let number = self.sessions.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(SessionHandle(format!("bolt-{number}")))
    }

    async fn close_session(&self, session: &SessionHandle) -> Result<(), BoltError> {
        self.reset_session(session).await
    }

    async fn configure_session(
        &self,
        _session: &SessionHandle,
        property: SessionProperty,
    ) -> Result<(), BoltError> {
        let SessionProperty::Database(name) = property;
        check_database(&name)
    }

    async fn reset_session(&self, session: &SessionHandle) -> Result<(), BoltError> {
        let left = self.transactions().remove(&session.0);
        drop(left);
        Ok(())
    }

    async fn execute(
        &self,
        session: &SessionHandle,
        query: &str,
        parameters: &BoltDict,
        extra: &BoltDict,
        transaction: Option<&TransactionHandle>,
    ) -> Result<ResultStream, BoltError> {
        if transaction.is_none() {
            return self.auto_commit(query, parameters, extra).await;
        }
        let mut transaction = self.take(&session.0)?;
        let result = transaction.run(query, parameters).await;
        // Put back even if the transaction has failed: the client does not know yet, and has to end it.
        self.transactions().insert(session.0.clone(), transaction);
        let mut result = result?;
        result.summary.insert("db".to_owned(), BoltValue::from(DATABASE));
        Ok(result)
    }

    async fn begin_transaction(
        &self,
        session: &SessionHandle,
        extra: &BoltDict,
    ) -> Result<TransactionHandle, BoltError> {
        let transaction = Transaction::begin(&self.store, Options::read(extra));
        self.transactions().insert(session.0.clone(), transaction);
        // One transaction per session, so the session's name identifies it.
        Ok(TransactionHandle(session.0.clone()))
    }

    async fn commit(
        &self,
        session: &SessionHandle,
        _transaction: &TransactionHandle,
    ) -> Result<BoltDict, BoltError> {
        self.take(&session.0)?.commit().await?;
        Ok(self.committed())
    }

    async fn rollback(
        &self,
        session: &SessionHandle,
        _transaction: &TransactionHandle,
    ) -> Result<(), BoltError> {
        self.take(&session.0).map(drop)
    }

    async fn get_server_info(&self) -> Result<BoltDict, BoltError> {
        Ok(BoltDict::from([("server".to_owned(), BoltValue::from(AGENT))]))
    }

    async fn route(
        &self,
        routing_context: &BoltDict,
        _bookmarks: &[String],
        database: Option<&str>,
    ) -> Result<RoutingTable, BoltError> {
        // Clients verify logins by way of the servers of this database, without any work in it.
        if database != Some("system") {
            check_database(database.unwrap_or(DATABASE))?;
        }
        // A client knows this server by the address that it has used, as it does a real one.
        let address = match routing_context.get("address") {
            Some(BoltValue::String(address)) => address.clone(),
            _ => self.address.to_string(),
        };
        let here = |role: &str| RoutingServer {
            addresses: vec![address.clone()],
            role: role.to_owned(),
        };
        Ok(RoutingTable {
            ttl: 300,
            db: database.unwrap_or(DATABASE).to_owned(),
            servers: vec![here("WRITE"), here("READ"), here("ROUTE")],
        })
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend")
            .field("address", &self.address)
            .field("transactions", &self.transactions().len())
            .finish_non_exhaustive()
    }
}

fn check_database(name: &str) -> Result<(), BoltError> {
    if name.eq_ignore_ascii_case(DATABASE) {
        Ok(())
    } else if name.is_empty() {
        Err(failure(
            "Neo.ClientError.Request.Invalid",
            "The name of the database is empty",
        ))
    } else {
        Err(database_not_found(name))
    }
}
