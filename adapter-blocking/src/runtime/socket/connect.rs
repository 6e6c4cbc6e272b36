//! Connecting within a time limit.

use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpStream};
#[cfg(unix)]
use std::path::Path;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};

use super::{Socket, Stream, TURN};
use crate::runtime::{Endpoint, SocketOptions, Timer as _};
use crate::timers::Delay;

impl Socket {
    /// Connects before `by`, within `connect_timeout`.
    pub(in crate::runtime) fn connect(
        to: &Endpoint,
        with: &SocketOptions,
        by: Option<Instant>,
    ) -> io::Result<Self> {
        let limit = limit(with, by)?;
        let stream = match to {
            Endpoint::Tcp(address) => Stream::Tcp(connect_tcp(*address, with, limit)?),
            #[cfg(unix)]
            Endpoint::Unix(path) => Stream::Unix(connect_unix(path, limit)?),
            _ => {
                return Err(io::Error::new(
                    io::ErrorKind::Unsupported,
                    "no such kind of socket on this system",
                ));
            }
        };
        Ok(Self::new(stream))
    }

    /// Connects like [`connect`](Self::connect), but yields every few milliseconds, so that the call can be cancelled.
    pub(in crate::runtime) async fn connect_in_steps(
        to: &Endpoint,
        with: &SocketOptions,
        by: Option<Instant>,
    ) -> io::Result<Self> {
        match to {
            Endpoint::Tcp(address) => {
                let first = limit(with, by)?.map_or(TURN, |limit| limit.min(TURN));
                let stream = connect_tcp_in_steps(*address, first, with.connect_timeout).await?;
                set_up(&stream, with)?;
                Ok(Self::new(Stream::Tcp(stream)))
            }
            // Connecting to a Unix-domain socket does not wait for a network.
            _ => Self::connect(to, with, by),
        }
    }
}

/// Returns the time that is left. Fails if there is none.
fn limit(with: &SocketOptions, by: Option<Instant>) -> io::Result<Option<Duration>> {
    let left = by.map(|at| at.saturating_duration_since(Instant::now()));
    let limit = match (left, with.connect_timeout) {
        (Some(left), Some(most)) => Some(left.min(most)),
        (only, None) | (None, only) => only,
    };
    if limit == Some(Duration::ZERO) {
        return Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "no time was left to connect",
        ));
    }
    Ok(limit)
}

fn connect_tcp(address: SocketAddr, with: &SocketOptions, limit: Option<Duration>) -> io::Result<TcpStream> {
    let stream = match limit {
        Some(limit) => TcpStream::connect_timeout(&address, limit)?,
        None => TcpStream::connect(address)?,
    };
    set_up(&stream, with)?;
    Ok(stream)
}

/// The standard library cannot resume waiting for a connection. So after the first step, this polls the socket at
/// intervals. The caller applies its own deadline.
async fn connect_tcp_in_steps(
    address: SocketAddr,
    first: Duration,
    limit: Option<Duration>,
) -> io::Result<TcpStream> {
    let by = limit.and_then(|limit| Instant::now().checked_add(limit));
    let socket = socket2::Socket::new(
        socket2::Domain::for_address(address),
        socket2::Type::STREAM,
        Some(socket2::Protocol::TCP),
    )?;
    match socket.connect_timeout(&address.into(), first) {
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
        result => return result.map(|()| socket.into()),
    }
    let mut pause = Delay::new(Instant::now());
    poll_fn(|cx| {
        if let Some(error) = socket.take_error()? {
            return Poll::Ready(Err(error));
        }
        match socket.peer_addr() {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {}
            result => return Poll::Ready(result.map(drop)),
        }
        let now = Instant::now();
        if by.is_some_and(|by| by <= now) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut pause).reset(now + TURN);
        // The turn may be over before the timer waits.
        if Pin::new(&mut pause).poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    })
    .await?;
    Ok(socket.into())
}

fn set_up(stream: &TcpStream, with: &SocketOptions) -> io::Result<()> {
    stream.set_nodelay(true)?;
    set_keep_alive(&SockRef::from(stream), with)
}

/// Enables TCP keep-alive with the given options. Not every system supports every option.
fn set_keep_alive(socket: &SockRef<'_>, with: &SocketOptions) -> io::Result<()> {
    if !with.keep_alive {
        return socket.set_keepalive(false);
    }
    let mut probes = TcpKeepalive::new();
    if let Some(time) = with.tcp_keepalive_time {
        probes = probes.with_time(time);
    }
    #[cfg(any(
        target_os = "linux",
        target_os = "android",
        target_vendor = "apple",
        target_os = "freebsd",
        windows
    ))]
    {
        if let Some(interval) = with.tcp_keepalive_interval {
            probes = probes.with_interval(interval);
        }
        if let Some(retries) = with.tcp_keepalive_retries {
            probes = probes.with_retries(retries);
        }
    }
    socket.set_tcp_keepalive(&probes)
}

