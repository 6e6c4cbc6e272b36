//! Whether connections are encrypted, in builds with TLS and without.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[cfg(feature = "rustls")]
use super::tls::{Tls, TlsConnector, TlsFailure};
use crate::address::Address;
use crate::config::EncryptionOptions;
use crate::error::Error;
use crate::runtime::Transport;
#[cfg(feature = "rustls")]
use crate::uri::Scheme;

/// What encrypts the connections of a driver. Clones share what is known of servers, and the sessions that are resumed.
#[derive(Clone)]
pub(crate) struct Encryption {
    method: Method,
    /// The URI is that of a cluster.
    routed: bool,
    proven: Arc<Proven>,
}

#[derive(Clone)]
enum Method {
    Plain,
    #[cfg(feature = "rustls")]
    Tls(Arc<TlsConnector>),
}

/// Servers that have completed a handshake with this method.
#[derive(Default)]
struct Proven(Mutex<VecDeque<Address>>);

/// The most servers that are remembered. A resolver may find new ones for ever.
const MAX_PROVEN: usize = 64;

/// How the connection that an error is about was encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encrypted {
    /// Not at all. `routed`: the URI is that of a cluster.
    No { routed: bool },
    /// By TLS. `proven`: the driver has completed a handshake of TLS with this server before.
    Tls { proven: bool },
}

/// What an error of a transport says about TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "rustls"),
    expect(dead_code, reason = "no transport of this build has TLS")
)]
pub(crate) enum TlsFault {
    /// The server ended the connection during the handshake.
    Closed,
    /// Another attempt would fail the same way.
    Final,
}

impl Encryption {
    /// Checks the options, and reads the files that they name. `routed`: the URI is that of a cluster.
    pub(crate) fn new(options: &EncryptionOptions, routed: bool) -> Result<Self, Error> {
        #[cfg(feature = "rustls")]
        if options.tls.is_some() || options.scheme != Scheme::Bolt {
            let tls = options
                .tls
                .clone()
                .unwrap_or_default()
                .for_scheme(options.scheme, routed)?;
            return Ok(Self::by(Method::Tls(Arc::new(TlsConnector::new(tls)?)), routed));
        }
        // Without the feature, the only scheme that is parsed is bolt.
        let _ = options;
        Ok(Self::by(Method::Plain, routed))
    }

    fn by(method: Method, routed: bool) -> Self {
        Self {
            method,
            routed,
            proven: Arc::default(),
        }
    }

    /// Encrypts a connection to this server, or leaves it as it is. Sends nothing.
    pub(crate) fn wrap(
        &self,
        target: &Address,
        inner: Box<dyn Transport>,
    ) -> Result<Box<dyn Transport>, Error> {
        match &self.method {
            Method::Plain => {
                let _ = target;
                Ok(inner)
            }
            #[cfg(feature = "rustls")]
            Method::Tls(connector) => connector.wrap(target.host(), inner),
        }
    }

    /// Notes that a server has completed a handshake.
    pub(crate) fn note_success(&self, target: &Address) {
        self.proven.add(target);
    }

    /// Returns how connections to this server are encrypted, for errors.
    pub(crate) fn of(&self, target: &Address) -> Encrypted {
        match &self.method {
            Method::Plain => {
                let _ = target;
                Encrypted::No { routed: self.routed }
            }
            #[cfg(feature = "rustls")]
            Method::Tls(_) => Encrypted::Tls {
                proven: self.proven.contains(target),
            },
        }
    }

    /// Returns the encryption by which to find out whether a server speaks TLS that has closed a plain connection.
    /// `None` if it has spoken without TLS before, so that it is probably restarting.
    pub(crate) fn probe(&self, target: &Address) -> Option<Self> {
        match &self.method {
            #[cfg(feature = "rustls")]
            Method::Plain if !self.proven.contains(target) => {
                // Nothing that is worth protecting is sent, so any certificate will do.
                let tls = TlsConnector::new(Tls::new().trust_any_certificate()).ok()?;
                Some(Self::by(Method::Tls(Arc::new(tls)), self.routed))
            }
            _ => {
                let _ = target;
                None
            }
        }
    }
}

impl Encrypted {
    /// Returns the first part of the schemes of the URI, for remedies.
    pub(crate) const fn scheme(self) -> &'static str {
        match self {
            Self::No { routed: true } => "neo4j",
            _ => "bolt",
        }
    }
}

impl Proven {
    fn add(&self, target: &Address) {
        let mut proven = self.lock();
        if !proven.contains(target) {
            if proven.len() == MAX_PROVEN {
                proven.pop_front();
            }
            proven.push_back(target.clone());
        }
    }

    #[cfg(feature = "rustls")]
    fn contains(&self, target: &Address) -> bool {
        self.lock().contains(target)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Address>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TlsFault {
    /// Returns what an error of a transport says about TLS; `None` if the handshake is not to blame.
    pub(crate) fn of(error: &io::Error) -> Option<Self> {
        #[cfg(feature = "rustls")]
        {
            match TlsFailure::of(error)? {
                TlsFailure::ClosedInHandshake { .. } => Some(Self::Closed),
                TlsFailure::Tls(_) => Some(Self::Final),
                TlsFailure::Truncated => None,
            }
        }
        #[cfg(not(feature = "rustls"))]
        {
            let _ = error;
            None
        }
    }
}

/// Returns whether a connection that failed with this error had received TLS.
pub(crate) fn is_in_tls(error: &io::Error) -> bool {
    #[cfg(feature = "rustls")]
    {
        match TlsFailure::of(error) {
            Some(TlsFailure::Truncated) => true,
            Some(TlsFailure::Tls(error)) => !matches!(error, rustls::Error::InvalidMessage(_)),
            Some(TlsFailure::ClosedInHandshake { .. }) | None => false,
        }
    }
    #[cfg(not(feature = "rustls"))]
    {
        let _ = error;
        false
    }
}

impl fmt::Debug for Encryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.method {
            Method::Plain => "Plain",
            #[cfg(feature = "rustls")]
            Method::Tls(_) => "Tls",
        })
    }
}
