//! The options of a driver and of its sessions, as TestKit writes them.

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;
use std::{env, path::PathBuf};

use bolt_client::{
    Access, Address, Auth, BlockingManager, BookmarkManager, Bookmarks, ClientCertificate, Config, Error,
    FetchSize, MinimumSeverity, NotificationFilter, Tls, Version, Versions,
};
use serde_json::{Value as Json, json};

use crate::answer::Failure;
use crate::cypher;
use crate::errors::{Circumstances, Used};
use crate::managers::{self, Kind, OwnManager};
use crate::request::{self, AccessMode, AuthorizationToken, Entries, NewBookmarkManager, NewDriver};
use crate::wire::Frontend;

/// Makes the options of a driver. `manager` is the kind of its auth manager, if it has one.
pub(crate) fn config(new: &NewDriver, manager: Option<Kind>, frontend: &Frontend) -> Result<Config, Failure> {
    let config = match (manager, &new.auth_token_manager_id, &new.authorization_token) {
        (Some(kind), Some(id), _) => {
            let (frontend, id) = (frontend.clone(), id.clone());
            match kind {
                Kind::Own => Config::new(&new.uri, BlockingManager(OwnManager::new(frontend, id))),
                Kind::Basic => Config::new(&new.uri, managers::basic(frontend, id)),
                Kind::Bearer => Config::new(&new.uri, managers::bearer(frontend, id)),
            }
        }
        (_, _, Some(token)) => Config::new(&new.uri, auth_of(&token.data)?),
        _ => Config::new(&new.uri, Auth::none()),
    };
    let mut config = config.map_err(|error| wrong_uri(error, &new.uri))?;
    if let Some(name) = &new.user_agent {
        config = config.user_agent(name);
    }
    if let Some(limit) = new.connection_timeout_ms {
        config = config.tcp_connect_timeout(Duration::from_millis(limit));
    }
    if let Some(rows) = new.fetch_size {
        config = config.fetch_size(fetch_size(rows)?);
    }
    if let Some(limit) = new.max_tx_retry_time_ms {
        config = config.max_transaction_retry_time(Duration::from_millis(limit));
    }
    if let Some(idle) = new.liveness_check_timeout_ms {
        config = config.liveness_check_timeout(Duration::from_millis(idle));
    }
    if let Some(connections) = new.max_connection_pool_size {
        config = config.max_connection_pool_size(connections);
    }
    if let Some(limit) = new.connection_acquisition_timeout_ms {
        config = config.connection_acquisition_timeout(Duration::from_millis(limit));
    }
    if let Some(disabled) = new.telemetry_disabled {
        config = config.telemetry(!disabled);
    }
    if new.resolver_registered {
        let frontend = frontend.clone();
        config = config.resolver(move |address| resolve(&frontend, address));
    }
    let filter = filter(
        new.notifications_min_severity.as_deref(),
        new.notifications_disabled_categories.as_deref(),
    )?;
    // The scripted servers know no manifest. Without it there is a slot for 4.1, which servers before 4.3 need, since they
    // know no ranges of versions.
    let versions = Versions::between(Version::V3, Version::new(5, 8)).manifest(false);
    Ok(config
        .versions(versions)
        .notifications(filter)
        .tls(tls(new, frontend)?))
}

/// In Python the error of a wrong URI is that of a wrong value.
fn wrong_uri(error: Error, uri: &str) -> Failure {
    let used = if uri.contains('?') { Used::Uri } else { Used::Sound };
    Failure::Driver {
        error,
        circumstances: Circumstances {
            used,
            ..Circumstances::default()
        },
    }
}

/// Makes a token.
pub(crate) fn auth_of(token: &AuthorizationToken) -> Result<Auth, Failure> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let auth = match token.scheme.as_str() {
        "none" => Auth::none(),
        "basic" => Auth::basic(text(&token.principal), text(&token.credentials)),
        "bearer" => Auth::bearer(text(&token.credentials)),
        "kerberos" => Auth::kerberos(text(&token.credentials)),
        scheme => Auth::custom(scheme, text(&token.principal), text(&token.credentials)),
    };
    let auth = token.realm.iter().fold(auth, Auth::realm);
    // The parameters of a token are plain JSON.
    let parameters = token.parameters.iter().flatten();
    parameters
        .map(|(name, value)| Ok((name, plain(value)?)))
        .try_fold(auth, |auth, parameter: Result<_, Failure>| {
            let (name, value) = parameter?;
            Ok(auth.parameter(name, value))
        })
}

