//! A map that keeps the order of its entries.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Not;
use core::{fmt, slice};

use ::serde::de::DeserializeOwned;

use crate::error::{ConversionError, DecodeError, EncodeError};
use crate::packstream::{Reader, Token, ValueRef, same};
use crate::serde::{Part, deserialize};
use crate::value::from_collections::in_advance;
use crate::value::seen_keys::SeenKeys;
use crate::value::{Encoder, FromValue, ToValue, Value};

/// A map: values under names, in order of arrival. No name occurs twice.
///
/// Two maps are equal if they have the same entries in any order, because servers do not keep the order.
///
/// The search for an entry is linear, which suits the small maps of queries and graphs.
///
/// ```
/// # use bolt_proto as bolt;
/// use bolt::{Value, map};
///
/// #[derive(serde::Deserialize)]
/// struct Person {
///     name: String,
///     born: i32,
/// }
///
/// let map = map! { "name": "Ada", "born": 1815 };
/// assert_eq!(map.get("born"), Some(&Value::Integer(1815)));
/// let ada: Person = map.to()?;
/// assert_eq!(ada.name, "Ada");
/// # assert_eq!(ada.born, 1815);
/// # Ok::<(), bolt::ConversionError>(())
/// ```
#[derive(Clone, Default)]
pub struct Map {
    /// Empty, or in the first slot all names, one after the other as one text; then each value with the end of its name
    /// in that text. So a map takes two allocations, however many entries it has.
    slots: Vec<Slot>,
}

/// A value, and the end of its name.
type Slot = (usize, Value);

/// Maps of at least this length are sorted to find duplicate keys.
const SORT_FROM: usize = 16;
/// The length of a name for which space is allocated in advance.
const NAME: usize = 8;

impl Map {
    /// Creates an empty map.
    #[must_use]
    pub const fn new() -> Self {
        Self { slots: Vec::new() }
    }

    /// Sets the value under a name, and returns the previous value. A new name goes to the end.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        let (name, value) = (name.into(), value.into());
        match self.slot(&name).and_then(|at| self.slots.get_mut(at)) {
            Some((_, old)) => Some(core::mem::replace(old, value)),
            None => {
                self.push(&name, value);
                None
            }
        }
    }

    /// Removes and returns the value under this name. The other entries keep their order.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let at = self.slot(name)?;
        let (end, value) = self.slots.remove(at);
        if let Some((_, Value::String(names))) = self.slots.first_mut() {
            names.drain(end - name.len()..end);
        }
        for (end, _) in self.slots.iter_mut().skip(at) {
            *end -= name.len();
        }
        Some(value)
    }

    /// Returns the value under this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.iter()
            .find(|(known, _)| same(known.as_bytes(), name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// Returns the number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len().saturating_sub(1)
    }

    /// Returns whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns an iterator over the entries in order.
    #[must_use]
    pub fn iter(&self) -> MapIter<'_> {
        let (names, values) = match self.slots.split_first() {
            Some(((_, Value::String(names)), values)) => (names.as_str(), values),
            _ => Default::default(),
        };
        MapIter {
            names,
            start: 0,
            values: values.iter(),
        }
    }

    /// Reads the map by serde, as a struct for example.
    ///
    /// # Errors
    ///
    /// If a field is missing, or a value does not fit its field. The error names the field.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, ConversionError> {
        deserialize(Part::Map(self), self)
    }

    /// Returns an iterator over the names in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> + DoubleEndedIterator {
        self.iter().map(|(name, _)| name)
    }

    /// Returns the entries sorted by name.
    fn sorted(&self) -> Vec<(&str, &Value)> {
        let mut entries: Vec<_> = self.iter().collect();
        entries.sort_unstable_by_key(|(name, _)| *name);
        entries
    }

    /// Makes a map. Of entries with the same name, it keeps the place of the first and the value of the last.
    pub(crate) fn from_entries(entries: Vec<(String, Value)>) -> Self {
        if !has_duplicates(entries.iter().map(|(name, _)| name.as_str())) {
            return Self::of_distinct(entries);
        }
        let mut places = BTreeMap::new();
        let mut kept: Vec<(String, Value)> = Vec::new();
        for (name, value) in entries {
            let place = *places.entry(name.clone()).or_insert(kept.len());
            match kept.get_mut(place) {
                Some((_, old)) => *old = value,
                None => kept.push((name, value)),
            }
        }
        Self::of_distinct(kept)
    }

    fn of_distinct(entries: Vec<(String, Value)>) -> Self {
        let mut map = Self::new();
        if !entries.is_empty() {
            let len = entries.iter().map(|(name, _)| name.len()).sum();
            map.slots.reserve_exact(entries.len() + 1);
            map.slots.push((0, Value::String(String::with_capacity(len))));
        }
        for (name, value) in entries {
            map.push(&name, value);
        }
        map
    }

    /// Returns the slot of a name.
    fn slot(&self, name: &str) -> Option<usize> {
        let at = self
            .keys()
            .position(|known| same(known.as_bytes(), name.as_bytes()))?;
        Some(at + 1)
    }

    /// Adds an entry with a new name.
    fn push(&mut self, name: &str, value: Value) {
        if self.slots.is_empty() {
            self.slots.push((0, Value::String(String::new())));
        }
        if let Some((_, Value::String(names))) = self.slots.first_mut() {
            names.push_str(name);
            let end = names.len();
            self.slots.push((end, value));
        }
    }

    fn into_entries(self) -> Vec<(String, Value)> {
        let mut slots = self.slots.into_iter();
        let Some((_, Value::String(names))) = slots.next() else {
            return Vec::new();
        };
        let mut start = 0;
        slots
            .map(|(end, value)| {
                let name = names.get(start..end).unwrap_or_default().to_owned();
                start = end;
                (name, value)
            })
            .collect()
    }
}

