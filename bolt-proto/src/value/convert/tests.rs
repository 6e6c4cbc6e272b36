use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Debug;

use crate::error::ConversionError;
use crate::packstream::Reader;
use crate::value::{
    Date, DateTime, Dialect, Duration, FromValue, LocalDateTime, LocalTime, Output, ToValue, Uuid, Value,
    ZonedDateTime,
};

fn encode(value: &impl ToValue) -> Vec<u8> {
    let mut out = Output::new(Dialect::Client);
    out.one(|encoder| value.to_value(encoder)).unwrap();
    out.bytes
}

fn decode<T: for<'a> FromValue<'a>>(value: &impl ToValue) -> Result<T, ConversionError> {
    T::read(&mut Reader::new(&encode(value)))
}

/// Checks that `theirs` is sent as `ours`, and is read back from it.
#[track_caller]
fn same<T, O>(theirs: T, ours: O)
where
    T: ToValue + for<'a> FromValue<'a> + PartialEq + Debug,
    O: ToValue + for<'a> FromValue<'a> + PartialEq + Debug,
{
    assert_eq!(decode::<O>(&theirs), Ok(ours));
    assert_eq!(decode::<T>(&theirs), Ok(theirs));
}

fn parse<T: core::str::FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

#[test]
fn durations_of_std_are_durations() {
    use core::time::Duration as StdDuration;

    same(StdDuration::new(90, 5), Duration::new(0, 0, 90, 5).unwrap());
    same(StdDuration::ZERO, Duration::default());
    same(StdDuration::from_millis(1), parse::<Duration>("PT0.001S"));
    let longest = i64::MAX.unsigned_abs();
    same(
        StdDuration::new(longest, 999_999_999),
        Duration::new(0, 0, i64::MAX, 999_999_999).unwrap(),
    );
    let query = crate::Query::new("RETURN $d").param("d", StdDuration::MAX);
    assert_eq!(
        query.check().unwrap_err().to_string(),
        r#"parameter "d": a std::time::Duration is out of range: as a value its seconds have 63 bits"#
    );
    for (text, reason) in [("PT-1S", "cannot be negative"), ("P1D", "no fixed length")] {
        let error = decode::<StdDuration>(&parse::<Duration>(text)).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[cfg(feature = "chrono-0_4")]
mod chrono_0_4 {
    use ::chrono::{FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};

    use super::*;

    #[test]
    fn chrono_types_are_dates_and_times() {
        for text in [
            "1970-01-01",
            "2024-02-29",
            "1969-12-31",
            "0001-01-01",
            "-0004-02-29",
        ] {
            same(parse::<NaiveDate>(text), parse::<Date>(text));
        }
        same(
            parse::<NaiveTime>("12:34:56.789"),
            parse::<LocalTime>("12:34:56.789"),
        );
        let text = "1969-12-31T23:59:59.5";
        same(parse::<NaiveDateTime>(text), parse::<LocalDateTime>(text));
        for text in ["1969-12-31T23:59:59.5+01:00", "2024-02-29T12:00:00-05:30"] {
            same(
                parse::<chrono::DateTime<FixedOffset>>(text),
                parse::<DateTime>(text),
            );
        }
        let text = "1969-12-31T23:59:59.5Z";
        same(parse::<chrono::DateTime<Utc>>(text), parse::<DateTime>(text));
        same(TimeDelta::milliseconds(-1500), parse::<Duration>("PT-1.5S"));
        same(
            TimeDelta::MIN,
            Duration::of_seconds(TimeDelta::MIN.num_seconds(), TimeDelta::MIN.subsec_nanos()),
        );
    }

    #[test]
    fn any_instant_is_a_utc_date_time() {
        let expected = parse::<chrono::DateTime<Utc>>("1970-01-01T00:00:00Z");
        assert_eq!(
            decode(&ZonedDateTime::from_unix(0, 0, "Europe/Paris").unwrap()),
            Ok(expected)
        );
        assert_eq!(
            decode(&parse::<DateTime>("1970-01-01T01:00:00+01:00")),
            Ok(expected)
        );
        assert!(decode::<chrono::DateTime<Utc>>(&parse::<Date>("1970-01-01")).is_err());
    }

    #[test]
    fn values_that_the_other_side_lacks_are_refused() {
        assert!(decode::<NaiveDate>(&Date::MAX).is_err() && decode::<NaiveDate>(&Date::MIN).is_err());
        assert!(decode::<TimeDelta>(&parse::<Duration>("P1D")).is_err());
        let leap = NaiveTime::from_hms_milli_opt(23, 59, 59, 1_500).unwrap();
        assert!(LocalTime::try_from(leap).is_err());
        let wide = FixedOffset::east_opt(86_399).unwrap();
        assert!(crate::value::UtcOffset::try_from(wide).is_err());
    }
}

#[cfg(feature = "time-0_3")]
mod time_0_3 {
    use ::time::{Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

    use super::*;

    #[test]
    fn time_types_are_dates_and_times() {
        let date = ::time::Date::from_calendar_date(2024, Month::February, 29).unwrap();
        same(date, parse::<Date>("2024-02-29"));
        let time = Time::from_hms_nano(23, 59, 59, 500_000_000).unwrap();
        same(time, parse::<LocalTime>("23:59:59.5"));
        let date = ::time::Date::from_calendar_date(1969, Month::December, 31).unwrap();
        let local = PrimitiveDateTime::new(date, time);
        same(local, parse::<LocalDateTime>("1969-12-31T23:59:59.5"));
        let offset = UtcOffset::from_hms(-5, -30, 0).unwrap();
        same(
            local.assume_offset(offset),
            parse::<DateTime>("1969-12-31T23:59:59.5-05:30"),
        );
        same(
            ::time::Duration::milliseconds(-1500),
            parse::<Duration>("PT-1.5S"),
        );
    }

    #[test]
    fn values_that_the_other_side_lacks_are_refused() {
        assert!(decode::<::time::Date>(&Date::MAX).is_err());
        assert!(decode::<OffsetDateTime>(&parse::<Date>("2024-02-29")).is_err());
        assert!(decode::<::time::Duration>(&parse::<Duration>("P1M")).is_err());
    }
}

#[cfg(feature = "jiff-0_2")]
mod jiff_0_2 {
    use ::jiff::civil;
    use ::jiff::{SignedDuration, Span, Timestamp, Zoned};

    use super::*;

    #[test]
    fn jiff_types_are_dates_and_times() {
        for text in ["1970-01-01", "2024-02-29", "-000004-02-29"] {
            let ours = text.replace("-000004", "-0004");
            same(parse::<civil::Date>(text), parse::<Date>(&ours));
        }
        same(
            parse::<civil::Time>("12:34:56.789"),
            parse::<LocalTime>("12:34:56.789"),
        );
        let text = "1969-12-31T23:59:59.5";
        same(parse::<civil::DateTime>(text), parse::<LocalDateTime>(text));
        let text = "1969-12-31T23:59:59.25Z";
        same(parse::<Timestamp>(text), parse::<DateTime>(text));
        same(SignedDuration::from_millis(-1500), parse::<Duration>("PT-1.5S"));
    }

    #[test]
    fn a_zoned_date_time_keeps_its_zone_and_its_offset() {
        let text = "2022-10-30T02:30:00+01:00[Europe/Stockholm]";
        let (theirs, ours) = (parse::<Zoned>(text), parse::<ZonedDateTime>(text));
        assert_eq!(ZonedDateTime::try_from(&theirs), Ok(ours.clone()));
        // The bytes do not contain the offset, but the database knows it.
        same(
            theirs,
            ZonedDateTime::from_unix(ours.unix_seconds().unwrap(), 0, ours.zone()).unwrap(),
        );
    }

    #[test]
    fn a_local_time_that_occurs_twice_means_the_earlier_instant() {
        let local = parse::<LocalDateTime>("2022-10-30T02:30:00");
        let zoned = Zoned::try_from(&ZonedDateTime::from_local(local, "Europe/Stockholm")).unwrap();
        assert_eq!(zoned.offset().seconds(), 7200);
        let skipped = parse::<LocalDateTime>("2022-03-27T02:30:00");
        let zoned = Zoned::try_from(&ZonedDateTime::from_local(skipped, "Europe/Stockholm")).unwrap();
        assert_eq!(
            LocalDateTime::try_from(zoned.datetime()),
            Ok(parse("2022-03-27T03:30:00"))
        );
    }

    #[test]
    fn an_offset_without_a_name_is_kept_as_such() {
        let text = "2022-10-30T02:30:00+01:00";
        let zoned = Zoned::try_from(parse::<DateTime>(text)).unwrap();
        assert_eq!(decode(&zoned), Ok(parse::<DateTime>(text)));
        assert_eq!(decode(&parse::<DateTime>(text)), Ok(zoned));
    }

    #[test]
    fn spans_have_one_sign() {
        let read = decode::<Span>(&parse::<Duration>("P1Y2M3W4DT5H6M7.8S")).unwrap();
        assert_eq!(decode(&read), Ok(parse::<Duration>("P14M25DT18367.8S")));
        let negative: Span = "-P1Y2M3W4DT5H6M7.8S".parse().unwrap();
        assert_eq!(decode(&negative), Ok(parse::<Duration>("P-14M-25DT-18367.8S")));
        assert!(decode::<Span>(&parse::<Duration>("P1M-1D")).is_err());
        assert!(decode::<Span>(&Duration::new(i64::MAX, 0, 0, 0).unwrap()).is_err());
    }

    #[test]
    fn values_that_the_other_side_lacks_are_refused() {
        let nowhere = ZonedDateTime::from_unix(0, 0, "Europe/Nowhere").unwrap();
        let error = decode::<Zoned>(&nowhere).unwrap_err();
        assert!(alloc::format!("{error}").contains("database"));
        assert!(decode::<civil::Date>(&Date::MAX).is_err());
    }
}

#[cfg(feature = "uuid-1")]
#[test]
fn uuids_are_uuids() {
    let text = "123e4567-e89b-12d3-a456-426614174000";
    same(parse::<::uuid::Uuid>(text), parse::<Uuid>(text));
}

#[cfg(feature = "serde_json")]
#[test]
fn json_is_sent_as_it_is_and_reads_everything_that_has_a_form() {
    use ::serde_json::json;

    let value = json!({"a": [1, 2.5, null, true], "b": {"c": "d"}});
    assert_eq!(decode(&value), Ok(value));
    assert!(
        Output::default()
            .one(|encoder| json!(u64::MAX).to_value(encoder))
            .is_err()
    );
    let date: Value = parse::<Date>("2024-02-29").into();
    assert_eq!(decode::<::serde_json::Value>(&date), Ok(json!("2024-02-29")));
    assert_eq!(decode::<::serde_json::Value>(&[1_u8, 255]), Ok(json!([1, 255])));
    let text: String = decode(&json!("x")).unwrap();
    assert_eq!(text, "x");
}
