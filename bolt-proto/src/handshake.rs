//! The handshake: 20 bytes of proposals, and the two kinds of answer.
//!
//! A server picks one of four slots. From Neo4j 5.26 on it may instead answer with a *manifest* of all its versions,
//! from which the client picks.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use crate::error::ProtocolViolation;
use crate::version::{Capabilities, Version};

pub(crate) const MAGIC: [u8; 4] = [0x60, 0x60, 0xB0, 0x17];
/// In a slot: the client understands manifest v1. As an answer: the manifest follows.
pub(crate) const MANIFEST: [u8; 4] = [0x00, 0x00, 0x01, 0xFF];
/// More offers than any server has reason to make: 16 versions fit into a few ranges.
const MAX_OFFERS: u64 = 256;
/// What is offered to servers before 4.3 if a slot is left. Those of 4.2 speak it, too.
const OLDER_4: Version = Version::new(4, 1);

/// The protocol versions that may be negotiated.
///
/// ```
/// # use bolt_proto as bolt;
/// use bolt::{Version, Versions};
///
/// let any = Versions::default();
/// let only_5_4 = Versions::only(Version::new(5, 4));
/// assert!(any.contains(Version::V6_1) && !only_5_4.contains(Version::V6_1));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Versions {
    range: RangeInclusive<Version>,
    manifest: bool,
    capabilities: u64,
}

impl Versions {
    /// Creates a range of versions, both ends included. 5.5 is never negotiated.
    #[must_use]
    pub const fn between(oldest: Version, newest: Version) -> Self {
        Self {
            range: oldest..=newest,
            manifest: true,
            capabilities: 0,
        }
    }

    /// Creates a range of one version.
    #[must_use]
    pub const fn only(version: Version) -> Self {
        Self::between(version, version)
    }

    /// Sets whether to offer the manifest handshake. Default: true. Without the manifest, 6.0 and later take up
    /// slots.
    #[must_use]
    pub const fn manifest(mut self, offered: bool) -> Self {
        self.manifest = offered;
        self
    }

    /// Sets the capability bits that this side supports. Those that the other side supports as well are claimed.
    ///
    /// The bits exist only in the manifest handshake, and none is defined so far. Default: none.
    #[must_use]
    pub const fn capabilities(mut self, bits: u64) -> Self {
        self.capabilities = bits;
        self
    }

    /// Returns whether this version may be negotiated.
    #[must_use]
    pub fn contains(&self, version: Version) -> bool {
        self.range.contains(&version) && Capabilities::of(version).is_some()
    }

    /// Returns the first 20 bytes that the client sends.
    pub(crate) fn proposal(&self) -> [u8; 20] {
        let mut bytes = [0; 20];
        let (magic, slots) = bytes.split_at_mut(4);
        magic.copy_from_slice(&MAGIC);
        let mut slots = slots.chunks_exact_mut(4);
        // Only servers from 5.7 on know the manifest; older ones skip its slot.
        let manifest = self.has_manifest();
        if manifest {
            if let Some(slot) = slots.next() {
                slot.copy_from_slice(&MANIFEST);
            }
        }
        for major in (3..=6).rev() {
            // A server that speaks 6.x answers the manifest, so the slots are kept for older servers.
            if manifest && major == 6 && self.contains_major_below(6) {
                continue;
            }
            let Some(range) = self.slot(major) else { continue };
            if let Some(slot) = slots.next() {
                slot.copy_from_slice(&range);
            }
        }
        // Servers before 4.3 know no ranges: they only look at the number that a slot names.
        if self.contains(OLDER_4) && self.contains(Version::new(4, 3)) {
            if let Some(slot) = slots.next() {
                slot.copy_from_slice(&[0, 0, OLDER_4.minor(), OLDER_4.major()]);
            }
        }
        bytes
    }

    /// Returns whether the manifest handshake is offered.
    pub(crate) fn has_manifest(&self) -> bool {
        self.manifest && *self.range.end() >= Version::new(5, 7)
    }

    /// Returns the capability bits of this side.
    #[cfg(feature = "peer")]
    pub(crate) const fn capability_bits(&self) -> u64 {
        self.capabilities
    }

    fn contains_major_below(&self, major: u8) -> bool {
        Version::all().any(|version| version.major() < major && self.contains(version))
    }

    /// Returns the slot for one major version: its newest minor version, and how many lower ones are accepted
    /// as well.
    fn slot(&self, major: u8) -> Option<[u8; 4]> {
        let mut minors = Version::all()
            .filter(|v| v.major() == major && self.contains(*v))
            .map(Version::minor);
        let oldest = minors.next()?;
        let newest = minors.next_back().unwrap_or(oldest);
        Some([0, newest.saturating_sub(oldest), newest, major])
    }
}