impl PartialEq for Map {
    fn eq(&self, other: &Self) -> bool {
        if self.len() != other.len() {
            return false;
        }
        // Values may be maps themselves. So each is compared once, when its counterpart is known.
        if self.keys().eq(other.keys()) {
            return self.iter().eq(other.iter());
        }
        let (ours, theirs) = (self.sorted(), other.sorted());
        let names = ours.iter().zip(&theirs).all(|((a, _), (b, _))| a == b);
        names && ours.iter().zip(&theirs).all(|((_, a), (_, b))| a == b)
    }
}

/// Returns whether a name occurs twice. Large maps are sorted first, so that a peer cannot make this slow.
fn has_duplicates<'n>(names: impl ExactSizeIterator<Item = &'n str> + Clone) -> bool {
    if names.len() < SORT_FROM {
        let mut earlier = names.clone().enumerate();
        return earlier.any(|(at, name)| {
            let mut earlier = names.clone().take(at);
            earlier.any(|earlier| same(earlier.as_bytes(), name.as_bytes()))
        });
    }
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.is_sorted_by(|a, b| a < b).not()
}

impl Map {
    /// Reads `len` entries.
    pub(crate) fn entries(reader: &mut Reader<'_>, len: usize) -> Result<Self, ConversionError> {
        if len == 0 {
            return Ok(Self::new());
        }
        let mut slots = Vec::with_capacity(in_advance::<Slot>(len) + 1);
        let mut names = Vec::with_capacity(in_advance::<[u8; NAME]>(len) * NAME);
        let mut seen = SeenKeys::default();
        slots.push((0, Value::Null));
        let read = read_entries(reader, len, &mut names, &mut slots, &mut seen);
        // A name before the error is the earlier error.
        let names = names_of(names, &slots)?;
        read?;
        if let Some((_, first)) = slots.first_mut() {
            *first = Value::String(names);
        }
        let map = Self { slots };
        if seen.maybe_twice() && has_duplicates(map.iter().map(|(name, _)| name)) {
            return Ok(Self::from_entries(map.into_entries()));
        }
        Ok(map)
    }
}

/// Reads entries, of which the names are not checked to be UTF-8.
fn read_entries(
    reader: &mut Reader<'_>,
    len: usize,
    names: &mut Vec<u8>,
    slots: &mut Vec<Slot>,
    seen: &mut SeenKeys,
) -> Result<(), ConversionError> {
    for _ in 0..len {
        let before = reader.rest();
        let name = reader.key_bytes()?;
        append_name(names, name, before);
        seen.add(name);
        match Value::read(reader) {
            Ok(value) => slots.push((names.len(), value)),
            Err(error) => return Err(error.at_field(&String::from_utf8_lossy(name))),
        }
    }
    Ok(())
}

/// Appends a name, which is the first in the bytes `from`.
///
/// Of a short name, as many bytes are copied as fit into a register, which costs less than a call of the C library.
#[inline]
fn append_name(names: &mut Vec<u8>, name: &[u8], from: &[u8]) {
    if let [0x80..=0x88, after @ ..] = from {
        if let Some(chunk) = after.first_chunk::<8>() {
            let end = names.len().saturating_add(name.len());
            names.extend_from_slice(chunk);
            names.truncate(end);
            return;
        }
    }
    names.extend_from_slice(name);
}

