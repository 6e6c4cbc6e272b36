//! A query and its parameters, ready to be sent.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use ::serde::Serialize;

use crate::error::EncodeError;
use crate::packstream::Reader;
use crate::serde::write_entries;
use crate::value::{Output, ToValue};

/// A query and its parameters.
///
/// Parameters are encoded when they are given: nothing is borrowed from the caller, and sending the query again, for
/// a retry, costs a copy of bytes. A parameter that cannot be sent makes [`check`](Self::check) fail, which is
/// done before a connection is even asked for.
///
/// `Debug` shows the text and the names of the parameters, never their values.
///
/// ```
/// use bolt_proto::Query;
///
/// let query = Query::new("MATCH (a:Person) WHERE a.age > $age RETURN a.name AS name").param("age", 18);
/// assert_eq!(query.check(), Ok(()));
/// ```
#[derive(Clone, Default)]
pub struct Query {
    text: String,
    /// The entries of the parameters' map, without its header.
    parameters: Output,
    /// Where in there each entry starts.
    starts: Vec<usize>,
    error: Option<EncodeError>,
}

/// A query; short for [`Query::new`].
#[must_use]
pub fn query(text: impl Into<String>) -> Query {
    Query::new(text)
}

impl Query {
    /// A query without parameters.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Gives a value to a parameter, which is written `$name` in the text.
    #[must_use]
    pub fn param(mut self, name: impl AsRef<str>, value: impl ToValue) -> Self {
        if self.error.is_none() {
            self.error = self.add(name.as_ref(), &value).err();
        }
        self
    }

    /// Gives a value to several parameters at once: the fields of a struct, or the entries of a map.
    #[must_use]
    pub fn params<T: Serialize + ?Sized>(mut self, parameters: &T) -> Self {
        if self.error.is_none() {
            self.error = self.add_all(parameters).err();
        }
        self
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names of the parameters, in the order in which they were given.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.starts.iter().map(|&start| name_at(&self.parameters, start))
    }

    /// The parameters as they are sent.
    #[must_use]
    pub fn parameters(&self) -> EncodedParameters<'_> {
        EncodedParameters { count: self.starts.len(), bytes: &self.parameters.bytes }
    }

    /// Whether every parameter could be encoded.
    ///
    /// # Errors
    ///
    /// The first one that could not; it is named.
    pub const fn check(&self) -> Result<(), &EncodeError> {
        match &self.error {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn add<T: ToValue>(&mut self, name: &str, value: &T) -> Result<(), EncodeError> {
        if self.names().any(|known| known == name) {
            return Err(EncodeError::twice().at_parameter(name));
        }
        let start = self.parameters.bytes.len();
        self.parameters.parameter(name, |encoder| value.to_value(encoder))?;
        self.starts.push(start);
        Ok(())
    }

    fn add_all<T: Serialize + ?Sized>(&mut self, parameters: &T) -> Result<(), EncodeError> {
        write_entries(&mut self.parameters, &mut self.starts, parameters)?;
        let mut names: Vec<&str> = self.names().collect();
        names.sort_unstable();
        match names.windows(2).find_map(|pair| if let [a, b] = pair { (a == b).then_some(*a) } else { None }) {
            Some(twice) => Err(EncodeError::twice().at_parameter(twice)),
            None => Ok(()),
        }
    }
}

fn name_at(parameters: &Output, start: usize) -> &str {
    let entry = parameters.bytes.get(start..).unwrap_or_default();
    Reader::new(entry).key().unwrap_or_default()
}

impl From<&str> for Query {
    fn from(text: &str) -> Self {
        Self::new(text.to_owned())
    }
}

impl From<String> for Query {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&String> for Query {
    fn from(text: &String) -> Self {
        Self::new(text.clone())
    }
}

impl From<&Self> for Query {
    fn from(query: &Self) -> Self {
        query.clone()
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Names<'a>(&'a Query);
        impl fmt::Debug for Names<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_list().entries(self.0.names()).finish()
            }
        }
        f.debug_struct("Query").field("text", &self.text).field("parameters", &Names(self)).finish_non_exhaustive()
    }
}

/// The parameters of a [`Query`], encoded. `Debug` shows only how much there is.
#[derive(Clone, Copy)]
pub struct EncodedParameters<'a> {
    /// How many there are.
    pub count: usize,
    /// The entries of the map that they are, one after the other, without the map's header.
    pub bytes: &'a [u8],
}

impl fmt::Debug for EncodedParameters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncodedParameters")
            .field("count", &self.count)
            .field("bytes", &self.bytes.len())
            .finish()
    }
}

#[cfg(test)]
mod tests;
