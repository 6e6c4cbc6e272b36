//! Connection URIs.

use std::collections::HashSet;
use std::net::Ipv6Addr;

use crate::address::Address;
use crate::error::Error;

/// What a URI says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Uri {
    pub(crate) scheme: Scheme,
    pub(crate) address: Address,
    /// The routing context, for the schemes of clusters.
    pub(crate) routing: Option<Vec<(String, String)>>,
}

/// What the scheme of a URI says about encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// `bolt`, `neo4j`: whether connections are encrypted is left to the options.
    Bolt,
    /// `bolt+s`, `neo4j+s`: the server's certificate is verified.
    #[cfg_attr(
        not(feature = "rustls"),
        expect(dead_code, reason = "refused in builds without TLS")
    )]
    Secure,
    /// `bolt+ssc`, `neo4j+ssc`: any certificate is accepted.
    #[cfg_attr(
        not(feature = "rustls"),
        expect(dead_code, reason = "refused in builds without TLS")
    )]
    AnyCertificate,
}

/// What is found at the other side of a scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Server,
    Cluster,
    UnixSocket,
}

/// Reads `scheme://host[:port][?key=value&…]`, or `bolt+unix:///path`.
pub(crate) fn parse(uri: &str) -> Result<Uri, Error> {
    let Some((scheme, rest)) = uri.split_once("://") else {
        return Err(wrong(
            uri,
            "it has no scheme; write bolt://host or bolt://host:port",
        ));
    };
    let name = scheme.to_ascii_lowercase();
    let (kind, scheme) = parse_scheme(uri, &name)?;
    // A password could stand before the @, and contain any character: so this one error does not repeat the URI.
    if rest.contains('@') && kind != Kind::UnixSocket {
        return Err(Error::config(
            "the URI must not contain a user or a password; pass them as Auth::basic(user, password), and write an @ in a \
             routing context as %40",
        ));
    }
    if kind == Kind::UnixSocket {
        let address = parse_path(rest).map_err(|why| wrong(uri, &why))?;
        return Ok(Uri {
            scheme,
            address,
            routing: None,
        });
    }
    let (authority, query) = match rest.split_once('?') {
        Some((authority, query)) => (authority, Some(query)),
        None => (rest, None),
    };
    // An empty path is accepted, because tools write bolt://host/.
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    if authority.contains(['/', '#']) || query.is_some_and(|query| query.contains('#')) {
        return Err(wrong(uri, "nothing may follow the host and the port"));
    }
    let (host, port) = split(authority).map_err(|why| wrong(uri, &why))?;
    let port = parse_port(port).map_err(|why| wrong(uri, &why))?;
    let routing = match (kind, query) {
        (Kind::Cluster, query) => {
            Some(parse_context(query.unwrap_or_default()).map_err(|why| wrong(uri, &why))?)
        }
        (_, None) => None,
        (_, Some(_)) => {
            let why = format!(
                "a {name}:// URI takes no query: a routing context belongs to {}://",
                name.replace("bolt", "neo4j")
            );
            return Err(wrong(uri, &why));
        }
    };
    Ok(Uri {
        scheme,
        address: Address::new(host, port),
        routing,
    })
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

fn parse_scheme(uri: &str, name: &str) -> Result<(Kind, Scheme), Error> {
    match name {
        "bolt" => Ok((Kind::Server, Scheme::Bolt)),
        "neo4j" => Ok((Kind::Cluster, Scheme::Bolt)),
        "bolt+unix" => Ok((Kind::UnixSocket, Scheme::Bolt)),
        #[cfg(feature = "rustls")]
        "bolt+s" => Ok((Kind::Server, Scheme::Secure)),
        #[cfg(feature = "rustls")]
        "bolt+ssc" => Ok((Kind::Server, Scheme::AnyCertificate)),
        #[cfg(feature = "rustls")]
        "neo4j+s" => Ok((Kind::Cluster, Scheme::Secure)),
        #[cfg(feature = "rustls")]
        "neo4j+ssc" => Ok((Kind::Cluster, Scheme::AnyCertificate)),
        #[cfg(not(feature = "rustls"))]
        "bolt+s" | "bolt+ssc" | "neo4j+s" | "neo4j+ssc" => Err(Error::config(format!(
            "TLS (the scheme {name}://) is not part of this build: enable the feature `rustls` of the driver"
        ))),
        "http" | "https" => Err(wrong(
            uri,
            "the driver needs the Bolt port of the server, usually 7687: use bolt://, or bolt+s:// for TLS",
        )),
        _ => Err(wrong(
            uri,
            "the scheme must be neo4j, neo4j+s or neo4j+ssc for a cluster, bolt, bolt+s or bolt+ssc for one server, or \
             bolt+unix for a local socket",
        )),
    }
}

/// Reads the path of a Unix-domain socket.
fn parse_path(path: &str) -> Result<Address, String> {
    if !path.starts_with('/') {
        return Err("the path of the socket must be absolute, as in bolt+unix:///run/bolt.sock".into());
    }
    if path.contains(['?', '#']) || path.ends_with('/') {
        return Err("nothing may follow the path of the socket".into());
    }
    let path = decode(path).filter(|path| !path.contains('\0'));
    let path = path.ok_or("a % in the path must begin an escape of UTF-8, as %20 for a space")?;
    Ok(Address::of_socket(path))
}

/// Reads `key=value&…`.
fn parse_context(query: &str) -> Result<Vec<(String, String)>, String> {
    let mut context: Vec<(String, String)> = Vec::new();
    let mut known = HashSet::new();
    for entry in query.split('&').filter(|entry| !entry.is_empty()) {
        let (key, value) = entry.split_once('=').unwrap_or((entry, ""));
        let decoded = |text: &str| {
            decode(text).ok_or_else(|| {
                format!("a % in the routing context must begin an escape of UTF-8, as %20 for a space, unlike in {text:?}")
            })
        };
        let (key, value) = (decoded(key)?, decoded(value)?);
        if key.is_empty() {
            return Err(format!("the entry {entry:?} of the routing context has no key"));
        }
        if value.is_empty() {
            return Err(format!("the key {key:?} of the routing context has no value"));
        }
        if key == "address" {
            return Err("the key \"address\" of the routing context is reserved for the driver".into());
        }
        if !known.insert(key.clone()) {
            return Err(format!("the key {key:?} stands in the routing context twice"));
        }
        context.push((key, value));
    }
    Ok(context)
}

/// Decodes percent escapes; `None` if one is incomplete, or the result is no text.
fn decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok()
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
        parse(uri).unwrap().address.to_string()
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
    fn other_schemes_are_refused_by_the_name_of_those_that_fit() {
        assert!(error("http://localhost:7474").contains("7687"));
        assert!(error("localhost:7687").contains("no scheme"));
        assert!(error("tcp://localhost").contains("neo4j+s"));
    }

    #[test]
    fn the_query_of_a_cluster_is_its_routing_context() {
        let context = |uri: &str| parse(uri).unwrap().routing;
        let entries = |entries: &[(&str, &str)]| {
            let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
            Some(entries.iter().map(owned).collect::<Vec<_>>())
        };
        assert_eq!(context("bolt://h"), None);
        assert_eq!(context("neo4j://h"), entries(&[]));
        assert_eq!(context("neo4j://h/?"), entries(&[]));
        assert_eq!(
            context("neo4j://h:1?policy=a+b&region=%C3%A4%20%3d%26=x"),
            entries(&[("policy", "a+b"), ("region", "\u{e4} =&=x")])
        );
        assert_eq!(context("NEO4J://h/?a%62=c"), entries(&[("ab", "c")]));
        assert_eq!(address("neo4j://[::1]?a=b"), "[::1]:7687");
    }

    #[test]
    fn a_wrong_routing_context_is_refused_by_what_is_wrong_with_it() {
        for (query, what) in [
            ("a=b&c=", "\"c\" of the routing context has no value"),
            ("c", "\"c\" of the routing context has no value"),
            ("a=1&b=2&%61=3", "\"a\" stands in the routing context twice"),
            ("address=h", "\"address\" of the routing context is reserved"),
            ("=x", "\"=x\" of the routing context has no key"),
            ("a=%", "unlike in \"%\""),
            ("a=%4", "unlike in \"%4\""),
            ("a=%zz", "unlike in \"%zz\""),
            ("a=%ff", "unlike in \"%ff\""),
            ("a=b#c", "nothing may follow"),
        ] {
            let error = error(&format!("neo4j://h?{query}"));
            assert!(error.contains(what), "{error}");
        }
        for (uri, scheme) in [("bolt://h?a=b", "neo4j://"), ("bolt://h?", "neo4j://")] {
            let error = error(uri);
            assert!(
                error.contains("takes no query") && error.contains(scheme),
                "{error}"
            );
        }
    }

    #[test]
    fn a_unix_domain_socket_is_an_absolute_path() {
        assert_eq!(address("bolt+unix:///run/neo4j%20x.sock"), "/run/neo4j x.sock");
        let at = parse("bolt+unix:///a@b").unwrap();
        assert_eq!(at.address.socket_path(), Some("/a@b"));
        for (uri, what) in [
            ("bolt+unix://run/x", "must be absolute"),
            ("bolt+unix://", "must be absolute"),
            ("bolt+unix:///run/", "nothing may follow"),
            ("bolt+unix:///run?a=b", "nothing may follow"),
            ("bolt+unix:///r%00n", "escape of UTF-8"),
            ("bolt+unix:///r%2", "escape of UTF-8"),
        ] {
            let error = error(uri);
            assert!(error.contains(what), "{error}");
        }
    }

    #[cfg(feature = "rustls")]
    #[test]
    fn the_scheme_says_how_the_server_is_verified() {
        for (uri, scheme) in [
            ("bolt://h", Scheme::Bolt),
            ("bolt+s://h", Scheme::Secure),
            ("Bolt+SSC://h:1", Scheme::AnyCertificate),
            ("neo4j://h", Scheme::Bolt),
            ("neo4j+s://h", Scheme::Secure),
            ("NEO4J+SSC://h?a=b", Scheme::AnyCertificate),
        ] {
            assert_eq!(parse(uri).unwrap().scheme, scheme, "{uri}");
        }
        assert_eq!(address("bolt+s://[::1]/"), "[::1]:7687");
    }

    #[cfg(not(feature = "rustls"))]
    #[test]
    fn without_tls_in_the_build_its_schemes_are_refused_by_the_name_of_the_feature() {
        for uri in ["bolt+s://h", "bolt+ssc://h", "neo4j+s://h", "neo4j+ssc://h"] {
            let error = error(uri);
            assert!(error.contains("`rustls`") && error.contains("+s"), "{error}");
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
        let error = parse("neo4j://neo4j:hunter2?x@localhost")
            .unwrap_err()
            .to_string();
        assert!(!error.contains("hunter2"), "{error}");
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
