//! The names of a result's columns.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::{fmt, ops};

/// The names of a result's columns, shared by all of its records: cloning costs nothing.
///
/// ```
/// let keys = bolt_proto::Keys::new(["name", "age"]);
/// assert_eq!(keys.index_of("age"), Some(1));
/// assert_eq!(&keys[0], "name");
/// assert_eq!(keys.iter().collect::<Vec<_>>(), ["name", "age"]);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    names: Arc<[Box<str>]>,
    /// No name occurs twice.
    distinct: bool,
}

impl Keys {
    /// These names, in this order.
    #[must_use]
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let names: Arc<[Box<str>]> = names.into_iter().map(Box::from).collect::<Vec<_>>().into();
        let distinct = are_distinct(&names);
        Self { names, distinct }
    }

    /// The place of a name, counted from 0.
    #[must_use]
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| same(known, name))
    }

    /// As [`index_of`](Self::index_of), if the name is likely to stand in this place.
    #[inline]
    pub(crate) fn index_near(&self, name: &str, place: usize) -> Option<usize> {
        match self.names.get(place) {
            Some(known) if self.distinct && same(known, name) => Some(place),
            _ => self.index_of(name),
        }
    }

    /// The name in this place.
    #[must_use]
    #[inline]
    pub fn get(&self, index: usize) -> Option<&str> {
        self.names.get(index).map(|name| &**name)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The names in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> + DoubleEndedIterator {
        self.names.iter().map(|name| &**name)
    }
}

/// Whether two names are the same. Those that are not mostly differ in length or at their beginning.
#[inline]
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.as_bytes().first() == b.as_bytes().first() && a == b
}

/// Names are few, as a rule, and otherwise sorted for it, so that a server cannot make it slow.
fn are_distinct(names: &[Box<str>]) -> bool {
    const FEW: usize = 16;
    if names.len() <= FEW {
        let mut earlier = names.iter().enumerate();
        return earlier.all(|(at, name)| !names.iter().take(at).any(|earlier| earlier == name));
    }
    let mut sorted: Vec<&str> = names.iter().map(|name| &**name).collect();
    sorted.sort_unstable();
    sorted.is_sorted_by(|a, b| a < b)
}

impl Default for Keys {
    fn default() -> Self {
        Self::new([])
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
        &self.names[index]
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
    fn a_name_is_found_wherever_it_is_looked_for_first() {
        let keys = Keys::new(["a", "b", "", "ab"]);
        for (index, name) in keys.iter().enumerate() {
            for place in 0..6 {
                assert_eq!(keys.index_near(name, place), Some(index), "{name:?} from {place}");
            }
        }
        assert_eq!(keys.index_near("c", 1), None);
    }

    #[test]
    fn of_equal_names_the_first_is_found() {
        for others in [0, 40] {
            let mut names: Vec<String> = (0..others).map(|n| format!("column {n}")).collect();
            assert!(Keys::new(names.iter().map(String::as_str)).distinct);
            names.splice(0..0, [String::from("twice"), String::from("twice")]);
            let keys = Keys::new(names.iter().map(String::as_str));
            assert!(!keys.distinct);
            assert_eq!(keys.index_near("twice", 1), Some(0));
        }
    }
}
