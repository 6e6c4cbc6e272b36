//! Bookmarks: the states of a database that a transaction has to see.

mod chain;
mod convert;
mod manager;

use std::collections::BTreeSet;
use std::fmt;
use std::ops::{Add, AddAssign};
use std::sync::Arc;

use crate::error::Error;

pub(crate) use chain::{Chain, TransactionBookmarks};
pub use manager::BookmarkManager;

/// A set of bookmarks: the states of a database that a transaction has to see, as texts of the server.
///
/// Each transaction that commits returns one bookmark. A transaction that starts from this bookmark sees what the
/// earlier one wrote, on any server of a cluster. Within a session, and between calls of `execute_query`, bookmarks are
/// passed on automatically.
///
/// Sets are joined by `+`, `+=`, `extend` and `collect`. Cloning is cheap. Serde reads and writes a list of texts.
///
/// ```
/// # use bolt_client as bolt;
/// use bolt::{Bookmarks, Error};
///
/// /// Stores bookmarks for another program.
/// fn store(bookmarks: &Bookmarks) -> String {
///     bookmarks.raw_values().collect::<Vec<_>>().join("\n")
/// }
///
/// fn load(text: &str) -> Result<Bookmarks, Error> {
///     Bookmarks::from_raw_values(text.lines())
/// }
///
/// let all: Bookmarks = [load("FB:a")?, load("FB:b\nFB:a")?].into_iter().collect();
/// assert_eq!(store(&all), "FB:a\nFB:b");
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Bookmarks(Texts);

/// The texts. Each set has one form, so that equal sets are equal values.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
enum Texts {
    /// Most sessions begin with that.
    #[default]
    None,
    /// What a commit leaves.
    One(Arc<str>),
    /// Two or more.
    Many(Arc<BTreeSet<String>>),
}

impl Bookmarks {
    /// Creates an empty set. A transaction that starts from it sees the current state of its server.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a set of bookmarks that were stored as text, or sent by another program. Empty texts are left out.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if a text is not ASCII, as all bookmarks of servers are.
    pub fn from_raw_values<S: Into<String>>(values: impl IntoIterator<Item = S>) -> Result<Self, Error> {
        let values: BTreeSet<String> = values
            .into_iter()
            .map(Into::into)
            .filter(|value| !value.is_empty())
            .collect();
        match values.iter().find(|value| !value.is_ascii()) {
            Some(value) => Err(Error::config(format!(
                "the bookmark {value:?} is not ASCII: no server issued it"
            ))),
            None => Ok(Self::of(values)),
        }
    }

    /// Returns an iterator over the texts, for storage or for another program.
    #[must_use]
    pub fn raw_values(&self) -> BookmarksIter<'_> {
        BookmarksIter(match &self.0 {
            Texts::None => Iter::One(None.into_iter()),
            Texts::One(text) => Iter::One(Some(&**text).into_iter()),
            Texts::Many(set) => Iter::Many(set.iter()),
        })
    }

    /// Returns the number of bookmarks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.raw_values().len()
    }

    /// Returns whether there are no bookmarks.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        matches!(self.0, Texts::None)
    }

    /// Creates a set of one bookmark that a server has sent.
    pub(crate) fn one(bookmark: &str) -> Self {
        Self(Texts::One(bookmark.into()))
    }

    /// Passes the texts to `read`, without copying them.
    pub(crate) fn with_texts<T>(&self, read: impl FnOnce(&[&str]) -> T) -> T {
        match &self.0 {
            Texts::None => read(&[]),
            Texts::One(text) => read(&[text]),
            Texts::Many(set) => read(&set.iter().map(String::as_str).collect::<Vec<_>>()),
        }
    }

    fn of(mut bookmarks: BTreeSet<String>) -> Self {
        Self(match bookmarks.len() {
            0 => Texts::None,
            1 => bookmarks
                .pop_first()
                .map_or(Texts::None, |text| Texts::One(text.into())),
            _ => Texts::Many(Arc::new(bookmarks)),
        })
    }

    fn contains(&self, bookmark: &str) -> bool {
        match &self.0 {
            Texts::None => false,
            Texts::One(text) => **text == *bookmark,
            Texts::Many(set) => set.contains(bookmark),
        }
    }

    /// Returns the bookmarks that are not in `others`.
    fn without(&self, others: &Self) -> Self {
        match &self.0 {
            Texts::None => Self::new(),
            Texts::One(text) if others.contains(text) => Self::new(),
            Texts::One(_) => self.clone(),
            Texts::Many(set) => {
                let left = set.iter().filter(|text| !others.contains(text));
                Self::of(left.cloned().collect())
            }
        }
    }

    fn into_set(self) -> BTreeSet<String> {
        match self.0 {
            Texts::None => BTreeSet::new(),
            Texts::One(text) => BTreeSet::from([String::from(&*text)]),
            Texts::Many(set) => Arc::unwrap_or_clone(set),
        }
    }
}

/// An iterator over the texts of [`Bookmarks`], in ascending order.
#[derive(Clone)]
pub struct BookmarksIter<'b>(Iter<'b>);

#[derive(Clone)]
enum Iter<'b> {
    One(std::option::IntoIter<&'b str>),
    Many(std::collections::btree_set::Iter<'b, String>),
}

impl<'b> Iterator for BookmarksIter<'b> {
    type Item = &'b str;

    fn next(&mut self) -> Option<&'b str> {
        match &mut self.0 {
            Iter::One(one) => one.next(),
            Iter::Many(many) => many.next().map(String::as_str),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.0 {
            Iter::One(one) => one.size_hint(),
            Iter::Many(many) => many.size_hint(),
        }
    }
}

impl DoubleEndedIterator for BookmarksIter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Iter::One(one) => one.next_back(),
            Iter::Many(many) => many.next_back().map(String::as_str),
        }
    }
}

impl ExactSizeIterator for BookmarksIter<'_> {}

impl std::iter::FusedIterator for BookmarksIter<'_> {}

impl fmt::Debug for BookmarksIter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl Add for Bookmarks {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl AddAssign for Bookmarks {
    fn add_assign(&mut self, other: Self) {
        if self.is_empty() {
            *self = other;
        } else if other.raw_values().any(|text| !self.contains(text)) {
            let mut all = std::mem::take(self).into_set();
            all.extend(other.raw_values().map(String::from));
            *self = Self::of(all);
        }
    }
}

impl fmt::Debug for Bookmarks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.raw_values()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bookmarks_are_a_set_of_ascii_strings_without_empty_ones() {
        let bookmarks = Bookmarks::from_raw_values(["b", "a", "", "b"]).unwrap();
        assert_eq!(bookmarks.raw_values().collect::<Vec<_>>(), ["a", "b"]);
        let error = Bookmarks::from_raw_values(["ä"]).unwrap_err();
        assert!(error.to_string().contains("\"ä\" is not ASCII"), "{error}");
    }

    #[test]
    fn sets_are_added() {
        let sum = Bookmarks::one("a") + Bookmarks::one("b") + Bookmarks::new() + Bookmarks::one("a");
        assert_eq!(sum.raw_values().collect::<Vec<_>>(), ["a", "b"]);
    }
}
