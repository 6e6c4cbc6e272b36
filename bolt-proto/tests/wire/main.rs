//! Recordings of real connections: decoded, compared with their readable form, encoded again, and driven through the
//! client's half.

mod captures;
mod data;
mod exchanges;
mod messages;
mod readable;
mod replay;
