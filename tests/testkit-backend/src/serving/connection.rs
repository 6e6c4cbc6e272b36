//! One connection of TestKit, which is one test: what the driver has been asked for, by identifier.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bolt_client::{BookmarkManager, FetchSize};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{Driver, new_driver, run, session};
use crate::Adapter;
use crate::answer::{Answer, Errors, Failure, backend_error, identified, message};
use crate::clock::Clock;
use crate::config;
use crate::desk::{self, Post};
use crate::errors::Circumstances;
use crate::features::FEATURES;
use crate::managers::Kind;
use crate::request::{NewBookmarkManager, NewDriver, NewSession, Request};
use crate::wire::Frontend;

/// Serves a connection to its end.
pub(crate) async fn serve(
    adapter: &Adapter,
    product: Option<&'static str>,
    frontend: Frontend,
) -> io::Result<()> {
    let mut connection = Connection {
        adapter: adapter.clone(),
        product,
        frontend: frontend.clone(),
        clock: Clock::default(),
        errors: Arc::default(),
        drivers: HashMap::new(),
        sessions: HashMap::new(),
        managers: HashMap::new(),
        auth_managers: HashMap::new(),
        ids: 0,
    };
    while let Some(request) = frontend.read()? {
        let answer = connection.answer(request).await;
        frontend.write(&answer)?;
    }
    Ok(())
}

pub(super) struct Connection {
    adapter: Adapter,
    product: Option<&'static str>,
    frontend: Frontend,
    clock: Clock,
    pub(super) errors: Arc<Errors>,
    drivers: HashMap<String, OpenDriver>,
    sessions: HashMap<String, Post>,
    managers: HashMap<String, BookmarkManager>,
    auth_managers: HashMap<String, Kind>,
    ids: u64,
}

pub(super) struct OpenDriver {
    pub(super) driver: Driver,
    pub(super) routed: bool,
    /// Of `execute_query`. TestKit wants pages of the size that the driver in Python has for everything.
    pub(super) fetch_size: FetchSize,
}

impl Connection {
    async fn answer(&mut self, request: Json) -> Json {
        let answer = match Request::deserialize(&request) {
            Ok(request) => self.serve(request).await,
            Err(error) => Err(Failure::Backend(format!("cannot read {request}: {error}"))),
        };
        match self.frontend.take_fault() {
            Some(fault) => backend_error(&fault),
            None => self.errors.message(answer),
        }
    }

    async fn serve(&mut self, request: Request) -> Answer {
        if let Some(id) = request.session() {
            let session = self.sessions.get(id);
            let session = session.ok_or_else(|| Failure::Backend(format!("there is no session {id}")))?;
            return session.serve(request);
        }
        match request {
            Request::StartTest { .. } | Request::StartSubTest { .. } => Ok(message("RunTest", json!({}))),
            Request::GetFeatures {} => Ok(message("FeatureList", json!({"features": FEATURES}))),
            Request::NewDriver(new) => self.new_driver(&new),
            Request::NewSession(new) => self.new_session(&new),
            Request::NewBookmarkManager(new) => self.new_bookmark_manager(&new),
            Request::BookmarkManagerClose { id } => {
                self.managers.remove(&id);
                Ok(identified("BookmarkManager", &id))
            }
            Request::NewAuthTokenManager {} => Ok(self.new_auth_manager(Kind::Own)),
            Request::NewBasicAuthTokenManager {} => Ok(self.new_auth_manager(Kind::Basic)),
            Request::NewBearerAuthTokenManager {} => Ok(self.new_auth_manager(Kind::Bearer)),
            Request::AuthTokenManagerClose { id } => {
                self.auth_managers.remove(&id);
                Ok(identified("AuthTokenManager", &id))
            }
            // A provider is a function of the frontend: there is nothing to keep.
            Request::NewClientCertificateProvider {} => {
                Ok(identified("ClientCertificateProvider", &self.new_id("provider")))
            }
            Request::ClientCertificateProviderClose { id } => {
                Ok(identified("ClientCertificateProvider", &id))
            }
            Request::FakeTimeInstall {} => {
                self.clock.stop();
                Ok(message("FakeTimeAck", json!({})))
            }
            Request::FakeTimeTick { increment_ms } => {
                match self.clock.tick(Duration::from_millis(increment_ms)) {
                    true => Ok(message("FakeTimeAck", json!({}))),
                    false => Err(Failure::Backend("the clock is not stopped".to_owned())),
                }
            }
            Request::FakeTimeUninstall {} => {
                self.clock.resume();
                Ok(message("FakeTimeAck", json!({})))
            }
            other => self.serve_driver(other).await,
        }
    }

