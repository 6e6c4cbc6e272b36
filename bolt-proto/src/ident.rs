//! Names in the text of a query.

use core::fmt::{self, Write};

/// A name in quotes, made by [`ident`]. `Display` writes it into the text of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ident<'a>(&'a str);

/// Quotes a label, a type, a property name or a variable, for the text of a query.
///
/// A name cannot be a parameter, so it is a part of the text. Whatever it contains, in quotes it is one name and nothing else:
///
/// * it is in backticks, and those in the name are doubled;
/// * a `\u` in the name is written as `\u005Cu`, because servers replace such escapes before they look for quotes: the name
///   `\u0060` would end in the middle. Servers that do not replace escapes see another name than was meant, but no query.
///
/// The name is not checked: servers refuse an empty name, for example.
///
/// ```
/// # use bolt_proto as bolt;
/// use bolt::{ident, query};
///
/// let (label, property) = ("Person", "first `name`");
/// let text = format!("MATCH (n:{}) WHERE n.{} = $value RETURN n", ident(label), ident(property));
/// assert_eq!(text, "MATCH (n:`Person`) WHERE n.`first ``name``` = $value RETURN n");
/// let query = query(text).param("value", "Ada");
/// # assert_eq!(query.check(), Ok(()));
/// ```
#[must_use]
pub fn ident<N: AsRef<str> + ?Sized>(name: &N) -> Ident<'_> {
    Ident(name.as_ref())
}

impl fmt::Display for Ident<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('`')?;
        let mut chars = self.0.chars().peekable();
        while let Some(char) = chars.next() {
            match (char, chars.peek()) {
                ('`', _) => f.write_str("``")?,
                ('\\', Some('u')) => f.write_str("\\u005C")?,
                _ => f.write_char(char)?,
            }
        }
        f.write_char('`')
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};

    use proptest::prelude::*;

    use super::*;

    /// Replaces the escapes, as Neo4j does before it parses a query: once, from left to right.
    fn without_escapes(text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("\\u") {
            out.push_str(&rest[..at]);
            let digits = rest
                .get(at + 2..at + 6)
                .and_then(|digits| u32::from_str_radix(digits, 16).ok());
            match digits.and_then(char::from_u32) {
                Some(char) => {
                    out.push(char);
                    rest = &rest[at + 6..];
                }
                None => {
                    out.push_str("\\u");
                    rest = &rest[at + 2..];
                }
            }
        }
        out + rest
    }

    /// Reads a quoted name, as Cypher does, and returns it with what follows.
    fn parsed(text: &str) -> Option<(String, &str)> {
        let mut rest = text.strip_prefix('`')?;
        let mut name = String::new();
        loop {
            let end = rest.find('`')?;
            name.push_str(&rest[..end]);
            rest = &rest[end + 1..];
            match rest.strip_prefix('`') {
                Some(after) => rest = after,
                None => return Some((name, rest)),
            }
            name.push('`');
        }
    }

    #[test]
    fn names_are_quoted() {
        for (name, quoted) in [
            ("Person", "`Person`"),
            ("", "``"),
            ("`", "````"),
            ("a`b``c", "`a``b````c`"),
            ("\\u0060", "`\\u005Cu0060`"),
            ("\\\\u0060", "`\\\\u005Cu0060`"),
            ("C:\\users\\x", "`C:\\u005Cusers\\x`"),
            ("naïve 漢字", "`naïve 漢字`"),
        ] {
            assert_eq!(ident(name).to_string(), quoted);
        }
        assert_eq!(ident(&String::from("x")).to_string(), "`x`");
    }

    proptest! {
        #[test]
        fn a_quoted_name_is_read_as_that_name_whatever_is_in_it(
            name in r"([a-c`'\x22]|\\|u|\\u0060|\\u005[cC]|0|6|[)}\]]|.){0,12}",
        ) {
            let text = alloc::format!("{} RETURN 1", ident(&name));
            let decoded = without_escapes(&text);
            prop_assert_eq!(parsed(&decoded), Some((name, " RETURN 1")));
            // A server without escapes reads one name as well.
            prop_assert_eq!(parsed(&text).map(|(_, rest)| rest), Some(" RETURN 1"));
        }
    }
}
