//! TLS in a world: its weather, the certificates, and the server's end of a connection that is encrypted.
//!
//! The keys and nonces of TLS are truly random, but nothing in a world depends on them: keys and signatures are
//! Ed25519, which has one size for each, and so every message has a size that the weather determines.

use std::io::{Read, Write};
use std::sync::{Arc, LazyLock};

use bolt_client::Tls;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PKCS_ED25519, SerialNumber};
use rustls::crypto::ring::Ticketer;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{NoServerSessionStorage, ProducesTickets, ServerConfig, ServerConnection};
use rustls::version::{TLS12, TLS13};
use rustls::{ProtocolVersion, SupportedProtocolVersion};

use super::clock::{MILLI, Nanos, SECOND};
use super::cluster;
use super::rng::Rng;

/// The host that drivers of worlds with one server connect to.
const HOST: &str = "simulated.example";

/// The hosts of a cluster, and the one that stands for all of them.
const HOSTS: [&str; 2] = ["*.cluster.example", cluster::SEED];

/// The URI that drivers of worlds with one server connect to.
pub(super) const URI: &str = "bolt://simulated.example";

/// The most plaintext that a server encrypts at once.
const MAX_RECORD: usize = 16_384;

/// How TLS is spoken in a world.
#[derive(Debug, Clone)]
pub(super) struct TlsWeather {
    /// What the driver speaks.
    pub(super) driver: Speaks,
    /// What the server speaks.
    pub(super) server: Speaks,
    pub(super) resumption: Resumption,
    /// Whether the server sends `close_notify` before it closes a connection.
    pub(super) announces_end: bool,
    /// After how many of a thousand requests the server asks for new keys, often while the connection is idle.
    pub(super) key_updates: u64,
    /// The instants between which the server has a certificate that the driver does not trust.
    pub(super) stranger: Option<(Nanos, Nanos)>,
}

/// The versions that one side speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaks {
    Both,
    Only12,
    Only13,
}

/// How the server resumes sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resumption {
    Never,
    /// It remembers them.
    Stored,
    /// Tickets contain them.
    Tickets,
}

impl TlsWeather {
    /// In calm worlds every handshake succeeds.
    pub(super) fn draw(rng: &mut Rng, calm: bool) -> Self {
        let all = [Speaks::Both, Speaks::Both, Speaks::Only12, Speaks::Only13];
        let (driver, server) = (rng.pick(&all), rng.pick(&all));
        let from = rng.magnitude(1, 10 * SECOND);
        let until = from + rng.magnitude(MILLI, 200 * SECOND);
        let stranger = rng.one_in(3).then_some((from, until));
        Self {
            driver,
            server: if calm { Speaks::Both } else { server },
            resumption: rng.pick(&[Resumption::Never, Resumption::Stored, Resumption::Tickets]),
            announces_end: rng.one_in(2),
            key_updates: if rng.one_in(2) { rng.between(1, 300) } else { 0 },
            stranger: stranger.filter(|_| !calm),
        }
    }

    /// TLS without any trouble.
    pub(super) const fn calm() -> Self {
        Self {
            driver: Speaks::Both,
            server: Speaks::Both,
            resumption: Resumption::Stored,
            announces_end: true,
            key_updates: 0,
            stranger: None,
        }
    }

    /// Returns the driver's options.
    pub(super) fn options(&self) -> Tls {
        let tls = Tls::new().ca_der(&IDENTITIES.authority);
        match self.driver {
            Speaks::Both => tls,
            Speaks::Only12 => tls.only_tls_1_2(),
            Speaks::Only13 => tls.only_tls_1_3(),
        }
    }

    /// Makes handshakes succeed, while the server has the right certificate.
    pub(super) fn make_possible(&mut self) {
        if !self.is_possible() {
            self.server = Speaks::Both;
        }
    }

    /// Whether there is a version that both sides speak.
    fn is_possible(&self) -> bool {
        self.driver == Speaks::Both || self.server == Speaks::Both || self.driver == self.server
    }
}

impl Speaks {
    fn versions(self) -> &'static [&'static SupportedProtocolVersion] {
        static ALL: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
        match self {
            Self::Both => &ALL,
            Self::Only12 => &ALL[1..],
            Self::Only13 => &ALL[..1],
        }
    }
}

/// The servers that a world's connections lead to. Each world has its own: they remember sessions.
#[derive(Debug)]
pub(super) struct TlsServers {
    weather: TlsWeather,
    trusted: Arc<ServerConfig>,
    stranger: Arc<ServerConfig>,
}

