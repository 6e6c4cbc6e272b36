//! A map that keeps the order of its entries.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Not;
use core::{fmt, slice};

use ::serde::de::DeserializeOwned;

use crate::error::{ConversionError, EncodeError};
use crate::packstream::{Reader, Token, ValueRef};
use crate::serde::{Part, deserialize};
use crate::value::from_collections::in_advance;
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
    entries: Vec<(String, Value)>,
}

/// Maps of at least this length are sorted to find duplicate keys.
const SORT_FROM: usize = 16;

impl Map {
    /// Creates an empty map.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// Sets the value under a name, and returns the previous value. A new name goes to the end.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        let (name, value) = (name.into(), value.into());
        match self.entries.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => Some(core::mem::replace(old, value)),
            None => {
                self.entries.push((name, value));
                None
            }
        }
    }

    /// Removes and returns the value under this name. The other entries keep their order.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let at = self.entries.iter().position(|(known, _)| known == name)?;
        Some(self.entries.remove(at).1)
    }

    /// Returns the value under this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.entries
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    /// Returns the number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns an iterator over the entries in order.
    #[must_use]
    pub fn iter(&self) -> MapIter<'_> {
        MapIter(self.entries.iter())
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
        self.entries.iter().map(|(name, _)| name.as_str())
    }

    /// Returns the entries sorted by name.
    fn sorted(&self) -> Vec<&(String, Value)> {
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        entries
    }

    /// Makes a map. Of entries with the same name, it keeps the place of the first and the value of the last.
    pub(crate) fn from_entries(entries: Vec<(String, Value)>) -> Self {
        if !has_duplicates(&entries) {
            return Self { entries };
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
        Self { entries: kept }
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

/// Returns whether two names are equal. Most different names differ in length or in the first byte.
#[inline]
fn same_name(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.as_bytes().first() == b.as_bytes().first() && a == b
}

/// Returns whether a name occurs twice. Large maps are sorted first, so that a peer cannot make this slow.
fn has_duplicates(entries: &[(String, Value)]) -> bool {
    if entries.len() < SORT_FROM {
        return entries.iter().enumerate().any(|(at, (name, _))| {
            entries
                .iter()
                .take(at)
                .any(|(earlier, _)| same_name(earlier, name))
        });
    }
    let mut names: Vec<&str> = entries.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.is_sorted_by(|a, b| a < b).not()
}

impl Map {
    /// Reads `len` entries.
    pub(crate) fn entries(reader: &mut Reader<'_>, len: usize) -> Result<Self, ConversionError> {
        let mut entries = Vec::with_capacity(in_advance::<(String, Value)>(len));
        for _ in 0..len {
            let key = reader.key()?;
            match Value::read(reader) {
                Ok(value) => entries.push((key.to_owned(), value)),
                Err(error) => return Err(error.at_field(key)),
            }
        }
        Ok(Self::from_entries(entries))
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
        let mut all = core::mem::take(&mut self.entries);
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
        self.entries.into_iter()
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
pub struct MapIter<'a>(slice::Iter<'a, (String, Value)>);

impl<'a> Iterator for MapIter<'a> {
    type Item = (&'a str, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(name, value)| (name.as_str(), value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for MapIter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|(name, value)| (name.as_str(), value))
    }
}

impl ExactSizeIterator for MapIter<'_> {}

impl core::iter::FusedIterator for MapIter<'_> {}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;
    use crate::value::Node;

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
