//! A map that keeps the order of its entries.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Not;
use core::{fmt, slice};

use crate::error::{ConversionError, EncodeError};
use crate::packstream::{Reader, Token, ValueRef};
use crate::value::from_collections::in_advance;
use crate::value::{Encoder, FromValue, ToValue, Value};

/// Values under names, in the order in which they came. No name occurs twice.
///
/// Two maps are equal if they have the same entries, in whatever order: servers keep none.
///
/// Entries are found by going through them, which suits the small maps of queries and graphs.
///
/// ```
/// use bolt_proto::value::{Map, Value};
///
/// let map: Map = [("one", 1), ("two", 2)].into_iter().collect();
/// assert_eq!(map.get("two"), Some(&Value::Integer(2)));
/// ```
#[derive(Clone, Default)]
pub struct Map {
    entries: Vec<(String, Value)>,
}

/// From this length on, keys are compared by sorting them.
const SORT_FROM: usize = 16;

impl Map {
    /// A map without entries.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// Sets the value under a name, and returns the one that was there. A new name goes to the end.
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

    /// Takes out the value under this name; the others keep their order.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let at = self.entries.iter().position(|(known, _)| known == name)?;
        Some(self.entries.remove(at).1)
    }

    /// The value under this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.entries
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries in order.
    #[must_use]
    pub fn iter(&self) -> MapIter<'_> {
        MapIter(self.entries.iter())
    }

    /// The names in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(name, _)| name.as_str())
    }

    /// The entries by their names.
    fn sorted(&self) -> Vec<&(String, Value)> {
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        entries
    }

    /// Of entries with the same name, keeps the place of the first and the value of the last.
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
        // Values may be maps themselves, so each is compared once, when it is known with which.
        if self.keys().eq(other.keys()) {
            return self.iter().eq(other.iter());
        }
        let (ours, theirs) = (self.sorted(), other.sorted());
        let names = ours.iter().zip(&theirs).all(|((a, _), (b, _))| a == b);
        names && ours.iter().zip(&theirs).all(|((_, a), (_, b))| a == b)
    }
}

/// Names that are not the same mostly differ in length or at their beginning.
#[inline]
fn same_name(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.as_bytes().first() == b.as_bytes().first() && a == b
}

/// Whether a name occurs twice. Large maps are sorted for it, so that a peer cannot make it slow.
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
    /// Reads that many entries.
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

/// The entries of a [`Map`].
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

impl ExactSizeIterator for MapIter<'_> {}

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
    fn maps_are_equal_by_their_entries_in_whatever_order() {
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

    /// Each level is compared once: twice would be 2 to the power of 200 times.
    #[test]
    fn nested_maps_in_different_orders_are_compared_in_no_time() {
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
