//! Offsets from UTC.

use core::fmt;

use crate::error::ConversionError;
use crate::value::RangeError;

/// The offset of a local clock from UTC: −18 to 18 hours, in seconds.
///
/// The text form is `Z`, `+01:00` or `-05:30:15`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UtcOffset {
    seconds: i32,
}

impl UtcOffset {
    /// No offset.
    pub const UTC: Self = Self { seconds: 0 };
    /// −18 hours.
    pub const MIN: Self = Self { seconds: -18 * 3600 };
    /// 18 hours. Servers close the connection if they receive more, without giving a reason.
    pub const MAX: Self = Self { seconds: 18 * 3600 };

    /// Creates an offset from seconds ahead of UTC, that is, to the east.
    ///
    /// # Errors
    ///
    /// If it is more than 18 hours.
    pub const fn from_seconds(seconds: i32) -> Result<Self, RangeError> {
        if seconds.unsigned_abs() <= Self::MAX.seconds.unsigned_abs() {
            Ok(Self { seconds })
        } else {
            Err(RangeError::new("an offset from UTC", "-18 to 18 hours"))
        }
    }

    /// Returns the seconds ahead of UTC.
    #[must_use]
    pub const fn seconds(self) -> i32 {
        self.seconds
    }

    /// Reads a received offset.
    #[inline]
    pub(super) fn received(seconds: i64) -> Result<Self, ConversionError> {
        Ok(Self::from_seconds(i32::try_from(seconds).unwrap_or(i32::MAX))?)
    }
}

impl fmt::Display for UtcOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.seconds == 0 {
            return f.write_str("Z");
        }
        let sign = if self.seconds < 0 { '-' } else { '+' };
        let seconds = self.seconds.unsigned_abs();
        write!(f, "{sign}{:02}:{:02}", seconds / 3600, seconds / 60 % 60)?;
        if seconds % 60 == 0 {
            Ok(())
        } else {
            write!(f, ":{:02}", seconds % 60)
        }
    }
}
