//! Rows as text, and in other formats.

use core::fmt;

use ::serde::ser::{Error, SerializeMap};
use ::serde::{Serialize, Serializer};

use super::{Record, RecordRef};
use crate::value::{FromValue, Name, Value};

impl fmt::Debug for RecordRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (name, value) in self {
            match value.map(|value| (Value::from_value(value), value)) {
                Ok((Ok(value), _)) => map.entry(&name, &value),
                // A structure that is no valid value is shown by its fields.
                Ok((Err(_), value)) => map.entry(&name, &value),
                Err(error) => map.entry(&name, &format_args!("<{error}>")),
            };
        }
        map.finish()
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

/// Shows the row as `{name: "Ada", age: 36}`, and a column that cannot be read as its error.
impl fmt::Display for RecordRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, (name, value)) in self.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{}: ", Name(name))?;
            match value.and_then(Value::from_value) {
                Ok(value) => write!(f, "{value}")?,
                Err(error) => write!(f, "<{error}>")?,
            }
        }
        f.write_str("}")
    }
}

/// Shows the row as `{name: "Ada", age: 36}`, and a column that cannot be read as its error.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_ref(), f)
    }
}

/// Serializes the row as a map of its columns.
impl Serialize for RecordRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (name, value) in self {
            let value =
                value.and_then(|value| Value::from_value(value).map_err(|error| error.at_column(name)));
            map.serialize_entry(name, &value.map_err(S::Error::custom)?)?;
        }
        map.end()
    }
}

/// Serializes the row as a map of its columns.
impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_ref().serialize(serializer)
    }
}
