//! Reading and writing hash maps, which need the standard library.

extern crate std;

use core::hash::{BuildHasher, Hash};
use std::collections::HashMap;

use crate::error::{ConversionError, EncodeError};
use crate::packstream::{Reader, ValueRef};
use crate::value::from_collections::{map_from_value, read_map};
use crate::value::{Encoder, FromValue, ToValue};

impl<K: AsRef<str>, V: ToValue, S> ToValue for HashMap<K, V, S> {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        out.map(self)
    }
}

impl<'a, K, V, S> FromValue<'a> for HashMap<K, V, S>
where
    K: From<&'a str> + Eq + Hash,
    V: FromValue<'a>,
    S: BuildHasher + Default,
{
    fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
        map_from_value(value, Self::default(), |map, key, value| {
            drop(map.insert(key, value))
        })
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, ConversionError> {
        read_map(reader, Self::default(), |map, key, value| {
            drop(map.insert(key, value))
        })
    }
}
