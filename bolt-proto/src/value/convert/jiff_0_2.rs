//! `jiff` 0.2: `civil::Date`, `civil::Time`, `civil::DateTime`, `Timestamp`, `Zoned`, `SignedDuration` for durations of
//! seconds, and `Span` for spans with parts of the same sign.
//!
//! Reading a `Zoned` needs jiff's time zone database, which is a feature of jiff.

use ::jiff::civil;
use ::jiff::tz::{Offset, TimeZone};
use ::jiff::{SignedDuration, Span, Timestamp, Zoned};

use super::values;
use crate::error::{ConversionError, EncodeError};
use crate::packstream::ValueRef;
use crate::value::{
    Date, DateTime, Duration, Encoder, FromValue, LocalDateTime, LocalTime, RangeError, ToValue, UtcOffset,
    Value, ZonedDateTime,
};

const NOT_IN_JIFF: RangeError = RangeError::new("a date", "jiff's years reach from -9999 to 9999");
const BAD_SPAN: RangeError = RangeError::new(
    "a duration",
    "all parts of a `Span` have the same sign, and at most 19998 years",
);

impl TryFrom<civil::Date> for Date {
    type Error = RangeError;

    fn try_from(date: civil::Date) -> Result<Self, RangeError> {
        Self::new(date.year().into(), unsigned(date.month()), unsigned(date.day()))
    }
}

impl TryFrom<Date> for civil::Date {
    type Error = RangeError;

    fn try_from(date: Date) -> Result<Self, RangeError> {
        let year = i16::try_from(date.year()).map_err(|_| NOT_IN_JIFF)?;
        Self::new(year, signed(date.month()), signed(date.day())).map_err(|_| NOT_IN_JIFF)
    }
}

impl TryFrom<civil::Time> for LocalTime {
    type Error = RangeError;

    fn try_from(time: civil::Time) -> Result<Self, RangeError> {
        let (hour, minute, second) = (
            unsigned(time.hour()),
            unsigned(time.minute()),
            unsigned(time.second()),
        );
        Self::new(hour, minute, second, time.subsec_nanosecond().unsigned_abs())
    }
}

impl From<LocalTime> for civil::Time {
    fn from(time: LocalTime) -> Self {
        let (hour, minute, second) = (signed(time.hour()), signed(time.minute()), signed(time.second()));
        let nanosecond = i32::try_from(time.nanosecond()).unwrap_or_default();
        Self::new(hour, minute, second, nanosecond).unwrap_or_default()
    }
}

impl TryFrom<civil::DateTime> for LocalDateTime {
    type Error = RangeError;

    fn try_from(local: civil::DateTime) -> Result<Self, RangeError> {
        Ok(Self::new(local.date().try_into()?, local.time().try_into()?))
    }
}

impl TryFrom<LocalDateTime> for civil::DateTime {
    type Error = RangeError;

    fn try_from(local: LocalDateTime) -> Result<Self, RangeError> {
        Ok(Self::from_parts(local.date().try_into()?, local.time().into()))
    }
}

impl TryFrom<Offset> for UtcOffset {
    type Error = RangeError;

    fn try_from(offset: Offset) -> Result<Self, RangeError> {
        Self::from_seconds(offset.seconds())
    }
}

impl From<UtcOffset> for Offset {
    fn from(offset: UtcOffset) -> Self {
        Self::from_seconds(offset.seconds()).unwrap_or(Self::UTC)
    }
}

/// Has the offset 0.
impl TryFrom<Timestamp> for DateTime {
    type Error = RangeError;

    fn try_from(instant: Timestamp) -> Result<Self, RangeError> {
        // Before 1970 jiff's nanoseconds are negative.
        let nanos = i64::from(instant.subsec_nanosecond());
        let nanosecond = nanos.rem_euclid(1_000_000_000).unsigned_abs();
        let seconds = instant.as_second() + nanos.div_euclid(1_000_000_000);
        Self::from_unix(
            seconds,
            u32::try_from(nanosecond).unwrap_or_default(),
            UtcOffset::UTC,
        )
    }
}

impl TryFrom<DateTime> for Timestamp {
    type Error = RangeError;

    fn try_from(time: DateTime) -> Result<Self, RangeError> {
        timestamp(time.unix_seconds(), time.nanosecond())
    }
}

/// The zone must have a name; the offset is kept.
impl TryFrom<&Zoned> for ZonedDateTime {
    type Error = RangeError;

    fn try_from(zoned: &Zoned) -> Result<Self, RangeError> {
        let zone = zoned.time_zone().iana_name();
        let zone = zone.ok_or(RangeError::new(
            "a time zone",
            "it must have a name in the IANA database",
        ))?;
        Ok(Self::new(with_offset(zoned)?, zone))
    }
}

impl TryFrom<&ZonedDateTime> for Zoned {
    type Error = RangeError;

    fn try_from(time: &ZonedDateTime) -> Result<Self, RangeError> {
        let unknown = RangeError::new("a time zone", "its name must be known to jiff's database");
        let zone = TimeZone::get(time.zone()).map_err(|_| unknown)?;
        match (time.unix_seconds(), time.local()) {
            (Some(seconds), _) => Ok(timestamp(seconds, time.nanosecond())?.to_zoned(zone)),
            // Servers choose the earlier instant, and move a time in a gap to after the gap. In jiff this is
            // `compatible`.
            (None, Some(local)) => zone
                .to_ambiguous_zoned(local.try_into()?)
                .compatible()
                .map_err(|_| NOT_IN_JIFF),
            (None, None) => Err(NOT_IN_JIFF),
        }
    }
}

