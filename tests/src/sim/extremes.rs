//! Rare but real conditions: stalled executors, buffering transports, endless keep-alives, endless results, panicking
//! runtimes, silent addresses, firewalls that drop idle connections, encryption, and logins of several users.

use std::sync::OnceLock;

use super::clock::{MICRO, MILLI, Nanos, SECOND};
use super::logins::LoginWeather;
use super::net::{ConnId, Trouble};
use super::rng::Rng;
use super::tls::TlsWeather;

/// The rare conditions of a world. None by default.
#[derive(Debug, Clone, Default)]
pub(super) struct Extremes {
    /// How many of a thousand polls are preceded by a stall although the task was ready.
    pub(super) stalls: u64,
    /// The longest stall.
    pub(super) longest_stall: Nanos,
    /// How many bytes a transport buffers until it is flushed; 0 if it sends at once.
    pub(super) buffer: usize,
    /// How many of a thousand requests are answered by endless keep-alives, which are always ready to be read.
    pub(super) babble: u64,
    /// How many of a thousand read-only queries have a result that exceeds any buffer by far.
    pub(super) long: u64,
    /// How many of a thousand look-ups and connects panic.
    pub(super) panics: u64,
    /// How many addresses of a name never answer: the first ones.
    pub(super) silent_addresses: u8,
    /// Connections that were idle for longer are dropped silently by a middlebox.
    pub(super) forgets: Option<Nanos>,
    /// How TLS is spoken, if connections are encrypted.
    pub(super) tls: Option<TlsWeather>,
    /// How users log in, if the server cares.
    pub(super) logins: Option<LoginWeather>,
    /// Connections made before this instant never get an answer. Not drawn: for small worlds.
    pub(super) mute_until: Nanos,
    /// A disturbance of one connection. Not drawn: for small worlds.
    pub(super) cut: Option<Cut>,
}

/// A disturbance of a connection once so many bytes have arrived at one end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    pub(super) conn: ConnId,
    pub(super) at_client: bool,
    pub(super) bytes: u64,
    pub(super) trouble: Trouble,
}

/// The time that reading one keep-alive takes where they are endless. Without it no time would pass.
pub(super) const BABBLE: Nanos = MILLI;

/// How late a call may end where keep-alives are endless: polled tasks take turns.
pub(super) const BABBLE_SLACK: Nanos = SECOND;

/// One of so many worlds has TLS, which costs time.
const TLS_SHARE: u64 = 4;

/// Which rare conditions a world has, and which rules its judges check.
#[derive(Debug, Clone, Copy)]
pub(super) struct Switches {
    stalls: bool,
    buffering: bool,
    babble: bool,
    long: bool,
    panics: bool,
    addresses: bool,
    forgetting: bool,
    tls: bool,
    logins: bool,
    /// Whether an answer that has arrived counts, however late it is read.
    pub(super) arrived: bool,
    /// Whether abandoned work must end on the server within round trips.
    pub(super) given_up: bool,
    /// Whether a session must finish its dropped writes before it begins anything else.
    pub(super) own_writes: bool,
}

impl Switches {
    /// Returns the switches that are on: the defaults, those named by `SIM_SWITCHES=stalls,long`, or all for
    /// `SIM_SWITCHES=all`.
    pub(super) fn get() -> Self {
        static SWITCHES: OnceLock<Switches> = OnceLock::new();
        *SWITCHES.get_or_init(|| match std::env::var("SIM_SWITCHES") {
            Ok(names) => Self::of(|name| names == "all" || names.split(',').any(|on| on == name)),
            Err(_) => Self::of(|name| ON.contains(&name)),
        })
    }

    fn of(on: impl Fn(&str) -> bool) -> Self {
        Self {
            stalls: on("stalls"),
            buffering: on("buffering"),
            babble: on("babble"),
            long: on("long"),
            panics: on("panics"),
            addresses: on("addresses"),
            forgetting: on("forgetting"),
            tls: on("tls"),
            logins: on("logins"),
            arrived: on("arrived"),
            given_up: on("given_up"),
            own_writes: on("own_writes"),
        }
    }
}

/// The switches that are on by default.
const ON: &[&str] = &[
    "stalls",
    "buffering",
    "babble",
    "long",
    "panics",
    "addresses",
    "forgetting",
    "tls",
    "logins",
    "arrived",
    "given_up",
    "own_writes",
];

impl Extremes {
    /// Draws everything in any case, so that a switch changes only its own condition.
    pub(super) fn draw(rng: &mut Rng, calm: bool) -> Self {
        let on = Switches::get();
        let mut share = |one_in, most| {
            if rng.one_in(one_in) {
                rng.between(1, most)
            } else {
                0
            }
        };
        let (stalls, babble) = (share(6, 100), share(8, 30));
        let (long, panics) = (share(6, 300), share(8, 200));
        let longest_stall = rng.magnitude(100 * MICRO, 5 * SECOND);
        let buffer = if rng.one_in(5) {
            rng.pick(&[1, 100, 8_192])
        } else {
            0
        };
        let silent_addresses = if rng.one_in(8) { rng.between(1, 2) } else { 0 };
        let forgets = rng.one_in(8).then(|| rng.magnitude(10 * MILLI, 10 * SECOND));
        let tls = rng.one_in(TLS_SHARE);
        let tls = tls.then(|| TlsWeather::draw(rng, calm));
        let logins = rng.one_in(3);
        let logins = logins.then(|| LoginWeather::draw(rng, calm));
        let when = |on: bool, share: u64| if on { share } else { 0 };
        Self {
            stalls: when(on.stalls, stalls),
            longest_stall,
            buffer: when(on.buffering, buffer) as usize,
            babble: when(on.babble && !calm, babble),
            long: when(on.long, long),
            panics: when(on.panics && !calm, panics),
            silent_addresses: when(on.addresses && !calm, silent_addresses) as u8,
            forgets: forgets.filter(|_| on.forgetting && !calm),
            tls: tls.filter(|_| on.tls),
            logins: logins.filter(|_| on.logins),
            mute_until: 0,
            cut: None,
        }
    }
}
