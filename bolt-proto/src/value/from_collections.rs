//! Reading bytes, lists and maps.

use alloc::borrow::{Cow, ToOwned};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::error::ConversionError;
use crate::packstream::{Reader, Token, ValueRef};
use crate::value::from_value::scalars;
use crate::value::{FromValue, Value, in_range};

/// The most bytes that are allocated in advance because of a length that the peer has sent.
const MOST_IN_ADVANCE: usize = 64 * 1024;

scalars! {
    borrowed &'a [u8], "bytes": Bytes(value) => Ok(value);
    owned Box<[u8]>, "bytes": Bytes(value) => Ok(value.into());
    borrowed Cow<'a, [u8]>, "bytes": Bytes(value) => Ok(Cow::Borrowed(value));
}

/// By itself an integer; several are bytes, or a list of integers.
impl<'a> FromValue<'a> for u8 {
    fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
        i64::from_value(value).and_then(in_range)
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, ConversionError> {
        i64::read(reader).and_then(in_range)
    }

    fn read_items(reader: &mut Reader<'a>) -> Result<Vec<Self>, ConversionError> {
        match reader.token()? {
            Token::Bytes(bytes) => Ok(bytes.to_owned()),
            Token::List(len) => {
                reader.enter()?;
                let items = read_items(reader, len)?;
                reader.leave();
                Ok(items)
            }
            other => Err(ConversionError::mismatch("bytes", other.kind())),
        }
    }

    fn items_of_bytes(bytes: &'a [u8]) -> Option<Vec<Self>> {
        Some(bytes.to_owned())
    }

    fn read_array<const N: usize>(reader: &mut Reader<'a>) -> Result<[Self; N], ConversionError> {
        let mut ahead = *reader;
        match ahead.token()? {
            Token::Bytes(bytes) => {
                *reader = ahead;
                bytes
                    .try_into()
                    .map_err(|_| ConversionError::wrong_len("bytes", N, bytes.len()))
            }
            _ => Self::read_items(reader).and_then(into_array),
        }
    }

    fn from_tree(value: &Value) -> Option<Result<Self, ConversionError>> {
        i64::from_tree(value).map(|read| read.and_then(in_range))
    }

    fn items_from_tree(value: &Value) -> Option<Result<Vec<Self>, ConversionError>> {
        match value {
            Value::Bytes(bytes) => Some(Ok(bytes.clone())),
            Value::List(_) => list_from_tree(value),
            other => Some(Err(ConversionError::mismatch("bytes", other.kind()))),
        }
    }
}

impl<'a> FromValue<'a> for Bytes {
    fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
        <&[u8]>::from_value(value).map(Self::copy_from_slice)
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, ConversionError> {
        let bytes = <&[u8]>::read(reader)?;
        Ok(match reader.owner() {
            Some(owner) => owner.slice_ref(bytes),
            None => Self::copy_from_slice(bytes),
        })
    }

    fn from_tree(value: &Value) -> Option<Result<Self, ConversionError>> {
        <Box<[u8]>>::from_tree(value).map(|read| read.map(Self::from))
    }
}

impl<'a, T: FromValue<'a>> FromValue<'a> for Vec<T> {
    fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
        match value {
            ValueRef::List(list) => read_items(&mut list.reader(), list.len()),
            ValueRef::Bytes(bytes) => {
                T::items_of_bytes(bytes).ok_or_else(|| ConversionError::expected("a list", &value))
            }
            value => Err(ConversionError::expected("a list", &value)),
        }
    }

    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, ConversionError> {
        T::read_items(reader)
    }

    fn from_tree(value: &Value) -> Option<Result<Self, ConversionError>> {
        T::items_from_tree(value)
    }
}

impl<'a, T: FromValue<'a>, const N: usize> FromValue<'a> for [T; N] {
    fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
        let items = Vec::from_value(value)?;
        let what = if matches!(value, ValueRef::Bytes(_)) {
            "bytes"
        } else {
            "a list"
        };
        let len = items.len();
        items
            .try_into()
            .map_err(|_| ConversionError::wrong_len(what, N, len))
    }

    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, ConversionError> {
        T::read_array(reader)
    }

    fn from_tree(value: &Value) -> Option<Result<Self, ConversionError>> {
        T::items_from_tree(value).map(|read| read.and_then(into_array))
    }
}

pub(crate) fn into_array<T, const N: usize>(items: Vec<T>) -> Result<[T; N], ConversionError> {
    items
        .try_into()
        .map_err(|items: Vec<T>| ConversionError::wrong_len("a list", N, items.len()))
}

/// Reads a list, item by item.
#[inline]
pub(crate) fn read_list<'a, T: FromValue<'a>>(reader: &mut Reader<'a>) -> Result<Vec<T>, ConversionError> {
    let len = begin_list(reader)?;
    let items = read_items(reader, len)?;
    reader.leave();
    Ok(items)
}

