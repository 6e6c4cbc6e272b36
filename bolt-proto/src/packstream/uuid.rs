//! UUIDs.

use core::fmt;
use core::str::FromStr;

/// A UUID. Bolt 6.1. Older servers send a stand-in, and Neo4j's Community edition cannot store UUIDs.
///
/// ```
/// # use bolt_proto as bolt;
/// use bolt::types::Uuid;
///
/// let id: Uuid = "123e4567-e89b-12d3-a456-426614174000".parse().unwrap();
/// assert_eq!(id.to_string(), "123e4567-e89b-12d3-a456-426614174000");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Uuid([u8; 16]);

/// An error for a text that is no UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text is no UUID: 32 hexadecimal digits, in groups of 8, 4, 4, 4 and 12")]
pub struct ParseUuidError(());

/// These digits are preceded by hyphens.
const HYPHENS: [usize; 4] = [8, 12, 16, 20];

impl Uuid {
    /// Creates a UUID from its bytes, most significant first.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes, most significant first.
    #[must_use]
    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }
}

impl From<u128> for Uuid {
    fn from(value: u128) -> Self {
        Self(value.to_be_bytes())
    }
}

impl From<Uuid> for u128 {
    fn from(uuid: Uuid) -> Self {
        Self::from_be_bytes(uuid.0)
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if HYPHENS.contains(&index.saturating_mul(2)) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Uuid {
    type Err = ParseUuidError;

    fn from_str(text: &str) -> Result<Self, ParseUuidError> {
        let (mut value, mut digits) = (0_u128, 0_u8);
        for (index, character) in text.chars().enumerate() {
            // Earlier hyphens shift the position of the next one.
            if character == '-'
                && HYPHENS
                    .iter()
                    .enumerate()
                    .any(|(before, at)| index == at.saturating_add(before))
            {
                continue;
            }
            let digit = character
                .to_digit(16)
                .filter(|_| digits < 32)
                .ok_or(ParseUuidError(()))?;
            (value, digits) = (value << 4 | u128::from(digit), digits.saturating_add(1));
        }
        if digits == 32 && text.len() == 36 {
            Ok(value.into())
        } else {
            Err(ParseUuidError(()))
        }
    }
}
