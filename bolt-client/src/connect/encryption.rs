//! Whether connections are encrypted, in builds with TLS and without.

use std::fmt;
use std::io;
#[cfg(feature = "rustls")]
use std::sync::Arc;

#[cfg(feature = "rustls")]
use super::tls::{TlsConnector, TlsFailure};
use crate::address::Address;
use crate::config::EncryptionOptions;
use crate::error::Error;
use crate::runtime::Transport;
#[cfg(feature = "rustls")]
use crate::uri::Scheme;

/// What encrypts the connections of a driver. Clones share the sessions that are resumed.
#[derive(Clone)]
pub(crate) enum Encryption {
    Plain,
    #[cfg(feature = "rustls")]
    Tls(Arc<TlsConnector>),
}

/// How the connection that an error is about was encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encrypted {
    No,
    /// By TLS. `proven`: the driver has completed a handshake of TLS with this server before.
    Tls {
        proven: bool,
    },
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
    /// Checks the options, and reads the files that they name.
    pub(crate) fn new(options: &EncryptionOptions) -> Result<Self, Error> {
        #[cfg(feature = "rustls")]
        if options.tls.is_some() || options.scheme != Scheme::Bolt {
            let tls = options
                .tls
                .clone()
                .unwrap_or_default()
                .for_scheme(options.scheme)?;
            return Ok(Self::Tls(Arc::new(TlsConnector::new(tls)?)));
        }
        // Without the feature, the only scheme that is parsed is bolt.
        let _ = options;
        Ok(Self::Plain)
    }

    /// Encrypts a connection to this server, or leaves it as it is. Sends nothing.
    pub(crate) fn wrap(
        &self,
        target: &Address,
        inner: Box<dyn Transport>,
    ) -> Result<Box<dyn Transport>, Error> {
        match self {
            Self::Plain => {
                let _ = target;
                Ok(inner)
            }
            #[cfg(feature = "rustls")]
            Self::Tls(connector) => connector.wrap(target.host(), inner),
        }
    }

    /// Notes that a server has completed a handshake.
    pub(crate) fn note_success(&self, target: &Address) {
        match self {
            Self::Plain => {
                let _ = target;
            }
            #[cfg(feature = "rustls")]
            Self::Tls(connector) => connector.note_success(target),
        }
    }

    /// Returns how connections to this server are encrypted, for errors.
    pub(crate) fn of(&self, target: &Address) -> Encrypted {
        match self {
            Self::Plain => {
                let _ = target;
                Encrypted::No
            }
            #[cfg(feature = "rustls")]
            Self::Tls(connector) => Encrypted::Tls {
                proven: connector.is_proven(target),
            },
        }
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

impl fmt::Debug for Encryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "Plain",
            #[cfg(feature = "rustls")]
            Self::Tls(_) => "Tls",
        })
    }
}
