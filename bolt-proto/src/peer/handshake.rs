//! The server's side of the handshake.

use alloc::vec::Vec;

use crate::error::ProtocolViolation;
use crate::handshake::{MAGIC, MANIFEST, Versions, read_varint, write_varint};
use crate::version::Version;

/// How far a handshake has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handshake {
    /// The client's proposals are due.
    Proposals,
    /// The manifest is out; the client's choice is due.
    Choice,
    /// A version is agreed on, and these capabilities.
    Done(Version, u64),
}

/// What to do about the bytes that have arrived.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) next: Handshake,
    /// How many bytes it took.
    pub(super) consumed: usize,
    /// What to send.
    pub(super) reply: Vec<u8>,
}

const REFUSAL: [u8; 4] = [0; 4];

impl Handshake {
    /// Takes the next step; `None` while its bytes are incomplete. Of an error, the second part is to be sent before
    /// closing.
    pub(super) fn step(
        self,
        bytes: &[u8],
        versions: &Versions,
    ) -> Result<Option<Step>, (ProtocolViolation, Vec<u8>)> {
        match self {
            Self::Proposals => answer(bytes, versions),
            Self::Choice => choice(bytes, versions).map_err(|violation| (violation, Vec::new())),
            Self::Done(..) => Ok(None),
        }
    }
}

/// Walks the client's proposals in order and takes the first that the server speaks.
fn answer(bytes: &[u8], versions: &Versions) -> Result<Option<Step>, (ProtocolViolation, Vec<u8>)> {
    // Whoever does not speak Bolt shall not have to send 20 bytes to find out.
    if let Some(first) = bytes.first_chunk::<4>() {
        if *first != MAGIC {
            return Err((ProtocolViolation::NotBoltClient { bytes: *first }, Vec::new()));
        }
    }
    let Some((proposals, _)) = bytes.split_first_chunk::<20>() else {
        return Ok(None);
    };
    let done = |next, reply| {
        Ok(Some(Step {
            next,
            consumed: 20,
            reply,
        }))
    };
    for slot in proposals.chunks_exact(4).skip(1) {
        let [_, range, minor, major] = *slot else { continue };
        if *slot == MANIFEST && versions.has_manifest() {
            return done(Handshake::Choice, manifest(versions));
        }
        let newest = Version::new(major, minor);
        let Some(oldest) = minor.checked_sub(range) else {
            return Err((
                ProtocolViolation::BadProposal {
                    version: newest,
                    range,
                },
                Vec::new(),
            ));
        };
        let spoken = (oldest..=minor).rev().map(|minor| Version::new(major, minor));
        if let Some(version) = spoken.into_iter().find(|version| versions.contains(*version)) {
            let reply = [0, 0, version.minor(), version.major()].to_vec();
            return done(Handshake::Done(version, 0), reply);
        }
    }
    Err((ProtocolViolation::NoCommonVersion, REFUSAL.to_vec()))
}

/// Everything that the server speaks: oldest first, as real servers have it.
fn manifest(versions: &Versions) -> Vec<u8> {
    let mut ranges: Vec<[u8; 4]> = Vec::new();
    for version in Version::all().filter(|version| versions.contains(*version)) {
        match ranges.last_mut() {
            Some([_, range, minor, major])
                if *major == version.major() && minor.checked_add(1) == Some(version.minor()) =>
            {
                *range = range.saturating_add(1);
                *minor = version.minor();
            }
            _ => ranges.push([0, 0, version.minor(), version.major()]),
        }
    }
    let mut reply = MANIFEST.to_vec();
    write_varint(&mut reply, ranges.len() as u64);
    reply.extend(ranges.as_flattened());
    write_varint(&mut reply, versions.capability_bits());
    reply
}

fn choice(bytes: &[u8], versions: &Versions) -> Result<Option<Step>, ProtocolViolation> {
    let Some((&[reserved, range, minor, major], mut rest)) = bytes.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let Some(capabilities) = read_varint(&mut rest)? else {
        return Ok(None);
    };
    let version = Version::new(major, minor);
    // This is how clients say that there is nothing for them.
    if [reserved, range, minor, major] == REFUSAL {
        return Err(ProtocolViolation::NoCommonVersion);
    }
    let plain = reserved == 0 && range == 0;
    if !plain || !versions.contains(version) || capabilities & !versions.capability_bits() != 0 {
        return Err(ProtocolViolation::BadChoice {
            version,
            capabilities,
        });
    }
    let consumed = bytes.len().saturating_sub(rest.len());
    Ok(Some(Step {
        next: Handshake::Done(version, capabilities),
        consumed,
        reply: Vec::new(),
    }))
}
