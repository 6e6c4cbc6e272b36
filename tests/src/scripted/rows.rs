//! The results that a scripted server has.

use std::ops::Range;

use bolt_proto::EncodeError;
use bolt_proto::value::ListEncoder;

/// The rest of a result.
#[derive(Debug, Default)]
pub(super) struct Left {
    rows: Range<i64>,
    pub(super) shape: Shape,
}

/// What the rows of a result look like.
#[derive(Debug, Default, Clone, Copy)]
pub(super) enum Shape {
    #[default]
    Empty,
    /// The number of the row.
    Number,
    /// So many columns, each with the sum of the numbers of row and column.
    Wide(usize),
    /// A text of this length.
    Text(usize),
}

impl Left {
    /// Returns the result of a query.
    pub(super) fn of(query: &str) -> Self {
        Self::parse(query).unwrap_or_default()
    }

    fn parse(query: &str) -> Option<Self> {
        if let Some(length) = query.strip_prefix("TEXT ") {
            let shape = Shape::Text(length.trim().parse().ok()?);
            return Some(Self { rows: 0..1, shape });
        }
        let rest = query.strip_prefix("ROWS ")?;
        let (rows, shape) = match rest.split_once(" WIDE ") {
            None => (rest, Shape::Number),
            Some((rows, columns)) => (rows, Shape::Wide(columns.trim().parse().ok()?)),
        };
        let rows = 0..rows.trim().parse().ok()?;
        Some(Self { rows, shape })
    }

    /// Takes the next rows, at most this many.
    pub(super) fn take(&mut self, most: u64) -> Range<i64> {
        let Range { start, end } = self.rows;
        let next = i64::try_from(most).map_or(end, |most| start.saturating_add(most).min(end));
        self.rows.start = next;
        start..next
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl Shape {
    pub(super) fn columns(self) -> Vec<String> {
        match self {
            Self::Empty => Vec::new(),
            Self::Number | Self::Text(_) => vec!["n".to_owned()],
            Self::Wide(columns) => (0..columns).map(|column| format!("c{column}")).collect(),
        }
    }

    /// Writes the row of this number.
    pub(super) fn write(self, number: i64, row: &mut ListEncoder<'_>) -> Result<(), EncodeError> {
        match self {
            Self::Empty => Ok(()),
            Self::Number => row.item(&number),
            Self::Wide(columns) => (0..)
                .take(columns)
                .try_for_each(|column| row.item(&(number + column))),
            Self::Text(length) => row.item(&"x".repeat(length)),
        }
    }
}
