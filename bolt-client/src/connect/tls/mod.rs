//! TLS: what a driver trusts, by which certificate it is known, and the transport that encrypts.

mod any;
mod build;
mod certificate;
mod contradictions;
#[cfg(feature = "encrypted-keys")]
mod encrypted;
mod failure;
mod options;
mod pem;
mod stream;
#[cfg(test)]
mod tests;
#[cfg(feature = "encrypted-keys")]
mod traditional;

use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use crate::error::Error;
use crate::runtime::Transport;

pub use certificate::ClientCertificate;
pub(crate) use failure::TlsFailure;
pub use options::Tls;
use options::Version;
use stream::TlsStream;

/// What the connections of a driver share of TLS: the configuration, and with it the sessions to resume.
#[derive(Debug)]
pub(crate) struct TlsConnector {
    options: Tls,
    current: Mutex<Current>,
}

/// A configuration, and the certificates that it was made of.
#[derive(Debug)]
struct Current {
    config: Arc<ClientConfig>,
    client: Option<ClientCertificate>,
    files: Vec<Version>,
}

impl TlsConnector {
    /// Reads the files that the options name.
    pub(crate) fn new(options: Tls) -> Result<Self, Error> {
        let client = options.client_certificate_in_advance();
        let files = options.files(client.as_ref());
        let current = Current {
            config: build::client_config(&options, client.as_ref())?,
            client,
            files,
        };
        Ok(Self {
            options,
            current: Mutex::new(current),
        })
    }

    /// Encrypts a connection to this host. Nothing is sent by that.
    pub(crate) fn wrap(&self, host: &str, inner: Box<dyn Transport>) -> Result<Box<dyn Transport>, Error> {
        // The zone of an IPv6 address means something to this machine only.
        let host = host.split_once('%').map_or(host, |(address, _zone)| address);
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            Error::config(format!(
                "TLS cannot verify a server by the name {host:?}: connect by a DNS name or an IP address"
            ))
        })?;
        let tls = ClientConnection::new(self.config()?, name)
            .map_err(|error| Error::config(format!("TLS cannot be used with these options: {error}")))?;
        Ok(Box::new(TlsStream::new(inner, tls)))
    }

    /// The configuration for a new connection. Certificates that have changed are read again.
    fn config(&self) -> Result<Arc<ClientConfig>, Error> {
        // Code of the application runs without the lock.
        let client = self.options.current_client_certificate()?;
        let files = self.options.files(client.as_ref());
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if files != current.files || client != current.client {
            match build::client_config(&self.options, client.as_ref()) {
                Ok(config) => {
                    *current = Current {
                        config,
                        client,
                        files,
                    };
                }
                // The first certificate of a provider: there is no other to go on with.
                Err(error) if current.client.is_none() && client.is_some() => return Err(error),
                // A file that is being replaced may be half written. The next connection tries again.
                Err(_) => {}
            }
        }
        Ok(Arc::clone(&current.config))
    }
}
