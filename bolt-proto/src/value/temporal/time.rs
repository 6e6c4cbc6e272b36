//! Times of day with an offset.

use core::fmt;

use crate::error::{ConversionError, EncodeError};
use crate::packstream::write;
use crate::value::fields::{FieldReader, Fields};
use crate::value::temporal::local_time::received_nanos;
use crate::value::{Encoder, LocalTime, ToValue, UtcOffset, tag};

/// A time of day with an offset from UTC.
///
/// The text form is that of ISO 8601: `12:34:56.789+01:00`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Time {
    local: LocalTime,
    offset: UtcOffset,
}

impl Time {
    /// Creates a time from that of a local clock and its offset.
    #[must_use]
    pub const fn new(local: LocalTime, offset: UtcOffset) -> Self {
        Self { local, offset }
    }

    /// Returns the time of the local clock.
    #[must_use]
    pub const fn local(self) -> LocalTime {
        self.local
    }

    /// Returns the offset of the local clock from UTC.
    #[must_use]
    pub const fn offset(self) -> UtcOffset {
        self.offset
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.local, self.offset)
    }
}

impl ToValue for Time {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        out.structure(2, tag::TIME, |out| {
            write::integer(&mut out.bytes, self.local.wire());
            write::integer(&mut out.bytes, i64::from(self.offset.seconds()));
            Ok(())
        })
    }
}

impl<'a> Fields<'a> for Time {
    const KIND: &'static str = "a time";

    fn has(tag: u8) -> bool {
        tag == tag::TIME
    }

    fn fields(mut fields: FieldReader<'_, 'a>) -> Result<Self, ConversionError> {
        fields.expect(2)?;
        Ok(Self::new(
            received_nanos(fields.next("nanoseconds")?)?,
            UtcOffset::received(fields.next("tz_offset_seconds")?)?,
        ))
    }
}
