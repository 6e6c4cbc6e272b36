//! A proxy that prints the messages between client and server.
//!
//! `cargo run -p bolt-proto --features peer --example proxy -- 127.0.0.1:17688 localhost:7687`
//!
//! It asks the server for its newest version, negotiates with the client a version that is no newer, and connects
//! to the server with that version. Then it passes messages on unchanged. Values of parameters and rows, and
//! credentials, are not printed.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{env, error, io, thread};

use bolt_proto::peer::{Options, Server, Upstream};
use bolt_proto::{Limits, ProtocolViolation, Version, Versions};

type Outcome<T> = Result<T, Box<dyn error::Error + Send + Sync>>;

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let listen = arguments.next().unwrap_or_else(|| "127.0.0.1:17688".to_owned());
    let target = arguments.next().unwrap_or_else(|| "localhost:7687".to_owned());
    match serve(&listen, &target) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(listen: &str, target: &str) -> Outcome<()> {
    let listener = TcpListener::bind(listen)?;
    println!(
        "listening on {}, passing messages on to {target}",
        listener.local_addr()?
    );
    for (number, client) in listener.incoming().enumerate() {
        let (client, target) = (client?, target.to_owned());
        thread::spawn(move || match relay(number, client, &target) {
            Ok(()) => println!("{number}: closed"),
            Err(error) => println!("{number}: closed: {error}"),
        });
    }
    Ok(())
}

/// One client and its connection to the server. Each direction has a thread that reads. The threads share the two
/// halves of the protocol, because the answer to a message of one side is sent by the other half.
struct Relay {
    number: usize,
    client: TcpStream,
    server: TcpStream,
    halves: Mutex<Halves>,
}

struct Halves {
    /// Towards the client.
    down: Server,
    /// Towards the server.
    up: Upstream,
}

fn relay(number: usize, mut client: TcpStream, target: &str) -> Outcome<()> {
    client.set_nodelay(true)?;
    let (_, newest) = connect(target, Versions::default())?;
    let versions = Versions::between(Version::V3, newest);
    let mut down = Server::new(Options::relaying().versions(versions));
    while down.version().is_none() {
        let read = client.read(down.recv_space())?;
        down.received(read);
        let seen = down.has_request();
        flush_down(&mut down, &mut client)?;
        seen?;
    }
    let version = down.version().unwrap_or(newest);

    let ((server, up), _) = connect(target, Versions::only(version))?;
    println!("{number}: Bolt {version}");

    let relay = Arc::new(Relay {
        number,
        client,
        server,
        halves: Mutex::new(Halves { down, up }),
    });
    let answers = thread::spawn({
        let relay = Arc::clone(&relay);
        move || relay.close_both(relay.pass_answers())
    });
    let requests = relay.close_both(relay.pass_requests());
    let answers = answers
        .join()
        .map_err(|_| "the thread that passes answers on panicked")?;
    requests.and(answers)
}

/// Connects to the server. Returns the version that was negotiated.
fn connect(target: &str, versions: Versions) -> Outcome<((TcpStream, Upstream), Version)> {
    let mut server = TcpStream::connect(target)?;
    server.set_nodelay(true)?;
    let mut up = Upstream::new(versions, Limits::default());
    loop {
        flush_up(&mut up, &mut server)?;
        if let Some(version) = up.version() {
            return Ok(((server, up), version));
        }
        let read = server.read(up.recv_space())?;
        up.received(read);
        up.response()?;
    }
}

impl Relay {
    fn pass_requests(&self) -> Outcome<()> {
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let mut halves = self.halves();
            let Halves { down, up } = &mut *halves;
            while none_at_end(down.has_request())?.is_some() {
                if let Some(request) = down.request() {
                    println!("{}: C: {request}", self.number);
                }
                up.send(down.request_bytes().unwrap_or_default());
            }
            flush_up(up, &mut &self.server)?;
            drop(halves);
            // The lock is not held while waiting.
            let read = (&self.client).read(&mut chunk)?;
            if read == 0 {
                return Ok(());
            }
            let mut halves = self.halves();
            let mut rest = &chunk[..read];
            while !rest.is_empty() {
                let taken = rest.read(halves.down.recv_space())?;
                halves.down.received(taken);
            }
        }
    }

    fn pass_answers(&self) -> Outcome<()> {
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let mut halves = self.halves();
            let Halves { down, up } = &mut *halves;
            while let Some(response) = none_at_end(up.response())? {
                println!("{}: S: {response}", self.number);
                down.answer(up.response_bytes().unwrap_or_default());
            }
            flush_down(down, &mut &self.client)?;
            drop(halves);
            let read = (&self.server).read(&mut chunk)?;
            if read == 0 {
                return Ok(());
            }
            let mut halves = self.halves();
            let mut rest = &chunk[..read];
            while !rest.is_empty() {
                let taken = rest.read(halves.up.recv_space())?;
                halves.up.received(taken);
            }
        }
    }

    /// Closes both directions, because one is useless without the other.
    fn close_both(&self, outcome: Outcome<()>) -> Outcome<()> {
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
        outcome
    }

    fn halves(&self) -> MutexGuard<'_, Halves> {
        self.halves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Turns the end of a stream into `None`: it is not an error here.
fn none_at_end<T>(event: Result<Option<T>, ProtocolViolation>) -> Result<Option<T>, ProtocolViolation> {
    event.or_else(|violation| {
        if violation.is_end_of_stream() {
            Ok(None)
        } else {
            Err(violation)
        }
    })
}

fn flush_down(half: &mut Server, socket: &mut impl Write) -> io::Result<()> {
    while !half.pending_bytes().is_empty() {
        let written = socket.write(half.pending_bytes())?;
        half.wrote(written);
    }
    Ok(())
}

fn flush_up(half: &mut Upstream, socket: &mut impl Write) -> io::Result<()> {
    while !half.pending_bytes().is_empty() {
        let written = socket.write(half.pending_bytes())?;
        half.wrote(written);
    }
    Ok(())
}
