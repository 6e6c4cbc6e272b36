//! One column of a record batch, whose type is that of its first value.

use std::mem;
use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Date32Builder, FixedSizeBinaryBuilder, Float64Builder, Int64Builder,
    IntervalMonthDayNanoBuilder, NullBufferBuilder, StringBuilder, Time64NanosecondBuilder,
    TimestampNanosecondBuilder,
};
use arrow_array::{Array, ArrayRef, ListArray, NullArray};
use arrow_buffer::{IntervalMonthDayNano, OffsetBuffer, ScalarBuffer};
use arrow_schema::Field;
use bolt_proto::types::{Duration, ListRef, ValueRef, Vector};
use bolt_proto::{ConversionError, FromValue, Value};

/// The values of one column.
#[derive(Debug)]
pub(super) enum Column {
    /// Only nulls so far: this many.
    Null(usize),
    Boolean(BooleanBuilder),
    Integer(Int64Builder),
    Float(Float64Builder),
    String(StringBuilder),
    Bytes(BinaryBuilder),
    Uuid(FixedSizeBinaryBuilder),
    Date(Date32Builder),
    Time(Time64NanosecondBuilder),
    /// Date-times without a zone.
    Local(TimestampNanosecondBuilder),
    /// Points in time.
    Instant(TimestampNanosecondBuilder),
    Duration(IntervalMonthDayNanoBuilder),
    List(Box<List>),
}

/// Lists, whose items are a column of their own.
#[derive(Debug)]
pub(super) struct List {
    /// Where each list ends among the items, after the begin of the first.
    ends: Vec<i32>,
    nulls: NullBufferBuilder,
    items: Column,
}

/// The most bytes in a column of strings or bytes, and the most items in one of lists: Arrow counts them in 32 bits.
const MAX_LEN: usize = i32::MAX as usize;

impl Default for Column {
    fn default() -> Self {
        Self::Null(0)
    }
}

/// Begins a column with this many nulls.
macro_rules! begin {
    ($nulls:expr, $builder:expr) => {{
        let mut builder = $builder;
        for _ in 0..$nulls {
            builder.append_null();
        }
        builder
    }};
}

/// Appends a value to the column of its type; a column of nulls becomes one of that type.
macro_rules! append {
    ($column:expr, $kind:ident, $builder:expr, $value:expr, $found:literal) => {{
        if let Self::Null(nulls) = $column {
            let nulls = *nulls;
            *$column = Self::$kind(begin!(nulls, $builder));
        }
        match $column {
            Self::$kind(builder) => {
                builder.append_value($value);
                Ok(())
            }
            other => Err(other.mixed($found)),
        }
    }};
}

impl Column {
    /// Appends a value.
    ///
    /// # Errors
    /// If the value has no type in Arrow, does not fit there, or is of another type than those before it.
    pub(super) fn push(&mut self, value: ValueRef<'_>) -> Result<(), ConversionError> {
        match value {
            ValueRef::Null => {
                self.push_null();
                Ok(())
            }
            ValueRef::Boolean(value) => append!(self, Boolean, BooleanBuilder::new(), value, "a boolean"),
            ValueRef::Integer(value) => append!(self, Integer, Int64Builder::new(), value, "an integer"),
            ValueRef::Float(value) => append!(self, Float, Float64Builder::new(), value, "a float"),
            ValueRef::String(value) => {
                self.check_room(value.len())?;
                append!(self, String, StringBuilder::new(), value, "a string")
            }
            ValueRef::Bytes(value) => {
                self.check_room(value.len())?;
                append!(self, Bytes, BinaryBuilder::new(), value, "bytes")
            }
            ValueRef::List(items) => self.push_list(items),
            ValueRef::Map(_) => Err(without_type(&value)),
            value => self.push_value(&value),
        }
    }

    fn push_null(&mut self) {
        match self {
            Self::Null(nulls) => *nulls += 1,
            Self::Boolean(values) => values.append_null(),
            Self::Integer(values) => values.append_null(),
            Self::Float(values) => values.append_null(),
            Self::String(values) => values.append_null(),
            Self::Bytes(values) => values.append_null(),
            Self::Uuid(values) => values.append_null(),
            Self::Date(values) => values.append_null(),
            Self::Time(values) => values.append_null(),
            Self::Local(values) | Self::Instant(values) => values.append_null(),
            Self::Duration(values) => values.append_null(),
            Self::List(lists) => lists.push_null(),
        }
    }

