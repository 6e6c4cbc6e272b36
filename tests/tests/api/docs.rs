//! The documentation of the driver's crates with all features that matter, as rustdoc writes it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::{env, fs};

use super::dependencies::packages;
use super::html::attributes;

pub(crate) const ADAPTERS: [&str; 4] = [
    "adapter-tokio",
    "adapter-smol",
    "adapter-async-std",
    "adapter-blocking",
];

/// One page of a crate: its path below the crate's folder, and its text.
pub(crate) struct Page {
    pub(crate) path: String,
    pub(crate) html: String,
}

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap()
}

/// What `rustdoc --version` says.
pub(crate) fn version() -> String {
    let rustdoc = env::var_os("RUSTDOC").unwrap_or_else(|| "rustdoc".into());
    let output = Command::new(rustdoc)
        .arg("--version")
        .current_dir(root())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The pages of a crate, in the order of their paths. What rustdoc left of items that are gone is not among them.
pub(crate) fn pages(krate: &str) -> Vec<Page> {
    let folder = built().join(krate.replace('-', "_"));
    let all = fs::read_to_string(folder.join("all.html")).unwrap();
    let (_, list) = all.split_once("<main>").unwrap();
    let mut paths: BTreeSet<String> = attributes(list, "href")
        .filter(|path| path.ends_with(".html") && !path.contains(".."))
        .map(str::to_owned)
        .collect();
    for path in paths.clone() {
        for (at, _) in path.match_indices('/') {
            paths.insert(format!("{}/index.html", &path[..at]));
        }
    }
    paths.insert("index.html".to_owned());
    paths
        .into_iter()
        .map(|path| {
            let html = fs::read_to_string(folder.join(&path)).unwrap();
            Page { path, html }
        })
        .collect()
}

/// Where the documentation is; written once.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        // A crate's pages link to those of its dependencies only if these are there already.
        for krate in ["bolt-proto", "bolt-client"].into_iter().chain(ADAPTERS) {
            document(krate);
        }
        target().join("doc")
    })
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("docs")
}

fn document(krate: &str) {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "doc",
            "--locked",
            "--quiet",
            "--no-deps",
            "-p",
            krate,
            "--features",
        ])
        .arg(features(krate))
        .arg("--target-dir")
        .arg(target())
        .current_dir(root())
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        // A type of another crate is a link in a signature only if rustdoc knows an address for its crate. The option is
        // not stable; it is allowed for the driver's own crates only, so that no build script sees another compiler.
        .env("RUSTC_BOOTSTRAP", own_crates().join(","))
        .env("RUSTDOCFLAGS", addresses())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo doc of {krate}:\n{errors}");
}

/// Returns all features of a crate but the one that adds nothing to the API, and takes minutes to build.
fn features(krate: &str) -> String {
    let packages = packages();
    let features = packages.get(krate)["features"].as_object().unwrap();
    let features: Vec<_> = features
        .keys()
        .map(String::as_str)
        .filter(|feature| *feature != "aws-lc-rs")
        .collect();
    features.join(",")
}

fn own_crates() -> Vec<String> {
    ["bolt-proto", "bolt-client"]
        .iter()
        .chain(&ADAPTERS)
        .map(|krate| krate.replace('-', "_"))
        .collect()
}

/// An address for each crate of others that the repository was built with.
fn addresses() -> String {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let crates: BTreeSet<_> = lock
        .lines()
        .filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
        .map(|krate| krate.replace('-', "_"))
        .collect();
    let mut flags = String::from("-Zunstable-options");
    let own = own_crates();
    for krate in crates.iter().filter(|krate| !own.contains(krate)) {
        flags += &format!(" --extern-html-root-url={krate}=https://docs.rs/{krate}");
    }
    flags
}
