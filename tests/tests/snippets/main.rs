//! The programs in README and `docs/` compile when they are pasted into a fresh crate with README's dependencies.
//!
//! For each adapter there is one such crate, below `target`, with a program for each snippet. It depends on the adapter
//! by the name `bolt`, and on nothing that README does not name. [`markdown`] says which snippet goes where.

mod markdown;
mod messages;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use markdown::{Block, blocks};

const ADAPTERS: [&str; 4] = ["tokio", "smol", "async-std", "blocking"];

#[test]
fn every_snippet_compiles_in_a_fresh_crate_with_the_dependencies_of_the_readme() {
    let root = root();
    let dependencies = dependencies(&fs::read_to_string(root.join("README.md")).unwrap());
    let mut wrong = String::new();
    for adapter in ADAPTERS {
        let snippets = snippets(&root, adapter);
        assert!(!snippets.is_empty(), "README has no snippet for {adapter}");
        let folder = folder(adapter);
        let programs = snippets
            .iter()
            .map(|snippet| (snippet.name.as_str(), snippet.block.program()));
        write_crate(&folder, adapter, &dependencies[adapter], programs);
        wrong += &check(&folder, adapter, &snippets);
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn the_first_snippet_of_the_readme_stands_below_its_dependencies() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let blocks = blocks(&readme);
    let dependencies = blocks.iter().position(Block::is_dependencies);
    let program = blocks.iter().position(Block::is_rust);
    assert!(dependencies.is_some() && dependencies < program);
}

/// One program: the name of its binary, where it comes from, and the block itself.
struct Snippet {
    name: String,
    place: String,
    block: Block,
}

/// The folder of a generated crate.
fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("snippets").join(name)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap()
}

/// All snippets for an adapter, of the pages at the root of the repository and in `docs`.
fn snippets(root: &Path, adapter: &str) -> Vec<Snippet> {
    let mut snippets = Vec::new();
    for folder in [root.to_path_buf(), root.join("docs")] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "md") {
                continue;
            }
            let stem = path.file_stem().unwrap().to_string_lossy().to_lowercase();
            for block in blocks(&fs::read_to_string(&path).unwrap()) {
                let place = format!("{}:{}", path.strip_prefix(root).unwrap().display(), block.line);
                if let Some(problem) = block.problem() {
                    panic!("{place}: {problem}");
                }
                if block.is_rust() && block.adapter == adapter {
                    let name = format!("{stem}_{}", block.line);
                    snippets.push(Snippet { name, place, block });
                }
            }
        }
    }
    snippets
}

/// README's `[dependencies]`, for each adapter. An adapter without a block of its own has that of tokio, without tokio.
fn dependencies(readme: &str) -> BTreeMap<&'static str, String> {
    let blocks = blocks(readme);
    let of = |adapter: &str| {
        blocks
            .iter()
            .find(|block| block.is_dependencies() && block.adapter == adapter)
    };
    let tokio = &of("tokio").expect("README has a `[dependencies]` block").text;
    ADAPTERS
        .into_iter()
        .map(|adapter| {
            let text = of(adapter).map_or_else(
                || {
                    tokio
                        .lines()
                        .filter(|line| !line.starts_with("tokio"))
                        .flat_map(|line| [line, "\n"])
                        .collect::<String>()
                        .replace("adapter-tokio", &format!("adapter-{adapter}"))
                },
                |block| block.text.clone(),
            );
            assert!(
                text.contains(&format!("bolt = {{ package = \"adapter-{adapter}\"")),
                "README's dependencies for {adapter} are:\n{text}"
            );
            (adapter, text)
        })
        .collect()
}

/// Writes a crate of programs, each with its name. Files that are up to date stay, so that nothing is checked twice.
fn write_crate<'p>(
    folder: &Path,
    adapter: &str,
    dependencies: &str,
    programs: impl IntoIterator<Item = (&'p str, String)>,
) {
    let root = root();
    let bin = folder.join("src/bin");
    fs::create_dir_all(&bin).unwrap();
    let name = folder.file_name().unwrap().display();
    let path = format!("path = {:?}", root.join(format!("adapter-{adapter}")));
    let dependencies = dependencies.replace("path = \"…\"", &path);
    write(
        &folder.join("Cargo.toml"),
        &format!(
            "[package]\nname = \"snippets-{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n{dependencies}"
        ),
    );
    // With the versions that the repository was built with, most of which are on this machine already.
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let mut stale: BTreeSet<_> = fs::read_dir(&bin)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    for (name, program) in programs {
        let file = bin.join(name).with_extension("rs");
        write(&file, &program);
        stale.remove(&file);
    }
    for file in stale {
        fs::remove_file(file).unwrap();
    }
}

fn write(file: &Path, text: &str) {
    if fs::read_to_string(file).is_ok_and(|old| old == text) {
        return;
    }
    fs::write(file, text).unwrap();
}

/// What the compiler says about the programs of a crate.
struct Checked {
    /// The errors by the name of the program; `""` is for those of the dependencies.
    errors: BTreeMap<String, String>,
    compiled: BTreeSet<String>,
    stderr: String,
}

/// Checks the programs of a crate.
fn cargo_check(folder: &Path) -> Checked {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["check", "--quiet", "--bins", "--keep-going"])
        .args(["--message-format", "json", "--target-dir", "../target"])
        .current_dir(folder)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let mut errors: BTreeMap<String, String> = BTreeMap::new();
    let mut compiled = BTreeSet::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let message: serde_json::Value = serde_json::from_str(line).unwrap();
        let target = &message["target"];
        let program = if target["kind"][0] == "bin" {
            target["name"].as_str().unwrap_or_default()
        } else {
            ""
        };
        if message["reason"] == "compiler-artifact" {
            compiled.insert(program.to_owned());
        } else if message["message"]["level"] == "error" {
            let text = message["message"]["rendered"].as_str().unwrap_or_default();
            *errors.entry(program.to_owned()).or_default() += text;
        }
    }
    Checked {
        errors,
        compiled,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Checks the snippets of a crate; returns what is wrong with them.
fn check(folder: &Path, adapter: &str, snippets: &[Snippet]) -> String {
    let mut checked = cargo_check(folder);
    let mut wrong = checked.errors.remove("").unwrap_or_default();
    for Snippet { name, place, block } in snippets {
        let (failed, compiled) = (checked.errors.get(name), checked.compiled.contains(name));
        match (failed, block.must_fail()) {
            (Some(errors), false) => writeln!(wrong, "{place}, on adapter-{adapter}:\n{errors}").unwrap(),
            (None, true) => writeln!(wrong, "{place} compiles, but says `compile_fail`").unwrap(),
            (None, false) if !compiled => writeln!(wrong, "{place} was not checked").unwrap(),
            _ => {}
        }
    }
    if !wrong.is_empty() {
        wrong += &checked.stderr;
    }
    wrong
}
