//! A backend for TestKit, the conformance suite of Neo4j's own drivers: it translates the requests of the suite into calls of
//! the driver's public API. See the README of this folder.

#![expect(
    clippy::duplicate_mod,
    reason = "the requests are served by futures and by blocking calls"
)]

mod answer;
mod asynchronous;
mod blocking;
mod clock;
mod config;
mod cypher;
mod desk;
mod errors;
mod features;
mod managers;
mod request;
mod summary;
mod wire;

use std::io;
use std::net::{TcpListener, TcpStream};
use std::str::FromStr;
use std::sync::Arc;
use std::thread;

use wire::Frontend;

/// The adapter under test.
#[derive(Debug, Clone)]
pub enum Adapter {
    /// `adapter-tokio`, on this runtime.
    Tokio(Arc<tokio::runtime::Runtime>),
    /// `adapter-async-std`.
    AsyncStd,
    /// `adapter-smol`.
    Smol,
    /// `adapter-blocking`.
    Blocking,
}

impl FromStr for Adapter {
    type Err = String;

    /// Reads the name of a runtime, and starts it.
    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "tokio" => tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .map(|runtime| Self::Tokio(Arc::new(runtime)))
                .map_err(|error| error.to_string()),
            "async-std" => Ok(Self::AsyncStd),
            "smol" => Ok(Self::Smol),
            "blocking" => Ok(Self::Blocking),
            other => Err(format!(
                "there is no runtime {other:?}: tokio, async-std, smol or blocking"
            )),
        }
    }
}

/// Serves connections until `listener` fails, each on a thread of its own. Drivers refuse servers whose product does not
/// begin with `product`.
///
/// # Errors
/// If no connection can be accepted.
pub fn serve(listener: &TcpListener, adapter: &Adapter, product: Option<&'static str>) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept()?;
        let adapter = adapter.clone();
        thread::spawn(move || {
            if let Err(error) = serve_connection(stream, &adapter, product) {
                eprintln!("a connection failed: {error}");
            }
        });
    }
}

fn serve_connection(stream: TcpStream, adapter: &Adapter, product: Option<&'static str>) -> io::Result<()> {
    let frontend = Frontend::new(stream)?;
    match adapter {
        Adapter::Blocking => blocking::run(adapter, blocking::serve(adapter, product, frontend)),
        Adapter::Tokio(_) | Adapter::AsyncStd | Adapter::Smol => {
            asynchronous::run(adapter, asynchronous::serve(adapter, product, frontend))
        }
    }
}
