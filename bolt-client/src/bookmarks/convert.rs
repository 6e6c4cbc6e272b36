//! Bookmarks from and to collections and serde.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Bookmarks, BookmarksIter};

/// Joins sets.
impl FromIterator<Self> for Bookmarks {
    fn from_iter<I: IntoIterator<Item = Self>>(sets: I) -> Self {
        let mut all = Self::new();
        all.extend(sets);
        all
    }
}

/// Adds sets.
impl Extend<Self> for Bookmarks {
    fn extend<I: IntoIterator<Item = Self>>(&mut self, sets: I) {
        let mut sets = sets.into_iter().filter(|set| !set.is_empty());
        if self.is_empty() {
            *self = sets.next().unwrap_or_default();
        }
        let Some(second) = sets.next() else { return };
        let mut all = std::mem::take(self).into_set();
        for set in std::iter::once(second).chain(sets) {
            all.extend(set);
        }
        *self = Self::of(all);
    }
}

/// Yields the texts.
impl IntoIterator for Bookmarks {
    type Item = String;
    type IntoIter = std::collections::btree_set::IntoIter<String>;

    fn into_iter(self) -> Self::IntoIter {
        self.into_set().into_iter()
    }
}

/// Yields the texts.
impl<'b> IntoIterator for &'b Bookmarks {
    type Item = &'b str;
    type IntoIter = BookmarksIter<'b>;

    fn into_iter(self) -> BookmarksIter<'b> {
        self.raw_values()
    }
}

/// Serializes the texts as a list.
impl Serialize for Bookmarks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

/// Reads a list of texts, and fails as [`Bookmarks::from_raw_values`] does.
impl<'de> Deserialize<'de> for Bookmarks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = Vec::<String>::deserialize(deserializer)?;
        Self::from_raw_values(values).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use bolt_proto::Value;
    use serde::de::IntoDeserializer;
    use serde::de::value::{Error as ValueError, SeqDeserializer};

    use super::*;

    #[test]
    fn sets_are_collected_and_extended() {
        let [a, b, c] = ["a", "b", "c"].map(Bookmarks::one);
        let mut all: Bookmarks = [Bookmarks::new(), a.clone(), b].into_iter().collect();
        all.extend([a, c]);
        assert_eq!(all.clone().into_iter().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!((&all).into_iter().rev().collect::<Vec<_>>(), ["c", "b", "a"]);
        assert_eq!(all.raw_values().len(), 3);
    }

    #[test]
    fn serde_reads_and_writes_a_list_of_texts_and_refuses_other_texts_than_ascii() {
        let read = |values: &[&str]| {
            let values = values.iter().map(|value| (*value).into_deserializer());
            Bookmarks::deserialize(SeqDeserializer::<_, ValueError>::new(values))
        };
        let bookmarks = read(&["b", "", "a"]).unwrap();
        assert_eq!(bookmarks, Bookmarks::one("a") + Bookmarks::one("b"));
        let error = read(&["ä"]).unwrap_err();
        assert!(error.to_string().contains("not ASCII"), "{error}");
        let query = bolt_proto::Query::new("…").param("b", bolt_proto::Serde(&bookmarks));
        let mut sent = bolt_proto::packstream::Reader::new(query.parameters().bytes.get(2..).unwrap());
        let sent = <Value as bolt_proto::FromValue>::from_value(sent.value().unwrap()).unwrap();
        assert_eq!(sent, bolt_proto::list!["a", "b"]);
    }
}
