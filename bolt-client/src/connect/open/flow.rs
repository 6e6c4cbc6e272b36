//! From a name to a connection: DNS, TCP, TLS, handshake, login.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bolt_proto::{Connection, Event, Hello, Kind, Options, Routing, ServerError, Version};

use super::address_order::AddressOrder;
use super::timing::Timing;
use crate::address::Address;
use crate::config::{Config, Resolved};
use crate::connect::encryption::Encryption;
use crate::connect::link::{CarriedLogin, Link};
use crate::connect::login::Logins;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::runtime::{Endpoint, Runtime};
use crate::server_info::ServerInfo;

/// The state of an opening's flow. It contains no timer, since timers must not outlive the call that made them.
pub(super) struct Flow {
    pub(super) runtime: Arc<dyn Runtime>,
    pub(super) config: Arc<Config>,
    pub(super) encryption: Encryption,
    pub(super) address: Address,
    pub(super) order: AddressOrder,
    pub(super) timing: Timing,
    /// The end of the opening, even if answers keep coming.
    pub(super) expires: Deadline,
    pub(super) begun: Instant,
    pub(super) login: CarriedLogin,
    pub(super) logins: Arc<Logins>,
}

impl Flow {
    /// Runs the whole flow.
    pub(super) async fn run(self) -> Result<Link, Error> {
        let mut targets = self.targets().await?;
        self.order.targets(&mut targets);
        let mut failures = Vec::new();
        let mut targets = targets.into_iter();
        while let Some(target) = targets.next() {
            let sockets = match self.resolve(&target, targets.len()).await {
                Ok(sockets) => sockets,
                Err(error) => {
                    failures.push(error);
                    continue;
                }
            };
            let mut sockets = sockets.into_iter();
            while let Some(socket) = sockets.next() {
                let others = sockets.len() + targets.len();
                match self.connect_and_negotiate(&target, socket, others).await {
                    Ok((link, version)) => {
                        self.order.note_answer(socket);
                        return self.log_in(link, version, &target, socket).await;
                    }
                    // This port may belong to another service at one address, and to a Bolt server at the next.
                    Err(error) => failures.push(error),
                }
                self.order.note_failure(&target, socket, self.runtime.now());
            }
        }
        Err(Error::opening(self.address.host(), failures))
    }

    /// Returns the addresses of the application's resolver, or that of the server.
    async fn targets(&self) -> Result<Vec<Address>, Error> {
        let waiting = match self
            .config
            .resolver
            .as_ref()
            .map(|resolver| resolver.resolve(&self.address))
        {
            None => return Ok(vec![self.address.clone()]),
            Some(Resolved::Now(targets)) => return Ok(targets),
            Some(Resolved::Later(waiting)) => waiting,
        };
        let found = self.timing.within(self.share(1), &*self.runtime, waiting).await;
        let late = || Error::resolve(self.address.host(), Some(io::ErrorKind::TimedOut.into()));
        let targets = found.ok_or_else(late)?;
        self.timing.note_progress();
        Ok(targets)
    }

