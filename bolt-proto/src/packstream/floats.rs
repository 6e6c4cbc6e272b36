//! Consecutive floats, which lists of numbers consist of.

use crate::packstream::marker;

/// The length of a float with its marker.
pub(super) const FLOAT_LEN: usize = 9;

/// Returns how many floats the bytes begin with, at most this many.
pub(super) fn count_floats(bytes: &[u8], most: usize) -> usize {
    const AT_ONCE: usize = 4;
    let are_floats = |block: &&[u8]| match block.first_chunk::<{ AT_ONCE * FLOAT_LEN }>() {
        Some(block) => [block[0], block[9], block[18], block[27]] == [marker::FLOAT; AT_ONCE],
        None => false,
    };
    let blocks = bytes.chunks_exact(AT_ONCE * FLOAT_LEN).take(most / AT_ONCE);
    let count = blocks.take_while(are_floats).count().saturating_mul(AT_ONCE);
    let rest = bytes.get(count.saturating_mul(FLOAT_LEN)..).unwrap_or_default();
    let others = rest.chunks_exact(FLOAT_LEN).take(most.saturating_sub(count));
    let others = others.take_while(|float| float.first() == Some(&marker::FLOAT));
    count.saturating_add(others.count())
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::packstream::{Reader, write};

    #[test]
    fn floats_are_read_up_to_another_value_and_the_limit() {
        for before in 0..12_u8 {
            let mut bytes = Vec::new();
            (0..before).for_each(|value| write::float(&mut bytes, f64::from(value) / 7.0));
            let all = bytes.clone();
            write::integer(&mut bytes, 1);
            write::float(&mut bytes, 1.5);
            for most in 0..14 {
                for bytes in [&all, &bytes] {
                    let mut reader = Reader::new(bytes);
                    let read: Vec<f64> = reader.floats(most).collect();
                    let wanted = usize::from(before).min(most);
                    assert_eq!(read.len(), wanted, "{before} {most}");
                    assert_eq!(reader.rest(), &bytes[wanted * FLOAT_LEN..]);
                    assert!(read.iter().zip(0_u8..).all(|(a, b)| *a == f64::from(b) / 7.0));
                }
            }
            for cut in 0..all.len() {
                let mut reader = Reader::new(&all[..cut]);
                assert_eq!(reader.floats(usize::MAX).count(), cut / FLOAT_LEN);
            }
        }
    }
}
