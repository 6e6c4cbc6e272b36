//! What a newcomer reads first: its links lead somewhere, and a packaged crate contains its front page.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn every_relative_link_of_the_documents_leads_to_a_file() {
    let mut documents: Vec<_> = ["README", "ARCHITECTURE", "CONTRIBUTING", "SECURITY", "CHANGELOG"]
        .iter()
        .map(|name| root().join(format!("{name}.md")))
        .collect();
    documents.extend(
        fs::read_dir(root().join("docs"))
            .unwrap()
            .map(|entry| entry.unwrap().path()),
    );
    let mut dead = Vec::new();
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
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
