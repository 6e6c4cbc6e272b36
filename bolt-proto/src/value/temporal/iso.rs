//! Reading the texts of ISO 8601 and RFC 9557.

use crate::error::Escaped;
use crate::value::{
    Date, DateTime, Duration, LocalDateTime, LocalTime, RangeError, Time, UtcOffset, ZonedDateTime,
};

/// An error for a text that is no date, time or duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// The text is not in the form of ISO 8601.
    #[error("the text has not the form that ISO 8601 gives to such a value")]
    Form,
    /// A part is out of range.
    #[error(transparent)]
    Range(#[from] RangeError),
}

/// A text with the position up to which it has been read.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    rest: &'a str,
}

/// Reads the whole text.
pub(super) fn whole<'a, T>(
    text: &'a str,
    read: impl FnOnce(&mut Text<'a>) -> Result<T, ParseError>,
) -> Result<T, ParseError> {
    let mut text = Text { rest: text };
    let value = read(&mut text)?;
    if text.rest.is_empty() {
        Ok(value)
    } else {
        Err(ParseError::Form)
    }
}

/// Reads `2024-02-29`. A year that does not have four digits has a sign.
pub(super) fn date(text: &mut Text<'_>) -> Result<Date, ParseError> {
    let sign = text.sign();
    let digits = text.digits(4, if sign.is_some() { 9 } else { 4 })?;
    let year = i32::try_from(parse(digits)?).map_err(|_| ParseError::Form)?;
    text.require('-')?;
    let month = text.two()?;
    text.require('-')?;
    Ok(Date::new(sign.unwrap_or(1) * year, month, text.two()?)?)
}

/// Reads `12:34`, `12:34:56` or `12:34:56.789`.
pub(super) fn local_time(text: &mut Text<'_>) -> Result<LocalTime, ParseError> {
    let hour = text.two()?;
    text.require(':')?;
    let minute = text.two()?;
    if !text.eat(':') {
        return Ok(LocalTime::new(hour, minute, 0, 0)?);
    }
    let second = text.two()?;
    Ok(LocalTime::new(hour, minute, second, text.fraction()?)?)
}

/// Reads `Z`, `+01`, `+01:00` or `+01:00:00`.
pub(super) fn offset(text: &mut Text<'_>) -> Result<UtcOffset, ParseError> {
    if text.eat('Z') {
        return Ok(UtcOffset::UTC);
    }
    let sign = text.sign().ok_or(ParseError::Form)?;
    let mut seconds = i32::from(text.two()?) * 3600;
    for unit in [60, 1] {
        if !text.eat(':') {
            break;
        }
        let part = i32::from(text.two()?);
        if part > 59 {
            return Err(ParseError::Form);
        }
        seconds += part * unit;
    }
    Ok(UtcOffset::from_seconds(sign * seconds)?)
}

pub(super) fn time(text: &mut Text<'_>) -> Result<Time, ParseError> {
    Ok(Time::new(local_time(text)?, offset(text)?))
}

pub(super) fn local_date_time(text: &mut Text<'_>) -> Result<LocalDateTime, ParseError> {
    let date = date(text)?;
    text.require('T')?;
    Ok(LocalDateTime::new(date, local_time(text)?))
}

pub(super) fn date_time(text: &mut Text<'_>) -> Result<DateTime, ParseError> {
    Ok(DateTime::new(local_date_time(text)?, offset(text)?))
}

/// Reads a date-time with an offset, with `Z` for an unknown offset, or with nothing; then the zone in
/// brackets.
pub(super) fn zoned_date_time(text: &mut Text<'_>) -> Result<ZonedDateTime, ParseError> {
    let local = local_date_time(text)?;
    let utc = text.eat('Z');
    let offset = if utc || text.rest.starts_with('[') {
        None
    } else {
        Some(offset(text)?)
    };
    text.require('[')?;
    let (zone, rest) = text.rest.split_once(']').ok_or(ParseError::Form)?;
    // No zone has such a name, and it would be shown as another one.
    if !Escaped(zone).is_verbatim() {
        return Err(ParseError::Form);
    }
    text.rest = rest;
    Ok(match offset {
        Some(offset) => ZonedDateTime::new(DateTime::new(local, offset), zone),
        None if utc => ZonedDateTime::from_unix(local.seconds(), local.nanosecond(), zone)?,
        None => ZonedDateTime::from_local(local, zone),
    })
}