impl Default for Versions {
    /// Returns a range of every version that this crate supports: 3 to 6.1.
    fn default() -> Self {
        Self::between(Version::V3, Version::V6_1)
    }
}

/// The server's answer to the proposal, as far as it has arrived.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The answer is not complete yet.
    Incomplete,
    /// The server picked a slot.
    Slot { version: Version, consumed: usize },
    /// The server sent a manifest, from which this version was picked. The client must send its choice.
    Manifest {
        version: Version,
        capabilities: u64,
        consumed: usize,
    },
}

/// Reads the server's answer. While it is incomplete, this is called again with more bytes.
pub(crate) fn read_answer(bytes: &[u8], versions: &Versions) -> Result<Answer, ProtocolViolation> {
    let Some((&first, mut rest)) = bytes.split_first_chunk::<4>() else {
        return Ok(Answer::Incomplete);
    };
    match first {
        MANIFEST => {
            let before = rest.len();
            let Some((version, capabilities)) = pick_from_manifest(&mut rest, versions)? else {
                return Ok(Answer::Incomplete);
            };
            let consumed = before.saturating_sub(rest.len()).saturating_add(4);
            Ok(Answer::Manifest {
                version,
                capabilities,
                consumed,
            })
        }
        [0, 0, 0, 0] => Err(ProtocolViolation::NoCommonVersion),
        [b'H', b'T', b'T', b'P'] => Err(ProtocolViolation::HttpServer),
        // A TLS alert, or a TLS handshake message.
        [0x15 | 0x16, 3, ..] => Err(ProtocolViolation::TlsServer),
        [0, 0, version, 0xFF] => Err(ProtocolViolation::UnknownManifest { version }),
        [0, 0, minor, major] => {
            let version = Version::new(major, minor);
            if versions.contains(version) {
                Ok(Answer::Slot { version, consumed: 4 })
            } else {
                Err(ProtocolViolation::UnwantedVersion { version })
            }
        }
        bytes => Err(ProtocolViolation::NotBolt { bytes }),
    }
}

/// Returns the client's answer to a manifest: the chosen version, and the capabilities that both sides have.
pub(crate) fn manifest_choice(version: Version, capabilities: u64) -> Vec<u8> {
    let mut out = vec![0, 0, version.minor(), version.major()];
    write_varint(&mut out, capabilities);
    out
}

/// Picks the newest common version of a manifest, and the common capabilities. `None` while the manifest is
/// incomplete. The offers come in any order.
fn pick_from_manifest(
    rest: &mut &[u8],
    versions: &Versions,
) -> Result<Option<(Version, u64)>, ProtocolViolation> {
    let Some(count) = read_varint(rest)? else {
        return Ok(None);
    };
    if count > MAX_OFFERS {
        return Err(ProtocolViolation::ManifestTooLong { offers: count });
    }
    let mut best = None;
    for _ in 0..count {
        let Some((&[_, range, minor, major], after)) = rest.split_first_chunk::<4>() else {
            return Ok(None);
        };
        *rest = after;
        let offered = (minor.saturating_sub(range)..=minor).map(|minor| Version::new(major, minor));
        best = offered
            .filter(|version| versions.contains(*version))
            .max()
            .max(best);
    }
    let Some(offered) = read_varint(rest)? else {
        return Ok(None);
    };
    let version = best.ok_or(ProtocolViolation::NoCommonVersion)?;
    Ok(Some((version, offered & versions.capabilities)))
}

/// Reads an unsigned number in groups of seven bits, lowest first. `None` while the number is incomplete.
pub(crate) fn read_varint(rest: &mut &[u8]) -> Result<Option<u64>, ProtocolViolation> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let Some((&byte, after)) = rest.split_first() else {
            return Ok(None);
        };
        *rest = after;
        let group = u64::from(byte & 0x7F);
        if group << shift >> shift != group {
            break;
        }
        value |= group << shift;
        if byte & 0x80 == 0 {
            return Ok(Some(value));
        }
    }
    Err(ProtocolViolation::VarintTooLong)
}

