//! Opening a connection: DNS, TCP, handshake, login.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use bolt_proto::{Connection, Event, Hello, Kind, Options, Version};

use crate::address::Address;
use crate::config::Config;
use crate::connect::link::Link;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::exclusive::Exclusive;
use crate::runtime::{BoxFuture, Endpoint, Runtime};
use crate::server_info::ServerInfo;

/// A connection that is being opened.
///
/// It does not belong to the call that began it: a call whose time is up leaves it in the pool, and the next one
/// carries on. Otherwise callers with limits shorter than a handshake would never get a connection.
pub(crate) struct Opening {
    /// Empty while it is being polled, and ever after if that panics: it cannot be polled again then.
    flow: Option<Flow>,
    /// How long whoever waits at the moment would have a transport block.
    hint: Hint,
    /// After this instant nobody carries on.
    expires: Deadline,
}

type Flow = Exclusive<BoxFuture<'static, Result<Link, Error>>>;

impl Opening {
    pub(crate) fn begin(runtime: &Arc<dyn Runtime>, config: &Arc<Config>, address: &Address) -> Self {
        let hint = Hint::default();
        let expires = Deadline::after(runtime.now(), config.connection_timeout);
        let flow = Box::pin(open(
            Arc::clone(runtime),
            Arc::clone(config),
            address.clone(),
            hint.clone(),
            expires,
        ));
        Self {
            flow: Some(Exclusive::new(flow)),
            hint,
            expires,
        }
    }

    /// The instant after which it is given up.
    pub(crate) const fn expires(&self) -> Deadline {
        self.expires
    }

    /// When it is to be polled again, whether or not anything has happened: to try the next address.
    pub(crate) fn moves_on(&self) -> Deadline {
        self.hint.lock().attempt
    }

    /// Carries on. Without a timer, which whoever waits has. Transports that block connect until `limit` at the latest,
    /// and read until `glance`, so that the caller can look around now and then.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        limit: Deadline,
        glance: Deadline,
    ) -> Poll<Result<Link, Error>> {
        let limit = limit.earlier(self.expires);
        self.hint.set(limit, limit.earlier(glance));
        let Some(mut flow) = self.flow.take() else {
            return Poll::Ready(Err(Error::misuse("the opening of this connection is over")));
        };
        let poll = flow.get_mut().as_mut().poll(cx);
        if poll.is_pending() {
            self.flow = Some(flow);
        }
        poll
    }

    /// Whether it cannot be carried on: it is complete, or a poll of it has panicked (code of the user's runs in it).
    pub(crate) const fn is_over(&self) -> bool {
        self.flow.is_none()
    }
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening")
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// The whole flow. It contains no timer, since timers must not outlive the call that made them.
async fn open(
    runtime: Arc<dyn Runtime>,
    config: Arc<Config>,
    address: Address,
    hint: Hint,
    expires: Deadline,
) -> Result<Link, Error> {
    let targets = match &config.resolver {
        Some(resolver) => resolver.resolve(&address),
        None => vec![address.clone()],
    };
    let mut failure = Error::resolve(address.host(), None);
    let mut targets = targets.into_iter();
    while let Some(target) = targets.next() {
        let sockets = match runtime.resolve(target.host(), target.port(), hint.limit()).await {
            Ok(sockets) => sockets,
            Err(error) => {
                failure = Error::resolve(target.host(), Some(error));
                continue;
            }
        };
        let mut sockets = sockets.into_iter();
        while let Some(socket) = sockets.next() {
            let share = expires.share(runtime.now(), sockets.len() + targets.len());
            let reached = reach(&runtime, &config, &target, socket, &hint);
            match hint.within(share, &*runtime, reached).await {
                Some(Ok((mut link, version))) => {
                    log_in(&mut link, version, &config, &target, &hint).await?;
                    return Ok(link);
                }
                // Something else may listen on this port of one address, and a server on that of the next.
                Some(Err(error)) => failure = error,
                None => failure = Error::connect(socket.to_string(), io::ErrorKind::TimedOut.into()),
            }
        }
    }
    Err(failure)
}

