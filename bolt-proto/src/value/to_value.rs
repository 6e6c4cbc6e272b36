//! Writing values, and the scalars.

use alloc::borrow::{Cow, ToOwned};
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::sync::Arc;

use crate::error::EncodeError;
use crate::packstream::ValueRef;
use crate::value::{Encoder, FromValue, Value};

/// A type that can be sent as a value, as a parameter of a query.
///
/// | Rust | value |
/// |---|---|
/// | `()`, `None` (by itself `None::<()>`) | null |
/// | `bool` | boolean |
/// | `i8` … `i64`, `isize`, `u8` … `u64`, `usize`, `i128`, `u128` | integer; beyond `i64` an error |
/// | `f32`, `f64` | float; `f32` is widened |
/// | `str`, `String`, `char` | string |
/// | `[u8]`, `Vec<u8>`, `[u8; N]`, `Bytes` | bytes; several `u8` in a tuple, a set or a `VecDeque` are a list of integers |
/// | `[T]`, `Vec<T>`, `[T; N]`, tuples, `VecDeque<T>`, `BTreeSet<T>`, `HashSet<T>` | list |
/// | `BTreeMap`, `HashMap` with string keys | map |
/// | `std::time::Duration` | duration |
/// | [`Date`](crate::types::Date) and the other types of [`types`](crate::types) | themselves |
/// | [`Value`], [`ValueRef`] | the value that it holds |
/// | [`Serde`](crate::Serde)`(&anything)` | the value that serde makes of it |
///
/// A type of the application is written by one call:
///
/// ```
/// # use bolt_proto as bolt;
/// use bolt::types::Encoder;
/// use bolt::{EncodeError, ToValue, query};
///
/// struct UserId(u64);
///
/// impl ToValue for UserId {
///     fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
///         self.0.to_value(out)
///     }
/// }
///
/// struct Celsius(f64);
///
/// impl ToValue for Celsius {
///     fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
///         out.map_with(Some(2), |map| {
///             map.entry("unit", "celsius")?;
///             map.entry("degrees", &self.0)
///         })
///     }
/// }
///
/// let query = query("MATCH (u:User {id: $id}) SET u.room = $t").param("id", UserId(7)).param("t", Celsius(21.5));
/// assert_eq!(query.check(), Ok(()));
/// ```
///
/// A newtype needs one line: [`newtype!`](crate::newtype).
///
/// With serde there is nothing to implement: a reference to a type that is `Serialize` is sent as a
/// [`Serde`](crate::Serde) of it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent as a value",
    label = "`{Self}` does not implement `ToValue`",
    note = "a value of a type that implements `serde::Serialize` is sent as `Serde(&value)`",
    note = "types of chrono, time, jiff, uuid and serde_json need the feature of that name"
)]
pub trait ToValue {
    /// Writes the value.
    ///
    /// # Errors
    ///
    /// If the value cannot be sent. An implementation that returns `Ok` without having written anything is an
    /// error, too.
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError>;

    /// Writes a slice as a list, or as bytes if the items are bytes.
    #[doc(hidden)]
    #[inline]
    fn slice_to_value(items: &[Self], out: Encoder<'_>) -> Result<(), EncodeError>
    where
        Self: Sized,
    {
        out.list(items)
    }
}

impl ToValue for () {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        out.null()
    }
}

impl<T: ToValue> ToValue for Option<T> {
    #[inline]
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        match self {
            Some(value) => value.to_value(out),
            None => out.null(),
        }
    }
}

impl ToValue for bool {
    #[inline]
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        out.boolean(*self)
    }
}

macro_rules! integers {
    ($($integer:ty)*) => {$(
        impl ToValue for $integer {
            #[inline]
            fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
                out.integer(i64::try_from(*self).map_err(|_| EncodeError::integer())?)
            }
        }
    )*};
}

macro_rules! small_integers {
    ($($integer:ty)*) => {$(
        impl ToValue for $integer {
            #[inline]
            fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
                out.integer(i64::from(*self))
            }
        }
    )*};
}

small_integers!(i8 i16 i32 i64 u16 u32);

/// By itself an integer; a slice of it is bytes.
impl ToValue for u8 {
    #[inline]
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        out.integer(i64::from(*self))
    }

    #[inline]
    fn slice_to_value(items: &[Self], out: Encoder<'_>) -> Result<(), EncodeError> {
        out.bytes(items)
    }
}

integers!(isize u64 usize i128 u128);

impl ToValue for f32 {
    #[inline]
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        out.float(f64::from(*self))
    }
}

impl ToValue for f64 {
    #[inline]
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        out.float(*self)
    }
}

impl ToValue for char {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        out.string(self.encode_utf8(&mut [0; 4]))
    }
}

impl ToValue for str {
    #[inline]
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        out.string(self)
    }
}

impl ToValue for String {
    #[inline]
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        out.string(self)
    }
}

macro_rules! pointers {
    ($($pointer:ty)*) => {$(
        impl<T: ToValue + ?Sized> ToValue for $pointer {
            #[inline]
            fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
                (**self).to_value(out)
            }
        }
    )*};
}

pointers!(&T &mut T Box<T> Rc<T> Arc<T>);

impl<T: ToValue + ToOwned + ?Sized> ToValue for Cow<'_, T> {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        (**self).to_value(out)
    }
}

/// Copies a received value. Structures that only servers send are refused, at any depth.
impl ToValue for ValueRef<'_> {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        match *self {
            Self::Null => out.null(),
            Self::Boolean(value) => out.boolean(value),
            Self::Integer(value) => out.integer(value),
            Self::Float(value) => out.float(value),
            Self::String(value) => out.string(value),
            Self::Bytes(value) => out.bytes(value),
            Self::Uuid(value) => out.uuid(value),
            Self::List(list) => out.list_with(Some(list.len()), |items| {
                list.iter()
                    .try_for_each(|item| items.item(&item.map_err(malformed)?))
            }),
            Self::Map(map) => out.map_with(Some(map.len()), |entries| {
                map.iter().try_for_each(|entry| {
                    let (key, value) = entry.map_err(malformed)?;
                    entries.entry(key, &value)
                })
            }),
            // Only structures that are valid values are sent.
            Self::Structure(_) => Value::from_value(*self).map_err(malformed)?.to_value(out),
        }
    }
}

/// A received value that cannot be read cannot be sent.
fn malformed(error: impl core::error::Error) -> EncodeError {
    EncodeError::custom(error.to_string())
}
