//! TCP and Unix-domain sockets on async-std.

use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use async_std::net::TcpStream;
#[cfg(unix)]
use async_std::os::unix::net::UnixStream;
use socket2::SockRef;

use super::{AsyncRead, AsyncWrite, Endpoint, SocketOptions, Transport};

#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
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
            Endpoint::Unix(path) => Ok(Self::Unix(UnixStream::connect(path).await?)),
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
        // async-std closes nothing here: it knows no half-closed streams.
        match with!(self.get_mut(), stream => stream.shutdown(Shutdown::Write)) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            result => Poll::Ready(result),
        }
    }
}

impl Transport for Socket {
    fn try_read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        // async-std's sockets are in non-blocking mode, so they can be asked directly.
        let socket = with!(&*self, stream => SockRef::from(stream));
        (&*socket).read(buf)
    }

    fn try_write(&mut self, buf: &[u8]) -> io::Result<usize> {
        // Not through the descriptor: that write would raise SIGPIPE in programs that do not ignore it. The waker
        // that async-std takes when nothing fits does nothing; whoever waited for the socket is woken, and polls
        // once more.
        let mut nobody = Context::from_waker(Waker::noop());
        match Pin::new(self).poll_write(&mut nobody, buf) {
            Poll::Ready(result) => result,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

async fn connect_tcp(address: SocketAddr, with: &SocketOptions) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    SockRef::from(&stream).set_keepalive(with.keep_alive)?;
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
            let stream = async_std::task::block_on(connect_tcp(address, &with)).unwrap();
            let socket = SockRef::from(&stream);
            assert!(socket.tcp_nodelay().unwrap());
            assert_eq!(socket.keepalive().unwrap(), keep_alive);
        }
    }
}
