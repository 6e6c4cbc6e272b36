//! TLS as a transport over any transport.

use std::io::{self, IoSlice, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use rustls::ClientConnection;

use crate::runtime::{AsyncRead, AsyncWrite, Transport, at_once};

use super::failure::TlsFailure;

/// The size of one read of ciphertext. A record has at most 16 KiB, so a busy stream brings several records per system call.
const STAGE: usize = 32 << 10;

/// The most ciphertext that is copied together for one write.
const COALESCED: usize = 64 << 10;

/// A TLS client over another transport.
///
/// The handshake needs no step of its own: what is written before its end waits inside, and leaves with the client's Finished.
/// `poll_read` drives the handshake, so a caller that flushes must read, too.
///
/// The error `Interrupted` says that ciphertext has moved, but no plaintext yet: the server is not silent, and the caller
/// tries again. So tickets without end do not hold the thread.
pub(crate) struct TlsStream {
    inner: Box<dyn Transport>,
    tls: ClientConnection,
    stage: Stage,
    /// The other transport has ended.
    ended: bool,
    /// A byte of the server has arrived.
    heard: bool,
    /// Plaintext was written that waits for the end of the handshake.
    held_back: bool,
    closing: bool,
}

/// How the transport below is asked.
enum Ask<'a, 'b> {
    /// Registers a waker if there is nothing.
    Poll(&'a mut Context<'b>),
    /// Never waits.
    Now,
    /// Never waits, and asks nothing of the operating system to read.
    Known,
}

impl TlsStream {
    pub(crate) fn new(inner: Box<dyn Transport>, tls: ClientConnection) -> Self {
        Self {
            inner,
            tls,
            stage: Stage::default(),
            ended: false,
            heard: false,
            held_back: false,
            closing: false,
        }
    }

    fn read(&mut self, mut ask: Ask<'_, '_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.send_if_possible(&mut ask);
        let mut moved = false;
        loop {
            if planted!(SocketBeforePlaintext) && self.stage.is_empty() && !self.ended {
                ready!(self.fill_stage(&mut ask))?;
                self.decrypt()?;
            }
            // Plaintext that is there is served before the transport is asked: no wake-up would announce it.
            match self.tls.reader().read(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    if planted!(TruncationTakenForAnEnd) && !self.tls.is_handshaking() {
                        return Poll::Ready(Ok(0));
                    }
                    return Poll::Ready(Err(self.cut().into()));
                }
                read => return Poll::Ready(read),
            }
            if self.stage.is_empty() && !self.ended {
                if moved {
                    return Poll::Ready(Err(io::ErrorKind::Interrupted.into()));
                }
                ready!(self.fill_stage(&mut ask))?;
                moved = true;
            }
            self.decrypt()?;
            self.send_if_possible(&mut ask);
            if planted!(TicketTakenForGarbage) && !matches!(ask, Ask::Poll(_)) {
                return Poll::Ready(Ok(0));
            }
        }
    }

    /// Reads ciphertext, as much as fits.
    fn fill_stage(&mut self, ask: &mut Ask<'_, '_>) -> Poll<io::Result<()>> {
        let space = self.stage.space();
        let read = match ask {
            Ask::Poll(cx) => ready!(Pin::new(&mut self.inner).poll_read(cx, space)),
            Ask::Now => ready!(or_pending(self.inner.try_read(space))),
            Ask::Known => ready!(or_pending(self.inner.read_known(space))),
        };
        let len = read.map_err(|error| self.ended(error))?;
        self.stage.filled(len);
        self.ended |= len == 0;
        self.heard |= len > 0;
        Poll::Ready(Ok(()))
    }

    /// Passes ciphertext on to TLS, or the end of it.
    fn decrypt(&mut self) -> io::Result<()> {
        let mut unread = self.stage.unread();
        let taken = self.tls.read_tls(&mut unread)?;
        self.stage.consume(taken);
        if let Err(error) = self.tls.process_new_packets() {
            // The alert tells the server why; whether it leaves does not matter any more.
            self.send_if_possible(&mut Ask::Now);
            return Err(TlsFailure::Tls(error).into());
        }
        if !self.tls.is_handshaking() {
            self.held_back = false;
        }
        Ok(())
    }

    /// Why the stream ended without `close_notify`.
    fn cut(&self) -> TlsFailure {
        if self.tls.is_handshaking() {
            TlsFailure::ClosedInHandshake {
                heard: self.heard,
                source: None,
            }
        } else {
            TlsFailure::Truncated
        }
    }

    /// Why the transport failed: during the handshake, a server that does not want to continue may reset the connection.
    fn ended(&self, error: io::Error) -> io::Error {
        let ended = matches!(
            error.kind(),
            io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::UnexpectedEof
        );
        if !ended || !self.tls.is_handshaking() {
            return error;
        }
        let (heard, source) = (self.heard, Some(error));
        TlsFailure::ClosedInHandshake { heard, source }.into()
    }

    fn write(&mut self, ask: &mut Ask<'_, '_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let len = self.tls.writer().write(buf).map_err(tls_error)?;
            if len > 0 || buf.is_empty() {
                self.held_back |= self.tls.is_handshaking();
                return Poll::Ready(Ok(len));
            }
            // TLS holds as much as it may.
            if !self.tls.wants_write() {
                // The end of the handshake makes room, and the read that brings it wakes the caller.
                return Poll::Pending;
            }
            ready!(self.send(ask))?;
        }
    }

    fn flush(&mut self, ask: &mut Ask<'_, '_>) -> Poll<io::Result<()>> {
        ready!(self.send(ask))?;
        ready!(self.flush_inner(ask))?;
        // The read that ends the handshake sends the rest, and wakes the caller.
        if self.held_back {
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn flush_inner(&mut self, ask: &mut Ask<'_, '_>) -> Poll<io::Result<()>> {
        if planted!(CiphertextNotFlushed) {
            return Poll::Ready(Ok(()));
        }
        match ask {
            Ask::Poll(cx) => Pin::new(&mut self.inner).poll_flush(cx),
            Ask::Now | Ask::Known => or_pending(self.inner.try_flush()),
        }
    }

    /// Writes all ciphertext that TLS has made.
    fn send(&mut self, ask: &mut Ask<'_, '_>) -> Poll<io::Result<()>> {
        let mut moved = false;
        while self.tls.wants_write() {
            let inner = &mut self.inner;
            match or_pending(self.tls.write_tls(&mut Outgoing { inner, ask })) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(_)) => moved = true,
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(self.ended(error))),
                Poll::Pending if moved => return Poll::Ready(Err(io::ErrorKind::Interrupted.into())),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Answers of TLS itself: its part of the handshake, key updates, alerts. An error is found again by the next write; what the
    /// server sent before may say more.
    fn send_if_possible(&mut self, ask: &mut Ask<'_, '_>) {
        if self.tls.wants_write() && self.send(ask).is_ready() {
            let _flushed = self.flush_inner(ask);
        }
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.get_mut().read(Ask::Poll(cx), buf)
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().write(&mut Ask::Poll(cx), buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().flush(&mut Ask::Poll(cx))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.closing {
            this.closing = true;
            this.tls.send_close_notify();
        }
        ready!(this.send(&mut Ask::Poll(cx)))?;
        Pin::new(&mut this.inner).poll_close(cx)
    }
}

impl Transport for TlsStream {
    fn set_deadline(&mut self, at: Option<Instant>) {
        self.inner.set_deadline(at);
    }

    fn try_read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        at_once(self.read(Ask::Now, buf))
    }

    fn try_write(&mut self, buf: &[u8]) -> io::Result<usize> {
        at_once(self.write(&mut Ask::Now, buf))
    }

    fn try_flush(&mut self) -> io::Result<()> {
        at_once(self.flush(&mut Ask::Now))
    }

    fn read_known(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        at_once(self.read(Ask::Known, buf))
    }
}

/// The transport below, as TLS writes to it.
struct Outgoing<'o, 'a, 'b> {
    inner: &'o mut Box<dyn Transport>,
    ask: &'o mut Ask<'a, 'b>,
}

