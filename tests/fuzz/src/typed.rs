//! One value, read as many types.

mod structs;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use bolt_proto::Serde;
use bolt_proto::packstream::{Reader, ValueRef};
use bolt_proto::types::{
    Date, DateTime, Duration, LocalDateTime, LocalTime, Map, Node, Path, Point2D, Point3D, Relationship,
    Time, UnboundRelationship, UnsupportedType, Uuid, Vector, ZonedDateTime,
};
use bolt_proto::value::{FromValue, Value};
use bytes::Bytes;
use serde::de::IgnoredAny;

use crate::packstream::encoded;
use structs::{Any, Beside, Borrowed, Choice, Open, Plain, Tagged, Wrapped};

/// Reads a value as each type, encodes it, and checks that it decodes unchanged. A macro, because the types borrow from
/// one buffer on the way in and from another one on the way back.
macro_rules! round_trips {
    ($read:expr; $($type:ty,)*) => {$(
        let value: Option<$type> = $read;
        if let Some(value) = value {
            if let Ok(sent) = encoded(&value) {
                let mut reader = Reader::new(&sent);
                let back = <$type>::read(&mut reader);
                let back = back.unwrap_or_else(|error| panic!("{value:?} does not decode: {error}"));
                assert!(reader.is_empty(), "one value was encoded");
                assert_eq!(encoded(&back), Ok(sent.clone()), "{value:?} has changed");
            }
        }
    )*};
}

/// Reads the bytes as each type, and encodes the result.
pub fn typed(data: &[u8]) {
    let mut reader = Reader::new(data);
    let Ok(view) = reader.value() else { return };
    let data = &data[..data.len() - reader.rest().len()];
    scalars(data, view);
    containers(data, view);
    types(data, view);
    by_serde(data, view);
}

fn scalars(data: &[u8], view: ValueRef<'_>) {
    round_trips! { both_ways(data, view);
        (), bool, i8, i16, i32, i64, i128, u16, u32, u64, u128, f32, f64,
        char, &str, String, Arc<str>, Cow<'_, str>,
        &[u8], Vec<u8>, Bytes, [u8; 3],
    }
}

fn containers(data: &[u8], view: ValueRef<'_>) {
    round_trips! { both_ways(data, view);
        Option<i64>, Vec<i64>, Vec<f64>, Vec<Option<&str>>, Vec<Vec<Value>>, [i64; 2], (Value, String),
        BTreeMap<String, Value>, BTreeMap<Cow<'_, str>, Vec<i64>>,
    }
    both_ways::<Vec<ValueRef<'_>>>(data, view);
    if let Ok(Value::Map(map)) = Value::from_value(view) {
        let names: std::collections::BTreeSet<&str> = map.keys().collect();
        assert_eq!(names.len(), map.len(), "the names of a map are not unique");
    }
}

fn types(data: &[u8], view: ValueRef<'_>) {
    round_trips! { both_ways(data, view);
        Date, Time, LocalTime, DateTime, ZonedDateTime, LocalDateTime, Duration, Point2D, Point3D, Vector, Uuid, Map,
        Node, Relationship, UnboundRelationship, Path, UnsupportedType,
    }
    // These types survive serde as well, but cannot be read from a view.
    round_trips! { FromValue::read(&mut Reader::new(data)).ok();
        Serde<Date>, Serde<Time>, Serde<LocalTime>, Serde<DateTime>, Serde<ZonedDateTime>, Serde<LocalDateTime>,
        Serde<Duration>, Serde<Point2D>, Serde<Point3D>, Serde<Vector>, Serde<Uuid>, Serde<Value>, Serde<Map>,
    }
}

fn by_serde(data: &[u8], view: ValueRef<'_>) {
    round_trips! { both_ways(data, view);
        Serde<Plain>, Serde<Borrowed<'_>>, Serde<Open>, Serde<Choice>, Serde<Tagged>, Serde<Beside>, Serde<Any>,
        Serde<Wrapped>, Serde<(i8, Option<u8>, String)>, Serde<BTreeMap<char, Vec<u128>>>, Serde<Vec<Choice>>,
    }
    both_ways::<Serde<IgnoredAny>>(data, view);
}

/// Checks that both ways of reading a type agree, and that the cursor ends after the value.
fn both_ways<'a, T: FromValue<'a> + Debug>(data: &'a [u8], view: ValueRef<'a>) -> Option<T> {
    let mut reader = Reader::new(data);
    match (T::read(&mut reader), T::from_value(view)) {
        (Ok(by_cursor), Ok(by_view)) => {
            assert!(reader.is_empty(), "{by_cursor:?} was read, but not to its end");
            assert_eq!(format!("{by_cursor:?}"), format!("{by_view:?}"));
            Some(by_view)
        }
        (Err(by_cursor), Err(by_view)) => {
            assert!(!by_cursor.to_string().is_empty() && !by_view.to_string().is_empty());
            None
        }
        (by_cursor, by_view) => panic!("by cursor {by_cursor:?}, by view {by_view:?}"),
    }
}
