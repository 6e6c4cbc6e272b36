//! The two buffers of a connection, and the chunks in them.

mod large;
mod recv;
mod send;
mod wire;

pub(crate) use recv::{Frame, Recv};
pub(crate) use send::{IDLE_CAPACITY, MAX_CHUNK, Send};
pub(crate) use wire::Wire;
