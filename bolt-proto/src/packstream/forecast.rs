//! The estimated length of a value of which only the beginning has arrived.

use crate::error::DecodeError;
use crate::packstream::skip::{extent, scalar_len};

/// The number of nested containers that are followed one by one. This distinguishes lists of rows, of
/// entities and of their properties. Values that are nested deeper count as a whole.
const LEVELS: usize = 6;

/// Walks over a value while it arrives, each byte once. It estimates the length from the declared numbers of
/// items and from the mean length of the items so far.
///
/// This is only a guess: memory that is allocated because of it must be bounded by what has arrived.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Forecast {
    /// The position up to which it has walked.
    at: usize,
    levels: [Level; LEVELS],
    depth: usize,
    /// The number of values that are left of an item that is nested too deeply to be followed.
    inner: usize,
    /// Whether it has met malformed bytes.
    lost: bool,
}

/// A container that has begun.
#[derive(Debug, Clone, Copy, Default)]
struct Level {
    /// The position of its first item.
    start: usize,
    /// The number of items that have begun, and of those that have not.
    begun: usize,
    left: usize,
}

impl Forecast {
    /// Creates a forecast at the beginning of one value.
    pub(crate) fn new() -> Self {
        let mut levels = [Level::default(); LEVELS];
        if let Some(outermost) = levels.first_mut() {
            outermost.left = 1;
        }
        Self {
            at: 0,
            levels,
            depth: 0,
            inner: 0,
            lost: false,
        }
    }

    /// Returns the estimated length of the value; `None` if it is unknown, or if the value has ended.
    pub(crate) fn length(&mut self, beginning: &[u8]) -> Option<usize> {
        while !self.lost && !self.has_ended() {
            let rest = beginning.get(self.at..).unwrap_or_default();
            let (size, items) = self.next(rest);
            if size > rest.len() {
                return Some(self.estimate(size));
            }
            self.begin();
            self.at = self.at.saturating_add(size);
            if items > 0 {
                self.enter(items);
            }
            self.leave();
        }
        None
    }

    fn has_ended(&self) -> bool {
        self.depth == 0 && self.inner == 0 && self.levels.first().is_none_or(|level| level.left == 0)
    }

    /// Returns the size of the next value without its items, and the number of items. The size is more than
    /// what has arrived if that is not enough to find out.
    fn next(&mut self, rest: &[u8]) -> (usize, usize) {
        if let Some(size) = scalar_len(rest) {
            return (size, 0);
        }
        let more = rest.len().saturating_add(1);
        match rest.split_first() {
            None => (more, 0),
            Some((&marker, after)) => match extent(marker, after) {
                Ok((payload, items)) => (payload.saturating_add(1), items),
                Err(DecodeError::Truncated) => (more, 0),
                Err(_) => {
                    self.lost = true;
                    (0, 0)
                }
            },
        }
    }

    /// One more item of the innermost container begins.
    fn begin(&mut self) {
        if self.inner > 0 {
            self.inner = self.inner.saturating_sub(1);
        } else if let Some(level) = self.levels.get_mut(self.depth) {
            level.begun = level.begun.saturating_add(1);
            level.left = level.left.saturating_sub(1);
        }
    }

    fn enter(&mut self, items: usize) {
        let depth = self.depth.saturating_add(1);
        match self.levels.get_mut(depth) {
            Some(level) if self.inner == 0 => {
                *level = Level {
                    start: self.at,
                    begun: 0,
                    left: items,
                };
                self.depth = depth;
            }
            _ => self.inner = self.inner.saturating_add(items),
        }
    }

    /// Leaves the containers that have ended.
    fn leave(&mut self) {
        while self.inner == 0 && self.depth > 0 {
            match self.levels.get(self.depth) {
                Some(level) if level.left == 0 => self.depth = self.depth.saturating_sub(1),
                _ => return,
            }
        }
    }

    /// Estimates the length: the bytes so far, the known part of the next value, and the items that
    /// containers still declare, by the mean of their items.
    fn estimate(&self, size: usize) -> usize {
        let mut end = self.at.saturating_add(size).saturating_add(self.inner);
        // The next value has not begun.
        let mut next = usize::from(self.inner == 0);
        for level in self.levels.iter().take(self.depth.saturating_add(1)).rev() {
            let items = level.begun.saturating_add(next);
            let left = level.left.saturating_sub(next);
            let walked = end.saturating_sub(level.start);
            let share = left.saturating_mul(walked).checked_div(items);
            end = end.saturating_add(share.unwrap_or(left));
            next = 0;
        }
        end
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    fn list(value: &[u8], count: u16) -> Vec<u8> {
        let [high, low] = count.to_be_bytes();
        [&[0xD5, high, low], &*value.repeat(usize::from(count))].concat()
    }

    /// The estimate for each value, after a tenth of it has come in pieces.
    #[test]
    fn a_tenth_of_a_value_tells_its_length() {
        let text = [&[0xD1, 0x10, 0x00], &[b'x'; 4096][..]].concat();
        let map = b"\xA2\x81a\x01\x81b\x92\x01\x02";
        let deep = [&[0x91; 10][..], &list(&[0xC9, 0x01, 0x00], 5)].concat();
        for (what, value) in [
            ("a text", text),
            ("integers", list(&[0x2A], 5000)),
            ("maps", list(map, 3000)),
            ("lists of maps", list(&list(map, 10), 500)),
            ("deep ones", list(&deep, 500)),
        ] {
            let mut forecast = Forecast::new();
            let tenth = value.len() / 10;
            let mut estimate = None;
            for arrived in (1..=tenth).step_by(7).chain([tenth]) {
                estimate = forecast.length(&value[..arrived]);
            }
            let estimate = estimate.unwrap_or(0);
            let (least, most) = (value.len() * 19 / 20, value.len() * 21 / 20);
            assert!(
                (least..=most).contains(&estimate),
                "{what}: {estimate} of {}",
                value.len()
            );
        }
    }

    #[test]
    fn what_is_no_value_or_has_ended_has_no_forecast() {
        assert_eq!(Forecast::new().length(&[0xDF, 0, 0]), None);
        assert_eq!(Forecast::new().length(&[0x93, 1, 0xDF, 0, 0]), None);
        assert_eq!(Forecast::new().length(b"\x93\x01\x82ab\xA1\x81a\xC0"), None);
        // More than has arrived, but not by far.
        assert_eq!(Forecast::new().length(&[]), Some(1));
        assert_eq!(Forecast::new().length(&[0xD6, 0, 0]), Some(4));
        assert_eq!(Forecast::new().length(&[0xD6, 0, 0, 1, 0]), Some(261));
        assert_eq!(
            Forecast::new().length(&[0xD6, 0xFF, 0xFF, 0xFF, 0xFF, 0x80]),
            Some(5 + 0xFFFF_FFFF)
        );
    }
}