/// Returns names as one text, if each is a text by itself: there may be half a character at the end of one and the other
/// half at the beginning of the next.
fn names_of(names: Vec<u8>, slots: &[Slot]) -> Result<String, DecodeError> {
    let names = String::from_utf8(names).map_err(|_| DecodeError::Utf8)?;
    if slots.iter().all(|(end, _)| names.is_char_boundary(*end)) {
        Ok(names)
    } else {
        Err(DecodeError::Utf8)
    }
}

impl ToValue for Map {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        out.map(self)
    }
}

impl<'a> FromValue<'a> for Map {
    fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
        match value {
            ValueRef::Map(map) => Self::entries(&mut map.reader(), map.len()),
            other => Err(ConversionError::expected("a map", &other)),
        }
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, ConversionError> {
        match reader.token()? {
            Token::Map(len) => {
                reader.enter()?;
                let map = Self::entries(reader, len)?;
                reader.leave();
                Ok(map)
            }
            other => Err(ConversionError::mismatch("a map", other.kind())),
        }
    }

    fn from_tree(value: &Value) -> Option<Result<Self, ConversionError>> {
        let map = value.as_map().cloned();
        Some(map.ok_or_else(|| ConversionError::mismatch("a map", value.kind())))
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Self::from_entries(
            entries
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

impl<K: Into<String>, V: Into<Value>, const N: usize> From<[(K, V); N]> for Map {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

/// Adds entries. Of equal names the last wins.
impl<K: Into<String>, V: Into<Value>> Extend<(K, V)> for Map {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        let mut all = core::mem::take(self).into_entries();
        all.extend(
            entries
                .into_iter()
                .map(|(name, value)| (name.into(), value.into())),
        );
        *self = Self::from_entries(all);
    }
}

impl IntoIterator for Map {
    type Item = (String, Value);
    type IntoIter = alloc::vec::IntoIter<(String, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.into_entries().into_iter()
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = (&'a str, &'a Value);
    type IntoIter = MapIter<'a>;

    fn into_iter(self) -> MapIter<'a> {
        self.iter()
    }
}

/// An iterator over the entries of a [`Map`].
#[derive(Debug, Clone)]
pub struct MapIter<'a> {
    names: &'a str,
    /// The end of the name before the next one.
    start: usize,
    values: slice::Iter<'a, Slot>,
}

impl<'a> MapIter<'a> {
    #[inline]
    fn name(&self, start: usize, end: usize) -> &'a str {
        self.names.get(start..end).unwrap_or_default()
    }
}

impl<'a> Iterator for MapIter<'a> {
    type Item = (&'a str, &'a Value);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (end, value) = self.values.next()?;
        let start = core::mem::replace(&mut self.start, *end);
        Some((self.name(start, *end), value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.values.size_hint()
    }
}

impl DoubleEndedIterator for MapIter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let (end, value) = self.values.next_back()?;
        let start = self.values.as_slice().last().map_or(self.start, |(end, _)| *end);
        Some((self.name(start, *end), value))
    }
}

impl ExactSizeIterator for MapIter<'_> {}

