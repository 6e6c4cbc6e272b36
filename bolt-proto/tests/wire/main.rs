//! Everything that was recorded on real wires: decoded, compared with its readable form, encoded again, and driven
//! through the client's half.

mod captures;
mod data;
mod exchanges;
mod messages;
mod readable;
mod replay;
