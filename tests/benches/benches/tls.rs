//! The cost of TLS for the driver: beside a plain connection, and beside `tokio-rustls` (or a plain socket of tokio), which
//! moves the same bytes and reads nothing in them.
//!
//! `cargo bench -p benches --bench tls` prints, for each query and for each row of 1 KiB: instructions of a client process by
//! callgrind, its time on the processor, how often it writes and reads the socket, and the bytes on the wire in each
//! direction. The server is another process and does not count. `-- quick` leaves callgrind out.
//!
//! By rustc 1.95 on x86-64, AES-256-GCM of `ring` in TLS 1.3:
//!
//! | | instructions | ns | writes | reads | bytes out | bytes in |
//! |---|---:|---:|---:|---:|---:|---:|
//! | a query: adapter-tokio, plain | 15,813 | 8,129 | 1 | 1 | 33 | 38 |
//! | adapter-tokio, TLS | 21,130 | 8,780 | 1 | 1 | 55 | 60 |
//! | adapter-blocking, plain | 14,595 | 7,493 | 1 | 1 | 33 | 38 |
//! | adapter-blocking, TLS | 19,733 | 8,914 | 1 | 1 | 55 | 60 |
//! | tokio, plain | 1,921 | 7,030 | 1 | 1 | 33 | 38 |
//! | tokio-rustls, TLS | 7,451 | 7,882 | 1 | 1 | 55 | 60 |
//! | a row of 1 KiB: adapter-tokio, plain | 933 | 105 | 0.001 | 0.005 | 0 | 1034 |
//! | adapter-tokio, TLS | 6,761 | 411 | 0.001 | 0.032 | 0 | 1035 |
//! | adapter-blocking, plain | 980 | 118 | 0.001 | 0.004 | 0 | 1034 |
//! | adapter-blocking, TLS | 6,825 | 426 | 0.001 | 0.033 | 0 | 1035 |
//! | tokio, plain | 2 | 57 | 0.001 | 0.003 | 0 | 1034 |
//! | tokio-rustls, TLS | 4,940 | 460 | 0.001 | 0.069 | 0 | 1035 |
//!
//! TLS adds 5,300 instructions to a query of the driver and 5,600 to one of `tokio-rustls`; no write, and 22 bytes for each
//! record. It adds about 310 ns to a row, and 400 ns there. The difference is one copy of the ciphertext: the driver reads up to
//! 32 KiB at a time and hands that to rustls in pieces, while `tokio-rustls` lets rustls read the socket, with two to three
//! system calls for each of the driver's. (callgrind counts a copy by bytes: 850 instructions for one of 1 KiB.)

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::pin::Pin;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::{env, fs, hint, io, thread};

use adapter_tokio::runtime::Tokio;
use adapter_tokio::{Access, Auth, Config, Driver, FetchSize, Tls};
use benches::client::instructions;
use bolt_proto::peer::{self, Request, Server};
use bolt_proto::{Connection, Disposition, Event, Extra, Fetch, Hello, Options, Query, Version, Versions};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use tests::counting::Counting;
use tests::tls::Authority;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

/// The rows of a long result, each with one text of 1 KiB.
const ROWS: u64 = 2_000;

const HOST: &str = "127.0.0.1";

/// What is measured: name, repetitions in the shorter and in the longer of two runs, whose difference counts, and what one
/// repetition consists of.
const MEASURED: [(&str, u64, u64, u64); 2] = [("a query", 200, 1_200, 1), ("a row of 1 KiB", 2, 12, ROWS)];

const CLIENTS: [&str; 3] = ["adapter-tokio", "adapter-blocking", "tokio-rustls"];

fn main() {
    let arguments: Vec<String> = env::args().collect();
    if let [_, role, client, address, what, times, authority] = &arguments[..]
        && role == "client"
    {
        let address = address.parse().unwrap();
        return run(client, address, what, times.parse().unwrap(), authority);
    }
    let authority = Authority::new();
    let config = Arc::new(authority.issue(HOST).server());
    let listeners = [None, Some(config)].map(|tls| listen(tls).unwrap());
    let counts = !arguments.iter().any(|argument| argument == "quick");
    for (what, few, many, each) in MEASURED {
        println!("{what:<32}  instructions   ns of processor   writes    reads   bytes out    bytes in");
        for client in CLIENTS {
            for ((address, wire), trust) in listeners.iter().zip(["", authority.pem.as_str()]) {
                let client = Client {
                    client,
                    address: *address,
                    what,
                    trust,
                };
                let share = (many - few) * each;
                let per = |more: u64, less: u64| (more as f64 - less as f64) / share as f64;
                let (less, more) = (client.best(few, wire), client.best(many, wire));
                let instructions = if counts {
                    per(
                        instructions(client.arguments(many)),
                        instructions(client.arguments(few)),
                    )
                } else {
                    f64::NAN
                };
                let named = format!(
                    "{} {}",
                    client.client,
                    if trust.is_empty() { "plain" } else { "TLS" }
                );
                println!(
                    "  {named:<30} {instructions:>13.0} {:>17.0} {:>8.3} {:>8.3} {:>11.1} {:>11.1}",
                    per(more.nanos, less.nanos),
                    per(more.writes, less.writes),
                    per(more.reads, less.reads),
                    per(more.sent, less.sent),
                    per(more.received, less.received),
                );
            }
        }
    }
}

