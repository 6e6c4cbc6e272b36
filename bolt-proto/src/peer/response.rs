//! Answers, encoded and decoded.

use alloc::vec::Vec;
use core::fmt;

use crate::error::{EncodeError, ProtocolViolation, ServerError};
use crate::message::{Answer, Metadata, diagnostic};
use crate::packstream::{ListRef, MapRef, Reader, ValueRef, write};
use crate::value::{Encoder, MapEncoder, Output, ToValue};
use crate::version::Capabilities;

/// An answer as a proxy sees it, borrowed from its receive buffer.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Response<'a> {
    /// The request succeeded.
    Success(Metadata<'a>),
    /// A row.
    Record(ListRef<'a>),
    /// The request failed.
    Failure(ServerError),
    /// The server ignored the request.
    Ignored,
}

impl<'a> Response<'a> {
    /// Decodes a whole message.
    ///
    /// # Errors
    /// If the message is not an answer, or its field does not match its kind.
    pub fn read(message: &'a [u8]) -> Result<Self, ProtocolViolation> {
        let kind = Answer::of(message)?;
        if kind == Answer::Ignored {
            return Ok(Self::Ignored);
        }
        let field = Reader::new(message.get(2..).unwrap_or_default()).value()?;
        match (kind, field) {
            (Answer::Success, ValueRef::Map(map)) => Ok(Self::Success(Metadata::new(map))),
            (Answer::Failure, ValueRef::Map(map)) => Ok(Self::Failure(ServerError::read(Metadata::new(map)))),
            (Answer::Record, ValueRef::List(list)) => Ok(Self::Record(list)),
            _ => Err(ProtocolViolation::Metadata {
                what: "the fields of the response do not match its kind",
            }),
        }
    }

    /// Returns whether this is the last answer to its request.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        !matches!(self, Self::Record(_))
    }
}

/// Shows names and codes, but no value of a row.
impl fmt::Display for Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Success(metadata) => write!(f, "SUCCESS {:?}", metadata.map()),
            Self::Record(row) => write!(f, "RECORD of {} values", row.len()),
            Self::Failure(error) => write!(f, "FAILURE {error}"),
            Self::Ignored => f.write_str("IGNORED"),
        }
    }
}

pub(super) const SUCCESS: u8 = 0x70;
pub(super) const RECORD: u8 = 0x71;
pub(super) const IGNORED: [u8; 2] = [0xB0, 0x7E];
pub(super) const FAILURE: u8 = 0x7F;

/// Composes an answer with one field.
pub(super) fn message(
    tag: u8,
    field: impl FnOnce(Encoder<'_>) -> Result<(), EncodeError>,
) -> Result<Vec<u8>, EncodeError> {
    message_in(&mut Output::default(), tag, field)
}

/// Composes an answer with one field, which this output writes.
pub(super) fn message_in(
    out: &mut Output,
    tag: u8,
    field: impl FnOnce(Encoder<'_>) -> Result<(), EncodeError>,
) -> Result<Vec<u8>, EncodeError> {
    out.one(field)?;
    let mut message = Vec::with_capacity(out.bytes.len().saturating_add(2));
    write::structure_header(&mut message, 1, tag);
    // A map or a list was written with the longest header if its length was unknown; here the header becomes minimal.
    match *out.bytes {
        [0xD6, a, b, c, d, ref items @ ..] => {
            write::list_header(&mut message, u32::from_be_bytes([a, b, c, d]) as usize)?;
            message.extend_from_slice(items);
        }
        [0xDA, a, b, c, d, ref entries @ ..] => {
            write::map_header(&mut message, u32::from_be_bytes([a, b, c, d]) as usize)?;
            message.extend_from_slice(entries);
        }
        ref field => message.extend_from_slice(field),
    }
    Ok(message)
}

/// Returns the map of a composed answer.
pub(super) fn metadata(message: &[u8]) -> Option<MapRef<'_>> {
    match Reader::new(message.get(2..)?).value() {
        Ok(ValueRef::Map(map)) => Some(map),
        _ => None,
    }
}

/// A failure in the form of a version.
pub(super) struct Failure<'a> {
    pub(super) error: &'a ServerError,
    pub(super) version: &'a Capabilities,
}

impl Failure<'_> {
    fn write(&self, map: &mut MapEncoder<'_>) -> Result<(), EncodeError> {
        let error = self.error;
        // A cause has no code.
        if !error.code().is_empty() {
            map.entry(
                if self.version.gql_errors {
                    "neo4j_code"
                } else {
                    "code"
                },
                error.code(),
            )?;
        }
        map.entry("message", error.message())?;
        if !self.version.gql_errors {
            return Ok(());
        }
        map.entry("gql_status", error.gql_status())?;
        map.entry("description", error.description())?;
        let record = Record(error);
        if diagnostic::without_defaults(error.diagnostic_record())
            .next()
            .is_some()
        {
            map.entry("diagnostic_record", &record)?;
        }
        match error.cause() {
            Some(cause) => map.entry(
                "cause",
                &Failure {
                    error: cause,
                    version: self.version,
                },
            ),
            None => Ok(()),
        }
    }
}

impl ToValue for Failure<'_> {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        out.map_with(None, |map| self.write(map))
    }
}

/// The entries of an error's diagnostic record that must be sent.
struct Record<'a>(&'a ServerError);

impl ToValue for Record<'_> {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        let entries = diagnostic::without_defaults(self.0.diagnostic_record());
        out.map_with(Some(entries.clone().count()), |map| {
            entries
                .clone()
                .try_for_each(|(name, value)| map.entry(name, value))
        })
    }
}
