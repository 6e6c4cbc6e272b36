//! Types that are sent as structures.

use crate::error::ConversionError;
use crate::packstream::{Reader, ValueRef};
use crate::value::access::Variant;
use crate::value::{FromValue, Value, tag};

/// A type that is sent as a structure.
pub(crate) trait Fields<'a>: Sized {
    /// The type in error messages: `a date`.
    const KIND: &'static str;

    /// Returns whether structures with this tag are of this type.
    fn has(tag: u8) -> bool;

    /// Reads the fields.
    fn fields(fields: FieldReader<'_, 'a>) -> Result<Self, ConversionError>;

    /// Reads the structure of which the fields are next, if it is of this type.
    #[inline]
    fn structure(reader: &mut Reader<'a>, len: usize, tag: u8) -> Result<Self, ConversionError> {
        if Self::has(tag) {
            Self::fields(FieldReader {
                kind: Self::KIND,
                tag,
                len,
                reader,
            })
        } else {
            Err(ConversionError::mismatch(Self::KIND, found(Self::KIND, tag)))
        }
    }

    fn from_value_ref(value: ValueRef<'a>) -> Result<Self, ConversionError> {
        match value {
            ValueRef::Structure(structure) => {
                Self::structure(&mut structure.reader(), structure.len(), structure.tag())
            }
            other => Err(ConversionError::expected(Self::KIND, &other)),
        }
    }

    #[inline]
    fn from_reader(reader: &mut Reader<'a>) -> Result<Self, ConversionError> {
        let Some((fields, tag)) = reader.structure() else {
            return Err(no_structure(reader, Self::KIND));
        };
        reader.enter()?;
        let value = Self::structure(reader, fields, tag)?;
        reader.leave();
        Ok(value)
    }
}

/// The fields of a structure, in order.
pub(crate) struct FieldReader<'r, 'a> {
    kind: &'static str,
    tag: u8,
    len: usize,
    reader: &'r mut Reader<'a>,
}

impl<'a> FieldReader<'_, 'a> {
    /// Returns the tag.
    pub(crate) const fn tag(&self) -> u8 {
        self.tag
    }

    /// Returns the number of fields.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Checks the number of fields.
    #[inline]
    pub(crate) fn expect(&self, len: usize) -> Result<(), ConversionError> {
        if self.len == len {
            Ok(())
        } else {
            Err(self.wrong_len())
        }
    }

    #[cold]
    pub(crate) fn wrong_len(&self) -> ConversionError {
        ConversionError::custom(alloc::format!(
            "{} with {} fields does not exist",
            self.kind,
            self.len
        ))
    }

    /// Reads the next field, by its name in the documentation of Bolt.
    #[inline(always)]
    pub(crate) fn next<T: FromValue<'a>>(&mut self, name: &'static str) -> Result<T, ConversionError> {
        T::read(self.reader).map_err(|error| error.at_field(name))
    }
}

/// Returns the type of a structure in words. Between dates and times it adds the type that loses nothing.
#[cold]
fn found(expected: &'static str, tag: u8) -> &'static str {
    let found = tag::kind(tag);
    if tag::whole(expected) == expected {
        found
    } else {
        tag::whole(found)
    }
}

/// Copies a value that is of this type.
pub(crate) fn of_tree<T: Variant + Clone + for<'a> Fields<'a>>(value: &Value) -> Result<T, ConversionError> {
    T::of(value)
        .cloned()
        .ok_or_else(|| ConversionError::mismatch(T::KIND, value.kind()))
}

/// Returns the error for a next value that is no structure.
#[cold]
fn no_structure(reader: &mut Reader<'_>, expected: &'static str) -> ConversionError {
    match reader.token() {
        Ok(other) => ConversionError::mismatch(expected, other.kind()),
        Err(error) => error.into(),
    }
}

/// Implements `FromValue` for types that are structures.
macro_rules! from_structure {
    ($($type:ty)*) => {$(
        impl<'a> crate::value::FromValue<'a> for $type {
            fn from_value(
                value: crate::packstream::ValueRef<'a>,
            ) -> Result<Self, crate::error::ConversionError> {
                crate::value::fields::Fields::from_value_ref(value)
            }

            #[inline]
            fn read(
                reader: &mut crate::packstream::Reader<'a>,
            ) -> Result<Self, crate::error::ConversionError> {
                crate::value::fields::Fields::from_reader(reader)
            }

            fn from_tree(
                value: &crate::value::Value,
            ) -> Option<Result<Self, crate::error::ConversionError>> {
                Some(crate::value::fields::of_tree(value))
            }
        }
    )*};
}

pub(crate) use from_structure;