impl TlsServers {
    pub(super) fn new(weather: &TlsWeather, clustered: bool) -> Self {
        let (trusted, stranger) = if clustered {
            &IDENTITIES.of_cluster
        } else {
            &IDENTITIES.of_server
        };
        Self {
            weather: weather.clone(),
            trusted: trusted.server(weather),
            stranger: stranger.server(weather),
        }
    }

    /// From now on, servers have the right certificate.
    pub(super) const fn calm_down(&mut self) {
        self.weather.stranger = None;
    }

    /// Returns the server's end of a connection that is made now.
    pub(super) fn accept(&self, now: Nanos) -> Encrypted {
        let is_stranger = self
            .weather
            .stranger
            .is_some_and(|(from, until)| (from..until).contains(&now));
        let config = if is_stranger {
            &self.stranger
        } else {
            &self.trusted
        };
        Encrypted {
            tls: ServerConnection::new(Arc::clone(config)).expect("a valid configuration"),
            out: Vec::new(),
            is_trusted: !is_stranger && self.weather.is_possible(),
            announces_end: self.weather.announces_end,
        }
    }
}

/// The server's end of TLS on one connection.
#[derive(Debug)]
pub(super) struct Encrypted {
    tls: ServerConnection,
    /// Ciphertext to be sent.
    out: Vec<u8>,
    /// Whether a handshake can succeed.
    is_trusted: bool,
    announces_end: bool,
}

impl Encrypted {
    /// Takes ciphertext from the client, and returns the plaintext in it.
    pub(super) fn decrypt(&mut self, mut bytes: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        let mut plain = Vec::new();
        while !bytes.is_empty() {
            let taken = self.tls.read_tls(&mut bytes).unwrap_or_default();
            let processed = self.tls.process_new_packets();
            // The reader ends in `WouldBlock`.
            let _blocked = self.tls.reader().read_to_end(&mut plain);
            self.collect();
            processed?;
            if taken == 0 {
                break;
            }
        }
        Ok(plain)
    }

    /// Encrypts the beginning of what is to be sent, unless earlier ciphertext is still there. Returns how much it took.
    pub(super) fn encrypt(&mut self, plain: &[u8]) -> usize {
        if !self.out.is_empty() {
            return 0;
        }
        self.append(plain)
    }

    /// As [`encrypt`](Self::encrypt), whether or not earlier ciphertext is still there.
    pub(super) fn append(&mut self, plain: &[u8]) -> usize {
        let len = plain.len().min(MAX_RECORD);
        let taken = self.tls.writer().write(&plain[..len]).unwrap_or_default();
        self.collect();
        taken
    }

    /// Asks the client for new keys, if this version can, and takes new ones.
    pub(super) fn update_keys(&mut self) {
        if self.tls.protocol_version() == Some(ProtocolVersion::TLSv1_3) && !self.tls.is_handshaking() {
            let _updated = self.tls.refresh_traffic_keys();
            self.collect();
        }
    }

    /// Announces the end of the stream, if this server does so. Returns whether it does.
    pub(super) fn announce_end(&mut self) -> bool {
        if self.announces_end {
            self.tls.send_close_notify();
            self.collect();
        }
        self.announces_end
    }

    /// Returns the ciphertext to be sent.
    pub(super) fn pending(&self) -> &[u8] {
        &self.out
    }

    pub(super) fn sent(&mut self, len: usize) {
        self.out.drain(..len);
    }

    /// Whether the handshake of a client that has received all of this must have failed, and will fail whenever it is
    /// repeated.
    pub(super) fn is_refused(&self) -> bool {
        !self.is_trusted && self.tls.is_handshaking()
    }

    /// Whether the client has announced the end of its stream.
    pub(super) fn has_ended(&mut self) -> bool {
        matches!(self.tls.reader().read(&mut [0]), Ok(0))
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    /// Whether a handshake with this server can succeed.
    pub(super) const fn is_trusted(&self) -> bool {
        self.is_trusted
    }

    /// Describes the session, for the trace.
    pub(super) fn describe(&self) -> String {
        format!(
            "{:?}, {:?}",
            self.tls.protocol_version(),
            self.tls.handshake_kind()
        )
    }

    /// Collects what TLS has to send.
    fn collect(&mut self) {
        while self.tls.wants_write() {
            if !matches!(self.tls.write_tls(&mut self.out), Ok(1..)) {
                break;
            }
        }
    }
}

/// The certificates of all worlds of this process.
struct Identities {
    /// The authority that drivers trust, in DER.
    authority: CertificateDer<'static>,
    /// One that drivers trust, and one of another authority.
    of_server: (Identity, Identity),
    of_cluster: (Identity, Identity),
}

/// A certificate with its key.
struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

static IDENTITIES: LazyLock<Identities> = LazyLock::new(|| {
    let (authority, issuer) = new_authority("trusted");
    let (_, other) = new_authority("another");
    Identities {
        authority,
        of_server: (
            Identity::issue(&issuer, &[HOST]),
            Identity::issue(&other, &[HOST]),
        ),
        of_cluster: (Identity::issue(&issuer, &HOSTS), Identity::issue(&other, &HOSTS)),
    }
});

/// The key of all tickets. No driver has one of another world.
static TICKETS: LazyLock<Arc<dyn ProducesTickets>> =
    LazyLock::new(|| Ticketer::new().expect("enough random numbers"));

impl Identity {
    fn issue(issuer: &Issuer<'_, KeyPair>, hosts: &[&str]) -> Self {
        let key = new_key();
        let certificate = params(hosts).signed_by(&key, issuer).expect("a certificate");
        Self {
            certificate: certificate.der().clone(),
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        }
    }