/// What one client process has cost.
#[derive(Debug, Clone, Copy)]
struct Cost {
    nanos: u64,
    writes: u64,
    reads: u64,
    sent: u64,
    received: u64,
}

/// A client process to be.
#[derive(Clone, Copy)]
struct Client<'a> {
    client: &'a str,
    address: SocketAddr,
    what: &'a str,
    trust: &'a str,
}

impl Client<'_> {
    fn arguments(&self, times: u64) -> [String; 6] {
        let (address, times) = (self.address.to_string(), times.to_string());
        ["client", self.client, &address, self.what, &times, self.trust].map(str::to_owned)
    }

    /// Runs several processes; returns the least time, and what the last one did.
    fn best(&self, times: u64, wire: &Wire) -> Cost {
        let once = || {
            let [sent, received] = wire.bytes();
            let output = Command::new(env::current_exe().unwrap())
                .args(self.arguments(times))
                .output()
                .unwrap();
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            let printed = String::from_utf8(output.stdout).unwrap();
            let numbers: Vec<u64> = printed
                .split_whitespace()
                .map(|number| number.parse().unwrap())
                .collect();
            let [nanos, writes, reads] = numbers[..] else {
                panic!("{printed}")
            };
            let [sent, received] = [wire.bytes()[0] - sent, wire.bytes()[1] - received];
            Cost {
                nanos,
                writes,
                reads,
                sent,
                received,
            }
        };
        (0..7).map(|_| once()).min_by_key(|cost| cost.nanos).unwrap()
    }
}

/// Runs one client, and prints its time on the processor, its writes and its reads.
fn run(client: &str, address: SocketAddr, what: &str, times: u64, authority: &str) {
    let counts = match client {
        "adapter-tokio" => with_tokio(address, what, times, authority),
        "adapter-blocking" => with_blocking(address, what, times, authority),
        _ => without_driver(address, what, times, authority),
    };
    println!("{} {} {}", nanos_on_processor(), counts[0], counts[1]);
}

/// Returns how long this thread has run, and not how long the process took: other processes want the processor, too.
fn nanos_on_processor() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

fn config(address: SocketAddr, authority: &str) -> Config {
    let scheme = if authority.is_empty() { "bolt" } else { "bolt+s" };
    let config = Config::new(&format!("{scheme}://{address}"), Auth::none()).unwrap();
    let config = config.fetch_size(FetchSize::All);
    if authority.is_empty() {
        config
    } else {
        config.tls(Tls::new().ca_pem(authority))
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(future)
}

fn with_tokio(address: SocketAddr, what: &str, times: u64, authority: &str) -> [u64; 2] {
    let (runtime, counts) = Counting::new(Tokio::default());
    let driver = Driver::with_runtime(Arc::new(runtime), config(address, authority)).unwrap();
    block_on(async {
        let mut session = driver.session().default_access_mode(Access::Read).build();
        for _ in 0..times {
            let mut rows = session.run(what).await.unwrap();
            while let Some(row) = rows.next_ref().await.unwrap() {
                hint::black_box(row.get::<&str>(0).unwrap());
            }
        }
        driver.close().await;
    });
    [counts.writes(), counts.reads()]
}

fn with_blocking(address: SocketAddr, what: &str, times: u64, authority: &str) -> [u64; 2] {
    let (runtime, counts) = Counting::new(adapter_blocking::runtime::Blocking::default());
    let driver =
        adapter_blocking::Driver::with_runtime(Arc::new(runtime), config(address, authority)).unwrap();
    let mut session = driver.session().default_access_mode(Access::Read).build();
    for _ in 0..times {
        let mut rows = session.run(what).call().unwrap();
        while let Some(row) = rows.next_ref().unwrap() {
            hint::black_box(row.get::<&str>(0).unwrap());
        }
    }
    drop(session);
    driver.close();
    [counts.writes(), counts.reads()]
}

fn without_driver(address: SocketAddr, what: &str, times: u64, authority: &str) -> [u64; 2] {
    let mut counts = [0; 2];
    block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut socket = Counted {
            stream,
            counts: &mut counts,
        };
        if authority.is_empty() {
            move_bytes(&mut socket, what, times).await.unwrap();
        } else {
            let mut roots = RootCertStore::empty();
            roots
                .add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap())
                .unwrap();
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
            let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
            let mut stream = connector
                .connect(ServerName::try_from(HOST).unwrap(), socket)
                .await
                .unwrap();
            move_bytes(&mut stream, what, times).await.unwrap();
        }
    });
    counts
}