impl TryFrom<DateTime> for Zoned {
    type Error = RangeError;

    fn try_from(time: DateTime) -> Result<Self, RangeError> {
        Ok(Timestamp::try_from(time)?.to_zoned(TimeZone::fixed(time.offset().into())))
    }
}

impl From<SignedDuration> for Duration {
    fn from(duration: SignedDuration) -> Self {
        Self::of_seconds(duration.as_secs(), duration.subsec_nanos())
    }
}

impl TryFrom<Duration> for SignedDuration {
    type Error = RangeError;

    fn try_from(duration: Duration) -> Result<Self, RangeError> {
        let nanosecond = i64::from(duration.nanosecond());
        Self::from_secs(duration.only_seconds()?)
            .checked_add(Self::from_nanos(nanosecond))
            .ok_or(BAD_SPAN)
    }
}

impl TryFrom<Span> for Duration {
    type Error = RangeError;

    fn try_from(span: Span) -> Result<Self, RangeError> {
        let months = i64::from(span.get_years()) * 12 + i64::from(span.get_months());
        let days = i64::from(span.get_weeks()) * 7 + i64::from(span.get_days());
        // The limits of a span are large enough for all of this.
        let seconds = i64::from(span.get_hours()) * 3600 + span.get_minutes() * 60 + span.get_seconds();
        let seconds = seconds + span.get_milliseconds() / 1000 + span.get_microseconds() / 1_000_000;
        let nanos = span.get_milliseconds() % 1000 * 1_000_000 + span.get_microseconds() % 1_000_000 * 1000;
        let seconds = seconds + span.get_nanoseconds() / 1_000_000_000;
        Self::new(
            months,
            days,
            seconds,
            nanos + span.get_nanoseconds() % 1_000_000_000,
        )
    }
}

impl TryFrom<Duration> for Span {
    type Error = RangeError;

    fn try_from(duration: Duration) -> Result<Self, RangeError> {
        let (seconds, nanoseconds) = duration.with_signed_fraction();
        let signs = [duration.months(), duration.days(), seconds, nanoseconds].map(i64::signum);
        if signs.contains(&1) && signs.contains(&-1) {
            return Err(BAD_SPAN);
        }
        Self::new()
            .try_months(duration.months())
            .and_then(|span| span.try_days(duration.days()))
            .and_then(|span| span.try_seconds(seconds))
            .and_then(|span| span.try_nanoseconds(nanoseconds))
            .map_err(|_| BAD_SPAN)
    }
}

values! {
    civil::Date, Date;
    civil::Time, LocalTime;
    civil::DateTime, LocalDateTime;
    SignedDuration, Duration;
    Span, Duration;
}

impl ToValue for Timestamp {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        DateTime::try_from(*self)?.to_value(out)
    }
}

/// Reads any instant, with a zone or with an offset.
impl<'a> FromValue<'a> for Timestamp {
    fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
        match instant(value)? {
            Value::ZonedDateTime(time) => match time.unix_seconds() {
                Some(seconds) => Ok(timestamp(seconds, time.nanosecond())?),
                None => Ok(Zoned::try_from(&*time)?.timestamp()),
            },
            Value::DateTime(time) => Ok(time.try_into()?),
            other => Err(ConversionError::mismatch("a date-time", other.kind())),
        }
    }
}

/// Writes the zone, or the offset if the zone has no name.
impl ToValue for Zoned {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        match ZonedDateTime::try_from(self) {
            Ok(zoned) => zoned.to_value(out),
            Err(_) => with_offset(self)?.to_value(out),
        }
    }
}

/// Reads a value with a zone, or with only an offset.
impl<'a> FromValue<'a> for Zoned {
    fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
        match instant(value)? {
            Value::ZonedDateTime(time) => Ok(Self::try_from(&*time)?),
            Value::DateTime(time) => Ok(time.try_into()?),
            other => Err(ConversionError::mismatch("a date-time", other.kind())),
        }
    }
}

/// Only structures are read as a tree, which is small.
fn instant(value: ValueRef<'_>) -> Result<Value, ConversionError> {
    match value {
        ValueRef::Structure(_) => Value::from_value(value),
        other => Err(ConversionError::expected("a date-time", &other)),
    }
}

fn with_offset(zoned: &Zoned) -> Result<DateTime, RangeError> {
    Ok(DateTime::new(
        zoned.datetime().try_into()?,
        zoned.offset().try_into()?,
    ))
}

fn timestamp(seconds: i64, nanosecond: u32) -> Result<Timestamp, RangeError> {
    let nanosecond = i32::try_from(nanosecond).map_err(|_| NOT_IN_JIFF)?;
    Timestamp::new(seconds, nanosecond).map_err(|_| NOT_IN_JIFF)
}

/// jiff's small numbers are signed, but never negative.
const fn unsigned(number: i8) -> u8 {
    number.unsigned_abs()
}

fn signed(number: u8) -> i8 {
    i8::try_from(number).unwrap_or(i8::MAX)
}
