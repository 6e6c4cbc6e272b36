//! The rows as structs: borrowed from the buffer, and owned. Each adds up its content.

use std::fmt;
use std::marker::PhantomData;

use bolt_proto::types::{Date, DateTime, Duration, LocalDateTime, Time};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The sum of everything that was read.
pub trait Sum {
    /// Returns the sum.
    fn sum(&self) -> u64;
}

/// Adds up fields.
macro_rules! sums {
    ($($row:ty: $($field:ident)*;)*) => {$(
        impl Sum for $row {
            fn sum(&self) -> u64 {
                0_u64 $(.wrapping_add(self.$field.sum()))*
            }
        }
    )*};
}

/// A row of one integer.
#[derive(Debug, Deserialize)]
pub struct Ints {
    n: i64,
}

/// A row of ten columns.
#[derive(Debug, Deserialize)]
pub struct Wide<S> {
    a: i64,
    b: i64,
    c: f64,
    d: S,
    e: bool,
    f: Option<S>,
    g: S,
    h: f64,
    i: i64,
    j: S,
}

/// A row of one node.
#[derive(Debug, Deserialize)]
pub struct Nodes<S, L> {
    #[serde(bound(deserialize = "S: Deserialize<'de>, L: Deserialize<'de>"))]
    n: Person<S, L>,
}

/// A node and its properties.
#[derive(Debug, Deserialize)]
pub struct Person<S, L> {
    #[serde(rename = "id()")]
    id: i64,
    #[serde(rename = "elementId()")]
    element_id: S,
    #[serde(rename = "labels()")]
    labels: L,
    name: S,
    age: i64,
    email: S,
    city: S,
    score: f64,
    since: i64,
}

/// A row of one string.
#[derive(Debug, Deserialize)]
pub struct Strings<S> {
    s: S,
}

/// A row of one list.
#[derive(Debug, Deserialize)]
pub struct Lists<L> {
    xs: L,
}

/// A row of five temporal values.
#[derive(Debug, Deserialize)]
pub struct Temporal {
    date: Date,
    time: Time,
    local: LocalDateTime,
    instant: DateTime,
    amount: Duration,
}

impl<S: Sum> Sum for Wide<S> {
    fn sum(&self) -> u64 {
        let numbers = self.a.sum().wrapping_add(self.b.sum()).wrapping_add(self.i.sum());
        let floats = self.c.sum().wrapping_add(self.h.sum());
        let texts = self.d.sum() + self.f.as_ref().map_or(0, Sum::sum) + self.g.sum() + self.j.sum();
        numbers
            .wrapping_add(floats)
            .wrapping_add(texts)
            .wrapping_add(u64::from(self.e))
    }
}

impl<S: Sum, L: Sum> Sum for Nodes<S, L> {
    fn sum(&self) -> u64 {
        let person = &self.n;
        let numbers = person
            .id
            .sum()
            .wrapping_add(person.age.sum())
            .wrapping_add(person.since.sum());
        let texts = person.element_id.sum() + person.name.sum() + person.email.sum() + person.city.sum();
        let names = ["name", "age", "email", "city", "score", "since"]
            .iter()
            .map(|name| name.len() as u64);
        numbers
            .wrapping_add(texts)
            .wrapping_add(person.labels.sum())
            .wrapping_add(person.score.sum())
            .wrapping_add(names.sum())
    }
}

impl<S: Sum> Sum for Strings<S> {
    fn sum(&self) -> u64 {
        self.s.sum()
    }
}

impl<L: Sum> Sum for Lists<L> {
    fn sum(&self) -> u64 {
        self.xs.sum()
    }
}

sums! {
    Ints: n;
    Temporal: date time local instant amount;
}

impl Sum for i64 {
    fn sum(&self) -> u64 {
        self.cast_unsigned()
    }
}

impl Sum for f64 {
    fn sum(&self) -> u64 {
        self.to_bits()
    }
}

impl Sum for &str {
    fn sum(&self) -> u64 {
        self.len() as u64
    }
}

impl Sum for String {
    fn sum(&self) -> u64 {
        self.len() as u64
    }
}

impl<T: Sum> Sum for Vec<T> {
    fn sum(&self) -> u64 {
        self.iter().fold(0, |sum, item| sum.wrapping_add(item.sum()))
    }
}

impl Sum for Date {
    fn sum(&self) -> u64 {
        self.days().sum()
    }
}

impl Sum for Time {
    fn sum(&self) -> u64 {
        self.local()
            .nanos()
            .wrapping_add(i64::from(self.offset().seconds()).sum())
    }
}

impl Sum for LocalDateTime {
    fn sum(&self) -> u64 {
        self.seconds().sum().wrapping_add(u64::from(self.nanosecond()))
    }
}

impl Sum for DateTime {
    fn sum(&self) -> u64 {
        let offset = i64::from(self.offset().seconds()).sum();
        self.unix_seconds()
            .sum()
            .wrapping_add(u64::from(self.nanosecond()))
            .wrapping_add(offset)
    }
}

impl Sum for Duration {
    fn sum(&self) -> u64 {
        let days = self.months().sum().wrapping_add(self.days().sum());
        days.wrapping_add(self.seconds().sum())
            .wrapping_add(u64::from(self.nanosecond()))
    }
}

/// A list that is reduced to its sum, for a reader that needs no `Vec`.
#[derive(Debug)]
pub struct Folded<T> {
    sum: u64,
    items: PhantomData<T>,
}

impl<T> Sum for Folded<T> {
    fn sum(&self) -> u64 {
        self.sum
    }
}

impl<'de, T: Deserialize<'de> + Sum> Deserialize<'de> for Folded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let sum = deserializer.deserialize_seq(Fold(PhantomData::<T>))?;
        Ok(Self {
            sum,
            items: PhantomData,
        })
    }
}

struct Fold<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Sum> Visitor<'de> for Fold<T> {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<u64, A::Error> {
        let mut sum = 0_u64;
        while let Some(item) = items.next_element::<T>()? {
            sum = sum.wrapping_add(item.sum());
        }
        Ok(sum)
    }
}
