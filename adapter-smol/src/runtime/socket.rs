//! TCP and Unix-domain sockets on async-io.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_io::Async;
use socket2::{SockRef, TcpKeepalive};

use super::{AsyncRead, AsyncWrite, Endpoint, SocketOptions, Transport};

#[derive(Debug)]
pub(super) enum Socket {
    Tcp(Async<TcpStream>),
    #[cfg(unix)]
    Unix(Async<UnixStream>),
}

/// Evaluates one expression for either kind of stream.
macro_rules! with {
    ($on:expr, $stream:ident => $what:expr) => {
        match $on {
            Socket::Tcp($stream) => $what,
            #[cfg(unix)]
            Socket::Unix($stream) => $what,
        }
    };
}

impl Socket {
    pub(super) async fn connect(to: &Endpoint, with: &SocketOptions) -> io::Result<Self> {
        match to {
            Endpoint::Tcp(address) => Ok(Self::Tcp(connect_tcp(*address, with).await?)),
            #[cfg(unix)]
            Endpoint::Unix(path) => Ok(Self::Unix(Async::<UnixStream>::connect(path).await?)),
            _ => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "no such kind of socket on this system",
            )),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        with!(self.get_mut(), stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        with!(self.get_mut(), stream => Pin::new(stream).poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // async-io closes nothing in `poll_close`: it has no half-closed streams.
        match with!(self.get_mut(), stream => stream.get_ref().shutdown(Shutdown::Write)) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            result => Poll::Ready(result),
        }
    }
}

// The sockets inside `Async` are in non-blocking mode, so direct reads and writes do not block.
impl Transport for Socket {
    fn try_read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        with!(self, stream => stream.get_ref().read(buf))
    }

    fn try_write(&mut self, buf: &[u8]) -> io::Result<usize> {
        with!(self, stream => stream.get_ref().write(buf))
    }
}

async fn connect_tcp(address: SocketAddr, with: &SocketOptions) -> io::Result<Async<TcpStream>> {
    let stream = Async::<TcpStream>::connect(address).await?;
    stream.get_ref().set_nodelay(true)?;
    set_keep_alive(&SockRef::from(stream.get_ref()), with)?;
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
    use std::net::{Ipv4Addr, TcpListener};
    use std::time::Duration;

    use super::*;

    #[test]
    fn sockets_disable_nagle_and_set_keep_alive_as_configured() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        for keep_alive in [true, false] {
            let mut with = SocketOptions::default();
            with.keep_alive = keep_alive;
            let stream = async_io::block_on(connect_tcp(address, &with)).unwrap();
            let socket = SockRef::from(stream.get_ref());
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
            let stream = async_io::block_on(connect_tcp(address, with)).unwrap();
            let socket = SockRef::from(stream.get_ref());
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