    /// Appends a value that is a structure.
    fn push_value(&mut self, found: &ValueRef<'_>) -> Result<(), ConversionError> {
        match Value::from_value(*found)? {
            Value::Date(date) => {
                let days = i32::try_from(date.days()).map_err(|_| does_not_fit("the date"))?;
                append!(self, Date, Date32Builder::new(), days, "a date")
            }
            Value::LocalTime(time) => {
                let nanos = i64::try_from(time.nanos()).map_err(|_| does_not_fit("the time"))?;
                append!(self, Time, Time64NanosecondBuilder::new(), nanos, "a local time")
            }
            Value::LocalDateTime(at) => {
                let nanos = nanos(at.seconds(), at.nanosecond())?;
                append!(
                    self,
                    Local,
                    TimestampNanosecondBuilder::new(),
                    nanos,
                    "a local date-time"
                )
            }
            Value::DateTime(at) => self.push_instant(at.unix_seconds(), at.nanosecond()),
            Value::ZonedDateTime(at) => match at.unix_seconds() {
                Some(seconds) => self.push_instant(seconds, at.nanosecond()),
                None => Err(ConversionError::custom(
                    "a date-time with a zone came without its offset from UTC: return it as a string",
                )),
            },
            Value::Duration(duration) => {
                let interval = interval(&duration)?;
                append!(
                    self,
                    Duration,
                    IntervalMonthDayNanoBuilder::new(),
                    interval,
                    "a duration"
                )
            }
            Value::Uuid(uuid) => self.push_uuid(&uuid.bytes()),
            Value::Vector(vector) => self.push_vector(&vector),
            _ => Err(without_type(found)),
        }
    }

    fn push_instant(&mut self, seconds: i64, nanosecond: u32) -> Result<(), ConversionError> {
        let nanos = nanos(seconds, nanosecond)?;
        let builder = TimestampNanosecondBuilder::new().with_timezone("UTC");
        append!(self, Instant, builder, nanos, "a date-time")
    }

    fn push_uuid(&mut self, uuid: &[u8; 16]) -> Result<(), ConversionError> {
        if let Self::Null(nulls) = self {
            *self = Self::Uuid(begin!(*nulls, FixedSizeBinaryBuilder::new(16)));
        }
        match self {
            Self::Uuid(values) => values.append_value(uuid).map_err(refused),
            other => Err(other.mixed("a UUID")),
        }
    }

    fn push_list(&mut self, items: ListRef<'_>) -> Result<(), ConversionError> {
        let list = self.lists()?;
        for (index, item) in items.iter().enumerate() {
            list.items.push(item?).map_err(|error| error.at_item(index))?;
        }
        list.end()
    }

    /// Appends a vector as the list of its elements.
    fn push_vector(&mut self, vector: &Vector) -> Result<(), ConversionError> {
        let list = self.lists()?;
        let items = &mut list.items;
        let mut push = |item| items.push(item);
        match vector {
            Vector::Int8(all) => all
                .iter()
                .try_for_each(|&item| push(ValueRef::Integer(item.into()))),
            Vector::Int16(all) => all
                .iter()
                .try_for_each(|&item| push(ValueRef::Integer(item.into()))),
            Vector::Int32(all) => all
                .iter()
                .try_for_each(|&item| push(ValueRef::Integer(item.into()))),
            Vector::Int64(all) => all.iter().try_for_each(|&item| push(ValueRef::Integer(item))),
            Vector::Float32(all) => all
                .iter()
                .try_for_each(|&item| push(ValueRef::Float(item.into()))),
            Vector::Float64(all) => all.iter().try_for_each(|&item| push(ValueRef::Float(item))),
            _ => Err(ConversionError::custom(
                "the vector has elements of an unknown type",
            )),
        }?;
        list.end()
    }

    /// Returns the lists of this column.
    fn lists(&mut self) -> Result<&mut List, ConversionError> {
        if let Self::Null(nulls) = self {
            let mut lists = List::new();
            (0..*nulls).for_each(|_| lists.push_null());
            *self = Self::List(Box::new(lists));
        }
        match self {
            Self::List(list) => Ok(list),
            other => Err(other.mixed("a list")),
        }
    }

    /// Returns the values.
    ///
    /// # Errors
    /// If Arrow refuses them, which would be a bug.
    pub(super) fn finish(self) -> Result<ArrayRef, ConversionError> {
        Ok(match self {
            Self::Null(nulls) => Arc::new(NullArray::new(nulls)),
            Self::Boolean(mut values) => Arc::new(values.finish()),
            Self::Integer(mut values) => Arc::new(values.finish()),
            Self::Float(mut values) => Arc::new(values.finish()),
            Self::String(mut values) => Arc::new(values.finish()),
            Self::Bytes(mut values) => Arc::new(values.finish()),
            Self::Uuid(mut values) => Arc::new(values.finish()),
            Self::Date(mut values) => Arc::new(values.finish()),
            Self::Time(mut values) => Arc::new(values.finish()),
            Self::Local(mut values) | Self::Instant(mut values) => Arc::new(values.finish()),
            Self::Duration(mut values) => Arc::new(values.finish()),
            Self::List(lists) => Arc::new(lists.finish()?),
        })
    }

