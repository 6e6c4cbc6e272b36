//! Types of std and of other crates as values. Each crate has a feature that is named after it and its version.

#[cfg(feature = "chrono-0_4")]
mod chrono_0_4;
mod core_duration;
#[cfg(feature = "jiff-0_2")]
mod jiff_0_2;
#[cfg(feature = "serde_json")]
mod serde_json;
#[cfg(feature = "time-0_3")]
mod time_0_3;
#[cfg(feature = "uuid-1")]
mod uuid_1;

/// Implements `ToValue` and `FromValue` for types that convert to and from types of this crate.
macro_rules! values {
    ($($theirs:ty, $ours:ty;)*) => {$(
        impl crate::value::ToValue for $theirs {
            fn to_value(&self, out: crate::value::Encoder<'_>) -> Result<(), crate::error::EncodeError> {
                <$ours>::try_from(self.clone())?.to_value(out)
            }
        }

        impl<'a> crate::value::FromValue<'a> for $theirs {
            fn from_value(
                value: crate::packstream::ValueRef<'a>,
            ) -> Result<Self, crate::error::ConversionError> {
                Ok(<$ours>::from_value(value)?.try_into()?)
            }

            fn read(
                reader: &mut crate::packstream::Reader<'a>,
            ) -> Result<Self, crate::error::ConversionError> {
                Ok(<$ours>::read(reader)?.try_into()?)
            }

            fn from_tree(
                value: &crate::value::Value,
            ) -> Option<Result<Self, crate::error::ConversionError>> {
                let ours = <$ours>::from_tree(value)?;
                Some(ours.and_then(|ours| Ok(ours.try_into()?)))
            }
        }
    )*};
}

use values;

#[cfg(test)]
mod tests;
