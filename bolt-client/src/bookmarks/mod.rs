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
pub struct Bookmarks(Option<Arc<BTreeSet<String>>>);

/// What a set without bookmarks borrows.
static EMPTY: BTreeSet<String> = BTreeSet::new();

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
        BookmarksIter(self.set().iter())
    }

    /// Returns the number of bookmarks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.set().len()
    }

    /// Returns whether there are no bookmarks.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Creates a set of one bookmark that a server has sent.
    pub(crate) fn one(bookmark: &str) -> Self {
        Self::of(BTreeSet::from([bookmark.to_owned()]))
    }

    /// Creates a set. An empty one takes no memory: most sessions begin with that.
    fn of(bookmarks: BTreeSet<String>) -> Self {
        Self((!bookmarks.is_empty()).then(|| Arc::new(bookmarks)))
    }

    fn set(&self) -> &BTreeSet<String> {
        self.0.as_deref().unwrap_or(&EMPTY)
    }

    /// Returns the bookmarks that are not in `others`.
    fn without(&self, others: &Self) -> Self {
        Self::of(self.set().difference(others.set()).cloned().collect())
    }
}

/// An iterator over the texts of [`Bookmarks`], in ascending order.
#[derive(Clone)]
pub struct BookmarksIter<'b>(std::collections::btree_set::Iter<'b, String>);

impl<'b> Iterator for BookmarksIter<'b> {
    type Item = &'b str;

    fn next(&mut self) -> Option<&'b str> {
        self.0.next().map(String::as_str)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for BookmarksIter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(String::as_str)
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
        } else if !other.is_empty() {
            *self = Self::of(self.set().union(other.set()).cloned().collect());
        }
    }
}

impl fmt::Debug for Bookmarks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.set()).finish()
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
