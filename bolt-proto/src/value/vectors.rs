//! Values and their bytes, as an official driver writes and reads them.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use alloc::{format, vec};

use super::*;
use crate::error::{ConversionError, DecodeError};
use crate::packstream::{Reader, skip};

const UTC: Dialect = Dialect::SERVER;
const LEGACY: Dialect = Dialect::Server {
    element_ids: false,
    utc: false,
};

fn hex(text: &str) -> Vec<u8> {
    text.split_whitespace()
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect()
}

fn encode(value: &Value, dialect: Dialect) -> Vec<u8> {
    let mut out = Output::new(dialect);
    out.one(|encoder| value.to_value(encoder)).unwrap();
    out.bytes
}

fn decode(bytes: &[u8]) -> Result<Value, ConversionError> {
    let mut reader = Reader::new(bytes);
    let value = Value::read(&mut reader);
    assert_eq!(skip(bytes), Ok(bytes.len()));
    assert!(value.is_err() || reader.is_empty());
    value
}

/// Checks that the value is written as these bytes, and read from them.
#[track_caller]
fn both(value: impl Into<Value>, bytes: &str) {
    both_as(value, UTC, bytes);
}

#[track_caller]
fn both_as(value: impl Into<Value>, dialect: Dialect, bytes: &str) {
    let (value, bytes) = (value.into(), hex(bytes));
    assert_eq!(encode(&value, dialect), bytes, "{value:?}");
    assert_eq!(decode(&bytes).as_ref(), Ok(&value));
}

/// Checks that the value is read from these bytes, although it is written as others.
#[track_caller]
fn read(value: impl Into<Value>, bytes: &str) {
    assert_eq!(decode(&hex(bytes)), Ok(value.into()));
}

/// Checks the first bytes of a long value, and their number.
#[track_caller]
fn long(value: impl Into<Value>, start: &str, len: usize) {
    let (value, start) = (value.into(), hex(start));
    let bytes = encode(&value, UTC);
    assert!(bytes.starts_with(&start), "{:02X?}", &bytes[..8]);
    assert_eq!((bytes.len(), decode(&bytes)), (len, Ok(value)));
}

fn list(items: impl IntoIterator<Item = impl Into<Value>>) -> Value {
    Value::List(items.into_iter().map(Into::into).collect())
}

fn map<K: Into<String>, V: Into<Value>>(entries: impl IntoIterator<Item = (K, V)>) -> Map {
    entries.into_iter().collect()
}

#[test]
fn null_booleans_and_integers() {
    both(Value::Null, "C0");
    both(true, "C3");
    both(false, "C2");
    for (value, bytes) in [
        (0, "00"),
        (1, "01"),
        (42, "2A"),
        (127, "7F"),
        (128, "C9 00 80"),
        (-1, "FF"),
        (-16, "F0"),
        (-17, "C8 EF"),
        (-128, "C8 80"),
        (-129, "C9 FF 7F"),
        (32_767, "C9 7F FF"),
        (32_768, "CA 00 00 80 00"),
        (-32_768, "C9 80 00"),
        (-32_769, "CA FF FF 7F FF"),
        (2_147_483_647, "CA 7F FF FF FF"),
        (2_147_483_648, "CB 00 00 00 00 80 00 00 00"),
        (-2_147_483_648, "CA 80 00 00 00"),
        (-2_147_483_649, "CB FF FF FF FF 7F FF FF FF"),
        (i64::MAX, "CB 7F FF FF FF FF FF FF FF"),
        (i64::MIN, "CB 80 00 00 00 00 00 00 00"),
    ] {
        both(value, bytes);
    }
}

#[test]
fn floats_keep_every_bit() {
    for (value, bytes) in [
        (0.0, "C1 00 00 00 00 00 00 00 00"),
        (-0.0, "C1 80 00 00 00 00 00 00 00"),
        (1.0, "C1 3F F0 00 00 00 00 00 00"),
        (1.1, "C1 3F F1 99 99 99 99 99 9A"),
        (-1.1, "C1 BF F1 99 99 99 99 99 9A"),
        (core::f64::consts::TAU, "C1 40 19 21 FB 54 44 2D 18"),
        (f64::INFINITY, "C1 7F F0 00 00 00 00 00 00"),
        (f64::NEG_INFINITY, "C1 FF F0 00 00 00 00 00 00"),
        (
            f64::from_bits(0x7FF8_0000_0000_0000),
            "C1 7F F8 00 00 00 00 00 00",
        ),
        (5e-324, "C1 00 00 00 00 00 00 00 01"),
        (f64::MAX, "C1 7F EF FF FF FF FF FF FF"),
    ] {
        assert_eq!(encode(&value.into(), UTC), hex(bytes));
        let Ok(Value::Float(read)) = decode(&hex(bytes)) else {
            panic!("{bytes}")
        };
        assert_eq!(read.to_bits(), value.to_bits());
    }
}

