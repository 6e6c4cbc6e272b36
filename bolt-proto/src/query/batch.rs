//! A query with a list that is filled row by row.

use core::fmt;

use ::serde::Serialize;

use super::Query;
use crate::error::EncodeError;
use crate::packstream::{MAX_LEN, marker, write};
use crate::serde::{Sink, write_value};
use crate::value::{Encoder, Mark, Output, ToValue};

/// A query of which one parameter is a list of rows that are added one by one, for loading much in batches.
///
/// Each row is encoded once, where the query is sent from. So the memory of the rows themselves is free as soon as they are
/// added, and their number of bytes is known.
///
/// ```
/// # use bolt_proto as bolt;
/// use bolt::{Batch, Query};
///
/// let mut batch = Batch::new(Query::new("UNWIND $rows AS n CREATE (:Number {n: n})"), "rows")?;
/// batch.push(&1)?;
/// batch.push(&2)?;
/// assert_eq!((batch.len(), batch.query().check()), (2, Ok(())));
/// # Ok::<(), bolt::EncodeError>(())
/// ```
///
/// `Debug` shows neither the text nor the rows.
pub struct Batch {
    query: Query,
    /// The position of the parameter, and of the first row.
    start: usize,
    first: Mark,
    /// Whether date-times were among the parameters before the rows.
    has_date_times: bool,
    needs: Option<(crate::Version, usize)>,
    rows: usize,
}

/// The size of the number of rows in the header of the list.
const COUNT: usize = size_of::<u32>();

impl Batch {
    /// Adds a parameter of this name to the query: a list without rows.
    ///
    /// # Errors
    ///
    /// If a parameter of the query could not be encoded, or it has one of this name.
    pub fn new(mut query: Query, parameter: &str) -> Result<Self, EncodeError> {
        query.check().map_err(Clone::clone)?;
        if query.is_given(parameter) {
            return Err(EncodeError::twice().at_parameter(parameter));
        }
        let has_date_times = query.parameters.out.has_date_times;
        let needs = query.parameters.needs;
        query.parameters.open();
        let out = &mut query.parameters.out;
        let start = out.bytes.len();
        write::string(&mut out.bytes, parameter)?;
        // The count follows in 32 bits, whatever it is, so that it can be corrected in place.
        out.bytes.extend_from_slice(&[marker::LIST_32, 0, 0, 0, 0]);
        let first = out.mark();
        query.parameters.written(start);
        Ok(Self {
            query,
            start,
            first,
            has_date_times,
            needs,
            rows: 0,
        })
    }

    /// Adds a row, by serde.
    ///
    /// # Errors
    ///
    /// If the row cannot be sent. It is left out, and the batch is as before.
    #[inline]
    pub fn push<T: Serialize + ?Sized>(&mut self, row: &T) -> Result<(), EncodeError> {
        self.add(|encoder| write_value(encoder.into_output(), row))
    }

    /// Adds a row, by its [`ToValue`].
    ///
    /// # Errors
    ///
    /// As for [`push`](Self::push).
    #[inline]
    pub fn push_value<T: ToValue + ?Sized>(&mut self, row: &T) -> Result<(), EncodeError> {
        self.add(|encoder| row.to_value(encoder))
    }

    /// Returns the number of rows.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rows
    }

    /// Returns whether there are no rows.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Returns the number of bytes that the rows take.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let len = self.query.parameters.out.bytes.len();
        len.saturating_sub(self.first.position())
    }

    /// Returns the query with the rows that were added.
    #[must_use]
    pub const fn query(&self) -> &Query {
        &self.query
    }

    /// Removes all rows. Their memory is kept for the next ones.
    pub fn clear(&mut self) {
        let parameters = &mut self.query.parameters;
        parameters.out.back_to(self.first);
        parameters.out.has_date_times = self.has_date_times;
        parameters.needs = self.needs;
        self.rows = 0;
        self.write_count(0);
    }

    fn add(
        &mut self,
        write_row: impl FnOnce(Encoder<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let rows = self.rows.saturating_add(1);
        let count = u32::try_from(rows).ok().filter(|_| rows <= MAX_LEN);
        let count = count.ok_or_else(|| EncodeError::too_long("a list", rows))?;
        let out = &mut self.query.parameters.out;
        nested(out, write_row)?;
        self.query.parameters.need_since(self.start);
        self.rows = rows;
        self.write_count(count);
        Ok(())
    }

    fn write_count(&mut self, count: u32) {
        let end = self.first.position();
        let place = end.saturating_sub(COUNT)..end;
        if let Some(place) = self.query.parameters.out.bytes.get_mut(place) {
            place.copy_from_slice(&count.to_be_bytes());
        }
    }
}

