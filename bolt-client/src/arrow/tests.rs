use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampNanosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, IntervalUnit, TimeUnit};
use bolt_proto::types::{
    Date, DateTime, Duration, LocalDateTime, LocalTime, Point2D, Srid, Time, UtcOffset, Uuid, Vector,
};
use bolt_proto::{Keys, Value, list, map};

use super::RecordBatchBuilder;
use crate::error::Error;
use crate::record::RecordRef;

/// Returns a batch of these rows.
fn batch<const N: usize>(names: [&str; N], rows: &[[Value; N]]) -> Result<RecordBatch, Error> {
    let keys = Keys::new(names);
    let mut batch = RecordBatchBuilder::default();
    for row in rows {
        let bytes: Vec<u8> = row.iter().flat_map(encoded).collect();
        push(&mut batch, &keys, &bytes)?;
    }
    batch.finish(&keys)
}

fn push(batch: &mut RecordBatchBuilder, keys: &Keys, values: &[u8]) -> Result<(), Error> {
    batch.push(RecordRef::new(bolt_proto::RecordRef::from_encoded(
        keys,
        keys.len(),
        values,
    )))
}

/// Returns a value as it is sent.
fn encoded(value: &Value) -> Vec<u8> {
    let query = bolt_proto::Query::new("").param("", value);
    query.check().unwrap();
    query.parameters().bytes[1..].to_vec()
}

/// The type of a column of this value, and whether it is nullable with a null before and after it.
fn type_of(value: Value) -> (DataType, DataType, bool) {
    let plain = batch(["x"], &[[value.clone()]]).unwrap();
    let field = plain.schema().field(0).clone();
    assert!(!field.is_nullable());
    let rows = [[Value::Null], [value], [Value::Null]];
    let with_nulls = batch(["x"], &rows).unwrap();
    let column = with_nulls.column(0);
    assert_eq!((column.len(), column.null_count()), (3, 2));
    assert!(column.is_null(0) && column.is_valid(1) && column.is_null(2));
    let nullable = with_nulls.schema().field(0).clone();
    (
        field.data_type().clone(),
        nullable.data_type().clone(),
        nullable.is_nullable(),
    )
}

#[test]
fn each_value_has_its_type_and_columns_with_null_are_nullable() {
    let offset = UtcOffset::from_seconds(3600).unwrap();
    let local = LocalDateTime::new(
        Date::new(2026, 1, 2).unwrap(),
        LocalTime::new(3, 4, 5, 6).unwrap(),
    );
    let list_of = |item| DataType::new_list(item, true);
    let utc = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    for (value, expected) in [
        (Value::from(true), DataType::Boolean),
        (Value::from(7), DataType::Int64),
        (Value::from(0.5), DataType::Float64),
        (Value::from("x"), DataType::Utf8),
        (Value::Bytes(vec![1]), DataType::Binary),
        (Value::from(local.date()), DataType::Date32),
        (Value::from(local.time()), DataType::Time64(TimeUnit::Nanosecond)),
        (
            Value::from(local),
            DataType::Timestamp(TimeUnit::Nanosecond, None),
        ),
        (Value::from(DateTime::new(local, offset)), utc),
        (
            Value::from(Duration::new(1, 2, 3, 4).unwrap()),
            DataType::Interval(IntervalUnit::MonthDayNano),
        ),
        (
            Value::from(Uuid::from_bytes([7; 16])),
            DataType::FixedSizeBinary(16),
        ),
        (list![1, Value::Null], list_of(DataType::Int64)),
        (list![list!["x"], list![]], list_of(list_of(DataType::Utf8))),
        (list![], list_of(DataType::Null)),
        (
            Value::from(Vector::Float32(vec![0.5])),
            list_of(DataType::Float64),
        ),
        (Value::from(Vector::Int8(vec![1])), list_of(DataType::Int64)),
    ] {
        assert_eq!(type_of(value), (expected.clone(), expected, true));
    }
}

