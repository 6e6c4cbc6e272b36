//! Options that contradict each other, or the URI.

use super::options::Tls;
use crate::error::Error;
use crate::uri::Scheme;

impl Tls {
    /// Adds what the scheme of the URI says. `routed`: it is that of a cluster.
    ///
    /// # Errors
    /// If two options contradict each other, or one contradicts the scheme.
    pub(crate) fn for_scheme(mut self, scheme: Scheme, routed: bool) -> Result<Self, Error> {
        let kind = if routed { "neo4j" } else { "bolt" };
        let (the_ssc, the_secure) = (format!("the scheme {kind}+ssc"), format!("the scheme {kind}+s"));
        let any = (self.trusts_any, "Tls::trust_any_certificate");
        let ssc = (scheme == Scheme::AnyCertificate, &*the_ssc);
        let own = (self.has_own(), "Tls::rustls_config");
        let authorities = (!self.authorities.is_empty(), "Tls::ca_file, ca_pem or ca_der");
        refuse(
            (scheme == Scheme::Secure, &*the_secure),
            any,
            &format!("use {kind}+ssc to accept any certificate, or remove the option to verify the server"),
        )?;
        for accepts_any in [ssc, any] {
            refuse(
                accepts_any,
                authorities,
                &format!(
                    "use {kind}+s to verify the server, or remove the authorities to accept any certificate"
                ),
            )?;
        }
        let only_one = "the configuration of rustls decides all of this: remove one of the two";
        for other in [
            ssc,
            any,
            authorities,
            (self.has_client(), "Tls::client_certificate"),
            (self.limits_versions(), "Tls::only_tls_1_2 or only_tls_1_3"),
        ] {
            refuse(own, other, only_one)?;
        }
        self.trusts_any |= scheme == Scheme::AnyCertificate;
        Ok(self)
    }
}

/// Refuses two options that are both set.
fn refuse(first: (bool, &str), second: (bool, &str), remedy: &str) -> Result<(), Error> {
    if first.0 && second.0 {
        return Err(Error::config(format!(
            "{} and {} contradict each other: {remedy}",
            first.1, second.1
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Auth, Config, ErrorKind};

    fn refused(uri: &str, tls: Tls) -> String {
        let config = Config::new(uri, Auth::none()).unwrap().tls(tls);
        let scheme = config.encryption.scheme;
        let tls = config.encryption.tls.unwrap();
        let error = tls.for_scheme(scheme, config.routing.is_some()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        error.to_string()
    }

    #[test]
    fn options_that_contradict_the_scheme_are_refused_and_both_are_named() {
        let error = refused("bolt+ssc://h", Tls::new().ca_pem("…"));
        assert!(error.contains("bolt+ssc and Tls::ca_file"), "{error}");
        let error = refused("neo4j+ssc://h", Tls::new().ca_pem("…"));
        assert!(
            error.contains("neo4j+ssc and Tls::ca_file") && error.contains("use neo4j+s to"),
            "{error}"
        );
        let error = refused("bolt+s://h", Tls::new().trust_any_certificate());
        assert!(error.contains("bolt+s and Tls::trust_any_certificate"), "{error}");
        let error = refused("bolt://h", Tls::new().ca_pem("…").trust_any_certificate());
        assert!(
            error.contains("Tls::trust_any_certificate and Tls::ca_file"),
            "{error}"
        );
    }

    #[cfg(feature = "rustls-0_23")]
    #[test]
    fn an_own_configuration_is_refused_beside_other_options() {
        let own = || {
            let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
            let config = rustls::ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth();
            Tls::new().rustls_config(config)
        };
        for (uri, tls, other) in [
            ("bolt+ssc://h", own(), "bolt+ssc"),
            ("bolt+s://h", own().ca_pem("…"), "Tls::ca_file"),
            (
                "bolt://h",
                own().trust_any_certificate(),
                "Tls::trust_any_certificate",
            ),
            (
                "bolt://h",
                own().only_tls_1_3(),
                "Tls::only_tls_1_2 or only_tls_1_3",
            ),
            (
                "bolt://h",
                own().client_certificate(crate::ClientCertificate::from_pem("", "")),
                "Tls::client_certificate",
            ),
        ] {
            let error = refused(uri, tls);
            assert!(
                error.contains("Tls::rustls_config and") && error.contains(other),
                "{error}"
            );
        }
        assert!(own().for_scheme(Scheme::Secure, false).is_ok());
    }

    #[test]
    fn the_scheme_decides_where_the_options_say_nothing() {
        assert!(
            Tls::new()
                .for_scheme(Scheme::AnyCertificate, false)
                .unwrap()
                .trusts_any
        );
        assert!(!Tls::new().for_scheme(Scheme::Secure, false).unwrap().trusts_any);
        assert!(!Tls::new().for_scheme(Scheme::Bolt, false).unwrap().trusts_any);
    }
}
