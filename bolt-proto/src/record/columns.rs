//! Rows, column by column.

use alloc::vec::Vec;

use super::RecordRef;
use crate::error::ConversionError;
use crate::keys::Keys;
use crate::packstream::Reader;
use crate::value::FromValue;

/// The columns of a result, each as a vector: `Vec<i64>` for a result of one column, `(Vec<i64>, Vec<Option<String>>)` for
/// one of two, and so on for up to 16 columns. The columns are read by their order.
///
/// The items are any [`FromValue`] that borrows nothing. A column that contains null is a vector of `Option`s.
///
/// The trait is sealed: it cannot be implemented outside of this crate, so that it can change. Use it as a bound.
///
/// ```
/// # use bolt_proto as bolt;
/// use bolt::{ConversionError, RecordRef};
///
/// fn people(rows: &[RecordRef<'_>]) -> Result<(Vec<String>, Vec<Option<i64>>), ConversionError> {
///     let mut columns = (Vec::new(), Vec::new());
///     for row in rows {
///         row.append_to(&mut columns)?;
///     }
///     Ok(columns)
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no set of columns",
    note = "columns are a `Vec`, or a tuple of up to 16 of them, such as `(Vec<i64>, Vec<Option<String>>)`",
    note = "each item is a type that implements `FromValue` and borrows nothing"
)]
pub trait Columns: Sized + sealed::Sealed {
    /// The number of columns.
    #[doc(hidden)]
    const COUNT: usize;

    /// Returns columns without values.
    #[doc(hidden)]
    fn empty() -> Self;

    /// Appends the values of a row. Fails with the index of the column that cannot be read.
    #[doc(hidden)]
    fn push(&mut self, row: &mut Reader<'_>) -> Result<(), (usize, ConversionError)>;

    /// Checks that a result with these names has as many columns.
    #[doc(hidden)]
    fn check(names: &Keys) -> Result<(), ConversionError> {
        if names.len() == Self::COUNT {
            Ok(())
        } else {
            Err(ConversionError::wrong_len("a record", Self::COUNT, names.len()))
        }
    }
}

impl RecordRef<'_> {
    /// Appends each value of the row to its column.
    ///
    /// # Errors
    ///
    /// If the row has not as many columns, or a value cannot be read as the type of its column: then the columns before it
    /// have one value more than the rest. The error names the column.
    #[inline]
    pub fn append_to<C: Columns>(&self, columns: &mut C) -> Result<(), ConversionError> {
        if self.columns != C::COUNT {
            return Err(ConversionError::wrong_len("a record", C::COUNT, self.columns));
        }
        columns
            .push(&mut Reader::new(self.values))
            .map_err(|(index, error)| self.at(error, index))
    }
}

impl<T: for<'v> FromValue<'v>> Columns for Vec<T> {
    const COUNT: usize = 1;

    fn empty() -> Self {
        Self::new()
    }

    #[inline]
    fn push(&mut self, row: &mut Reader<'_>) -> Result<(), (usize, ConversionError)> {
        append(self, row, 0)
    }
}

/// Implements [`Columns`] for tuples of vectors.
macro_rules! tuples {
    ($($count:literal: $($item:ident $index:tt)*;)*) => {$(
        impl<$($item: for<'v> FromValue<'v>),*> Columns for ($(Vec<$item>,)*) {
            const COUNT: usize = $count;

            fn empty() -> Self {
                ($(Vec::<$item>::new(),)*)
            }

            #[inline]
            fn push(&mut self, row: &mut Reader<'_>) -> Result<(), (usize, ConversionError)> {
                $(append(&mut self.$index, row, $index)?;)*
                Ok(())
            }
        }

        impl<$($item),*> sealed::Sealed for ($(Vec<$item>,)*) {}
    )*};
}

tuples! {
    1: A 0;
    2: A 0 B 1;
    3: A 0 B 1 C 2;
    4: A 0 B 1 C 2 D 3;
    5: A 0 B 1 C 2 D 3 E 4;
    6: A 0 B 1 C 2 D 3 E 4 F 5;
    7: A 0 B 1 C 2 D 3 E 4 F 5 G 6;
    8: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7;
    9: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8;
    10: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9;
    11: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10;
    12: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11;
    13: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11 M 12;
    14: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11 M 12 N 13;
    15: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11 M 12 N 13 O 14;
    16: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11 M 12 N 13 O 14 P 15;
}

/// Appends the next value of a row to the column at `index`.
#[inline]
fn append<T: for<'v> FromValue<'v>>(
    column: &mut Vec<T>,
    row: &mut Reader<'_>,
    index: usize,
) -> Result<(), (usize, ConversionError)> {
    match T::read(row) {
        Ok(value) => {
            push(column, value);
            Ok(())
        }
        Err(error) => Err((index, error)),
    }
}

