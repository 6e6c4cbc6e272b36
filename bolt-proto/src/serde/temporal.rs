//! Dates, times and durations for types of other crates, which read them by serde from texts or from numbers.
//!
//! Serde does not say which type is being read. What the type says about itself in error messages does: chrono, time
//! and jiff differ in how much of a date-time they can take.

use alloc::string::{String, ToString};
use core::fmt::{self, Write};

use ::serde::de::value::SeqDeserializer;
use ::serde::de::{Expected, Visitor};

use crate::error::ConversionError;
use crate::value::{Date, DateTime, Duration, LocalDateTime, LocalTime, UtcOffset, Value, tag};

/// The form in which a type reads a date or a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// The text of ISO 8601, with the zone of RFC 9557.
    Text,
    /// The text of RFC 3339, which has neither zones nor offsets with seconds: chrono's `DateTime`, time's `rfc3339`,
    /// jiff's `Timestamp`.
    Instant,
    /// A text with a zone in any case: jiff's `Zoned`.
    Zoned,
    /// The text of a duration with one sign for all parts: jiff's `Span` and `SignedDuration`.
    Signed,
    /// The numbers of a type of `time`, by its name.
    Parts(TimeType),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TimeType {
    Date,
    Time,
    PrimitiveDateTime,
    OffsetDateTime,
    Duration,
}

impl Wanted {
    fn of<'de, V: Visitor<'de>>(visitor: &V) -> Self {
        let mut name = Beginning::default();
        // What does not fit is cut off.
        let _ = write!(name, "{}", visitor as &dyn Expected);
        match name.text() {
            "a `Date`" => Self::Parts(TimeType::Date),
            "a `Time`" => Self::Parts(TimeType::Time),
            "a `PrimitiveDateTime`" => Self::Parts(TimeType::PrimitiveDateTime),
            "an `OffsetDateTime`" => Self::Parts(TimeType::OffsetDateTime),
            "a `Duration`" => Self::Parts(TimeType::Duration),
            "a zoned datetime string" => Self::Zoned,
            "a timestamp string" => Self::Instant,
            "a span duration string" | "a signed duration string" => Self::Signed,
            text if text.contains("RFC 3339") || text.contains("RFC3339") => Self::Instant,
            _ => Self::Text,
        }
    }
}

/// Passes a date, a time, a duration or a UUID to a visitor that reads texts.
pub(super) fn visit<'de, V: Visitor<'de>>(value: &Value, visitor: V) -> Result<V::Value, ConversionError> {
    let text = match (value, Wanted::of(&visitor)) {
        (_, Wanted::Parts(wanted)) => return parts(value, wanted, visitor),
        (_, Wanted::Instant) => instant(value)?,
        (Value::DateTime(time), Wanted::Zoned) => Some(zoned(*time)),
        (Value::Duration(duration), Wanted::Signed) => signed(**duration),
        _ => None,
    };
    visitor
        .visit_string(text.unwrap_or_else(|| value.to_string()))
        .map_err(|error| explained(error, value))
}

/// Passes a date, a time or a duration to a visitor that reads lists.
pub(super) fn visit_parts<'de, V: Visitor<'de>>(
    value: &Value,
    visitor: V,
) -> Result<V::Value, ConversionError> {
    match Wanted::of(&visitor) {
        Wanted::Parts(wanted) => parts(value, wanted, visitor),
        _ => Err(ConversionError::mismatch("a list", value.kind())),
    }
}

/// Returns the text of a date-time in the form of RFC 3339. The offset is kept if that form has it.
fn instant(value: &Value) -> Result<Option<String>, ConversionError> {
    let time = match value {
        Value::DateTime(time) => *time,
        Value::ZonedDateTime(time) => {
            DateTime::try_from(&**time).map_err(|error| explained(error.into(), value))?
        }
        _ => return Ok(None),
    };
    if time.offset().seconds() % 60 == 0 {
        return Ok(Some(time.to_string()));
    }
    let utc = DateTime::from_unix(time.unix_seconds(), time.nanosecond(), UtcOffset::UTC)?;
    Ok(Some(utc.to_string()))
}

/// Returns the text of a date-time with its offset as the zone.
fn zoned(time: DateTime) -> String {
    match time.offset() {
        UtcOffset::UTC => alloc::format!("{}+00:00[UTC]", time.local()),
        offset if offset.seconds() % 60 == 0 => alloc::format!("{time}[{offset}]"),
        // A zone has no seconds in its name.
        _ => DateTime::from_unix(time.unix_seconds(), time.nanosecond(), UtcOffset::UTC).map_or_else(
            |_| time.to_string(),
            |utc| alloc::format!("{}+00:00[UTC]", utc.local()),
        ),
    }
}

