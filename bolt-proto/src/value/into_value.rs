//! `From` conversions into [`Value`].

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::value::{
    Date, DateTime, Duration, LocalDateTime, LocalTime, Map, Node, Path, Point2D, Point3D, Relationship,
    Structure, Time, UnboundRelationship, UnsupportedType, Uuid, Value, Vector, ZonedDateTime,
};

macro_rules! from {
    ($($from:ty, $variant:ident;)*) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

from! {
    bool, Boolean;
    i8, Integer;
    i16, Integer;
    i32, Integer;
    i64, Integer;
    u16, Integer;
    u32, Integer;
    f32, Float;
    f64, Float;
    char, String;
    &str, String;
    String, String;
    &String, String;
    Box<str>, String;
    Cow<'_, str>, String;
    &[u8], Bytes;
    Vec<u8>, Bytes;
    Bytes, Bytes;
    Map, Map;
    Node, Node;
    Relationship, Relationship;
    UnboundRelationship, UnboundRelationship;
    Path, Path;
    Date, Date;
    Time, Time;
    LocalTime, LocalTime;
    DateTime, DateTime;
    ZonedDateTime, ZonedDateTime;
    LocalDateTime, LocalDateTime;
    Duration, Duration;
    Point2D, Point2D;
    Point3D, Point3D;
    Vector, Vector;
    Uuid, Uuid;
    UnsupportedType, Unsupported;
    Structure, Structure;
}

/// Makes null.
impl From<()> for Value {
    fn from((): ()) -> Self {
        Self::Null
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Makes bytes.
impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Self {
        Self::Bytes(bytes.into())
    }
}

/// Makes bytes.
impl<const N: usize> From<&[u8; N]> for Value {
    fn from(bytes: &[u8; N]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

/// Makes a list.
impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        items.into_iter().collect()
    }
}

/// Makes a list.
impl<T: Into<Self>, const N: usize> From<[T; N]> for Value {
    fn from(items: [T; N]) -> Self {
        items.into_iter().collect()
    }
}

/// Makes a list.
impl<T: Into<Self> + Clone> From<&[T]> for Value {
    fn from(items: &[T]) -> Self {
        items.iter().cloned().collect()
    }
}

/// Makes a list.
impl<T: Into<Self>> FromIterator<T> for Value {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

/// Makes a map.
impl<K: Into<String>, V: Into<Self>> From<BTreeMap<K, V>> for Value {
    fn from(entries: BTreeMap<K, V>) -> Self {
        Self::Map(entries.into_iter().collect())
    }
}

macro_rules! tuples {
    ($($($item:ident)*;)*) => {$(
        /// Makes a list.
        impl<$($item: Into<Self>),*> From<($($item,)*)> for Value {
            #[expect(non_snake_case, reason = "an item is named as its type")]
            fn from(($($item,)*): ($($item,)*)) -> Self {
                Self::List(<[Self]>::into_vec(Box::new([$($item.into()),*])))
            }
        }
    )*};
}

tuples! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
    A B C D E F G;
    A B C D E F G H;
    A B C D E F G H I;
    A B C D E F G H I J;
    A B C D E F G H I J K;
    A B C D E F G H I J K L;
}

#[cfg(feature = "std")]
mod hash_map {
    extern crate std;

    use std::collections::HashMap;

    use super::*;

    /// Makes a map.
    impl<K: Into<String>, V: Into<Self>, S> From<HashMap<K, V, S>> for Value {
        fn from(entries: HashMap<K, V, S>) -> Self {
            Self::Map(entries.into_iter().collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::ToOwned;
    use std::vec;

    use super::*;
    use crate::{list, map};

    #[test]
    fn arrays_vectors_slices_tuples_and_iterators_make_lists() {
        let expected = Value::List(vec![Value::Integer(1), Value::Integer(2)]);
        assert_eq!(Value::from([1, 2]), expected);
        assert_eq!(Value::from(vec![1, 2]), expected);
        assert_eq!(Value::from(&[1, 2][..]), expected);
        assert_eq!(Value::from((1, 2_i64)), expected);
        assert_eq!((1..3).collect::<Value>(), expected);
        assert_eq!(list![1, 2], expected);
        assert_eq!(list![1, 2,], expected);
        assert_eq!(list![], Value::List(vec![]));
        assert_eq!(Value::from(((1, "x"), [true])), list![list![1, "x"], list![true]]);
    }

    #[test]
    fn bytes_make_bytes_and_not_lists() {
        let expected = Value::Bytes(vec![1, 2]);
        assert_eq!(Value::from(vec![1_u8, 2]), expected);
        assert_eq!(Value::from([1_u8, 2]), expected);
        assert_eq!(Value::from(b"\x01\x02"), expected);
        assert_eq!(Value::from(&[1_u8, 2][..]), expected);
        assert_eq!(Value::from(Bytes::from_static(b"\x01\x02")), expected);
    }

    #[test]
    fn maps_are_made_of_literal_and_of_computed_names() {
        let name = "b";
        let made = map! { "a": 1, name: "two", ("c".to_owned()): (), };
        let expected: Map = [("a", Value::from(1)), ("b", "two".into()), ("c", Value::Null)]
            .into_iter()
            .collect();
        assert_eq!(made, expected);
        assert_eq!(map! {}, Map::new());
        assert_eq!(
            Value::from(BTreeMap::from([("a", 1)])),
            Value::from(map! { "a": 1 })
        );
        assert_eq!(Map::from([("a", 1), ("a", 2)]), map! { "a": 2 });
    }
}
