//! Reading values, and the scalars.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::error::ConversionError;
use crate::packstream::{Reader, Token, ValueRef};
use crate::value::{Value, from_collections};

/// A type that a received value can be read as. `'a` is the lifetime of the receive buffer: `&str` and
/// `&[u8]` borrow from it.
///
/// | value | Rust |
/// |---|---|
/// | null | `None`, `()`; for other types an error |
/// | boolean | `bool` |
/// | integer | `i8` … `i64`, `isize`, `u8` … `u64`, `usize`, `i128`, `u128`, if it is in range; `f64` and `f32`, if they hold it exactly (up to 2⁵³ and 2²⁴) |
/// | float | `f64`; `f32` rounded to nearest, unless that is infinite; never an integer type |
/// | string | `&str`, `String`, `Box<str>`, `Arc<str>`, `Cow<str>`; `char` if it is one |
/// | bytes | `&[u8]`, `Vec<u8>`, `[u8; N]`, `Cow<[u8]>`, `Bytes` (which shares the memory of an owned record) |
/// | duration | [`types::Duration`](crate::types::Duration), `std::time::Duration` if it has only seconds and is not negative |
/// | list | `Vec<T>` (of integers also `Vec<u8>` and `[u8; N]`), `VecDeque<T>`, `BTreeSet<T>`, `HashSet<T>`; `[T; N]` and tuples if the length is right |
/// | map | `BTreeMap`, `HashMap` with string keys |
/// | date, point, vector, node, path, … | its type in [`types`](crate::types) |
/// | any | [`Value`](crate::value::Value), [`ValueRef`], [`Serde`](crate::Serde)`<T>` |
///
/// A float in Cypher may become an integer along the way, as `10.0` does in a file of prices that are whole. So integers are
/// read as floats, but never the reverse.
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
/// A newtype needs one line: [`newtype!`](crate::newtype).
///
/// With serde there is nothing to implement: a type that is `Deserialize` is read from a whole row by `to`, and from one
/// column as a [`Serde`](crate::Serde) of it.
#[diagnostic::on_unimplemented(
    message = "a value cannot be read as a `{Self}`",
    label = "`{Self}` does not implement `FromValue`",
    note = "a type that implements `serde::Deserialize` is read from one column as `Serde<T>`, and from a whole row by `to`",
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

    /// Reads the items of a list, or bytes if the items are bytes.
    #[doc(hidden)]
    #[inline]
    fn read_items(reader: &mut Reader<'a>) -> Result<Vec<Self>, ConversionError> {
        from_collections::read_list(reader)
    }

    /// Returns the items that are bytes. `None` if such items are no bytes.
    #[doc(hidden)]
    #[inline]
    fn items_of_bytes(_bytes: &'a [u8]) -> Option<Vec<Self>> {
        None
    }

    /// Reads the first items of a list, at most this many, as far as that is possible at once.
    #[doc(hidden)]
    #[inline]
    fn read_run(_reader: &mut Reader<'a>, _most: usize, _items: &mut Vec<Self>) {}

    /// Works as [`read_items`](Self::read_items) for an array.
    #[doc(hidden)]
    #[inline]
    fn read_array<const N: usize>(reader: &mut Reader<'a>) -> Result<[Self; N], ConversionError> {
        Self::read_items(reader).and_then(from_collections::into_array)
    }

    /// Reads an owned value without encoding it first. `None` if the type does not know how.
    #[doc(hidden)]
    fn from_tree(_value: &Value) -> Option<Result<Self, ConversionError>> {
        None
    }

    /// Works as [`from_tree`](Self::from_tree) for the items of a list, or bytes.
    #[doc(hidden)]
    fn items_from_tree(value: &Value) -> Option<Result<Vec<Self>, ConversionError>> {
        from_collections::list_from_tree(value)
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

    fn from_tree(value: &Value) -> Option<Result<Self, ConversionError>> {
        match value {
            Value::Null => Some(Ok(None)),
            value => T::from_tree(value).map(|read| read.map(Some)),
        }
    }
}

/// Returns a value without contents as it would be received.
pub(crate) fn leaf(value: &Value) -> Option<ValueRef<'_>> {
    Some(match value {
        Value::Null => ValueRef::Null,
        Value::Boolean(value) => ValueRef::Boolean(*value),
        Value::Integer(value) => ValueRef::Integer(*value),
        Value::Float(value) => ValueRef::Float(*value),
        Value::String(value) => ValueRef::String(value),
        Value::Bytes(value) => ValueRef::Bytes(value),
        Value::Uuid(value) => ValueRef::Uuid(*value),
        _ => return None,
    })
}

