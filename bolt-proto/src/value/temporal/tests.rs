use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use std::collections::HashSet;

use super::*;
use crate::packstream::Reader;
use crate::value::{FromValue, Value};

#[test]
fn years_of_nine_digits_are_dates_and_those_of_ten_are_not() {
    assert_eq!(Date::new(999_999_999, 12, 31), Ok(Date::MAX));
    assert_eq!(Date::new(-999_999_999, 1, 1), Ok(Date::MIN));
    assert!(Date::from_days(Date::MAX.days() + 1).is_err() && Date::from_days(Date::MIN.days() - 1).is_err());
    assert!(Date::new(1_000_000_000, 1, 1).is_err() && Date::from_days(i64::MIN).is_err());
    assert_eq!(Date::MAX.to_string(), "+999999999-12-31");
    assert_eq!(Date::MIN.to_string(), "-999999999-01-01");
}

#[test]
fn days_that_do_not_exist_are_refused() {
    for (year, month, day) in [
        (2023, 2, 29),
        (1900, 2, 29),
        (2024, 4, 31),
        (2024, 0, 1),
        (2024, 13, 1),
        (2024, 1, 0),
    ] {
        assert!(Date::new(year, month, day).is_err(), "{year}-{month}-{day}");
    }
    assert!(Date::new(2000, 2, 29).is_ok() && Date::new(-400, 2, 29).is_ok());
    assert_eq!(
        Date::new(2023, 2, 29).unwrap_err().to_string(),
        "a day is out of range: 1 to the length of its month"
    );
}

#[test]
fn parts_of_times_are_checked() {
    assert!(LocalTime::new(24, 0, 0, 0).is_err() && LocalTime::new(0, 60, 0, 0).is_err());
    assert!(LocalTime::new(0, 0, 60, 0).is_err() && LocalTime::new(0, 0, 0, 1_000_000_000).is_err());
    assert!(LocalTime::from_nanos(LocalTime::MAX.nanos() + 1).is_err());
    assert!(UtcOffset::from_seconds(64_801).is_err() && UtcOffset::from_seconds(i32::MIN).is_err());
    assert!(Duration::new(0, 0, i64::MAX, 1_000_000_000).is_err());
    assert!(ZonedDateTime::from_unix(i64::MAX, 0, "UTC").is_err());
    assert!(DateTime::from_unix(i64::MAX, 0, UtcOffset::MAX).is_err());
}

#[test]
fn a_date_time_knows_its_instant_and_its_local_clock() {
    let time: DateTime = "1969-12-31T23:30:00.5-01:00".parse().unwrap();
    assert_eq!(
        (time.unix_seconds(), time.nanosecond(), time.offset().seconds()),
        (1800, 500_000_000, -3600)
    );
    assert_eq!(time.local().to_string(), "1969-12-31T23:30:00.5");
    let later = DateTime::from_unix(1801, 0, UtcOffset::MIN).unwrap();
    assert!(later > time);
}

#[test]
fn a_date_time_with_a_zone_knows_what_it_was_made_of() {
    let instant = ZonedDateTime::from_unix(0, 0, "Europe/Paris").unwrap();
    assert_eq!(
        (instant.unix_seconds(), instant.offset(), instant.local()),
        (Some(0), None, None)
    );
    assert_eq!(instant.to_string(), "1970-01-01T00:00:00Z[Europe/Paris]");
    let local = ZonedDateTime::from_local(LocalDateTime::default(), "Europe/Paris");
    assert_eq!((local.unix_seconds(), local.offset()), (None, None));
    assert_eq!(local.local(), Some(LocalDateTime::default()));
    assert_eq!(local.to_string(), "1970-01-01T00:00:00[Europe/Paris]");
    let hour = UtcOffset::from_seconds(3600).unwrap();
    assert_eq!(
        local.with_offset(hour).to_string(),
        "1970-01-01T00:00:00+01:00[Europe/Paris]"
    );
    assert_eq!(
        instant.with_offset(hour).to_string(),
        "1970-01-01T01:00:00+01:00[Europe/Paris]"
    );
}

