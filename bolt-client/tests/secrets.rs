//! No private key and no password of a key stays in the memory of the process: all of its memory is searched.
#![cfg(all(target_os = "linux", feature = "rustls"))]

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use bolt_client::runtime::{BoxFuture, Endpoint, Runtime, SocketOptions, Timer, Transport};
use bolt_client::{Auth, ClientCertificate, Config, Driver, Error, Tls};
use zeroize::{Zeroize, Zeroizing};

#[path = "../../bolt-proto/tests/search/mod.rs"]
mod search;

/// The certificate of the key below.
const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBTzCCAQGgAwIBAgIUWDw14WChZstVOT7cbBEvqKufpjwwBQYDK2VwMBwxGjAY
BgNVBAMMEWEgY2xpZW50IG9mIHRlc3RzMCAXDTI2MTEyOTE1MTI1NloYDzIxMjYx
MTA1MTUxMjU2WjAcMRowGAYDVQQDDBFhIGNsaWVudCBvZiB0ZXN0czAqMAUGAytl
cAMhAHVcTLklbKfNxKz9xs/u2oSQF+W5+VFOmRkb1n4LDUJ2o1MwUTAdBgNVHQ4E
FgQULunZQJx5iWXEyEWItUxjumBvEYgwHwYDVR0jBBgwFoAULunZQJx5iWXEyEWI
tUxjumBvEYgwDwYDVR0TAQH/BAUwAwEB/zAFBgMrZXADQQAwxj/R3KOZgaxfzm+b
imJsFjZ7wDz+sFK11Fufpm02b33Y1oqka80GBudIKsBRzs09w+uIaEHoYxIVhDOG
wV8E
-----END CERTIFICATE-----
";

/// What hides a secret from the search, and from the memory that holds the program.
const MASK: u8 = 0x5A;

/// The number that the key below consists of, disguised.
fn disguised_seed() -> [u8; 32] {
    std::array::from_fn(|at| (at as u8).wrapping_mul(7).wrapping_add(3) ^ MASK)
}

/// The key of the certificate in DER, without a copy that remains.
fn key_in_der() -> Zeroizing<Vec<u8>> {
    let mut der = Zeroizing::new(Vec::with_capacity(48));
    der.extend([
        0x30, 0x2E, 2, 1, 0, 0x30, 5, 6, 3, 0x2B, 0x65, 0x70, 4, 0x22, 4, 0x20,
    ]);
    der.extend(disguised_seed().map(|byte| byte ^ MASK));
    der
}

/// The key of the certificate in PEM, without a copy that remains.
fn key_in_pem() -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(200));
    text.push_str("-----BEGIN PRIVATE KEY-----\n");
    text.extend(base64(&key_in_der()));
    text.push_str("\n-----END PRIVATE KEY-----\n");
    text
}

/// 48 bytes of DER are 64 characters.
fn base64(der: &[u8]) -> impl Iterator<Item = char> + '_ {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    der.chunks_exact(3).flat_map(|three| {
        let bits = three
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        [18, 12, 6, 0].map(|shift| char::from(ALPHABET[(bits >> shift & 0x3F) as usize]))
    })
}

/// How often the key is found: its number, and its text after what all such keys have in common.
fn copies_of_the_key(buffer: &mut [u8]) -> [usize; 2] {
    let mut seed = disguised_seed();
    let mut text: Vec<u8> = base64(&key_in_der())
        .skip(22)
        .map(|char| char as u8 ^ MASK)
        .collect();
    let found = [&seed[..], &text].map(|disguised| search::copies(disguised, MASK, buffer));
    buffer.fill(0);
    seed.fill(0);
    text.fill(0);
    found
}

/// A runtime without a network: certificates are read when a driver is made.
#[derive(Debug)]
struct Nowhere;

impl Runtime for Nowhere {
    fn resolve<'a>(
        &'a self,
        _host: &'a str,
        _port: u16,
        _by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async { Err(io::ErrorKind::NetworkDown.into()) })
    }

    fn connect<'a>(
        &'a self,
        _to: &'a Endpoint,
        _with: &'a SocketOptions,
        _by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Box<dyn Transport>>> {
        Box::pin(async { Err(io::ErrorKind::NetworkDown.into()) })
    }

    fn timer(&self, _at: Instant) -> Pin<Box<dyn Timer>> {
        unreachable!("nothing waits")
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn random(&self) -> u64 {
        0
    }
}

fn driver(certificate: ClientCertificate) -> Result<Driver, Error> {
    let tls = Tls::new().trust_any_certificate().client_certificate(certificate);
    let config = Config::new("bolt+ssc://nowhere", Auth::none()).unwrap().tls(tls);
    Driver::with_runtime(Arc::new(Nowhere), config)
}

/// A certificate and its key in memory: the text is not copied.
fn in_memory(certificate: &str) -> ClientCertificate {
    ClientCertificate::from_pem(certificate, std::mem::take(&mut *key_in_pem()))
}

