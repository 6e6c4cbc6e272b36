//! Requests as bytes.

use alloc::vec::Vec;

use crate::error::EncodeError;
use crate::packstream::write;
use crate::state::Message;

/// Begins a message: the header of its structure.
pub(crate) fn header(out: &mut Vec<u8>, message: Message, fields: u8) {
    out.push(0xB0 | (fields & 0x0F));
    out.push(message.tag());
}

/// Appends a map whose keys this crate knows. It counts its entries itself: there are never more than 15.
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

/// The entries of a small map.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    out: &'a mut Vec<u8>,
    count: u8,
}

impl Fields<'_> {
    pub(crate) fn string(&mut self, key: &str, value: &str) -> Result<(), EncodeError> {
        self.key(key)?;
        write::string(self.out, value)
    }

    pub(crate) fn integer(&mut self, key: &str, value: i64) -> Result<(), EncodeError> {
        self.key(key)?;
        write::integer(self.out, value);
        Ok(())
    }

    pub(crate) fn map(
        &mut self,
        key: &str,
        fill: impl FnOnce(&mut Fields<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.key(key)?;
        map(self.out, fill)
    }

    fn key(&mut self, key: &str) -> Result<(), EncodeError> {
        debug_assert!(self.count < 15, "a map of over 15 entries needs another header");
        self.count += 1;
        write::string(self.out, key)
    }
}
