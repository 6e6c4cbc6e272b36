//! Named values inside of a request, beside the parameters of a query.

use alloc::format;
use alloc::vec::Vec;
use core::fmt;

use ::serde::Serialize;

use crate::error::{EncodeError, UsageError};
use crate::packstream::write;
use crate::query::Query;
use crate::value::ToValue;
use crate::version::{Capabilities, Version};

/// Values under names, encoded when they are given, by the rules that hold for the parameters of a [`Query`].
/// `Debug` shows the names alone.
#[derive(Clone, Default)]
pub(crate) struct Entries(Query);

impl Entries {
    pub(crate) fn add(&mut self, name: &str, value: impl ToValue) {
        self.0 = core::mem::take(&mut self.0).param(name, value);
    }

    pub(crate) fn add_all<T: Serialize + ?Sized>(&mut self, values: &T) {
        self.0 = core::mem::take(&mut self.0).params(values);
    }

    /// Whether nothing was given, not even something that could not be encoded.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.parameters().count == 0 && self.0.check().is_ok()
    }

    /// Whether everything could be encoded.
    pub(crate) fn check(&self) -> Result<(), EncodeError> {
        self.0.check().map_err(Clone::clone)
    }

    /// The lowest version that can carry the values, and the name of the first one that needs it.
    pub(crate) fn needs(&self) -> Option<(Version, &str)> {
        self.0.needs()
    }

    /// Writes the map, in the form that a connection with or without `utc` takes: without, date-times with an offset or
    /// a zone count their seconds on the local clock.
    pub(crate) fn write(&self, utc: bool, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.check()?;
        let values = self.0.parameters();
        write::map_header(out, values.count)?;
        if !utc && values.has_legacy_form() {
            return values.write_legacy(out);
        }
        out.extend_from_slice(values.bytes);
        Ok(())
    }
}

/// Whether a version can carry what needs a certain one. `what` are the named values in the user's words.
pub(crate) fn expressible(
    what: &str,
    needs: Option<(Version, &str)>,
    has: &Capabilities,
) -> Result<(), UsageError> {
    match needs {
        Some((needs, name)) if has.version < needs => Err(UsageError::unsupported(
            format!("the {what} {name:?}"),
            needs,
            has.version,
        )),
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
