//! A query and its parameters, ready to be sent.

mod batch;
mod names;

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use ::serde::Serialize;
use zeroize::Zeroize;

use crate::error::EncodeError;
use crate::packstream::Reader;
use crate::secret;
use crate::serde::{Sink, write_entries};
use crate::value::{Output, ToValue, UtcOffset, transcode};
use crate::version::Version;

pub use batch::Batch;
use names::Names;

/// A query and its parameters.
///
/// Parameters are encoded when they are given: nothing is borrowed from the caller, and a retry costs a copy
/// of bytes. A parameter that cannot be sent makes the call fail before it uses a connection; see
/// [`check`](Self::check).
///
/// `Debug` shows the names of the parameters. It shows neither their values nor the text, which may hold a
/// password.
///
/// ```
/// # use bolt_proto as bolt;
/// use bolt::Query;
///
/// let query = Query::new("MATCH (a:Person) WHERE a.age > $age RETURN a.name AS name").param("age", 18);
/// assert_eq!(query.check(), Ok(()));
/// ```
#[derive(Clone, Default)]
pub struct Query {
    text: Arc<str>,
    parameters: Parameters,
    /// The names of the parameters, if these are many.
    names: Names,
    error: Option<EncodeError>,
}

/// Up to this number, names are compared one by one.
const FEW: usize = 16;

/// From this number of bytes on, encoded parameters are shared, not copied.
const SHARED: usize = 256 * 1024;

/// The entries of the parameters' map, without its header.
#[derive(Clone, Default)]
struct Parameters {
    out: Output,
    /// The bytes of `out`, while no parameter is added, if they are many: so a copy of the query, and a request that is
    /// being written, share them.
    shared: Option<Arc<Vec<u8>>>,
    count: usize,
    /// The position of each entry after the first, which is at 0.
    later: Vec<usize>,
    /// The lowest version that can carry all of them, and the position of the first entry that needs it.
    needs: Option<(Version, usize)>,
}

/// Creates a query; short for [`Query::new`].
#[must_use]
pub fn query(text: impl Into<String>) -> Query {
    Query::new(text)
}

