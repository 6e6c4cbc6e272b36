//! `adapter-blocking` has the types, members and traits of the asynchronous adapters, but for a committed list.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::docs::{pages, root};
use super::items::{Item, items};

const LIST: &str = "tests/api/adapter-blocking-differences.txt";

#[test]
fn the_blocking_adapter_differs_from_the_others_in_what_its_list_names() {
    let (asynchronous, blocking) = (facts("adapter-tokio"), facts("adapter-blocking"));
    let gone = asynchronous.difference(&blocking).map(|fact| format!("- {fact}"));
    let new = blocking.difference(&asynchronous).map(|fact| format!("+ {fact}"));
    let list = fs::read_to_string(root().join(LIST)).unwrap();
    let mut uses: BTreeMap<&str, usize> = list
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (pattern, reason) = line.split_once("  ").unwrap_or((line, ""));
            assert!(!reason.trim().is_empty(), "no reason for `{pattern}`");
            (pattern, 0)
        })
        .collect();
    let mut missing = Vec::new();
    for difference in gone.chain(new) {
        let mut listed = false;
        for (pattern, used) in &mut uses {
            if matches(pattern, &difference) {
                *used += 1;
                listed = true;
            }
        }
        if !listed {
            missing.push(difference);
        }
    }
    assert!(missing.is_empty(), "not in {LIST}:\n{missing:#?}");
    uses.retain(|_, used| *used == 0);
    assert!(uses.is_empty(), "no difference any more: {uses:?}");
}

/// What the two APIs have in common where they are the same: names, the parameters of functions, and implemented traits.
fn facts(krate: &str) -> BTreeSet<String> {
    items(&pages(krate))
        .iter()
        .filter(|item| !item.path.starts_with("runtime::"))
        .filter_map(fact)
        .collect()
}

fn fact(item: &Item) -> Option<String> {
    let Item { path, signature, .. } = item;
    if signature.starts_with("auto ") {
        return None;
    }
    if let Some(block) = signature.strip_prefix("impl") {
        // Associated types have the trait's own line beside theirs; that a type has a destructor is its own affair.
        let (head, _) = block.rsplit_once(" for ")?;
        let name = head.split('<').next().unwrap_or_default();
        let name = if name.trim().is_empty() {
            head.rsplit("> ").next()?
        } else {
            name.trim()
        };
        return (name != "Drop").then(|| format!("{path}: {name}"));
    }
    let parameters = if signature.contains("fn ") {
        parameters(signature)
    } else {
        String::new()
    };
    Some(format!("{path}{parameters}"))
}

/// The names of a function's parameters: `(self, name, value)`.
fn parameters(signature: &str) -> String {
    let mut names = vec![String::new()];
    let (mut depth, mut angles, mut last) = (0_i32, 0_i32, ' ');
    for next in signature.chars() {
        match next {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '<' => angles += 1,
            '>' if last != '-' => angles -= 1,
            ',' if depth == 1 && angles == 0 => names.push(String::new()),
            _ if depth == 1 && angles == 0 => names.last_mut().unwrap().push(next),
            _ => {}
        }
        if depth == 0 && next == ')' && angles == 0 {
            break;
        }
        last = next;
    }
    let names: Vec<_> = names
        .iter()
        .map(|name| name.split(':').next().unwrap_or_default())
        .map(|name| name.trim().rsplit(' ').next().unwrap_or_default())
        .map(|name| name.trim_start_matches('&'))
        .collect();
    format!("({})", names.join(", "))
}

/// Whether a line is what a pattern says, in which `*` is anything.
fn matches(pattern: &str, line: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else {
        return pattern == line;
    };
    let Some(rest) = line.strip_prefix(head) else {
        return false;
    };
    (0..=rest.len())
        .filter(|at| rest.is_char_boundary(*at))
        .any(|at| matches(tail, &rest[at..]))
}

#[test]
fn what_two_apis_have_in_common_is_read_from_a_signature() {
    for (signature, expected) in [
        ("pub const fn len(&self) -> usize", "X(self)"),
        (
            "pub async fn param(self, name: impl AsRef<str>, value: impl ToValue) -> Query",
            "X(self, name, value)",
        ),
        (
            "pub fn f<'s, T: 's>(&'s mut self, work: impl FnMut(&mut Tx, u8) -> Result<T, E> + 's) -> Ex<'s, T>",
            "X(self, work)",
        ),
        ("pub fn g<F: Fn(u8) -> u8>(f: F)", "X(f)"),
        ("pub fn h()", "X()"),
        ("Read", "X"),
        ("impl Clone for X", "X: Clone"),
        (
            "impl<'a, T> From<&'a T> for X<'a> where T: Copy,",
            "X: From<&'a T>",
        ),
        ("impl<T> Serialize for X<T>: type A = B", "X: Serialize"),
    ] {
        let item = Item {
            path: "X".to_owned(),
            signature: signature.to_owned(),
            crates: BTreeSet::new(),
        };
        assert_eq!(fact(&item).unwrap(), expected, "{signature}");
    }
    assert!(matches("+ *::call(self)", "+ SessionRun::call(self)"));
    assert!(!matches("+ *::call(self)", "- SessionRun::call(self)"));
    assert!(!matches("+ A", "+ AB"));
}
