//! The names of a result's columns.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::iter::FusedIterator;
use core::{fmt, ops, slice};

use ::serde::{Serialize, Serializer};

use crate::packstream::{ListRef, same};

/// The names of a result's columns, shared by all of its records: cloning is cheap.
///
/// ```
/// # use bolt_proto as bolt;
/// let keys = bolt::Keys::new(["name", "age"]);
/// assert_eq!(keys.index_of("age"), Some(1));
/// assert_eq!(&keys[0], "name");
/// assert_eq!(keys.iter().collect::<Vec<_>>(), ["name", "age"]);
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Keys {
    names: Arc<[Name]>,
    /// No name occurs twice.
    distinct: bool,
}

/// A name, and a part of what finds names: a hash table of few, the order of many. What that part says has nothing to do
/// with the name beside it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Name {
    text: Box<str>,
    /// Of few names: the first names that hash to the two places here, or [`NONE`].
    first: [u8; PLACES],
    /// Of few names: the next name that hashes to the place of this name, or [`NONE`].
    next: u8,
    /// Of many names: the index of the name that is here when all are sorted.
    sorted: u32,
}

/// Up to this number, names are found by a hash of some of their bytes. Many names may have those bytes in common, and a
/// server could choose them so.
const FEW: usize = 64;

/// The number of places for each name: with one, a third of the names would not be the first at theirs.
const PLACES: usize = 2;

/// The end of a chain of names.
const NONE: u8 = u8::MAX;

impl Keys {
    /// Creates a list of these names.
    #[must_use]
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let named = |name: &str| Name {
            text: name.into(),
            first: [NONE; PLACES],
            next: NONE,
            sorted: 0,
        };
        let mut names: Vec<Name> = names.into_iter().map(named).collect();
        if names.len() <= FEW {
            chain(&mut names);
        } else {
            sort(&mut names);
        }
        let mut keys = Self {
            names: names.into(),
            distinct: false,
        };
        // The first of equal names is found.
        let mut numbered = keys.iter().enumerate();
        keys.distinct = numbered.all(|(index, name)| keys.index_of(name) == Some(index));
        keys
    }

    /// Returns whether these are the names, in this order. Names that cannot be read are not.
    pub(crate) fn are(&self, names: ListRef<'_>) -> bool {
        let mut reader = names.reader();
        self.len() == names.len()
            && self
                .names
                .iter()
                .all(|name| reader.key_bytes() == Ok(name.text.as_bytes()))
    }

    /// Returns whether an idle connection can afford to remember them.
    pub(crate) fn are_short(&self) -> bool {
        const MOST: usize = 1024;
        let sizes = self
            .names
            .iter()
            .map(|name| name.text.len().saturating_add(size_of::<Name>()));
        self.len() < MOST && sizes.fold(0, usize::saturating_add) <= MOST
    }

    /// Returns the index of a name, from 0.
    #[must_use]
    #[inline]
    pub fn index_of(&self, name: &str) -> Option<usize> {
        if self.names.len() > FEW {
            return self.index_of_many(name);
        }
        let first = *self.chain_of(name)?;
        match self.names.get(usize::from(first)) {
            Some(known) if known.is(name) => Some(usize::from(first)),
            _ => self.search(name, first),
        }
    }

    /// Works as [`index_of`](Self::index_of), and is faster if the name is at `place`.
    #[inline(always)]
    pub(crate) fn index_near(&self, name: &str, place: usize) -> Option<usize> {
        match self.names.get(place) {
            Some(known) if self.distinct && known.is(name) => Some(place),
            _ => self.index_of(name),
        }
    }

    /// Returns where the chain begins in which a name must be.
    #[inline]
    fn chain_of(&self, name: &str) -> Option<&u8> {
        let place = place(name, self.names.len());
        self.names.get(place / PLACES)?.first.get(place % PLACES)
    }

    /// Searches the chain from `at` on.
    #[inline(never)]
    fn search(&self, name: &str, mut at: u8) -> Option<usize> {
        // There is no name at the end of a chain.
        while let Some(known) = self.names.get(usize::from(at)) {
            if known.is(name) {
                return Some(usize::from(at));
            }
            at = known.next;
        }
        None
    }

    /// Does [`index_of`](Self::index_of) for many names.
    #[inline(never)]
    fn index_of_many(&self, name: &str) -> Option<usize> {
        let text = |place: &Name| self.get(place.sorted as usize).unwrap_or_default();
        let place = self.names.partition_point(|place| text(place) < name);
        let index = self.names.get(place)?.sorted as usize;
        self.names.get(index)?.is(name).then_some(index)
    }

    /// Returns the name at this index.
    #[must_use]
    #[inline]
    pub fn get(&self, index: usize) -> Option<&str> {
        self.names.get(index).map(|name| &*name.text)
    }

    /// Returns the number of names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Returns whether there are no names.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Returns an iterator over the names in order.
    #[must_use]
    pub fn iter(&self) -> KeysIter<'_> {
        KeysIter(self.names.iter())
    }
}

impl Name {
    #[inline]
    fn is(&self, name: &str) -> bool {
        same(self.text.as_bytes(), name.as_bytes())
    }
}

