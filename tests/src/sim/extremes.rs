//! Weather that is rare, but real: executors that stand still, transports that buffer, servers that never stop to say
//! that they are alive, results without end, runtimes that panic, addresses that are silent, firewalls that forget.

use std::sync::OnceLock;

use super::clock::{MICRO, MILLI, Nanos, SECOND};
use super::rng::Rng;

/// What of it there is in a world. Nothing by default.
#[derive(Debug, Clone, Default)]
pub(super) struct Extremes {
    /// Before so many of a thousand polls time passes, although the task was ready.
    pub(super) stalls: u64,
    /// For how long at most.
    pub(super) longest_stall: Nanos,
    /// How many bytes a transport keeps until it is flushed; 0 if it sends them at once.
    pub(super) buffer: usize,
    /// So many of a thousand requests are answered by keep-alives only, which are always there to be read.
    pub(super) babble: u64,
    /// So many of a thousand queries that only read have a result that is far longer than any buffer.
    pub(super) long: u64,
    /// So many of a thousand look-ups and connects panic.
    pub(super) panics: u64,
    /// How many of the addresses that a name stands for never answer: those that are named first.
    pub(super) silent_addresses: u8,
    /// Connections that were idle for so long are forgotten by what stands between: nothing arrives any more.
    pub(super) forgets: Option<Nanos>,
    /// Whoever connects before this instant never gets an answer. Not drawn: for small worlds.
    pub(super) mute_until: Nanos,
}

/// How long reading a keep-alive takes, where they never end: else no time would pass.
pub(super) const BABBLE: Nanos = MILLI;

/// How late a call may end where keep-alives never end: those who are polled take turns.
pub(super) const BABBLE_SLACK: Nanos = 500 * MILLI;

/// What worlds have and judge.
#[derive(Debug, Clone, Copy)]
pub(super) struct Switches {
    stalls: bool,
    buffering: bool,
    babble: bool,
    long: bool,
    panics: bool,
    addresses: bool,
    forgetting: bool,
    /// Whether an answer that has arrived counts, however late it is read.
    pub(super) arrived: bool,
    /// Whether what was given up has to end on the server within round trips.
    pub(super) given_up: bool,
    /// Whether a session has to finish what it dropped before it begins anything else.
    pub(super) own_writes: bool,
}

impl Switches {
    /// Those that are on. `SIM_SWITCHES=stalls,long` has these instead, `SIM_SWITCHES=all` all.
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
            arrived: on("arrived"),
            given_up: on("given_up"),
            own_writes: on("own_writes"),
        }
    }
}

/// The switches that are on by default. The others wait until the driver can stand them.
const ON: &[&str] = &[
    "stalls",
    "buffering",
    "babble",
    "long",
    "panics",
    "addresses",
    "forgetting",
    "arrived",
    "given_up",
    "own_writes",
];

impl Extremes {
    /// Everything is drawn in any case, so that a switch changes nothing but what it is for.
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
            mute_until: 0,
        }
    }
}
