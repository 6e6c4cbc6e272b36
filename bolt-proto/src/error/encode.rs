//! A value that cannot be sent.

use alloc::borrow::{Cow, ToOwned};
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::convert::Infallible;
use core::fmt;

use super::convert::{Place, Step};
use crate::value::{RangeError, tag};
use crate::version::Version;

/// An error for a value that cannot be sent. It is found before anything is sent. It names the parameter, and the path
/// from there to the value that is wrong; it never shows a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodeError(Box<Details>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Details {
    place: Place,
    reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error("{what} of {len} is too long: the largest size is {max}", max = crate::packstream::MAX_LEN)]
    TooLong { what: &'static str, len: usize },
    #[error("values may be nested at most {max} levels deep", max = crate::packstream::MAX_DEPTH)]
    Depth,
    #[error("the number does not fit: integers are signed and have 64 bits")]
    Integer,
    #[error("a map has the key {key:?} twice")]
    DuplicateKey { key: String },
    #[error("a map key must be a string, an integer or a boolean, but is {found}")]
    Key { found: &'static str },
    #[error("a map needs a key before each value, and a value after each key")]
    KeyWithoutValue,
    #[error("{what} cannot be sent: only servers can")]
    NotSendable { what: Cow<'static, str> },
    #[error(transparent)]
    Range(RangeError),
    #[error("a date-time with a zone needs its offset from UTC on this connection: set it by with_offset")]
    UnknownOffset,
    #[error("no value was written")]
    Nothing,
    #[error("parameters must be a struct or a map, but are {found}")]
    Parameters { found: &'static str },
    #[error("it is given twice")]
    Twice,
    #[error("{} needs Bolt {needs} or newer, and this connection uses {has}", what_needs(*needs))]
    Version { needs: Version, has: Version },
    #[error(
        "serde makes {what}, but the database has {kind}: put #[serde(with = \"bolt::serde::as_value\")] on the field, or as_serde if this is what you mean"
    )]
    Trap { what: &'static str, kind: &'static str },
    #[error("{0}")]
    Custom(String),
}

impl EncodeError {
    /// Creates an error with a message of the caller: lower case, no full stop, no value.
    #[must_use]
    pub fn custom(message: impl Into<String>) -> Self {
        Self::new(Reason::Custom(message.into()))
    }

    /// Adds to the path that the value is at this index of a list.
    #[must_use]
    #[cold]
    pub fn at_item(self, index: usize) -> Self {
        self.within(Step::Item(index))
    }

    /// Adds to the path that the value is in this entry of a map.
    #[must_use]
    #[cold]
    pub fn at_field(self, name: &str) -> Self {
        self.within(Step::Field(name.to_owned()))
    }

    /// Returns the parameter that cannot be sent, if the error comes from a query.
    #[must_use]
    pub fn parameter(&self) -> Option<&str> {
        match self.0.place.first() {
            Some(Step::Parameter(name)) => Some(name),
            _ => None,
        }
    }

    #[doc(hidden)]
    #[must_use]
    #[cold]
    pub fn at_parameter(self, name: &str) -> Self {
        self.within(Step::Parameter(name.to_owned()))
    }

    /// Makes the error name an entry of a transaction's metadata instead of a parameter.
    #[cold]
    pub(crate) fn of_metadata(mut self) -> Self {
        self.0.place.of_metadata();
        self
    }

    pub(crate) fn too_long(what: &'static str, len: usize) -> Self {
        Self::new(Reason::TooLong { what, len })
    }

    pub(crate) fn depth() -> Self {
        Self::new(Reason::Depth)
    }

    pub(crate) fn integer() -> Self {
        Self::new(Reason::Integer)
    }

    pub(crate) fn duplicate_key(key: &str) -> Self {
        Self::new(Reason::DuplicateKey { key: key.to_owned() })
    }

    pub(crate) fn key(found: &'static str) -> Self {
        Self::new(Reason::Key { found })
    }

    pub(crate) fn key_without_value() -> Self {
        Self::new(Reason::KeyWithoutValue)
    }

    pub(crate) fn not_sendable(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Reason::NotSendable { what: what.into() })
    }

    pub(crate) fn range(error: RangeError) -> Self {
        Self::new(Reason::Range(error))
    }

    pub(crate) fn unknown_offset() -> Self {
        Self::new(Reason::UnknownOffset)
    }

    pub(crate) fn nothing() -> Self {
        Self::new(Reason::Nothing)
    }

    /// The version of the connection cannot carry the value.
    pub(crate) fn version(needs: Version, has: Version) -> Self {
        Self::new(Reason::Version { needs, has })
    }

    pub(crate) fn parameters(found: &'static str) -> Self {
        Self::new(Reason::Parameters { found })
    }

    /// Serde sends something as another type than the one that the database has for it.
    pub(crate) fn trap(what: &'static str, kind: &'static str) -> Self {
        Self::new(Reason::Trap { what, kind })
    }

    pub(crate) fn twice() -> Self {
        Self::new(Reason::Twice)
    }

    fn within(mut self, step: Step) -> Self {
        self.0.place.within(step);
        self
    }

    #[cold]
    fn new(reason: Reason) -> Self {
        Self(Box::new(Details {
            place: Place::default(),
            reason,
        }))
    }
}

/// Returns the type of value that needs this version.
fn what_needs(version: Version) -> &'static str {
    match version {
        Version::V6_0 => tag::kind(tag::VECTOR),
        Version::V6_1 => "a UUID",
        _ => "the value",
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.0.place, self.0.reason)
    }
}

impl core::error::Error for EncodeError {}

/// Exists for conversions that cannot fail.
impl From<Infallible> for EncodeError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl serde::ser::Error for EncodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Reason::Custom(message.to_string()))
    }
}
