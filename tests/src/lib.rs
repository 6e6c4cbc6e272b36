//! What crosses crates: the integration suite, and the tools that it observes and disturbs a driver with.
//!
//! * [`relay::Relay`] stands between a driver and a server. It counts flights, and can delay, hold or cut.
//! * [`misbehaving`] has peers that do something wrong, one function each; [`hostile`] a table of those that mean no good.
//! * [`scripted::Scripted`] is a server that answers as told, and remembers what it was told.
//! * [`counting::Counting`] counts what a driver asks of its runtime.
//! * [`sim`] is a whole world without sockets and clocks: runtime, network, server, model and judges.
//!
//! All but the last live on 127.0.0.1, on ports that the operating system chooses, in plain threads, so that they work
//! beside any runtime. They end when they are dropped.

pub mod counting;
pub mod hostile;
mod listener;
pub mod misbehaving;
pub mod relay;
pub mod scripted;
pub mod sim;

/// The README's programs compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