#[test]
fn bytes_and_strings() {
    both(Vec::<u8>::new(), "CC 00");
    both(vec![1_u8], "CC 01 01");
    both(vec![1_u8, 2, 3], "CC 03 01 02 03");
    long(vec![0_u8; 255], "CC FF 00", 257);
    long(vec![0_u8; 256], "CD 01 00 00", 259);
    long(vec![0_u8; 65_535], "CD FF FF 00", 65_538);
    long(vec![0_u8; 65_536], "CE 00 01 00 00 00", 65_541);
    both("", "80");
    both("A", "81 41");
    both("é", "82 C3 A9");
    both("😀", "84 F0 9F 98 80");
    both(
        "Größenmaßstäbe",
        "D0 12 47 72 C3 B6 C3 9F 65 6E 6D 61 C3 9F 73 74 C3 A4 62 65",
    );
    both(
        "ABCDEFGHIJKLMNO",
        "8F 41 42 43 44 45 46 47 48 49 4A 4B 4C 4D 4E 4F",
    );
    both(
        "ABCDEFGHIJKLMNOP",
        "D0 10 41 42 43 44 45 46 47 48 49 4A 4B 4C 4D 4E 4F 50",
    );
    long("x".repeat(255), "D0 FF 78", 257);
    long("x".repeat(256), "D1 01 00 78", 259);
    long("x".repeat(65_535), "D1 FF FF 78", 65_538);
    long("x".repeat(65_536), "D2 00 01 00 00 78", 65_541);
}

#[test]
fn lists_and_maps() {
    both(Value::List(vec![]), "90");
    both(list([1, 2, 3]), "93 01 02 03");
    both(
        Value::List(vec![1.into(), 2.0.into(), "three".into()]),
        "93 01 C1 40 00 00 00 00 00 00 00 85 74 68 72 65 65",
    );
    both(
        Value::List(vec![Value::Null, true.into(), Value::List(vec![])]),
        "93 C0 C3 90",
    );
    both(list(1..=15), "9F 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F");
    both(
        list(1..=16),
        "D4 10 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F 10",
    );
    long(list([0; 255]), "D4 FF 00", 257);
    long(list([0; 256]), "D5 01 00 00", 259);
    long(list(vec![0; 65_536]), "D6 00 01 00 00 00", 65_541);
    both(Map::new(), "A0");
    both(map([("one", "eins")]), "A1 83 6F 6E 65 84 65 69 6E 73");
    both(map([("A", 1), ("B", 2)]), "A2 81 41 01 81 42 02");
    let letters = |count| map((0..count).map(|at| (char::from(b'A' + at), i64::from(at) + 1)));
    long(letters(15), "AF 81 41 01 81 42 02", 46);
    long(letters(16), "D8 10 81 41 01 81 42 02", 50);
    long(
        map((0..256).map(|at| (format!("k{at}"), 0))),
        "D9 01 00 82 6B 30 00 82",
        1429,
    );
}

#[test]
fn every_form_of_a_size_is_read() {
    for one in [
        "01",
        "C8 01",
        "C9 00 01",
        "CA 00 00 00 01",
        "CB 00 00 00 00 00 00 00 01",
    ] {
        read(1, one);
    }
    for a in ["81 41", "D0 01 41", "D1 00 01 41", "D2 00 00 00 01 41"] {
        read("A", a);
    }
    read(list([1]), "D4 01 01");
    read(map([("a", 1)]), "D8 01 81 61 01");
    read(map([("a", 2)]), "A2 81 61 01 81 61 02");
}

