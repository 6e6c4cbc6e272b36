//! Finds a suitable Java: machines often have several.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::StartError;
use crate::release::Release;

/// Folders that have one Java installation per subfolder.
const INSTALLATIONS: [&str; 5] = [
    "/usr/lib/jvm",
    "/usr/java",
    "/opt",
    "/opt/java",
    "/Library/Java/JavaVirtualMachines",
];

/// Returns the program `java` of an installation that runs `release`.
///
/// # Errors
/// [`StartError::NoJava`] with what was found instead.
pub(crate) fn find(release: Release) -> Result<PathBuf, StartError> {
    let found: Vec<Java> = candidates().into_iter().filter_map(Java::ask).collect();
    choose(&found, release)
        .map(|java| java.program.clone())
        .ok_or_else(|| StartError::NoJava {
            release,
            needed: *release.java().start(),
            found: describe(&found),
        })
}

/// One installation.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Java {
    program: PathBuf,
    major: u32,
}

impl Java {
    /// Runs the program to get its version. Returns `None` if it is not a working Java.
    fn ask(program: PathBuf) -> Option<Self> {
        let output = Command::new(&program).arg("-version").output().ok()?;
        let major = major_version(&String::from_utf8_lossy(&output.stderr))?;
        Some(Self { program, major })
    }
}

/// Returns the first one of a supported version, else the oldest newer one.
fn choose(found: &[Java], release: Release) -> Option<&Java> {
    let supported = release.java();
    found
        .iter()
        .find(|java| supported.contains(&java.major))
        .or_else(|| {
            found
                .iter()
                .filter(|java| java.major > *supported.end())
                .min_by_key(|java| java.major)
        })
}

fn describe(found: &[Java]) -> String {
    let each: Vec<String> = found
        .iter()
        .map(|java| format!("{} at {}", java.major, java.program.display()))
        .collect();
    if each.is_empty() {
        "no Java at all".to_owned()
    } else {
        each.join(", ")
    }
}

/// Returns the candidate programs, those that the user configures first. Each file appears once, even if several links
/// lead to it.
fn candidates() -> Vec<PathBuf> {
    let homes = env::var_os("JAVA_HOME").into_iter().chain(numbered_homes());
    let from_environment = homes.map(|home| Path::new(&home).join("bin/java"));
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path).map(|folder| folder.join("java"));
    let mut seen = BTreeSet::new();
    from_environment
        .chain(on_path)
        .chain(
            INSTALLATIONS
                .iter()
                .flat_map(|folder| installed_in(Path::new(folder))),
        )
        .chain(
            env::home_dir()
                .into_iter()
                .flat_map(|home| installed_in(&home.join(".sdkman/candidates/java"))),
        )
        .filter_map(|program| program.canonicalize().ok())
        .filter(|program| seen.insert(program.clone()))
        .collect()
}

/// Returns `JAVA_HOME_21_X64` and similar variables, which build services set.
fn numbered_homes() -> impl Iterator<Item = OsString> {
    env::vars_os()
        .filter(|(name, _)| name.to_string_lossy().starts_with("JAVA_HOME_"))
        .map(|(_, home)| home)
}

/// Returns the programs of the installations in `folder`, ordered by name.
fn installed_in(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| ["bin/java", "Contents/Home/bin/java"].map(|program| entry.path().join(program)))
        .collect()
}

/// Parses the major version from the output of `java -version`: `17` of `openjdk version "17.0.15"`, `8` of
/// `"1.8.0_402"`.
fn major_version(printed: &str) -> Option<u32> {
    let version = printed.split('"').nth(1)?;
    let mut numbers = version
        .split(|c: char| !c.is_ascii_digit())
        .map(|digits| digits.parse::<u32>().ok());
    match numbers.next()?? {
        1 => numbers.next()?,
        major => Some(major),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_parsed_from_the_output_of_each_vendor() {
        for (printed, major) in [
            (
                "openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime Environment",
                Some(17),
            ),
            ("openjdk version \"25\" 2025-09-16 LTS", Some(25)),
            ("java version \"1.8.0_402\"", Some(8)),
            ("openjdk version \"26-ea\" 2026-03-17", Some(26)),
            (
                "Picked up _JAVA_OPTIONS: -Xmx1g\nopenjdk version \"21.0.2\"",
                Some(21),
            ),
            (
                "The operation couldn't be completed. Unable to locate a Java Runtime.",
                None,
            ),
        ] {
            assert_eq!(major_version(printed), major, "{printed}");
        }
    }

    #[test]
    fn a_supported_version_is_preferred_to_a_newer_one() {
        let found = installations(&[8, 26, 25, 17]);
        assert_eq!(choose(&found, Release::Neo4j5).map(|java| java.major), Some(17));
        assert_eq!(
            choose(&found, Release::Neo4j2026).map(|java| java.major),
            Some(25)
        );
    }

    #[test]
    fn a_newer_version_is_used_if_there_is_no_supported_one() {
        assert_eq!(
            choose(&installations(&[11, 26, 25]), Release::Neo4j5).map(|java| java.major),
            Some(25)
        );
    }

    #[test]
    fn an_older_version_is_not_used() {
        assert_eq!(choose(&installations(&[8, 17]), Release::Neo4j2026), None);
    }

    #[test]
    fn the_error_names_what_is_missing_and_what_was_found() {
        let found = describe(&installations(&[17]));
        let error = StartError::NoJava {
            release: Release::Neo4j2026,
            needed: 21,
            found,
        }
        .to_string();
        assert!(error.starts_with("neo4j-2026 needs Java 21 or newer"), "{error}");
        assert!(error.contains("found: 17 at /jvm/17/bin/java"), "{error}");
    }

    fn installations(majors: &[u32]) -> Vec<Java> {
        let program = |major| PathBuf::from(format!("/jvm/{major}/bin/java"));
        majors
            .iter()
            .map(|&major| Java {
                program: program(major),
                major,
            })
            .collect()
    }
}
