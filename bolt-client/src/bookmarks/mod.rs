//! Bookmarks: what a transaction has to have seen.

mod chain;
mod manager;

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Add;
use std::sync::Arc;

use crate::error::Error;

pub(crate) use chain::{Chain, TransactionBookmarks};
pub use manager::BookmarkManager;

/// States of a database that a transaction has to have seen, in the server's own words.
///
/// Each transaction that commits yields one; a transaction that is given it sees what that one wrote, whichever server
/// it runs on. Within a [`Session`](crate::Session), and between calls of
/// [`execute_query`](crate::Driver::execute_query), this happens by itself.
///
/// Sets are added by `+`. They clone cheaply.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Bookmarks(Arc<BTreeSet<String>>);

impl Bookmarks {
    /// None: a transaction that starts from these sees whatever its server has.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Bookmarks that were stored as text, or sent from another program. Empty ones are left out.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if one is not ASCII, as all that servers issue are.
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
            None => Ok(Self(Arc::new(values))),
        }
    }

    /// The text of each, for storage or for another program.
    pub fn raw_values(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a server sent.
    pub(crate) fn one(bookmark: &str) -> Self {
        Self(Arc::new(BTreeSet::from([bookmark.to_owned()])))
    }

    /// These without those.
    fn without(&self, others: &Self) -> Self {
        Self(Arc::new(self.0.difference(&others.0).cloned().collect()))
    }
}

impl Add for Bookmarks {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        if other.is_empty() {
            return self;
        }
        if self.is_empty() {
            return other;
        }
        Self(Arc::new(self.0.union(&other.0).cloned().collect()))
    }
}

impl fmt::Debug for Bookmarks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter()).finish()
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
