//! Looking into a [`Value`], and taking it apart.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Index;

use crate::error::ConversionError;
use crate::value::{
    Date, DateTime, Duration, LocalDateTime, LocalTime, Map, Node, Path, Point2D, Point3D, Relationship,
    Structure, Time, UnboundRelationship, UnsupportedType, Uuid, Value, Vector, ZonedDateTime, exact_float,
};

impl Value {
    /// Returns whether the value is null.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Returns the value if it is a boolean.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// Returns the value if it is an integer.
    #[must_use]
    pub const fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            _ => None,
        }
    }

    /// Returns the value if it is an integer of 0 or more.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        u64::try_from(self.as_i64()?).ok()
    }

    /// Returns the value if it is a float, or an integer that a float holds exactly: up to 2⁵³.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            Self::Integer(value) => exact_float(*value).ok(),
            _ => None,
        }
    }

    /// Returns the value if it is a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the value if it is bytes.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the items if the value is a list.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// Returns the items if the value is a list, to change them.
    #[must_use]
    pub const fn as_list_mut(&mut self) -> Option<&mut Vec<Self>> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// Returns the map if the value is one, to change it.
    #[must_use]
    pub const fn as_map_mut(&mut self) -> Option<&mut Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// Returns an item of a list by its index, an entry of a map by its name, or a property of a node or a relationship by
    /// its name.
    ///
    /// ```
    /// # use bolt_proto as bolt;
    /// use bolt::{Value, map};
    ///
    /// let value: Value = map! { "name": "Ada", "tags": ["poet", "mathematician"] }.into();
    /// assert_eq!(value.get("tags").and_then(|tags| tags.get(1)).and_then(Value::as_str), Some("mathematician"));
    /// // An index is shorter, and null for what does not exist.
    /// assert_eq!(value["tags"][0], "poet");
    /// assert!(value["born"]["year"].is_null());
    /// ```
    #[must_use]
    pub fn get(&self, index: impl ValueIndex) -> Option<&Self> {
        index.find(self)
    }

    /// Takes the value, and leaves null.
    #[must_use]
    pub fn take(&mut self) -> Self {
        core::mem::take(self)
    }
}

/// A place in a [`Value`]: the index of an item as a `usize`, or a name as a string.
///
/// This trait is sealed: it cannot be implemented outside of this crate.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no place in a value",
    note = "an item of a list has an index of type `usize`, an entry of a map has a name"
)]
pub trait ValueIndex: sealed::Sealed {
    /// Finds the value at this place.
    #[doc(hidden)]
    fn find<'v>(&self, value: &'v Value) -> Option<&'v Value>;
}

impl ValueIndex for usize {
    fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        value.as_list()?.get(*self)
    }
}

impl ValueIndex for str {
    fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match value {
            Value::Map(map) => map,
            Value::Node(node) => &node.properties,
            Value::Relationship(relationship) => &relationship.properties,
            Value::UnboundRelationship(relationship) => &relationship.properties,
            _ => return None,
        }
        .get(self)
    }
}

impl ValueIndex for String {
    fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        ValueIndex::find(self.as_str(), value)
    }
}

impl<I: ValueIndex + ?Sized> ValueIndex for &I {
    fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        (**self).find(value)
    }
}

mod sealed {
    use alloc::string::String;

    #[expect(unnameable_types, reason = "a sealed trait has a supertrait without a path")]
    pub trait Sealed {}

    impl Sealed for usize {}
    impl Sealed for str {}
    impl Sealed for String {}
    impl<I: Sealed + ?Sized> Sealed for &I {}
}

static NULL: Value = Value::Null;

/// Works as [`Value::get`]. What does not exist is null: indexing never panics.
impl<I: ValueIndex> Index<I> for Value {
    type Output = Self;

    fn index(&self, index: I) -> &Self {
        index.find(self).unwrap_or(&NULL)
    }
}

/// A type that is a variant of [`Value`].
pub(crate) trait Variant: Sized {
    /// Returns the value if it is of this type.
    fn of(value: &Value) -> Option<&Self>;
}

macro_rules! variants {
    ($($box:ident $as:ident $type:ident $variant:ident, $kind:literal;)*) => {
        impl Value {
            $(
                #[doc = concat!("Returns the value if it is ", $kind, ".")]
                #[must_use]
                pub fn $as(&self) -> Option<&$type> {
                    match self {
                        Self::$variant(value) => Some(value),
                        _ => None,
                    }
                }
            )*
        }

        $(
            impl Variant for $type {
                fn of(value: &Value) -> Option<&Self> {
                    value.$as()
                }
            }

            impl TryFrom<Value> for $type {
                type Error = ConversionError;

                fn try_from(value: Value) -> Result<Self, ConversionError> {
                    match value {
                        Value::$variant(value) => Ok(variants!($box value)),
                        other => Err(ConversionError::mismatch($kind, other.kind())),
                    }
                }
            }
        )*
    };
    (boxed $value:ident) => { *$value };
    (plain $value:ident) => { $value };
}