impl Query {
    /// Creates a query without parameters.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into().into(),
            ..Self::default()
        }
    }

    /// Sets a parameter, which is written `$name` in the text.
    #[must_use]
    pub fn param(mut self, name: impl AsRef<str>, value: impl ToValue) -> Self {
        self.add_param(name, value);
        self
    }

    /// Sets several parameters at once, by serde: the fields of a struct, or the entries of a map.
    ///
    /// Serde has fewer types than the database. What it would send as another type than intended is refused, and the error
    /// says which attribute of the field decides: [`as_value`](crate::serde::as_value) sends the type of the database,
    /// [`as_serde`](crate::serde::as_serde) what serde makes of it.
    ///
    /// | field | with `as_value`, and by [`param`](Self::param) | with `as_serde` | without |
    /// |---|---|---|---|
    /// | `Vec<u8>`, `[u8; 16]` | bytes | a list of integers | refused, unless it is empty |
    /// | `chrono::NaiveDate` and the like, `jiff::civil::Date` and the like | a date, a time, a date-time | a string | refused |
    /// | `time::Date` and the like | a date, a time, a date-time | a list of integers, or a string | refused |
    /// | `chrono::TimeDelta`, `time::Duration`, `jiff::Span` | a duration | a list of two integers, or a string | refused |
    /// | `std::time::Duration` | a duration | a map of seconds and nanoseconds | refused |
    /// | `std::time::SystemTime` | – | a map of seconds and nanoseconds | refused |
    /// | `uuid::Uuid` | a UUID, which needs Bolt 6.1 | a string | a string, the form for all servers |
    /// | `Vec<f32>` | a list of floats; a [`Vector`](crate::types::Vector) is a vector | a list of floats | a list of floats |
    ///
    /// The types are recognised in fields, options, lists and maps. A type that passes itself off as another, by
    /// `#[serde(transparent)]` for example, is sent as serde makes it.
    ///
    /// The types of [`types`](crate::types) are themselves in any struct. `as_value` knows the types of other crates if the
    /// feature of that crate is enabled: `chrono-0_4`, `jiff-0_2`, `time-0_3`, `uuid-1`.
    ///
    /// Reading is less strict: see [`serde`](crate::serde).
    #[must_use]
    pub fn params<T: Serialize + ?Sized>(mut self, parameters: &T) -> Self {
        self.add_params(parameters);
        self
    }

    /// Does what [`param`](Self::param) does, in place.
    #[doc(hidden)]
    pub fn add_param(&mut self, name: impl AsRef<str>, value: impl ToValue) {
        if self.error.is_none() {
            self.error = self.add(name.as_ref(), &value).err();
        }
    }

    /// Does what [`params`](Self::params) does, in place.
    #[doc(hidden)]
    pub fn add_params<T: Serialize + ?Sized>(&mut self, parameters: &T) {
        if self.error.is_none() {
            self.error = self.add_all(parameters).err();
        }
    }

    /// Returns the text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the text, shared.
    #[doc(hidden)]
    #[must_use]
    pub const fn shared_text(&self) -> &Arc<str> {
        &self.text
    }

    /// Returns the names of the parameters, in the order in which they were given.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let encoded = self.parameters.encoded();
        encoded.starts().map(move |start| encoded.name_at(start))
    }

    /// Returns the parameters as they are sent.
    #[must_use]
    pub fn parameters(&self) -> EncodedParameters<'_> {
        self.parameters.encoded()
    }

    /// Returns the lowest version of Bolt that can carry the parameters, and the first parameter that needs
    /// it; `None` if every version can.
    #[must_use]
    pub fn needs(&self) -> Option<(Version, &str)> {
        self.parameters
            .needs
            .map(|(version, start)| (version, self.parameters.encoded().name_at(start)))
    }

    /// Checks that every parameter could be encoded.
    ///
    /// # Errors
    ///
    /// If a parameter could not be encoded. The error names the first one.
    pub const fn check(&self) -> Result<(), &EncodeError> {
        match &self.error {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Makes room for so many bytes of parameters, which are secret.
    pub(crate) fn reserve_wiping(&mut self, len: usize) {
        self.parameters.open();
        secret::reserve(&mut self.parameters.out.bytes, len);
    }

    /// Wipes the values of the parameters. What is left must not be used.
    pub(crate) fn wipe(&mut self) {
        if let Some(bytes) = self.parameters.shared.as_mut().and_then(Arc::get_mut) {
            bytes.zeroize();
        }
        self.parameters.out.bytes.zeroize();
    }

    fn add<T: ToValue>(&mut self, name: &str, value: &T) -> Result<(), EncodeError> {
        if self.is_given(name) {
            return Err(EncodeError::twice().at_parameter(name));
        }
        let parameters = &mut self.parameters;
        parameters.open();
        let start = parameters.out.bytes.len();
        let added = parameters.out.parameter(name, |encoder| value.to_value(encoder));
        if added.is_ok() {
            parameters.written(start);
        }
        parameters.close();
        added
    }

    /// Returns whether there is a parameter of this name. Few names are compared one by one, many are looked up.
    fn is_given(&mut self, name: &str) -> bool {
        let given = self.parameters.count;
        if given < FEW {
            return self.names().any(|known| known == name);
        }
        let parameters = self.parameters.encoded();
        self.names.note_different(given, &parameters);
        self.names.contain(name, &parameters)
    }

    /// Notes the names of the first `count` parameters. Fails with the first that was there before.
    fn note(&mut self, count: usize) -> Result<(), EncodeError> {
        let noted = self.names.note(count, &self.parameters.encoded());
        noted.map_err(|name| EncodeError::twice().at_parameter(name))
    }

    fn add_all<T: Serialize + ?Sized>(&mut self, parameters: &T) -> Result<(), EncodeError> {
        self.parameters.open();
        let added = write_entries(&mut self.parameters, parameters);
        self.parameters.close();
        added?;
        let given = self.parameters.count;
        if given >= FEW {
            return self.note(given);
        }
        let names: Vec<&str> = self.names().collect();
        let twice = names
            .iter()
            .enumerate()
            .find(|(at, name)| names.iter().take(*at).any(|earlier| earlier == *name));
        match twice {
            Some((_, name)) => Err(EncodeError::twice().at_parameter(name)),
            None => Ok(()),
        }
    }
}

impl Parameters {
    fn encoded(&self) -> EncodedParameters<'_> {
        EncodedParameters {
            count: self.count,
            bytes: self.shared.as_deref().unwrap_or(&self.out.bytes),
            shared: self.shared.as_ref(),
            later: &self.later,
            offsets: &self.out.offsets,
            has_date_times: self.out.has_date_times,
        }
    }

    /// Makes `out` what is written to.
    fn open(&mut self) {
        if let Some(shared) = self.shared.take() {
            self.out.bytes = Arc::try_unwrap(shared).unwrap_or_else(|shared| shared.to_vec());
        }
    }

    /// Shares the bytes if they are many.
    fn close(&mut self) {
        if self.out.bytes.len() >= SHARED {
            self.shared = Some(Arc::new(core::mem::take(&mut self.out.bytes)));
        }
    }

    /// Notes what the values need that were written since the last call, in the entry at `start`.
    fn need_since(&mut self, start: usize) {
        let so_far = self.needs.map(|(version, _)| version);
        match self.out.take_needs() {
            Some(version) if Some(version) > so_far => self.needs = Some((version, start)),
            _ => {}
        }
    }
}

