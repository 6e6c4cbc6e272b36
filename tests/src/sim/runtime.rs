//! The driver's runtime in the simulated world.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::panic;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use bolt_client::runtime::{BoxFuture, Endpoint, Runtime, SocketOptions, Timer, Transport};

use super::clock::{Event, Key, MICRO, Nanos, SECOND, nanos};
use super::cluster::{self, ServerId};
use super::net::{Conn, ConnId, Socket};
use super::state::{Sim, State};

/// A runtime with a simulated clock, network and randomness.
pub(super) struct SimRuntime {
    pub(super) sim: Sim,
    /// The beginning of virtual time; its value is irrelevant.
    base: Instant,
}

impl SimRuntime {
    pub(super) fn new(sim: Sim) -> Self {
        Self {
            sim,
            base: Instant::now(),
        }
    }

    /// Returns a future that completes after this time.
    pub(super) fn sleep(&self, time: Duration) -> Alarm {
        let at = self.sim.with(|state| state.clock.now()) + nanos(time);
        Alarm::new(self.sim.clone(), at)
    }
}

impl fmt::Debug for SimRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimRuntime")
    }
}

impl Runtime for SimRuntime {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        _by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        let (slow, fails, addresses) = self.sim.with(|state| {
            let net = state.weather.net.clone();
            let slow = state.rng.permille(net.slow_dns);
            let longest = if slow { 40 * SECOND } else { 200 * MICRO };
            (
                state.rng.magnitude(1, longest),
                state.rng.permille(net.dns_failures),
                state.rng.between(1, 2),
            )
        });
        let panics = self.sim.with(panics);
        let silent = self.sim.with(|state| state.weather.extremes.silent_addresses);
        let addresses = if silent > 0 {
            u64::from(silent) + 1
        } else {
            addresses
        };
        let servers = self.sim.with(|state| state.servers_named(host));
        // A server has other addresses by the name of the seeds, so that connections show by which name they were made.
        let by_seed = u8::from(host == cluster::SEED);
        let wait = Alarm::after(&self.sim, slow);
        Box::pin(async move {
            wait.await;
            if panics {
                panic::resume_unwind(Box::new(Panic));
            }
            if fails {
                self.sim.with(|state| {
                    state.history.breaks += 1;
                    let looked_up = (state.polled, state.clock.now());
                    state.history.unresolved.push(looked_up);
                });
                return Err(io::Error::other("simulated: no such host"));
            }
            let address = |(server, last)| {
                let server = FIRST_SERVER + server as u8;
                SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, by_seed, server, last)), port)
            };
            let each = |server: ServerId| (1..=addresses as u8).map(move |last| (server, last));
            Ok(servers.into_iter().flat_map(each).map(address).collect())
        })
    }

    fn connect<'a>(
        &'a self,
        to: &'a Endpoint,
        _with: &'a SocketOptions,
        _by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Box<dyn Transport>>> {
        let (refused, hangs, latency) = self.sim.with(|state| {
            let net = state.weather.net.clone();
            (
                state.rng.permille(net.refusals),
                state.rng.permille(net.hanging_connects),
                state.rng.magnitude(1, 2 * net.latency),
            )
        });
        let server = server_at(to);
        let attempt = Attempt::begin(&self.sim, to, server);
        let panics = self.sim.with(panics);
        let hangs = hangs | self.sim.with(|state| state.is_silent(to));
        let distance = self.sim.with(|state| {
            let cluster = state.weather.cluster.as_ref();
            cluster.map_or(0, |weather| 2 * weather.distance[server])
        });
        let wait = Alarm::after(&self.sim, latency + distance);
        Box::pin(async move {
            let _attempt = attempt;
            wait.await;
            if panics {
                panic::resume_unwind(Box::new(Panic));
            }
            if hangs || self.sim.with(|state| state.is_cut_off(server)) {
                std::future::pending::<()>().await;
            }
            self.sim.with(|state| {
                if refused || state.is_down(server) {
                    state.history.breaks += 1;
                    state.note(|| "a connection is refused".to_owned());
                    return Err(io::ErrorKind::ConnectionRefused.into());
                }
                let conn = state.accept(server, to);
                state.note(|| format!("conn {conn}: connected to server {server}"));
                let socket: Box<dyn Transport> = Box::new(Socket::new(self.sim.clone(), conn));
                Ok(socket)
            })
        })
    }

    fn timer(&self, at: Instant) -> Pin<Box<dyn Timer>> {
        let at = nanos(at.saturating_duration_since(self.base));
        Box::pin(DriverTimer::new(Alarm::new(self.sim.clone(), at), self.base))
    }

    fn now(&self) -> Instant {
        let (now, endless) = self.sim.with(|state| {
            state.looks += 1;
            let endless = state.looks > MOST_LOOKS;
            if endless {
                state.looks = 0;
            }
            (state.clock.now(), endless)
        });
        // No other means could end an endless poll that reads nothing.
        assert!(!endless || thread::panicking(), "one poll never ends");
        self.base + Duration::from_nanos(now)
    }

    fn random(&self) -> u64 {
        self.sim.with(|state| state.rng.draw())
    }
}

/// More looks at the clock than any poll needs.
const MOST_LOOKS: u64 = 1_000_000;

/// The third part of the first server's addresses.
const FIRST_SERVER: u8 = 2;

/// Returns the server with this address.
fn server_at(to: &Endpoint) -> ServerId {
    match to {
        Endpoint::Tcp(SocketAddr::V4(to)) => usize::from(to.ip().octets()[2].saturating_sub(FIRST_SERVER)),
        _ => 0,
    }
}