/// Connects, and agrees on a version.
async fn reach(
    runtime: &Arc<dyn Runtime>,
    config: &Config,
    target: &Address,
    socket: SocketAddr,
    hint: &Hint,
) -> Result<(Link, Version), Error> {
    let endpoint = Endpoint::Tcp(socket);
    let transport = runtime.connect(&endpoint, &config.socket, hint.limit()).await;
    let transport = transport.map_err(|error| Error::connect(socket.to_string(), error))?;
    let proto = Connection::new(Options::default());
    let mut link = Link::new(Arc::clone(runtime), transport, proto, target.to_string().into());
    link.set_write_timeout(config.connection_write_timeout);
    let version = agree(&mut link, hint).await?;
    Ok((link, version))
}

/// The handshake: one round trip. The choice of a version leaves with the login.
async fn agree(link: &mut Link, hint: &Hint) -> Result<Version, Error> {
    let head = link.head_untimed(|| hint.glance()).await;
    head.map_err(|error| error.while_opening("the handshake"))?;
    match link.event() {
        Some(Event::Negotiated(version)) => Ok(version),
        _ => Err(Error::misuse("the handshake ended without a version")),
    }
}

/// The login: another round trip. HELLO and LOGON leave in one write.
async fn log_in(
    link: &mut Link,
    version: Version,
    config: &Config,
    address: &Address,
    hint: &Hint,
) -> Result<(), Error> {
    let hello = Hello::new(&config.user_agent)
        .bolt_agent(PRODUCT)
        .notifications(config.notifications.clone());
    let last = link.proto.login(&hello, &config.auth)?;
    let mut info = None;
    loop {
        let head = link.head_untimed(|| hint.glance()).await;
        let head = head.map_err(|error| error.while_opening("the login"))?;
        match link.event() {
            Some(Event::Success(metadata)) => {
                info.get_or_insert_with(|| ServerInfo::read(address.clone(), version, metadata));
            }
            Some(Event::Failure(error)) => return Err(error.into()),
            _ => {}
        }
        if head.request == Some(last) && head.kind == Kind::Success {
            break;
        }
    }
    if let Some(info) = info {
        link.introduce(info);
    }
    Ok(())
}

/// The driver's own name, as `bolt_agent` tells it to servers. It names no machine and no user.
const PRODUCT: &str = concat!("bolt-client-rust/", env!("CARGO_PKG_VERSION"));

/// What the flow and whoever waits for it tell each other of time.
#[derive(Debug, Clone)]
struct Hint(Arc<Mutex<Limits>>);

#[derive(Debug)]
struct Limits {
    /// Until when resolving and connecting may block. They cannot be interrupted without being lost.
    limit: Deadline,
    /// Until when a read may block. It goes on where it was.
    glance: Deadline,
    /// Until when the present address is tried, if there is another.
    attempt: Deadline,
}

impl Hint {
    fn limit(&self) -> Option<Instant> {
        let limits = self.lock();
        limits.limit.earlier(limits.attempt).at()
    }

    fn glance(&self) -> Option<Instant> {
        self.lock().glance.at()
    }

    fn set(&self, limit: Deadline, glance: Deadline) {
        let mut limits = self.lock();
        limits.limit = limit;
        limits.glance = glance;
    }

    /// Waits for an attempt, at most until `end`; `None` if that came first. Whoever waits for the flow sees to it that it
    /// is polled then.
    async fn within<F: Future>(&self, end: Deadline, runtime: &dyn Runtime, attempt: F) -> Option<F::Output> {
        self.lock().attempt = end;
        let mut attempt = pin!(attempt);
        let outcome = poll_fn(|cx| match attempt.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if end.has_passed(runtime.now()) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await;
        self.lock().attempt = Deadline::NONE;
        outcome
    }

    fn lock(&self) -> MutexGuard<'_, Limits> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Hint {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Limits {
            limit: Deadline::NONE,
            glance: Deadline::NONE,
            attempt: Deadline::NONE,
        })))
    }
}
