//! Calendar dates.

use core::fmt;

use crate::error::{ConversionError, EncodeError};
use crate::packstream::write;
use crate::value::fields::{FieldReader, Fields};
use crate::value::{Encoder, RangeError, ToValue, tag};

/// A date of the proleptic Gregorian calendar, without a time and a zone. Years are −999 999 999 to 999 999
/// 999.
///
/// The text form is that of ISO 8601, with a sign if the year does not have four digits: `2024-02-29`,
/// `+12024-01-01`.
///
/// ```
/// # use bolt_proto as bolt;
/// use bolt::types::{Date, RangeError};
///
/// let day = Date::new(2024, 2, 29)?;
/// assert_eq!(day.days(), 19_782);
/// assert_eq!(day.to_string(), "2024-02-29");
/// assert!(Date::new(2023, 2, 29).is_err());
/// # Ok::<(), RangeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    days: i64,
}

const OUT_OF_RANGE: RangeError = RangeError::new("a date", "years reach from -999999999 to 999999999");
/// The Gregorian calendar repeats after 400 years.
const DAYS_OF_400_YEARS: i64 = 146_097;
/// Days from 0000-03-01, where calculations start, to 1970-01-01.
const DAYS_TO_EPOCH: i64 = 719_468;

impl Date {
    /// 1970-01-01.
    pub const EPOCH: Self = Self { days: 0 };
    /// -999999999-01-01.
    pub const MIN: Self = Self {
        days: -365_243_219_162,
    };
    /// +999999999-12-31.
    pub const MAX: Self = Self {
        days: 365_241_780_471,
    };

    /// Creates a date from its year, its month from 1 to 12, and its day from 1 to 31.
    ///
    /// # Errors
    ///
    /// If there is no such day.
    pub fn new(year: i32, month: u8, day: u8) -> Result<Self, RangeError> {
        if !(-999_999_999..=999_999_999).contains(&year) {
            return Err(OUT_OF_RANGE);
        }
        if !(1..=12).contains(&month) {
            return Err(RangeError::new("a month", "1 to 12"));
        }
        let date = Self {
            days: days_of(i64::from(year), i64::from(month), i64::from(day)),
        };
        if day == 0 || date.ymd() != (year, month, day) {
            return Err(RangeError::new("a day", "1 to the length of its month"));
        }
        Ok(date)
    }

    /// Creates the date that is `days` days after 1970-01-01.
    ///
    /// # Errors
    ///
    /// If the year is out of range.
    pub fn from_days(days: i64) -> Result<Self, RangeError> {
        let date = Self { days };
        if (Self::MIN..=Self::MAX).contains(&date) {
            Ok(date)
        } else {
            Err(OUT_OF_RANGE)
        }
    }

    /// Creates a date from one of another crate, which has a smaller range.
    #[cfg(any(feature = "chrono-0_4", feature = "time-0_3"))]
    pub(crate) fn within(days: i64) -> Self {
        Self {
            days: days.clamp(Self::MIN.days, Self::MAX.days),
        }
    }

    /// Returns the days since 1970-01-01.
    #[must_use]
    pub const fn days(self) -> i64 {
        self.days
    }

    /// Returns the year. The year before year 1 is 0.
    #[must_use]
    pub fn year(self) -> i32 {
        self.ymd().0
    }

    /// Returns the month, 1 to 12.
    #[must_use]
    pub fn month(self) -> u8 {
        self.ymd().1
    }

    /// Returns the day of the month, 1 to 31.
    #[must_use]
    pub fn day(self) -> u8 {
        self.ymd().2
    }

    /// Returns the day of the year, from 1 on.
    pub(crate) fn day_of_year(self) -> u16 {
        let first = Self::new(self.year(), 1, 1).map_or(self.days, Self::days);
        u16::try_from(self.days - first + 1).unwrap_or_default()
    }

    /// Returns year, month and day. In this calculation years begin in March, so that the leap day is the
    /// last day.
    fn ymd(self) -> (i32, u8, u8) {
        let days = self.days + DAYS_TO_EPOCH;
        let (cycle, day_of_cycle) = (
            days.div_euclid(DAYS_OF_400_YEARS),
            days.rem_euclid(DAYS_OF_400_YEARS),
        );
        // Earlier leap days shift the day: one in 4 years, except every 100 years, but again every 400.
        let leap_days = day_of_cycle / 1_460 - day_of_cycle / 36_524 + day_of_cycle / 146_096;
        let year_of_cycle = (day_of_cycle - leap_days) / 365;
        let day_of_year = day_of_cycle - days_before_year(year_of_cycle);
        // Five months from March on have 153 days. The next five months have as many.
        let month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month + 2) / 5 + 1;
        let (month, next_year) = if month < 10 {
            (month + 3, 0)
        } else {
            (month - 9, 1)
        };
        (
            (cycle * 400 + year_of_cycle + next_year) as i32,
            month as u8,
            day as u8,
        )
    }
}

/// Returns the days since 1970-01-01.
const fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let (cycle, year_of_cycle) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_cycle = days_before_year(year_of_cycle) + (153 * month + 2) / 5 + day - 1;
    cycle * DAYS_OF_400_YEARS + day_of_cycle - DAYS_TO_EPOCH
}

/// Returns the days of a cycle before a year of it.
const fn days_before_year(year: i64) -> i64 {
    year * 365 + year / 4 - year / 100
}

impl Default for Date {
    /// 1970-01-01.
    fn default() -> Self {
        Self::EPOCH
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.ymd();
        match year {
            0..=9999 => write!(f, "{year:04}-{month:02}-{day:02}"),
            _ => write!(f, "{year:+05}-{month:02}-{day:02}"),
        }
    }
}

impl ToValue for Date {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        out.structure(1, tag::DATE, |out| {
            write::integer(&mut out.bytes, self.days);
            Ok(())
        })
    }
}

impl<'a> Fields<'a> for Date {
    const KIND: &'static str = "a date";

    fn has(tag: u8) -> bool {
        tag == tag::DATE
    }

    fn fields(mut fields: FieldReader<'_, 'a>) -> Result<Self, ConversionError> {
        fields.expect(1)?;
        Ok(Self::from_days(fields.next("days")?)?)
    }
}
