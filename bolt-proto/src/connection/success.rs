//! The effect of a SUCCESS on the connection.

use alloc::vec::Vec;

use crate::error::ProtocolViolation;
use crate::event::ResultId;
use crate::keys::Keys;
use crate::message::{Found, Metadata};
use crate::packstream::{ListRef, ValueRef};
use crate::state::Message;

use super::ledger::Entry;
use super::receive::{STRAY_BYTES, metadata};

/// The effect of a SUCCESS on the connection.
#[derive(Default)]
pub(super) struct Success {
    pub(super) result: Option<ResultId>,
    pub(super) keys: Option<Keys>,
    pub(super) query_id: Option<i64>,
    pub(super) utc: bool,
    /// What drivers read of it.
    pub(super) found: Found,
}

/// The entries that concern the connection.
#[derive(Default)]
struct Entries<'a> {
    fields: Option<ListRef<'a>>,
    query_id: Option<i64>,
    found: Found,
}

impl Success {
    /// Reads the answer to this request, which is exactly one map. It must be an answer to this request. Columns that are
    /// `last_keys` share their memory.
    pub(super) fn read(body: &[u8], awaited: &Entry, last_keys: &Keys) -> Result<Self, ProtocolViolation> {
        let message = awaited.message;
        let Entries {
            fields,
            query_id,
            found,
        } = Entries::read(body)?;
        if found.has_more && !awaited.may_leave_rows() {
            return Err(ProtocolViolation::UnexpectedHasMore { message });
        }
        // An answer that is taken for another one would report the rows of one query as those of the next.
        let answers_request = match message {
            Message::Run => fields.is_some() || !found.is_summary,
            _ => fields.is_none(),
        };
        if !answers_request {
            return Err(ProtocolViolation::Desynchronized { message });
        }
        let keys = match fields {
            Some(fields) if last_keys.are(fields) => Some(last_keys.clone()),
            fields => fields.map(columns).transpose()?,
        };
        let utc = message == Message::Hello && Metadata::new(metadata(body)?).hello().utc;
        Ok(Self {
            result: awaited.result,
            keys,
            query_id,
            utc,
            found,
        })
    }
}

impl<'a> Entries<'a> {
    /// Reads the entries in one pass, which also checks all of them: every answer of a server comes through here.
    fn read(body: &'a [u8]) -> Result<Self, ProtocolViolation> {
        let map = metadata(body)?;
        let mut reader = map.reader();
        let mut entries = Self::default();
        // Of several entries with the same key the last one counts.
        for _ in 0..map.len() {
            let key = reader.checked_key()?;
            match key {
                b"fields" => match reader.value()? {
                    ValueRef::List(names) => entries.fields = Some(names),
                    _ => {
                        return Err(ProtocolViolation::Metadata {
                            what: "the columns are not a list",
                        });
                    }
                },
                b"qid" => {
                    if let ValueRef::Integer(id) = reader.value()? {
                        entries.query_id = Some(id);
                    }
                }
                key => {
                    if !entries.found.take(key, &mut reader, map)? {
                        reader.pass_checked()?;
                    }
                }
            }
        }
        if !reader.is_empty() {
            return Err(ProtocolViolation::Metadata { what: STRAY_BYTES });
        }
        Ok(entries)
    }
}

/// Reads the columns that RUN announces.
fn columns(fields: ListRef<'_>) -> Result<Keys, ProtocolViolation> {
    let mut names = Vec::with_capacity(fields.len().min(64));
    for name in fields {
        match name? {
            ValueRef::String(name) => names.push(name),
            _ => {
                return Err(ProtocolViolation::Metadata {
                    what: "a column name is not a string",
                });
            }
        }
    }
    Ok(Keys::new(names))
}
