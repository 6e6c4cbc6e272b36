//! The place of an error in a value.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// The path from a record or a query to a value, printed as `column "a", field "age": `.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Place {
    /// Innermost first, because errors are made inside and extended on the way out.
    steps: Vec<Step>,
}

/// The most steps that are shown.
const MOST_SHOWN: usize = 16;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// A parameter of a query.
    Parameter(String),
    /// An entry of a transaction's metadata.
    Metadata(String),
    /// A row of a result, counted from 0.
    Row(usize),
    /// A column of a record.
    Column(String),
    /// An entry of a map, or a field of a struct.
    Field(String),
    /// An item of a list, counted from 0.
    Item(usize),
}

impl Place {
    /// Adds an outer step.
    pub(crate) fn within(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// Returns whether the path is empty.
    pub(crate) fn is_unknown(&self) -> bool {
        self.steps.is_empty()
    }

    /// Turns a parameter into an entry of metadata, which is encoded in the same way.
    pub(crate) fn of_metadata(&mut self) {
        if let Some(step) = self.steps.last_mut() {
            if let Step::Parameter(name) = step {
                *step = Step::Metadata(core::mem::take(name));
            }
        }
    }

    /// Returns the outermost step.
    pub(crate) fn first(&self) -> Option<&Step> {
        self.steps.last()
    }

    /// Returns the steps, the outermost first.
    pub(crate) fn steps(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().rev()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().rev().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            if index == MOST_SHOWN {
                f.write_str("…")?;
                break;
            }
            match step {
                Step::Parameter(name) => write!(f, "parameter {name:?}")?,
                Step::Metadata(name) => write!(f, "metadata {name:?}")?,
                Step::Row(index) => write!(f, "row {index}")?,
                Step::Column(name) => write!(f, "column {name:?}")?,
                Step::Field(name) => write!(f, "field {name:?}")?,
                Step::Item(index) => write!(f, "item {index}")?,
            }
        }
        if self.steps.is_empty() {
            Ok(())
        } else {
            f.write_str(": ")
        }
    }
}
