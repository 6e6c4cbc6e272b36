//! The two ways to name a column.

use alloc::string::String;

use crate::error::ConversionError;
use crate::keys::Keys;

/// A column of a record: its name, or its index from 0.
///
/// This trait is sealed: it cannot be implemented outside of this crate, so that more ways to name a column may be
/// added.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name a column",
    note = "a column is named by a string, or by its index as a `usize`"
)]
pub trait ColumnIndex: sealed::Sealed {
    /// Returns the index of the column. The search begins at `next`.
    #[doc(hidden)]
    fn find(&self, keys: &Keys, columns: usize, next: usize) -> Result<usize, ConversionError>;
}

impl ColumnIndex for usize {
    #[inline]
    fn find(&self, _keys: &Keys, columns: usize, _next: usize) -> Result<usize, ConversionError> {
        if *self < columns {
            Ok(*self)
        } else {
            Err(ConversionError::no_index(*self, columns))
        }
    }
}

impl ColumnIndex for str {
    #[inline(always)]
    fn find(&self, keys: &Keys, columns: usize, next: usize) -> Result<usize, ConversionError> {
        match keys.index_near(self, next) {
            Some(index) if index < columns => Ok(index),
            _ => Err(no_column(self, keys)),
        }
    }
}

impl ColumnIndex for String {
    #[inline]
    fn find(&self, keys: &Keys, columns: usize, next: usize) -> Result<usize, ConversionError> {
        ColumnIndex::find(self.as_str(), keys, columns, next)
    }
}

impl<C: ColumnIndex + ?Sized> ColumnIndex for &C {
    #[inline(always)]
    fn find(&self, keys: &Keys, columns: usize, next: usize) -> Result<usize, ConversionError> {
        (**self).find(keys, columns, next)
    }
}

#[cold]
fn no_column(name: &str, keys: &Keys) -> ConversionError {
    ConversionError::no_column(name, keys.iter())
}

mod sealed {
    use alloc::string::String;

    #[expect(unnameable_types, reason = "a sealed trait has a supertrait without a path")]
    pub trait Sealed {}

    impl Sealed for usize {}
    impl Sealed for str {}
    impl Sealed for String {}
    impl<C: Sealed + ?Sized> Sealed for &C {}
}