/// Reads a list that is a tree, item by item.
pub(crate) fn list_from_tree<'a, T: FromValue<'a>>(value: &Value) -> Option<Result<Vec<T>, ConversionError>> {
    let Value::List(items) = value else {
        return Some(Err(ConversionError::mismatch("a list", value.kind())));
    };
    let mut read = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        match T::from_tree(item)? {
            Ok(item) => read.push(item),
            Err(error) => return Some(Err(error.at_item(index))),
        }
    }
    Some(Ok(read))
}

macro_rules! tuples {
    ($($len:literal: $($item:ident $index:literal)*;)*) => {$(
        impl<'a, $($item: FromValue<'a>),*> FromValue<'a> for ($($item,)*) {
            fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
                let ValueRef::List(list) = value else {
                    return Err(ConversionError::expected("a list", &value));
                };
                if list.len() != $len {
                    return Err(ConversionError::wrong_len("a list", $len, list.len()));
                }
                let mut reader = list.reader();
                Ok(($($item::read(&mut reader).map_err(|error| error.at_item($index))?,)*))
            }

            fn read(reader: &mut Reader<'a>) -> Result<Self, ConversionError> {
                let len = begin_list(reader)?;
                if len != $len {
                    return Err(ConversionError::wrong_len("a list", $len, len));
                }
                let items = ($($item::read(reader).map_err(|error| error.at_item($index))?,)*);
                reader.leave();
                Ok(items)
            }

            fn from_tree(value: &Value) -> Option<Result<Self, ConversionError>> {
                let Value::List(items) = value else {
                    return Some(Err(ConversionError::mismatch("a list", value.kind())));
                };
                if items.len() != $len {
                    return Some(Err(ConversionError::wrong_len("a list", $len, items.len())));
                }
                Some(Ok(($(match $item::from_tree(items.get($index)?)? {
                    Ok(item) => item,
                    Err(error) => return Some(Err(error.at_item($index))),
                },)*)))
            }
        }
    )*};
}

tuples! {
    1: A 0;
    2: A 0 B 1;
    3: A 0 B 1 C 2;
    4: A 0 B 1 C 2 D 3;
    5: A 0 B 1 C 2 D 3 E 4;
    6: A 0 B 1 C 2 D 3 E 4 F 5;
    7: A 0 B 1 C 2 D 3 E 4 F 5 G 6;
    8: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7;
    9: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8;
    10: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9;
    11: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10;
    12: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11;
}

impl<'a, K: From<&'a str> + Ord, V: FromValue<'a>> FromValue<'a> for BTreeMap<K, V> {
    fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
        map_from_value(value, Self::new(), |map, key, value| drop(map.insert(key, value)))
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, ConversionError> {
        read_map(reader, Self::new(), |map, key, value| {
            drop(map.insert(key, value))
        })
    }
}

/// Returns for how many items to allocate memory, out of a number that the peer has sent.
pub(crate) fn in_advance<T>(items: usize) -> usize {
    items.min(MOST_IN_ADVANCE / size_of::<T>().max(1))
}

/// Reads the header of a list and enters the list.
#[inline]
fn begin_list(reader: &mut Reader<'_>) -> Result<usize, ConversionError> {
    let len = match reader.token()? {
        Token::List(len) => len,
        other => return Err(ConversionError::mismatch("a list", other.kind())),
    };
    reader.enter()?;
    Ok(len)
}

#[inline]
fn read_items<'a, T: FromValue<'a>>(reader: &mut Reader<'a>, len: usize) -> Result<Vec<T>, ConversionError> {
    let mut items = Vec::with_capacity(in_advance::<T>(len));
    T::read_run(reader, len, &mut items);
    for index in items.len()..len {
        items.push(T::read(reader).map_err(|error| error.at_item(index))?);
    }
    Ok(items)
}

pub(crate) fn map_from_value<'a, M, K: From<&'a str>, V: FromValue<'a>>(
    value: ValueRef<'a>,
    map: M,
    insert: impl FnMut(&mut M, K, V),
) -> Result<M, ConversionError> {
    match value {
        ValueRef::Map(found) => read_entries(&mut found.reader(), found.len(), map, insert),
        value => Err(ConversionError::expected("a map", &value)),
    }
}

pub(crate) fn read_map<'a, M, K: From<&'a str>, V: FromValue<'a>>(
    reader: &mut Reader<'a>,
    map: M,
    insert: impl FnMut(&mut M, K, V),
) -> Result<M, ConversionError> {
    let len = match reader.token()? {
        Token::Map(len) => len,
        other => return Err(ConversionError::mismatch("a map", other.kind())),
    };
    reader.enter()?;
    let map = read_entries(reader, len, map, insert)?;
    reader.leave();
    Ok(map)
}

fn read_entries<'a, M, K: From<&'a str>, V: FromValue<'a>>(
    reader: &mut Reader<'a>,
    len: usize,
    mut map: M,
    mut insert: impl FnMut(&mut M, K, V),
) -> Result<M, ConversionError> {
    for _ in 0..len {
        let key = reader.key()?;
        let value = V::read(reader).map_err(|error| error.at_field(key))?;
        insert(&mut map, key.into(), value);
    }
    Ok(map)
}