/// One test, since others would run at the same time in the same memory.
#[test]
fn no_private_key_stays_in_memory_when_it_is_not_needed_any_more() {
    let buffer = &mut *vec![0; 1 << 20];
    let found = copies_of_the_key(buffer);
    assert_eq!(found, [0, 0], "before the test");
    let known = (key_in_der(), key_in_pem());
    assert_eq!(
        copies_of_the_key(buffer),
        [1, 1],
        "copies that are known must be found"
    );
    drop(known);
    assert_eq!(copies_of_the_key(buffer), [0, 0], "copies that were wiped");

    let certificate = in_memory(CERTIFICATE);
    drop(certificate.clone());
    assert_eq!(copies_of_the_key(buffer), [0, 1], "a certificate");
    let driver_of_it = driver(certificate.clone()).unwrap();
    drop(certificate);
    assert_eq!(
        copies_of_the_key(buffer),
        [0, 1],
        "a driver that may read the key again"
    );
    drop(driver_of_it);
    assert_eq!(copies_of_the_key(buffer), [0, 0], "a driver that was dropped");

    // A key that does not belong to the certificate, and a certificate that is none.
    let other = CERTIFICATE.replace("HVcTLkl", "HVcTLkm");
    for wrong in [&*other, "none"] {
        let error = driver(in_memory(wrong)).unwrap_err();
        assert_eq!(copies_of_the_key(buffer), [0, 0], "{error}");
    }

    // The key in a file of its own, and beside the certificate.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let [certificate, key, both] =
        ["certificate", "key", "both"].map(|name| folder.join(format!("secrets-{name}.pem")));
    fs::write(&certificate, CERTIFICATE).unwrap();
    fs::write(&key, key_in_pem().as_bytes()).unwrap();
    let mut text = Zeroizing::new(String::with_capacity(1000));
    text.push_str(CERTIFICATE);
    text.push_str(&key_in_pem());
    fs::write(&both, text.as_bytes()).unwrap();
    text.zeroize();
    for (chain, key) in [(&certificate, &key), (&both, &both)] {
        let driver = driver(ClientCertificate::from_files(chain, key)).unwrap();
        assert_eq!(
            copies_of_the_key(buffer),
            [0, 0],
            "a driver with {}",
            key.display()
        );
        drop(driver);
    }

    #[cfg(feature = "encrypted-keys")]
    encrypted::the_password_and_the_key_are_wiped(buffer);
}

#[cfg(feature = "encrypted-keys")]
mod encrypted {
    use super::*;

    /// The same key, encrypted by the password.
    const KEY: &str = "\
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAiWNlNii5qWLAICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEFs7+RocHWLkzJirAUAb3vwEQE7m
zB/wxDDoeHP2RwpzRQBot1cy71sw0VbkXuMbL9t0eJVts82C0QwbbUgS0KeiFwas
v3845demqwiug41xDyg=
-----END ENCRYPTED PRIVATE KEY-----
";

    /// The same, in the traditional form.
    const TRADITIONAL: &str = "\
-----BEGIN PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-256-CBC,5B3BF91A1C1D62E4CC98AB01401BDE01

ol/ITyWCAxPnlf1uCDFICzv1P4TbbvPfBDqHhjR40RRbqfGMUHl+eQNfI6h3U+fR
gKtjlT8y3nL6GB0Xglp8Iw==
-----END PRIVATE KEY-----
";

    /// The password, disguised.
    const PASSWORD: &[u8] =
        b"\x2E\x36\x29\x77\x09\x3F\x39\x28\x3F\x2E\x74\x63\x6E\x69\x6B\x77\x0A\x32\x28\x3B\x29\x3F\
        \x75\x35\x3C\x77\x29\x35\x37\x3F\x77\x37\x35\x28\x3F\x77\x0D\x35\x28\x3E\x29\x74\x6D\x6D";

    pub(super) fn the_password_and_the_key_are_wiped(buffer: &mut [u8]) {
        let found = |buffer: &mut [u8]| {
            // An allocator may write over the beginning of what was freed, which hides a copy.
            let count = search::copies(&PASSWORD[16..], MASK, buffer);
            buffer.fill(0);
            (count, copies_of_the_key(buffer))
        };
        for key in [KEY, TRADITIONAL] {
            let certificate = {
                let mut password = Zeroizing::new(String::with_capacity(PASSWORD.len()));
                password.extend(PASSWORD.iter().map(|byte| char::from(byte ^ MASK)));
                ClientCertificate::from_pem(CERTIFICATE, key).password(&**password)
            };
            assert_eq!(found(buffer), (1, [0, 0]), "a certificate");
            let driver = driver(certificate).unwrap();
            assert_eq!(found(buffer), (1, [0, 0]), "a driver");
            drop(driver);
            assert_eq!(found(buffer), (0, [0, 0]), "a driver that was dropped");
        }
    }
}
