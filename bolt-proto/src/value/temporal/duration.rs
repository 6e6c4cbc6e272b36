//! Amounts of time.

use core::fmt;
use core::hash::{Hash, Hasher};

use crate::error::{ConversionError, EncodeError};
use crate::packstream::write;
use crate::value::fields::{FieldReader, Fields};
use crate::value::temporal::local_time::{SECOND, write_fraction};
use crate::value::{Encoder, RangeError, ToValue, tag};

/// An amount of time in months, days and seconds. These cannot be converted into each other, because months
/// and days differ in length. Each has its own sign.
///
/// −1.5 s are −2 s and 500 000 000 ns to some servers and drivers, −1 s and −500 000 000 ns to others. Both are equal.
/// [`new`](Self::new) makes the first form; a duration that was received is sent on in the form in which it came.
///
/// The text form is that of ISO 8601: `P14M3DT4.000000005S`. A `std::time::Duration` is sent and read as
/// well, and converts by `try_from`.
#[derive(Clone, Copy, Default)]
pub struct Duration {
    months: i64,
    days: i64,
    /// As they came. Their sum fits.
    seconds: i64,
    nanoseconds: i64,
}

impl Duration {
    /// Creates a duration. Nanoseconds beyond a second, or below 0, are carried into the seconds, as servers
    /// do: −1.5 s are −2 s and 500 000 000 ns.
    ///
    /// # Errors
    ///
    /// If the seconds do not fit 64 bits.
    pub fn new(months: i64, days: i64, seconds: i64, nanoseconds: i64) -> Result<Self, RangeError> {
        let as_given = Self::received(months, days, seconds, nanoseconds)?;
        Ok(Self {
            seconds: as_given.seconds(),
            nanoseconds: i64::from(as_given.nanosecond()),
            ..as_given
        })
    }

    /// Keeps the form.
    fn received(months: i64, days: i64, seconds: i64, nanoseconds: i64) -> Result<Self, RangeError> {
        match seconds.checked_add(carried(nanoseconds)) {
            Some(_) => Ok(Self {
                months,
                days,
                seconds,
                nanoseconds,
            }),
            None => Err(RangeError::new("a duration", "its seconds have 64 bits")),
        }
    }

    /// Returns the parts in one form.
    const fn parts(self) -> [i64; 4] {
        [self.months, self.days, self.seconds(), self.nanosecond() as i64]
    }

    /// Returns the whole months.
    #[must_use]
    pub const fn months(self) -> i64 {
        self.months
    }

    /// Returns the whole days.
    #[must_use]
    pub const fn days(self) -> i64 {
        self.days
    }

    /// Returns the whole seconds, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.seconds + carried(self.nanoseconds)
    }

    /// Returns the nanoseconds to be added to the seconds, 0 to 999 999 999.
    #[must_use]
    pub const fn nanosecond(self) -> u32 {
        self.nanoseconds.rem_euclid(SECOND) as u32
    }

    /// Returns seconds and nanoseconds with the same sign: -2 s and 0.5 s are -1 s and -0.5 s.
    pub(crate) const fn with_signed_fraction(self) -> (i64, i64) {
        let [_, _, seconds, nanoseconds] = self.parts();
        if seconds < 0 && nanoseconds > 0 {
            (seconds + 1, nanoseconds - SECOND)
        } else {
            (seconds, nanoseconds)
        }
    }

    /// Creates a duration from one of another crate: seconds and nanoseconds, which may both be negative.
    #[cfg(any(feature = "chrono-0_4", feature = "jiff-0_2", feature = "time-0_3"))]
    pub(crate) fn of_seconds(seconds: i64, nanoseconds: i32) -> Self {
        let smallest = Self {
            seconds: i64::MIN,
            ..Self::default()
        };
        Self::new(0, 0, seconds, nanoseconds.into()).unwrap_or(smallest)
    }

    /// Returns the seconds.
    ///
    /// # Errors
    ///
    /// If there are months or days.
    pub(crate) const fn only_seconds(self) -> Result<i64, RangeError> {
        if self.months == 0 && self.days == 0 {
            Ok(self.seconds())
        } else {
            Err(RangeError::new(
                "a duration",
                "months and days have no fixed length, so only seconds convert",
            ))
        }
    }
}

/// Returns the whole seconds in these nanoseconds, rounded down: none in nearly all durations that servers send.
const fn carried(nanoseconds: i64) -> i64 {
    if 0 <= nanoseconds && nanoseconds < SECOND {
        0
    } else {
        nanoseconds.div_euclid(SECOND)
    }
}

impl PartialEq for Duration {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for Duration {}

impl Hash for Duration {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("P")?;
        if self.months != 0 {
            write!(f, "{}M", self.months)?;
        }
        if self.days != 0 {
            write!(f, "{}D", self.days)?;
        }
        let has_time = (self.seconds(), self.nanosecond()) != (0, 0);
        if !has_time && (self.months, self.days) != (0, 0) {
            return Ok(());
        }
        // The fraction has the sign of the number: -2 s and 0.5 s are written -1.5 s.
        let (whole, fraction) = self.with_signed_fraction();
        let sign = if whole == 0 && fraction < 0 { "-" } else { "" };
        write!(f, "T{sign}{whole}")?;
        write_fraction(u32::try_from(fraction.unsigned_abs()).unwrap_or_default(), f)?;
        f.write_str("S")
    }
}

impl ToValue for Duration {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        out.structure(4, tag::DURATION, |out| {
            write::integer(&mut out.bytes, self.months);
            write::integer(&mut out.bytes, self.days);
            write::integer(&mut out.bytes, self.seconds);
            write::integer(&mut out.bytes, self.nanoseconds);
            Ok(())
        })
    }
}

impl<'a> Fields<'a> for Duration {
    const KIND: &'static str = "a duration";

    fn has(tag: u8) -> bool {
        tag == tag::DURATION
    }

    fn fields(mut fields: FieldReader<'_, 'a>) -> Result<Self, ConversionError> {
        fields.expect(4)?;
        let (months, days) = (fields.next("months")?, fields.next("days")?);
        let (seconds, nanoseconds) = (fields.next("seconds")?, fields.next("nanoseconds")?);
        Ok(Self::received(months, days, seconds, nanoseconds)?)
    }
}
