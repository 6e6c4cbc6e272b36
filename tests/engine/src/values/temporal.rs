//! Dates, times and durations.
//!
//! Bolt counts from the epoch and from midnight. The engine keeps `chrono`'s types in wrappers that other crates cannot
//! name: their contents can be read, but they can only be constructed from their serialized form.

use boltr::types::{
    BoltDate, BoltDateTime, BoltDateTimeZoneId, BoltDuration, BoltLocalDateTime, BoltLocalTime, BoltTime,
    BoltValue,
};
use chrono::{
    DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone,
    Timelike,
};
use chrono_tz::Tz;
use graphdblite::Value;
use serde_json::{Map, json};

use super::Unsupported;

const DAY: i64 = 86_400;
const SECOND: i64 = 1_000_000_000;

const OUT_OF_RANGE: Unsupported = Unsupported("the date or time is out of range");
const UNKNOWN_ZONE: Unsupported = Unsupported("it does not know the time zone");

pub(super) fn date(date: &BoltDate) -> Result<Value, Unsupported> {
    let seconds = date.days.checked_mul(DAY).ok_or(OUT_OF_RANGE)?;
    make("Date", date_fields(instant(seconds, 0)?.date()))
}

pub(super) fn local_time(time: &BoltLocalTime) -> Result<Value, Unsupported> {
    make("LocalTime", time_fields(time_of_day(time.nanoseconds)?))
}

pub(super) fn time(time: &BoltTime) -> Result<Value, Unsupported> {
    let mut fields = time_fields(time_of_day(time.nanoseconds)?);
    fields.insert("offset_seconds".to_owned(), json!(time.tz_offset_seconds));
    make("Time", fields)
}

pub(super) fn local_date_time(time: &BoltLocalDateTime) -> Result<Value, Unsupported> {
    make(
        "LocalDateTime",
        date_time_fields(instant(time.seconds, time.nanoseconds)?),
    )
}

pub(super) fn date_time(time: &BoltDateTime) -> Result<Value, Unsupported> {
    let utc = instant(time.seconds, time.nanoseconds)?;
    let offset = TimeDelta::try_seconds(time.tz_offset_seconds).ok_or(OUT_OF_RANGE)?;
    let mut fields = date_time_fields(utc.checked_add_signed(offset).ok_or(OUT_OF_RANGE)?);
    fields.insert("offset_seconds".to_owned(), json!(time.tz_offset_seconds));
    make("DateTime", fields)
}

pub(super) fn date_time_zone_id(time: &BoltDateTimeZoneId) -> Result<Value, Unsupported> {
    let zone: Tz = time.tz_id.parse().map_err(|_| UNKNOWN_ZONE)?;
    let utc = instant(time.seconds, time.nanoseconds)?;
    let offset = zone.offset_from_utc_datetime(&utc).fix();
    let mut fields = date_time_fields(utc.checked_add_offset(offset).ok_or(OUT_OF_RANGE)?);
    fields.insert("offset_seconds".to_owned(), json!(offset.local_minus_utc()));
    fields.insert("tz_name".to_owned(), json!(time.tz_id));
    make("DateTime", fields)
}

pub(super) fn duration(length: &BoltDuration) -> Result<Value, Unsupported> {
    let fields = json!({"Duration": {
        "months": length.months,
        "days": length.days,
        "seconds": length.seconds,
        "nanos": length.nanoseconds,
    }});
    serde_json::from_value(fields).map_err(|_| OUT_OF_RANGE)
}

pub(super) fn from_date(date: NaiveDate) -> BoltValue {
    BoltValue::Date(BoltDate {
        days: seconds_of(date.and_time(NaiveTime::MIN)).div_euclid(DAY),
    })
}

pub(super) fn from_local_time(time: NaiveTime) -> BoltValue {
    BoltValue::LocalTime(BoltLocalTime {
        nanoseconds: nanoseconds_of(time),
    })
}

pub(super) fn from_time(time: NaiveTime, offset: FixedOffset) -> BoltValue {
    BoltValue::Time(BoltTime {
        nanoseconds: nanoseconds_of(time),
        tz_offset_seconds: i64::from(offset.local_minus_utc()),
    })
}

pub(super) fn from_local_date_time(time: NaiveDateTime) -> BoltValue {
    BoltValue::LocalDateTime(BoltLocalDateTime {
        seconds: seconds_of(time),
        nanoseconds: i64::from(time.nanosecond()),
    })
}

pub(super) fn from_date_time(time: NaiveDateTime, offset: FixedOffset, zone: Option<&str>) -> BoltValue {
    let tz_offset_seconds = i64::from(offset.local_minus_utc());
    let seconds = seconds_of(time) - tz_offset_seconds;
    let nanoseconds = i64::from(time.nanosecond());
    match zone {
        Some(zone) => BoltValue::DateTimeZoneId(BoltDateTimeZoneId {
            seconds,
            nanoseconds,
            tz_id: zone.to_owned(),
        }),
        None => BoltValue::DateTime(BoltDateTime {
            seconds,
            nanoseconds,
            tz_offset_seconds,
        }),
    }
}

