//! What other formats pass through serde for themselves alone, such as the numbers of `serde_json` with its feature
//! `arbitrary_precision`: a struct with a marker for a name. A marker must not be sent as if it were data.

use alloc::format;

use crate::error::EncodeError;
use crate::value::Value;

/// The message about an integer that does not fit.
pub(super) const TOO_LARGE: &str = "an integer does not fit 64 bits with a sign";

/// A value that another format passes to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Foreign {
    /// A number of `serde_json` as text.
    Number,
    /// Any JSON as text.
    Json,
    /// A value of which the meaning is unknown here.
    Unknown,
}

impl Foreign {
    /// Returns what a map means that begins with this key, if the key is a marker. Other keys may be data, whatever
    /// characters they have.
    pub(super) fn of(key: &str) -> Option<Self> {
        match key {
            "$serde_json::private::Number" => Some(Self::Number),
            "$serde_json::private::RawValue" => Some(Self::Json),
            _ if key.starts_with('$') && key.contains("private") => Some(Self::Unknown),
            _ => None,
        }
    }

    /// Returns what a struct or an enum of this name means, if the name is a marker: no name that Rust allows.
    #[inline(always)]
    pub(super) fn of_type(name: &'static str) -> Option<Self> {
        match name.as_bytes().first() {
            Some(b'$' | b'@' | b'_' | b'P') => Self::of_odd_type(name),
            _ => None,
        }
    }

    #[cold]
    fn of_odd_type(name: &'static str) -> Option<Self> {
        match name {
            // MessagePack, property lists.
            "_ExtStruct" | "PLIST-UID" | "PLIST-DATE" => Some(Self::Unknown),
            _ if name.starts_with("@@") || name.starts_with('$') => Self::of(name).or(Some(Self::Unknown)),
            _ => None,
        }
    }

    /// Fails if a struct or an enum of this name stands for something of another format, in a form that means nothing here.
    #[inline(always)]
    pub(super) fn refuse(name: &'static str) -> Result<(), EncodeError> {
        match Self::of_type(name) {
            None => Ok(()),
            Some(_) => Err(Self::unknown(name)),
        }
    }

    /// Returns the value that the text describes.
    pub(super) fn value(self, text: &str) -> Result<Value, EncodeError> {
        match self {
            Self::Number => number(text),
            Self::Json => json(text),
            Self::Unknown => Err(Self::unknown("a marker of another format")),
        }
    }

    /// Returns the error for a marker without a meaning here.
    #[cold]
    pub(super) fn unknown(name: &str) -> EncodeError {
        EncodeError::custom(format!(
            "{name} stands for a value that only its own format can write: convert the value to another type first"
        ))
    }
}

/// Reads a number of JSON. An integer stays one.
fn number(text: &str) -> Result<Value, EncodeError> {
    if text.contains(['.', 'e', 'E']) || text == "-0" {
        let float: f64 = text.parse().map_err(|_| malformed())?;
        return if float.is_finite() {
            Ok(Value::Float(float))
        } else {
            Err(EncodeError::custom("a number does not fit a float of 64 bits"))
        };
    }
    match text.parse() {
        Ok(integer) => Ok(Value::Integer(integer)),
        Err(error)
            if matches!(
                error.kind(),
                core::num::IntErrorKind::InvalidDigit | core::num::IntErrorKind::Empty
            ) =>
        {
            Err(malformed())
        }
        Err(_) => Err(EncodeError::integer()),
    }
}

fn malformed() -> EncodeError {
    EncodeError::custom("a number of JSON is malformed")
}

#[cfg(feature = "serde_json")]
fn json(text: &str) -> Result<Value, EncodeError> {
    // The message of the error would show a part of the text.
    ::serde_json::from_str(text).map_err(|error| {
        EncodeError::custom(match error.classify() {
            ::serde_json::error::Category::Data => format!("a `RawValue` cannot be sent: {error}"),
            _ => "a `RawValue` is malformed".into(),
        })
    })
}

#[cfg(not(feature = "serde_json"))]
fn json(_text: &str) -> Result<Value, EncodeError> {
    Err(EncodeError::custom(
        "a `RawValue` of serde_json can be sent with the feature `serde_json` of this crate only",
    ))
}

/// Returns whether a type of this name keeps the text of any JSON.
#[cfg(feature = "serde_json")]
#[inline]
pub(super) fn is_json(name: &'static str) -> bool {
    name == "$serde_json::private::RawValue"
}

/// Passes a value as text in JSON.
#[cfg(feature = "serde_json")]
pub(super) fn visit_json<'de, V: ::serde::de::Visitor<'de>>(
    value: &Value,
    visitor: V,
) -> Result<V::Value, crate::error::ConversionError> {
    use alloc::string::ToString;

    let text = ::serde_json::to_string(value)
        .map_err(|error| crate::error::ConversionError::custom(error.to_string()))?;
    let entries = core::iter::once(("$serde_json::private::RawValue", text));
    visitor.visit_map(::serde::de::value::MapDeserializer::new(entries))
}