/// Returns the place that a name hashes to, by its length and its first, middle and last byte: nearly all different names
/// differ in them. For a literal, most of that is done by the compiler.
#[inline]
fn place(name: &str, names: usize) -> usize {
    let at = |index: usize| name.as_bytes().get(index).copied().unwrap_or_default();
    let len = name.len();
    // Of long names, the length is cut off.
    let mark = u32::from_le_bytes([len as u8, at(0), at(len / 2), at(len.wrapping_sub(1))]);
    let hash = u64::from(mark.wrapping_mul(0x9E37_79B1));
    // Less than the number of places, of which more than 32 bits are never looked at.
    (hash.wrapping_mul(names.saturating_mul(PLACES) as u64) >> 32) as usize
}

/// Makes the chains of few names: in each, the names are in their order.
fn chain(names: &mut [Name]) {
    let len = names.len();
    for at in (0..NONE).take(len).rev() {
        let Some(place) = names.get(usize::from(at)).map(|name| place(&name.text, len)) else {
            continue;
        };
        let chain = names
            .get_mut(place / PLACES)
            .and_then(|name| name.first.get_mut(place % PLACES));
        let next = chain.map_or(NONE, |first| core::mem::replace(first, at));
        if let Some(name) = names.get_mut(usize::from(at)) {
            name.next = next;
        }
    }
}

/// Notes the order of many names, the first of equal names first.
fn sort(names: &mut [Name]) {
    // The server sends fewer than that: each takes more memory than its index.
    let mut sorted: Vec<(&str, u32)> = names.iter().map(|name| &*name.text).zip(0..).collect();
    sorted.sort_unstable();
    let order: Vec<u32> = sorted.into_iter().map(|(_, index)| index).collect();
    for (name, index) in names.iter_mut().zip(order) {
        name.sorted = index;
    }
}

/// No names, which take no memory.
impl Default for Keys {
    fn default() -> Self {
        Self {
            names: Arc::default(),
            distinct: true,
        }
    }
}

/// # Panics
///
/// Indexing panics if there is no such column; [`Keys::get`] does not.
#[cfg_attr(
    not(test),
    expect(clippy::indexing_slicing, reason = "documented, as for slices")
)]
impl ops::Index<usize> for Keys {
    type Output = str;

    fn index(&self, index: usize) -> &str {
        &self.names[index].text
    }
}

impl<'n> FromIterator<&'n str> for Keys {
    fn from_iter<I: IntoIterator<Item = &'n str>>(names: I) -> Self {
        Self::new(names)
    }
}

impl<'k> IntoIterator for &'k Keys {
    type Item = &'k str;
    type IntoIter = KeysIter<'k>;

    fn into_iter(self) -> KeysIter<'k> {
        self.iter()
    }
}

/// An iterator over the names of [`Keys`].
#[derive(Debug, Clone)]
pub struct KeysIter<'k>(slice::Iter<'k, Name>);

impl<'k> Iterator for KeysIter<'k> {
    type Item = &'k str;

    fn next(&mut self) -> Option<&'k str> {
        self.0.next().map(|name| &*name.text)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for KeysIter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|name| &*name.text)
    }
}

impl ExactSizeIterator for KeysIter<'_> {}

impl FusedIterator for KeysIter<'_> {}

/// Serializes the names as a list.
impl Serialize for Keys {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

impl<S: AsRef<str>> PartialEq<[S]> for Keys {
    fn eq(&self, other: &[S]) -> bool {
        self.iter().eq(other.iter().map(AsRef::as_ref))
    }
}

impl<S: AsRef<str>, const N: usize> PartialEq<[S; N]> for Keys {
    fn eq(&self, other: &[S; N]) -> bool {
        *self == other[..]
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::String;

    use super::*;

    #[test]
    fn a_name_is_found_from_any_place_where_the_search_begins() {
        let keys = Keys::new(["a", "b", "", "ab"]);
        for (index, name) in keys.iter().enumerate() {
            for place in 0..6 {
                assert_eq!(keys.index_near(name, place), Some(index), "{name:?} from {place}");
            }
        }
        assert_eq!(keys.index_near("c", 1), None);
    }

    #[test]
    fn each_of_many_names_is_found() {
        let names: Vec<String> = (0..70_000).map(|n| format!("c{n}")).collect();
        let keys = Keys::new(names.iter().map(String::as_str));
        for index in [0, 1, 15, 16, 300, 65_535, 65_536, 69_999] {
            assert_eq!(keys.index_of(&names[index]), Some(index));
        }
        assert_eq!(keys.index_of("c70000"), None);
        for few in 0..70 {
            let keys = Keys::new(names.iter().take(few).map(String::as_str));
            for (index, name) in names.iter().enumerate().take(72) {
                assert_eq!(keys.index_of(name), (index < few).then_some(index));
            }
        }
    }

    #[test]
    fn the_first_of_equal_names_is_found() {
        for others in [0, 40, 1000] {
            let mut names: Vec<String> = (0..others).map(|n| format!("column {n}")).collect();
            assert!(Keys::new(names.iter().map(String::as_str)).distinct);
            names.splice(0..0, [String::from("twice"), String::from("twice")]);
            let keys = Keys::new(names.iter().map(String::as_str));
            assert!(!keys.distinct);
            assert_eq!(keys.index_near("twice", 1), Some(0));
            for (index, name) in keys.iter().enumerate().skip(1) {
                let first = if name == "twice" { 0 } else { index };
                assert_eq!(keys.index_of(name), Some(first), "{name:?}");
            }
            for unknown in ["", "column", "column 7 ", "zzz"] {
                assert_eq!(keys.index_of(unknown), None, "{unknown:?}");
            }
        }
    }
}