fn plain(value: &Json) -> Result<bolt_client::Value, Failure> {
    Ok(match value {
        Json::Null => bolt_client::Value::Null,
        Json::Bool(value) => (*value).into(),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => number.into(),
            (None, Some(number)) => number.into(),
            (None, None) => return Err(Failure::Backend(format!("{number} is out of range"))),
        },
        Json::String(text) => text.as_str().into(),
        Json::Array(values) => bolt_client::Value::List(values.iter().map(plain).collect::<Result<_, _>>()?),
        Json::Object(entries) => {
            let mut map = bolt_client::types::Map::new();
            for (name, value) in entries {
                map.insert(name, plain(value)?);
            }
            map.into()
        }
    })
}

fn resolve(frontend: &Frontend, address: &Address) -> Vec<Address> {
    let completed = frontend.ask(
        "ResolverResolutionRequired",
        json!({"address": address.to_string()}),
        "ResolverResolutionCompleted",
    );
    let addresses =
        completed.and_then(|data| serde_json::from_value::<Vec<String>>(data["addresses"].clone()).ok());
    let addresses: Option<Result<_, _>> =
        addresses.map(|addresses| addresses.iter().map(|one| one.parse()).collect());
    match addresses {
        Some(Ok(addresses)) => addresses,
        _ => {
            frontend.fault("the resolver returned no addresses".to_owned());
            Vec::new()
        }
    }
}

/// Returns the TLS options, if there are any.
fn tls(new: &NewDriver, frontend: &Frontend) -> Result<Option<Tls>, Failure> {
    let has_client = new.client_certificate.is_some() || new.client_certificate_provider_id.is_some();
    if new.encrypted == Some(false)
        || (new.encrypted.is_none() && new.trusted_certificates.is_none() && !has_client)
    {
        return Ok(None);
    }
    let mut tls = Tls::new();
    match &new.trusted_certificates {
        None | Some(None) => {}
        Some(Some(files)) if files.is_empty() => tls = tls.trust_any_certificate(),
        Some(Some(files)) => {
            for file in files {
                tls = tls.ca_file(authorities().join(file));
            }
        }
    }
    if let Some(certificate) = &new.client_certificate {
        tls = tls.client_certificate(client_certificate(&certificate.data));
    }
    if let Some(id) = &new.client_certificate_provider_id {
        let (frontend, id) = (frontend.clone(), id.clone());
        let last = Mutex::new(None);
        tls = tls.client_certificate_provider(move || provide_certificate(&frontend, &id, &last));
    }
    Ok(Some(tls))
}

/// Where TestKit puts the certificates of authorities that it names.
fn authorities() -> PathBuf {
    let folder = env::var_os("TK_CUSTOM_CA_PATH").map(PathBuf::from);
    folder.unwrap_or_else(|| Path::new("/usr/local/share/custom-ca-certificates").to_owned())
}

fn client_certificate(certificate: &request::ClientCertificate) -> ClientCertificate {
    ClientCertificate::from_files(&certificate.certfile, &certificate.keyfile)
        .password(certificate.password.as_deref())
}

/// TestKit says whether there is a new certificate; the driver wants the current one.
fn provide_certificate(
    frontend: &Frontend,
    id: &str,
    last: &Mutex<Option<ClientCertificate>>,
) -> Result<Option<ClientCertificate>, Error> {
    let completed = frontend.ask(
        "ClientCertificateProviderRequest",
        json!({"clientCertificateProviderId": id}),
        "ClientCertificateProviderCompleted",
    );
    let completed = completed.ok_or_else(|| Error::abort("the frontend provided no certificate"))?;
    let mut last = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if completed["hasUpdate"] == true || last.is_none() {
        let certificate = serde_json::from_value(completed["clientCertificate"]["data"].clone());
        let certificate = certificate.map_err(Error::abort)?;
        *last = Some(client_certificate(&certificate));
    }
    Ok(last.clone())
}

