//! From options to a configuration of rustls.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_platform_verifier::BuilderVerifierExt;

use super::ClientCertificate;
use super::any::AnyCertificate;
use super::certificate::{certificates, read};
use super::options::{Authority, Tls, Versions};
use crate::error::Error;

/// Reads what the options name, and makes the configuration.
pub(super) fn client_config(
    tls: &Tls,
    client: Option<&ClientCertificate>,
) -> Result<Arc<ClientConfig>, Error> {
    #[cfg(feature = "rustls-0_23")]
    if let Some(own) = &tls.own {
        return Ok(Arc::clone(&own.0));
    }
    let provider = Arc::new(crypto());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions(tls.versions))
        .map_err(|error| Error::config(format!("TLS cannot be used with these options: {error}")))?;
    let builder = if tls.trusts_any {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
    } else if tls.authorities.is_empty() {
        builder.with_platform_verifier().map_err(|error| {
            Error::config(format!(
                "the certificate authorities of the operating system cannot be used: {error}; install them (package \
                 ca-certificates), or trust an authority by Tls::ca_file"
            ))
        })?
    } else {
        builder.with_root_certificates(roots(&tls.authorities)?)
    };
    let config = match client {
        None => builder.with_no_client_auth(),
        Some(client) => {
            let (chain, key) = client.load()?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| Error::config(format!("the client certificate cannot be used: {error}")))?
        }
    };
    Ok(Arc::new(config))
}

fn crypto() -> CryptoProvider {
    #[cfg(feature = "aws-lc-rs")]
    {
        rustls::crypto::aws_lc_rs::default_provider()
    }
    #[cfg(not(feature = "aws-lc-rs"))]
    {
        rustls::crypto::ring::default_provider()
    }
}

fn versions(versions: Versions) -> &'static [&'static SupportedProtocolVersion] {
    static ALL: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
    let [only_13, only_12] = [&ALL[..1], &ALL[1..]];
    match versions {
        Versions::All => &ALL,
        Versions::Only12 => only_12,
        Versions::Only13 => only_13,
    }
}

fn roots(authorities: &[Authority]) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        let found = match authority {
            Authority::File(path) => certificates(&read(path)?, &path.display().to_string())?,
            Authority::Pem(pem) => certificates(pem, "the authority given to Tls::ca_pem")?,
            Authority::Der(der) => vec![CertificateDer::from(der.to_vec())],
        };
        for certificate in found {
            roots
                .add(certificate)
                .map_err(|error| Error::config(format!("a certificate authority cannot be used: {error}")))?;
        }
    }
    Ok(roots)
}
