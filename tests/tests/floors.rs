//! The layering of `bolt-client`: a file uses its own floor and those below, never one above.
//!
//! `api` is above `exchange`, which is above `connect`. What all of them share (errors, deadlines, addresses, result
//! values) lies beside them and uses neither `api` nor `exchange`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Files, by the first part of their path below `src`, and the modules that they must not use.
const RULES: &[(&str, &[&str])] = &[
    ("connect", &["api", "exchange"]),
    ("exchange", &["api"]),
    ("error", &["api", "exchange"]),
    ("deadline", &["api", "exchange"]),
    ("address", &["api", "exchange"]),
    ("runtime", &["api", "exchange"]),
    ("uri", &["api", "exchange"]),
    ("config", &["api", "exchange"]),
    ("summary", &["api", "exchange"]),
    ("server_info", &["api", "exchange"]),
    ("eager_result", &["api", "exchange"]),
    ("record", &["api", "exchange"]),
    ("bookmarks", &["api", "exchange"]),
];

#[test]
fn no_file_of_the_client_uses_a_floor_above_its_own() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bolt-client/src");
    let mut wrong = String::new();
    let mut seen = 0;
    for file in files(&src) {
        let module = module_of(file.strip_prefix(&src).unwrap());
        let Some((_, forbidden)) = RULES.iter().find(|(place, _)| module[0] == *place) else {
            continue;
        };
        seen += 1;
        let text = fs::read_to_string(&file).unwrap();
        for used in uses(&module, &text) {
            if forbidden.contains(&used.as_str()) {
                writeln!(wrong, "{} uses crate::{used}", file.display()).unwrap();
            }
        }
    }
    assert!(seen > 20, "only {seen} files were read");
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Returns the Rust files in a folder and its subfolders.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Returns the module path of a file: `connect/pool/mod.rs` is `connect::pool`.
fn module_of(file: &Path) -> Vec<String> {
    let file = file.with_extension("");
    let mut module: Vec<_> = file
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if module.len() > 1 && module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    module
}

/// Returns the modules at the crate's root that a file names, through `crate::` or enough `super::`.
fn uses(module: &[String], text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .flat_map(|line| [line, "\n"])
        .collect();
    let tokens = tokens(&code);
    let mut used = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        // Only at the beginning of a path.
        if at > 0 && tokens[at - 1] == "::" {
            continue;
        }
        let mut rest = &tokens[at..];
        match *token {
            "crate" => rest = &rest[1..],
            "super" => {
                let mut up = 0;
                while rest.first() == Some(&"super") {
                    up += 1;
                    rest = &rest[1..];
                    if rest.get(1) == Some(&"super") {
                        rest = &rest[1..];
                    }
                }
                // Modules within the file, such as `mod tests`, need one more `super`.
                if up < module.len() {
                    continue;
                }
            }
            _ => continue,
        }
        used.extend(heads(rest));
    }
    used.sort_unstable();
    used.dedup();
    used
}

/// Returns the first names of the following paths: `api` for `::api::Session`, both for `::{api::Session, error}`.
fn heads(tokens: &[&str]) -> Vec<String> {
    let [separator, first, rest @ ..] = tokens else {
        return Vec::new();
    };
    if *separator != "::" {
        return Vec::new();
    }
    if *first != "{" {
        return vec![(*first).to_owned()];
    }
    let mut heads = Vec::new();
    let (mut depth, mut begins) = (1, true);
    for token in rest {
        match *token {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," if depth == 1 => {
                begins = true;
                continue;
            }
            name if begins && depth == 1 => heads.push(name.to_owned()),
            _ => {}
        }
        begins = false;
        if depth == 0 {
            break;
        }
    }
    heads
}

/// Splits code into names, `::`, braces and commas; any other character is a token by itself.
fn tokens(code: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let len = if first.is_alphanumeric() || first == '_' {
            rest.find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at(len);
        tokens.push(token);
        rest = after.trim_start();
    }
    tokens
}

#[test]
fn every_form_of_use_path_is_recognized() {
    let module: Vec<String> = ["connect", "pool", "place"].map(str::to_owned).into();
    for (text, used) in [
        ("use crate::api::session::Session;", vec!["api"]),
        (
            "use crate::{address::Address, api::{Driver, exchange}, error};",
            vec!["address", "api", "error"],
        ),
        ("fn f() -> crate::exchange::Exchange {}", vec!["exchange"]),
        ("use super::super::super::api::Driver;", vec!["api"]),
        (
            "use super::super::super::{exchange, uri};",
            vec!["exchange", "uri"],
        ),
        ("use super::super::link::Link;", vec![]),
        ("use super::api;", vec![]),
        ("// use crate::api;", vec![]),
        ("pub(crate) fn api() { other::crate_::api() }", vec![]),
        ("pub(in crate::connect) fn f();", vec!["connect"]),
    ] {
        assert_eq!(uses(&module, text), used, "{text}");
    }
    assert_eq!(module_of(Path::new("connect/pool/mod.rs")), ["connect", "pool"]);
    assert_eq!(module_of(Path::new("deadline.rs")), ["deadline"]);
}
