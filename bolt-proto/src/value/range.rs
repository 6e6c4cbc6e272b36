//! Parts of values that are out of range.

use crate::error::{ConversionError, EncodeError};

/// An error for a part of a value that is out of range, such as the month of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} is out of range: {range}")]
pub struct RangeError {
    what: &'static str,
    range: &'static str,
}

impl RangeError {
    pub(crate) const fn new(what: &'static str, range: &'static str) -> Self {
        Self { what, range }
    }
}

impl From<RangeError> for ConversionError {
    fn from(error: RangeError) -> Self {
        Self::range(error)
    }
}

impl From<RangeError> for EncodeError {
    fn from(error: RangeError) -> Self {
        Self::range(error)
    }
}