    fn new_driver(&mut self, new: &NewDriver) -> Answer {
        let manager = new.auth_token_manager_id.as_ref();
        let manager = manager.map(|id| self.auth_manager(id)).transpose()?;
        let config = config::config(new, manager, &self.frontend)?.required_product(self.product);
        let names = new.domain_name_resolver_registered.then(|| self.frontend.clone());
        let driver = new_driver(&self.adapter, config, self.clock.clone(), names)?;
        let routed = new.uri.starts_with("neo4j");
        let id = self.new_id("driver");
        let fetch_size = config::fetch_size(new.fetch_size.unwrap_or(1000))?;
        let open = OpenDriver {
            driver,
            routed,
            fetch_size,
        };
        self.drivers.insert(id.clone(), open);
        Ok(identified("Driver", &id))
    }

    fn new_session(&mut self, new: &NewSession) -> Answer {
        let OpenDriver { driver, routed, .. } = self.driver(&new.driver_id)?;
        let auth = new.authorization_token.as_ref();
        let auth = auth.map(|token| config::auth_of(&token.data)).transpose()?;
        let circumstances = Circumstances {
            routed: *routed,
            own_login: auth.is_some(),
            ..Circumstances::default()
        };
        let manager = new.bookmark_manager_id.as_deref();
        let manager = manager.map(|id| self.manager(id)).transpose()?;
        let filter = config::filter(
            new.notifications_min_severity.as_deref(),
            new.notifications_disabled_categories.as_deref(),
        )?;
        let mut builder = driver
            .session()
            .default_access_mode(config::access(new.access_mode))
            .bookmarks(config::bookmarks(new.bookmarks.as_deref())?)
            .database(&new.database)
            .impersonated_user(&new.impersonated_user)
            .notifications(filter)
            .auth(auth)
            .bookmark_manager(manager);
        if let Some(rows) = new.fetch_size {
            builder = builder.fetch_size(config::fetch_size(rows)?);
        }
        let session = builder.build();
        let id = self.new_id("session");
        let (post, desk) = desk::open(&id, &self.errors, circumstances);
        let adapter = self.adapter.clone();
        thread::spawn(move || run(&adapter, session::serve(session, Arc::new(desk))));
        self.sessions.insert(id.clone(), post);
        Ok(identified("Session", &id))
    }

    fn new_auth_manager(&mut self, kind: Kind) -> Json {
        let id = self.new_id("auth-manager");
        self.auth_managers.insert(id.clone(), kind);
        identified(kind.message(), &id)
    }

    fn auth_manager(&self, id: &str) -> Result<Kind, Failure> {
        let kind = self.auth_managers.get(id).copied();
        kind.ok_or_else(|| Failure::Backend(format!("there is no auth manager {id}")))
    }

    fn new_bookmark_manager(&mut self, new: &NewBookmarkManager) -> Answer {
        let id = self.new_id("manager");
        let manager = config::bookmark_manager(&id, new, &self.frontend)?;
        self.managers.insert(id.clone(), manager);
        Ok(identified("BookmarkManager", &id))
    }

    pub(super) fn driver(&self, id: &str) -> Result<&OpenDriver, Failure> {
        let driver = self.drivers.get(id);
        driver.ok_or_else(|| Failure::Backend(format!("there is no driver {id}")))
    }

    pub(super) fn manager(&self, id: &str) -> Result<&BookmarkManager, Failure> {
        let manager = self.managers.get(id);
        manager.ok_or_else(|| Failure::Backend(format!("there is no bookmark manager {id}")))
    }

    fn new_id(&mut self, kind: &str) -> String {
        self.ids += 1;
        format!("{kind}-{}", self.ids)
    }
}
