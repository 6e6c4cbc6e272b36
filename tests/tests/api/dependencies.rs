//! The crates of others whose items the public API of each crate names, beside the list in `tests/api/dependencies.txt`.
//!
//! A new incompatible version of one of these is a new incompatible version of the crate that names it.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::docs::{ADAPTERS, pages, root};
use super::items::items;
use super::snapshot::compare;

#[test]
fn the_crates_that_the_apis_name_are_those_of_the_list() {
    let packages = packages();
    let mut lines = Vec::new();
    let mut wrong = Vec::new();
    for krate in ["bolt-proto", "bolt-client"].into_iter().chain(ADAPTERS) {
        let mut foreign: BTreeMap<String, String> = BTreeMap::new();
        for item in items(&pages(krate)) {
            for name in &item.crates {
                foreign.entry(name.clone()).or_insert_with(|| item.line());
            }
        }
        for (name, line) in foreign {
            match packages.dependency(krate, &name) {
                Some(dependency) => lines.push(format!("{krate}: {dependency}")),
                None => wrong.push(format!("{krate} names {name}, which is no dependency: {line}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let wrong = compare("dependencies", &lines);
    assert!(
        wrong.is_empty(),
        "\n{wrong}\nIf that is meant: `UPDATE=1 cargo test -p tests --test api`"
    );
}

/// What cargo knows of the packages of this repository, by name.
pub(crate) struct Packages(BTreeMap<String, Value>);

pub(crate) fn packages() -> Packages {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    Packages(
        packages
            .map(|package| (package["name"].as_str().unwrap().to_owned(), package.clone()))
            .collect(),
    )
}

impl Packages {
    pub(crate) fn get(&self, krate: &str) -> &Value {
        &self.0[krate]
    }

    /// A dependency of a crate, or of those of this repository that it depends on, with its version and the feature of
    /// that crate which it takes: `uuid 1, by the feature uuid-1`. `name` is the crate's as the code names it.
    fn dependency(&self, krate: &str, name: &str) -> Option<String> {
        let mut optional = None;
        for package in self.with_dependencies(krate) {
            for dependency in self.dependencies(&package) {
                let package_name = dependency["name"].as_str()?;
                if package_name.replace('-', "_") != name || !dependency["kind"].is_null() {
                    continue;
                }
                let described = format!("{package_name} {}", compatible(dependency["req"].as_str()?));
                if dependency["optional"] != true {
                    return Some(described);
                }
                optional = Some((package_name.to_owned(), described));
            }
        }
        let (package_name, described) = optional?;
        let features = self.0[krate]["features"].as_object()?;
        // Of several features, the one that names the version is for the types of that crate.
        let mut enabling: Vec<_> = features
            .keys()
            .filter(|feature| self.enables(krate, feature, &format!("dep:{package_name}")))
            .collect();
        enabling.sort_by_key(|feature| !feature.starts_with(&format!("{package_name}-")));
        let feature = enabling.first()?;
        Some(format!("{described}, by the feature {feature}"))
    }

    fn dependencies(&self, krate: &str) -> &[Value] {
        self.0[krate]["dependencies"]
            .as_array()
            .map_or(&[], Vec::as_slice)
    }

    /// A crate, and what it depends on of this repository.
    fn with_dependencies(&self, krate: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::from([krate.to_owned()]);
        for dependency in self.dependencies(krate) {
            let name = dependency["name"].as_str().unwrap_or_default();
            if name != krate && dependency["kind"].is_null() && self.0.contains_key(name) {
                found.extend(self.with_dependencies(name));
            }
        }
        found
    }

    /// Whether a feature of a crate leads to this one, `dep:uuid`, there or further below.
    fn enables(&self, krate: &str, feature: &str, wanted: &str) -> bool {
        let enabled = self.0[krate]["features"][feature].as_array();
        enabled
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .any(|enabled| {
                enabled == wanted
                    || match enabled.split_once('/') {
                        Some((package, feature)) => {
                            self.0.contains_key(package) && self.enables(package, feature, wanted)
                        }
                        None => self.enables(krate, enabled, wanted),
                    }
            })
    }
}

/// The part of a version that other compatible versions share: of `^1.12` it is `1`, of `^0.4.45` it is `0.4`.
fn compatible(requirement: &str) -> String {
    let version = requirement.trim_start_matches(['^', '=', '~']);
    let mut parts = version.split('.');
    let major = parts.next().unwrap_or_default();
    if major == "0" {
        return format!("0.{}", parts.next().unwrap_or_default());
    }
    major.to_owned()
}

#[test]
fn the_version_that_counts_is_the_first_part_that_is_not_zero() {
    assert_eq!(compatible("^1.12"), "1");
    assert_eq!(compatible("^0.4.45"), "0.4");
    assert_eq!(compatible("=2.0.0"), "2");
}
