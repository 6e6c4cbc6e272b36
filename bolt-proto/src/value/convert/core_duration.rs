//! `std::time::Duration` as a value.

use core::time::Duration as StdDuration;

use crate::value::{Duration, RangeError};

const FIT: RangeError = RangeError::new("a std::time::Duration", "as a value its seconds have 63 bits");
const NEGATIVE: RangeError = RangeError::new("a duration", "a std::time::Duration cannot be negative");

/// Keeps the seconds and the nanoseconds.
impl TryFrom<StdDuration> for Duration {
    type Error = RangeError;

    fn try_from(duration: StdDuration) -> Result<Self, RangeError> {
        let seconds = i64::try_from(duration.as_secs()).map_err(|_| FIT)?;
        Self::new(0, 0, seconds, duration.subsec_nanos().into())
    }
}

/// Fails for months and days, which have no fixed length, and for negative durations.
impl TryFrom<Duration> for StdDuration {
    type Error = RangeError;

    fn try_from(duration: Duration) -> Result<Self, RangeError> {
        let seconds = u64::try_from(duration.only_seconds()?).map_err(|_| NEGATIVE)?;
        Ok(Self::new(seconds, duration.nanosecond()))
    }
}

super::values! {
    StdDuration, Duration;
}