/// Reads a scalar by the token of its type.
///
/// A faster method of the reader for such a token is named after `by`, one for several of them after `run`. `owned` types need not borrow from what is read.
macro_rules! scalars {
    ($($kind:ident $scalar:ty, $expected:literal $(by $fast:ident)? $(run $run:ident)?: $($variant:ident($value:ident) => $result:expr),+;)*) => {$(
        impl<'a> FromValue<'a> for $scalar {
            fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
                match value {
                    $(ValueRef::$variant($value) => $result,)+
                    value => Err(ConversionError::expected($expected, &value)),
                }
            }

            #[inline]
            fn read(reader: &mut Reader<'a>) -> Result<Self, ConversionError> {
                // It takes a copy, so that the reader itself can stay in registers.
                fn by_token<'a>(mut reader: Reader<'a>) -> (Result<$scalar, ConversionError>, Reader<'a>) {
                    let value = match reader.token() {
                        $(Ok(Token::$variant($value)) => $result,)+
                        Ok(other) => Err(ConversionError::mismatch($expected, other.kind())),
                        Err(error) => Err(error.into()),
                    };
                    (value, reader)
                }
                scalars!(@fast reader $($fast)? $($variant($value) => $result),+);
                let (value, after) = by_token(*reader);
                *reader = after;
                value
            }

            $(
                #[inline]
                fn read_run(reader: &mut Reader<'a>, most: usize, items: &mut Vec<Self>) {
                    items.extend(reader.$run(most));
                }
            )?

            scalars!(@tree $kind $scalar, $expected);
        }
    )*};
    (@fast $reader:ident $fast:ident $variant:ident($value:ident) => $result:expr $(, $($rest:tt)*)?) => {
        if let Some($value) = $reader.$fast() {
            return $result;
        }
    };
    (@fast $reader:ident $($rest:tt)*) => {};
    (@tree owned $scalar:ty, $expected:literal) => {
        fn from_tree(value: &Value) -> Option<Result<Self, ConversionError>> {
            Some(match crate::value::from_value::leaf(value) {
                Some(leaf) => <$scalar as FromValue<'_>>::from_value(leaf),
                None => Err(ConversionError::mismatch($expected, value.kind())),
            })
        }
    };
    (@tree borrowed $scalar:ty, $expected:literal) => {};
}

pub(crate) use scalars;

scalars! {
    owned bool, "a boolean" by boolean: Boolean(value) => Ok(value);
    owned i64, "an integer" by integer: Integer(value) => Ok(value);
    owned f64, "a float" by float run floats: Float(value) => Ok(value), Integer(value) => exact_float(value);
    owned f32, "a float" by float: Float(value) => narrow(value), Integer(value) => exact_float_32(value);
    owned char, "a string of one character": String(value) => only_char(value);
    borrowed &'a str, "a string" by short_string: String(value) => Ok(value);
    owned String, "a string" by owned_string: String(value) => Ok(text(value));
    owned Box<str>, "a string": String(value) => Ok(value.into());
    owned Rc<str>, "a string": String(value) => Ok(value.into());
    owned Arc<str>, "a string": String(value) => Ok(value.into());
    borrowed Cow<'a, str>, "a string": String(value) => Ok(Cow::Borrowed(value));
}

impl<'a> FromValue<'a> for () {
    fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
        match value {
            ValueRef::Null => Ok(()),
            value => Err(ConversionError::expected("null", &value)),
        }
    }

    fn from_tree(value: &Value) -> Option<Result<Self, ConversionError>> {
        Some(match value {
            Value::Null => Ok(()),
            other => Err(ConversionError::mismatch("null", other.kind())),
        })
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

            fn from_tree(value: &Value) -> Option<Result<Self, ConversionError>> {
                i64::from_tree(value).map(|read| read.and_then(in_range::<Self>))
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

/// The largest integer up to which an `f64` has all integers, and the same for an `f32`.
const EXACT: u64 = 1 << f64::MANTISSA_DIGITS;
const EXACT_32: u64 = 1 << f32::MANTISSA_DIGITS;

/// Reads an integer as a float: a price of 10 is as good as one of 10.5. A float must equal the integer.
#[cold]
pub(crate) fn exact_float(value: i64) -> Result<f64, ConversionError> {
    if value.unsigned_abs() > EXACT {
        return Err(ConversionError::mismatch(
            "a float",
            "an integer beyond 2^53, which a float does not hold exactly",
        ));
    }
    Ok(value as f64)
}

/// Works as [`exact_float`] for the shorter float.
#[cold]
pub(crate) fn exact_float_32(value: i64) -> Result<f32, ConversionError> {
    if value.unsigned_abs() > EXACT_32 {
        return Err(ConversionError::mismatch(
            "a float that fits f32",
            "an integer beyond 2^24, which an f32 does not hold exactly",
        ));
    }
    Ok(value as f32)
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

/// Returns a text that may have been copied already.
#[inline]
fn text(value: impl Into<String>) -> String {
    value.into()
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
