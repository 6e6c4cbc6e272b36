//! Texts of other parties, escaped for display.

use core::fmt::{self, Write};

/// A text from a peer, escaped for logs and terminals.
///
/// Characters that would move the cursor, end a line or change the direction of text are shown as escape sequences of
/// Rust. All other characters are unchanged.
///
/// `Display` implementations that show a text of a server use this type. Accessors such as
/// [`ServerError::message`](crate::ServerError::message) return the text unescaped.
///
/// ```
/// use bolt_proto::Escaped;
///
/// assert_eq!(Escaped("naïve\r\nINFO fine\u{1b}[2J").to_string(), r"naïve\r\nINFO fine\u{1b}[2J");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Escaped<'a>(pub &'a str);

impl Escaped<'_> {
    /// Returns whether the text is shown as it is.
    pub(crate) fn is_verbatim(&self) -> bool {
        !self.0.contains(is_harmful)
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(is_harmful) {
            let (before, harmful) = rest.split_at(at);
            f.write_str(before)?;
            let mut chars = harmful.chars();
            if let Some(char) = chars.next() {
                write!(f, "{}", char.escape_default())?;
            }
            rest = chars.as_str();
        }
        f.write_str(rest)
    }
}

/// A writer that escapes everything written to it: for output that is composed of texts of peers.
pub(crate) struct Escaping<'a, 'b>(pub(crate) &'a mut fmt::Formatter<'b>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        write!(self.0, "{}", Escaped(text))
    }
}

/// Returns whether a character is a control character, ends a line, overrides the direction of text, or is invisible.
fn is_harmful(char: char) -> bool {
    char.is_control()
        || matches!(
            char,
            '\u{061C}'
                | '\u{200B}'
                | '\u{200E}'
                | '\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{FEFF}'
                | '\u{FFF9}'..='\u{FFFB}'
                | '\u{E0000}'..='\u{E007F}'
        )
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::string::{String, ToString};
    use alloc::{format, vec};

    use super::*;
    use crate::error::{ConversionError, ServerError};
    use crate::message::{Notification, Plan, Status};
    use crate::packstream::ValueRef;
    use crate::value::{FromValue, Map, UnsupportedType, Value, ZonedDateTime};
    use crate::version::Version;

    /// Characters that must not reach a terminal or a log.
    const HARMFUL: &str = "\u{1b}[2J\u{7}\r\n\0\u{9b}\u{202e}\u{2066}\u{200f}\u{61c}\u{2028}\u{e0041}\u{7f}";

    fn assert_harmless(shown: &str) {
        assert!(!shown.contains(is_harmful), "{shown:?}");
        assert!(shown.contains("[2J"), "{shown}");
    }

    #[test]
    fn harmless_text_is_shown_unchanged() {
        for text in [
            "",
            "plain",
            r#"a "quoted" \ text"#,
            "naïve e\u{301} 日本 👩\u{200d}👩 \u{5d0}",
        ] {
            assert_eq!(Escaped(text).to_string(), text);
        }
        assert_eq!(Escaped("a\tb\n").to_string(), r"a\tb\n");
        assert_harmless(&Escaped(HARMFUL).to_string());
    }

    #[test]
    fn no_text_of_a_server_is_shown_unescaped() {
        let error = ServerError::new(HARMFUL, HARMFUL)
            .with_status(HARMFUL, HARMFUL)
            .with_diagnostic(HARMFUL, HARMFUL)
            .with_cause(ServerError::new("", HARMFUL));
        let cause = error.cause().unwrap().to_string();
        let notification = Notification {
            code: HARMFUL.into(),
            title: HARMFUL.into(),
            description: HARMFUL.into(),
            severity: Some(HARMFUL.into()),
            category: Some(HARMFUL.into()),
            position: None,
        };
        let status = Status {
            gql_status: HARMFUL.into(),
            status_description: HARMFUL.into(),
            diagnostic_record: Map::from_iter([(HARMFUL, HARMFUL)]),
            neo4j_code: Some(HARMFUL.into()),
            title: None,
            description: None,
        };
        let plan = Plan {
            operator: HARMFUL.into(),
            arguments: Map::from_iter([("Details", format!("{HARMFUL}x"))]),
            identifiers: vec![HARMFUL.into()],
            ..Plan::default()
        };
        let zoned = ZonedDateTime::from_unix(0, 0, HARMFUL).unwrap();
        let conversion = ConversionError::custom(HARMFUL).at_field(HARMFUL);
        let missing = <BTreeMap<String, i64>>::from_value(ValueRef::String(HARMFUL)).unwrap_err();
        let value = Value::from(Map::from_iter([(HARMFUL, HARMFUL)]));
        let unsupported = UnsupportedType::new(HARMFUL.into(), Version::V6_1, Some(HARMFUL.into()));
        for shown in [
            error.to_string(),
            cause,
            format!("{error:?}"),
            notification.to_string(),
            format!("{notification:?}"),
            status.to_string(),
            format!("{status:?}"),
            plan.to_string(),
            format!("{plan:?}"),
            zoned.to_string(),
            format!("{zoned:?}"),
            conversion.to_string(),
            format!("{conversion:?}"),
            missing.at_field(HARMFUL).to_string(),
            format!("{value:?}"),
            format!("{unsupported:?}"),
            format!("{:?}", ValueRef::String(HARMFUL)),
        ] {
            // A plan is shown as a tree of lines.
            assert_harmless(&shown);
        }
        assert_eq!(error.message(), HARMFUL);
    }
}
