//! The ways of reading.

use bolt_proto::packstream::ValueRef;
use bolt_proto::types::{Date, DateTime, Duration, LocalDateTime, Node, Time};
use bolt_proto::value::Value;
use bolt_proto::{ConversionError, RecordRef};

use crate::row::{Case, Row, trees};
use crate::rows::Sum;
use crate::walk::{is_text, walk};
use crate::{Stage, with_case};

/// A way of reading a batch of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// Without a connection: the lower bound.
    Walk,
    /// The same with the standard library's check of UTF-8, the only way to text without unsafe code.
    Safe,
    /// Every column as a view, in place.
    Views,
    /// Every column by its name, as its own type, borrowed where possible.
    Get,
    /// The row as a struct with serde, borrowed where possible.
    Borrowed,
    /// The row as a struct with serde, owned.
    Owned,
    /// The row kept as a record.
    Kept,
    /// Every column as an owned tree.
    Trees,
}

impl Read {
    /// All ways, the lower bound first.
    pub const ALL: [Self; 8] = [
        Self::Walk,
        Self::Safe,
        Self::Views,
        Self::Get,
        Self::Borrowed,
        Self::Owned,
        Self::Kept,
        Self::Trees,
    ];

    /// Returns its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Walk => "walk",
            Self::Safe => "safe",
            Self::Views => "views",
            Self::Get => "get",
            Self::Borrowed => "borrowed",
            Self::Owned => "owned",
            Self::Kept => "kept",
            Self::Trees => "trees",
        }
    }

    /// Reads the batch that has arrived, and returns the sum of its content. `Kept` reads nothing and adds up the
    /// number of columns.
    ///
    /// # Panics
    ///
    /// If a row does not match the workload.
    #[inline(never)]
    pub fn run(self, stage: &mut Stage) -> u64 {
        let workload = stage.workload;
        match self {
            Self::Walk => walk(&stage.batch, is_text),
            Self::Safe => walk(&stage.batch, |text| std::str::from_utf8(text).is_ok()),
            Self::Views => each(stage, |row| {
                views(row).expect("the row is as the workload has it")
            }),
            Self::Get => with_case!(workload, C => each(stage, |row| C::get(row))),
            Self::Borrowed => with_case!(workload, C => each(stage, borrowed::<C>)),
            Self::Owned => with_case!(workload, C => each(stage, owned::<C>)),
            Self::Kept => each(stage, |row| row.to_record().len() as u64),
            Self::Trees => each(stage, |row| trees(row)),
        }
    }
}

#[inline]
fn each(stage: &mut Stage, mut read: impl FnMut(RecordRef<'_>) -> u64) -> u64 {
    let mut sum = 0_u64;
    stage.rows(|row| sum = sum.wrapping_add(read(row)));
    sum
}

#[inline]
fn borrowed<C: Case>(row: RecordRef<'_>) -> u64 {
    Row::to::<C::Borrowed<'_>>(row).sum()
}

#[inline]
fn owned<C: Case>(row: RecordRef<'_>) -> u64 {
    Row::to::<C::Owned>(row).sum()
}

pub(crate) fn get_wide<'a>(row: impl Row<'a>) -> u64 {
    let numbers = row.get::<i64>("a").sum().wrapping_add(row.get::<i64>("b").sum());
    let floats = row.get::<f64>("c").sum().wrapping_add(row.get::<f64>("h").sum());
    let texts = row.get::<&str>("d").sum() + row.get::<&str>("g").sum() + row.get::<&str>("j").sum();
    let others = u64::from(row.get::<bool>("e")) + row.get::<Option<&str>>("f").map_or(0, |f| f.sum());
    numbers
        .wrapping_add(floats)
        .wrapping_add(texts + others)
        .wrapping_add(row.get::<i64>("i").sum())
}

pub(crate) fn get_temporal<'a>(row: impl Row<'a>) -> u64 {
    let date = row
        .get::<Date>("date")
        .sum()
        .wrapping_add(row.get::<Time>("time").sum());
    let local = row.get::<LocalDateTime>("local").sum();
    let instant = row
        .get::<DateTime>("instant")
        .sum()
        .wrapping_add(row.get::<Duration>("amount").sum());
    date.wrapping_add(local).wrapping_add(instant)
}

fn views(row: RecordRef<'_>) -> Result<u64, ConversionError> {
    row.iter()
        .try_fold(0_u64, |sum, (_, value)| Ok(sum.wrapping_add(view(value?)?)))
}

fn view(value: ValueRef<'_>) -> Result<u64, ConversionError> {
    Ok(match value {
        ValueRef::Boolean(value) => u64::from(value),
        ValueRef::Integer(value) => value.sum(),
        ValueRef::Float(value) => value.sum(),
        ValueRef::String(value) => value.sum(),
        ValueRef::List(list) => list.iter().try_fold(0_u64, |sum, item| {
            Ok::<_, ConversionError>(sum.wrapping_add(view(item?)?))
        })?,
        ValueRef::Map(map) => map.iter().try_fold(0_u64, |sum, entry| {
            let (key, value) = entry?;
            Ok::<_, ConversionError>(sum.wrapping_add(key.sum()).wrapping_add(view(value)?))
        })?,
        ValueRef::Structure(structure) => structure.fields().try_fold(0_u64, |sum, field| {
            Ok::<_, ConversionError>(sum.wrapping_add(view(field?)?))
        })?,
        _ => 0,
    })
}

impl Sum for Value {
    fn sum(&self) -> u64 {
        match self {
            Self::Boolean(value) => u64::from(*value),
            Self::Integer(value) => value.sum(),
            Self::Float(value) => value.sum(),
            Self::String(value) => value.sum(),
            Self::List(items) => items.sum(),
            Self::Node(node) => node_sum(node),
            Self::Date(value) => value.sum(),
            Self::Time(value) => value.sum(),
            Self::LocalDateTime(value) => value.sum(),
            Self::DateTime(value) => value.sum(),
            Self::Duration(value) => value.sum(),
            _ => 0,
        }
    }
}

pub(crate) fn node_sum(node: &Node) -> u64 {
    let properties = node.properties.iter();
    let properties = properties.fold(0_u64, |sum, (name, value)| {
        sum.wrapping_add(name.sum()).wrapping_add(value.sum())
    });
    node.id
        .sum()
        .wrapping_add(node.element_id.sum())
        .wrapping_add(node.labels.sum())
        .wrapping_add(properties)
}
