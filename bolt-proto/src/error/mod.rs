//! Errors by responsibility: the caller ([`UsageError`], [`EncodeError`]), the wire ([`ProtocolViolation`],
//! [`DecodeError`]), the server ([`ServerError`]), a conversion ([`ConversionError`]).

mod convert;
mod encode;
mod escaped;
mod server;
mod usage;
mod violation;

pub use convert::{ConversionError, DecodeError};
pub use encode::EncodeError;
pub use escaped::Escaped;
pub(crate) use escaped::Escaping;
pub use server::{ErrorClass, ServerError};
pub use usage::UsageError;
pub use violation::ProtocolViolation;