    /// Checks that so many bytes can be added.
    fn check_room(&self, len: usize) -> Result<(), ConversionError> {
        let used = match self {
            Self::String(values) => values.values_slice().len(),
            Self::Bytes(values) => values.values_slice().len(),
            _ => 0,
        };
        if len > MAX_LEN - used {
            return Err(does_not_fit("a column of more than 2 GiB"));
        }
        Ok(())
    }

    #[cold]
    fn mixed(&self, found: &str) -> ConversionError {
        let kind = match self {
            Self::Null(_) => "null",
            Self::Boolean(_) => "booleans",
            Self::Integer(_) => "integers",
            Self::Float(_) => "floats",
            Self::String(_) => "strings",
            Self::Bytes(_) => "bytes",
            Self::Uuid(_) => "UUIDs",
            Self::Date(_) => "dates",
            Self::Time(_) => "local times",
            Self::Local(_) => "local date-times",
            Self::Instant(_) => "date-times",
            Self::Duration(_) => "durations",
            Self::List(_) => "lists",
        };
        ConversionError::custom(format!(
            "found {found} in a column of {kind}: convert them to one type in the query, by toFloat or toString for example"
        ))
    }
}

impl List {
    fn new() -> Self {
        Self {
            ends: vec![0],
            nulls: NullBufferBuilder::new(0),
            items: Column::default(),
        }
    }

    /// Ends a list whose items were added.
    fn end(&mut self) -> Result<(), ConversionError> {
        let end = i32::try_from(self.items.len());
        self.ends
            .push(end.map_err(|_| does_not_fit("a column of more than 2³¹ items"))?);
        self.nulls.append_non_null();
        Ok(())
    }

    fn push_null(&mut self) {
        // The end of an empty list is that of the one before.
        self.ends.extend(self.ends.last().copied());
        self.nulls.append_null();
    }

    fn finish(mut self) -> Result<ListArray, ConversionError> {
        let items = mem::take(&mut self.items).finish()?;
        let field = Field::new_list_field(items.data_type().clone(), true);
        let ends = OffsetBuffer::new(ScalarBuffer::from(self.ends));
        ListArray::try_new(Arc::new(field), ends, items, self.nulls.finish()).map_err(refused)
    }
}

impl Column {
    /// Returns the number of values.
    fn len(&self) -> usize {
        use arrow_array::builder::ArrayBuilder;
        match self {
            Self::Null(nulls) => *nulls,
            Self::Boolean(values) => values.len(),
            Self::Integer(values) => values.len(),
            Self::Float(values) => values.len(),
            Self::String(values) => values.len(),
            Self::Bytes(values) => values.len(),
            Self::Uuid(values) => values.len(),
            Self::Date(values) => values.len(),
            Self::Time(values) => values.len(),
            Self::Local(values) | Self::Instant(values) => values.len(),
            Self::Duration(values) => values.len(),
            Self::List(lists) => lists.ends.len() - 1,
        }
    }
}

/// Returns a point in time as Arrow counts it.
fn nanos(seconds: i64, nanosecond: u32) -> Result<i64, ConversionError> {
    let nanos = i128::from(seconds) * 1_000_000_000 + i128::from(nanosecond);
    i64::try_from(nanos).map_err(|_| does_not_fit("a date-time outside of the years 1678 to 2261"))
}

fn interval(duration: &Duration) -> Result<IntervalMonthDayNano, ConversionError> {
    let months = i32::try_from(duration.months());
    let days = i32::try_from(duration.days());
    let nanos = i128::from(duration.seconds()) * 1_000_000_000 + i128::from(duration.nanosecond());
    match (months, days, i64::try_from(nanos)) {
        (Ok(months), Ok(days), Ok(nanos)) => Ok(IntervalMonthDayNano::new(months, days, nanos)),
        _ => Err(does_not_fit("the duration")),
    }
}

#[cold]
fn without_type(found: &ValueRef<'_>) -> ConversionError {
    ConversionError::custom(format!(
        "{} has no type in Arrow: return its parts, such as n.name, or a string",
        found.kind()
    ))
}

#[cold]
fn does_not_fit(what: &str) -> ConversionError {
    ConversionError::custom(format!("{what} does not fit into Arrow's type"))
}

#[cold]
fn refused(error: arrow_schema::ArrowError) -> ConversionError {
    ConversionError::custom(error.to_string())
}
