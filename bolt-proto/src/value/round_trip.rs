//! P7: decoding an encoded value gives the same value, for every kind of value.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use proptest::collection::vec as vec_of;
use proptest::prelude::*;

use super::*;
use crate::packstream::{Reader, skip};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[a-z]{0,12}", 1 => ".{0,20}", 1 => "[x]{250,260}"]
}

fn date() -> impl Strategy<Value = Date> {
    prop_oneof![
        -1_000_000..1_000_000_i64,
        Date::MIN.days()..=Date::MAX.days(),
        Just(Date::MIN.days()),
        Just(Date::MAX.days()),
    ]
    .prop_map(|days| Date::from_days(days).unwrap())
}

fn local_time() -> impl Strategy<Value = LocalTime> {
    (0..=LocalTime::MAX.nanos()).prop_map(|nanos| LocalTime::from_nanos(nanos).unwrap())
}

fn offset() -> impl Strategy<Value = UtcOffset> {
    (UtcOffset::MIN.seconds()..=UtcOffset::MAX.seconds())
        .prop_map(|seconds| UtcOffset::from_seconds(seconds).unwrap())
}

fn local_date_time() -> impl Strategy<Value = LocalDateTime> {
    (date(), local_time()).prop_map(|(date, time)| LocalDateTime::new(date, time))
}

fn date_time() -> impl Strategy<Value = DateTime> {
    (local_date_time(), offset()).prop_map(|(local, offset)| DateTime::new(local, offset))
}

/// The forms that are received.
fn zoned() -> impl Strategy<Value = ZonedDateTime> {
    (local_date_time(), "[A-Z][a-z]{1,8}/[A-Z][a-z]{1,8}").prop_map(|(instant, zone)| {
        ZonedDateTime::from_unix(instant.seconds(), instant.nanosecond(), zone).unwrap()
    })
}

fn duration() -> impl Strategy<Value = Duration> {
    (any::<i64>(), any::<i64>(), any::<i64>(), 0..1_000_000_000_i64)
        .prop_map(|(months, days, seconds, nanos)| Duration::new(months, days, seconds, nanos).unwrap())
}

/// NaN is not equal to itself.
fn number() -> impl Strategy<Value = f64> {
    any::<f64>().prop_filter("a number", |number| !number.is_nan())
}

fn vector() -> impl Strategy<Value = Vector> {
    prop_oneof![
        vec_of(any::<i8>(), 0..40).prop_map(Vector::Int8),
        vec_of(any::<i16>(), 0..40).prop_map(Vector::Int16),
        vec_of(any::<i32>(), 0..40).prop_map(Vector::Int32),
        vec_of(any::<i64>(), 0..40).prop_map(Vector::Int64),
        vec_of(
            any::<f32>().prop_filter("a number", |number| !number.is_nan()),
            0..40
        )
        .prop_map(Vector::Float32),
        vec_of(number(), 0..40).prop_map(Vector::Float64),
    ]
}

/// Values that contain no other values.
fn leaf() -> impl Strategy<Value = Value> {
    let srid = any::<u32>().prop_map(Srid::new).boxed();
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-200..40_000_i64).prop_map(Value::from),
        number().prop_map(Value::from),
        text().prop_map(Value::from),
        vec_of(any::<u8>(), 0..300).prop_map(Value::from),
        date().prop_map(Value::from),
        (local_time(), offset()).prop_map(|(time, offset)| Time::new(time, offset).into()),
        local_time().prop_map(Value::from),
        date_time().prop_map(Value::from),
        zoned().prop_map(Value::from),
        local_date_time().prop_map(Value::from),
        duration().prop_map(Value::from),
        (srid.clone(), number(), number()).prop_map(|(srid, x, y)| Point2D { srid, x, y }.into()),
        (srid, number(), number(), number()).prop_map(|(srid, x, y, z)| Point3D { srid, x, y, z }.into()),
        vector().prop_map(Value::from),
        any::<u128>().prop_map(|uuid| Uuid::from(uuid).into()),
        (text(), any::<(u8, u8)>(), proptest::option::of(text())).prop_map(
            |(name, (major, minor), message)| {
                UnsupportedType::new(name, crate::Version::new(major, minor), message).into()
            }
        ),
    ]
}

fn map(values: impl Strategy<Value = Value>, size: core::ops::Range<usize>) -> impl Strategy<Value = Map> {
    vec_of((text(), values), size).prop_map(|entries| entries.into_iter().collect())
}

fn node(values: impl Strategy<Value = Value>) -> impl Strategy<Value = Node> {
    (any::<i64>(), text(), vec_of(text(), 0..4), map(values, 0..4)).prop_map(
        |(id, element_id, labels, properties)| Node {
            id,
            element_id,
            labels,
            properties,
        },
    )
}

fn unbound(values: impl Strategy<Value = Value>) -> impl Strategy<Value = UnboundRelationship> {
    (any::<i64>(), text(), text(), map(values, 0..4)).prop_map(|(id, element_id, rel_type, properties)| {
        UnboundRelationship {
            id,
            element_id,
            rel_type,
            properties,
        }
    })
}

