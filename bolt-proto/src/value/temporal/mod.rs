//! Dates, times and durations, in the precision of servers: nanoseconds, offsets in seconds, years of nine
//! digits.

mod date;
mod date_time;
mod duration;
mod iso;
mod local_date_time;
mod local_time;
mod offset;
mod time;
mod zoned;

pub use date::Date;
pub use date_time::DateTime;
pub use duration::Duration;
pub use iso::ParseError;
pub use local_date_time::LocalDateTime;
pub use local_time::LocalTime;
pub use offset::UtcOffset;
pub use time::Time;
pub use zoned::ZonedDateTime;

/// Implements `Debug` as `Display`, and `FromStr` by a parser.
macro_rules! text {
    ($($type:ty, $parse:ident;)*) => {$(
        impl core::fmt::Debug for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Display::fmt(self, f)
            }
        }

        impl core::str::FromStr for $type {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                iso::whole(text, iso::$parse)
            }
        }
    )*};
}

text! {
    Date, date;
    LocalTime, local_time;
    UtcOffset, offset;
    Time, time;
    LocalDateTime, local_date_time;
    DateTime, date_time;
    ZonedDateTime, zoned_date_time;
    Duration, duration;
}

super::fields::from_structure!(Date LocalTime Time LocalDateTime DateTime ZonedDateTime Duration);

#[cfg(test)]
mod tests;
