//! How TLS fails, and what to do about it.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use rustls::{AlertDescription, CertificateError, PeerIncompatible};

/// A failure of TLS, inside of the `io::Error` that the transport reports.
#[derive(Debug)]
pub(crate) enum TlsFailure {
    /// The server ended the connection before the handshake was complete.
    ClosedInHandshake {
        /// Something of the server had arrived.
        heard: bool,
        /// How the transport failed; `None` if the stream just ended.
        source: Option<io::Error>,
    },
    /// The stream ended without `close_notify`: something may be missing.
    Truncated,
    /// What TLS itself reports.
    Tls(rustls::Error),
}

impl TlsFailure {
    /// The failure of TLS that this error is about, if it is about one.
    pub(crate) fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// What to do about it.
    fn advice(&self) -> &'static str {
        match self {
            Self::ClosedInHandshake { heard: false, .. } => {
                "if it does not use TLS at this port, connect by bolt://"
            }
            Self::ClosedInHandshake { heard: true, .. } => "its log may say why",
            Self::Truncated => "the connection may have been cut on the way",
            Self::Tls(error) => advice(error),
        }
    }
}

fn advice(error: &rustls::Error) -> &'static str {
    match error {
        rustls::Error::InvalidCertificate(error) => certificate_advice(error),
        // Bytes that are no TLS record.
        rustls::Error::InvalidMessage(_) => "it does not seem to use TLS at this port: connect by bolt://",
        rustls::Error::PeerIncompatible(error) => match error {
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig => {
                "it must allow TLS 1.2 or 1.3, as the options of this driver do"
            }
            _ => "server and driver must allow a common version and cipher suite",
        },
        rustls::Error::AlertReceived(alert) => alert_advice(*alert),
        rustls::Error::NoCertificatesPresented => "it must have a certificate",
        rustls::Error::UnsupportedNameType => {
            "connect by a host name or an IP address that its certificate has"
        }
        _ => "see the log of the server",
    }
}

fn certificate_advice(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "trust the authority that issued it by Tls::ca_file; for tests only, bolt+ssc:// accepts any certificate"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "renew it on the server; if it is valid, the clock of this machine is wrong"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "if it is valid by now, the clock of this machine is wrong"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "connect by a name that the certificate has, or add this one to it"
        }
        CertificateError::Revoked => "replace it on the server",
        _ => "replace it on the server, or trust its authority by Tls::ca_file",
    }
}

fn alert_advice(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::CertificateRequired => {
            "it asks for a client certificate: set Tls::client_certificate"
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnknownCA
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::AccessDenied => {
            "it refused the client certificate, or the lack of one: check Tls::client_certificate, and what the server trusts"
        }
        // In TLS 1.2 some servers, such as Neo4j, say no more if a client certificate is missing.
        AlertDescription::HandshakeFailure => {
            "if it asks for a client certificate, set Tls::client_certificate; if not, server and driver must allow a \
             common version and cipher suite"
        }
        AlertDescription::ProtocolVersion | AlertDescription::InsufficientSecurity => {
            "server and driver must allow a common version and cipher suite"
        }
        AlertDescription::UnrecognisedName => "it knows no certificate for this host name",
        _ => "see the log of the server",
    }
}

impl fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClosedInHandshake { .. } => {
                f.write_str("the server closed the connection during the TLS handshake")?;
            }
            Self::Truncated => f.write_str("the connection ended without the end of the TLS stream")?,
            Self::Tls(rustls::Error::InvalidMessage(_)) => {
                f.write_str("what the server sent is no TLS")?;
            }
            Self::Tls(rustls::Error::AlertReceived(alert)) => {
                write!(f, "the server ended TLS with the alert {alert:?}")?;
            }
            Self::Tls(error) => error.fmt(f)?,
        }
        write!(f, "; {}", self.advice())
    }
}

impl StdError for TlsFailure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Tls(error) => Some(error),
            Self::ClosedInHandshake { source, .. } => source.as_ref().map(|source| source as _),
            Self::Truncated => None,
        }
    }
}

impl From<TlsFailure> for io::Error {
    fn from(failure: TlsFailure) -> Self {
        let kind = match failure {
            TlsFailure::ClosedInHandshake { .. } | TlsFailure::Truncated => io::ErrorKind::UnexpectedEof,
            TlsFailure::Tls(_) => io::ErrorKind::InvalidData,
        };
        Self::new(kind, failure)
    }
}
