//! Searches all memory of this process.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

/// Counts the places that hold a secret. The secret is disguised by this mask, so that neither the program nor the search
/// contains it.
pub(crate) fn copies(disguised: &[u8], mask: u8, buffer: &mut [u8]) -> usize {
    let memory = File::open("/proc/self/mem").unwrap();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let own = buffer.as_ptr() as u64..buffer.as_ptr() as u64 + buffer.len() as u64;
    let mut found = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (from, to) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        let end = u64::from_str_radix(to, 16).unwrap();
        let mut at = u64::from_str_radix(from, 16).unwrap();
        while at < end {
            if own.contains(&at) {
                at = own.end;
                continue;
            }
            let next = if at < own.start { end.min(own.start) } else { end };
            let len = buffer.len().min(usize::try_from(next - at).unwrap());
            // Some mappings cannot be read, and memory may end meanwhile.
            let Ok(read) = memory.read_at(&mut buffer[..len], at) else {
                break;
            };
            found += places(disguised, mask, &buffer[..read]);
            if len < disguised.len() || read < disguised.len() {
                break;
            }
            // A copy may lie across two reads.
            at += if at + (read as u64) < next {
                read - disguised.len() + 1
            } else {
                read
            } as u64;
        }
    }
    found
}

/// Counts the places in these bytes that hold the secret. Its first byte is rare, which is faster to look for.
fn places(disguised: &[u8], mask: u8, bytes: &[u8]) -> usize {
    let first = disguised[0] ^ mask;
    let parts = (0..bytes.len()).step_by(256);
    let parts = parts.filter(|at| bytes[*at..bytes.len().min(at + 256)].contains(&first));
    parts
        .flat_map(|at| at..bytes.len().min(at + 256))
        .filter(|at| bytes[*at] == first)
        .filter_map(|at| bytes.get(at..at + disguised.len()))
        .filter(|place| {
            place
                .iter()
                .zip(disguised)
                .all(|(byte, other)| byte ^ mask == *other)
        })
        .count()
}
