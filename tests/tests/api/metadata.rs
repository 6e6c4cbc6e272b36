//! What a registry shows of the crates that users depend on.

use std::env;
use std::process::{Command, Stdio};

use serde_json::json;

use super::dependencies::packages;
use super::docs::{ADAPTERS, root};

#[test]
fn every_crate_for_users_says_what_a_registry_asks() {
    let packages = packages();
    let rust = &packages.get("bolt-proto")["rust_version"];
    assert!(rust.is_string());
    for krate in ["bolt-proto", "bolt-client"].into_iter().chain(ADAPTERS) {
        let package = packages.get(krate);
        for key in ["description", "license", "readme"] {
            assert!(package[key].is_string(), "{krate} has no {key}");
        }
        let count = |key: &str| package[key].as_array().unwrap().len();
        assert_eq!(count("keywords"), 5, "{krate}");
        assert!((1..=5).contains(&count("categories")), "{krate}");
        assert_eq!(&package["rust_version"], rust, "{krate}");
        assert_eq!(
            package["metadata"]["docs"]["rs"],
            json!({"all-features": true}),
            "{krate}"
        );
    }
}

#[test]
fn a_package_of_a_crate_holds_its_sources_and_the_readme() {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "package",
            "--list",
            "--allow-dirty",
            "--offline",
            "-p",
            "bolt-proto",
        ])
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let list = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    for file in ["Cargo.toml", "README.md", "src/lib.rs"] {
        assert!(list.lines().any(|line| line == file), "no {file} in:\n{list}");
    }
}