/// Bolt's nanoseconds are those of the second; the engine's have their own sign.
pub(super) fn from_duration(
    months: i64,
    days: i64,
    seconds: i64,
    nanos: i64,
) -> Result<BoltValue, Unsupported> {
    let seconds = seconds
        .checked_add(nanos.div_euclid(SECOND))
        .ok_or(OUT_OF_RANGE)?;
    Ok(BoltValue::Duration(BoltDuration {
        months,
        days,
        seconds,
        nanoseconds: nanos.rem_euclid(SECOND),
    }))
}

type Fields = Map<String, serde_json::Value>;

/// Constructs a value of the engine from its serialized form.
fn make(variant: &str, fields: Fields) -> Result<Value, Unsupported> {
    serde_json::from_value(json!({ variant: fields })).map_err(|_| OUT_OF_RANGE)
}

fn date_time_fields(time: NaiveDateTime) -> Fields {
    let mut fields = date_fields(time.date());
    fields.extend(time_fields(time.time()));
    fields
}

fn date_fields(date: NaiveDate) -> Fields {
    Fields::from_iter([
        ("year".to_owned(), json!(date.year())),
        ("month".to_owned(), json!(date.month())),
        ("day".to_owned(), json!(date.day())),
    ])
}

fn time_fields(time: NaiveTime) -> Fields {
    Fields::from_iter([
        ("hour".to_owned(), json!(time.hour())),
        ("minute".to_owned(), json!(time.minute())),
        ("second".to_owned(), json!(time.second())),
        ("nanosecond".to_owned(), json!(time.nanosecond())),
    ])
}

fn instant(seconds: i64, nanoseconds: i64) -> Result<NaiveDateTime, Unsupported> {
    let nanoseconds = u32::try_from(nanoseconds).map_err(|_| OUT_OF_RANGE)?;
    let instant = DateTime::from_timestamp(seconds, nanoseconds).ok_or(OUT_OF_RANGE)?;
    Ok(instant.naive_utc())
}

fn time_of_day(nanoseconds: i64) -> Result<NaiveTime, Unsupported> {
    let seconds = u32::try_from(nanoseconds.div_euclid(SECOND)).map_err(|_| OUT_OF_RANGE)?;
    let rest = u32::try_from(nanoseconds.rem_euclid(SECOND)).map_err(|_| OUT_OF_RANGE)?;
    NaiveTime::from_num_seconds_from_midnight_opt(seconds, rest).ok_or(OUT_OF_RANGE)
}

fn seconds_of(time: NaiveDateTime) -> i64 {
    time.and_utc().timestamp()
}

fn nanoseconds_of(time: NaiveTime) -> i64 {
    i64::from(time.num_seconds_from_midnight()) * SECOND + i64::from(time.nanosecond())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::{to_bolt, to_engine};

    #[test]
    fn temporal_values_come_back_unchanged() {
        let values = [
            BoltValue::Date(BoltDate { days: -1 }),
            BoltValue::LocalTime(BoltLocalTime {
                nanoseconds: DAY * SECOND - 1,
            }),
            BoltValue::Time(BoltTime {
                nanoseconds: 1,
                tz_offset_seconds: -3_601,
            }),
            BoltValue::LocalDateTime(BoltLocalDateTime {
                seconds: -1,
                nanoseconds: 999_999_999,
            }),
            BoltValue::DateTime(BoltDateTime {
                seconds: 0,
                nanoseconds: 7,
                tz_offset_seconds: 64_800,
            }),
            // In the hour that a clock repeated: only the instant is unambiguous.
            zoned(1_698_537_600),
            zoned(1_698_541_200),
            BoltValue::Duration(BoltDuration {
                months: -1,
                days: 2,
                seconds: -4,
                nanoseconds: 500_000_000,
            }),
        ];
        for value in values {
            let there = to_engine(&value).expect("the engine has it");
            assert_eq!(to_bolt(&there).expect("it fits"), value);
        }
    }

    #[test]
    fn a_negative_fraction_of_a_duration_counts_from_the_second_before() {
        let half_a_second_less = from_duration(0, 0, -3, -500_000_000).expect("it fits");
        let BoltValue::Duration(length) = half_a_second_less else {
            panic!("not a duration");
        };
        assert_eq!((length.seconds, length.nanoseconds), (-4, 500_000_000));
    }

    #[test]
    fn values_out_of_the_engines_range_are_refused() {
        let values = [
            BoltValue::Date(BoltDate { days: i64::MAX }),
            BoltValue::LocalTime(BoltLocalTime {
                nanoseconds: DAY * SECOND,
            }),
            BoltValue::LocalTime(BoltLocalTime { nanoseconds: -1 }),
            BoltValue::DateTime(BoltDateTime {
                seconds: 0,
                nanoseconds: 0,
                tz_offset_seconds: DAY,
            }),
            BoltValue::DateTimeZoneId(BoltDateTimeZoneId {
                seconds: 0,
                nanoseconds: 0,
                tz_id: "Europe/Nowhere".to_owned(),
            }),
        ];
        for value in values {
            assert!(to_engine(&value).is_err(), "{value}");
        }
    }

    fn zoned(seconds: i64) -> BoltValue {
        BoltValue::DateTimeZoneId(BoltDateTimeZoneId {
            seconds,
            nanoseconds: 0,
            tz_id: "Europe/Stockholm".to_owned(),
        })
    }
}
