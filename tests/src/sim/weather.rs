//! The weather of a world: how the network and the server behave, and how the driver is configured.

use std::time::Duration;

use bolt_client::Version;

use super::clock::{MICRO, MILLI, Nanos, SECOND};
use super::cluster::ClusterWeather;
use super::extremes::Extremes;
use super::rng::Rng;

/// The weather of a world. Shares are per thousand.
#[derive(Debug, Clone)]
pub(super) struct Weather {
    /// Nothing goes wrong by itself: no connection breaks, and the server fails only if a query asks for it.
    pub(super) calm: bool,
    pub(super) net: NetWeather,
    pub(super) server: ServerWeather,
    pub(super) driver: DriverOptions,
    /// Tasks are polled spuriously, and reads return `WouldBlock` although bytes have arrived.
    pub(super) restless: bool,
    /// Whether the pool's counts are checked whenever no task is ready. Reading them is a call that might repair a
    /// wrong state, so not in every world.
    pub(super) watched: bool,
    pub(super) extremes: Extremes,
    /// The servers, if there are several.
    pub(super) cluster: Option<ClusterWeather>,
}

/// How the network behaves.
#[derive(Debug, Clone)]
pub(super) struct NetWeather {
    /// The longest time that bytes travel one way.
    pub(super) latency: Nanos,
    /// The most bytes that travel in one piece; 0 for any number.
    pub(super) fragment: u64,
    /// How many bytes may be in flight in one direction before writes wait.
    pub(super) window: usize,
    pub(super) resets: u64,
    pub(super) silences: u64,
    pub(super) closures: u64,
    pub(super) refusals: u64,
    pub(super) hanging_connects: u64,
    pub(super) dns_failures: u64,
    pub(super) slow_dns: u64,
}

/// How the server behaves.
#[derive(Debug, Clone)]
pub(super) struct ServerWeather {
    pub(super) version: Version,
    pub(super) manifest: bool,
    /// The longest chunk that it sends.
    pub(super) chunk: usize,
    /// Whether a keep-alive precedes every answer.
    pub(super) noops: bool,
    /// The receive timeout that it announces as a hint, in seconds.
    pub(super) recv_timeout: Option<u64>,
    /// Whether it asks for telemetry.
    pub(super) telemetry: bool,
    /// The longest time for one request.
    pub(super) service: Nanos,
    pub(super) failures: u64,
    /// Requests with a connection that breaks before they are carried out.
    pub(super) breaks: u64,
    pub(super) lost_commits: u64,
    pub(super) lock_timeout: Nanos,
    /// The idle time after which it closes a connection without open work.
    pub(super) idle_limit: Option<Nanos>,
    pub(super) keys: u64,
}

/// How the driver is configured.
#[derive(Debug, Clone)]
pub(super) struct DriverOptions {
    pub(super) pool_size: usize,
    /// How long a call may wait for a connection. With [`Duration::MAX`] a forgotten caller waits forever, which is
    /// detected at once.
    pub(super) acquisition: Duration,
    pub(super) connection: Duration,
    pub(super) teardown: Duration,
    pub(super) lifetime: Option<Duration>,
    pub(super) probe_after: Option<Duration>,
    pub(super) min_idle: usize,
    pub(super) max_idle: Option<Duration>,
    /// How long failed work is retried.
    pub(super) retry: Duration,
    /// Whether telemetry is disabled.
    pub(super) telemetry_disabled: bool,
}

