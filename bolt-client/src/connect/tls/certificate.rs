//! Client certificates.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::Error;

/// A certificate and its private key, by which a server knows the driver (mutual TLS).
///
/// `Debug` shows the paths of files, and nothing of the key. Clones are equal, others are not.
#[derive(Clone)]
pub struct ClientCertificate(Arc<Source>);

enum Source {
    Files { chain: PathBuf, key: PathBuf },
    Pem { chain: Vec<u8>, key: Vec<u8> },
}

impl ClientCertificate {
    /// Takes both from PEM files: the certificate, followed by those of its issuers as far as the server needs them, and the
    /// private key (PKCS#8, PKCS#1 or SEC1, not encrypted). They may be the same file.
    ///
    /// The files are read when a driver is made, and again when one of them has changed.
    #[must_use]
    pub fn from_files(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Source::Files {
            chain: certificate.into(),
            key: key.into(),
        }))
    }

    /// Takes both from PEM in memory, as [`from_files`](Self::from_files).
    #[must_use]
    pub fn from_pem(certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self(Arc::new(Source::Pem {
            chain: certificate.into(),
            key: key.into(),
        }))
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        let files = match &*self.0 {
            Source::Files { chain, key } => [Some(chain.as_path()), Some(key.as_path())],
            Source::Pem { .. } => [None, None],
        };
        files.into_iter().flatten()
    }

    /// Reads and parses both.
    pub(super) fn load(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Error> {
        match &*self.0 {
            Source::Files { chain, key } => parse(
                &read(chain)?,
                &read(key)?,
                &chain.display().to_string(),
                &key.display().to_string(),
            ),
            Source::Pem { chain, key } => parse(chain, key, "the client certificate", "its private key"),
        }
    }
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path)
        .map_err(|error| Error::config(format!("the file {} cannot be read: {error}", path.display())))
}

fn parse(
    chain: &[u8],
    key: &[u8],
    chain_name: &str,
    key_name: &str,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Error> {
    let certificates = certificates(chain, chain_name)?;
    let key_is_encrypted = key.windows(9).any(|text| text == b"ENCRYPTED");
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| {
        Error::config(if key_is_encrypted {
            format!(
                "the private key in {key_name} is encrypted: decrypt it first, as by openssl pkcs8 -in KEY -out DECRYPTED"
            )
        } else {
            format!("{key_name} has no private key in PEM")
        })
    })?;
    Ok((certificates, key))
}

/// The certificates in a PEM text, of which there must be one.
pub(super) fn certificates(pem: &[u8], name: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => {
            Err(Error::config(format!("{name} has no certificate in PEM")))
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(Error::config(format!("{name} is no valid PEM: {error}"))),
    }
}

impl PartialEq for ClientCertificate {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for ClientCertificate {}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ClientCertificate");
        if let Source::Files { chain, key } = &*self.0 {
            shown.field("certificate", chain).field("key", key);
        }
        shown.finish_non_exhaustive()
    }
}