variants! {
    plain as_map Map Map, "a map";
    boxed as_node Node Node, "a node";
    boxed as_relationship Relationship Relationship, "a relationship";
    boxed as_unbound_relationship UnboundRelationship UnboundRelationship, "a relationship of a path";
    boxed as_path Path Path, "a path";
    plain as_date Date Date, "a date";
    plain as_time Time Time, "a time";
    plain as_local_time LocalTime LocalTime, "a local time";
    plain as_date_time DateTime DateTime, "a date-time with an offset";
    boxed as_zoned_date_time ZonedDateTime ZonedDateTime, "a date-time with a zone";
    plain as_local_date_time LocalDateTime LocalDateTime, "a local date-time";
    boxed as_duration Duration Duration, "a duration";
    plain as_point_2d Point2D Point2D, "a point in two dimensions";
    boxed as_point_3d Point3D Point3D, "a point in three dimensions";
    boxed as_vector Vector Vector, "a vector";
    plain as_uuid Uuid Uuid, "a UUID";
    boxed as_unsupported UnsupportedType Unsupported, "a value that this version of Bolt cannot carry";
    boxed as_structure Structure Structure, "a structure of an unknown kind";
}

/// Moves what need not be copied.
macro_rules! moved {
    ($($type:ty, $variant:ident, $kind:literal;)*) => {$(
        impl TryFrom<Value> for $type {
            type Error = ConversionError;

            fn try_from(value: Value) -> Result<Self, ConversionError> {
                match value {
                    Value::$variant(value) => Ok(value),
                    other => Err(ConversionError::mismatch($kind, other.kind())),
                }
            }
        }
    )*};
}

moved! {
    String, String, "a string";
    Vec<u8>, Bytes, "bytes";
    Vec<Value>, List, "a list";
}

macro_rules! scalars {
    ($($type:ty)*) => {$(
        impl TryFrom<Value> for $type {
            type Error = ConversionError;

            fn try_from(value: Value) -> Result<Self, ConversionError> {
                value.to()
            }
        }
    )*};
}

scalars!(bool char i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64);

/// Compares with a value of Rust. Types that differ are not equal: the integer 1 is not the float 1.0.
macro_rules! equal {
    ($($type:ty, $value:ident: $variant:ident($found:ident) => $equal:expr;)*) => {$(
        impl PartialEq<$type> for Value {
            fn eq(&self, $value: &$type) -> bool {
                match self {
                    Self::$variant($found) => $equal,
                    _ => false,
                }
            }
        }

        impl PartialEq<Value> for $type {
            fn eq(&self, value: &Value) -> bool {
                value == self
            }
        }
    )*};
}

equal! {
    str, other: String(value) => value == other;
    &str, other: String(value) => value == other;
    String, other: String(value) => value == other;
    bool, other: Boolean(value) => value == other;
    f64, other: Float(value) => value == other;
    i32, other: Integer(value) => *value == i64::from(*other);
    i64, other: Integer(value) => value == other;
    u32, other: Integer(value) => *value == i64::from(*other);
    u64, other: Integer(value) => u64::try_from(*value) == Ok(*other);
    usize, other: Integer(value) => usize::try_from(*value) == Ok(*other);
}

#[cfg(test)]
mod tests {
    use std::string::ToString;
    use std::vec;

    use super::*;
    use crate::{list, map};

    #[test]
    fn a_value_is_looked_into_like_one_of_json() {
        let ada = Node::new(1, ["Person"], map! { "name": "Ada", "born": 1815 });
        let mut value: Value =
            map! { "n": ada.clone(), "list": list![1, 2.5, "x", true], "bytes": [1_u8] }.into();
        assert_eq!(value["n"]["name"], "Ada");
        assert_eq!(value["n"]["born"].as_u64(), Some(1815));
        assert_eq!(value["list"][0].as_f64(), Some(1.0));
        assert_eq!(
            (value["list"][1].as_f64(), value["list"][1].as_i64()),
            (Some(2.5), None)
        );
        assert_eq!(value["list"][3], true);
        assert!(value["list"][9].is_null() && value["nothing"][0]["at all"].is_null());
        assert_eq!(
            value.get("list").and_then(Value::as_list).map(<[Value]>::len),
            Some(4)
        );
        assert_eq!(value["bytes"].as_bytes(), Some(&[1][..]));
        assert_eq!(value["n"].as_node(), Some(&ada));
        assert_eq!(Value::from(1_i64 << 60).as_f64(), None);
        if let Some(map) = value.as_map_mut() {
            map.insert("new", 1);
        }
        assert_eq!(value["new"], 1);
        assert_eq!(value.take()["new"], 1_i64);
        assert!(value.is_null());
    }

    #[test]
    fn a_value_is_taken_apart_without_being_copied() {
        let text = String::from("a long text");
        let place = text.as_ptr();
        let text = String::try_from(Value::from(text)).unwrap();
        assert_eq!(text.as_ptr(), place);
        assert_eq!(Vec::<Value>::try_from(list![1, "x"]).unwrap().len(), 2);
        assert_eq!(i64::try_from(Value::from(7)), Ok(7));
        assert_eq!(f64::try_from(Value::from(7)), Ok(7.0));
        assert_eq!(Vec::<u8>::try_from(Value::from([7_u8])), Ok(vec![7]));
        assert_eq!(Date::try_from(Value::from(Date::EPOCH)), Ok(Date::EPOCH));
        let node = Node::new(1, ["Person"], Map::new());
        assert_eq!(Node::try_from(Value::from(node.clone())), Ok(node));
        let error = String::try_from(Value::from(7)).unwrap_err();
        assert_eq!(error.to_string(), "expected a string, found an integer");
        assert!(u8::try_from(Value::from(256)).is_err() && i64::try_from(Value::from(1.0)).is_err());
    }
}
