//! Errors of received values that cannot be read, or not as the requested type.

mod place;

use alloc::borrow::{Cow, ToOwned};
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::convert::Infallible;
use core::fmt::{self, Write as _};

pub(crate) use place::{Place, Step};

use super::Escaping;
use crate::packstream::ValueRef;
use crate::value::RangeError;

/// An error for bytes that are no PackStream value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end before the value does, or a container declares more items than bytes are left.
    #[error("the bytes end inside a value")]
    Truncated,
    /// A byte that starts no value.
    #[error("the byte {0:#04x} starts no value")]
    Marker(u8),
    /// A string that is not UTF-8.
    #[error("a string is not valid UTF-8")]
    Utf8,
    /// A map key that is no string, with its first byte.
    #[error("a map key must be a string, but starts with the byte {0:#04x}")]
    Key(u8),
    /// Containers nested more than 512 levels deep.
    #[error("values are nested deeper than {max} levels", max = crate::packstream::MAX_DEPTH)]
    Depth,
}

/// An error for a received value that cannot be read as the requested type. It names the column, and the path from there
/// to the value that is wrong. It never shows a value.
///
/// ```
/// # use bolt_proto as bolt;
/// let error = bolt::list![1, "two"].to::<Vec<i64>>().unwrap_err();
/// assert_eq!(error.to_string(), "item 1: expected an integer, found a string");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversionError(Box<Details>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Details {
    place: Place,
    reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error("expected {expected}, found {found}")]
    Mismatch {
        expected: Cow<'static, str>,
        found: Cow<'static, str>,
    },
    #[error("{0}")]
    Malformed(DecodeError),
    #[error(transparent)]
    Range(RangeError),
    #[error("no column {name:?}: the record has {}{}", Names(columns), AndMore(*more))]
    NoColumn {
        name: String,
        /// The first of the columns, and how many there are beside these.
        columns: Vec<String>,
        more: usize,
    },
    #[error("no column {index}: the record has {columns} columns, counted from 0")]
    NoIndex { index: usize, columns: usize },
    #[error("a column before this one is malformed, so this one cannot be found")]
    Lost,
    #[error("the field {name:?} is missing")]
    NoField { name: &'static str },
    #[error("{0}")]
    Custom(String),
}

impl ConversionError {
    /// Creates an error with a message of the caller: lower case, no full stop, no value.
    #[must_use]
    pub fn custom(message: impl Into<String>) -> Self {
        Self::new(Reason::Custom(message.into()))
    }

    /// Creates an error for a value that is not of the expected type, such as `"an integer"`.
    #[must_use]
    pub fn expected(expected: impl Into<Cow<'static, str>>, found: &ValueRef<'_>) -> Self {
        Self::mismatch(expected, found.kind())
    }

    /// Adds to the path that the value is at this index of a list.
    #[must_use]
    pub fn at_item(self, index: usize) -> Self {
        self.within(Step::Item(index))
    }

    /// Adds to the path that the value is in this entry of a map.
    #[must_use]
    pub fn at_field(self, name: &str) -> Self {
        self.within(Step::Field(name.to_owned()))
    }

    /// Returns the column that could not be read, if the error comes from reading a record.
    #[must_use]
    pub fn column(&self) -> Option<&str> {
        let mut steps = self.0.place.steps();
        match steps.find(|step| !matches!(step, Step::Row(_))) {
            Some(Step::Column(name)) => Some(name),
            _ => None,
        }
    }

    /// Returns the row that could not be read, counted from 0, if the error comes from reading a whole result column by
    /// column.
    #[must_use]
    pub fn row(&self) -> Option<usize> {
        match self.0.place.first() {
            Some(Step::Row(index)) => Some(*index),
            _ => None,
        }
    }

    #[cold]
    pub(crate) fn mismatch(
        expected: impl Into<Cow<'static, str>>,
        found: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(Reason::Mismatch {
            expected: expected.into(),
            found: found.into(),
        })
    }

