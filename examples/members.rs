//! A library on top of the driver that chooses no runtime: it depends on `bolt-client` only.
//!
//! Its functions take `&mut impl QueryRunner`: a session, a transaction, or the transaction of a transaction function. The
//! application decides what belongs to one transaction, and which adapter it uses: see `members_tokio.rs` and
//! `members_smol.rs`.

use std::fmt;

use bolt_client::types::{Encoder, ValueRef};
use bolt_client::{ConversionError, EncodeError, FromValue, QueryRunner, ToValue, query};

/// The identity of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberId(pub u64);

impl ToValue for MemberId {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        self.0.to_value(out)
    }
}

impl FromValue<'_> for MemberId {
    fn from_value(value: ValueRef<'_>) -> Result<Self, ConversionError> {
        u64::from_value(value).map(Self)
    }
}

/// What a member may do. The database has it as a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// May read.
    Reader,
    /// May read and write.
    Editor,
}

impl ToValue for Role {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        match self {
            Self::Reader => "reader".to_value(out),
            Self::Editor => "editor".to_value(out),
        }
    }
}

impl FromValue<'_> for Role {
    fn from_value(value: ValueRef<'_>) -> Result<Self, ConversionError> {
        match value {
            ValueRef::String("reader") => Ok(Self::Reader),
            ValueRef::String("editor") => Ok(Self::Editor),
            other => Err(ConversionError::expected("a role", &other)),
        }
    }
}

/// An error of this library.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The database, or the connection to it.
    Database(bolt_client::Error),
    /// There is a member of this name already.
    NameTaken(String),
}

impl From<bolt_client::Error> for Error {
    fn from(error: bolt_client::Error) -> Self {
        Self::Database(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(_) => f.write_str("the database of the members failed"),
            Self::NameTaken(name) => write!(f, "there is a member {name:?} already"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Database(error) => Some(error),
            Self::NameTaken(_) => None,
        }
    }
}

/// Prepares the database: names become unique. Not part of a transaction with other queries.
pub async fn set_up(on: &mut impl QueryRunner) -> Result<(), Error> {
    let unique =
        "CREATE CONSTRAINT example_member IF NOT EXISTS FOR (m:ExampleMember) REQUIRE m.name IS UNIQUE";
    on.run_query(unique).consume().await?;
    Ok(())
}

/// Adds a member.
///
/// # Errors
///
/// [`Error::NameTaken`] if there is a member of this name already.
pub async fn add(on: &mut impl QueryRunner, id: MemberId, name: &str, role: Role) -> Result<(), Error> {
    let create = query("CREATE (:ExampleMember {id: $id, name: $name, role: $role})")
        .param("id", id)
        .param("name", name)
        .param("role", role);
    match on.run_query(create).consume().await {
        Err(error) if error.code() == Some("Neo.ClientError.Schema.ConstraintValidationFailed") => {
            Err(Error::NameTaken(name.to_owned()))
        }
        other => Ok(other.map(drop)?),
    }
}

/// Returns the identity and the role of a member.
pub async fn find(on: &mut impl QueryRunner, name: &str) -> Result<Option<(MemberId, Role)>, Error> {
    let find = query("MATCH (m:ExampleMember {name: $name}) RETURN m.id, m.role").param("name", name);
    match on.run_query(find).single_optional().await? {
        Some(row) => Ok(Some((row.get(0)?, row.get(1)?))),
        None => Ok(None),
    }
}

/// Removes all members.
pub async fn clear(on: &mut impl QueryRunner) -> Result<u64, Error> {
    let summary = on.run_query("MATCH (m:ExampleMember) DELETE m").consume().await?;
    Ok(summary.counters().nodes_deleted)
}
