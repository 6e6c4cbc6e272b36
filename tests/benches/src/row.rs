//! Rows of the protocol's core and rows of the driver, read alike.

use bolt_proto::{ColumnIndex, FromValue, Value};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::reads::{get_temporal, get_wide, node_sum};
use crate::rows::{Folded, Ints, Lists, Nodes, Strings, Sum, Temporal, Wide};
use bolt_proto::types::Node;

/// A row. What cannot be read is a mistake of the benchmark, so it panics.
pub trait Row<'a>: Copy {
    /// Reads a column.
    fn get<T: FromValue<'a>>(self, column: impl ColumnIndex) -> T;

    /// Reads all columns.
    fn to<T: Deserialize<'a>>(self) -> T;

    /// Returns the number of columns.
    fn columns(self) -> usize;
}

macro_rules! rows {
    ($($row:ty: $inherent:ty),*) => {$(
        impl<'a> Row<'a> for $row {
            #[inline]
            fn get<T: FromValue<'a>>(self, column: impl ColumnIndex) -> T {
                <$inherent>::get(&self, column).expect("the row is as the workload has it")
            }

            #[inline]
            fn to<T: Deserialize<'a>>(self) -> T {
                <$inherent>::to(&self).expect("the row is as the workload has it")
            }

            #[inline]
            fn columns(self) -> usize {
                <$inherent>::len(&self)
            }
        }
    )*};
}

rows!(
    bolt_proto::RecordRef<'a>: bolt_proto::RecordRef<'a>,
    bolt_client::RecordRef<'a>: bolt_client::RecordRef<'a>,
    &'a bolt_client::Record: bolt_client::Record
);

/// How the rows of one workload are read.
pub trait Case {
    /// The row as a struct, borrowed where possible.
    type Borrowed<'a>: Deserialize<'a> + Sum;
    /// The row as an owned struct.
    type Owned: DeserializeOwned + Sum;

    /// Reads every column by its name, as its own type, borrowed where possible. Returns the sum of the content.
    fn get<'a>(row: impl Row<'a>) -> u64;
}

/// Reads every column as an owned tree. Returns the sum of the content.
#[inline]
pub fn trees<'a>(row: impl Row<'a>) -> u64 {
    (0..row.columns()).fold(0, |sum, column| sum.wrapping_add(row.get::<Value>(column).sum()))
}

/// The workloads as types, named as in [`Workload`](crate::Workload).
macro_rules! cases {
    ($($(#[$doc:meta])* $case:ident: $borrowed:ty, $owned:ty, |$row:ident| $get:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $case;

        impl Case for $case {
            type Borrowed<'a> = $borrowed;
            type Owned = $owned;

            #[inline]
            fn get<'a>($row: impl Row<'a>) -> u64 {
                $get
            }
        }
    )*};
}

cases! {
    /// One integer.
    IntsCase: Ints, Ints, |row| row.get::<i64>("n").sum();
    /// Ten columns.
    WideCase: Wide<&'a str>, Wide<String>, |row| get_wide(row);
    /// One node.
    NodesCase: Nodes<&'a str, Folded<&'a str>>, Nodes<String, Vec<String>>, |row| node_sum(&row.get::<Node>("n"));
    /// One string.
    StringsCase: Strings<&'a str>, Strings<String>, |row| row.get::<&str>("s").sum();
    /// One list of floats.
    ListsCase: Lists<Folded<f64>>, Lists<Vec<f64>>, |row| row.get::<Vec<f64>>("xs").sum();
    /// Five temporal values.
    TemporalCase: Temporal, Temporal, |row| get_temporal(row);
}

/// Evaluates an expression for the [`Case`] of a workload: `with_case!(workload, C => read::<C>(stage))`.
#[macro_export]
macro_rules! with_case {
    ($workload:expr, $case:ident => $work:expr) => {
        match $workload {
            $crate::Workload::Ints => {
                type $case = $crate::row::IntsCase;
                $work
            }
            $crate::Workload::Wide => {
                type $case = $crate::row::WideCase;
                $work
            }
            $crate::Workload::Nodes => {
                type $case = $crate::row::NodesCase;
                $work
            }
            $crate::Workload::Strings => {
                type $case = $crate::row::StringsCase;
                $work
            }
            $crate::Workload::Lists => {
                type $case = $crate::row::ListsCase;
                $work
            }
            $crate::Workload::Temporal => {
                type $case = $crate::row::TemporalCase;
                $work
            }
        }
    };
}
