//! What TestKit sends.
//!
//! A message is `{"name": …, "data": {…}}`. One that is not listed here, or has other fields, is refused.

use serde::Deserialize;
use serde_json::Value as Json;

/// An object whose values are Cypher messages.
pub(crate) type Entries = serde_json::Map<String, Json>;

/// The requests, by name. Answers to callbacks are read where the callback is made.
#[derive(Debug, Clone, Deserialize)]
#[serde(
    tag = "name",
    content = "data",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub(crate) enum Request {
    StartTest {
        #[serde(rename = "testName")]
        _test_name: String,
    },
    StartSubTest {
        #[serde(rename = "testName")]
        _test_name: String,
        #[serde(rename = "subtestArguments")]
        _arguments: Json,
    },
    GetFeatures {},

    NewDriver(Box<NewDriver>),
    DriverClose {
        driver_id: String,
    },
    VerifyConnectivity {
        driver_id: String,
    },
    GetServerInfo {
        driver_id: String,
    },
    VerifyAuthentication {
        driver_id: String,
        authorization_token: Option<Message<AuthorizationToken>>,
    },
    CheckMultiDBSupport {
        driver_id: String,
    },
    CheckSessionAuthSupport {
        driver_id: String,
    },
    CheckDriverIsEncrypted {
        driver_id: String,
    },
    ExecuteQuery(Box<ExecuteQuery>),
    GetRoutingTable {
        driver_id: String,
        database: Option<String>,
    },
    ForcedRoutingTableUpdate {
        driver_id: String,
        database: Option<String>,
        bookmarks: Option<Vec<String>>,
    },
    GetConnectionPoolMetrics {
        driver_id: String,
        address: String,
    },

    NewSession(Box<NewSession>),
    SessionClose {
        session_id: String,
    },
    SessionRun(SessionRun),
    SessionReadTransaction(Begin),
    SessionWriteTransaction(Begin),
    SessionBeginTransaction(Begin),
    SessionLastBookmarks {
        session_id: String,
    },

    TransactionRun(TransactionRun),
    TransactionCommit {
        tx_id: String,
    },
    TransactionRollback {
        tx_id: String,
    },
    TransactionClose {
        tx_id: String,
    },
    RetryablePositive {
        session_id: String,
    },
    RetryableNegative {
        session_id: String,
        error_id: String,
    },

    ResultNext {
        result_id: String,
    },
    ResultPeek {
        result_id: String,
    },
    ResultSingle {
        result_id: String,
    },
    ResultSingleOptional {
        result_id: String,
    },
    ResultList {
        result_id: String,
    },
    ResultConsume {
        result_id: String,
    },

    NewBookmarkManager(NewBookmarkManager),
    BookmarkManagerClose {
        id: String,
    },
    NewAuthTokenManager {},
    NewBasicAuthTokenManager {},
    NewBearerAuthTokenManager {},
    AuthTokenManagerClose {
        id: String,
    },
    NewClientCertificateProvider {},
    ClientCertificateProviderClose {
        id: String,
    },

    FakeTimeInstall {},
    FakeTimeTick {
        increment_ms: u64,
    },
    FakeTimeUninstall {},
}

/// The options of a driver.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewDriver {
    pub(crate) uri: String,
    pub(crate) authorization_token: Option<Message<AuthorizationToken>>,
    pub(crate) auth_token_manager_id: Option<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) resolver_registered: bool,
    pub(crate) domain_name_resolver_registered: bool,
    pub(crate) connection_timeout_ms: Option<u64>,
    pub(crate) fetch_size: Option<i64>,
    pub(crate) max_tx_retry_time_ms: Option<u64>,
    pub(crate) liveness_check_timeout_ms: Option<u64>,
    pub(crate) max_connection_pool_size: Option<usize>,
    pub(crate) connection_acquisition_timeout_ms: Option<u64>,
    pub(crate) client_certificate: Option<Message<ClientCertificate>>,
    pub(crate) client_certificate_provider_id: Option<String>,
    pub(crate) notifications_min_severity: Option<String>,
    pub(crate) notifications_disabled_categories: Option<Vec<String>>,
    pub(crate) telemetry_disabled: Option<bool>,
    pub(crate) encrypted: Option<bool>,
    /// Absent: the driver's default. Null: the authorities of the system. Empty: any certificate.
    #[serde(default, deserialize_with = "present")]
    pub(crate) trusted_certificates: Option<Option<Vec<String>>>,
}

