//! The jars of each release, fetched once.
//!
//! A folder of jars is complete or missing: it is filled under another name and renamed. One lock file for all releases
//! excludes other processes, because Maven's own repository does not support concurrent use. The lock ends with its
//! process.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use crate::error::StartError;
use crate::release::Release;

const POM: &str = include_str!("pom.xml");
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";

/// How much of Maven's output an error shows.
const OUTPUT_LINES: usize = 20;

/// Returns the folder with the jars of `release`; fetches them if they are missing.
///
/// # Errors
/// If Maven is missing or fails, or if the folder cannot be written.
pub(crate) fn jars(release: Release) -> Result<PathBuf, StartError> {
    let cache = folder();
    let jars = cache.join(release.version());
    if jars.is_dir() {
        return Ok(jars);
    }
    fs::create_dir_all(&cache).map_err(StartError::io("creating the folder", &cache))?;
    let _lock = lock(&cache.join("lock"))?;
    // Another process may have fetched them while this one waited for the lock.
    if !jars.is_dir() {
        fetch(release, &cache, &jars)?;
    }
    Ok(jars)
}

fn lock(path: &Path) -> Result<File, StartError> {
    let lock = || {
        let file = File::options().create(true).append(true).open(path)?;
        file.lock()?;
        Ok(file)
    };
    lock().map_err(StartError::io("locking", path))
}

fn fetch(release: Release, cache: &Path, jars: &Path) -> Result<(), StartError> {
    eprintln!(
        "fetching the jars of {release} {} into {} (once)",
        release.version(),
        cache.display()
    );
    let partial = cache.join(format!("{}.partial-{}", release.version(), process::id()));
    discard(&partial)?;
    fs::create_dir(&partial).map_err(StartError::io("creating the folder", &partial))?;
    let fetched = run_maven(release, &partial).and_then(|()| check(release, &partial));
    if let Err(error) = fetched {
        discard(&partial)?;
        return Err(error);
    }
    fs::rename(&partial, jars).map_err(StartError::io("renaming", &partial))
}

fn run_maven(release: Release, into: &Path) -> Result<(), StartError> {
    let pom = into.join("pom.xml");
    fs::write(&pom, POM).map_err(StartError::io("writing", &pom))?;
    let mut maven = Command::new("mvn");
    maven
        .args(["--batch-mode", "--quiet", "--file"])
        .arg(&pom)
        .arg(format!("-Dneo4j.version={}", release.version()))
        .args([COPY, "-DincludeScope=runtime"])
        .arg(property("outputDirectory", into));
    let output = maven.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => StartError::NoMaven { release },
        _ => StartError::io("running", "mvn")(error),
    })?;
    if output.status.success() {
        return Ok(());
    }
    let printed = [output.stdout, output.stderr].concat();
    Err(StartError::Fetch {
        release,
        output: last_lines(&String::from_utf8_lossy(&printed), OUTPUT_LINES),
    })
}

/// Maven can succeed without having copied anything, for example if its settings replace the plugin.
fn check(release: Release, jars: &Path) -> Result<(), StartError> {
    for name in ["neo4j-server", "neo4j", "neo4j-bolt"] {
        let jar = jars.join(format!("{name}-{}.jar", release.version()));
        fs::metadata(&jar).map_err(StartError::io("looking for the jars that Maven copied", jar))?;
    }
    Ok(())
}

fn discard(folder: &Path) -> Result<(), StartError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(StartError::io("removing the folder", folder)(error))
        }
        _ => Ok(()),
    }
}

/// Returns `-Dname=path`, for paths of any characters.
fn property(name: &str, path: &Path) -> OsString {
    let mut argument = OsString::from(format!("-D{name}="));
    argument.push(path);
    argument
}

/// Returns the last `count` lines of `text`.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// `BOLT_TEST_CACHE`, else `servers` below the target directory.
fn folder() -> PathBuf {
    match env::var_os("BOLT_TEST_CACHE") {
        Some(folder) if !folder.is_empty() => folder.into(),
        _ => target_directory().join("servers"),
    }
}

/// Returns cargo's target directory, which contains the running program unless it was moved.
fn target_directory() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    let found = program
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").is_file());
    found.map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"),
        Path::to_path_buf,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_directory_is_the_one_that_holds_this_test() {
        let program = env::current_exe().unwrap();
        assert!(
            program.starts_with(target_directory()),
            "{program:?} is not in {:?}",
            target_directory()
        );
    }

    #[test]
    fn the_end_of_a_text_is_cut_at_lines() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("a", 2), "a");
        assert_eq!(last_lines("", 2), "");
    }
}