fn path(values: impl Strategy<Value = Value> + Clone) -> impl Strategy<Value = Path> {
    let steps = vec_of(
        (
            any::<prop::sample::Index>(),
            any::<bool>(),
            any::<prop::sample::Index>(),
        ),
        0..5,
    );
    (
        vec_of(node(values.clone()), 1..4),
        vec_of(unbound(values), 1..4),
        steps,
    )
        .prop_map(|(nodes, relationships, steps)| {
            let step = |(relationship, forward, node): (prop::sample::Index, bool, prop::sample::Index)| {
                let place = relationship.index(relationships.len()) as i64 + 1;
                [
                    if forward { place } else { -place },
                    node.index(nodes.len()) as i64,
                ]
            };
            let indices: Vec<i64> = steps.into_iter().flat_map(step).collect();
            Path::new(nodes, relationships, &indices).unwrap()
        })
}

/// Every kind of value.
pub(crate) fn any_value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(4, 48, 8, |inner| {
        let relationship = (any::<[i64; 3]>(), any::<[u16; 3]>(), text(), map(inner.clone(), 0..4));
        let unknown = prop_oneof![Just(b'!'), Just(b'Z'), Just(0x7F)];
        prop_oneof![
            3 => vec_of(inner.clone(), 0..20).prop_map(Value::from),
            3 => map(inner.clone(), 0..20).prop_map(Value::from),
            1 => node(inner.clone()).prop_map(Value::from),
            1 => unbound(inner.clone()).prop_map(Value::from),
            1 => path(inner.clone()).prop_map(Value::from),
            1 => relationship.prop_map(|([id, start_id, end_id], [a, b, c], rel_type, properties)| {
                let [element_id, start_element_id, end_element_id] = [a, b, c].map(|id| format!("4:{id}"));
                Relationship { id, start_id, end_id, element_id, start_element_id, end_element_id, rel_type, properties }
                    .into()
            }),
            1 => (unknown, vec_of(inner, 0..=15))
                .prop_map(|(tag, fields)| Value::Structure(Box::new(Structure::new(tag, fields)))),
        ]
    })
}

proptest! {
    #[test]
    fn p7_what_was_encoded_decodes_to_the_same(value in any_value()) {
        let mut out = Output::new(Dialect::SERVER);
        out.one(|encoder| value.to_value(encoder)).unwrap();
        let bytes = out.bytes;
        prop_assert_eq!(skip(&bytes), Ok(bytes.len()));
        let mut reader = Reader::new(&bytes);
        let read = Value::read(&mut reader);
        prop_assert!(reader.is_empty());
        prop_assert_eq!(read.as_ref(), Ok(&value));
        prop_assert_eq!(Value::from_value(Reader::new(&bytes).value().unwrap()), read);
    }

    #[test]
    fn p5_garbage_is_read_or_refused(bytes in vec_of(any::<u8>(), 0..200)) {
        let skipped = skip(&bytes);
        let seen = Reader::new(&bytes).value();
        let read = Value::read(&mut Reader::new(&bytes));
        prop_assert!(skipped.is_ok() || (seen.is_err() && read.is_err()));
        if let Ok(seen) = seen {
            prop_assert_eq!(Value::from_value(seen).is_ok(), read.is_ok());
            let _ = format!("{seen:?}");
        }
    }

    #[test]
    fn p5_a_value_with_broken_bytes_is_read_or_refused(
        value in any_value(),
        (at, byte) in any::<(prop::sample::Index, u8)>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut out = Output::new(Dialect::SERVER);
        out.one(|encoder| value.to_value(encoder)).unwrap();
        let mut bytes = out.bytes;
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(cut.index(bytes.len()) + 1);
        if let Ok(read) = Value::read(&mut Reader::new(&bytes)) {
            prop_assert!(skip(&bytes).is_ok());
            let _ = format!("{read:?}");
        }
    }

    #[test]
    fn texts_of_times_are_read_back(
        date in date(),
        time in (local_time(), offset()),
        date_time in date_time(),
        zoned in zoned(),
        duration in duration(),
    ) {
        let time = Time::new(time.0, time.1);
        prop_assert_eq!(format!("{date}").parse(), Ok(date));
        prop_assert_eq!(format!("{time}").parse(), Ok(time));
        prop_assert_eq!(format!("{date_time}").parse(), Ok(date_time));
        prop_assert_eq!(format!("{}", date_time.local()).parse(), Ok(date_time.local()));
        prop_assert_eq!(format!("{zoned}").parse(), Ok(zoned.clone()));
        let zoned = zoned.with_offset(date_time.offset());
        if zoned.local().is_some() {
            prop_assert_eq!(format!("{zoned}").parse(), Ok(zoned));
        }
        prop_assert_eq!(format!("{duration}").parse(), Ok(duration));
    }

    #[test]
    fn days_count_up_one_by_one(days in -400_000_000..400_000_000_i64) {
        let (before, after) = (Date::from_days(days - 1).unwrap(), Date::from_days(days).unwrap());
        let next = match (after.year() - before.year(), after.month(), after.day()) {
            (0, month, 1) => month == before.month() + 1 && before.day() >= 28,
            (0, month, day) => month == before.month() && day == before.day() + 1,
            (1, 1, 1) => (before.month(), before.day()) == (12, 31),
            _ => false,
        };
        prop_assert!(next, "{before} {after}");
        prop_assert_eq!(Date::new(after.year(), after.month(), after.day()), Ok(after));
    }
}
