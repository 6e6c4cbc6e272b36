//! Client certificates.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::pem;
#[cfg(feature = "encrypted-keys")]
use super::{encrypted, traditional};
use crate::error::Error;

/// A certificate and its private key, by which a server knows the driver (mutual TLS).
///
/// `Debug` shows the paths of files, and nothing of the key. Clones are equal, others are not.
///
/// A key in memory, and the password of a key, are wiped when the last clone is dropped, which a driver has, too. A key from a file is
/// wiped as soon as it is read. What the cryptography makes of a key is not wiped, and belongs to the driver's connections.
#[derive(Clone)]
pub struct ClientCertificate(Arc<Parts>);

#[derive(Clone)]
struct Parts {
    source: Source,
    #[cfg(feature = "encrypted-keys")]
    password: Option<Zeroizing<String>>,
}

#[derive(Clone)]
enum Source {
    Files {
        chain: PathBuf,
        key: PathBuf,
    },
    /// The chain may be the same text as the key.
    Pem {
        chain: Zeroizing<Vec<u8>>,
        key: Zeroizing<Vec<u8>>,
    },
}

impl ClientCertificate {
    /// Takes both from PEM files: the certificate, followed by those of its issuers as far as the server needs them, and the
    /// private key (PKCS#8, PKCS#1 or SEC1). They may be the same file.
    ///
    /// The files are read when a driver is made, and again when one of them has changed.
    #[must_use]
    pub fn from_files(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self::new(Source::Files {
            chain: certificate.into(),
            key: key.into(),
        })
    }

    /// Takes both from PEM in memory, as [`from_files`](Self::from_files). A `String` or a `Vec` is not copied.
    #[must_use]
    pub fn from_pem(certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self::new(Source::Pem {
            chain: Zeroizing::new(certificate.into()),
            key: Zeroizing::new(key.into()),
        })
    }

    /// Sets the password of a key that is encrypted. `None` unsets it. Default: none.
    ///
    /// The key is PKCS#8 (`BEGIN ENCRYPTED PRIVATE KEY`), or has the traditional form of OpenSSL (`Proc-Type: 4,ENCRYPTED`)
    /// by AES or triple DES. The traditional form protects a password worse than PKCS#8, since each guess costs little:
    /// `openssl pkcs8 -topk8 -v2 aes256` converts a key.
    #[cfg(feature = "encrypted-keys")]
    #[must_use]
    pub fn password<'p>(self, password: impl Into<Option<&'p str>>) -> Self {
        let mut parts = Parts::clone(&self.0);
        parts.password = password.into().map(|text| Zeroizing::new(text.to_owned()));
        Self(Arc::new(parts))
    }

    fn new(source: Source) -> Self {
        Self(Arc::new(Parts {
            source,
            #[cfg(feature = "encrypted-keys")]
            password: None,
        }))
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        let files = match &self.0.source {
            Source::Files { chain, key } => [Some(chain.as_path()), Some(key.as_path())],
            Source::Pem { .. } => [None, None],
        };
        files.into_iter().flatten()
    }

    /// Reads and parses both.
    pub(super) fn load(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Error> {
        match &self.0.source {
            Source::Files { chain, key } => Ok((
                certificates(&read(chain)?, &chain.display().to_string())?,
                self.private_key(&read(key)?, &key.display().to_string())?,
            )),
            Source::Pem { chain, key } => Ok((
                certificates(chain, "the client certificate")?,
                self.private_key(key, "its private key")?,
            )),
        }
    }

    fn private_key(&self, pem: &[u8], name: &str) -> Result<PrivateKeyDer<'static>, Error> {
        #[cfg(feature = "encrypted-keys")]
        if let Some(password) = &self.0.password {
            if let Some(key) = encrypted::find(pem) {
                return encrypted::decrypt(key, password, name);
            }
            if let Some(key) = pem::key_with_headers(pem) {
                return traditional::decrypt(&key, password, name);
            }
        }
        pem::private_key(pem).ok_or_else(|| {
            let is_encrypted = pem.windows(9).any(|text| text == b"ENCRYPTED");
            Error::config(if is_encrypted {
                format!("{name} is encrypted: {HOW_TO_DECRYPT}")
            } else {
                format!("{name} has no private key in PEM")
            })
        })
    }
}

#[cfg(feature = "encrypted-keys")]
const HOW_TO_DECRYPT: &str = "give its password by ClientCertificate::password";

#[cfg(not(feature = "encrypted-keys"))]
const HOW_TO_DECRYPT: &str = "enable the feature `encrypted-keys` of the driver, or decrypt the key, by openssl pkcs8 -in KEY -out DECRYPTED";

/// Reads a file, which may have a key in it.
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    fs::read(path)
        .map(Zeroizing::new)
        .map_err(|error| Error::config(format!("the file {} cannot be read: {error}", path.display())))
}

/// The certificates in a PEM text, of which there must be one.
pub(super) fn certificates(pem: &[u8], name: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    // They may stand in the same file as a key, of which the reader of rustls leaves the text in memory.
    let pem = pem::without_keys(pem);
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
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
        if let Source::Files { chain, key } = &self.0.source {
            shown.field("certificate", chain).field("key", key);
        }
        shown.finish_non_exhaustive()
    }
}