#[test]
fn malformed_bytes_are_refused() {
    for (bytes, error) in [
        ("81 FF", DecodeError::Utf8),
        ("A1 01 01", DecodeError::Key(1)),
        ("A1 C0 01", DecodeError::Key(0xC0)),
        ("D0 05 41", DecodeError::Truncated),
        ("C6", DecodeError::Marker(0xC6)),
        ("DD", DecodeError::Marker(0xDD)),
    ] {
        assert_eq!(
            Value::read(&mut Reader::new(&hex(bytes))),
            Err(error.into()),
            "{bytes}"
        );
    }
}

#[test]
fn dates_and_times() {
    for (text, bytes) in [
        ("1970-01-01", "B1 44 00"),
        ("1969-12-31", "B1 44 FF"),
        ("2024-02-29", "B1 44 C9 4D 46"),
        ("0001-01-01", "B1 44 CA FF F5 06 C6"),
        ("9999-12-31", "B1 44 CA 00 2C C0 A0"),
    ] {
        both(text.parse::<Date>().unwrap(), bytes);
    }
    for (text, bytes) in [
        ("00:00:00", "B1 74 00"),
        ("12:34:56.789012345", "B1 74 CB 00 00 29 32 7B 04 BF 79"),
        ("23:59:59.999999999", "B1 74 CB 00 00 4E 94 91 4E FF FF"),
    ] {
        both(text.parse::<LocalTime>().unwrap(), bytes);
    }
    for (text, bytes) in [
        (
            "12:34:56.789012345+01:00",
            "B2 54 CB 00 00 29 32 7B 04 BF 79 C9 0E 10",
        ),
        ("00:00:00-05:30", "B2 54 00 C9 B2 A8"),
    ] {
        both(text.parse::<Time>().unwrap(), bytes);
    }
    for (text, bytes) in [
        ("1970-01-01T00:00:00", "B2 64 00 00"),
        (
            "2018-10-12T11:37:41.474716862",
            "B2 64 CA 5B C0 87 85 CA 1C 4B 9A BE",
        ),
        ("1969-12-31T23:59:59.5", "B2 64 FF CA 1D CD 65 00"),
    ] {
        both(text.parse::<LocalDateTime>().unwrap(), bytes);
    }
}

#[test]
fn date_times_with_an_offset_in_both_forms() {
    for (text, utc, legacy) in [
        (
            "1970-01-01T02:15:00.000000042+01:00",
            "B3 49 C9 11 94 2A C9 0E 10",
            "B3 46 C9 1F A4 2A C9 0E 10",
        ),
        (
            "2018-10-12T11:37:41.474716862+01:00",
            "B3 49 CA 5B C0 79 75 CA 1C 4B 9A BE C9 0E 10",
            "B3 46 CA 5B C0 87 85 CA 1C 4B 9A BE C9 0E 10",
        ),
        (
            "1969-12-31T23:59:59.25Z",
            "B3 49 FF CA 0E E6 B2 80 00",
            "B3 46 FF CA 0E E6 B2 80 00",
        ),
    ] {
        let time: DateTime = text.parse().unwrap();
        both_as(time, UTC, utc);
        both_as(time, LEGACY, legacy);
    }
}

#[test]
fn date_times_with_a_zone_in_both_forms() {
    const STOCKHOLM: &str = "D0 10 45 75 72 6F 70 65 2F 53 74 6F 63 6B 68 6F 6C 6D";
    const PARIS: &str = "8C 45 75 72 6F 70 65 2F 50 61 72 69 73";
    const ZONE_UTC: &str = "83 55 54 43";
    for (text, utc, legacy, zone) in [
        (
            "1970-01-01T02:15:00.000000042+01:00[Europe/Paris]",
            "C9 11 94 2A",
            "C9 1F A4 2A",
            PARIS,
        ),
        (
            "2018-10-12T11:37:41.474716862+02:00[Europe/Stockholm]",
            "CA 5B C0 6B 65 CA 1C 4B 9A BE",
            "CA 5B C0 87 85 CA 1C 4B 9A BE",
            STOCKHOLM,
        ),
        (
            "1969-12-31T23:59:59.25+00:00[UTC]",
            "FF CA 0E E6 B2 80",
            "FF CA 0E E6 B2 80",
            ZONE_UTC,
        ),
        (
            "2022-10-30T02:30:00+02:00[Europe/Stockholm]",
            "CA 63 5D C5 88 00",
            "CA 63 5D E1 A8 00",
            STOCKHOLM,
        ),
        (
            "2022-10-30T02:30:00+01:00[Europe/Stockholm]",
            "CA 63 5D D3 98 00",
            "CA 63 5D E1 A8 00",
            STOCKHOLM,
        ),
        (
            "2024-01-02T03:04:05.000000006+00:00[UTC]",
            "CA 65 93 7D 25 06",
            "CA 65 93 7D 25 06",
            ZONE_UTC,
        ),
    ] {
        let time: ZonedDateTime = text.parse().unwrap();
        let (utc, legacy) = (format!("B3 69 {utc} {zone}"), format!("B3 66 {legacy} {zone}"));
        assert_eq!(encode(&time.clone().into(), UTC), hex(&utc));
        assert_eq!(encode(&time.clone().into(), LEGACY), hex(&legacy));
        // Neither form contains the offset.
        let seconds = time.unix_seconds().unwrap();
        read(
            ZonedDateTime::from_unix(seconds, time.nanosecond(), time.zone()).unwrap(),
            &utc,
        );
        read(
            ZonedDateTime::from_local(time.local().unwrap(), time.zone()),
            &legacy,
        );
    }
}