/// Connecting to a Unix-domain socket waits only while the server's backlog is full, and not on every system. The write
/// time-out limits that wait.
#[cfg(unix)]
fn connect_unix(path: &Path, limit: Option<Duration>) -> io::Result<std::os::unix::net::UnixStream> {
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
    socket.set_write_timeout(limit)?;
    socket
        .connect(&socket2::SockAddr::unix(path)?)
        .map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => io::Error::new(
                io::ErrorKind::TimedOut,
                "the server did not accept the connection in time",
            ),
            _ => error,
        })?;
    socket.set_write_timeout(None)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;
    use crate::block_on::block_on;

    #[test]
    fn connecting_is_limited_by_the_shorter_of_time_out_and_deadline() {
        const HOUR: Duration = Duration::from_secs(3600);
        let limit = |own: Option<Duration>, left: Option<Duration>| {
            let mut with = SocketOptions::default();
            with.connect_timeout = own;
            limit(&with, left.map(|left| Instant::now() + left))
        };
        assert_eq!(limit(None, None).unwrap(), None);
        assert_eq!(limit(Some(HOUR), None).unwrap(), Some(HOUR));
        assert_eq!(limit(Some(HOUR), Some(HOUR * 2)).unwrap(), Some(HOUR));
        for own in [None, Some(HOUR * 2)] {
            let limit = limit(own, Some(HOUR)).unwrap().unwrap();
            assert!(limit <= HOUR && limit > HOUR / 2);
        }
        let none_left = limit(Some(HOUR), Some(Duration::ZERO)).unwrap_err();
        assert_eq!(none_left.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn connecting_in_steps_reaches_a_listener_and_reports_its_absence() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let endpoint = Endpoint::Tcp(listener.local_addr().unwrap());
        let with = SocketOptions::default();
        assert!(block_on(Socket::connect_in_steps(&endpoint, &with, None)).is_ok());
        drop(listener);
        let error = block_on(Socket::connect_in_steps(&endpoint, &with, None)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }

    /// Connecting waits while the backlog of a listener that does not accept is full.
    #[cfg(target_os = "linux")]
    #[test]
    fn connecting_in_steps_waits_for_a_slow_listener_and_ends_at_its_limit() {
        let (listener, fillers) = full_listener();
        let endpoint = Endpoint::Tcp(listener.local_addr().unwrap());
        let mut with = SocketOptions::default();
        with.connect_timeout = Some(Duration::from_millis(100));
        let started = Instant::now();
        let error = block_on(Socket::connect_in_steps(&endpoint, &with, None)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(started.elapsed() >= Duration::from_millis(100));

        with.connect_timeout = None;
        let late = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            drop(fillers);
            while listener.accept().is_err() {}
            let _open = [(); 4].map(|()| listener.accept());
        });
        block_on(Socket::connect_in_steps(&endpoint, &with, None)).unwrap();
        drop(late);
    }

    #[cfg(target_os = "linux")]
    fn full_listener() -> (TcpListener, Vec<TcpStream>) {
        let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        listener.bind(&any.into()).unwrap();
        listener.listen(0).unwrap();
        let listener = TcpListener::from(listener);
        let address = listener.local_addr().unwrap();
        let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(50)).ok();
        let fillers = std::iter::from_fn(connect).take(16).collect();
        (listener, fillers)
    }

    #[test]
    fn sockets_disable_nagle_and_set_keep_alive_as_configured() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        for keep_alive in [true, false] {
            let mut with = SocketOptions::default();
            with.keep_alive = keep_alive;
            let stream = connect_tcp(address, &with, None).unwrap();
            let socket = SockRef::from(&stream);
            assert!(socket.tcp_nodelay().unwrap());
            assert_eq!(socket.keepalive().unwrap(), keep_alive);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn keep_alive_probes_use_the_configured_timing() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let probes = |with: &SocketOptions| {
            let stream = connect_tcp(address, with, None).unwrap();
            let socket = SockRef::from(&stream);
            let time = socket.tcp_keepalive_time().unwrap();
            let interval = socket.tcp_keepalive_interval().unwrap();
            (time, interval, socket.tcp_keepalive_retries().unwrap())
        };
        let mut with = SocketOptions::default();
        let (time, interval, retries) = probes(&with);
        assert_eq!((time.as_secs(), interval.as_secs(), retries), (60, 10, 5));
        with.tcp_keepalive_time = Some(Duration::from_secs(7));
        with.tcp_keepalive_interval = Some(Duration::from_secs(3));
        with.tcp_keepalive_retries = Some(2);
        let (time, interval, retries) = probes(&with);
        assert_eq!((time.as_secs(), interval.as_secs(), retries), (7, 3, 2));
        (with.tcp_keepalive_time, with.tcp_keepalive_interval) = (None, None);
        with.tcp_keepalive_retries = None;
        let system = TcpStream::connect(address).unwrap();
        assert_eq!(
            probes(&with).0,
            SockRef::from(&system).tcp_keepalive_time().unwrap()
        );
    }
}
