//! Private keys that a password encrypts, in PKCS#8.

use pkcs8::{EncryptedPrivateKeyInfo, SecretDocument};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::error::Error;

const BEGIN: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
const END: &str = "-----END ENCRYPTED PRIVATE KEY-----";

/// Finds the key in a PEM text that may have certificates, too.
pub(super) fn find(pem: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(pem).ok()?;
    let begin = text.find(BEGIN)?;
    let key = text.get(begin..)?;
    key.get(..key.find(END)? + END.len())
}

pub(super) fn decrypt(pem: &str, password: &str, name: &str) -> Result<PrivateKeyDer<'static>, Error> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Error::config(format!("{name} is no valid encrypted PKCS#8 key: {error}"))
    };
    let (_, document) = SecretDocument::from_pem(pem).map_err(|error| unreadable(&error))?;
    let key = EncryptedPrivateKeyInfo::try_from(document.as_bytes()).map_err(|error| unreadable(&error))?;
    let key = key.decrypt(password).map_err(|_| {
        Error::config(format!(
            "{name} cannot be decrypted: the password is wrong, or the cipher is outdated (openssl pkcs8 -topk8 -v2 aes256 \
             makes a newer one)"
        ))
    })?;
    Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into())
}