    /// Returns the configuration of a server with this identity.
    fn server(&self, weather: &TlsWeather) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(weather.server.versions())
            .and_then(|builder| {
                builder
                    .with_no_client_auth()
                    .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())
            })
            .expect("a configuration of a server");
        match weather.resumption {
            Resumption::Never => config.session_storage = Arc::new(NoServerSessionStorage {}),
            Resumption::Stored => {}
            Resumption::Tickets => config.ticketer = Arc::clone(&TICKETS),
        }
        Arc::new(config)
    }
}

fn new_authority(name: &str) -> (CertificateDer<'static>, Issuer<'static, KeyPair>) {
    let mut params = params(&[]);
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = new_key();
    let certificate = params.self_signed(&key).expect("a certificate").der().clone();
    (certificate, Issuer::new(params, key))
}

/// Certificates of a fixed size, valid for centuries.
fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names of hosts");
    // By default it is derived from the key, and may be shorter by a byte.
    params.serial_number = Some(SerialNumber::from(1_u64));
    params
}

fn new_key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ED25519).expect("enough random numbers")
}

#[cfg(test)]
mod tests {
    use rustls::{ClientConfig, ClientConnection, RootCertStore};

    use super::*;

    /// The sizes of all flights of a handshake and of a message, alternately of client and server.
    fn sizes(config: &Arc<ClientConfig>, servers: &TlsServers) -> Vec<usize> {
        let name = HOST.try_into().unwrap();
        let mut client = ClientConnection::new(Arc::clone(config), name).unwrap();
        let mut server = servers.accept(0);
        client.writer().write_all(b"a request").unwrap();
        let mut sizes = Vec::new();
        loop {
            let mut flight = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut flight).unwrap();
            }
            sizes.push(flight.len());
            if server.decrypt(&flight).unwrap() == b"a request" {
                server.append(b"an answer");
            }
            let flight = server.pending().to_vec();
            server.sent(flight.len());
            sizes.push(flight.len());
            let mut flight = flight.as_slice();
            while !flight.is_empty() {
                client.read_tls(&mut flight).unwrap();
                client.process_new_packets().unwrap();
            }
            if matches!(client.reader().read(&mut [0; 100]), Ok(9)) {
                return sizes;
            }
        }
    }

    #[test]
    fn the_sizes_of_messages_depend_on_nothing_random() {
        let mut roots = RootCertStore::empty();
        roots.add(IDENTITIES.authority.clone()).unwrap();
        for server in [Speaks::Only12, Speaks::Only13] {
            for resumption in [Resumption::Never, Resumption::Stored, Resumption::Tickets] {
                let weather = TlsWeather {
                    server,
                    resumption,
                    ..TlsWeather::calm()
                };
                let mut seen = Vec::new();
                for _ in 0..50 {
                    let provider = Arc::new(rustls::crypto::ring::default_provider());
                    let config = ClientConfig::builder_with_provider(provider)
                        .with_safe_default_protocol_versions()
                        .unwrap()
                        .with_root_certificates(roots.clone())
                        .with_no_client_auth();
                    let (config, servers) = (Arc::new(config), TlsServers::new(&weather, false));
                    let full_and_resumed = [(); 2].map(|()| sizes(&config, &servers));
                    assert_eq!(
                        full_and_resumed[0] == full_and_resumed[1],
                        resumption == Resumption::Never,
                        "{full_and_resumed:?}"
                    );
                    seen.push(full_and_resumed);
                }
                seen.dedup();
                assert_eq!(seen.len(), 1, "{weather:?}: {seen:?}");
            }
        }
    }
}