impl core::iter::FusedIterator for MapIter<'_> {}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;
    use crate::value::Node;

    /// Reads a map of these names and encoded values.
    fn read(entries: &[(&[u8], &[u8])]) -> Result<Map, String> {
        let mut bytes = Vec::from([0xA0 | u8::try_from(entries.len()).unwrap()]);
        for (name, value) in entries {
            bytes.push(0x80 | u8::try_from(name.len()).unwrap());
            bytes.extend_from_slice(name);
            bytes.extend_from_slice(value);
        }
        Map::read(&mut Reader::new(&bytes)).map_err(|error| format!("{error}"))
    }

    #[test]
    fn each_name_is_a_text_by_itself() {
        let whole = read(&[("\u{e9}".as_bytes(), &[1]), (b"", &[2]), (b"a", &[3])]).unwrap();
        assert_eq!(whole.keys().collect::<Vec<_>>(), ["\u{e9}", "", "a"]);
        for halves in [[&b"\xC3"[..], b"\xA9"], [b"a\xC3", b"\xA9b"], [b"", b"\xFF"]] {
            let error = read(&halves.map(|name| (name, &[1][..]))).unwrap_err();
            assert_eq!(error, "a string is not valid UTF-8", "{halves:?}");
        }
    }

    #[test]
    fn the_first_error_of_a_map_is_reported() {
        let bad: &[u8] = &[0xDF];
        assert_eq!(
            read(&[(b"a", &[1]), (b"b", bad), (b"\xFF", &[1])]).unwrap_err(),
            "field \"b\": the byte 0xdf starts no value"
        );
        assert_eq!(
            read(&[(b"\xFF", &[1]), (b"b", bad)]).unwrap_err(),
            "a string is not valid UTF-8"
        );
        assert_eq!(
            read(&[(b"a", &[1]), (b"\xC3", bad)]).unwrap_err(),
            "a string is not valid UTF-8"
        );
    }

    #[test]
    fn of_equal_names_that_arrive_the_last_value_counts_at_the_place_of_the_first() {
        let map = read(&[(b"a", &[1]), (b"b", &[2]), (b"a", &[3])]).unwrap();
        assert_eq!(format!("{map:?}"), r#"{"a": Integer(3), "b": Integer(2)}"#);
    }

    proptest::proptest! {
        /// The model is a list of entries.
        #[test]
        fn entries_are_kept_in_order(
            changes in proptest::collection::vec(("[a-c\u{e9}]{0,2}", proptest::option::of(0..9_i64)), 0..30),
        ) {
            let (mut map, mut model) = (Map::new(), Vec::<(String, Value)>::new());
            for (name, value) in changes {
                let at = model.iter().position(|(known, _)| *known == name);
                match (value.map(Value::from), at) {
                    (Some(value), Some(at)) => {
                        let old = core::mem::replace(&mut model[at].1, value.clone());
                        assert_eq!(map.insert(&*name, value), Some(old));
                    }
                    (Some(value), None) => {
                        assert_eq!(map.insert(&*name, value.clone()), None);
                        model.push((name, value));
                    }
                    (None, Some(at)) => assert_eq!(map.remove(&name), Some(model.remove(at).1)),
                    (None, None) => assert_eq!(map.remove(&name), None),
                }
                let entries: Vec<_> = model.iter().map(|(name, value)| (name.as_str(), value)).collect();
                assert_eq!((map.len(), map.is_empty()), (model.len(), model.is_empty()));
                assert_eq!(map.iter().collect::<Vec<_>>(), entries);
                assert!(map.iter().rev().eq(entries.iter().rev().copied()));
                let mut both = map.iter();
                assert_eq!((both.next(), both.next_back()), match &entries[..] {
                    [] => (None, None),
                    [only] => (Some(*only), None),
                    [first, .., last] => (Some(*first), Some(*last)),
                });
                assert!(entries.iter().all(|(name, value)| map.get(name) == Some(value)));
            }
            assert_eq!(map.clone(), model.iter().cloned().collect());
            assert_eq!(map.into_iter().collect::<Vec<_>>(), model);
        }
    }

    fn numbers(names: impl Iterator<Item = usize>) -> Map {
        names
            .map(|name| (format!("name {name}"), i64::try_from(name).unwrap()))
            .collect()
    }

    #[test]
    fn maps_are_equal_by_their_entries_in_any_order() {
        for len in [0, 1, 2, 15, 16, 1000] {
            let (forwards, backwards) = (numbers(0..len), numbers((0..len).rev()));
            assert_eq!(forwards, backwards);
            assert_eq!(Value::from(forwards.clone()), Value::from(backwards.clone()));
            let node = |properties| Node {
                id: 1,
                element_id: String::new(),
                labels: Vec::new(),
                properties,
            };
            assert_eq!(node(forwards.clone()), node(backwards.clone()));
            for name in (0..len).step_by(7) {
                let mut other = backwards.clone();
                other.insert(format!("name {name}"), -1);
                assert_ne!(forwards, other);
                other.remove(&format!("name {name}"));
                assert_ne!(forwards, other);
                other.insert("another", i64::try_from(name).unwrap());
                assert_ne!(forwards, other);
                other.remove("another");
                other.insert(format!("name {name}"), i64::try_from(name).unwrap());
                assert_eq!(forwards, other);
            }
        }
    }

    /// Each level is compared once. Comparing twice would take 2 to the power of 200 comparisons.
    #[test]
    fn nested_maps_in_different_orders_are_compared_in_linear_time() {
        let (mut a, mut b) = (Value::Null, Value::Null);
        for _ in 0..200 {
            let [ours, theirs] = [a.clone(), b.clone()];
            a = [("x", ours.clone()), ("y", 1.into())]
                .into_iter()
                .collect::<Map>()
                .into();
            b = [("y", 1.into()), ("x", theirs)]
                .into_iter()
                .collect::<Map>()
                .into();
        }
        assert_eq!(a, b);
    }
}
