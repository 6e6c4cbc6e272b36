//! The server's side of the handshake.

use alloc::vec::Vec;

use crate::error::ProtocolViolation;
use crate::handshake::{MAGIC, MANIFEST, Versions, read_varint, write_varint};
use crate::version::Version;

/// The progress of a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handshake {
    /// The client's proposals are expected.
    Proposals,
    /// The manifest was sent; the client's choice is expected.
    Choice,
    /// A version was negotiated, with these capability bits.
    Done(Version, u64),
}

/// The reaction to the bytes that have arrived.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) next: Handshake,
    /// The number of bytes that it used.
    pub(super) consumed: usize,
    /// The bytes to send.
    pub(super) reply: Vec<u8>,
}

const REFUSAL: [u8; 4] = [0; 4];

impl Handshake {
    /// Takes the next step. `None` while the bytes for it are incomplete. The second part of an error is sent
    /// before the connection is closed.
    pub(super) fn step(
        self,
        bytes: &[u8],
        versions: &Versions,
    ) -> Result<Option<Step>, (ProtocolViolation, Vec<u8>)> {
        match self {
            Self::Proposals => choose_slot(bytes, versions),
            Self::Choice => check_choice(bytes, versions).map_err(|violation| (violation, Vec::new())),
            Self::Done(..) => Ok(None),
        }
    }
}

/// Walks the client's proposals in order and takes the first that the server supports.
fn choose_slot(bytes: &[u8], versions: &Versions) -> Result<Option<Step>, (ProtocolViolation, Vec<u8>)> {
    // A peer of another protocol is detected before it has sent 20 bytes.
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
        let supported = (oldest..=minor).rev().map(|minor| Version::new(major, minor));
        if let Some(version) = supported.into_iter().find(|version| versions.contains(*version)) {
            let reply = [0, 0, version.minor(), version.major()].to_vec();
            return done(Handshake::Done(version, 0), reply);
        }
    }
    Err((ProtocolViolation::NoCommonVersion, REFUSAL.to_vec()))
}

/// Returns all versions of the server, oldest first, like real servers.
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

fn check_choice(bytes: &[u8], versions: &Versions) -> Result<Option<Step>, ProtocolViolation> {
    let Some((&[reserved, range, minor, major], mut rest)) = bytes.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let Some(capabilities) = read_varint(&mut rest)? else {
        return Ok(None);
    };
    let version = Version::new(major, minor);
    // With this choice a client says that it supports none of the offers.
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
