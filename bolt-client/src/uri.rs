//! Connection URIs.

use std::net::Ipv6Addr;

use crate::address::Address;
use crate::error::Error;

/// What the scheme of a URI says about encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// `bolt`: whether connections are encrypted is left to the options.
    Bolt,
    /// `bolt+s`: the server's certificate is verified.
    #[cfg_attr(
        not(feature = "rustls"),
        expect(dead_code, reason = "refused in builds without TLS")
    )]
    Secure,
    /// `bolt+ssc`: any certificate is accepted.
    #[cfg_attr(
        not(feature = "rustls"),
        expect(dead_code, reason = "refused in builds without TLS")
    )]
    AnyCertificate,
}

/// Reads `scheme://host[:port]`.
pub(crate) fn parse(uri: &str) -> Result<(Scheme, Address), Error> {
    let Some((scheme, rest)) = uri.split_once("://") else {
        return Err(wrong(
            uri,
            "it has no scheme; write bolt://host or bolt://host:port",
        ));
    };
    let scheme = parse_scheme(uri, scheme)?;
    // An empty path is accepted, because tools write bolt://host/.
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    // A password could stand before the @, so this one error does not repeat the URI.
    if authority.contains('@') {
        return Err(Error::config(
            "the URI must not contain a user or a password; pass them as Auth::basic(user, password)",
        ));
    }
    if authority.contains('?') {
        return Err(wrong(
            uri,
            "a bolt:// URI takes no query; a routing context belongs to neo4j://",
        ));
    }
    if authority.contains(['/', '#']) {
        return Err(wrong(uri, "nothing may follow the host and the port"));
    }
    let (host, port) = split(authority).map_err(|why| wrong(uri, &why))?;
    let port = parse_port(port).map_err(|why| wrong(uri, &why))?;
    Ok((scheme, Address::new(host, port)))
}

/// Reads `host[:port]`.
pub(crate) fn parse_address(text: &str) -> Result<Address, Error> {
    let parsed = if text.contains(['/', '@', '?', '#']) {
        Err("it must be a host, or a host and a port".into())
    } else {
        split(text).and_then(|(host, port)| Ok(Address::new(host, parse_port(port)?)))
    };
    parsed.map_err(|why| Error::config(format!("the address {text:?} is invalid: {why}")))
}

fn parse_scheme(uri: &str, scheme: &str) -> Result<Scheme, Error> {
    let scheme = scheme.to_ascii_lowercase();
    match scheme.as_str() {
        "bolt" => Ok(Scheme::Bolt),
        #[cfg(feature = "rustls")]
        "bolt+s" => Ok(Scheme::Secure),
        #[cfg(feature = "rustls")]
        "bolt+ssc" => Ok(Scheme::AnyCertificate),
        #[cfg(not(feature = "rustls"))]
        "bolt+s" | "bolt+ssc" => Err(Error::config(format!(
            "TLS (the scheme {scheme}://) is not part of this build: enable the feature `rustls` of the driver"
        ))),
        "neo4j" | "neo4j+s" | "neo4j+ssc" => Err(Error::config(format!(
            "routing (the scheme {scheme}://) is not supported yet; use {}:// to reach one server",
            scheme.replace("neo4j", "bolt")
        ))),
        "http" | "https" => Err(wrong(
            uri,
            "the driver needs the Bolt port of the server, usually 7687: use bolt://, or bolt+s:// for TLS",
        )),
        _ => Err(wrong(uri, "the scheme must be bolt, bolt+s or bolt+ssc")),
    }
}

/// Splits `host[:port]`, or says why this is not possible.
fn split(authority: &str) -> Result<(&str, Option<&str>), String> {
    if let Some(bracketed) = authority.strip_prefix('[') {
        let Some((host, rest)) = bracketed.split_once(']') else {
            return Err("the bracket of its IPv6 address is not closed".into());
        };
        let address = host.split_once('%').map_or(host, |(address, _zone)| address);
        if address.parse::<Ipv6Addr>().is_err() {
            return Err("between the brackets there is no IPv6 address".into());
        }
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err("only a port may follow the bracket".into()),
        };
    }
    match authority.split_once(':') {
        Some((_, rest)) if rest.contains(':') => {
            Err("an IPv6 address must be in brackets, as in [::1]:7687".into())
        }
        Some((host, port)) if !host.is_empty() => Ok((host, Some(port))),
        None if !authority.is_empty() => Ok((authority, None)),
        _ => Err("it has no host".into()),
    }
}