impl Write for Outgoing<'_, '_, '_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self.ask {
            Ask::Poll(cx) => at_once(Pin::new(&mut *self.inner).poll_write(cx, buf)),
            Ask::Now | Ask::Known => self.inner.try_write(buf),
        }
    }

    /// Records that are ready together leave together. One record, the usual case, is not copied.
    fn write_vectored(&mut self, records: &[IoSlice<'_>]) -> io::Result<usize> {
        if let [record] = records {
            return self.write(record);
        }
        let mut together = Vec::with_capacity(
            records
                .iter()
                .map(|record| record.len())
                .sum::<usize>()
                .min(COALESCED),
        );
        for record in records {
            let room = COALESCED - together.len();
            together.extend_from_slice(record.get(..room).unwrap_or(record));
        }
        self.write(&together)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Ciphertext between the transport and TLS.
#[derive(Default)]
struct Stage {
    /// Allocated when something is read.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Stage {
    fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// All of it, for an empty stage to be filled.
    fn space(&mut self) -> &mut [u8] {
        if self.bytes.is_empty() {
            self.bytes = vec![0; STAGE];
        }
        (self.start, self.end) = (0, 0);
        &mut self.bytes
    }

    fn filled(&mut self, len: usize) {
        self.end = len.min(self.bytes.len());
    }

    fn unread(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    fn consume(&mut self, len: usize) {
        self.start = (self.start + len).min(self.end);
    }
}

/// What a write meant that failed: TLS says by it what it had failed with before.
fn tls_error(error: io::Error) -> io::Error {
    match error.downcast::<rustls::Error>() {
        Ok(error) => TlsFailure::Tls(error).into(),
        Err(error) => error,
    }
}

fn or_pending<T>(result: io::Result<T>) -> Poll<io::Result<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        result => Poll::Ready(result),
    }
}
