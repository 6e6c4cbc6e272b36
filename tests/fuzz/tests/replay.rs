//! Every target with its corpus, and with mutations of it.

use std::fs;
use std::panic;
use std::path::Path;

use fuzz::TARGETS;

/// How often each file of a corpus is mutated. `FUZZ_MUTATIONS` sets another number.
const MUTATIONS: usize = 20;
/// The most bytes of an input.
const LONGEST: usize = 4096;

#[test]
fn every_target_accepts_its_corpus() {
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        assert!(!corpus.is_empty(), "{name} has a corpus");
        for (file, input) in &corpus {
            run_target(name, target, file, input);
        }
    }
}

#[test]
fn every_target_accepts_mutations_of_its_corpus() {
    let mutations = std::env::var("FUZZ_MUTATIONS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(MUTATIONS);
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        let mut random = fastrand::Rng::with_seed(0x426F_6C74);
        for (file, input) in &corpus {
            for _ in 0..mutations {
                let other = &corpus[random.usize(..corpus.len())].1;
                run_target(name, target, file, &mutated(input, other, &mut random));
            }
        }
    }
}

#[test]
fn every_target_accepts_short_inputs() {
    for (name, target) in TARGETS {
        run_target(name, target, "nothing", &[]);
        for first in 0..=u8::MAX {
            run_target(name, target, "one byte", &[first]);
            for second in (0..=u8::MAX).step_by(5) {
                run_target(name, target, "two bytes", &[first, second]);
            }
        }
    }
}

#[test]
fn values_of_the_maximum_depth_do_not_exhaust_the_stack() {
    let levels = usize::from(bolt_proto::packstream::MAX_DEPTH) + 1;
    for opening in [
        &b"\x91"[..],
        b"\xA1\x81a",
        b"\xB1\x44",
        b"\xA1\x81d",
        b"\xA2\x81a\x01\x81d",
        b"\xA1\x81b",
    ] {
        for (name, target) in TARGETS {
            for levels in [levels / 2, levels - 1, levels, 4 * levels] {
                run_target(
                    name,
                    target,
                    "nested",
                    &[&*opening.repeat(levels), b"\xC0"].concat(),
                );
            }
        }
    }
}

fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|path| (path.display().to_string(), fs::read(&path).unwrap()))
        .collect()
}

fn run_target(name: &str, target: fn(&[u8]), from: &str, input: &[u8]) {
    if panic::catch_unwind(|| target(input)).is_err() {
        panic!("{name}, from {from}: {}", input.escape_ascii());
    }
}

/// Makes one to four changes: bytes set, repeated, removed, inserted, or taken from another input.
fn mutated(input: &[u8], other: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..random.usize(1..=4) {
        let at = random.usize(..=bytes.len());
        let end = bytes.len().min(at + random.usize(..=8));
        match random.u8(..6) {
            0 => bytes[at..end].iter_mut().for_each(|byte| *byte = random.u8(..)),
            1 => bytes[at..end]
                .iter_mut()
                .for_each(|byte| *byte ^= 1 << random.u8(..8)),
            2 => drop(bytes.drain(at..end)),
            3 => drop(bytes.splice(at..at, [random.u8(0x80..)])),
            4 => bytes.extend_from_within(at..end),
            _ => drop(bytes.splice(at..end, other.iter().skip(random.usize(..=other.len())).copied())),
        }
    }
    bytes.truncate(LONGEST);
    bytes
}
