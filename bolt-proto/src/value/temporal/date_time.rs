//! Instants with an offset.

use core::fmt;

use crate::error::{ConversionError, EncodeError};
#[cfg(any(feature = "chrono-0_4", feature = "time-0_3"))]
use crate::packstream::ValueRef;
use crate::packstream::write;
use crate::value::fields::{FieldReader, Fields};
use crate::value::temporal::local_time::received_nanosecond;
use crate::value::{Encoder, LocalDateTime, RangeError, ToValue, UtcOffset, ZonedDateTime, tag};
#[cfg(any(feature = "chrono-0_4", feature = "time-0_3"))]
use crate::value::{FromValue, Value};

/// An instant, with the offset from UTC of a local clock.
///
/// Two date-times are equal if both instant and offset are equal. They are ordered by instant.
///
/// The text form is that of ISO 8601: `2024-02-29T12:34:56.789+01:00`.
///
/// ```
/// # use bolt_proto as bolt;
/// use bolt::types::{DateTime, ParseError};
///
/// let time: DateTime = "1970-01-01T02:15:00.000000042+01:00".parse()?;
/// assert_eq!((time.unix_seconds(), time.nanosecond(), time.offset().seconds()), (4500, 42, 3600));
/// # Ok::<(), ParseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct DateTime {
    seconds: i64,
    nanosecond: u32,
    offset: UtcOffset,
}

impl DateTime {
    /// Creates a date-time from the time of a local clock and its offset.
    #[must_use]
    pub fn new(local: LocalDateTime, offset: UtcOffset) -> Self {
        let seconds = local.seconds() - i64::from(offset.seconds());
        Self {
            seconds,
            nanosecond: local.nanosecond(),
            offset,
        }
    }

    /// Creates a date-time from the seconds since 1970-01-01T00:00Z, the nanosecond of the second, and the
    /// offset of a local clock.
    ///
    /// # Errors
    ///
    /// If the year on the local clock, or the nanosecond, is out of range.
    pub fn from_unix(seconds: i64, nanosecond: u32, offset: UtcOffset) -> Result<Self, RangeError> {
        let local = seconds.saturating_add(i64::from(offset.seconds()));
        LocalDateTime::check(local, nanosecond)?;
        Ok(Self {
            seconds,
            nanosecond,
            offset,
        })
    }

    /// Returns the seconds since 1970-01-01T00:00Z. Earlier instants are negative.
    #[must_use]
    pub const fn unix_seconds(self) -> i64 {
        self.seconds
    }

    /// Returns the nanosecond of the second.
    #[must_use]
    pub const fn nanosecond(self) -> u32 {
        self.nanosecond
    }

    /// Returns the offset of the local clock from UTC.
    #[must_use]
    pub const fn offset(self) -> UtcOffset {
        self.offset
    }

    /// Returns the time of the local clock.
    #[must_use]
    pub fn local(self) -> LocalDateTime {
        let local = self.seconds + i64::from(self.offset.seconds());
        // Both constructors have checked the range.
        LocalDateTime::from_seconds(local, self.nanosecond).unwrap_or_default()
    }
}

impl DateTime {
    /// Reads any instant. The offset is 0 if only the name of a zone is known.
    #[cfg(any(feature = "chrono-0_4", feature = "time-0_3"))]
    pub(crate) fn of_instant(value: ValueRef<'_>) -> Result<Self, ConversionError> {
        match value {
            // Only structures are read as a tree, which is small.
            ValueRef::Structure(_) => Self::of_instant_in(&Value::from_value(value)?),
            other => Err(ConversionError::expected("a date-time", &other)),
        }
    }

    /// Works as [`of_instant`](Self::of_instant) for a tree.
    #[cfg(any(feature = "chrono-0_4", feature = "time-0_3"))]
    pub(crate) fn of_instant_in(value: &Value) -> Result<Self, ConversionError> {
        match value {
            Value::DateTime(time) => Ok(*time),
            Value::ZonedDateTime(time) => Ok(Self::try_from(&**time)?),
            other => Err(ConversionError::mismatch("a date-time", other.kind())),
        }
    }
}

/// Fails if the instant is unknown. The offset is 0 if it is unknown.
impl TryFrom<&ZonedDateTime> for DateTime {
    type Error = RangeError;

    fn try_from(time: &ZonedDateTime) -> Result<Self, RangeError> {
        let unknown = RangeError::new(
            "a date-time with a zone",
            "its instant must be known, which for this one needs a time zone database: read a ZonedDateTime",
        );
        let seconds = time.unix_seconds().ok_or(unknown)?;
        Self::from_unix(seconds, time.nanosecond(), time.offset().unwrap_or_default())
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.local(), self.offset)
    }
}

impl ToValue for DateTime {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        let (tag, seconds) = if out.dialect().is_utc() {
            (tag::DATE_TIME, self.seconds)
        } else {
            (tag::LEGACY_DATE_TIME, self.local().seconds())
        };
        out.structure(3, tag, |out| {
            out.has_date_times = true;
            write::integer(&mut out.bytes, seconds);
            write::integer(&mut out.bytes, i64::from(self.nanosecond));
            write::integer(&mut out.bytes, i64::from(self.offset.seconds()));
            Ok(())
        })
    }
}

impl<'a> Fields<'a> for DateTime {
    const KIND: &'static str = "a date-time with an offset";

    fn has(tag: u8) -> bool {
        matches!(tag, tag::DATE_TIME | tag::LEGACY_DATE_TIME)
    }

    /// The legacy form counts seconds on the local clock.
    fn fields(mut fields: FieldReader<'_, 'a>) -> Result<Self, ConversionError> {
        fields.expect(3)?;
        let seconds: i64 = fields.next("seconds")?;
        let nanosecond = received_nanosecond(fields.next("nanoseconds")?)?;
        let offset = UtcOffset::received(fields.next("tz_offset_seconds")?)?;
        if fields.tag() == tag::LEGACY_DATE_TIME {
            return Ok(Self::new(
                LocalDateTime::from_seconds(seconds, nanosecond)?,
                offset,
            ));
        }
        Ok(Self::from_unix(seconds, nanosecond, offset)?)
    }
}