    /// Looks a name up, within its share of the time.
    async fn resolve(&self, target: &Address, others: usize) -> Result<Vec<SocketAddr>, Error> {
        if target.socket_path().is_some() {
            return Ok(vec![NO_SOCKET]);
        }
        if let Some(only) = self.order.only_address() {
            return Ok(vec![only]);
        }
        let look_up = async {
            let (host, port) = (target.host(), target.port());
            self.runtime.resolve(host, port, self.timing.limit()).await
        };
        let found = self
            .timing
            .within(self.share(others), &*self.runtime, look_up)
            .await;
        match found.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into())) {
            Ok(sockets) if sockets.is_empty() => Err(Error::resolve(target.host(), None)),
            Ok(mut sockets) => {
                self.order.sockets(&mut sockets, self.runtime.now());
                self.timing.note_progress();
                Ok(sockets)
            }
            Err(error) => Err(Error::resolve(target.host(), Some(error))),
        }
    }

    /// Connects and negotiates a version, within this address's share of the time.
    async fn connect_and_negotiate(
        &self,
        target: &Address,
        socket: SocketAddr,
        others: usize,
    ) -> Result<(Link, Version), Error> {
        self.timing.begin_address(target, socket);
        let by = self.share(others);
        let reached = self.negotiated(target, socket, &self.encryption);
        let in_time = self.timing.within(by, &*self.runtime, reached).await;
        match in_time.unwrap_or_else(|| Err(silent(target, socket))) {
            Err(error) if error.is_refused_without_tls() && self.speaks_tls(target, socket, by).await => {
                Err(Error::only_tls(target.to_string(), error))
            }
            outcome => outcome,
        }
    }

    /// Finds out by a second connection whether a server speaks TLS that has closed the first one, which was not
    /// encrypted: Neo4j says no more if it requires TLS. A server that is restarting does the same, and does not speak TLS.
    async fn speaks_tls(&self, target: &Address, socket: SocketAddr, by: Deadline) -> bool {
        let Some(encryption) = self.encryption.probe(target) else {
            return false;
        };
        let by = by.earlier(Deadline::after(self.runtime.now(), PROBE_LIMIT));
        let reached = self.negotiated(target, socket, &encryption);
        match self.timing.within(by, &*self.runtime, reached).await {
            Some(outcome) => outcome.map_or_else(|error| error.came_in_tls(), |_| true),
            None => false,
        }
    }

    async fn negotiated(
        &self,
        target: &Address,
        socket: SocketAddr,
        encryption: &Encryption,
    ) -> Result<(Link, Version), Error> {
        let mut link = self.connect(target, socket, encryption).await?;
        self.timing.note_progress();
        let version = self.negotiate(&mut link, target, encryption).await?;
        self.timing.note_progress();
        Ok((link, version))
    }

    async fn connect(
        &self,
        target: &Address,
        socket: SocketAddr,
        encryption: &Encryption,
    ) -> Result<Link, Error> {
        let endpoint = match target.socket_path() {
            Some(path) => Endpoint::Unix(path.into()),
            None => Endpoint::Tcp(socket),
        };
        let connect = async {
            let by = self.timing.limit();
            self.runtime.connect(&endpoint, &self.config.socket, by).await
        };
        let transport = match self.config.tcp_connect_timeout {
            None => connect.await,
            Some(limit) => {
                let by = Deadline::after(self.runtime.now(), limit);
                let in_time = self.timing.within(by, &*self.runtime, connect).await;
                in_time.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))
            }
        };
        let transport = transport.map_err(|error| Error::connect(name(target, socket), error))?;
        let transport = encryption.wrap(target, transport)?;
        let options = Options::default()
            .versions(self.config.versions.clone())
            .limits(self.config.limits);
        let proto = Connection::new(options);
        let runtime = Arc::clone(&self.runtime);
        let mut link = Link::new(
            runtime,
            transport,
            proto,
            target.to_string().into(),
            self.login.clone(),
            Arc::clone(&self.logins),
        );
        link.set_write_timeout(self.config.connection_write_timeout);
        if let Endpoint::Tcp(socket) = endpoint {
            link.set_socket(socket);
        }
        Ok(link)
    }

    /// Waits for the handshake: one round trip, after those of TLS, which has no step of its own: the handshake of Bolt
    /// leaves with the end of the handshake of TLS. The choice of a version leaves with the login.
    async fn negotiate(
        &self,
        link: &mut Link,
        target: &Address,
        encryption: &Encryption,
    ) -> Result<Version, Error> {
        let head = link
            .head_of_opening(self.expires, || self.timing.read_until(self.runtime.now()))
            .await;
        head.map_err(|error| error.while_opening("the handshake", encryption.of(target)))?;
        encryption.note_success(target);
        match link.event() {
            Some(Event::Negotiated(version)) => Ok(version),
            _ => Err(Error::misuse("the handshake ended without a version")),
        }
    }

    /// Logs in: another round trip. HELLO and LOGON leave in one write.
    async fn log_in(
        &self,
        mut link: Link,
        version: Version,
        target: &Address,
        socket: SocketAddr,
    ) -> Result<Link, Error> {
        let answered = self.send_login(&mut link, version, target);
        let in_time = self.timing.within(self.expires, &*self.runtime, answered).await;
        in_time.unwrap_or_else(|| Err(silent(target, socket)))?;
        self.order.note_success(target, socket);
        Ok(link)
    }

    async fn send_login(&self, link: &mut Link, version: Version, target: &Address) -> Result<(), Error> {
        // Others may have been rejected while this connection was being made.
        let credentials = &self.login.credentials;
        let now = self.runtime.now();
        if let Some(error) = self.logins.remembered_since(credentials, self.begun, now) {
            return Err(error);
        }
        let mut hello = Hello::new(&self.config.user_agent)
            .bolt_agent(PRODUCT)
            .notifications(self.config.notifications.clone());
        if let Some(membership) = &self.config.membership {
            hello = hello.routing(membership.context.clone());
        }
        let last = link.proto.login(&hello, &credentials.auth)?;
        self.ask_for_table(link);
        let mut info = None;
        loop {
            let head = link
                .head_of_opening(self.expires, || self.timing.read_until(self.runtime.now()))
                .await;
            let head = head.map_err(|error| error.while_opening("the login", self.encryption.of(target)))?;
            match link.event() {
                Some(Event::Success(metadata)) => {
                    info.get_or_insert_with(|| ServerInfo::read(target.clone(), version, metadata));
                }
                Some(Event::Failure(error)) => return Err(self.refused(error, target)),
                _ => {}
            }
            self.timing.note_progress();
            if head.request == Some(last) && head.kind == Kind::Success {
                break;
            }
        }
        self.logins.accepted(&self.login.credentials);
        self.check_product(info.as_ref(), target)?;
        if let Some(info) = info {
            if let Some(membership) = &self.config.membership {
                link.set_counted(membership.forwarding.count(info.hints().ssr_enabled));
            }
            link.set_info(info);
        }
        Ok(())
    }

    /// Asks for a routing table behind the login, if a call waits for one. The answer is read by that call.
    fn ask_for_table(&self, link: &mut Link) {
        let Some(membership) = &self.config.membership else {
            return;
        };
        let form = link.proto.capabilities().map(|version| version.routing);
        if !matches!(form, Some(Routing::Database | Routing::Extra)) {
            return;
        }
        if let Some(question) = membership.questions.take(&self.address) {
            // If the version cannot express the question, the call that waits asks again, and gets the error.
            if let Ok(request) = question.route(&mut link.proto, &membership.context) {
                link.set_route(request, question);
            }
        }
    }

    fn check_product(&self, info: Option<&ServerInfo>, target: &Address) -> Result<(), Error> {
        let product = info.map_or("", ServerInfo::agent);
        match &self.config.required_product {
            Some(required) if !product.starts_with(&**required) => {
                Err(Error::product(target.to_string(), product, required))
            }
            _ => Ok(()),
        }
    }

    fn refused(&self, error: ServerError, target: &Address) -> Error {
        let credentials = &self.login.credentials;
        let error = Error::login(error, target, &credentials.auth);
        self.logins.refused(credentials, error, self.runtime.now())
    }

    /// Returns the deadline of the present attempt, with as many others to come after it.
    fn share(&self, others: usize) -> Deadline {
        let now = self.runtime.now();
        self.expires.share(now, others).earlier(self.expires)
    }
}

/// How long a server may take to answer the question whether it speaks TLS: several round trips to a distant one.
const PROBE_LIMIT: Duration = Duration::from_secs(2);

fn silent(target: &Address, socket: SocketAddr) -> Error {
    Error::connect(name(target, socket), io::ErrorKind::TimedOut.into())
}

/// Returns where a connection was tried, for an error.
fn name(target: &Address, socket: SocketAddr) -> String {
    match target.socket_path() {
        Some(path) => path.to_owned(),
        None => socket.to_string(),
    }
}

/// Stands for the only address of a Unix-domain socket.
const NO_SOCKET: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// The driver's own name in `bolt_agent`. It names no machine and no user.
const PRODUCT: &str = concat!("bolt-client-rust/", env!("CARGO_PKG_VERSION"));