impl Weather {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let calm = rng.one_in(3);
        let mut weather = Self {
            calm,
            net: NetWeather::draw(rng, calm),
            server: ServerWeather::draw(rng, calm),
            driver: DriverOptions::draw(rng, calm),
            restless: rng.one_in(4),
            watched: rng.one_in(2),
            extremes: Extremes::draw(rng, calm),
            cluster: None,
        };
        // With tiny windows, long results would take more events than everything else.
        if weather.net.window < 4_096 {
            weather.extremes.long = 0;
        }
        weather
    }

    /// Draws the weather of a world with a cluster.
    pub(super) fn draw_cluster(rng: &mut Rng) -> Self {
        let mut weather = Self::draw(rng);
        let cluster = ClusterWeather::draw(rng, weather.server.version);
        weather.calm &= cluster.is_steady();
        // Every cluster works in the end.
        if let Some(tls) = &mut weather.extremes.tls {
            tls.make_possible();
            // Many handshakes at once, in the smallest pieces, would take more events than everything else.
            weather.net.window = weather.net.window.max(300);
        }
        weather.cluster = Some(cluster);
        // Where a distant server cannot be reached within that time, an attempt without end would follow another.
        if weather.driver.connection < Duration::from_secs(30) {
            weather.driver.retry = weather.driver.retry.min(Duration::from_secs(30));
        }
        weather
    }
}

impl NetWeather {
    fn draw(rng: &mut Rng, calm: bool) -> Self {
        let mut share = |one_in, most| {
            if !calm && rng.one_in(one_in) {
                rng.between(1, most)
            } else {
                0
            }
        };
        Self {
            resets: share(2, 400),
            silences: share(5, 200),
            closures: share(4, 200),
            refusals: share(4, 300),
            hanging_connects: share(6, 200),
            dns_failures: share(8, 200),
            slow_dns: share(4, 300),
            latency: rng.magnitude(MICRO, 20 * MILLI),
            fragment: rng.pick(&[0, 0, 0, 1, 7, 100]),
            window: rng.pick(&[16, 300, 4_096, 65_536, 1 << 20]),
        }
    }
}

impl ServerWeather {
    fn draw(rng: &mut Rng, calm: bool) -> Self {
        let versions: Vec<_> = Version::all().collect();
        Self {
            version: rng.pick(&versions),
            manifest: rng.one_in(2),
            chunk: rng.pick(&[65_535, 65_535, 1_000, 3]),
            noops: rng.one_in(6),
            recv_timeout: rng.one_in(4).then(|| rng.between(1, 60)),
            telemetry: rng.one_in(2),
            service: rng.magnitude(MICRO, 5 * MILLI),
            failures: if !calm && rng.one_in(2) {
                rng.between(1, 60)
            } else {
                0
            },
            breaks: if !calm && rng.one_in(3) {
                rng.between(5, 60)
            } else {
                0
            },
            lost_commits: if !calm && rng.one_in(3) {
                rng.between(10, 300)
            } else {
                0
            },
            lock_timeout: rng.pick(&[20 * MILLI, SECOND, 30 * SECOND]),
            idle_limit: (!calm && rng.one_in(6)).then(|| rng.magnitude(MILLI, 10 * SECOND)),
            keys: rng.between(1, 4),
        }
    }
}

impl DriverOptions {
    fn draw(rng: &mut Rng, calm: bool) -> Self {
        let millis = |low, high, rng: &mut Rng| Duration::from_millis(rng.between(low, high));
        let pool_size = rng.between(1, 6);
        Self {
            pool_size: pool_size as usize,
            min_idle: rng.between(0, pool_size) as usize,
            max_idle: rng.one_in(4).then(|| millis(1, 5_000, rng)),
            acquisition: match rng.between(0, 3) {
                0 if !calm => millis(20, 2_000, rng),
                1 => Duration::from_secs(60),
                _ => Duration::MAX,
            },
            connection: if rng.one_in(4) && !calm {
                millis(20, 500, rng)
            } else {
                Duration::from_secs(30)
            },
            teardown: if rng.one_in(3) {
                millis(10, 1_000, rng)
            } else {
                Duration::from_secs(5)
            },
            lifetime: rng.one_in(4).then(|| millis(1, 5_000, rng)),
            probe_after: rng.one_in(4).then(|| millis(0, 500, rng)),
            retry: match rng.between(0, 4) {
                0 => Duration::ZERO,
                1 => millis(1, 5_000, rng),
                2 => Duration::MAX,
                _ => Duration::from_secs(30),
            },
            telemetry_disabled: rng.one_in(4),
        }
    }
}
