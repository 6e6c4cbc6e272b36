//! Plain technical English: the words that comments, docs, names and texts of this repository do without.
//!
//! An actor has a name (caller, waiter, server, pool, session, application), and so no pronoun that stands for a
//! person; verbs are those that the field uses. The words are put together here from parts, so that this file passes.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Words, and phrases of several words. Case, line breaks and underscores between words make no difference.
const FORBIDDEN: &[&str] = &[
    concat!("no", "body"),
    concat!("some", "body"),
    concat!("any", "body"),
    concat!("every", "body"),
    concat!("no", " one"),
    concat!("w", "ho"),
    concat!("w", "hom"),
    concat!("w", "hoever"),
    concat!("w", "homever"),
    concat!("h", "e"),
    concat!("sh", "e"),
    concat!("h", "im"),
    concat!("h", "is"),
    concat!("some", "one"),
    concat!("any", "one"),
    concat!("every", "one"),
    concat!("sh", "all"),
    concat!("to", "ld"),
    concat!("le", "nt"),
    concat!("an", "ew"),
    concat!("of no", " use"),
    concat!("of one's", " own"),
    concat!("without a", " word"),
    concat!("done", " again"),
];

/// Phrases that may hold such a word: "to tell" is plain where it is "to distinguish".
const ALLOWED: &[&str] = &[concat!("to", "ld apart"), concat!("to", "ld from")];

/// Lines that may hold such a word: the path of the file, what the line says, and why it must.
const EXCEPTIONS: &[(&str, &str, &str)] = &[];

/// Recorded or generated, or the words of others: by a part of the path.
const EXCLUDED: &[&str] = &[
    "/bolt-proto/tests/data/captures/",
    "/bolt-proto/tests/data/exchanges.txt",
    "/bolt-proto/tests/data/messages.txt",
    "/proptest-regressions/",
    "/tests/fuzz/corpus/",
    "/tests/demo/data/",
    "/LICENSE-",
    "/Cargo.lock",
    "/target/",
    "/.git/",
];

#[test]
fn the_repository_does_without_the_forbidden_words() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut wrong = String::new();
    let (mut files, mut count) = (0, 0);
    let mut unused: BTreeSet<_> = EXCEPTIONS.iter().collect();
    for (name, text) in texts(&root) {
        files += 1;
        let lines: Vec<_> = text.lines().collect();
        for (line, word) in found(&text) {
            let content = lines.get(line - 1).copied().unwrap_or_default();
            let exception = EXCEPTIONS
                .iter()
                .find(|(path, says, _)| *path == name && content.contains(says));
            if let Some(exception) = exception {
                unused.remove(exception);
                continue;
            }
            count += 1;
            writeln!(wrong, "{name}:{line}: {word}: {}", content.trim()).unwrap();
        }
    }
    assert!(files > 300, "only {files} files were looked at");
    assert!(wrong.is_empty(), "{count} forbidden words:\n{wrong}");
    assert!(unused.is_empty(), "exceptions for what is not there: {unused:#?}");
}

#[test]
fn a_word_is_found_in_every_spelling_and_only_as_a_whole() {
    let [person, w, again] = [FORBIDDEN[0], FORBIDDEN[5], FORBIDDEN[FORBIDDEN.len() - 1]];
    let (done, after) = again.split_once(' ').unwrap();
    let camel = format!("N{}Reads", &person[1..]);
    for (text, expected) in [
        (format!("a\n{person}"), Some((2, person))),
        (format!("fn the_rows_{person}_reads()"), Some((1, person))),
        (format!("struct {camel};"), Some((1, person))),
        (person.to_uppercase(), Some((1, person))),
        (format!("{w}'s there"), Some((1, w))),
        (format!("the {w}le thing"), None),
        (format!("/// is {done}\n    /// {after}"), Some((1, again))),
        (format!("# is {done}\n# {after}"), Some((1, again))),
        (format!("it is {done}. {after}, it is"), None),
        (format!("{done}, {after}"), None),
        (format!("fn {done}_{after}()"), Some((1, again))),
        (ALLOWED[0].to_owned(), None),
        (ALLOWED[0].replace(' ', "_"), None),
    ] {
        assert_eq!(found(&text).first().copied(), expected, "{text}");
    }
}

/// The forbidden words of a text, each with the line on which it begins.
fn found(text: &str) -> Vec<(usize, &'static str)> {
    let parts = |phrase: &'static str| -> Vec<&str> { phrase.split([' ', '\'']).collect() };
    let mut forbidden = vec![Vec::new(); 26];
    for phrase in FORBIDDEN {
        forbidden[usize::from(phrase.as_bytes()[0] - b'a')].push((*phrase, parts(phrase)));
    }
    let allowed: Vec<_> = ALLOWED.iter().map(|phrase| parts(phrase)).collect();
    let words = words(text);
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let first = word.text.as_bytes()[0].to_ascii_lowercase();
        let candidates = forbidden.get(usize::from(first.wrapping_sub(b'a')));
        for (phrase, parts) in candidates.into_iter().flatten() {
            let here = &words[at..];
            if begins(here, parts) && !allowed.iter().any(|parts| begins(here, parts)) {
                found.push((word.line, *phrase));
            }
        }
    }
    found
}

/// Whether these words begin with a phrase, with nothing but blanks in it.
fn begins(words: &[Word<'_>], phrase: &[&str]) -> bool {
    let first = words[0].text.len() == phrase[0].len() && words[0].is(phrase[0]);
    first
        && words.len() >= phrase.len()
        && words
            .iter()
            .zip(phrase)
            .skip(1)
            .all(|(word, part)| word.follows && word.is(part))
}

struct Word<'t> {
    text: &'t str,
    line: usize,
    /// Nothing but blanks, marks of comments and an apostrophe or underscore is between this word and the one before.
    follows: bool,
}

impl Word<'_> {
    fn is(&self, word: &str) -> bool {
        self.text.eq_ignore_ascii_case(word)
    }
}

/// The words of a text. An underscore ends a word, as does a capital letter behind a small one.
fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let (mut line, mut follows, mut at) = (1, false, 0);
    while let Some(first) = text[at..].chars().next() {
        if !first.is_alphabetic() {
            line += usize::from(first == '\n');
            follows &= first.is_whitespace() || "/!#*>_'’".contains(first);
            at += first.len_utf8();
            continue;
        }
        let mut small = false;
        let rest = &text[at..];
        let end = rest
            .find(|c: char| {
                let ends = !c.is_alphabetic() || (small && c.is_uppercase());
                small = c.is_lowercase();
                ends
            })
            .unwrap_or(rest.len());
        let text = &rest[..end];
        words.push(Word { text, line, follows });
        follows = true;
        at += end;
    }
    words
}

/// All texts of the repository, by their paths. The tree is walked: a clean clone needs no git for this.
fn texts(root: &Path) -> Vec<(String, String)> {
    let mut folders: Vec<PathBuf> = vec![root.to_path_buf()];
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let path = entry.path();
            let is_dir = entry.file_type().unwrap().is_dir();
            let name = path
                .strip_prefix(root)
                .unwrap()
                .to_string_lossy()
                .replace('\\', "/");
            let whole = if is_dir {
                format!("/{name}/")
            } else {
                format!("/{name}")
            };
            if EXCLUDED.iter().any(|part| whole.contains(part)) {
                continue;
            }
            if is_dir {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                texts.push((name, text));
            }
        }
    }
    texts.sort();
    texts
}
