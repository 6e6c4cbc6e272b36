//! The server's half: decode requests, encode answers. For proxies, test servers and simulators. Feature `peer`.
//!
//! [`Server`] is to a client what [`Connection`](crate::Connection) is to a server, on the same tables: the same
//! way to put bytes in and take them out, [`has_request`](Server::has_request) and [`request`](Server::request)
//! instead of events, and a method for each answer. It does both handshakes.
//!
//! It has two uses. A [*strict*](Options::strict) one is for those who answer by themselves: it takes one request
//! at a time, refuses what is illegal in the state of the connection (the error names the request and the state)
//! and answers that nobody would give. It is stricter than any real server. A [*relaying*](Options::relaying) one
//! is for proxies: it hands out every request as it comes, and passes answers on as they are. [`Upstream`] is a
//! proxy's other end.
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

pub use answer::AnswerError;
pub use options::Options;
pub use request::{BeginOptions, Greeting, Request, RouteRequest, Rows, Run, Token};
pub use response::Response;
pub use server::{Head, Server, Verdict};
pub use upstream::Upstream;