/// Writes an item of a list.
fn nested(
    out: &mut Output,
    write: impl FnOnce(Encoder<'_>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    out.enter()?;
    let written = out.one(write);
    out.leave();
    written
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("query", &self.query)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;
    use crate::serde::Serde;
    use crate::types::{Date, Uuid, ZonedDateTime};
    use crate::{Value, Version, list};

    fn batch(query: Query) -> Batch {
        Batch::new(query, "rows").unwrap()
    }

    /// Returns the rows as a peer reads them.
    fn rows_of(batch: &Batch) -> Value {
        let parameters = batch.query().parameters();
        let mut reader = crate::packstream::Reader::new(parameters.bytes);
        let mut rows = None;
        for _ in 0..parameters.count {
            let name = reader.key().unwrap();
            let value = Value::read(&mut reader).unwrap();
            rows = Some(value).filter(|_| name == "rows").or(rows);
        }
        assert!(reader.rest().is_empty());
        rows.unwrap()
    }

    use crate::FromValue;

    #[test]
    fn rows_are_a_list_after_the_other_parameters() {
        let mut batch = batch(Query::new("…").param("a", 1));
        assert_eq!((batch.is_empty(), rows_of(&batch)), (true, list![]));
        batch.push(&("x", 1)).unwrap();
        batch.push_value(&Date::new(2026, 1, 2).unwrap()).unwrap();
        let expected = list![list!["x", 1], Date::new(2026, 1, 2).unwrap()];
        assert_eq!((batch.len(), rows_of(&batch)), (2, expected));
        batch.clear();
        batch.push(&7).unwrap();
        assert_eq!(
            (batch.len(), batch.encoded_len(), rows_of(&batch)),
            (1, 1, list![7])
        );
        assert_eq!(batch.query().names().collect::<Vec<_>>(), ["a", "rows"]);
    }

    #[test]
    fn a_row_that_cannot_be_sent_leaves_the_batch_as_it_was() {
        let mut batch = batch(Query::new("…"));
        batch.push(&1).unwrap();
        let bytes = batch.query().parameters().bytes.to_vec();
        let error = batch.push(&(1, u64::MAX)).unwrap_err();
        assert!(error.to_string().contains("64 bits"), "{error}");
        assert!(
            batch.push(&vec![1_u8, 2]).is_err(),
            "bytes are refused as elsewhere"
        );
        assert_eq!((batch.len(), batch.query().parameters().bytes), (1, &bytes[..]));
        batch.push(&2).unwrap();
        assert_eq!(rows_of(&batch), list![1, 2]);
    }

    #[test]
    fn a_query_with_errors_or_with_such_a_parameter_is_refused() {
        let twice = Batch::new(Query::new("…").param("rows", 1), "rows").unwrap_err();
        assert_eq!(twice.parameter(), Some("rows"));
        let wrong = Batch::new(Query::new("…").param("n", u64::MAX), "rows").unwrap_err();
        assert_eq!(wrong.parameter(), Some("n"));
    }

    #[test]
    fn what_rows_need_is_forgotten_with_them() {
        let mut batch = batch(Query::new("…"));
        batch.push_value(&Uuid::from_bytes([7; 16])).unwrap();
        batch
            .push(&"2026-01-02T03:04:05Z[UTC]".parse::<ZonedDateTime>().unwrap())
            .unwrap();
        assert_eq!(batch.query().needs(), Some((Version::V6_1, "rows")));
        assert!(batch.query().parameters().has_legacy_form());
        batch.clear();
        assert_eq!(batch.query().needs(), None);
        assert!(!batch.query().parameters().has_legacy_form());
    }

    #[test]
    fn rows_are_one_level_deeper_than_they_would_be_alone() {
        let mut deepest = Value::from(1);
        for _ in 0..crate::packstream::MAX_DEPTH {
            deepest = Value::List(vec![deepest]);
        }
        assert_eq!(Query::new("…").param("n", &deepest).check(), Ok(()));
        assert!(batch(Query::new("…")).push_value(&deepest).is_err());
    }

    proptest! {
        #[test]
        fn a_batch_says_what_a_parameter_with_all_rows_says(
            rows in prop::collection::vec((any::<i64>(), ".{0,9}", any::<Option<bool>>()), 0..40),
        ) {
            let mut batch = batch(Query::new("…").param("a", "b"));
            for row in &rows {
                batch.push(row).unwrap();
            }
            let whole = Query::new("…").param("rows", Serde(&rows));
            let mut reader = crate::packstream::Reader::new(whole.parameters().bytes);
            reader.key().unwrap();
            prop_assert_eq!(rows_of(&batch), Value::read(&mut reader).unwrap());
        }
    }
}
