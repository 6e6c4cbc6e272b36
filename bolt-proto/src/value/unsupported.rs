//! Stand-ins for values that a version cannot carry.

use alloc::borrow::ToOwned;
use alloc::string::String;

use crate::error::{ConversionError, EncodeError};
use crate::packstream::{ValueRef, write};
use crate::value::fields::{FieldReader, Fields, from_structure};
use crate::value::{Encoder, ToValue, tag};
use crate::version::Version;

/// A stand-in that a server sends for a value that this version of Bolt cannot carry. Bolt 6.0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsupportedType {
    name: String,
    minimum_version: Version,
    message: Option<String>,
}

impl UnsupportedType {
    /// Creates a stand-in, for servers.
    #[must_use]
    pub const fn new(name: String, minimum_version: Version, message: Option<String>) -> Self {
        Self {
            name,
            minimum_version,
            message,
        }
    }

    /// Returns the name of the value's type.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the first version that can carry the value.
    #[must_use]
    pub const fn minimum_version(&self) -> Version {
        self.minimum_version
    }

    /// Returns the server's message.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }
}

/// Always fails, because only servers send this type.
impl ToValue for UnsupportedType {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        out.structure(4, tag::UNSUPPORTED, |out| {
            out.need(Version::V6_0);
            write::string(&mut out.bytes, &self.name)?;
            write::integer(&mut out.bytes, i64::from(self.minimum_version.major()));
            write::integer(&mut out.bytes, i64::from(self.minimum_version.minor()));
            let message = self.message.as_deref().map(|message| ("message", message));
            out.one(|encoder| encoder.map(message))
        })
    }
}

impl<'a> Fields<'a> for UnsupportedType {
    const KIND: &'static str = "a value that this version of Bolt cannot carry";

    fn has(tag: u8) -> bool {
        tag == tag::UNSUPPORTED
    }

    fn fields(mut fields: FieldReader<'_, 'a>) -> Result<Self, ConversionError> {
        fields.expect(4)?;
        let name = fields.next("name")?;
        let (major, minor): (i64, i64) = (fields.next("minimum_major")?, fields.next("minimum_minor")?);
        let number = |number| u8::try_from(number).unwrap_or(u8::MAX);
        let minimum_version = Version::new(number(major), number(minor));
        let message = match fields.next::<ValueRef<'_>>("extra")? {
            ValueRef::Map(extra) => extra.get("message")?,
            other => return Err(ConversionError::expected("a map", &other).at_field("extra")),
        };
        let message = match message {
            Some(ValueRef::String(message)) => Some(message.to_owned()),
            _ => None,
        };
        Ok(Self {
            name,
            minimum_version,
            message,
        })
    }
}

from_structure!(UnsupportedType);
