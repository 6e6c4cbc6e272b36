//! Whatever a server returns for a date or a time is read into the types that people use.

use ::time::OffsetDateTime;
use chrono::{FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use jiff::{Timestamp, Zoned};

use super::*;
use crate::types::{Date, DateTime, Duration, LocalDateTime, LocalTime, Time, UtcOffset, ZonedDateTime};
use crate::value::{FromValue, ToValue, Value};

/// 2024-07-01T12:00:00.5Z.
const SECONDS: i64 = 1_719_835_200;
const HALF: u32 = 500_000_000;

fn parse<T: core::str::FromStr<Err: core::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

/// All that a server returns for this instant.
fn instants() -> Vec<Value> {
    let with_offset = |seconds| {
        let offset = UtcOffset::from_seconds(seconds).unwrap();
        Value::from(DateTime::from_unix(SECONDS, HALF, offset).unwrap())
    };
    vec![
        with_offset(0),
        with_offset(7200),
        with_offset(-5400),
        // As in Amsterdam until 1937.
        with_offset(1172),
        with_offset(-1),
        ZonedDateTime::from_unix(SECONDS, HALF, "Europe/Berlin")
            .unwrap()
            .into(),
        ZonedDateTime::from_unix(SECONDS, HALF, "UTC").unwrap().into(),
        ZonedDateTime::from_unix(SECONDS, HALF, "America/St_Johns")
            .unwrap()
            .into(),
    ]
}

fn on_the_wire(value: &Value) -> Vec<u8> {
    let mut out = Output::default();
    out.one(|encoder| value.to_value(encoder)).unwrap();
    out.bytes
}

#[derive(Debug, PartialEq, Deserialize)]
struct Event<T> {
    at: T,
}

/// Reads a value by serde alone, as a field of a struct; from bytes and from a tree, which must agree.
#[track_caller]
fn by_serde<T: DeserializeOwned + PartialEq + core::fmt::Debug>(value: &Value) -> Result<T, ConversionError> {
    let map: Value = crate::map! { "at": value.clone() }.into();
    let read = decode::<Event<T>>(&on_the_wire(&map));
    let tree = map.to::<Serde<Event<T>>>();
    assert_eq!(tree.map(|Serde(event)| event), read);
    read.map(|event| event.at)
}

fn by_get<T: for<'a> FromValue<'a>>(value: &Value) -> Result<T, ConversionError> {
    T::read(&mut Reader::new(&on_the_wire(value)))
}

#[test]
fn every_instant_is_read_as_the_date_times_that_people_use() {
    let utc = chrono::DateTime::<Utc>::from_timestamp(SECONDS, HALF).unwrap();
    let timestamp = Timestamp::new(SECONDS, 500_000_000).unwrap();
    let offset = OffsetDateTime::from_unix_timestamp_nanos(timestamp.as_nanosecond()).unwrap();
    for value in instants() {
        assert_eq!(by_serde(&value), Ok(utc), "{value}");
        assert_eq!(by_get(&value), Ok(utc), "{value}");
        assert_eq!(
            by_serde::<chrono::DateTime<FixedOffset>>(&value),
            Ok(utc.fixed_offset()),
            "{value}"
        );
        assert_eq!(
            by_get::<chrono::DateTime<FixedOffset>>(&value),
            Ok(utc.fixed_offset()),
            "{value}"
        );
        assert_eq!(by_serde(&value), Ok(timestamp), "{value}");
        assert_eq!(by_get(&value), Ok(timestamp), "{value}");
        assert_eq!(by_serde(&value), Ok(offset), "{value}");
        assert_eq!(by_get(&value), Ok(offset), "{value}");
        assert_eq!(
            by_serde::<Zoned>(&value).map(|zoned| zoned.timestamp()),
            Ok(timestamp),
            "{value}"
        );
        assert_eq!(
            by_get::<Zoned>(&value).map(|zoned| zoned.timestamp()),
            Ok(timestamp),
            "{value}"
        );
        #[derive(Debug, PartialEq, Deserialize)]
        struct Rfc3339 {
            #[serde(with = "::time::serde::rfc3339")]
            at: OffsetDateTime,
        }
        let map: Value = crate::map! { "at": value.clone() }.into();
        assert_eq!(decode(&on_the_wire(&map)), Ok(Rfc3339 { at: offset }), "{value}");
    }
}

#[test]
fn an_offset_is_kept_where_the_type_has_one() {
    let value = Value::from(parse::<DateTime>("2024-07-01T14:00:00+02:00"));
    let chrono: chrono::DateTime<FixedOffset> = by_serde(&value).unwrap();
    assert_eq!(chrono.offset().local_minus_utc(), 7200);
    let time: OffsetDateTime = by_serde(&value).unwrap();
    assert_eq!(time.offset().whole_seconds(), 7200);
    let zoned: Zoned = by_serde(&value).unwrap();
    assert_eq!((zoned.offset().seconds(), zoned.hour()), (7200, 14));
    let zoned: Zoned = by_serde(
        &ZonedDateTime::from_unix(SECONDS, 0, "Europe/Berlin")
            .unwrap()
            .into(),
    )
    .unwrap();
    assert_eq!(
        (zoned.time_zone().iana_name(), zoned.hour()),
        (Some("Europe/Berlin"), 14)
    );
    // The text of a string has everything.
    let text: String = by_serde(&ZonedDateTime::from_unix(0, 0, "Europe/Berlin").unwrap().into()).unwrap();
    assert_eq!(text, "1970-01-01T00:00:00Z[Europe/Berlin]");
    // Negative parts, and a second in the offset.
    let value = Value::from(parse::<DateTime>("1969-12-31T23:59:59.25-05:30:07"));
    let time: OffsetDateTime = by_serde(&value).unwrap();
    assert_eq!(by_get(&value), Ok(time));
    assert_eq!(time.offset().as_hms(), (-5, -30, -7));
}

#[test]
fn dates_local_times_and_durations_are_read_by_each_crate() {
    let date = Value::from(parse::<Date>("2024-02-29"));
    assert_eq!(by_serde(&date), Ok(parse::<NaiveDate>("2024-02-29")));
    assert_eq!(by_serde(&date), Ok(parse::<jiff::civil::Date>("2024-02-29")));
    assert_eq!(by_serde(&date), by_get::<::time::Date>(&date));
    let time = Value::from(parse::<LocalTime>("12:34:56.789"));
    assert_eq!(by_serde(&time), Ok(parse::<NaiveTime>("12:34:56.789")));
    assert_eq!(by_serde(&time), Ok(parse::<jiff::civil::Time>("12:34:56.789")));
    assert_eq!(by_serde(&time), by_get::<::time::Time>(&time));
    let local = Value::from(parse::<LocalDateTime>("2024-12-31T12:34:56.789"));
    assert_eq!(
        by_serde(&local),
        Ok(parse::<NaiveDateTime>("2024-12-31T12:34:56.789"))
    );
    assert_eq!(
        by_serde(&local),
        Ok(parse::<jiff::civil::DateTime>("2024-12-31T12:34:56.789"))
    );
    assert_eq!(by_serde(&local), by_get::<::time::PrimitiveDateTime>(&local));
    let duration = Value::from(parse::<Duration>("PT-1.5S"));
    assert_eq!(by_serde(&duration), by_get::<::time::Duration>(&duration));
    assert_eq!(by_serde(&duration), by_get::<jiff::SignedDuration>(&duration));
    let span = |text| by_get::<Serde<jiff::Span>>(&parse::<Duration>(text).into());
    let Serde(span) = span("P-1M-2DT-1.5S").unwrap();
    assert_eq!(
        (span.get_months(), span.get_days(), span.get_milliseconds()),
        (-1, -2, -500)
    );
    assert!(by_get::<Serde<jiff::Span>>(&parse::<Duration>("P1M-1D").into()).is_err());
}

#[test]
fn where_something_would_be_lost_the_error_says_what_keeps_it() {
    for (error, kept) in [
        (
            by_serde::<NaiveTime>(&parse::<Time>("12:00:00+02:00").into()).unwrap_err(),
            "the value is a time: `types::Time` reads all of it",
        ),
        (
            by_serde::<NaiveDateTime>(&parse::<DateTime>("2024-07-01T12:00:00+02:00").into()).unwrap_err(),
            "the value is a date-time with an offset: `types::DateTime` reads all of it",
        ),
        (
            by_serde::<NaiveDate>(&parse::<LocalDateTime>("2024-07-01T12:00:00").into()).unwrap_err(),
            "the value is a local date-time: `types::LocalDateTime` reads all of it",
        ),
        (
            by_serde::<::time::Time>(&parse::<Time>("12:00:00+02:00").into()).unwrap_err(),
            "the value is a time: `types::Time` reads all of it",
        ),
        (
            by_get::<NaiveTime>(&parse::<Time>("12:00:00+02:00").into()).unwrap_err(),
            "expected a local time, found a time: `types::Time` reads all of it",
        ),
        (
            by_get::<NaiveDateTime>(&parse::<DateTime>("2024-07-01T12:00:00+02:00").into()).unwrap_err(),
            "found a date-time with an offset: `types::DateTime` reads all of it",
        ),
        (
            by_get::<TimeDelta>(&parse::<Duration>("P1M").into()).unwrap_err(),
            "months and days have no fixed length",
        ),
    ] {
        assert!(error.to_string().contains(kept), "{error}");
    }
}

#[test]
fn an_instant_that_only_a_zone_database_knows_is_refused_without_one() {
    // Servers before Neo4j 5 send the time of the local clock.
    let legacy = b"\xB3f\xCA\x63\x5D\xE1\xA8\0\xD0\x10Europe/Stockholm";
    let error = decode::<chrono::DateTime<Utc>>(legacy).unwrap_err().to_string();
    assert!(
        error.contains("`types::ZonedDateTime` reads all of it"),
        "{error}"
    );
    let error = <chrono::DateTime<Utc>>::read(&mut Reader::new(legacy))
        .unwrap_err()
        .to_string();
    assert!(error.contains("ZonedDateTime"), "{error}");
    assert!(decode::<OffsetDateTime>(legacy).is_err());
    // jiff has such a database.
    let zoned = decode::<Zoned>(legacy).unwrap();
    assert_eq!(zoned, Zoned::read(&mut Reader::new(legacy)).unwrap());
}
