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
}

impl Keys {
    /// These names, in this order.
    #[must_use]
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        Self {
            names: names.into_iter().map(Box::from).collect::<Vec<_>>().into(),
        }
    }

    /// The place of a name, counted from 0.
    #[must_use]
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| **known == *name)
    }

    /// The name in this place.
    #[must_use]
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

impl Default for Keys {
    fn default() -> Self {
        Self::new([])
    }
}

/// # Panics
///
/// Indexing panics if there is no such column; [`Keys::get`] does not.
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
