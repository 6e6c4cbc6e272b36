//! Results as Arrow record batches.

mod column;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow_array::{Array, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema};
use bolt_proto::{ConversionError, Keys};

use crate::eager_result::EagerResult;
use crate::error::Error;
use crate::record::RecordRef;

use column::Column;

/// The columns of a record batch while rows are added.
#[derive(Debug, Default)]
pub(crate) struct RecordBatchBuilder {
    columns: Vec<Column>,
    rows: usize,
}

impl RecordBatchBuilder {
    /// Adds a row.
    ///
    /// # Errors
    /// If a value has no type in Arrow, or another type than those before it in its column.
    pub(crate) fn push(&mut self, row: RecordRef<'_>) -> Result<(), Error> {
        if self.rows == 0 {
            self.columns.resize_with(row.len(), Column::default);
        }
        // All rows of a result have the same number of columns, if the server keeps to the protocol.
        if row.len() != self.columns.len() {
            return Err(ConversionError::custom("the rows differ in the number of their columns").into());
        }
        for (column, (name, value)) in self.columns.iter_mut().zip(row) {
            column
                .push(value?)
                .map_err(|error| error.at_column(name).at_row(self.rows))?;
        }
        self.rows += 1;
        Ok(())
    }

    /// Returns the rows under these names.
    ///
    /// # Errors
    /// If Arrow refuses them, which would be a bug.
    pub(crate) fn finish(mut self, keys: &Keys) -> Result<RecordBatch, Error> {
        self.columns
            .resize_with(keys.len().max(self.columns.len()), Column::default);
        let mut fields = Vec::with_capacity(self.columns.len());
        let mut arrays = Vec::with_capacity(self.columns.len());
        for (index, column) in self.columns.into_iter().enumerate() {
            let name = keys.get(index).unwrap_or_default();
            let array = column.finish().map_err(|error| error.at_column(name))?;
            let nullable = array.logical_null_count() > 0 || *array.data_type() == DataType::Null;
            fields.push(Field::new(name, array.data_type().clone(), nullable));
            arrays.push(array);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
            .map_err(|error| ConversionError::custom(error.to_string()).into())
    }
}

impl EagerResult {
    /// Returns all rows as a record batch of Arrow: see
    /// `collect_record_batch`, which says what the type of each column is.
    ///
    /// # Errors
    /// [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if a value has no type in Arrow, or a column has values of
    /// several types. The error names column and row.
    pub fn record_batch(&self) -> Result<RecordBatch, Error> {
        let mut batch = RecordBatchBuilder::default();
        for record in &self.records {
            batch.push(record.as_ref())?;
        }
        batch.finish(&self.keys)
    }
}
