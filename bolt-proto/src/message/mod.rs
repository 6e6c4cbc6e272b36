//! What requests say and how answers are read.

mod auth;
mod extra;
mod hello;
mod metadata;
pub(crate) mod request;

pub use auth::Auth;
pub use extra::{Access, Extra};
pub use hello::Hello;
pub use metadata::{Counters, Metadata, QueryType};
