//! `serde_json` 1: its `Value`, by serde. Dates, times, durations and UUIDs are read as texts, and nodes as
//! maps of their properties. Bytes have no form in JSON.

use crate::error::{ConversionError, EncodeError};
use crate::packstream::{Reader, ValueRef};
use crate::serde::Serde;
use crate::value::{Encoder, FromValue, ToValue};

impl ToValue for ::serde_json::Value {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        Serde(self).to_value(out)
    }
}

impl<'a> FromValue<'a> for ::serde_json::Value {
    fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
        Serde::from_value(value).map(|Serde(value)| value)
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, ConversionError> {
        Serde::read(reader).map(|Serde(value)| value)
    }
}
