//! UUIDs as values.

use crate::error::{ConversionError, EncodeError};
use crate::packstream::{Reader, Token, Uuid, ValueRef};
use crate::value::{Encoder, FromValue, ToValue, Value};

impl ToValue for Uuid {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        out.uuid(*self)
    }
}

impl<'a> FromValue<'a> for Uuid {
    fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
        match value {
            ValueRef::Uuid(uuid) => Ok(uuid),
            other => Err(ConversionError::expected("a UUID", &other)),
        }
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, ConversionError> {
        match reader.token()? {
            Token::Uuid(uuid) => Ok(uuid),
            other => Err(ConversionError::mismatch("a UUID", other.kind())),
        }
    }

    fn from_tree(value: &Value) -> Option<Result<Self, ConversionError>> {
        Some(value.clone().try_into())
    }
}
