//! Reading values, and the scalars.

use alloc::borrow::{Cow, ToOwned};
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::sync::Arc;

use crate::error::ConversionError;
use crate::packstream::{Reader, Token, ValueRef};

/// A type that a received value can be read as. `'a` is the lifetime of the receive buffer: `&str` and
/// `&[u8]` borrow from it.
///
/// | value | Rust |
/// |---|---|
/// | null | `None`, `()`; for other types an error |
/// | boolean | `bool` |
/// | integer | `i8` … `i64`, `isize`, `u16` … `u64`, `usize`, `i128`, `u128`, if it is in range |
/// | float | `f64`; `f32` rounded to nearest, unless that is infinite |
/// | string | `&str`, `String`, `Box<str>`, `Arc<str>`, `Cow<str>`; `char` if it is one |
/// | bytes | `&[u8]`, `Vec<u8>`, `[u8; N]`, `Cow<[u8]>`, `Bytes` (which shares the memory of an owned record) |
/// | duration | [`types::Duration`](crate::types::Duration), `std::time::Duration` if it has only seconds and is not negative |
/// | list | `Vec<T>`, `VecDeque<T>`, `BTreeSet<T>`, `HashSet<T>`; `[T; N]` and tuples if the length is right |
/// | map | `BTreeMap`, `HashMap` with string keys |
/// | date, point, vector, node, path, … | its type in [`types`](crate::types) |
/// | any | [`Value`](crate::value::Value), [`ValueRef`], [`Serde`](crate::Serde)`<T>` |
///
/// Integers and floats are different types in Cypher, and are not converted into each other.
///
/// A type of the application is read from another type, or from the [`ValueRef`]:
///
/// ```
/// # use bolt_proto as bolt;
/// use bolt::types::ValueRef;
/// use bolt::{ConversionError, FromValue, Value};
///
/// #[derive(Debug, PartialEq)]
/// struct UserId(u64);
///
/// impl<'a> FromValue<'a> for UserId {
///     fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
///         u64::from_value(value).map(Self)
///     }
/// }
///
/// /// A text or a list of texts.
/// struct Tags(Vec<String>);
///
/// impl<'a> FromValue<'a> for Tags {
///     fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
///         match value {
///             ValueRef::String(tag) => Ok(Self(vec![tag.to_owned()])),
///             ValueRef::List(_) => Vec::from_value(value).map(Self),
///             other => Err(ConversionError::expected("a tag or a list of tags", &other)),
///         }
///     }
/// }
///
/// assert_eq!(Value::from(7).to::<UserId>()?, UserId(7));
/// assert_eq!(Value::from("new").to::<Tags>()?.0, ["new"]);
/// # assert!(Value::from(1).to::<Tags>().is_err());
/// # Ok::<(), ConversionError>(())
/// ```
///
/// With serde there is nothing to implement: a type that is `Deserialize` is read from a whole row by `to`, and from one
/// column as a [`Serde`](crate::Serde) of it.
#[diagnostic::on_unimplemented(
    message = "a value cannot be read as a `{Self}`",
    label = "`{Self}` does not implement `FromValue`",
    note = "a type that implements `serde::Deserialize` is read from one column as `Serde<T>`, and from a whole row by `to`",
    note = "a single `u8` is neither an integer nor a byte: read another integer type and convert it",
    note = "if nothing else says which type is wanted, name it: `get::<String>(…)`",
    note = "types of chrono, time, jiff, uuid and serde_json need the feature of that name"
)]
pub trait FromValue<'a>: Sized {
    /// Reads the value.
    ///
    /// # Errors
    ///
    /// If the value is of another type, out of range, or malformed.
    fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError>;

    /// Reads the next value of a reader and moves past it. Containers call this method, so that they do not
    /// have to find the end of each item first. The default suits every other type.
    ///
    /// # Errors
    ///
    /// As for [`from_value`](Self::from_value).
    #[doc(hidden)]
    fn read(reader: &mut Reader<'a>) -> Result<Self, ConversionError> {
        Self::from_value(reader.value()?)
    }
}

impl<'a> FromValue<'a> for ValueRef<'a> {
    fn from_value(value: Self) -> Result<Self, ConversionError> {
        Ok(value)
    }
}

