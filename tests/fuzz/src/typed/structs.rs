//! Serde types with every feature of its derive.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Fields of all kinds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Plain {
    a: i64,
    #[serde(default)]
    b: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    c: Vec<f64>,
    #[serde(default)]
    d: Option<Box<Self>>,
    #[serde(default)]
    e: Option<Blob>,
    #[serde(default, rename = "has_more")]
    f: Option<char>,
}

/// Fields that borrow.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Borrowed<'a> {
    a: &'a str,
    #[serde(borrow, default, serialize_with = "bytes")]
    b: Option<&'a [u8]>,
    #[serde(borrow, default)]
    c: Cow<'a, str>,
}

/// Arbitrary entries.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Open {
    #[serde(default)]
    a: Option<i64>,
    #[serde(flatten)]
    rest: BTreeMap<String, Any>,
}

/// Each form of a variant.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Choice {
    A,
    B(i64),
    C(i64, String),
    D { a: Option<bool> },
}

/// The variant's name among its fields.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "a")]
pub(super) enum Tagged {
    #[serde(rename = "a")]
    Unit,
    #[serde(rename = "b")]
    Struct { b: Option<i64> },
    #[serde(rename = "c")]
    Newtype(BTreeMap<String, Any>),
}

/// The variant's name beside its contents.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "a", content = "b")]
pub(super) enum Beside {
    #[serde(rename = "a")]
    Unit,
    #[serde(rename = "b")]
    Tuple(i64, Option<String>),
    #[serde(rename = "c")]
    Newtype(Blob),
}

/// The first form that fits. Contents are buffered on the way.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Any {
    Null(()),
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Self>),
    Map(BTreeMap<String, Self>),
    Bytes(Blob),
}

/// Newtypes and unit structs.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Wrapped(Option<Inner>);

#[derive(Debug, Serialize, Deserialize)]
struct Inner(i8, Unit);

#[derive(Debug, Serialize, Deserialize)]
struct Unit;

/// Bytes in serde's own form.
#[derive(Debug)]
pub(super) struct Blob(Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(Bytes).map(Self)
    }
}

/// By default serde writes a slice as a list, from which no slice can be borrowed.
fn bytes<S: Serializer>(bytes: &Option<&[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
    match bytes {
        Some(bytes) => serializer.serialize_bytes(bytes),
        None => serializer.serialize_none(),
    }
}

struct Bytes;

impl<'de> Visitor<'de> for Bytes {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<u8>, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = items.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes)
    }
}
