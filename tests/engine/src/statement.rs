//! Facts about a statement that its text contains and the engine does not report: the columns of a result without rows,
//! and the kind of statement.
//!
//! This is not a parser: it recognizes strings, comments, brackets and keywords, in statements that the engine has
//! accepted.

/// A statement that the engine has accepted.
#[derive(Debug)]
pub(crate) struct Statement {
    /// The names of the columns; `None` for `RETURN *`, with columns that only the engine knows.
    columns: Option<Vec<String>>,
    writes: bool,
    changes_schema: bool,
}

impl Statement {
    pub(crate) fn read(query: &str) -> Self {
        let tokens = tokens(query);
        Self {
            columns: columns(query, &tokens),
            writes: WRITING.iter().any(|word| position(&tokens, word).is_some()),
            changes_schema: matches!(tokens.as_slice(), [first, second, ..]
                if (first.is("CREATE") || first.is("DROP")) && second.is("INDEX")),
        }
    }

    /// Returns the columns, as far as the text shows them.
    pub(crate) fn columns(&self) -> Vec<String> {
        self.columns.clone().unwrap_or_default()
    }

    /// Returns the columns of a result for which the engine has reported its names. The names differ for expressions
    /// without an alias: the engine formats them, Neo4j copies them from the query.
    pub(crate) fn columns_like(&self, names: &[String]) -> Vec<String> {
        match &self.columns {
            Some(columns) if columns.len() == names.len() => columns.clone(),
            _ => names.to_vec(),
        }
    }

    /// Returns the `type` of the summary, for a statement that ran in a writing transaction.
    pub(crate) fn query_type(&self) -> &'static str {
        let returns = self.columns.as_ref().is_none_or(|columns| !columns.is_empty());
        match (self.changes_schema, self.writes, returns) {
            (true, _, _) => "s",
            (false, false, _) => "r",
            (false, true, true) => "rw",
            (false, true, false) => "w",
        }
    }
}

const WRITING: [&str; 6] = ["CREATE", "MERGE", "SET", "DELETE", "REMOVE", "DROP"];

/// The keywords that end the list of columns.
const AFTER_COLUMNS: [&str; 5] = ["ORDER", "SKIP", "OFFSET", "LIMIT", "UNION"];

fn columns(query: &str, tokens: &[Token<'_>]) -> Option<Vec<String>> {
    let Some(start) = position(tokens, "RETURN") else {
        return Some(Vec::new());
    };
    let list = tokens.get(start + 1..).unwrap_or_default();
    let list = match list.split_first() {
        Some((first, rest)) if first.is("DISTINCT") => rest,
        _ => list,
    };
    let end = list.iter().enumerate().position(|(index, token)| {
        let starts_a_column = index == 0 || list.get(index - 1).is_some_and(Token::is_comma);
        let keyword = token.depth == 0 && !starts_a_column && AFTER_COLUMNS.iter().any(|word| token.is(word));
        keyword || token.text == ";"
    });
    let list = list.get(..end.unwrap_or(list.len())).unwrap_or_default();
    list.split(|token| token.is_comma() && token.depth == 0)
        .map(|column| name_of(query, column))
        .collect()
}

/// Returns the name of one column: its alias, or its text.
fn name_of(query: &str, column: &[Token<'_>]) -> Option<String> {
    match column {
        [] => None,
        [only] if only.text == "*" => None,
        [.., keyword, alias] if keyword.is("AS") => Some(alias.name()),
        [only] => Some(only.name()),
        [first, .., last] => query.get(first.start..last.end()).map(str::to_owned),
    }
}

/// Returns the last position of the keyword outside of brackets.
fn position(tokens: &[Token<'_>], keyword: &str) -> Option<usize> {
    tokens
        .iter()
        .rposition(|token| token.depth == 0 && token.is(keyword))
}

#[derive(Debug)]
struct Token<'q> {
    text: &'q str,
    start: usize,
    /// How many brackets are open around it.
    depth: usize,
    /// Whether it follows `.`, `:` or `$`: a property, a label or a parameter of any name.
    named: bool,
}

impl Token<'_> {
    fn is(&self, keyword: &str) -> bool {
        !self.named && self.text.eq_ignore_ascii_case(keyword)
    }

    fn is_comma(&self) -> bool {
        self.text == ","
    }

    fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// Returns an identifier without its backticks.
    fn name(&self) -> String {
        match self
            .text
            .strip_prefix('`')
            .and_then(|text| text.strip_suffix('`'))
        {
            Some(quoted) => quoted.replace("``", "`"),
            None => self.text.to_owned(),
        }
    }
}

/// Splits the text into words, quoted parts and single symbols, without comments and spaces.
fn tokens(query: &str) -> Vec<Token<'_>> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let mut depth = 0_usize;
    let mut start = 0;
    while let Some(rest) = query.get(start..).filter(|rest| !rest.is_empty()) {
        let space = rest.len() - rest.trim_start().len();
        let skipped = if space > 0 { space } else { comment(rest) };
        if skipped > 0 {
            start += skipped;
            continue;
        }
        let length = token(rest);
        let Some(text) = rest.get(..length) else { break };
        if matches!(text, ")" | "]" | "}") {
            depth = depth.saturating_sub(1);
        }
        let named = tokens
            .last()
            .is_some_and(|last| matches!(last.text, "." | ":" | "$"));
        tokens.push(Token {
            text,
            start,
            depth,
            named,
        });
        if matches!(text, "(" | "[" | "{") {
            depth += 1;
        }
        start += length;
    }
    tokens
}