/// Appends an item. A vector that is long grows by little: while it grows, its old memory and its new memory exist, and
/// more than twice its content would be too much.
#[doc(hidden)]
#[inline]
pub fn push<T>(items: &mut Vec<T>, item: T) {
    if items.len() == items.capacity() {
        make_room(items);
    }
    items.push(item);
}

#[cold]
fn make_room<T>(items: &mut Vec<T>) {
    const LONG: usize = 1024 * 1024;
    if items.len().saturating_mul(size_of::<T>()) >= LONG {
        items.reserve_exact(items.len() / 8);
    }
}

mod sealed {
    use alloc::vec::Vec;

    #[expect(unnameable_types, reason = "a sealed trait has a supertrait without a path")]
    pub trait Sealed {}

    impl<T> Sealed for Vec<T> {}
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};
    use alloc::vec;

    use proptest::prelude::*;

    use super::*;
    use crate::Serde;
    use crate::value::{Output, ToValue, Value};

    /// Encodes a row.
    fn row(values: &[Value]) -> Vec<u8> {
        let mut out = Output::default();
        for value in values {
            out.one(|encoder| value.to_value(encoder)).unwrap();
        }
        out.bytes
    }

    #[test]
    fn values_are_appended_to_their_columns() {
        let keys = Keys::new(["id", "name", "tags"]);
        let mut columns = <(Vec<i64>, Vec<Option<String>>, Vec<Vec<f64>>)>::empty();
        for values in [
            [Value::from(1), Value::from("Ada"), crate::list![1, 2.5]],
            [Value::from(2), Value::Null, crate::list![]],
        ] {
            RecordRef::new(&keys, 3, &row(&values))
                .append_to(&mut columns)
                .unwrap();
        }
        let names = vec![Some("Ada".to_string()), None];
        assert_eq!(columns, (vec![1, 2], names, vec![vec![1.0, 2.5], vec![]]));
    }

    #[test]
    fn an_error_names_the_column_and_the_types() {
        let keys = Keys::new(["id", "name"]);
        let bytes = row(&[Value::from(1), Value::from(2)]);
        let two = RecordRef::new(&keys, 2, &bytes);
        let error = two
            .append_to(&mut <(Vec<i64>, Vec<String>)>::empty())
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"column "name": expected a string, found an integer"#
        );
        let error = error.at_row(17);
        assert_eq!(
            error.to_string(),
            r#"row 17, column "name": expected a string, found an integer"#
        );
        assert_eq!((error.column(), error.row()), (Some("name"), Some(17)));
        let error = two.append_to(&mut Vec::<i64>::new()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected a record of length 1, found one of length 2"
        );
        assert!(<(Vec<i64>, Vec<i64>)>::check(&keys).is_ok() && Vec::<i64>::check(&keys).is_err());
    }

    #[test]
    fn a_type_that_does_not_read_its_value_to_the_end_does_not_shift_the_columns_after_it() {
        let keys = Keys::new(["a", "b"]);
        let bytes = row(&[crate::list![5, 6], Value::from(7)]);
        let mut columns = <(Vec<Serde<serde::de::IgnoredAny>>, Vec<i64>)>::empty();
        RecordRef::new(&keys, 2, &bytes).append_to(&mut columns).unwrap();
        assert_eq!(columns.1, [7]);
    }

    #[test]
    fn a_long_vector_grows_by_an_eighth() {
        let mut items = Vec::new();
        for item in 0..1_000_000_u64 {
            push(&mut items, item);
            let len = items.len();
            assert!(len < 200_000 || items.capacity() <= len + len / 8, "{len}");
        }
        assert!(items.into_iter().eq(0..1_000_000));
    }

    proptest! {
        #[test]
        fn columns_contain_what_rows_contain(
            rows in prop::collection::vec((any::<i64>(), any::<Option<bool>>(), ".{0,9}"), 0..20),
            cut in any::<prop::sample::Index>(),
        ) {
            let keys = Keys::new(["a", "b", "c"]);
            let mut columns = <(Vec<i64>, Vec<Option<bool>>, Vec<String>)>::empty();
            for (a, b, c) in &rows {
                let values = [Value::from(*a), b.map_or(Value::Null, Value::from), Value::from(&**c)];
                let bytes = row(&values);
                RecordRef::new(&keys, 3, &bytes).append_to(&mut columns).unwrap();
                // A row that is cut off is an error.
                let short = &bytes[..cut.index(bytes.len())];
                prop_assert!(RecordRef::new(&keys, 3, short).append_to(&mut <(Vec<i64>, Vec<Option<bool>>, Vec<String>)>::empty()).is_err());
            }
            let read: Vec<_> = columns.0.into_iter().zip(columns.1).zip(columns.2).map(|((a, b), c)| (a, b, c)).collect();
            prop_assert_eq!(read, rows);
        }
    }
}
