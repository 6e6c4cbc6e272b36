//! Times of day.

use core::fmt;

use crate::error::{ConversionError, EncodeError};
use crate::packstream::write;
use crate::value::fields::{FieldReader, Fields};
use crate::value::{Encoder, RangeError, ToValue, tag};

/// A time of day without an offset, to the nanosecond. There are no leap seconds.
///
/// The text form is that of ISO 8601, always with seconds: `12:34:56.789`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LocalTime {
    nanos: i64,
}

/// Nanoseconds of a second.
pub(super) const SECOND: i64 = 1_000_000_000;
/// Nanoseconds of a day.
pub(super) const DAY: i64 = 86_400 * SECOND;

impl LocalTime {
    /// 00:00.
    pub const MIDNIGHT: Self = Self { nanos: 0 };
    /// 23:59:59.999999999.
    pub const MAX: Self = Self { nanos: DAY - 1 };

    /// Creates a time from its hour from 0 to 23, minute, second, and nanosecond of the second.
    ///
    /// # Errors
    ///
    /// If one of them is out of range.
    pub fn new(hour: u8, minute: u8, second: u8, nanosecond: u32) -> Result<Self, RangeError> {
        if hour > 23 {
            return Err(RangeError::new("an hour", "0 to 23"));
        }
        if minute > 59 {
            return Err(RangeError::new("a minute", "0 to 59"));
        }
        if second > 59 {
            return Err(RangeError::new("a second", "0 to 59"));
        }
        let nanos = i64::from(check_nanosecond(nanosecond)?);
        let seconds = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
        Ok(Self {
            nanos: seconds * SECOND + nanos,
        })
    }

    /// Creates a time from the nanoseconds since midnight.
    ///
    /// # Errors
    ///
    /// If they are a day or more.
    pub const fn from_nanos(nanos: u64) -> Result<Self, RangeError> {
        if nanos < DAY.unsigned_abs() {
            Ok(Self { nanos: nanos as i64 })
        } else {
            Err(RangeError::new(
                "a time of day",
                "0 to 86399999999999 nanoseconds since midnight",
            ))
        }
    }

    /// Returns the nanoseconds since midnight.
    #[must_use]
    pub const fn nanos(self) -> u64 {
        self.nanos.unsigned_abs()
    }

    /// Returns the hour, 0 to 23.
    #[must_use]
    pub const fn hour(self) -> u8 {
        self.part(3600 * SECOND, 24)
    }

    /// Returns the minute of the hour.
    #[must_use]
    pub const fn minute(self) -> u8 {
        self.part(60 * SECOND, 60)
    }

    /// Returns the second of the minute.
    #[must_use]
    pub const fn second(self) -> u8 {
        self.part(SECOND, 60)
    }

    /// Returns the nanosecond of the second.
    #[must_use]
    pub const fn nanosecond(self) -> u32 {
        (self.nanos % SECOND) as u32
    }

    /// Returns the nanoseconds since midnight, as they are sent.
    pub(super) const fn wire(self) -> i64 {
        self.nanos
    }

    const fn part(self, unit: i64, count: i64) -> u8 {
        (self.nanos / unit % count) as u8
    }
}

/// Checks that a nanosecond is less than a second.
#[inline]
pub(super) fn check_nanosecond(nanosecond: u32) -> Result<u32, RangeError> {
    if i64::from(nanosecond) < SECOND {
        Ok(nanosecond)
    } else {
        Err(RangeError::new("a nanosecond", "0 to 999999999"))
    }
}

/// Reads a received nanosecond of a second.
#[inline]
pub(super) fn received_nanosecond(nanosecond: i64) -> Result<u32, RangeError> {
    check_nanosecond(u32::try_from(nanosecond).unwrap_or(u32::MAX))
}

/// Reads a received time of day.
#[inline]
pub(super) fn received_nanos(nanos: i64) -> Result<LocalTime, RangeError> {
    LocalTime::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// Writes a fraction of a second, without trailing zeros.
pub(super) fn write_fraction(nanosecond: u32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if nanosecond == 0 {
        return Ok(());
    }
    let (mut digits, mut fraction) = (9, nanosecond);
    while fraction % 10 == 0 {
        (digits, fraction) = (digits - 1, fraction / 10);
    }
    write!(f, ".{fraction:0digits$}")
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}:{:02}", self.hour(), self.minute(), self.second())?;
        write_fraction(self.nanosecond(), f)
    }
}

impl ToValue for LocalTime {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        out.structure(1, tag::LOCAL_TIME, |out| {
            write::integer(&mut out.bytes, self.wire());
            Ok(())
        })
    }
}

impl<'a> Fields<'a> for LocalTime {
    const KIND: &'static str = "a local time";

    fn has(tag: u8) -> bool {
        tag == tag::LOCAL_TIME
    }

    fn fields(mut fields: FieldReader<'_, 'a>) -> Result<Self, ConversionError> {
        fields.expect(1)?;
        Ok(received_nanos(fields.next("nanoseconds")?)?)
    }
}