/// A message in a message.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Message<T> {
    #[serde(rename = "name")]
    _name: String,
    pub(crate) data: T,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthorizationToken {
    pub(crate) scheme: String,
    pub(crate) principal: Option<String>,
    pub(crate) credentials: Option<String>,
    pub(crate) realm: Option<String>,
    pub(crate) parameters: Option<Entries>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientCertificate {
    pub(crate) certfile: String,
    pub(crate) keyfile: String,
    pub(crate) password: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewBookmarkManager {
    pub(crate) initial_bookmarks: Option<Vec<String>>,
    pub(crate) bookmarks_supplier_registered: bool,
    pub(crate) bookmarks_consumer_registered: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewSession {
    pub(crate) driver_id: String,
    pub(crate) access_mode: AccessMode,
    pub(crate) bookmarks: Option<Vec<String>>,
    pub(crate) database: Option<String>,
    pub(crate) fetch_size: Option<i64>,
    pub(crate) impersonated_user: Option<String>,
    pub(crate) notifications_min_severity: Option<String>,
    pub(crate) notifications_disabled_categories: Option<Vec<String>>,
    pub(crate) bookmark_manager_id: Option<String>,
    pub(crate) authorization_token: Option<Message<AuthorizationToken>>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) enum AccessMode {
    #[serde(rename = "r")]
    Read,
    #[serde(rename = "w")]
    Write,
}

/// A query. `timeout` is in milliseconds.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SessionRun {
    pub(crate) session_id: String,
    pub(crate) cypher: String,
    pub(crate) params: Option<Entries>,
    pub(crate) tx_meta: Option<Entries>,
    pub(crate) timeout: Option<i64>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Begin {
    pub(crate) session_id: String,
    pub(crate) tx_meta: Option<Entries>,
    pub(crate) timeout: Option<i64>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TransactionRun {
    pub(crate) tx_id: String,
    pub(crate) cypher: String,
    pub(crate) params: Option<Entries>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ExecuteQuery {
    pub(crate) driver_id: String,
    pub(crate) cypher: String,
    pub(crate) params: Option<Entries>,
    pub(crate) config: ExecuteQueryConfig,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ExecuteQueryConfig {
    pub(crate) routing: Option<AccessMode>,
    pub(crate) database: Option<String>,
    pub(crate) impersonated_user: Option<String>,
    pub(crate) tx_meta: Option<Entries>,
    pub(crate) timeout: Option<i64>,
    pub(crate) authorization_token: Option<Message<AuthorizationToken>>,
    /// Absent: the driver's own. -1: none.
    pub(crate) bookmark_manager_id: Option<Json>,
}

impl Request {
    /// Returns the session that serves the request, if one does: identifiers of transactions and results begin with it.
    pub(crate) fn session(&self) -> Option<&str> {
        let id = match self {
            Self::SessionClose { session_id }
            | Self::SessionLastBookmarks { session_id }
            | Self::RetryablePositive { session_id }
            | Self::RetryableNegative { session_id, .. } => session_id,
            Self::SessionRun(run) => &run.session_id,
            Self::SessionReadTransaction(begin)
            | Self::SessionWriteTransaction(begin)
            | Self::SessionBeginTransaction(begin) => &begin.session_id,
            Self::TransactionRun(run) => &run.tx_id,
            Self::TransactionCommit { tx_id }
            | Self::TransactionRollback { tx_id }
            | Self::TransactionClose { tx_id } => tx_id,
            Self::ResultNext { result_id }
            | Self::ResultPeek { result_id }
            | Self::ResultSingle { result_id }
            | Self::ResultSingleOptional { result_id }
            | Self::ResultList { result_id }
            | Self::ResultConsume { result_id } => result_id,
            _ => return None,
        };
        Some(id.split_once('/').map_or(id, |(session, _)| session))
    }
}

/// Tells null from absent.
fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}
