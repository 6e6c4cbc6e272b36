//! Tests across crates: the integration suite, and tools that observe and disturb a driver.
//!
//! * [`relay::Relay`] forwards between a driver and a server. It counts flights, and can delay, hold or cut.
//! * [`misbehaving`] has faulty peers, one function each; [`hostile`] has a table of hostile peers.
//! * [`scripted::Scripted`] is a server that answers as configured and records its requests.
//! * [`tls::TlsFront`] decrypts TLS for a server; [`tls::Authority`] issues certificates.
//! * [`routing_proxy::RoutingProxy`] makes a cluster of separate servers: it answers for them which has which role.
//! * [`counting::Counting`] counts a driver's calls of its runtime.
//! * [`linear::linear`] checks that time is proportional to work.
//! * [`sim`] is a world without sockets and clocks: runtime, network, server, model and judges.
//!
//! All but the last listen on ports of 127.0.0.1 that the operating system chooses, on plain threads, so that they work
//! with any runtime. They end when they are dropped.

pub mod counting;
mod cpu_time;
pub mod hostile;
pub mod linear;
mod listener;
pub mod misbehaving;
pub mod relay;
pub mod routing_proxy;
pub mod scripted;
pub mod sim;
pub mod tls;

pub use cpu_time::cpu_time;
