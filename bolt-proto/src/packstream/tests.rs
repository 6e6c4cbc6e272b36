use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::error::DecodeError;

#[test]
fn skipping_needs_no_stack_for_any_depth() {
    let mut deep = vec![0x91; 5_000_000];
    deep.push(0xC0);
    assert_eq!(skip(&deep), Ok(deep.len()));
    assert_eq!(Reader::new(&deep).value().map(|value| value.kind()), Ok("a list"));
}

#[test]
fn reading_stops_at_the_depth_limit() {
    let mut bytes = vec![0x91; usize::from(MAX_DEPTH) + 1];
    bytes.push(0xC0);
    let mut value = Reader::new(&bytes).value();
    let mut levels = 0;
    while let Ok(ValueRef::List(list)) = value {
        levels += 1;
        value = list.iter().next().unwrap();
    }
    assert_eq!((levels, value), (MAX_DEPTH, Err(DecodeError::Depth)));
}

#[test]
fn a_container_longer_than_its_bytes_is_refused() {
    for bytes in [
        &[0xD6, 0xFF, 0xFF, 0xFF, 0xFF][..],
        &[0xDA, 0, 0, 0, 1, 0x80],
        &[0x92, 1],
        &[0xB1, 0x44],
        &[0xD0, 5, 0x41],
    ] {
        assert_eq!(skip(bytes), Err(DecodeError::Truncated), "{bytes:02X?}");
        assert_eq!(
            Reader::new(bytes).value(),
            Err(DecodeError::Truncated),
            "{bytes:02X?}"
        );
    }
}

#[test]
fn reserved_markers_are_refused() {
    let reserved = [
        0xC4, 0xC5, 0xC6, 0xC7, 0xCF, 0xD3, 0xD7, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF,
    ];
    for marker in reserved.into_iter().chain(0xE1..=0xEF) {
        let bytes = [marker; 32];
        assert_eq!(skip(&bytes), Err(DecodeError::Marker(marker)));
        assert_eq!(Reader::new(&bytes).value(), Err(DecodeError::Marker(marker)));
    }
}

#[test]
fn every_other_marker_is_skipped_and_read_alike() {
    for marker in 0..=u8::MAX {
        let mut bytes = vec![marker];
        bytes.extend([0; 40]);
        let mut reader = Reader::new(&bytes);
        let read = reader.value().map(|_| bytes.len() - reader.rest().len());
        assert_eq!(skip(&bytes), read, "{marker:02X}");
    }
}

#[test]
fn a_map_key_must_be_a_string() {
    for (bytes, key) in [(&[0xA1, 1, 1][..], 1), (&[0xA1, 0xC0, 1], 0xC0)] {
        let Ok(ValueRef::Map(map)) = Reader::new(bytes).value() else {
            panic!("{bytes:02X?}")
        };
        assert_eq!(map.get("a"), Err(DecodeError::Key(key)));
        assert_eq!(
            map.iter().collect::<Result<Vec<_>, _>>(),
            Err(DecodeError::Key(key))
        );
    }
}

#[test]
fn the_last_of_equal_keys_wins() {
    let Ok(ValueRef::Map(map)) = Reader::new(b"\xA2\x81a\x01\x81a\x02").value() else {
        panic!()
    };
    assert_eq!(map.get("a"), Ok(Some(ValueRef::Integer(2))));
    assert_eq!((map.len(), map.get("b")), (2, Ok(None)));
}

#[test]
fn iteration_ends_after_a_malformed_item() {
    let Ok(ValueRef::List(list)) = Reader::new(&[0x93, 1, 0x81, 0xFF, 3]).value() else {
        panic!()
    };
    let items: Vec<_> = list.iter().collect();
    assert_eq!(items, [Ok(ValueRef::Integer(1)), Err(DecodeError::Utf8)]);
}

#[test]
fn sizes_are_written_in_their_smallest_form() {
    for (len, header) in [
        (0, &[0x90][..]),
        (15, &[0x9F]),
        (16, &[0xD4, 16]),
        (255, &[0xD4, 255]),
        (256, &[0xD5, 1, 0]),
        (65_535, &[0xD5, 255, 255]),
        (65_536, &[0xD6, 0, 1, 0, 0]),
        (MAX_LEN, &[0xD6, 0x7F, 255, 255, 255]),
    ] {
        let mut out = Vec::new();
        write::list_header(&mut out, len).unwrap();
        assert_eq!(out, header);
    }
}

#[test]
fn sizes_beyond_the_largest_are_refused() {
    let mut out = Vec::new();
    assert!(write::map_header(&mut out, MAX_LEN + 1).is_err());
    assert!(write::list_header(&mut out, usize::MAX).is_err());
    assert!(out.is_empty());
}

fn shown(bytes: &[u8]) -> std::string::String {
    std::format!("{:?}", Reader::new(bytes).value().unwrap())
}

#[test]
fn debug_shows_values_and_the_error_that_ended_the_walk() {
    assert_eq!(
        shown(b"\x93\x01\x81a\xC0"),
        r#"List([Integer(1), String("a"), Null])"#
    );
    assert_eq!(
        shown(b"\xA2\x81a\x91\xC3\x81b\xCC\x01\x07"),
        r#"Map({"a": List([Boolean(true)]), "b": Bytes([7])})"#
    );
    assert_eq!(shown(b"\xB1\x44\xA0"), "Structure(0x44 [Map({})])");
    assert_eq!(
        shown(b"\xA2\x01\x02\x81b\x03"),
        "Map({Key(1): …})",
        "a key that is none"
    );
    assert_eq!(shown(b"\x93\x01\x81\xFF\x02"), "List([Integer(1), Utf8])");
}

/// Skipping over each level once per level above it would take minutes.
#[test]
fn debug_reads_each_value_once_at_any_depth() {
    const DEPTH: usize = 1_000_000;
    for level in [&b"\x91"[..], b"\xA1\x81k", b"\xB1\x4E"] {
        let bytes = [&level.repeat(DEPTH), &b"\x01"[..]].concat();
        let shown = shown(&bytes);
        assert!(shown.contains("Depth"), "{shown}");
        let keys = crate::Keys::new(["a"]);
        let row = crate::RecordRef::new(&keys, 1, &bytes);
        assert!(std::format!("{row:?}").contains("Depth"));
        assert!(std::format!("{:?}", row.to_record()).contains("Depth"));
    }
    // At the maximum depth, and wide at each level.
    let wide = b"\x94\x01\x83abc\xC1\0\0\0\0\0\0\0\0".repeat(500);
    let bytes = [&[0xD4, 200][..], &[&*wide, b"\x01"].concat().repeat(200)].concat();
    let keys = crate::Keys::new(["a"]);
    let shown = std::format!("{:?}", crate::RecordRef::new(&keys, 1, &bytes));
    assert_eq!(shown.matches("abc").count(), 200 * 500);
}
