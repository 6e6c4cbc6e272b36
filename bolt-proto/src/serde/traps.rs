//! Types that serde sends as another type than the database has for them: a date as a string, bytes as a list. They are
//! refused, unless the field says what is meant.
//!
//! Serde does not say which type it writes, but the compiler does. A name that changes in a new version of a crate is no
//! longer refused; nothing else depends on names.

use core::any::type_name;

use crate::error::EncodeError;
use crate::value::Output;

/// Refuses such a type, except within `as_serde`.
#[inline(always)]
pub(super) fn refuse<T: ?Sized>(out: &Output) -> Result<(), EncodeError> {
    // The compiler knows the name, so nothing is left of this for almost all types.
    let suspicious = match type_name::<T>().as_bytes() {
        [b'&', name @ ..] => begins_like_one(name),
        name => begins_like_one(name),
    };
    if suspicious {
        return refuse_by_name(type_name::<T>(), out);
    }
    Ok(())
}

/// Returns whether a name begins like one that is refused.
#[inline(always)]
const fn begins_like_one(name: &[u8]) -> bool {
    matches!(
        name,
        [b'c', b'h', b'r', b'o', b'n', b'o', b':', ..]
            | [b't', b'i', b'm', b'e', b':', ..]
            | [b'j', b'i', b'f', b'f', b':', ..]
            | [b'c', b'o', b'r', b'e', b':', b':', b't', ..]
            | [b's', b't', b'd', b':', b':', b't', ..]
            // `Box`, `Rc` and `Arc`, but not `String` and `Vec`.
            | [b'a', b'l', b'l', b'o', b'c', b':', b':', b'b' | b'r', ..]
            | [b'a', b'l', b'l', b'o', b'c', b':', b':', b's', b'y', ..]
            | [b'&', ..]
    )
}

#[inline(never)]
fn refuse_by_name(name: &'static str, out: &Output) -> Result<(), EncodeError> {
    match trap(name) {
        Some((what, kind)) if !out.as_serde => Err(EncodeError::trap(what, kind)),
        _ => Ok(()),
    }
}

/// Returns what serde makes of a type, and what the database has for it.
fn trap(name: &'static str) -> Option<(&'static str, &'static str)> {
    let name = contents(name);
    of_chrono(name)
        .or_else(|| of_time(name))
        .or_else(|| of_jiff(name))
        .or_else(|| of_std(name))
}

const DATE: &str = "a date";
const TIME: &str = "a time";
const DATE_TIME: &str = "a date-time";
const DURATION: &str = "a duration";

fn of_chrono(name: &'static str) -> Option<(&'static str, &'static str)> {
    let name = name.strip_prefix("chrono::")?;
    match last(name) {
        "NaiveDate" => Some(("a string of a chrono::NaiveDate", DATE)),
        "NaiveTime" => Some(("a string of a chrono::NaiveTime", TIME)),
        "NaiveDateTime" => Some(("a string of a chrono::NaiveDateTime", DATE_TIME)),
        "DateTime" => Some(("a string of a chrono::DateTime", DATE_TIME)),
        "TimeDelta" => Some(("a list of a chrono::TimeDelta", DURATION)),
        _ => None,
    }
}

fn of_time(name: &'static str) -> Option<(&'static str, &'static str)> {
    let name = name.strip_prefix("time::")?;
    match last(name) {
        "Date" => Some(("a string or a list of a time::Date", DATE)),
        "Time" => Some(("a string or a list of a time::Time", TIME)),
        "PrimitiveDateTime" => Some(("a string or a list of a time::PrimitiveDateTime", DATE_TIME)),
        "OffsetDateTime" => Some(("a string or a list of a time::OffsetDateTime", DATE_TIME)),
        "UtcDateTime" => Some(("a string or a list of a time::UtcDateTime", DATE_TIME)),
        "Duration" => Some(("a string or a list of a time::Duration", DURATION)),
        _ => None,
    }
}

fn of_jiff(name: &'static str) -> Option<(&'static str, &'static str)> {
    let name = name.strip_prefix("jiff::")?;
    match last(name) {
        "Date" => Some(("a string of a jiff::civil::Date", DATE)),
        "Time" => Some(("a string of a jiff::civil::Time", TIME)),
        "DateTime" => Some(("a string of a jiff::civil::DateTime", DATE_TIME)),
        "Timestamp" => Some(("a string of a jiff::Timestamp", DATE_TIME)),
        "Zoned" => Some(("a string of a jiff::Zoned", DATE_TIME)),
        "Span" => Some(("a string of a jiff::Span", DURATION)),
        "SignedDuration" => Some(("a string of a jiff::SignedDuration", DURATION)),
        _ => None,
    }
}

fn of_std(name: &'static str) -> Option<(&'static str, &'static str)> {
    match name {
        "core::time::Duration" => Some(("a map of a std::time::Duration", DURATION)),
        "std::time::SystemTime" => Some(("a map of a std::time::SystemTime", DATE_TIME)),
        _ => None,
    }
}

/// Returns the name without the pointers around it, which serde does not see.
fn contents(name: &'static str) -> &'static str {
    let mut name = name;
    loop {
        let inside = name
            .strip_prefix('&')
            .or_else(|| name.strip_prefix("mut "))
            .or_else(|| name.strip_prefix("alloc::boxed::Box<"))
            .or_else(|| name.strip_prefix("alloc::sync::Arc<"))
            .or_else(|| name.strip_prefix("alloc::rc::Rc<"));
        match inside {
            Some(inside) => name = inside,
            None => return name,
        }
    }
}

/// Returns the last part of a path, without parameters.
fn last(path: &'static str) -> &'static str {
    let end = path.find(['<', '>']).unwrap_or(path.len());
    let path = path.get(..end).unwrap_or_default();
    path.rsplit("::").next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use alloc::boxed::Box;
    use alloc::sync::Arc;
    use core::time::Duration;
    use std::time::SystemTime;

    use super::*;

    /// Holds as long as the crates keep the names of their types.
    #[test]
    fn the_types_of_other_crates_are_recognised_by_their_names() {
        fn is<T>() -> bool {
            trap(type_name::<T>()).is_some()
        }
        assert!(is::<chrono::NaiveDate>() && is::<chrono::NaiveTime>() && is::<chrono::NaiveDateTime>());
        assert!(is::<chrono::DateTime<chrono::Utc>>() && is::<chrono::TimeDelta>());
        assert!(is::<time::Date>() && is::<time::Time>() && is::<time::PrimitiveDateTime>());
        assert!(is::<time::OffsetDateTime>() && is::<time::Duration>());
        assert!(is::<jiff::civil::Date>() && is::<jiff::civil::Time>() && is::<jiff::civil::DateTime>());
        assert!(is::<jiff::Timestamp>() && is::<jiff::Zoned>() && is::<jiff::Span>());
        assert!(is::<jiff::SignedDuration>() && is::<Duration>() && is::<SystemTime>());
        assert!(is::<&Box<Arc<chrono::NaiveDate>>>());
        assert!(!is::<alloc::vec::Vec<chrono::NaiveDate>>() && !is::<Option<Duration>>());
        assert!(!is::<chrono::Weekday>() && !is::<crate::types::Date>() && !is::<uuid::Uuid>());
    }
}