#[test]
fn an_unknown_zone_is_kept() {
    let nowhere = ZonedDateTime::from_unix(4500, 42, "Europe/Nowhere").unwrap();
    both(
        nowhere,
        "B3 69 C9 11 94 2A 8E 45 75 72 6F 70 65 2F 4E 6F 77 68 65 72 65",
    );
}

#[test]
fn durations() {
    let duration = |months, days, seconds, nanos| Duration::new(months, days, seconds, nanos).unwrap();
    both(duration(14, 3, 4, 5), "B4 45 0E 03 04 05");
    both(Duration::default(), "B4 45 00 00 00 00");
    both(duration(0, 1, 2, 3_000), "B4 45 00 01 02 C9 0B B8");
    // Some drivers send negative nanoseconds. Servers carry them into the seconds, and so does this crate.
    read(duration(0, 0, -2, 500_000_000), "B4 45 00 00 FF CA E2 32 9B 00");
    read(duration(-1, 2, -3, 4), "B4 45 FF 02 FE CA C4 65 36 04");
}

#[test]
fn points() {
    both(
        Point2D::cartesian(1.0, 2.0),
        "B3 58 C9 1C 23 C1 3F F0 00 00 00 00 00 00 C1 40 00 00 00 00 00 00 00",
    );
    both(
        Point3D::cartesian(1.0, 2.0, 3.0),
        "B4 59 C9 23 C5 C1 3F F0 00 00 00 00 00 00 C1 40 00 00 00 00 00 00 00 C1 40 08 00 00 00 00 00 00",
    );
    both(
        Point2D::wgs_84(12.5, 55.25),
        "B3 58 C9 10 E6 C1 40 29 00 00 00 00 00 00 C1 40 4B A0 00 00 00 00 00",
    );
    both(
        Point3D::wgs_84(12.5, 55.25, 100.0),
        "B4 59 C9 13 73 C1 40 29 00 00 00 00 00 00 C1 40 4B A0 00 00 00 00 00 C1 40 59 00 00 00 00 00 00",
    );
    both(
        Point2D {
            srid: Srid::new(1234),
            x: 1.0,
            y: 2.0,
        },
        "B3 58 C9 04 D2 C1 3F F0 00 00 00 00 00 00 C1 40 00 00 00 00 00 00 00",
    );
}

#[test]
fn vectors() {
    both(Vector::from(vec![1_i8, -2, 3]), "B2 56 CC 01 C8 CC 03 01 FE 03");
    both(
        Vector::from(vec![1_i16, -2, 3]),
        "B2 56 CC 01 C9 CC 06 00 01 FF FE 00 03",
    );
    both(
        Vector::from(vec![1_i32, -2, 3]),
        "B2 56 CC 01 CA CC 0C 00 00 00 01 FF FF FF FE 00 00 00 03",
    );
    both(
        Vector::from(vec![1_i64, -2, 3]),
        "B2 56 CC 01 CB CC 18 00 00 00 00 00 00 00 01 FF FF FF FF FF FF FF FE 00 00 00 00 00 00 00 03",
    );
    both(
        Vector::from(vec![1.0_f32, -2.5]),
        "B2 56 CC 01 C6 CC 08 3F 80 00 00 C0 20 00 00",
    );
    both(
        Vector::from(vec![1.0_f64, -2.5]),
        "B2 56 CC 01 C1 CC 10 3F F0 00 00 00 00 00 00 C0 04 00 00 00 00 00 00",
    );
    both(Vector::Float32(vec![]), "B2 56 CC 01 C6 CC 00");
    both(Vector::Int64(vec![]), "B2 56 CC 01 CB CC 00");
    both(Vector::from(vec![1.0_f32]), "B2 56 CC 01 C6 CC 04 3F 80 00 00");
    // An element of an unknown type, and an incomplete element.
    assert!(decode(&hex("B2 56 CC 01 C2 CC 04 3F 80 00 00")).is_err());
    assert!(decode(&hex("B2 56 CC 01 C6 CC 03 3F 80 00")).is_err());
}