    #[cold]
    pub(crate) fn no_column<'n>(name: &str, mut columns: impl ExactSizeIterator<Item = &'n str>) -> Self {
        const LISTED: usize = 100;
        Self::new(Reason::NoColumn {
            name: name.to_owned(),
            columns: columns.by_ref().take(LISTED).map(str::to_owned).collect(),
            more: columns.len(),
        })
    }

    #[cold]
    pub(crate) fn no_index(index: usize, columns: usize) -> Self {
        Self::new(Reason::NoIndex { index, columns })
    }

    #[cold]
    pub(crate) fn wrong_len(what: &'static str, expected: usize, found: usize) -> Self {
        Self::mismatch(
            alloc::format!("{what} of length {expected}"),
            alloc::format!("one of length {found}"),
        )
    }

    #[cold]
    pub(crate) fn range(error: RangeError) -> Self {
        Self::new(Reason::Range(error))
    }

    #[cold]
    pub(crate) fn lost() -> Self {
        Self::new(Reason::Lost)
    }

    #[cold]
    pub(crate) fn no_field(name: &'static str) -> Self {
        Self::new(Reason::NoField { name })
    }

    /// Returns the missing field, if that is the error and the path is empty.
    pub(crate) fn missing_at_top(&self) -> Option<&'static str> {
        match &self.0.reason {
            Reason::NoField { name } if self.0.place.is_unknown() => Some(name),
            _ => None,
        }
    }

    #[cold]
    pub(crate) fn value_before_key() -> Self {
        Self::custom("a value was read before its key")
    }

    /// Adds an explanation to the reason.
    #[cold]
    pub(crate) fn explained(mut self, explanation: String) -> Self {
        self.0.reason = Reason::Custom(alloc::format!("{}: {explanation}", self.0.reason));
        self
    }

    #[doc(hidden)]
    #[must_use]
    #[cold]
    pub fn at_row(self, index: usize) -> Self {
        self.within(Step::Row(index))
    }

    #[doc(hidden)]
    #[must_use]
    #[cold]
    pub fn at_column(self, name: &str) -> Self {
        self.within(Step::Column(name.to_owned()))
    }

    #[cold]
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

impl fmt::Display for ConversionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The messages of serde may contain text that the peer has sent.
        write!(Escaping(f), "{}{}", self.0.place, self.0.reason)
    }
}

impl core::error::Error for ConversionError {}

/// Exists for conversions that cannot fail.
impl From<Infallible> for ConversionError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl From<DecodeError> for ConversionError {
    #[cold]
    fn from(error: DecodeError) -> Self {
        Self::new(Reason::Malformed(error))
    }
}

/// Makes errors of serde, without the values that serde would show.
impl serde::de::Error for ConversionError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Reason::Custom(message.to_string()))
    }

    fn invalid_type(found: serde::de::Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        Self::mismatch(expected.to_string(), kind_of(found))
    }

    fn invalid_value(found: serde::de::Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        Self::mismatch(
            expected.to_string(),
            alloc::format!("{} that does not fit", kind_of(found)),
        )
    }

    fn invalid_length(len: usize, expected: &dyn serde::de::Expected) -> Self {
        Self::mismatch(expected.to_string(), alloc::format!("a length of {len}"))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::no_field(field)
    }

    fn unknown_variant(_variant: &str, expected: &'static [&'static str]) -> Self {
        Self::mismatch(
            alloc::format!("one of the variants {}", Names(expected)),
            "another name",
        )
    }
}

/// Returns the type that serde found, without the value.
fn kind_of(found: serde::de::Unexpected<'_>) -> &'static str {
    use serde::de::Unexpected;
    match found {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "an integer",
        Unexpected::Float(_) => "a float",
        Unexpected::Char(_) | Unexpected::Str(_) => "a string",
        Unexpected::Bytes(_) => "bytes",
        Unexpected::Unit | Unexpected::Option => "null",
        Unexpected::Seq => "a list",
        Unexpected::Map => "a map",
        _ => "something else",
    }
}

/// A list of quoted names.
struct Names<'a, T>(&'a [T]);

impl<T: AsRef<str>> fmt::Display for Names<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (index, name) in self.0.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{:?}", name.as_ref())?;
        }
        Ok(())
    }
}

/// What follows a list that is cut off.
struct AndMore(usize);

impl fmt::Display for AndMore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            more => write!(f, ", and {more} more"),
        }
    }
}
