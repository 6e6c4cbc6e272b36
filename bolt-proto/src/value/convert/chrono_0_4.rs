//! `chrono` 0.4: `NaiveDate`, `NaiveTime`, `NaiveDateTime`, `DateTime<Utc>`, `DateTime<FixedOffset>`, and `TimeDelta` for
//! durations of seconds.
//!
//! A `DateTime` in a named zone has no conversion: send its instant and offset (`.fixed_offset()`), or its
//! zone as well (a [`ZonedDateTime`]).

use ::chrono::{
    self, Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Timelike,
    Utc,
};

use super::values;
use crate::error::{ConversionError, EncodeError};
use crate::packstream::ValueRef;
use crate::value::{
    Date, DateTime, Duration, Encoder, FromValue, LocalDateTime, LocalTime, RangeError, ToValue, UtcOffset,
    Value, ZonedDateTime,
};

/// Days from the first of January of year 1, which chrono calls day 1, to 1970-01-01.
const DAYS_BEFORE_EPOCH: i64 = 719_163;

const LEAP_SECOND: RangeError = RangeError::new("a time", "servers do not support leap seconds");
const NOT_IN_CHRONO: RangeError = RangeError::new("a date", "chrono's years reach from -262143 to 262142");

impl From<NaiveDate> for Date {
    fn from(date: NaiveDate) -> Self {
        Self::within(i64::from(date.num_days_from_ce()) - DAYS_BEFORE_EPOCH)
    }
}

impl TryFrom<Date> for NaiveDate {
    type Error = RangeError;

    fn try_from(date: Date) -> Result<Self, RangeError> {
        let days = i32::try_from(date.days() + DAYS_BEFORE_EPOCH).ok();
        days.and_then(Self::from_num_days_from_ce_opt)
            .ok_or(NOT_IN_CHRONO)
    }
}

impl TryFrom<NaiveTime> for LocalTime {
    type Error = RangeError;

    fn try_from(time: NaiveTime) -> Result<Self, RangeError> {
        let nanos = u64::from(time.num_seconds_from_midnight()) * 1_000_000_000;
        if time.nanosecond() > 999_999_999 {
            return Err(LEAP_SECOND);
        }
        Self::from_nanos(nanos + u64::from(time.nanosecond()))
    }
}

impl From<LocalTime> for NaiveTime {
    fn from(time: LocalTime) -> Self {
        let (hour, minute, second) = (time.hour(), time.minute(), time.second());
        Self::from_hms_nano_opt(hour.into(), minute.into(), second.into(), time.nanosecond())
            .unwrap_or_default()
    }
}

impl TryFrom<NaiveDateTime> for LocalDateTime {
    type Error = RangeError;

    fn try_from(local: NaiveDateTime) -> Result<Self, RangeError> {
        Ok(Self::new(local.date().into(), local.time().try_into()?))
    }
}

impl TryFrom<LocalDateTime> for NaiveDateTime {
    type Error = RangeError;

    fn try_from(local: LocalDateTime) -> Result<Self, RangeError> {
        Ok(Self::new(local.date().try_into()?, local.time().into()))
    }
}

impl TryFrom<FixedOffset> for UtcOffset {
    type Error = RangeError;

    fn try_from(offset: FixedOffset) -> Result<Self, RangeError> {
        Self::from_seconds(offset.local_minus_utc())
    }
}

impl From<UtcOffset> for FixedOffset {
    fn from(offset: UtcOffset) -> Self {
        Self::east_opt(offset.seconds()).unwrap_or_else(|| Utc.fix())
    }
}

impl TryFrom<chrono::DateTime<FixedOffset>> for DateTime {
    type Error = RangeError;

    fn try_from(time: chrono::DateTime<FixedOffset>) -> Result<Self, RangeError> {
        Ok(Self::new(
            time.naive_local().try_into()?,
            (*time.offset()).try_into()?,
        ))
    }
}

impl TryFrom<chrono::DateTime<Utc>> for DateTime {
    type Error = RangeError;

    fn try_from(time: chrono::DateTime<Utc>) -> Result<Self, RangeError> {
        Ok(Self::new(time.naive_utc().try_into()?, UtcOffset::UTC))
    }
}

impl TryFrom<DateTime> for chrono::DateTime<FixedOffset> {
    type Error = RangeError;

    fn try_from(time: DateTime) -> Result<Self, RangeError> {
        let utc = chrono::DateTime::<Utc>::try_from(time)?;
        Ok(FixedOffset::from(time.offset()).from_utc_datetime(&utc.naive_utc()))
    }
}

impl TryFrom<DateTime> for chrono::DateTime<Utc> {
    type Error = RangeError;

    fn try_from(time: DateTime) -> Result<Self, RangeError> {
        Self::from_timestamp(time.unix_seconds(), time.nanosecond()).ok_or(NOT_IN_CHRONO)
    }
}

impl TryFrom<&ZonedDateTime> for chrono::DateTime<Utc> {
    type Error = RangeError;

    fn try_from(time: &ZonedDateTime) -> Result<Self, RangeError> {
        DateTime::try_from(time)?.try_into()
    }
}

impl From<TimeDelta> for Duration {
    fn from(delta: TimeDelta) -> Self {
        Self::of_seconds(delta.num_seconds(), delta.subsec_nanos())
    }
}

impl TryFrom<Duration> for TimeDelta {
    type Error = RangeError;

    fn try_from(duration: Duration) -> Result<Self, RangeError> {
        Self::new(duration.only_seconds()?, duration.nanosecond()).ok_or(RangeError::new(
            "a duration",
            "chrono's are shorter than 292277025 years",
        ))
    }
}

values! {
    NaiveDate, Date;
    NaiveTime, LocalTime;
    NaiveDateTime, LocalDateTime;
    TimeDelta, Duration;
}

impl ToValue for chrono::DateTime<Utc> {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        DateTime::try_from(*self)?.to_value(out)
    }
}

impl ToValue for chrono::DateTime<FixedOffset> {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        DateTime::try_from(*self)?.to_value(out)
    }
}

/// Reads any instant, with a zone or with an offset.
impl<'a> FromValue<'a> for chrono::DateTime<Utc> {
    fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
        Ok(DateTime::of_instant(value)?.try_into()?)
    }

    fn from_tree(value: &Value) -> Option<Result<Self, ConversionError>> {
        Some(DateTime::of_instant_in(value).and_then(|time| Ok(time.try_into()?)))
    }
}

/// Reads any instant. The offset is 0 if the value has only the name of a zone.
impl<'a> FromValue<'a> for chrono::DateTime<FixedOffset> {
    fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
        Ok(DateTime::of_instant(value)?.try_into()?)
    }

    fn from_tree(value: &Value) -> Option<Result<Self, ConversionError>> {
        Some(DateTime::of_instant_in(value).and_then(|time| Ok(time.try_into()?)))
    }
}
