//! Parameters: many small maps, as in a batch of writes.

use bolt_proto::packstream::write;
use bolt_proto::value::{Encoder, ToValue};
use bolt_proto::{EncodeError, Extra, Query, Serde};
use serde::Serialize;

use crate::stage::ready;

/// The number of maps.
pub const ROWS: u32 = 10_000;

/// A way of writing the parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// By hand, into one buffer: the bound.
    Plain,
    /// With a custom implementation of [`ToValue`].
    ToValue,
    /// With serde.
    Serde,
}

impl Write {
    /// All ways, the bound first.
    pub const ALL: [Self; 3] = [Self::Plain, Self::ToValue, Self::Serde];

    /// Returns its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::ToValue => "to_value",
            Self::Serde => "serde",
        }
    }

    /// Encodes the rows as one list parameter.
    ///
    /// # Panics
    ///
    /// If they cannot be encoded.
    #[inline(never)]
    #[must_use]
    pub fn run(self, rows: &Rows) -> Query {
        let query = Query::new("UNWIND $rows AS row CREATE (:Person {name: row.name})");
        match self {
            Self::Plain => {
                let bytes = plain(rows);
                assert!(!bytes.is_empty());
                query
            }
            Self::ToValue => query.param("rows", &rows.0),
            Self::Serde => query.param("rows", Serde(&rows.0)),
        }
    }
}

/// The rows of a batch.
#[derive(Debug)]
pub struct Rows(Vec<Row>);

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    age: i64,
    score: f64,
    active: bool,
}

impl Rows {
    /// Makes so many rows.
    #[must_use]
    pub fn new(rows: u32) -> Self {
        let row = |index| Row {
            name: format!("Person number {index}"),
            age: i64::from(index % 90),
            score: f64::from(index) / 7.0,
            active: index % 2 == 0,
        };
        Self((0..rows).map(row).collect())
    }
}

impl ToValue for Row {
    #[inline]
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        out.map_with(Some(4), |map| {
            map.entry("name", &self.name)?;
            map.entry("age", &self.age)?;
            map.entry("score", &self.score)?;
            map.entry("active", &self.active)
        })
    }
}

/// The bound: the shape is known, so keys are constants and nothing is checked.
///
/// # Panics
///
/// Never: the lengths are small.
#[inline(never)]
#[must_use]
pub fn plain(rows: &Rows) -> Vec<u8> {
    let mut out = Vec::new();
    write::list_header(&mut out, rows.0.len()).expect("a short list");
    for row in &rows.0 {
        out.extend_from_slice(b"\xA4\x84name");
        let name = row.name.as_bytes();
        match u8::try_from(name.len()) {
            Ok(len @ 0..=15) => out.push(0x80 | len),
            Ok(len) => out.extend_from_slice(&[0xD0, len]),
            Err(_) => unreachable!("names are short"),
        }
        out.extend_from_slice(name);
        out.extend_from_slice(b"\x83age");
        write::integer(&mut out, row.age);
        out.extend_from_slice(b"\x85score\xC1");
        out.extend_from_slice(&row.score.to_be_bytes());
        out.extend_from_slice(b"\x86active");
        out.push(if row.active { 0xC3 } else { 0xC2 });
    }
    out
}

/// Queues the query on a connection. Returns how many bytes that makes.
///
/// # Panics
///
/// If the query is refused.
#[must_use]
pub fn send(query: &Query) -> usize {
    let mut connection = ready();
    connection.wrote(connection.pending_bytes().len());
    connection
        .run(query, &Extra::default())
        .expect("the connection is ready");
    let mut sent = 0;
    while !connection.pending_bytes().is_empty() {
        let len = connection.pending_bytes().len();
        sent += len;
        connection.wrote(len);
    }
    sent
}
