//! The server's half of the protocol: decodes requests, encodes answers. Requires the feature `peer`.
//!
//! [`Server`] mirrors [`Connection`](crate::Connection), on the same tables. Bytes are put in and taken out in the
//! same way; [`has_request`](Server::has_request) and [`request`](Server::request) replace the events, and there is
//! a method for each answer. It supports both handshakes.
//!
//! There are two modes:
//!
//! * A [*strict*](Options::strict) server is for test servers and simulators, which answer by themselves. It hands
//!   out one request at a time. It refuses requests that are illegal in the current state (the error names request
//!   and state), and answers that no server would send. It is stricter than any real server.
//! * A [*relaying*](Options::relaying) server is for proxies. It hands out every request when it arrives, and passes
//!   answers on unchanged. [`Upstream`] is the other end of a proxy.
//!
//! ```
//! use bolt_proto::peer::{Options, Request, Server};
//! # use bolt_proto::{Auth, Connection, Event, Hello};
//! # fn carry(from: &[u8], to: &mut [u8]) -> usize { to[..from.len()].copy_from_slice(from); from.len() }
//! # let mut client = Connection::new(bolt_proto::Options::default());
//! let mut server = Server::new(Options::strict());
//! # let n = carry(client.pending_bytes(), server.recv_space());
//! # client.wrote(n);
//! // … bytes of a client have been read into `server.recv_space()` …
//! server.received(n);
//! assert_eq!(server.has_request()?, None); // the answer to the handshake is pending
//! # let n = carry(server.pending_bytes(), client.recv_space());
//! # server.wrote(n);
//! # client.received(n);
//! # assert!(client.has_event()?.is_some());
//! # let _ = client.event();
//! # client.login(&Hello::new("t/1"), &Auth::none())?;
//! # let n = carry(client.pending_bytes(), server.recv_space());
//! # client.wrote(n);
//! # server.received(n);
//! while let Some(_head) = server.has_request()? {
//!     match server.request() {
//!         Some(Request::Hello(_)) => server.success(|map| map.entry("server", "Toy/1.0"))?,
//!         Some(Request::Logon(token)) if token.scheme() == Some("none") => server.success(|_| Ok(()))?,
//!         _ => server.ignored()?,
//!     }
//! }
//! # let n = carry(server.pending_bytes(), client.recv_space());
//! # client.received(n);
//! # assert!(matches!(client.has_event()?.map(|_| client.event()), Some(Some(Event::Success(hello))) if hello.hello().server == Some("Toy/1.0")));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod handshake;
mod options;
mod request;
mod response;
mod server;
mod session;
#[cfg(test)]
mod tests;
mod upstream;
mod values;

pub use answer::AnswerError;
pub use options::Options;
pub use request::{BeginOptions, Greeting, Request, RouteRequest, Rows, Run, Token};
pub use response::Response;
pub use server::{Head, Server, Verdict};
pub use upstream::Upstream;
