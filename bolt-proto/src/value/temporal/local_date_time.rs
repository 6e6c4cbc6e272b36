//! Dates with a time of day.

use core::fmt;

use crate::error::{ConversionError, EncodeError};
use crate::packstream::write;
use crate::value::fields::{FieldReader, Fields};
use crate::value::temporal::local_time::{SECOND, check_nanosecond, received_nanosecond};
use crate::value::{Date, Encoder, LocalTime, RangeError, ToValue, tag};

/// A date and a time of day, without an offset or a zone.
///
/// The text form is that of ISO 8601: `2024-02-29T12:34:56.789`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LocalDateTime {
    date: Date,
    time: LocalTime,
}

/// Seconds of a day.
const DAY: i64 = 86_400;

impl LocalDateTime {
    /// Creates a date-time from a date and a time of day.
    #[must_use]
    pub const fn new(date: Date, time: LocalTime) -> Self {
        Self { date, time }
    }

    /// Creates a date-time from the seconds since 1970-01-01T00:00 on the local clock, and the nanosecond of
    /// the second.
    ///
    /// # Errors
    ///
    /// If the year or the nanosecond is out of range.
    pub fn from_seconds(seconds: i64, nanosecond: u32) -> Result<Self, RangeError> {
        let days = seconds.div_euclid(DAY);
        let date = Date::from_days(days)?;
        let nanos = (seconds - days * DAY) * SECOND + i64::from(check_nanosecond(nanosecond)?);
        Ok(Self {
            date,
            time: LocalTime::from_nanos(nanos.unsigned_abs())?,
        })
    }

    /// Does the checks of [`from_seconds`](Self::from_seconds).
    #[inline]
    pub(super) fn check(seconds: i64, nanosecond: u32) -> Result<(), RangeError> {
        const FIRST: i64 = Date::MIN.days() * DAY;
        const END: i64 = (Date::MAX.days() + 1) * DAY;
        if !(FIRST..END).contains(&seconds) {
            Date::from_days(seconds.div_euclid(DAY))?;
        }
        check_nanosecond(nanosecond).map(drop)
    }

    /// Returns the date.
    #[must_use]
    pub const fn date(self) -> Date {
        self.date
    }

    /// Returns the time of day.
    #[must_use]
    pub const fn time(self) -> LocalTime {
        self.time
    }

    /// Returns the seconds since 1970-01-01T00:00 on the local clock. Earlier times are negative.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.date.days() * DAY + self.time.wire() / SECOND
    }

    /// Returns the nanosecond of the second.
    #[must_use]
    pub const fn nanosecond(self) -> u32 {
        self.time.nanosecond()
    }
}

impl fmt::Display for LocalDateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}T{}", self.date, self.time)
    }
}

impl ToValue for LocalDateTime {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        out.structure(2, tag::LOCAL_DATE_TIME, |out| {
            write::integer(&mut out.bytes, self.seconds());
            write::integer(&mut out.bytes, i64::from(self.nanosecond()));
            Ok(())
        })
    }
}

impl<'a> Fields<'a> for LocalDateTime {
    const KIND: &'static str = "a local date-time";

    fn has(tag: u8) -> bool {
        tag == tag::LOCAL_DATE_TIME
    }

    fn fields(mut fields: FieldReader<'_, 'a>) -> Result<Self, ConversionError> {
        fields.expect(2)?;
        let seconds = fields.next("seconds")?;
        Ok(Self::from_seconds(
            seconds,
            received_nanosecond(fields.next("nanoseconds")?)?,
        )?)
    }
}