impl Sink for Parameters {
    fn output(&mut self) -> &mut Output {
        &mut self.out
    }

    fn written(&mut self, start: usize) {
        if self.count > 0 {
            self.later.push(start);
        }
        self.count = self.count.saturating_add(1);
        self.need_since(start);
    }
}

impl From<&str> for Query {
    fn from(text: &str) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }
}

impl From<String> for Query {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&String> for Query {
    fn from(text: &String) -> Self {
        text.as_str().into()
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
        f.debug_struct("Query")
            .field("parameters", &Names(self))
            .finish_non_exhaustive()
    }
}

/// The encoded parameters of a [`Query`]. `Debug` shows only their number and size.
#[derive(Clone, Copy)]
pub struct EncodedParameters<'a> {
    /// The number of parameters.
    pub count: usize,
    /// The entries of the map of parameters, without the map's header.
    pub bytes: &'a [u8],
    /// The same bytes, if they are shared.
    pub(crate) shared: Option<&'a Arc<Vec<u8>>>,
    later: &'a [usize],
    offsets: &'a [Option<UtcOffset>],
    has_date_times: bool,
}

impl<'a> EncodedParameters<'a> {
    /// Returns whether they have a legacy form, for servers without `utc`: Bolt 4.2 and older, and 4.3 and
    /// 4.4 without that patch.
    #[must_use]
    pub const fn has_legacy_form(&self) -> bool {
        self.has_date_times
    }

    /// Writes the entries in the legacy form, in which date-times count seconds on the local clock. The map's
    /// header is the same, and is not written.
    ///
    /// # Errors
    ///
    /// If a date-time with a zone has no offset from UTC. The error names the parameter. The caller must
    /// remove what has been written.
    pub fn write_legacy(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        transcode(self.bytes, self.offsets, out).map_err(|(position, error)| {
            let start = self.later.iter().rev().find(|&&start| start <= position);
            error.at_parameter(self.name_at(start.copied().unwrap_or_default()))
        })
    }

    /// Returns the position of each entry.
    fn starts(&self) -> impl Iterator<Item = usize> + use<'a> {
        let later = self.later.iter().copied();
        core::iter::once(0).chain(later).take(self.count)
    }

    /// Returns the name of the parameter with this number, from 0.
    fn name(&self, number: u32) -> &'a str {
        let start = match (number as usize).checked_sub(1) {
            None => 0,
            Some(later) => self.later.get(later).copied().unwrap_or_default(),
        };
        self.name_at(start)
    }

    /// Returns the name of the entry at this position.
    fn name_at(&self, start: usize) -> &'a str {
        Reader::new(self.bytes.get(start..).unwrap_or_default())
            .key()
            .unwrap_or_default()
    }
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
