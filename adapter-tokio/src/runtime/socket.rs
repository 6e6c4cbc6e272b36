//! A socket that moves to the runtime that waits for it.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::runtime::{Handle, Id, is_rt_shutdown_err};

use super::context::{caught, current, with_timers};
use super::{AsyncRead, AsyncWrite, Endpoint, SocketOptions, Transport};

/// A stream, and the runtime with the I/O driver that wakes its waiters.
///
/// Connections are pooled, so the next user of one may run in another runtime. The first runtime may have ended, or may
/// never be driven again (a current-thread runtime between two calls of `block_on`). A waker registered there would
/// never be called, so a waiter first moves the socket into its own runtime.
#[derive(Debug)]
pub(super) struct Socket {
    stream: Stream,
    home: Id,
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// Evaluates one expression for either kind of stream.
macro_rules! with {
    ($on:expr, $stream:ident => $what:expr) => {
        match $on {
            Stream::Tcp($stream) => $what,
            #[cfg(unix)]
            Stream::Unix($stream) => $what,
        }
    };
}

impl Socket {
    pub(super) async fn connect(to: &Endpoint, with: &SocketOptions) -> io::Result<Self> {
        let home = current()?.id();
        let stream = match to {
            Endpoint::Tcp(address) => Stream::Tcp(connect_tcp(*address, with).await?),
            #[cfg(unix)]
            Endpoint::Unix(path) => Stream::Unix(UnixStream::connect(path).await?),
            _ => {
                return Err(io::Error::new(
                    io::ErrorKind::Unsupported,
                    "no such kind of socket on this system",
                ));
            }
        };
        Ok(Self { stream, home })
    }

    /// Polls the stream; polls again in the current runtime if the stream's own cannot wake the caller.
    fn poll_here<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut poll: impl FnMut(&mut Stream, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let first = poll(&mut self.stream, cx);
        match &first {
            Poll::Pending => {}
            Poll::Ready(Err(error)) if is_rt_shutdown_err(error) => {}
            Poll::Ready(_) => return first,
        }
        let here = current()?;
        if here.id() == self.home {
            return first;
        }
        // The current runtime must also have timers, or the caller's deadlines would not be kept.
        self.move_to(&with_timers()?)?;
        poll(&mut self.stream, cx)
    }

    /// Registers the socket with the runtime of this thread, under a duplicated descriptor: tokio's call that returns
    /// the original one fails once its runtime has ended.
    fn move_to(&mut self, here: &Handle) -> io::Result<()> {
        self.stream = match &self.stream {
            Stream::Tcp(stream) => {
                let stream = SockRef::from(stream).try_clone()?.into();
                Stream::Tcp(caught(|| TcpStream::from_std(stream))??)
            }
            #[cfg(unix)]
            Stream::Unix(stream) => {
                let stream = SockRef::from(stream).try_clone()?.into();
                Stream::Unix(caught(|| UnixStream::from_std(stream))??)
            }
        };
        self.home = here.id();
        Ok(())
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.get_mut().poll_here(cx, |stream, cx| {
            let mut target = ReadBuf::new(buf);
            with!(stream, stream => Pin::new(stream).poll_read(cx, &mut target))
                .map_ok(|()| target.filled().len())
        })
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().poll_here(
            cx,
            |stream, cx| with!(stream, stream => Pin::new(stream).poll_write(cx, buf)),
        )
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        with!(&mut self.get_mut().stream, stream => Pin::new(stream).poll_shutdown(cx))
    }
}

impl Transport for Socket {
    fn try_read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        // Tokio's `try_read` answers from what its I/O driver saw last, which may be old if the runtime was idle. A
        // direct read shows whether the peer has closed the connection since. Reading past tokio causes at worst a
        // spurious wake-up.
        let socket = with!(&self.stream, stream => SockRef::from(stream));
        (&*socket).read(buf)
    }

    fn try_write(&mut self, buf: &[u8]) -> io::Result<usize> {
        with!(&self.stream, stream => stream.try_write(buf))
    }

    fn read_known(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        // Costs no system call unless tokio's I/O driver was notified.
        with!(&self.stream, stream => stream.try_read(buf))
    }
}

async fn connect_tcp(address: SocketAddr, with: &SocketOptions) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    set_keep_alive(&SockRef::from(&stream), with)?;
    Ok(stream)
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

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn sockets_disable_nagle_and_set_keep_alive_as_configured() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        for keep_alive in [true, false] {
            let mut with = SocketOptions::default();
            with.keep_alive = keep_alive;
            let stream = connect_tcp(address, &with).await.unwrap();
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
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let probes = |with: &SocketOptions| {
            let stream = runtime.block_on(connect_tcp(address, with)).unwrap();
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
