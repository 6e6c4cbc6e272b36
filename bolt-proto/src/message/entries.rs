//! Named values in a request, except the parameters of a query.

use alloc::vec::Vec;
use core::fmt;
use core::hash::{Hash, Hasher};

use ::serde::Serialize;

use crate::error::{EncodeError, UsageError};
use crate::packstream::write;
use crate::query::{EncodedParameters, Query};
use crate::value::ToValue;
use crate::version::Capabilities;

/// Named values, encoded when they are added, by the rules for the parameters of a [`Query`]. `Debug` shows
/// only the names.
#[derive(Clone, Default)]
pub(crate) struct Entries(Query);

impl Entries {
    pub(crate) fn add(&mut self, name: &str, value: impl ToValue) {
        self.0.add_param(name, value);
    }

    pub(crate) fn add_all<T: Serialize + ?Sized>(&mut self, values: &T) {
        self.0.add_params(values);
    }

    /// Returns whether nothing was added, not even a value that could not be encoded.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.parameters().count == 0 && self.0.check().is_ok()
    }

    /// Checks that a connection can carry all values.
    pub(crate) fn check(&self, capabilities: &Capabilities, utc: Option<bool>) -> Result<(), UsageError> {
        check_values(&self.0, capabilities, utc)
    }

    /// Writes the map.
    pub(crate) fn write(&self, utc: bool, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.0.check().map_err(Clone::clone)?;
        write_parameters(self.0.parameters(), utc, out)
    }
}

/// Named values that are secret. They are wiped when they are dropped.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct SecretEntries(Entries);

impl Hash for SecretEntries {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.0.parameters().bytes.hash(state);
    }
}

/// The room for a value of unknown size.
const ROOM: usize = 4096;

impl SecretEntries {
    /// A buffer that grows while it is written to leaves copies, so the value is encoded twice: the first time to
    /// learn its size.
    pub(crate) fn add<T: ToValue>(&mut self, name: &str, value: &T) {
        let mut sample = Self::default();
        sample.0.0.reserve_wiping(ROOM);
        sample.0.add(name, value);
        let len = sample.0.0.parameters().bytes.len();
        self.0.0.reserve_wiping(len.max(ROOM));
        self.0.add(name, value);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn check(&self, capabilities: &Capabilities, utc: Option<bool>) -> Result<(), UsageError> {
        self.0.check(capabilities, utc)
    }

    /// Returns the most bytes that the map takes. Seconds on a local clock may take more bytes than those of the
    /// instant, but less than the rest of their date-time.
    pub(crate) fn encoded_len(&self) -> usize {
        let entries = self.0.0.parameters().bytes.len();
        entries.saturating_mul(2).saturating_add(5)
    }

    /// Writes the map.
    pub(crate) fn write(&self, utc: bool, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.0.write(utc, out)
    }
}

impl Drop for SecretEntries {
    fn drop(&mut self) {
        self.0.0.wipe();
    }
}

/// Writes parameters as a map, in the form that a connection with or without `utc` uses. Without it, date-times with
/// an offset or a zone count their seconds on the local clock.
pub(crate) fn write_parameters(
    parameters: EncodedParameters<'_>,
    utc: bool,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    write::map_header(out, parameters.count)?;
    if parameters.has_legacy_form() && !utc {
        return parameters.write_legacy(out);
    }
    out.extend_from_slice(parameters.bytes);
    Ok(())
}

/// Checks that a version can carry all values. If the form of date-times is not known yet (`None`), the values must
/// not depend on it.
pub(crate) fn check_values(
    query: &Query,
    capabilities: &Capabilities,
    utc: Option<bool>,
) -> Result<(), UsageError> {
    query.check().map_err(Clone::clone)?;
    match query.needs() {
        Some((needs, name)) if capabilities.version < needs => {
            Err(EncodeError::version(needs, capabilities.version)
                .at_parameter(name)
                .into())
        }
        _ if utc.is_none() && query.parameters().has_legacy_form() => Err(UsageError::DateTimeFormUnknown),
        _ => Ok(()),
    }
}

impl PartialEq for Entries {
    fn eq(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.0.parameters(), other.0.parameters());
        ours.bytes == theirs.bytes && self.0.check() == other.0.check()
    }
}

impl Eq for Entries {}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.names()).finish()
    }
}
