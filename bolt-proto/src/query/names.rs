//! Which names are among the parameters of a query.

use alloc::vec::Vec;

use super::EncodedParameters;

/// The numbers of many parameters, in runs that are sorted by name. So a name is found quickly, and a parameter takes four
/// bytes here, not a copy of its name.
///
/// The runs are as long as the binary digits of the number of parameters say, the longest first: 13 are 8, 4 and 1.
#[derive(Clone, Default)]
pub(super) struct Names(Vec<u32>);

impl Names {
    /// Returns whether a parameter that was [noted](Self::note) has this name.
    pub(super) fn contain(&self, name: &str, parameters: &EncodedParameters<'_>) -> bool {
        let mut rest = &*self.0;
        while let Some(digit) = rest.len().checked_ilog2() {
            let Some((run, shorter)) = rest.split_at_checked(1_usize.wrapping_shl(digit)) else {
                break;
            };
            let found = run.binary_search_by(|number| parameters.name(*number).cmp(name));
            if found.is_ok() {
                return true;
            }
            rest = shorter;
        }
        false
    }

    /// Notes the parameters that are new, up to this number of all. Fails with the first name that was there before.
    pub(super) fn note<'p>(
        &mut self,
        count: usize,
        parameters: &EncodedParameters<'p>,
    ) -> Result<(), &'p str> {
        while self.0.len() < count {
            let name = parameters.name(self.next());
            if self.contain(name, parameters) {
                return Err(name);
            }
            self.push(parameters);
        }
        Ok(())
    }

    /// Does what [`note`](Self::note) does, for parameters whose names were looked up before they were added.
    pub(super) fn note_different(&mut self, count: usize, parameters: &EncodedParameters<'_>) {
        while self.0.len() < count {
            self.push(parameters);
        }
    }

    /// Returns the number of the parameter that is noted next. No query has as many as 32 bits can count.
    fn next(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    fn push(&mut self, parameters: &EncodedParameters<'_>) {
        self.0.push(self.next());
        // The last two runs become one as long as they are equally long, as digits do when one is carried.
        let len = self.0.len();
        let longest = len & len.wrapping_neg();
        let mut run = 1_usize;
        while run < longest {
            let half = run;
            run = half.saturating_mul(2);
            if let Some(both) = self.0.get_mut(len.saturating_sub(run)..) {
                merge(both, half, |number| parameters.name(number));
            }
        }
    }
}

/// Merges the sorted numbers before `middle` and those after it. A sort of the standard library would be as fast, and much
/// more code in the program.
fn merge<'n>(numbers: &mut [u32], middle: usize, name: impl Fn(u32) -> &'n str) {
    let Some((left, right)) = numbers.split_at_checked(middle) else {
        return;
    };
    let mut merged = Vec::with_capacity(numbers.len());
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    while let Some(next) = match (left.peek(), right.peek()) {
        (Some(a), Some(b)) if name(**b) < name(**a) => right.next(),
        (None, _) => right.next(),
        _ => left.next(),
    } {
        merged.push(*next);
    }
    numbers.copy_from_slice(&merged);
}

#[cfg(test)]
mod tests {
    use std::format;

    use crate::Query;

    #[test]
    fn a_name_that_occurs_twice_is_found_among_any_number_of_others() {
        for count in [0, 1, 15, 16, 17, 31, 32, 33, 100] {
            let mut query = Query::new("…");
            for number in 0..count {
                // Neither in order nor against it.
                query.add_param(format!("p{}", number * 37 % 101), number);
                assert_eq!(query.check(), Ok(()));
            }
            assert_eq!(query.clone().param("other", 1).check(), Ok(()));
            for number in 0..count {
                let name = format!("p{}", number * 37 % 101);
                let twice = query.clone().param(&name, 1);
                assert_eq!(twice.check().unwrap_err().parameter(), Some(&*name));
            }
        }
    }
}