/// Returns the text of a negative duration as one with a sign in front.
fn signed(duration: Duration) -> Option<String> {
    let (seconds, nanoseconds) = duration.with_signed_fraction();
    let parts = [duration.months(), duration.days(), seconds, nanoseconds];
    if parts.iter().any(|&part| part > 0) || parts == [0; 4] {
        return None;
    }
    let [months, days, seconds, nanoseconds] = parts.map(i64::checked_neg);
    let positive = Duration::new(months?, days?, seconds?, nanoseconds?).ok()?;
    Some(alloc::format!("-{positive}"))
}

/// Passes the numbers that a type of `time` consists of.
fn parts<'de, V: Visitor<'de>>(
    value: &Value,
    wanted: TimeType,
    visitor: V,
) -> Result<V::Value, ConversionError> {
    match (value, wanted) {
        (Value::Date(date), TimeType::Date) => visit_numbers(day(*date), visitor),
        (Value::LocalTime(time), TimeType::Time) => visit_numbers(clock(*time), visitor),
        (Value::LocalDateTime(local), TimeType::PrimitiveDateTime) => {
            visit_numbers(date_and_clock(*local), visitor)
        }
        (Value::DateTime(time), TimeType::OffsetDateTime) => visit_numbers(with_offset(*time), visitor),
        (Value::ZonedDateTime(time), TimeType::OffsetDateTime) => {
            let time = DateTime::try_from(&**time).map_err(|error| explained(error.into(), value))?;
            visit_numbers(with_offset(time), visitor)
        }
        (Value::Duration(duration), TimeType::Duration) => {
            duration.only_seconds()?;
            visit_numbers(<[i64; 2]>::from(duration.with_signed_fraction()), visitor)
        }
        _ => Err(explained(
            ConversionError::mismatch("another type", value.kind()),
            value,
        )),
    }
}

fn visit_numbers<'de, V: Visitor<'de>, const N: usize>(
    numbers: [i64; N],
    visitor: V,
) -> Result<V::Value, ConversionError> {
    visitor.visit_seq(SeqDeserializer::<_, ConversionError>::new(numbers.into_iter()))
}

fn day(date: Date) -> [i64; 2] {
    [date.year().into(), date.day_of_year().into()]
}

fn clock(time: LocalTime) -> [i64; 4] {
    [
        time.hour().into(),
        time.minute().into(),
        time.second().into(),
        time.nanosecond().into(),
    ]
}

fn date_and_clock(local: LocalDateTime) -> [i64; 6] {
    let ([year, day], [hour, minute, second, nanosecond]) = (day(local.date()), clock(local.time()));
    [year, day, hour, minute, second, nanosecond]
}

fn with_offset(time: DateTime) -> [i64; 9] {
    let [year, day, hour, minute, second, nanosecond] = date_and_clock(time.local());
    let offset = i64::from(time.offset().seconds());
    // The parts have the same sign, which is that of the remainder.
    let [hours, minutes, seconds] = [3600, 60, 1].map(|unit: i64| {
        let within = if unit == 3600 {
            offset
        } else {
            offset.checked_rem(unit.saturating_mul(60)).unwrap_or(0)
        };
        within.checked_div(unit).unwrap_or(0)
    });
    [
        year, day, hour, minute, second, nanosecond, hours, minutes, seconds,
    ]
}

/// Adds to the message of another crate which value it was, and what reads that value.
#[cold]
fn explained(error: ConversionError, value: &Value) -> ConversionError {
    error.explained(alloc::format!("the value is {}", tag::whole(value.kind())))
}

/// The beginning of a text.
struct Beginning {
    bytes: [u8; 64],
    len: usize,
}

impl Default for Beginning {
    fn default() -> Self {
        Self {
            bytes: [0; 64],
            len: 0,
        }
    }
}

impl Beginning {
    fn text(&self) -> &str {
        let bytes = self.bytes.get(..self.len).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl Write for Beginning {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let space = self.bytes.get_mut(self.len..).unwrap_or_default();
        let (Some(space), text) = (space.get_mut(..text.len()), text.as_bytes()) else {
            return Err(fmt::Error);
        };
        space.copy_from_slice(text);
        self.len = self.len.saturating_add(text.len());
        Ok(())
    }
}
