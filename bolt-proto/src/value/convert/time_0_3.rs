//! `time` 0.3: `Date`, `Time`, `PrimitiveDateTime`, `OffsetDateTime`, and `Duration` for durations of seconds.

use super::values;
use crate::error::{ConversionError, EncodeError};
use crate::packstream::ValueRef;
use crate::value::{
    Date, DateTime, Duration, Encoder, FromValue, LocalDateTime, LocalTime, RangeError, ToValue, UtcOffset,
    Value,
};

/// The Julian day of 1970-01-01.
const EPOCH_JULIAN_DAY: i64 = 2_440_588;

const NOT_IN_TIME: RangeError = RangeError::new("a date", "years of `time` reach from -9999 to 9999");

impl From<::time::Date> for Date {
    fn from(date: ::time::Date) -> Self {
        Self::within(i64::from(date.to_julian_day()) - EPOCH_JULIAN_DAY)
    }
}

impl TryFrom<Date> for ::time::Date {
    type Error = RangeError;

    fn try_from(date: Date) -> Result<Self, RangeError> {
        let day = i32::try_from(date.days() + EPOCH_JULIAN_DAY).map_err(|_| NOT_IN_TIME)?;
        Self::from_julian_day(day).map_err(|_| NOT_IN_TIME)
    }
}

impl TryFrom<::time::Time> for LocalTime {
    type Error = RangeError;

    fn try_from(time: ::time::Time) -> Result<Self, RangeError> {
        Self::new(time.hour(), time.minute(), time.second(), time.nanosecond())
    }
}

impl From<LocalTime> for ::time::Time {
    fn from(time: LocalTime) -> Self {
        let (hour, minute, second) = (time.hour(), time.minute(), time.second());
        Self::from_hms_nano(hour, minute, second, time.nanosecond()).unwrap_or(Self::MIDNIGHT)
    }
}

impl TryFrom<::time::PrimitiveDateTime> for LocalDateTime {
    type Error = RangeError;

    fn try_from(local: ::time::PrimitiveDateTime) -> Result<Self, RangeError> {
        Ok(Self::new(local.date().into(), local.time().try_into()?))
    }
}

impl TryFrom<LocalDateTime> for ::time::PrimitiveDateTime {
    type Error = RangeError;

    fn try_from(local: LocalDateTime) -> Result<Self, RangeError> {
        Ok(Self::new(local.date().try_into()?, local.time().into()))
    }
}

impl TryFrom<::time::UtcOffset> for UtcOffset {
    type Error = RangeError;

    fn try_from(offset: ::time::UtcOffset) -> Result<Self, RangeError> {
        Self::from_seconds(offset.whole_seconds())
    }
}

impl From<UtcOffset> for ::time::UtcOffset {
    fn from(offset: UtcOffset) -> Self {
        Self::from_whole_seconds(offset.seconds()).unwrap_or(Self::UTC)
    }
}

impl TryFrom<::time::OffsetDateTime> for DateTime {
    type Error = RangeError;

    fn try_from(time: ::time::OffsetDateTime) -> Result<Self, RangeError> {
        let local = LocalDateTime::new(time.date().into(), time.time().try_into()?);
        Ok(Self::new(local, time.offset().try_into()?))
    }
}

impl TryFrom<DateTime> for ::time::OffsetDateTime {
    type Error = RangeError;

    fn try_from(time: DateTime) -> Result<Self, RangeError> {
        let local = ::time::PrimitiveDateTime::try_from(time.local())?;
        Ok(local.assume_offset(time.offset().into()))
    }
}

impl From<::time::Duration> for Duration {
    fn from(duration: ::time::Duration) -> Self {
        Self::of_seconds(duration.whole_seconds(), duration.subsec_nanoseconds())
    }
}

impl TryFrom<Duration> for ::time::Duration {
    type Error = RangeError;

    fn try_from(duration: Duration) -> Result<Self, RangeError> {
        let whole = Self::seconds(duration.only_seconds()?);
        whole
            .checked_add(Self::nanoseconds(i64::from(duration.nanosecond())))
            .ok_or(RangeError::new("a duration", "its seconds have 64 bits"))
    }
}

values! {
    ::time::Date, Date;
    ::time::Time, LocalTime;
    ::time::PrimitiveDateTime, LocalDateTime;
    ::time::Duration, Duration;
}

impl ToValue for ::time::OffsetDateTime {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        DateTime::try_from(*self)?.to_value(out)
    }
}

/// Reads any instant. The offset is 0 if the value has only the name of a zone.
impl<'a> FromValue<'a> for ::time::OffsetDateTime {
    fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
        Ok(DateTime::of_instant(value)?.try_into()?)
    }

    fn from_tree(value: &Value) -> Option<Result<Self, ConversionError>> {
        Some(DateTime::of_instant_in(value).and_then(|time| Ok(time.try_into()?)))
    }
}
