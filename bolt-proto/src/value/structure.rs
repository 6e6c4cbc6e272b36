//! Structures that have no type of their own.

use alloc::vec::Vec;

use crate::error::EncodeError;
use crate::value::{Encoder, ToValue, Value};

/// Fields under a tag: a value of a kind that this crate has no type for.
#[derive(Debug, Clone, PartialEq)]
pub struct Structure {
    tag: u8,
    fields: Vec<Value>,
}

impl Structure {
    /// A structure with this tag and these fields; at most 15 of them can be sent.
    #[must_use]
    pub const fn new(tag: u8, fields: Vec<Value>) -> Self {
        Self { tag, fields }
    }

    /// What it is.
    #[must_use]
    pub const fn tag(&self) -> u8 {
        self.tag
    }

    /// What it consists of.
    #[must_use]
    pub fn fields(&self) -> &[Value] {
        &self.fields
    }

    /// What it consists of, taken out.
    #[must_use]
    pub fn into_fields(self) -> Vec<Value> {
        self.fields
    }
}

/// Only servers send it; clients get an error.
impl ToValue for Structure {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        let len = self.fields.len();
        let fields = u8::try_from(len).ok().filter(|&fields| fields <= 15);
        let fields = fields.ok_or_else(|| EncodeError::too_long("a structure", len))?;
        out.structure(fields, self.tag, |out| {
            self.fields
                .iter()
                .try_for_each(|field| out.one(|encoder| field.to_value(encoder)))
        })
    }
}
