//! What a newcomer reads first: its links lead somewhere, the files that it names exist, and a packaged crate contains its
//! front page.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The documents, each with its text.
fn documents() -> Vec<(PathBuf, String)> {
    let mut documents: Vec<_> = ["README", "ARCHITECTURE", "CONTRIBUTING", "SECURITY", "CHANGELOG"]
        .iter()
        .map(|name| root().join(format!("{name}.md")))
        .collect();
    documents.extend(
        fs::read_dir(root().join("docs"))
            .unwrap()
            .map(|entry| entry.unwrap().path()),
    );
    documents
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            (path, text)
        })
        .collect()
}

#[test]
fn every_relative_link_of_the_documents_leads_to_a_file() {
    let mut dead = Vec::new();
    for (document, text) in documents() {
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") || file.contains(' ') {
                continue;
            }
            if !document.parent().unwrap().join(file).exists() {
                dead.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}

/// A document may leave out the beginning of a path, and may write several paths as one, by braces.
#[test]
fn every_file_that_a_document_names_exists() {
    let known = paths(&root());
    let mut missing = Vec::new();
    let mut named = 0;
    for (document, text) in documents() {
        let code = text.lines().scan(false, |fenced, line| {
            let fence = line.starts_with("```");
            *fenced ^= fence;
            Some(if *fenced || fence { "" } else { line })
        });
        for name in code.flat_map(|line| line.split('`').skip(1).step_by(2)) {
            for path in expanded(name).iter().filter(|name| is_path(name)) {
                named += 1;
                let path = format!("/{}", path.trim_end_matches('/'));
                if !known.iter().any(|known| known.ends_with(&path)) {
                    missing.push(format!("{}: {path}", document.display()));
                }
            }
        }
    }
    assert!(named > 100, "only {named} names were looked up");
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Returns whether this is the name of a file with an extension, or of a folder with a slash at its end.
fn is_path(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let is_file = [".rs", ".md", ".txt", ".toml", ".sh"]
        .iter()
        .any(|extension| name.ends_with(extension));
    name.chars().all(is_plain) && (is_file || name.ends_with('/'))
}

/// Returns `a/b.rs` and `a/c.rs` for `a/{b,c}.rs`.
fn expanded(name: &str) -> Vec<String> {
    let parts = name
        .split_once('{')
        .and_then(|(before, rest)| rest.split_once('}').map(|(list, after)| (before, list, after)));
    match parts {
        Some((before, list, after)) => list
            .split(',')
            .map(|item| format!("{before}{item}{after}"))
            .collect(),
        None => vec![name.to_owned()],
    }
}

/// Returns the files and folders of the repository, with `/` at the beginning of each.
fn paths(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().to_string_lossy().into_owned();
            if name == "target" || name == ".git" || name == "corpus" {
                continue;
            }
            let path = format!("{prefix}/{name}");
            if entry.file_type().unwrap().is_dir() {
                folders.push((entry.path(), path.clone()));
            }
            found.push(path);
        }
    }
    found
}

#[test]
fn the_async_adapters_share_one_guide() {
    let guide = |adapter: &str| fs::read_to_string(root().join(adapter).join("guide.md")).unwrap();
    for adapter in ["adapter-smol", "adapter-async-std"] {
        assert!(guide(adapter) == guide("adapter-tokio"), "{adapter}");
    }
}

#[test]
fn a_packaged_adapter_contains_its_guide() {
    for adapter in [
        "adapter-tokio",
        "adapter-smol",
        "adapter-async-std",
        "adapter-blocking",
    ] {
        let listed = Command::new(env!("CARGO"))
            .args(["package", "--list", "--allow-dirty", "--offline", "-p", adapter])
            .current_dir(root())
            .output()
            .unwrap();
        assert!(
            listed.status.success(),
            "{}",
            String::from_utf8_lossy(&listed.stderr)
        );
        let files = String::from_utf8_lossy(&listed.stdout);
        assert!(files.lines().any(|file| file == "guide.md"), "{adapter}: {files}");
    }
}
