//! Comparing names.

/// Returns whether two names are equal.
///
/// Most names are so short that a call of the C library costs more than a comparison of two words, which may overlap.
#[inline]
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    if let Some(equal) = same_ends::<8>(a, b) {
        return equal && (a.len() <= 16 || a == b);
    }
    same_ends::<4>(a, b)
        .or_else(|| same_ends::<2>(a, b))
        .unwrap_or_else(|| a.first() == b.first())
}

/// Compares the first bytes and the last bytes; `None` if the names do not have as many.
#[inline]
fn same_ends<const N: usize>(a: &[u8], b: &[u8]) -> Option<bool> {
    let (first, last) = (a.first_chunk::<N>()?, a.last_chunk::<N>()?);
    Some(first == b.first_chunk::<N>()? && last == b.last_chunk::<N>()?)
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::same;

    #[test]
    fn names_are_the_same_if_all_bytes_are() {
        for len in 0..40_u8 {
            let name: Vec<u8> = (0..len).collect();
            assert!(same(&name, &name.clone()), "{len}");
            for changed in 0..usize::from(len) {
                let mut other = name.clone();
                other[changed] ^= 0x20;
                assert!(!same(&name, &other), "{len} {changed}");
            }
            assert!(!same(&name, &[&name[..], b"x"].concat()));
        }
    }
}
