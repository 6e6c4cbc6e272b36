//! Where in a value something went wrong.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// The way from a record or a query down to a value, printed as `column "a", field "age": `.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Place {
    /// Innermost first: errors are made deep down and wrapped on their way up.
    steps: Vec<Step>,
}

/// Steps beyond this number help nobody.
const MOST_SHOWN: usize = 16;

/// One step down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// A parameter of a query.
    Parameter(String),
    /// An entry of a transaction's metadata.
    Metadata(String),
    /// A column of a record.
    Column(String),
    /// An entry of a map, or a field of a struct.
    Field(String),
    /// An item of a list, counted from 0.
    Item(usize),
}

impl Place {
    /// Adds the step that leads to all that is there already.
    pub(crate) fn within(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// Whether nothing is known about the place.
    pub(crate) fn is_unknown(&self) -> bool {
        self.steps.is_empty()
    }

    /// What was encoded as parameters are is metadata.
    pub(crate) fn of_metadata(&mut self) {
        if let Some(step) = self.steps.last_mut() {
            if let Step::Parameter(name) = step {
                *step = Step::Metadata(core::mem::take(name));
            }
        }
    }

    /// The outermost step.
    pub(crate) fn first(&self) -> Option<&Step> {
        self.steps.last()
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