#[test]
fn durations_carry_nanoseconds_and_print_signs() {
    for ((months, days, seconds, nanos), text) in [
        ((0, 0, 0, 0), "PT0S"),
        ((14, 3, 4, 5), "P14M3DT4.000000005S"),
        ((0, 0, -1, -500_000_000), "PT-1.5S"),
        ((0, 0, 0, -500_000_000), "PT-0.5S"),
        ((-1, 2, 0, 0), "P-1M2D"),
        ((0, 0, 1, 1_500_000_000), "PT2.5S"),
        ((0, 0, i64::MIN, 1), "PT-9223372036854775807.999999999S"),
    ] {
        let duration = Duration::new(months, days, seconds, nanos).unwrap();
        assert_eq!(
            (duration.to_string().as_str(), text.parse()),
            (text, Ok(duration))
        );
    }
    let parts: Duration = "P1Y2M3W4DT5H6M7.8S".parse().unwrap();
    assert_eq!(parts, Duration::new(14, 25, 18_367, 800_000_000).unwrap());
}

#[test]
fn a_duration_comes_back_in_the_form_in_which_it_came() {
    let mut forms = Vec::new();
    // −1.5 s as −1 s − 500 000 000 ns, as −2 s + 500 000 000 ns, and as −1 500 000 000 ns.
    for bytes in [
        &b"\xB4E\0\0\xFF\xCA\xE2\x32\x9B\x00"[..],
        b"\xB4E\0\0\xFE\xCA\x1D\xCD\x65\x00",
        b"\xB4E\0\0\0\xCA\xA6\x97\xD1\x00",
    ] {
        let duration = Duration::read(&mut Reader::new(bytes)).unwrap();
        assert_eq!(encode(duration), bytes);
        assert_eq!(encode(Value::from(duration).to::<Duration>().unwrap()), bytes);
        assert_eq!((duration.seconds(), duration.nanosecond()), (-2, 500_000_000));
        assert_eq!(duration.to_string(), "PT-1.5S");
        forms.push(duration);
    }
    let made = Duration::new(0, 0, -1, -500_000_000).unwrap();
    assert!(forms.iter().all(|form| *form == made));
    assert_eq!(forms.into_iter().collect::<HashSet<_>>().len(), 1);
    // A second too many.
    let bytes = b"\xB4E\0\0\xCB\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xCA\x3B\x9A\xCA\x00";
    assert!(Duration::read(&mut Reader::new(bytes)).is_err());
}

fn encode(duration: Duration) -> Vec<u8> {
    crate::Query::new("").param("", duration).parameters().bytes[1..].to_vec()
}

#[test]
fn texts_in_another_form_are_refused() {
    for text in [
        "",
        "2024-2-29",
        "24-02-29",
        "12024-01-01",
        "2024-02-30",
        "2024-02-29T",
        "+24-01-01",
        "2024-02-29x",
    ] {
        assert!(text.parse::<Date>().is_err(), "{text}");
    }
    for text in [
        "1:00",
        "12",
        "12:60",
        "12:00:00.",
        "12:00:00.1234567890",
        "12:00:00Z",
    ] {
        assert!(text.parse::<LocalTime>().is_err(), "{text}");
    }
    for text in ["12:00", "12:00+19:00", "12:00+01:60", "12:00+1"] {
        assert!(text.parse::<Time>().is_err(), "{text}");
    }
    for text in [
        "2024-01-01T00:00[Europe/Paris",
        "2024-01-01T00:00+01:00",
        "2024-01-01T00:00Europe/Paris",
        // It would be shown as another name.
        "2024-01-01T00:00Z[Europe\0Paris]",
        "2024-01-01T00:00+01:00[Europe\u{202e}Paris]",
    ] {
        assert!(text.parse::<ZonedDateTime>().is_err(), "{text}");
    }
    for text in [
        "P",
        "PT",
        "P1",
        "P1DT",
        "1D",
        "P1D1M",
        "PT1S1M",
        "PT99999999999999999999S",
        "P9223372036854775807Y",
    ] {
        assert!(text.parse::<Duration>().is_err(), "{text}");
    }
}

#[test]
fn short_texts_are_read() {
    assert_eq!(
        "12:34".parse(),
        LocalTime::new(12, 34, 0, 0).map_err(ParseError::from)
    );
    assert_eq!("12:34+01".parse::<Time>().unwrap().offset().seconds(), 3600);
    assert_eq!(
        format!("{:?}", "12:34-00:00:01".parse::<Time>().unwrap()),
        "12:34:00-00:00:01"
    );
}