impl<'a, T: FromValue<'a>> FromValue<'a> for Option<T> {
    fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
        match value {
            ValueRef::Null => Ok(None),
            value => T::from_value(value).map(Some),
        }
    }

    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, ConversionError> {
        match reader.null() {
            Some(()) => Ok(None),
            None => T::read(reader).map(Some),
        }
    }
}

/// Reads a scalar by the token of its type.
///
/// A faster method of the reader for such a token is named after `by`.
macro_rules! scalars {
    ($($scalar:ty, $expected:literal $(by $fast:ident)?: $variant:ident($value:ident) => $result:expr;)*) => {$(
        impl<'a> FromValue<'a> for $scalar {
            fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
                match value {
                    ValueRef::$variant($value) => $result,
                    value => Err(ConversionError::expected($expected, &value)),
                }
            }

            #[inline]
            fn read(reader: &mut Reader<'a>) -> Result<Self, ConversionError> {
                fn by_token<'a>(reader: &mut Reader<'a>) -> Result<$scalar, ConversionError> {
                    match reader.token()? {
                        Token::$variant($value) => $result,
                        other => Err(ConversionError::mismatch($expected, other.kind())),
                    }
                }
                $(if let Some($value) = reader.$fast() {
                    return $result;
                })?
                by_token(reader)
            }
        }
    )*};
}

pub(crate) use scalars;

scalars! {
    bool, "a boolean" by boolean: Boolean(value) => Ok(value);
    i64, "an integer" by integer: Integer(value) => Ok(value);
    f64, "a float" by float: Float(value) => Ok(value);
    f32, "a float" by float: Float(value) => narrow(value);
    char, "a string of one character": String(value) => only_char(value);
    &'a str, "a string" by short_string: String(value) => Ok(value);
    String, "a string" by short_string: String(value) => Ok(value.to_owned());
    Box<str>, "a string": String(value) => Ok(value.into());
    Rc<str>, "a string": String(value) => Ok(value.into());
    Arc<str>, "a string": String(value) => Ok(value.into());
    Cow<'a, str>, "a string": String(value) => Ok(Cow::Borrowed(value));
}

impl<'a> FromValue<'a> for () {
    fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
        match value {
            ValueRef::Null => Ok(()),
            value => Err(ConversionError::expected("null", &value)),
        }
    }
}

macro_rules! integers {
    ($($integer:ty, $expected:literal;)*) => {$(
        impl<'a> FromValue<'a> for $integer {
            fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
                i64::from_value(value).and_then(in_range::<Self>)
            }

            #[inline]
            fn read(reader: &mut Reader<'a>) -> Result<Self, ConversionError> {
                i64::read(reader).and_then(in_range::<Self>)
            }
        }

        impl Named for $integer {
            const NAME: &'static str = $expected;
        }
    )*};
}

integers! {
    i8, "an integer that fits i8";
    i16, "an integer that fits i16";
    i32, "an integer that fits i32";
    i128, "an integer";
    isize, "an integer that fits isize";
    u16, "an integer that fits u16";
    u32, "an integer that fits u32";
    u64, "an integer that fits u64";
    u128, "an integer that fits u128";
    usize, "an integer that fits usize";
}

impl Named for i64 {
    const NAME: &'static str = "an integer";
}

/// A single `u8` is not a `FromValue`, but serde reads bytes in structs.
impl Named for u8 {
    const NAME: &'static str = "an integer that fits u8";
}

/// The name of an integer type in error messages.
pub(crate) trait Named {
    const NAME: &'static str;
}

#[inline]
pub(crate) fn in_range<T: TryFrom<i64> + Named>(value: i64) -> Result<T, ConversionError> {
    T::try_from(value).map_err(|_| ConversionError::mismatch(T::NAME, "one that does not"))
}

/// Rounds to the nearest `f32`. A finite float must stay finite.
pub(crate) fn narrow(value: f64) -> Result<f32, ConversionError> {
    let narrow = value as f32;
    if narrow.is_infinite() && value.is_finite() {
        return Err(ConversionError::mismatch(
            "a float that fits f32",
            "one that does not",
        ));
    }
    Ok(narrow)
}

fn only_char(value: &str) -> Result<char, ConversionError> {
    let mut chars = value.chars();
    match (chars.next(), chars.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(ConversionError::mismatch(
            "a string of one character",
            "one of another length",
        )),
    }
}
