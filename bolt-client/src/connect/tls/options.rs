//! What an application says about TLS.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::ClientCertificate;
use crate::error::Error;

/// How connections are encrypted: which servers are trusted, and by which certificate the driver is known to them.
///
/// The default trusts the certificate authorities of the operating system, and checks the host name. TLS 1.2 and 1.3 are
/// spoken. Sessions are resumed across the connections of a driver.
///
/// Certificates that come from files are read when the driver is made, and again when a file has changed by the time a
/// connection is opened; so they can be replaced without a restart. A file that cannot be read then changes nothing.
///
/// ```no_run
/// # use bolt_client as bolt;
/// use bolt::{Auth, ClientCertificate, Config, Tls};
///
/// let tls = Tls::new()
///     .ca_file("/etc/ssl/company-ca.pem")
///     .client_certificate(ClientCertificate::from_files("client.pem", "client.key"));
/// let config = Config::new("bolt+s://db.example", Auth::none())?.tls(tls);
/// # Ok::<(), bolt::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Tls {
    pub(super) authorities: Vec<Authority>,
    pub(super) trusts_any: bool,
    pub(super) client: Client,
    pub(super) versions: Versions,
    #[cfg(feature = "rustls-0_23")]
    pub(super) own: Option<Own>,
}

/// A configuration of the application. `Debug` shows nothing of it.
#[cfg(feature = "rustls-0_23")]
#[derive(Clone)]
pub(super) struct Own(pub(super) Arc<rustls::ClientConfig>);

#[derive(Clone)]
pub(super) enum Authority {
    File(PathBuf),
    Pem(Arc<[u8]>),
    Der(Arc<[u8]>),
}

/// By which certificate the driver is known.
#[derive(Clone, Default)]
pub(super) enum Client {
    #[default]
    None,
    Fixed(ClientCertificate),
    Provided(Provider),
}

type Provider = Arc<dyn Fn() -> Result<Option<ClientCertificate>, Error> + Send + Sync>;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Versions {
    #[default]
    All,
    Only12,
    Only13,
}

/// Which version of a file there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version(Option<(SystemTime, u64)>);

impl Tls {
    /// Trusts the certificate authorities of the operating system.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the authorities in this PEM file, and not those of the operating system. Further calls add authorities.
    #[must_use]
    pub fn ca_file(self, path: impl Into<PathBuf>) -> Self {
        self.authority(Authority::File(path.into()))
    }

    /// Trusts these authorities, in PEM, and not those of the operating system. Further calls add authorities.
    #[must_use]
    pub fn ca_pem(self, pem: impl AsRef<[u8]>) -> Self {
        self.authority(Authority::Pem(pem.as_ref().into()))
    }

    /// Trusts this authority, in DER, and not those of the operating system. Further calls add authorities.
    #[must_use]
    pub fn ca_der(self, der: impl AsRef<[u8]>) -> Self {
        self.authority(Authority::Der(der.as_ref().into()))
    }

    /// Accepts any certificate, as the schemes with `+ssc` do. Connections are encrypted, but the server is not
    /// verified: an attacker on the network can read and change everything. For tests only.
    #[must_use]
    pub fn trust_any_certificate(mut self) -> Self {
        self.trusts_any = true;
        self
    }

    /// Sets the certificate by which servers know the driver (mutual TLS). `None` unsets it. Default: none.
    #[must_use]
    pub fn client_certificate(mut self, certificate: impl Into<Option<ClientCertificate>>) -> Self {
        self.client = certificate.into().map_or(Client::None, Client::Fixed);
        self
    }

    /// Sets a function that is asked for the client certificate each time a connection is opened. Connections that are open
    /// keep theirs. The function must not block for long, and must not use the driver. Its error fails the opening.
    #[must_use]
    pub fn client_certificate_provider(
        mut self,
        provider: impl Fn() -> Result<Option<ClientCertificate>, Error> + Send + Sync + 'static,
    ) -> Self {
        self.client = Client::Provided(Arc::new(provider));
        self
    }

    /// Speaks TLS 1.2 only. Default: 1.2 and 1.3.
    #[must_use]
    pub const fn only_tls_1_2(mut self) -> Self {
        self.versions = Versions::Only12;
        self
    }

    /// Speaks TLS 1.3 only. Default: 1.2 and 1.3.
    #[must_use]
    pub const fn only_tls_1_3(mut self) -> Self {
        self.versions = Versions::Only13;
        self
    }

    /// Uses this configuration of rustls. Other options beside it are refused. It serves for a crypto provider with
    /// FIPS, an own verifier or a key in hardware.
    #[cfg(feature = "rustls-0_23")]
    #[must_use]
    pub fn rustls_config(mut self, config: impl Into<Arc<rustls::ClientConfig>>) -> Self {
        self.own = Some(Own(config.into()));
        self
    }

    fn authority(mut self, authority: Authority) -> Self {
        self.authorities.push(authority);
        self
    }

    pub(super) const fn has_own(&self) -> bool {
        #[cfg(feature = "rustls-0_23")]
        {
            self.own.is_some()
        }
        #[cfg(not(feature = "rustls-0_23"))]
        {
            false
        }
    }

    pub(super) const fn has_client(&self) -> bool {
        !matches!(self.client, Client::None)
    }

    pub(super) fn limits_versions(&self) -> bool {
        self.versions != Versions::All
    }

    /// The client certificate that is known when the driver is made. A provider is asked when a connection is opened.
    pub(super) fn client_certificate_in_advance(&self) -> Option<ClientCertificate> {
        match &self.client {
            Client::Fixed(certificate) => Some(certificate.clone()),
            Client::None | Client::Provided(_) => None,
        }
    }

    pub(super) fn current_client_certificate(&self) -> Result<Option<ClientCertificate>, Error> {
        match &self.client {
            Client::None => Ok(None),
            Client::Fixed(certificate) => Ok(Some(certificate.clone())),
            Client::Provided(provider) => provider(),
        }
    }

    /// The versions of all files that a configuration is made of.
    pub(super) fn files(&self, client: Option<&ClientCertificate>) -> Vec<Version> {
        let authorities = self.authorities.iter().filter_map(|authority| match authority {
            Authority::File(path) => Some(path.as_path()),
            Authority::Pem(_) | Authority::Der(_) => None,
        });
        let client = client.into_iter().flat_map(ClientCertificate::files);
        authorities.chain(client).map(Version::of).collect()
    }
}

impl Version {
    fn of(path: &Path) -> Self {
        let metadata = fs::metadata(path).ok();
        Self(metadata.and_then(|file| Some((file.modified().ok()?, file.len()))))
    }
}

#[cfg(feature = "rustls-0_23")]
impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientConfig")
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Pem(bytes) => write!(f, "Pem({} bytes)", bytes.len()),
            Self::Der(bytes) => write!(f, "Der({} bytes)", bytes.len()),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Fixed(certificate) => certificate.fmt(f),
            Self::Provided(_) => f.write_str("Provided"),
        }
    }
}
