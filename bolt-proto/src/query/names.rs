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
        for number in self.0.len()..count {
            // No query has more parameters.
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            let name = parameters.name(number);
            if self.contain(name, parameters) {
                return Err(name);
            }
            self.0.push(number);
            // The last runs become one, by which the digits of the number are right again.
            let len = self.0.len();
            let lowest_digit = len & len.wrapping_neg();
            if let Some(run) = self.0.get_mut(len.saturating_sub(lowest_digit)..) {
                run.sort_by(|a, b| parameters.name(*a).cmp(parameters.name(*b)));
            }
        }
        Ok(())
    }
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
