//! TLS at the Bolt port of a server.

use std::fmt;
use std::fs;
use std::path::Path;

use crate::error::StartError;

/// Where the certificates are, below the home folder.
const FOLDER: &str = "certificates/bolt";

/// TLS at the Bolt port of a server: its certificate, and which clients it admits. Everything is PEM.
#[derive(Clone)]
pub struct TlsPolicy {
    certificate: String,
    key: String,
    clients_of: Option<String>,
    is_optional: bool,
}

impl TlsPolicy {
    /// Requires TLS of clients. The server has this certificate, with the key in PKCS#8.
    #[must_use]
    pub fn required(certificate: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            certificate: certificate.into(),
            key: key.into(),
            clients_of: None,
            is_optional: false,
        }
    }

    /// Admits clients without TLS at the same port.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.is_optional = true;
        self
    }

    /// Requires a certificate of clients, issued by this authority.
    #[must_use]
    pub fn clients_of(mut self, authority: impl Into<String>) -> Self {
        self.clients_of = Some(authority.into());
        self
    }

    pub(crate) fn settings(&self) -> [(&'static str, &'static str); 6] {
        [
            (
                "server.bolt.tls_level",
                if self.is_optional { "OPTIONAL" } else { "REQUIRED" },
            ),
            ("dbms.ssl.policy.bolt.enabled", "true"),
            ("dbms.ssl.policy.bolt.base_directory", FOLDER),
            ("dbms.ssl.policy.bolt.private_key", "private.key"),
            ("dbms.ssl.policy.bolt.public_certificate", "public.crt"),
            (
                "dbms.ssl.policy.bolt.client_auth",
                if self.clients_of.is_some() {
                    "REQUIRE"
                } else {
                    "NONE"
                },
            ),
        ]
    }

    /// Writes the certificates into the home folder, which only this user can read.
    pub(crate) fn write(&self, home: &Path) -> Result<(), StartError> {
        let folder = home.join(FOLDER);
        for inner in ["trusted", "revoked"] {
            let inner = folder.join(inner);
            fs::create_dir_all(&inner).map_err(StartError::io("creating the folder", inner))?;
        }
        let authority = self.clients_of.as_ref().map(|pem| ("trusted/ca.crt", pem));
        let own = [("private.key", &self.key), ("public.crt", &self.certificate)];
        for (name, text) in own.into_iter().chain(authority) {
            let path = folder.join(name);
            fs::write(&path, text).map_err(StartError::io("writing", path))?;
        }
        Ok(())
    }
}

impl fmt::Debug for TlsPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsPolicy")
            .field("is_optional", &self.is_optional)
            .field("asks_for_certificates", &self.clients_of.is_some())
            .finish_non_exhaustive()
    }
}