/// Asks the same query again and again. Only the first answer is understood; the others have the same length.
async fn move_bytes(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    what: &str,
    times: u64,
) -> io::Result<()> {
    let versions = Versions::only(Version::new(5, 8)).manifest(false);
    let mut proto = Connection::new(Options::default().versions(versions));
    exchange(stream, &mut proto).await?;
    proto.login(&Hello::new("bench/1"), &Auth::none()).unwrap();
    exchange(stream, &mut proto).await?;
    let extra = Extra::default().access(Access::Read);
    let (_, result) = proto.run(&Query::new(what), &extra).unwrap();
    proto.pull(result, Fetch::All).unwrap();
    let request = proto.pending_bytes().to_vec();
    let length = exchange(stream, &mut proto).await?;
    let mut buffer = vec![0; 256 << 10];
    for _ in 1..times {
        stream.write_all(&request).await?;
        stream.flush().await?;
        let mut left = length;
        while left > 0 {
            let len = stream.read(&mut buffer).await?;
            assert!(len > 0 && len <= left);
            hint::black_box(&buffer[..len]);
            left -= len;
        }
    }
    Ok(())
}

/// Sends what is pending and reads until everything is answered. Returns how much that was.
async fn exchange(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    proto: &mut Connection,
) -> io::Result<usize> {
    let pending = proto.pending_bytes().to_vec();
    stream.write_all(&pending).await?;
    stream.flush().await?;
    proto.wrote(pending.len());
    let mut length = 0;
    let mut negotiated = proto.version().is_some();
    while !negotiated || proto.unanswered() > 0 {
        let len = stream.read(proto.recv_space()).await?;
        assert!(len > 0 && proto.disposition() != Disposition::Dead);
        proto.received(len);
        length += len;
        while proto.has_event().unwrap().is_some() {
            negotiated |= matches!(proto.event(), Some(Event::Negotiated(_)));
        }
    }
    Ok(length)
}

/// A socket whose writes and reads are counted.
struct Counted<'c> {
    stream: tokio::net::TcpStream,
    counts: &'c mut [u64; 2],
}

impl AsyncRead for Counted<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.counts[1] += u64::from(poll.is_ready());
        poll
    }
}

impl AsyncWrite for Counted<'_> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.counts[0] += u64::from(poll.is_ready());
        poll
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.counts[0] += u64::from(poll.is_ready());
        poll
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The bytes of all connections of a server: received, and sent. Beside them, how many connections are open.
#[derive(Debug, Clone, Default)]
struct Wire(Arc<[AtomicU64; 3]>);

impl Wire {
    fn bytes(&self) -> [u64; 2] {
        // A client may have ended before the server has counted its last bytes.
        while self.0[2].load(Ordering::SeqCst) > 0 {
            thread::yield_now();
        }
        [0, 1].map(|way| self.0[way].load(Ordering::SeqCst))
    }
}

/// A socket of the server.
struct Measured {
    stream: TcpStream,
    wire: Wire,
}

impl Read for Measured {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let len = self.stream.read(buf)?;
        self.wire.0[0].fetch_add(len as u64, Ordering::SeqCst);
        Ok(len)
    }
}

impl Write for Measured {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let len = self.stream.write(buf)?;
        self.wire.0[1].fetch_add(len as u64, Ordering::SeqCst);
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Starts a server.
fn listen(tls: Option<Arc<ServerConfig>>) -> io::Result<(SocketAddr, Wire)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let wire = Wire::default();
    let counted = wire.clone();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (tls, wire) = (tls.clone(), counted.clone());
            wire.0[2].fetch_add(1, Ordering::SeqCst);
            let open = wire.clone();
            thread::spawn(move || {
                stream.set_nodelay(true).unwrap();
                let stream = Measured { stream, wire };
                // An error is the end of a client.
                let _ended = match tls {
                    None => serve(stream),
                    Some(config) => serve(StreamOwned::new(ServerConnection::new(config).unwrap(), stream)),
                };
                open.0[2].fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    Ok((address, wire))
}

/// Answers each request at once: a query with one row, or with many.
fn serve(mut stream: impl Read + Write) -> io::Result<()> {
    let mut server = Server::new(peer::Options::default());
    let text = "x".repeat(1024);
    let mut rows = 0;
    loop {
        let len = stream.read(server.recv_space())?;
        if len == 0 {
            return Ok(());
        }
        server.received(len);
        while server.has_request().unwrap().is_some() {
            let mut entry = None;
            match server.request().unwrap() {
                Request::Goodbye => return Ok(()),
                Request::Run(run) => {
                    rows = if run.query == MEASURED[0].0 { 1 } else { ROWS };
                    entry = Some("fields");
                }
                Request::Pull(_) => {
                    let text = if rows == 1 { "a text" } else { &text };
                    (0..rows).for_each(|_| server.record(|record| record.item(text)).unwrap());
                }
                Request::Hello(_) => entry = Some("server"),
                _ => {}
            }
            server
                .success(|answer| match entry {
                    Some("fields") => answer.entry("fields", &["a"][..]),
                    Some(name) => answer.entry(name, "Neo4j/5.26.0"),
                    None => Ok(()),
                })
                .unwrap();
        }
        let pending = server.pending_bytes().to_vec();
        stream.write_all(&pending)?;
        stream.flush()?;
        server.wrote(pending.len());
    }
}
