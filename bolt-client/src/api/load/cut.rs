//! Where a batch ends: a pure decider.

/// The limits of a batch. The row that reaches one is the last of its batch, so a row that is larger than a batch is sent
/// alone or with those before it, and each row is in exactly one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) rows: usize,
    pub(super) bytes: usize,
}

impl Default for Cut {
    fn default() -> Self {
        Self {
            rows: 10_000,
            bytes: 1 << 20,
        }
    }
}

impl Cut {
    /// Returns whether a batch of so many rows and bytes is complete. One without rows never is.
    pub(super) const fn is_full(self, rows: usize, bytes: usize) -> bool {
        rows > 0 && (rows >= self.rows || bytes >= self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The rows of each batch, for rows of these sizes.
    fn batches(cut: Cut, sizes: &[usize]) -> Vec<Vec<usize>> {
        let mut batches = vec![vec![]];
        for &size in sizes {
            let batch = batches.last_mut().unwrap();
            batch.push(size);
            if cut.is_full(batch.len(), batch.iter().sum()) {
                batches.push(vec![]);
            }
        }
        batches.retain(|batch| !batch.is_empty());
        batches
    }

    #[test]
    fn a_batch_ends_with_the_row_that_reaches_a_limit() {
        let cut = Cut { rows: 3, bytes: 10 };
        assert_eq!(batches(cut, &[1, 1, 1, 1]), [vec![1, 1, 1], vec![1]]);
        assert_eq!(batches(cut, &[4, 99, 1, 99]), [vec![4, 99], vec![1, 99]]);
        assert_eq!(batches(cut, &[0, 0]), [vec![0, 0]]);
        assert_eq!(batches(cut, &[]), [] as [Vec<usize>; 0]);
    }

    #[test]
    fn a_limit_of_nothing_is_one_row() {
        assert_eq!(batches(Cut { rows: 0, bytes: 0 }, &[5, 5]), [[5], [5]]);
        let (rows, bytes) = (usize::MAX, usize::MAX);
        assert_eq!(batches(Cut { rows, bytes }, &[5, 5]), [[5, 5]]);
    }

    proptest! {
        #[test]
        fn each_row_is_in_one_batch_and_each_batch_but_the_last_is_just_full(
            (rows, bytes) in (0..20_usize, 0..200_usize),
            sizes in prop::collection::vec(0..60_usize, 0..200),
        ) {
            let cut = Cut { rows, bytes };
            let batches = batches(cut, &sizes);
            prop_assert_eq!(batches.concat(), sizes);
            for (index, batch) in batches.iter().enumerate() {
                let full = |rows: &[usize]| cut.is_full(rows.len(), rows.iter().sum());
                prop_assert!(full(batch) || index + 1 == batches.len());
                prop_assert!(!full(&batch[..batch.len() - 1]));
            }
        }
    }
}
