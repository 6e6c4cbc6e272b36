//! Encryption: what the URI and the options say about it.

#[cfg(feature = "rustls")]
use super::{Config, ConfigOptions};
#[cfg(feature = "rustls")]
use crate::connect::tls::Tls;
use crate::uri::Scheme;

/// What the URI and the options say about encryption.
#[derive(Debug, Clone)]
pub(crate) struct EncryptionOptions {
    pub(crate) scheme: Scheme,
    #[cfg(feature = "rustls")]
    pub(crate) tls: Option<Tls>,
}

impl EncryptionOptions {
    pub(super) const fn new(scheme: Scheme) -> Self {
        Self {
            scheme,
            #[cfg(feature = "rustls")]
            tls: None,
        }
    }

    /// Whether connections are encrypted.
    pub(super) const fn is_encrypted(&self) -> bool {
        #[cfg(feature = "rustls")]
        if self.tls.is_some() {
            return true;
        }
        !matches!(self.scheme, Scheme::Bolt)
    }
}

#[cfg(feature = "rustls")]
impl Config {
    /// Sets how connections are encrypted: which servers are trusted, and by which certificate the driver is known to
    /// them. `None` leaves that to the URI. Default: `None`.
    ///
    /// With options, `bolt://` is encrypted, too, as `bolt+s://` is. Options that contradict the URI are refused when a
    /// driver is made of them; files are read then.
    ///
    /// ```no_run
    /// # use bolt_client as bolt;
    /// use bolt::{Auth, Config, Tls};
    ///
    /// let config = Config::new("bolt+s://db.example", Auth::none())?.tls(Tls::new().ca_file("company-ca.pem"));
    /// assert!(config.options().is_encrypted());
    /// # Ok::<(), bolt::Error>(())
    /// ```
    #[must_use]
    pub fn tls(mut self, tls: impl Into<Option<Tls>>) -> Self {
        self.encryption.tls = tls.into();
        self
    }
}

#[cfg(feature = "rustls")]
impl<'c> ConfigOptions<'c> {
    /// Returns [`tls`](Config::tls).
    #[must_use]
    pub const fn tls(self) -> Option<&'c Tls> {
        self.config().encryption.tls.as_ref()
    }
}
