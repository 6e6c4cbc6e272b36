//! TCP and Unix-domain sockets on async-io.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_io::Async;
use socket2::SockRef;

use super::{AsyncRead, AsyncWrite, Endpoint, SocketOptions, Transport};

#[derive(Debug)]
pub(super) enum Socket {
    Tcp(Async<TcpStream>),
    #[cfg(unix)]
    Unix(Async<UnixStream>),
}

/// Does the same with either kind of stream.
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
        // async-io closes nothing here: it knows no half-closed streams.
        match with!(self.get_mut(), stream => stream.get_ref().shutdown(Shutdown::Write)) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            result => Poll::Ready(result),
        }
    }
}

// The sockets below `Async` are in non-blocking mode, so they can be asked directly.
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
    SockRef::from(stream.get_ref()).set_keepalive(with.keep_alive)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    #[test]
    fn small_writes_leave_at_once_and_idle_connections_are_probed_on_request() {
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
}