#[test]
fn uuids() {
    let uuid: Uuid = "123e4567-e89b-12d3-a456-426614174000".parse().unwrap();
    both(uuid, "E0 12 3E 45 67 E8 9B 12 D3 A4 56 42 66 14 17 40 00");
    both(
        list([Uuid::from(0), Uuid::from(u128::MAX)]),
        "92 E0 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 E0 FF FF FF FF FF FF FF FF FF FF FF FF FF FF FF FF",
    );
}

fn node(id: i64, element_id: &str, labels: &[&str], properties: Map) -> Node {
    let labels = labels.iter().map(|&label| label.into()).collect();
    Node {
        id,
        element_id: element_id.into(),
        labels,
        properties,
    }
}

fn unbound(id: i64, element_id: &str, rel_type: &str) -> UnboundRelationship {
    UnboundRelationship {
        id,
        element_id: element_id.into(),
        rel_type: rel_type.into(),
        properties: Map::new(),
    }
}

#[test]
fn nodes_and_relationships_with_and_without_element_ids() {
    both_as(
        node(1, "1", &["Person"], map([("name", "Ann")])),
        LEGACY,
        "B3 4E 01 91 86 50 65 72 73 6F 6E A1 84 6E 61 6D 65 83 41 6E 6E",
    );
    both(
        node(1, "4:abc:1", &["Person"], map([("name", "Ann")])),
        "B4 4E 01 91 86 50 65 72 73 6F 6E A1 84 6E 61 6D 65 83 41 6E 6E 87 34 3A 61 62 63 3A 31",
    );
    both(
        node(0, "4:abc:0", &[], Map::new()),
        "B4 4E 00 90 A0 87 34 3A 61 62 63 3A 30",
    );
    let relationship = |element_id: &str, start_element_id: &str, end_element_id: &str| Relationship {
        id: 3,
        start_id: 1,
        end_id: 2,
        element_id: element_id.into(),
        start_element_id: start_element_id.into(),
        end_element_id: end_element_id.into(),
        rel_type: "KNOWS".into(),
        properties: map([("since", 1999)]),
    };
    both_as(
        relationship("3", "1", "2"),
        LEGACY,
        "B5 52 03 01 02 85 4B 4E 4F 57 53 A1 85 73 69 6E 63 65 C9 07 CF",
    );
    both(
        relationship("5:abc:3", "4:abc:1", "4:abc:2"),
        "B8 52 03 01 02 85 4B 4E 4F 57 53 A1 85 73 69 6E 63 65 C9 07 CF 87 35 3A 61 62 63 3A 33 \
         87 34 3A 61 62 63 3A 31 87 34 3A 61 62 63 3A 32",
    );
    both_as(unbound(3, "3", "KNOWS"), LEGACY, "B3 72 03 85 4B 4E 4F 57 53 A0");
}

