//! Texts: dates, times, durations and UUIDs in the form of ISO 8601, and names.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use bolt_proto::types::{Date, DateTime, Duration, LocalDateTime, LocalTime, Time, Uuid, ZonedDateTime};
use bolt_proto::{FromValue, ToValue, ident};

/// Reads a text as each type that has a form in text, and puts it into a query as a name.
pub fn texts(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    parsed::<Date>(text);
    parsed::<LocalTime>(text);
    parsed::<Time>(text);
    parsed::<LocalDateTime>(text);
    parsed::<DateTime>(text);
    parsed::<ZonedDateTime>(text);
    parsed::<Duration>(text);
    parsed::<Uuid>(text);
    name(text);
}

/// A text that is accepted is shown in a form that means the same, and survives a value and serde.
fn parsed<T>(text: &str)
where
    T: FromStr<Err: Display>
        + Display
        + Debug
        + PartialEq
        + ToValue
        + serde::Serialize
        + for<'v> FromValue<'v>
        + serde::de::DeserializeOwned,
{
    let value: T = match text.parse() {
        Ok(value) => value,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let shown = value.to_string();
    match shown.parse::<T>() {
        Ok(again) => assert_eq!(again, value, "{text:?} is shown as {shown:?}"),
        Err(error) => panic!("{text:?} is shown as {shown:?}: {error}"),
    }
    let json = serde_json::to_string(&value).unwrap_or_else(|error| panic!("{shown:?}: {error}"));
    let again: T = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{json}: {error}"));
    assert_eq!(again, value);
    // A zone without an offset cannot be sent in each form, and some durations not at all.
    if let Ok(sent) = crate::packstream::encoded(&value) {
        let again = T::read(&mut bolt_proto::packstream::Reader::new(&sent)).unwrap();
        // A time in a zone travels without its offset, so what has arrived is compared as it would be sent.
        let sent_again = crate::packstream::encoded(&again);
        assert_eq!(sent_again.ok(), Some(sent), "{again:?}");
    }
}

/// What is quoted is one name, and this name: servers decode `\uXXXX` anywhere, before they look for the end of a name.
fn name(text: &str) {
    let quoted = ident(text).to_string();
    let Some(inner) = quoted.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) else {
        panic!("{text:?} becomes {quoted:?}, which is not quoted");
    };
    let decoded = decoded(inner);
    let mut name = String::new();
    let mut letters = decoded.chars();
    while let Some(letter) = letters.next() {
        if letter == '`' {
            assert_eq!(letters.next(), Some('`'), "{quoted:?} ends early");
        }
        name.push(letter);
    }
    assert_eq!(name, text, "{quoted:?}");
}

/// Decodes unicode escapes as servers do: a backslash that follows an odd number of backslashes begins none.
fn decoded(text: &str) -> String {
    let units: Vec<char> = text.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    let mut backslashes = 0;
    while at < units.len() {
        if units[at] == '\\'
            && backslashes % 2 == 0
            && units.get(at + 1) == Some(&'u')
            && let Some(letter) = escaped(&units, at + 2)
        {
            out.push(letter);
            at += 6;
            backslashes = 0;
            continue;
        }
        backslashes = if units[at] == '\\' { backslashes + 1 } else { 0 };
        out.push(units[at]);
        at += 1;
    }
    out
}

/// Returns the character that four digits stand for.
fn escaped(units: &[char], at: usize) -> Option<char> {
    let digits: String = units.get(at..at + 4)?.iter().collect();
    char::from_u32(u32::from_str_radix(&digits, 16).ok()?)
}