pub(crate) fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let [group, ..] = (value & 0x7F).to_le_bytes();
        value >>= 7;
        if value == 0 {
            return out.push(group);
        }
        out.push(group | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_proposal_begins_with_the_manifest() {
        let expected = [
            0x60, 0x60, 0xB0, 0x17, 0, 0, 1, 0xFF, 0, 8, 8, 5, 0, 4, 4, 4, 0, 0, 0, 3,
        ];
        assert_eq!(Versions::default().proposal(), expected);
    }

    #[test]
    fn without_a_manifest_the_newest_version_takes_the_first_slot() {
        let versions = Versions::between(Version::V3, Version::V6_1).manifest(false);
        let expected = [
            0x60, 0x60, 0xB0, 0x17, 0, 1, 1, 6, 0, 8, 8, 5, 0, 4, 4, 4, 0, 0, 0, 3,
        ];
        assert_eq!(versions.proposal(), expected);
    }

    #[test]
    fn a_single_version_is_offered_alone() {
        let expected = [
            0x60, 0x60, 0xB0, 0x17, 0, 0, 4, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        assert_eq!(Versions::only(Version::new(5, 4)).proposal(), expected);
    }

    #[test]
    fn the_newest_common_version_of_a_manifest_is_picked_at_any_split() {
        // From Neo4j 2026.08.1: oldest first, 5.x split around 5.5.
        let manifest = [
            0, 0, 1, 0xFF, 4, 0, 4, 4, 4, 0, 4, 4, 5, 0, 2, 8, 5, 0, 1, 1, 6, 0,
        ];
        for split in 0..manifest.len() {
            assert_eq!(
                read_answer(&manifest[..split], &Versions::default()),
                Ok(Answer::Incomplete)
            );
        }
        let expected = Answer::Manifest {
            version: Version::V6_1,
            capabilities: 0,
            consumed: manifest.len(),
        };
        assert_eq!(read_answer(&manifest, &Versions::default()), Ok(expected));
        let capped = Versions::between(Version::V4_4, Version::new(5, 5));
        let expected = Answer::Manifest {
            version: Version::new(5, 4),
            capabilities: 0,
            consumed: manifest.len(),
        };
        assert_eq!(read_answer(&manifest, &capped), Ok(expected));
    }

    #[test]
    fn only_offered_capabilities_that_this_side_supports_are_claimed() {
        let manifest = [0, 0, 1, 0xFF, 1, 0, 8, 8, 5, 0xAC, 0x02];
        let versions = Versions::default().capabilities(0x124);
        let answer = read_answer(&manifest, &versions).unwrap();
        assert_eq!(
            answer,
            Answer::Manifest {
                version: Version::new(5, 8),
                capabilities: 0x124,
                consumed: 11
            }
        );
        assert_eq!(
            manifest_choice(Version::new(5, 8), 0x124),
            [0, 0, 8, 5, 0xA4, 0x02]
        );
    }

    #[test]
    fn numbers_of_a_manifest_carry_seven_bits_per_byte() {
        let vectors: [(u64, &[u8]); 6] = [
            (0, &[0]),
            (127, &[0x7F]),
            (128, &[0x80, 1]),
            (300, &[0xAC, 2]),
            (1_851_775, &[0xFF, 0x82, 0x71]),
            (
                u64::MAX,
                &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1],
            ),
        ];
        for (value, bytes) in vectors {
            let mut out = Vec::new();
            write_varint(&mut out, value);
            assert_eq!(out, bytes);
            assert_eq!(read_varint(&mut &*out), Ok(Some(value)));
        }
    }

    #[test]
    fn a_slot_that_was_not_offered_is_refused() {
        assert_eq!(
            read_answer(&[0, 0, 5, 5], &Versions::default()),
            Err(ProtocolViolation::UnwantedVersion {
                version: Version::new(5, 5)
            })
        );
        assert_eq!(
            read_answer(&[0, 0, 4, 5], &Versions::default()),
            Ok(Answer::Slot {
                version: Version::new(5, 4),
                consumed: 4
            })
        );
    }

    #[test]
    fn servers_of_other_protocols_are_recognised() {
        let versions = Versions::default();
        assert_eq!(
            read_answer(b"HTTP/1.1 400", &versions),
            Err(ProtocolViolation::HttpServer)
        );
        assert_eq!(
            read_answer(&[0x15, 3, 3, 0, 2, 2, 10], &versions),
            Err(ProtocolViolation::TlsServer)
        );
        assert_eq!(
            read_answer(&[0; 4], &versions),
            Err(ProtocolViolation::NoCommonVersion)
        );
        assert_eq!(
            read_answer(b"SSH-2.0", &versions),
            Err(ProtocolViolation::NotBolt { bytes: *b"SSH-" })
        );
        assert_eq!(
            read_answer(&[0, 0, 2, 0xFF], &versions),
            Err(ProtocolViolation::UnknownManifest { version: 2 })
        );
    }

    #[test]
    fn an_endless_manifest_is_refused_before_it_is_read() {
        let versions = Versions::default();
        let mut bytes = vec![0, 0, 1, 0xFF, 0xFF, 0xFF, 0x7F];
        assert!(matches!(
            read_answer(&bytes, &versions),
            Err(ProtocolViolation::ManifestTooLong { .. })
        ));
        bytes.truncate(4);
        bytes.extend([0xFF; 11]);
        assert_eq!(
            read_answer(&bytes, &versions),
            Err(ProtocolViolation::VarintTooLong)
        );
    }
}