/// The payload of the simulated runtime's panics. Any other panic is a bug.
pub(super) struct Panic;

/// Whether the runtime panics now.
fn panics(state: &mut State) -> bool {
    let share = state.weather.extremes.panics;
    let panics = share > 0 && state.rng.permille(share);
    if panics {
        state.note(|| "the runtime panics".to_owned());
    }
    panics
}

/// A connection that is being made. Together with the open ones there must never be more than the pool's size.
struct Attempt {
    sim: Sim,
    to: Endpoint,
}

impl Attempt {
    fn begin(sim: &Sim, to: &Endpoint, server: ServerId) -> Self {
        sim.with(|state| {
            state.connecting.push(to.clone());
            state.check_pool_size(to, server);
        });
        Self {
            sim: sim.clone(),
            to: to.clone(),
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.sim.with(|state| {
            let at = state.connecting.iter().position(|to| *to == self.to);
            at.map(|at| state.connecting.swap_remove(at));
        });
    }
}

impl State {
    /// Whether this is a silent address: the first ones of a name.
    fn is_silent(&self, to: &Endpoint) -> bool {
        let silent = self.weather.extremes.silent_addresses;
        matches!(to, Endpoint::Tcp(SocketAddr::V4(to)) if to.ip().octets()[3] <= silent)
    }

    /// Whether clients cannot reach a server.
    fn is_cut_off(&mut self, server: ServerId) -> bool {
        self.cluster()
            .is_some_and(|(cluster, _)| cluster.servers[server].cut_off > 0)
    }

    /// Whether a server's machine refuses connections.
    fn is_down(&mut self, server: ServerId) -> bool {
        self.cluster()
            .is_some_and(|(cluster, _)| !cluster.servers[server].up)
    }

    /// Returns the servers that a host name leads to: the seeds of a cluster, or one server.
    fn servers_named(&self, host: &str) -> Vec<ServerId> {
        match &self.weather.cluster {
            Some(weather) if host == cluster::SEED => weather.seeds.clone(),
            Some(_) => cluster::server_of(host).into_iter().collect(),
            None => vec![0],
        }
    }

    fn check_pool_size(&mut self, to: &Endpoint, server: ServerId) {
        if self.cluster.is_some() {
            return self.check_pool_size_at(to, server);
        }
        let (sockets, most) = (
            self.sockets() + self.connecting.len(),
            self.weather.driver.pool_size,
        );
        if sockets > most {
            self.history
                .violation(format!("{sockets} connections, but only {most} are allowed"));
        }
    }

    /// Checks how many connections an address has: those of its name's pool, and those of a pool of its own, which searches for
    /// routing tables share that have come to this address.
    fn check_pool_size_at(&mut self, to: &Endpoint, server: ServerId) {
        let conns = self.conns.iter();
        let sockets = conns.filter(|conn| conn.client_holds && conn.to == *to).count();
        let connecting = self.connecting.iter().filter(|other| *other == to).count();
        let most = 2 * self.weather.driver.pool_size;
        if sockets + connecting > most {
            self.history.violation(format!(
                "{sockets} connections to an address of server {server}, and {connecting} that are being made, but only \
                 {most} are allowed"
            ));
        }
    }

    /// Checks how many connections carry work to this server: all are those of one pool.
    pub(super) fn check_working(&mut self, conn: ConnId) {
        self.conns[conn].has_worked = true;
        let server = self.conns[conn].server;
        let working = |conn: &&Conn| conn.client_holds && conn.has_worked && conn.server == server;
        let (sockets, most) = (
            self.conns.iter().filter(working).count(),
            self.weather.driver.pool_size,
        );
        if sockets > most {
            self.history.violation(format!(
                "{sockets} connections carry work to server {server}, but only {most} are allowed"
            ));
        }
    }
}

/// A future that completes at an instant.
pub(super) struct Alarm {
    sim: Sim,
    at: Nanos,
    scheduled: Option<Key>,
}

impl Alarm {
    const fn new(sim: Sim, at: Nanos) -> Self {
        Self {
            sim,
            at,
            scheduled: None,
        }
    }

    pub(super) fn after(sim: &Sim, time: Nanos) -> Self {
        let at = sim.with(|state| state.clock.now()) + time;
        Self::new(sim.clone(), at)
    }

    fn unschedule(&mut self) {
        if let Some(key) = self.scheduled.take() {
            self.sim.with(|state| state.clock.cancel(key));
        }
    }
}

impl Future for Alarm {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.unschedule();
        let at = self.at;
        let key = self.sim.with(|state| {
            let wait = state.clock.now() < at;
            wait.then(|| state.at(at, Event::Wake(cx.waker().clone())))
        });
        self.scheduled = key;
        if key.is_some() {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.unschedule();
    }
}

/// A timer of the driver. They are counted: none may outlive the call that made it.
struct DriverTimer {
    alarm: Alarm,
    base: Instant,
}

impl DriverTimer {
    fn new(alarm: Alarm, base: Instant) -> Self {
        alarm.sim.with(|state| state.timers += 1);
        Self { alarm, base }
    }
}

impl Timer for DriverTimer {
    fn reset(mut self: Pin<&mut Self>, at: Instant) {
        self.alarm.unschedule();
        self.alarm.at = nanos(at.saturating_duration_since(self.base));
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.alarm).poll(cx)
    }
}

impl Drop for DriverTimer {
    fn drop(&mut self) {
        self.alarm.sim.with(|state| state.timers -= 1);
    }
}