#[test]
fn a_path_goes_over_its_nodes_and_relationships_in_order() {
    let bytes = "B3 50 93 B4 4E 01 91 81 41 A0 82 6E 31 B4 4E 02 91 81 42 A0 82 6E 32 B4 4E 03 91 81 43 A0 82 6E 33 \
                 92 B4 72 0C 81 58 A0 83 72 31 32 B4 72 0D 81 59 A0 83 72 31 33 96 01 01 FF 00 02 02";
    let nodes = [(1, "n1", "A"), (2, "n2", "B"), (3, "n3", "C")];
    let nodes: Vec<_> = nodes
        .map(|(id, element_id, label)| node(id, element_id, &[label], Map::new()))
        .into();
    let relationships = vec![unbound(12, "r12", "X"), unbound(13, "r13", "Y")];
    let path = Path::new(nodes, relationships, &[1, 1, -1, 0, 2, 2]).unwrap();
    both(path.clone(), bytes);

    assert!(path.nodes().map(|node| node.id).eq([1, 2, 1, 3]));
    assert_eq!((path.start().id, path.end().id, path.len()), (1, 3, 3));
    let ends = path.relationships().map(|relationship| {
        (
            relationship.id,
            relationship.start_element_id,
            relationship.end_element_id,
        )
    });
    let expected = [(12, "n1", "n2"), (12, "n1", "n2"), (13, "n1", "n3")];
    assert!(ends.eq(expected.map(|(id, start, end)| (id, start.into(), end.into()))));
    let directions = path.segments().map(|segment| segment.direction);
    assert!(directions.eq([Direction::Forward, Direction::Backward, Direction::Forward]));

    let backwards =
        "B3 50 92 B4 4E 01 90 A0 82 6E 31 B4 4E 02 90 A0 82 6E 32 91 B4 72 0C 81 58 A0 83 72 31 32 92 FF 01";
    let Ok(Value::Path(path)) = decode(&hex(backwards)) else {
        panic!("a path")
    };
    let only = path.relationships().next().unwrap();
    assert_eq!(
        (only.start_element_id.as_str(), only.end_element_id.as_str()),
        ("n2", "n1")
    );
    assert_eq!(encode(&Value::Path(path), UTC), hex(backwards));

    let zero = Path::new(vec![node(1, "1", &[], Map::new())], vec![], &[]).unwrap();
    assert_eq!((zero.start(), zero.is_empty()), (zero.end(), true));
    both_as(zero, LEGACY, "B3 50 91 B3 4E 01 90 A0 90 90");
}

#[test]
fn a_path_with_an_index_out_of_range_is_refused() {
    let nodes = || vec![node(1, "1", &[], Map::new()), node(2, "2", &[], Map::new())];
    let relationships = || vec![unbound(3, "3", "X")];
    for indices in [
        &[0, 1][..],
        &[2, 1],
        &[-2, 1],
        &[1, 2],
        &[1, -1],
        &[1],
        &[i64::MIN, 0],
        &[1, i64::MAX],
    ] {
        assert!(
            Path::new(nodes(), relationships(), indices).is_err(),
            "{indices:?}"
        );
    }
    assert!(Path::new(vec![], relationships(), &[]).is_err());
    assert!(Path::new(nodes(), relationships(), &[-1, 0, 1, 1]).is_ok());
}

#[test]
fn stand_ins_for_unsupported_values() {
    let uuid = UnsupportedType::new("UUID".into(), crate::Version::V6_1, None);
    both(uuid, "B4 3F 84 55 55 49 44 06 01 A0");
    let message = Some("needs newer".into());
    let fancy = UnsupportedType::new("FancyType".into(), crate::Version::new(6, 42), message);
    both(
        fancy,
        "B4 3F 89 46 61 6E 63 79 54 79 70 65 06 2A A1 87 6D 65 73 73 61 67 65 8B 6E 65 65 64 73 20 6E 65 77 65 72",
    );
}

#[test]
fn a_structure_of_an_unknown_kind_can_only_be_inspected() {
    let unknown = Structure::new(b'Z', vec![Value::Integer(1)]);
    read(Value::Structure(Box::new(unknown)), "B1 5A 01");
    let bytes = hex("B1 5A 01");
    assert!(Date::read(&mut Reader::new(&bytes)).is_err());
}

#[test]
fn structures_may_stand_anywhere() {
    let date = Date::new(1970, 1, 2).unwrap();
    both(
        Value::List(vec![
            node(1, "x", &[], Map::new()).into(),
            map([("k", date)]).into(),
        ]),
        "92 B4 4E 01 90 A0 81 78 A1 81 6B B1 44 01",
    );
}

#[test]
fn a_structure_with_a_wrong_number_of_fields_is_refused() {
    for bytes in [
        "B2 44 00 00",
        "B0 44",
        "B1 54 00",
        "B2 4E 01 90",
        "B5 4E 01 90 A0 81 78 00",
        "B6 52 01 01 01 81 78 A0 81 78",
        "B2 50 90 90",
        "B3 45 00 00 00",
    ] {
        assert!(decode(&hex(bytes)).is_err(), "{bytes}");
    }
}