#[test]
fn values_arrive_as_they_were() {
    let at = |text: &str| Value::from(text.parse::<DateTime>().unwrap());
    let rows = [
        [
            Value::from(1),
            list![1.5, Value::Null],
            at("2026-01-02T03:04:05.000000006+01:00"),
        ],
        [Value::Null, Value::Null, at("1969-12-31T23:59:59.5Z")],
        [Value::from(-3), list![], at("2026-01-02T03:04:05Z")],
    ];
    let batch = batch(["n", "xs", "at"], &rows).unwrap();
    assert_eq!(batch.num_rows(), 3);
    let numbers: Vec<_> = batch.column(0).as_primitive::<Int64Type>().iter().collect();
    assert_eq!(numbers, [Some(1), None, Some(-3)]);
    let lists = batch.column(1).as_list::<i32>();
    let first = lists.value(0);
    assert_eq!(
        first.as_primitive::<Float64Type>().iter().collect::<Vec<_>>(),
        [Some(1.5), None]
    );
    assert!(lists.is_null(1) && lists.value(2).is_empty());
    let instants = batch.column(2).as_primitive::<TimestampNanosecondType>();
    assert_eq!(instants.value(0), 1_767_319_445_000_000_006);
    assert_eq!(instants.value(1), -500_000_000);
}

#[test]
fn mixed_types_are_refused_by_column_and_row() {
    let rows = [
        [Value::from("x"), Value::from(1)],
        [Value::Null, Value::Null],
        [Value::from("y"), Value::from(2.5)],
    ];
    let error = batch(["name", "price"], &rows).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with(r#"row 2, column "price": found a float in a column of integers"#),
        "{text}"
    );
    let conversion = error.conversion().unwrap();
    assert_eq!((conversion.column(), conversion.row()), (Some("price"), Some(2)));
    let error = batch(["xs"], &[[list![1, "x"]]]).unwrap_err().to_string();
    assert!(
        error.starts_with(r#"row 0, column "xs", item 1: found a string in a column of integers"#),
        "{error}"
    );
}

#[test]
fn what_arrow_lacks_is_refused() {
    let point = Point2D {
        srid: Srid::new(7203),
        x: 1.0,
        y: 2.0,
    };
    let time = Time::new(
        LocalTime::new(1, 2, 3, 0).unwrap(),
        UtcOffset::from_seconds(0).unwrap(),
    );
    let far: LocalDateTime = "9999-12-31T00:00:00".parse().unwrap();
    for (value, says) in [
        (Value::Map(map! { "a": 1 }), "a map has no type in Arrow"),
        (
            Value::from(point),
            "a point in two dimensions has no type in Arrow",
        ),
        (Value::from(time), "a time"),
        (Value::from(far), "outside of the years 1678 to 2261 does not fit"),
        (
            Value::from(Duration::new(i64::MAX, 0, 0, 0).unwrap()),
            "the duration does not fit",
        ),
    ] {
        let text = batch(["x"], &[[value]]).unwrap_err().to_string();
        assert!(
            text.starts_with(r#"row 0, column "x": "#) && text.contains(says),
            "{text}"
        );
    }
}

#[test]
fn a_result_without_rows_or_columns_is_a_batch_without_them() {
    let empty = batch(["a", "b"], &[]).unwrap();
    assert_eq!((empty.num_rows(), empty.num_columns()), (0, 2));
    assert_eq!(*empty.schema().field(0).data_type(), DataType::Null);
    assert_eq!(batch([], &[[], []]).unwrap().num_rows(), 2);
    let nulls = batch(["a"], &[[Value::Null], [Value::Null]]).unwrap();
    assert_eq!(
        (nulls.num_rows(), nulls.schema().field(0).is_nullable()),
        (2, true)
    );
}

#[test]
fn malformed_rows_are_errors() {
    let keys = Keys::new(["a"]);
    // A list in a list, and so on; a list that is cut off; a string that is not UTF-8; a date that has a string for its days.
    let deep = [vec![0x91; 100_000], vec![0x01]].concat();
    for bytes in [
        &deep[..],
        b"\x92\x01",
        b"\x81\xFF",
        b"\xB1\x44\x81x",
        b"\xC7",
        b"",
    ] {
        let mut batch = RecordBatchBuilder::default();
        assert!(push(&mut batch, &keys, bytes).is_err());
    }
    let mut batch = RecordBatchBuilder::default();
    push(&mut batch, &keys, &[1]).unwrap();
    let two = Keys::new(["a", "b"]);
    assert!(
        push(&mut batch, &two, &[1, 2]).is_err(),
        "rows of different widths"
    );
}