/// Reads `P1Y2M3W4DT5H6M7.8S`: at least one part, none twice, each with its own sign.
pub(super) fn duration(text: &mut Text<'_>) -> Result<Duration, ParseError> {
    text.require('P')?;
    let [years, months, weeks, days] = parts(text, ['Y', 'M', 'W', 'D'])?;
    let mut nanoseconds = 0;
    let [hours, minutes, seconds] = if text.eat('T') {
        let [hours, minutes] = parts(text, ['H', 'M'])?;
        let seconds = seconds(text)?;
        nanoseconds = seconds.map_or(0, |(_, nanoseconds)| nanoseconds);
        let time = [hours, minutes, seconds.map(|(seconds, _)| seconds)];
        if time == [None; 3] {
            return Err(ParseError::Form);
        }
        time
    } else {
        [None; 3]
    };
    if [years, months, weeks, days, hours, minutes, seconds] == [None; 7] {
        return Err(ParseError::Form);
    }
    Ok(Duration::new(
        sum([(years, 12), (months, 1)])?,
        sum([(weeks, 7), (days, 1)])?,
        sum([(hours, 3600), (minutes, 60), (seconds, 1)])?,
        nanoseconds,
    )?)
}

/// Reads whole numbers before these letters, in this order. Each is optional.
fn parts<const N: usize>(text: &mut Text<'_>, letters: [char; N]) -> Result<[Option<i64>; N], ParseError> {
    let mut found = [None; N];
    for (part, letter) in found.iter_mut().zip(letters) {
        let mut ahead = *text;
        let sign = i64::from(ahead.sign().unwrap_or(1));
        let Ok(digits) = ahead.digits(1, 19) else { continue };
        if ahead.eat(letter) {
            *part = Some(number(sign, digits)?);
            *text = ahead;
        }
    }
    Ok(found)
}

/// Reads seconds with a fraction, if there are any. The fraction has the sign of the number.
fn seconds(text: &mut Text<'_>) -> Result<Option<(i64, i64)>, ParseError> {
    if text.rest.is_empty() {
        return Ok(None);
    }
    let sign = i64::from(text.sign().unwrap_or(1));
    let seconds = number(sign, text.digits(1, 19)?)?;
    let nanoseconds = sign * i64::from(text.fraction()?);
    text.require('S')?;
    Ok(Some((seconds, nanoseconds)))
}

fn sum<const N: usize>(parts: [(Option<i64>, i64); N]) -> Result<i64, ParseError> {
    let total = parts.into_iter().try_fold(0_i64, |total, (part, unit)| {
        total.checked_add(part.unwrap_or(0).checked_mul(unit)?)
    });
    total.ok_or(ParseError::Range(RangeError::new(
        "a duration",
        "its parts have 64 bits",
    )))
}

/// Reads a number with its sign. The smallest number has no positive counterpart.
fn number(sign: i64, digits: &str) -> Result<i64, ParseError> {
    let value = i128::from(parse(digits)?) * i128::from(sign);
    i64::try_from(value).map_err(|_| ParseError::Form)
}

fn parse(digits: &str) -> Result<u64, ParseError> {
    digits.parse().map_err(|_| ParseError::Form)
}

impl<'a> Text<'a> {
    fn eat(&mut self, expected: char) -> bool {
        match self.rest.strip_prefix(expected) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn require(&mut self, expected: char) -> Result<(), ParseError> {
        if self.eat(expected) {
            Ok(())
        } else {
            Err(ParseError::Form)
        }
    }

    fn sign(&mut self) -> Option<i32> {
        if self.eat('+') {
            Some(1)
        } else if self.eat('-') {
            Some(-1)
        } else {
            None
        }
    }

    /// Reads the next digits, within these bounds.
    fn digits(&mut self, least: usize, most: usize) -> Result<&'a str, ParseError> {
        let count = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        if !(least..=most).contains(&count) {
            return Err(ParseError::Form);
        }
        let (digits, rest) = self.rest.split_at_checked(count).ok_or(ParseError::Form)?;
        self.rest = rest;
        Ok(digits)
    }

    fn two(&mut self) -> Result<u8, ParseError> {
        self.digits(2, 2)?.parse().map_err(|_| ParseError::Form)
    }

    /// Reads up to nine digits after a point, as nanoseconds.
    fn fraction(&mut self) -> Result<u32, ParseError> {
        if !self.eat('.') {
            return Ok(0);
        }
        let digits = self.digits(1, 9)?;
        let value: u32 = digits.parse().map_err(|_| ParseError::Form)?;
        let zeros = u32::try_from(9 - digits.len()).unwrap_or(0);
        Ok(value * 10_u32.pow(zeros))
    }
}
