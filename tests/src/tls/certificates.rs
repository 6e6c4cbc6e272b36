//! Authorities and certificates for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bolt_client::{ClientCertificate, Tls};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

static NUMBER: AtomicUsize = AtomicUsize::new(0);

/// A certificate authority with a name of its own.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// The certificate.
    pub pem: String,
}

/// A certificate with its key, in PEM.
#[derive(Debug)]
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// The key, in PKCS#8.
    pub key: String,
}

// Fixed parameters cannot fail.
#[expect(clippy::missing_panics_doc, reason = "of tests")]
impl Authority {
    /// Creates an authority.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "no two are the same")]
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        params
            .distinguished_name
            .push(DnType::CommonName, format!("authority {number}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// Issues a certificate for a host name or an IP address.
    #[must_use]
    pub fn issue(&self, name: &str) -> Issued {
        self.issue_with(name, |_| {})
    }

    /// Issues a certificate with other parameters.
    #[must_use]
    pub fn issue_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Issued {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        Issued {
            certificate: params.signed_by(&key, &self.issuer).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    /// Returns options that trust this authority.
    #[must_use]
    pub fn trusted(&self) -> Tls {
        Tls::new().ca_pem(&self.pem)
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap();
        roots.add(authority).unwrap();
        roots
    }
}

#[expect(clippy::missing_panics_doc, reason = "of tests")]
impl Issued {
    /// Returns the configuration of a server with this certificate.
    #[must_use]
    pub fn server(&self) -> ServerConfig {
        self.server_of(rustls::ALL_VERSIONS)
    }

    /// Returns the configuration of a server that speaks certain versions.
    #[must_use]
    pub fn server_of(&self, versions: &[&'static SupportedProtocolVersion]) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let (chain, key) = self.parsed();
        ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap()
    }

    /// Returns the configuration of a server that asks for a certificate of this authority.
    #[must_use]
    pub fn server_for_clients_of(
        &self,
        authority: &Authority,
        versions: &[&'static SupportedProtocolVersion],
    ) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = Arc::new(authority.roots());
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider))
            .build()
            .unwrap();
        let (chain, key) = self.parsed();
        ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .unwrap()
    }

    /// Returns it as the certificate of a client.
    #[must_use]
    pub fn for_client(&self) -> ClientCertificate {
        ClientCertificate::from_pem(self.certificate.clone(), self.key.clone())
    }

    fn parsed(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        (
            vec![CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap(),
        )
    }
}