/// -1 stands for all rows.
pub(crate) fn fetch_size(rows: i64) -> Result<FetchSize, Failure> {
    match rows {
        -1 => Ok(FetchSize::All),
        rows => u64::try_from(rows)
            .map(FetchSize::Rows)
            .map_err(|_| Failure::Backend(format!("the fetch size {rows} cannot be written"))),
    }
}

/// Returns the filter of notifications, if there is one.
pub(crate) fn filter(
    severity: Option<&str>,
    categories: Option<&[String]>,
) -> Result<Option<NotificationFilter>, Failure> {
    if severity.is_none() && categories.is_none() {
        return Ok(None);
    }
    let mut filter = NotificationFilter::default();
    if let Some(severity) = severity {
        filter = filter.minimum(match severity {
            "OFF" => MinimumSeverity::Off,
            "WARNING" => MinimumSeverity::Warning,
            "INFORMATION" => MinimumSeverity::Information,
            other => return Err(Failure::Backend(format!("there is no severity {other:?}"))),
        });
    }
    Ok(Some(match categories {
        Some(categories) => filter.disable(categories),
        None => filter,
    }))
}

pub(crate) const fn access(mode: AccessMode) -> Access {
    match mode {
        AccessMode::Read => Access::Read,
        AccessMode::Write => Access::Write,
    }
}

/// A negative time cannot be written in Rust; the driver in Python refuses one.
pub(crate) fn timeout(milliseconds: Option<i64>) -> Result<Option<Duration>, Failure> {
    milliseconds
        .map(|time| {
            u64::try_from(time)
                .map(Duration::from_millis)
                .map_err(|_| Failure::DoesNotCompile {
                    error_type: "<class 'ValueError'>",
                    message: format!("the timeout {time} is no Duration"),
                })
        })
        .transpose()
}

pub(crate) fn bookmarks(texts: Option<&[String]>) -> Result<Bookmarks, Failure> {
    Ok(Bookmarks::from_raw_values(texts.into_iter().flatten())?)
}

/// Makes a bookmark manager, whose functions are those of the frontend.
pub(crate) fn bookmark_manager(
    id: &str,
    new: &NewBookmarkManager,
    frontend: &Frontend,
) -> Result<BookmarkManager, Failure> {
    let mut manager = BookmarkManager::new().initial(bookmarks(new.initial_bookmarks.as_deref())?);
    if new.bookmarks_supplier_registered {
        let (frontend, id) = (frontend.clone(), id.to_owned());
        manager = manager.supplier(move || supply(&frontend, &id));
    }
    if new.bookmarks_consumer_registered {
        let (frontend, id) = (frontend.clone(), id.to_owned());
        manager = manager.consumer(move |bookmarks| {
            let bookmarks: Vec<_> = bookmarks.raw_values().collect();
            let data = json!({"bookmarkManagerId": id, "bookmarks": bookmarks});
            // If that fails, the frontend notes it.
            let _ = frontend.ask("BookmarksConsumerRequest", data, "BookmarksConsumerCompleted");
        });
    }
    Ok(manager)
}

fn supply(frontend: &Frontend, id: &str) -> Bookmarks {
    let data = json!({"bookmarkManagerId": id});
    let completed = frontend.ask("BookmarksSupplierRequest", data, "BookmarksSupplierCompleted");
    let texts =
        completed.and_then(|data| serde_json::from_value::<Vec<String>>(data["bookmarks"].clone()).ok());
    match texts.map(Bookmarks::from_raw_values) {
        Some(Ok(bookmarks)) => bookmarks,
        _ => {
            frontend.fault("the supplier returned no bookmarks".to_owned());
            Bookmarks::new()
        }
    }
}

/// Decodes a query.
pub(crate) fn query(text: &str, params: Option<&Entries>) -> Result<bolt_client::Query, Failure> {
    let parameters = cypher::decode_entries(params)?;
    let query = bolt_client::query(text);
    Ok(parameters
        .into_iter()
        .fold(query, |query, (name, value)| query.param(name, value)))
}