/// Returns the length of the comment at the beginning of `rest`, or 0.
fn comment(rest: &str) -> usize {
    if rest.starts_with("//") {
        rest.find('\n').unwrap_or(rest.len())
    } else if rest.starts_with("/*") {
        rest.find("*/").map_or(rest.len(), |end| end + 2)
    } else {
        0
    }
}

/// Returns the length of the token at the beginning of `rest`, which is not empty.
fn token(rest: &str) -> usize {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let Some(first) = rest.chars().next() else {
        return 0;
    };
    match first {
        '\'' | '"' => quoted(rest, first, Some('\\')),
        '`' => quoted(rest, first, None),
        _ if is_word(first) => rest.find(|character| !is_word(character)).unwrap_or(rest.len()),
        _ => first.len_utf8(),
    }
}

/// Returns the length of a quoted part, with its quotes. In backticks a quote is doubled, in strings it is escaped.
fn quoted(rest: &str, quote: char, escape: Option<char>) -> usize {
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((index, character)) = characters.next() {
        if Some(character) == escape {
            characters.next();
        } else if character == quote {
            let doubled = escape.is_none() && characters.next_if(|(_, next)| *next == quote).is_some();
            if !doubled {
                return index + quote.len_utf8();
            }
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(query: &str) -> Vec<String> {
        Statement::read(query).columns()
    }

    #[test]
    fn columns_are_named_by_their_alias_or_their_text() {
        assert_eq!(
            names("MATCH (a) RETURN a, a.name AS name, count(*)"),
            ["a", "name", "count(*)"]
        );
        assert_eq!(names("return distinct 1+1 , 2 as `two``s`"), ["1+1", "two`s"]);
        assert_eq!(names("RETURN 'a, b AS c' AS x ORDER BY x LIMIT 3"), ["x"]);
        assert_eq!(
            names("RETURN [x IN [1, 2] WHERE x > 1 | x] AS list, {a: 1, b: 2} AS map;"),
            ["list", "map"]
        );
    }

    #[test]
    fn the_last_return_outside_brackets_counts() {
        assert_eq!(names("RETURN 1 AS a UNION RETURN 2 AS a"), ["a"]);
        assert_eq!(
            names("MATCH (a) WHERE EXISTS { MATCH (a)--(b) RETURN b } RETURN a.x AS x"),
            ["x"]
        );
        assert_eq!(names("MATCH (a) // RETURN b\n RETURN a /* RETURN c */"), ["a"]);
    }

    #[test]
    fn keywords_as_names_are_names() {
        assert_eq!(
            names("MATCH (a:Return) RETURN a.return AS r, $limit AS l, skip"),
            ["r", "l", "skip"]
        );
        assert_eq!(
            Statement::read("MATCH (a:Set) RETURN a.delete AS create_x").query_type(),
            "r"
        );
    }

    #[test]
    fn a_star_is_left_to_the_engine() {
        let statement = Statement::read("MATCH (a) RETURN *");
        assert!(statement.columns().is_empty());
        assert_eq!(statement.columns_like(&["a".to_owned()]), ["a"]);
    }

    #[test]
    fn statements_are_classified_as_in_neo4j() {
        let cases = [
            ("RETURN 1", "r"),
            ("CREATE (:A)", "w"),
            ("MERGE (a:A) RETURN a", "rw"),
            ("MATCH (a) SET a.x = 1 RETURN *", "rw"),
            ("CREATE INDEX ON :A(x)", "s"),
        ];
        for (query, class) in cases {
            assert_eq!(Statement::read(query).query_type(), class, "{query}");
        }
    }

    #[test]
    fn incomplete_text_is_read_to_its_end() {
        for query in [
            "RETURN 'a",
            "RETURN `a",
            "RETURN \"a\\",
            "/* a",
            "RETURN",
            "RETURN 1 AS",
            ")",
            "",
        ] {
            let _ = Statement::read(query);
        }
    }
}
