//! Encoding of requests.

use alloc::vec::Vec;

use crate::error::EncodeError;
use crate::packstream::write;
use crate::state::Message;

/// Begins a message: writes the header of its structure.
pub(crate) fn header(out: &mut Vec<u8>, message: Message, fields: u8) {
    write::structure_header(out, fields, message.tag());
}

/// Appends a map with keys of this crate. The number of entries is counted here, and is at most 15.
pub(crate) fn map(
    out: &mut Vec<u8>,
    fill: impl FnOnce(&mut Fields<'_>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let at = out.len();
    out.push(0xA0);
    let mut fields = Fields { out, count: 0 };
    fill(&mut fields)?;
    let count = fields.count;
    if let Some(marker) = out.get_mut(at) {
        *marker = 0xA0 | count;
    }
    Ok(())
}

/// Appends a list of strings.
pub(crate) fn strings<S: AsRef<str>>(out: &mut Vec<u8>, items: &[S]) -> Result<(), EncodeError> {
    write::list_header(out, items.len())?;
    items
        .iter()
        .try_for_each(|item| write::string(out, item.as_ref()))
}

/// The entries of a small map.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    out: &'a mut Vec<u8>,
    count: u8,
}

impl Fields<'_> {
    /// Makes room for entries of so many bytes.
    pub(crate) fn reserve(&mut self, len: usize) {
        self.out.reserve(len);
    }

    /// Returns where the buffer is.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> *const u8 {
        self.out.as_ptr()
    }

    pub(crate) fn string(&mut self, key: &str, value: &str) -> Result<(), EncodeError> {
        self.with(key, |out| write::string(out, value))
    }

    /// Appends the entry if it has a value.
    pub(crate) fn optional(&mut self, key: &str, value: Option<&str>) -> Result<(), EncodeError> {
        value.map_or(Ok(()), |value| self.string(key, value))
    }

    pub(crate) fn integer(&mut self, key: &str, value: i64) -> Result<(), EncodeError> {
        self.with(key, |out| {
            write::integer(out, value);
            Ok(())
        })
    }

    pub(crate) fn strings<S: AsRef<str>>(&mut self, key: &str, items: &[S]) -> Result<(), EncodeError> {
        self.with(key, |out| strings(out, items))
    }

    pub(crate) fn map(
        &mut self,
        key: &str,
        fill: impl FnOnce(&mut Fields<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.with(key, |out| map(out, fill))
    }

    /// Appends an entry with a value that the caller writes.
    pub(crate) fn with(
        &mut self,
        key: &str,
        value: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        debug_assert!(self.count < 15, "a map of over 15 entries needs another header");
        self.count = self.count.saturating_add(1);
        write::string(self.out, key)?;
        value(self.out)
    }
}
