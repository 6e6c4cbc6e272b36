//! What a statement's text tells and the engine does not: the columns of a result without rows, and what kind of
//! statement it is.
//!
//! This is no parser: it knows strings, comments, brackets and keywords. The engine has accepted the statement
//! before anybody asks here.

/// A statement that the engine has accepted.
#[derive(Debug)]
pub(crate) struct Statement {
    /// The names of the columns; `None` for `RETURN *`, whose columns only the engine knows.
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

    /// The columns, as far as the text tells.
    pub(crate) fn columns(&self) -> Vec<String> {
        self.columns.clone().unwrap_or_default()
    }

    /// The columns of a result of which the engine has given its names. They differ for expressions without alias,
    /// which the engine writes in its own way and Neo4j as they stand in the query.
    pub(crate) fn columns_like(&self, names: &[String]) -> Vec<String> {
        match &self.columns {
            Some(columns) if columns.len() == names.len() => columns.clone(),
            _ => names.to_vec(),
        }
    }

    /// The `type` of the summary, for a statement that ran in a writing transaction.
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

/// What ends the list of columns.
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

/// The name of one column: its alias, or its text.
fn name_of(query: &str, column: &[Token<'_>]) -> Option<String> {
    match column {
        [] => None,
        [only] if only.text == "*" => None,
        [.., keyword, alias] if keyword.is("AS") => Some(alias.name()),
        [only] => Some(only.name()),
        [first, .., last] => query.get(first.start..last.end()).map(str::to_owned),
    }
}

/// Where the keyword stands last outside of all brackets.
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
    /// After `.`, `:` or `$`: a property, a label or a parameter, whatever it is called.
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

    /// An identifier without its backticks.
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

/// Words, quoted things and single symbols; comments and spaces are left out.
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

/// The length of the comment that `rest` begins with, or 0.
fn comment(rest: &str) -> usize {
    if rest.starts_with("//") {
        rest.find('\n').unwrap_or(rest.len())
    } else if rest.starts_with("/*") {
        rest.find("*/").map_or(rest.len(), |end| end + 2)
    } else {
        0
    }
}

/// The length of the token that `rest` begins with; `rest` is not empty.
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

/// The length of a quoted thing, with its quotes. In backticks a quote is doubled, in strings it is escaped.
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
    fn the_last_return_outside_of_brackets_counts() {
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
    fn statements_are_classed_as_neo4j_does() {
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
    fn text_that_ends_in_the_middle_is_read_to_its_end() {
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
