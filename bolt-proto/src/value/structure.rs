//! Structures of an unknown kind.

use alloc::vec::Vec;

use crate::error::EncodeError;
use crate::value::{Encoder, ToValue, Value};

/// A structure of an unknown kind: fields with a tag.
#[derive(Debug, Clone, PartialEq)]
pub struct Structure {
    tag: u8,
    fields: Vec<Value>,
}

impl Structure {
    /// Creates a structure. A structure of more than 15 fields cannot be sent.
    #[must_use]
    pub const fn new(tag: u8, fields: Vec<Value>) -> Self {
        Self { tag, fields }
    }

    /// Returns the tag, which says what kind of structure it is.
    #[must_use]
    pub const fn tag(&self) -> u8 {
        self.tag
    }

    /// Returns the fields.
    #[must_use]
    pub fn fields(&self) -> &[Value] {
        &self.fields
    }

    /// Returns the fields by value.
    #[must_use]
    pub fn into_fields(self) -> Vec<Value> {
        self.fields
    }
}

/// Always fails, because only servers send this type.
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
