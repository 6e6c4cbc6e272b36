//! The blocks of code in a page of Markdown, and the program that each of them is.
//!
//! A block belongs to the adapter that its info string names (` ```rust,smol `), else to that of the nearest heading
//! whose first word is one, else to tokio.

use std::fmt::Write as _;

use super::ADAPTERS;

/// What an info string may say beside the language and an adapter.
const TAGS: [&str; 2] = ["no_run", "compile_fail"];

/// What unindented lines begin with where there are only items.
const ITEMS: &[&str] = &[
    "use ",
    "fn ",
    "async fn ",
    "pub ",
    "struct ",
    "enum ",
    "trait ",
    "impl ",
    "impl<",
    "type ",
    "const ",
    "static ",
    "mod ",
    "#[",
    "#![",
    "//",
    "}",
    ")",
    "]",
    "where",
    " ",
    "{",
];

pub(crate) struct Block {
    /// The line on which its code begins.
    pub(crate) line: usize,
    pub(crate) adapter: &'static str,
    pub(crate) text: String,
    info: Vec<String>,
}

impl Block {
    pub(crate) fn is_rust(&self) -> bool {
        self.info.first().is_some_and(|language| language == "rust")
    }

    pub(crate) fn is_dependencies(&self) -> bool {
        self.info.first().is_some_and(|language| language == "toml")
            && self.text.starts_with("[dependencies]")
    }

    pub(crate) fn must_fail(&self) -> bool {
        self.info.iter().any(|tag| tag == "compile_fail")
    }

    /// What is wrong with the block itself.
    pub(crate) fn problem(&self) -> Option<String> {
        if !self.is_rust() {
            return None;
        }
        let known = |tag: &&String| TAGS.contains(&tag.as_str()) || ADAPTERS.contains(&tag.as_str());
        if let Some(tag) = self.info[1..].iter().find(|tag| !known(tag)) {
            return Some(format!("`{tag}` means nothing here"));
        }
        let hidden = self
            .text
            .lines()
            .find(|line| *line == "#" || line.starts_with("# "))?;
        Some(format!("readers of Markdown would see the line `{hidden}`"))
    }

    /// The program, on the same lines as in the page. Items alone get a `main`; all else that has none is the body of a
    /// function, with the usual things at hand.
    pub(crate) fn program(&self) -> String {
        let lines: Vec<_> = self.text.lines().collect();
        let is_main = |line: &&str| line.starts_with("fn main()") || line.starts_with("async fn main()");
        let is_item = |line: &&str| line.is_empty() || ITEMS.iter().any(|item| line.starts_with(item));
        let mut program =
            String::from("#![allow(unused)] #![deny(unused_imports, unused_must_use, deprecated)]");
        let (head, tail) = if lines.iter().any(is_main) {
            (String::new(), "")
        } else if lines.iter().all(is_item) {
            (String::new(), "\nfn main() {}\n")
        } else {
            let asynchronous = if self.adapter == "blocking" { "" } else { "async " };
            let head = format!(
                "{asynchronous}fn fragment(driver: bolt::Driver, mut session: bolt::Session, mut tx: bolt::Transaction<'_>, \
                 record: bolt::Record) -> Result<(), Box<dyn std::error::Error>> {{"
            );
            (head, "\n; Ok(()) }\nfn main() {}\n")
        };
        writeln!(program, " {head}{}", "\n".repeat(self.line.saturating_sub(2))).unwrap();
        program + &self.text + tail
    }
}

/// All blocks of code with a fence.
pub(crate) fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    // The headings above the line at hand, by their levels.
    let mut headings: Vec<(usize, Option<&'static str>)> = Vec::new();
    let mut inside: Option<Block> = None;
    for (at, line) in page.lines().enumerate() {
        if let Some(mut block) = inside.take() {
            if line.trim() == "```" {
                blocks.push(block);
            } else {
                block.text += line;
                block.text.push('\n');
                inside = Some(block);
            }
        } else if let Some(info) = line.trim_start().strip_prefix("```") {
            let info: Vec<_> = info.split(',').map(|tag| tag.trim().to_owned()).collect();
            let tagged = ADAPTERS
                .into_iter()
                .find(|adapter| info.iter().any(|tag| tag == adapter));
            let below = headings.iter().rev().find_map(|(_, adapter)| *adapter);
            inside = Some(Block {
                line: at + 2,
                adapter: tagged.or(below).unwrap_or("tokio"),
                text: String::new(),
                info,
            });
        } else if line.starts_with('#') {
            let title = line.trim_start_matches('#');
            let level = line.len() - title.len();
            headings.retain(|(above, _)| *above < level);
            let first = title.split_whitespace().next().unwrap_or_default();
            let first = first.trim_matches(|c: char| !c.is_alphanumeric());
            headings.push((level, ADAPTERS.into_iter().find(|adapter| *adapter == first)));
        }
    }
    assert!(inside.is_none(), "a block of code without an end");
    blocks
}

#[test]
fn a_block_belongs_to_the_adapter_that_it_or_its_heading_names() {
    let page = "\
```rust
one
```
## smol
### more
```rust,no_run
two
```
```rust,blocking
three
```
# `async-std`, discontinued
```rust
four
```
## else
```toml
[dependencies]
```
# end
```rust,compile_fail
five
```
";
    let blocks = blocks(page);
    let found: Vec<_> = blocks
        .iter()
        .map(|block| (block.line, block.adapter, block.text.trim()))
        .collect();
    assert_eq!(
        found,
        [
            (2, "tokio", "one"),
            (7, "smol", "two"),
            (10, "blocking", "three"),
            (14, "async-std", "four"),
            (18, "async-std", "[dependencies]"),
            (22, "tokio", "five"),
        ]
    );
    assert!(blocks[4].is_dependencies() && blocks[5].must_fail() && !blocks[1].must_fail());
}

#[test]
fn a_snippet_is_a_program_items_or_the_body_of_a_function() {
    let program = |info: &str, code: &str| blocks(&format!("\n\n```{info}\n{code}\n```\n"))[0].program();
    for (code, main, wrapped) in [
        ("use std::fs;\n\nfn main() {\n    x();\n}", 1, false),
        ("#[tokio::main]\nasync fn main() {}", 1, false),
        (
            "use bolt::Error;\n\nasync fn f(\n    x: u8,\n) -> u8 {\n    1\n}",
            1,
            false,
        ),
        ("use bolt::Access;\n\nlet x = 1;", 1, true),
        ("driver.close().await;", 1, true),
    ] {
        let program = program("rust", code);
        assert_eq!(program.matches("fn main()").count(), main, "{program}");
        assert_eq!(program.contains("async fn fragment"), wrapped, "{program}");
        assert_eq!(program.lines().nth(3), code.lines().next(), "{program}");
    }
    assert!(!program("rust,blocking", "x;").contains("async"));
}

#[test]
fn what_a_snippet_must_not_say_is_named() {
    for (info, code, problem) in [
        ("rust,ignore", "", Some("ignore")),
        ("rust", "# use std::fs;", Some("use std::fs")),
        ("rust,smol,compile_fail", "#[derive(Debug)]", None),
        ("sh", "# comment", None),
    ] {
        let found = blocks(&format!("```{info}\n{code}\n```"))[0].problem();
        assert_eq!(found.is_some(), problem.is_some(), "{found:?}");
        assert!(found.unwrap_or_default().contains(problem.unwrap_or_default()));
    }
}