fn parse_port(port: Option<&str>) -> Result<u16, String> {
    let Some(text) = port else {
        return Ok(Address::DEFAULT_PORT);
    };
    // `parse` would accept a sign.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port @ 1..) if digits => Ok(port),
        _ => Err(format!("the port must be a number from 1 to 65535, not {text:?}")),
    }
}

fn wrong(uri: &str, why: &str) -> Error {
    // User info is refused first. The rest can only hold a password if the text is not a URI.
    if uri.contains('@') {
        return Error::config(format!("the URI is invalid: {why}"));
    }
    Error::config(format!("the URI {uri:?} is invalid: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(uri: &str) -> String {
        parse(uri).unwrap().1.to_string()
    }

    fn error(uri: &str) -> String {
        parse(uri).unwrap_err().to_string()
    }

    #[test]
    fn hosts_and_ports_are_read() {
        assert_eq!(address("bolt://localhost"), "localhost:7687");
        assert_eq!(address("bolt://db.example:9999/"), "db.example:9999");
        assert_eq!(address("BOLT://127.0.0.1:1"), "127.0.0.1:1");
        assert_eq!(address("bolt://[::1]"), "[::1]:7687");
        assert_eq!(address("bolt://[2001:db8::7]:17"), "[2001:db8::7]:17");
    }

    #[test]
    fn schemes_that_other_tools_export_say_not_yet_and_name_the_scheme_for_one_server() {
        for (uri, instead) in [
            ("neo4j://h", "use bolt://"),
            ("neo4j+s://h", "use bolt+s://"),
            ("NEO4J+SSC://h", "use bolt+ssc://"),
        ] {
            let error = error(uri);
            assert!(
                error.contains("routing") && error.contains("not supported yet") && error.contains(instead),
                "{error}"
            );
        }
        assert!(error("http://localhost:7474").contains("7687"));
        assert!(error("localhost:7687").contains("no scheme"));
        assert!(error("tcp://localhost").contains("bolt+s"));
    }

    #[cfg(feature = "rustls")]
    #[test]
    fn the_scheme_says_how_the_server_is_verified() {
        for (uri, scheme) in [
            ("bolt://h", Scheme::Bolt),
            ("bolt+s://h", Scheme::Secure),
            ("Bolt+SSC://h:1", Scheme::AnyCertificate),
        ] {
            assert_eq!(parse(uri).unwrap().0, scheme, "{uri}");
        }
        assert_eq!(address("bolt+s://[::1]/"), "[::1]:7687");
    }

    #[cfg(not(feature = "rustls"))]
    #[test]
    fn without_tls_in_the_build_its_schemes_are_refused_by_the_name_of_the_feature() {
        for uri in ["bolt+s://h", "bolt+ssc://h"] {
            let error = error(uri);
            assert!(error.contains("`rustls`") && error.contains("bolt+s"), "{error}");
        }
    }

    #[test]
    fn a_wrong_port_is_named() {
        for port in ["0", "65536", "+1", "bolt", "-1", ""] {
            let error = error(&format!("bolt://host:{port}"));
            assert!(
                error.contains(&format!("{port:?}")) && error.contains("65535"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_password_in_the_uri_is_refused_and_not_repeated() {
        let error = error("bolt://neo4j:hunter2@localhost");
        assert!(
            error.contains("Auth::basic") && !error.contains("hunter2"),
            "{error}"
        );
        let error = parse("ftp://neo4j:hunter2@localhost").unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn other_nonsense_is_refused() {
        assert!(error("bolt://").contains("no host"));
        assert!(error("bolt://:7687").contains("no host"));
        assert!(error("bolt://::1").contains("brackets"));
        assert!(error("bolt://[::1").contains("not closed"));
        assert!(error("bolt://[host]").contains("no IPv6"));
        assert!(error("bolt://[::1]7687").contains("only a port"));
        assert!(error("bolt://host/path").contains("nothing may follow"));
        assert!(error("bolt://host?policy=x").contains("no query"));
    }

    #[test]
    fn an_address_is_a_host_and_perhaps_a_port() {
        let read = |text: &str| text.parse::<Address>().map(|address| address.to_string());
        assert_eq!(read("db").unwrap(), "db:7687");
        assert_eq!(read("10.0.0.1:1").unwrap(), "10.0.0.1:1");
        assert_eq!(read("[::1]:17").unwrap(), "[::1]:17");
        assert_eq!(Address::from(("::1", 17)).to_string(), "[::1]:17");
        for text in ["", ":1", "::1", "h:0", "h:x", "bolt://h", "me@h", "[::1", "[h]"] {
            let error = read(text).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Config);
            assert!(
                error.to_string().contains(&format!("the address {text:?}")),
                "{error}"
            );
        }
    }
}
