//! A minimal Bolt client: it blocks, trusts its server, and panics at anything unexpected.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use engine::Engine;

/// The proposals of the official Python driver: the manifest, 5.8 to 5.0, 4.4 to 4.2, 3.
pub(crate) const HANDSHAKE: [u8; 20] = [
    0x60, 0x60, 0xB0, 0x17, 0x00, 0x00, 0x01, 0xFF, 0x00, 0x08, 0x08, 0x05, 0x00, 0x02, 0x04, 0x04, 0x00,
    0x00, 0x00, 0x03,
];

pub(crate) const HELLO: u8 = 0x01;
pub(crate) const LOGON: u8 = 0x6A;
pub(crate) const GOODBYE: u8 = 0x02;
pub(crate) const RESET: u8 = 0x0F;
pub(crate) const RUN: u8 = 0x10;
pub(crate) const BEGIN: u8 = 0x11;
pub(crate) const COMMIT: u8 = 0x12;
pub(crate) const ROLLBACK: u8 = 0x13;
pub(crate) const PULL: u8 = 0x3F;
pub(crate) const DISCARD: u8 = 0x2F;
pub(crate) const ROUTE: u8 = 0x66;

/// A PackStream value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    String(String),
    Bytes(Vec<u8>),
    List(Vec<Self>),
    Map(BTreeMap<String, Self>),
    Structure(u8, Vec<Self>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

/// Makes a map in one expression.
pub(crate) fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(
        entries
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    )
}

/// A response of a server.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Response {
    Success(BTreeMap<String, Value>),
    Record(Vec<Value>),
    Ignored,
    Failure { code: String, message: String },
}

impl Response {
    /// Returns the metadata of a SUCCESS.
    #[track_caller]
    pub(crate) fn success(self) -> BTreeMap<String, Value> {
        match self {
            Self::Success(metadata) => metadata,
            other => panic!("expected a SUCCESS, got {other:?}"),
        }
    }

    /// Returns the code of a FAILURE.
    #[track_caller]
    pub(crate) fn code(self) -> String {
        match self {
            Self::Failure { code, .. } => code,
            other => panic!("expected a FAILURE, got {other:?}"),
        }
    }
}

/// The answer to a query.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) fields: Vec<String>,
    pub(crate) rows: Vec<Vec<Value>>,
    pub(crate) summary: BTreeMap<String, Value>,
}

pub(crate) struct Client {
    stream: TcpStream,
}

impl Client {
    /// Opens a connection, without the handshake.
    pub(crate) fn raw(engine: &Engine) -> Self {
        let stream = TcpStream::connect(engine.address()).expect("the engine listens");
        stream.set_nodelay(true).expect("the option exists");
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .expect("the option exists");
        Self { stream }
    }

    /// Opens a connection that is ready for queries.
    pub(crate) fn connect(engine: &Engine) -> Self {
        let mut client = Self::raw(engine);
        assert_eq!(client.handshake(), [0, 0, 4, 5], "not Bolt 5.4");
        client.send(HELLO, [map([("user_agent", "test/1.0".into())])]);
        client.receive().success();
        client.log_on(engine.user(), engine.password()).success();
        client
    }

    pub(crate) fn handshake(&mut self) -> [u8; 4] {
        self.write(&HANDSHAKE);
        let mut version = [0; 4];
        self.stream.read_exact(&mut version).expect("a version");
        version
    }

    pub(crate) fn log_on(&mut self, user: &str, password: &str) -> Response {
        let token = [
            ("scheme", "basic".into()),
            ("principal", user.into()),
            ("credentials", password.into()),
        ];
        self.send(LOGON, [map(token)]);
        self.receive()
    }

    /// Sends RUN and PULL, in auto-commit mode or in the open transaction, as one write.
    pub(crate) fn query(
        &mut self,
        query: &str,
        parameters: Value,
        extra: Value,
    ) -> Result<Answer, (String, String)> {
        let mut flight = message(RUN, [query.into(), parameters, extra]);
        flight.extend(message(PULL, [map([("n", Value::Integer(-1))])]));
        self.write(&flight);
        let fields = match self.receive() {
            Response::Failure { code, message } => {
                assert_eq!(self.receive(), Response::Ignored, "the PULL after a failure");
                return Err((code, message));
            }
            answer => answer.success().remove("fields"),
        };
        let (rows, summary) = self.rows();
        Ok(Answer {
            fields: strings(fields),
            rows,
            summary,
        })
    }

    /// Runs a query without parameters that must succeed.
    #[track_caller]
    pub(crate) fn run(&mut self, query: &str) -> Answer {
        match self.query(query, map([]), map([])) {
            Ok(answer) => answer,
            Err((code, message)) => panic!("{query}: {code}: {message}"),
        }
    }

    /// Returns the only value of the only row of a query that must succeed.
    #[track_caller]
    pub(crate) fn value(&mut self, query: &str) -> Value {
        let mut rows = self.run(query).rows;
        assert_eq!(rows.len(), 1, "{query}");
        rows.remove(0).remove(0)
    }

    /// Returns the records up to the next summary.
    pub(crate) fn rows(&mut self) -> (Vec<Vec<Value>>, BTreeMap<String, Value>) {
        let mut rows = Vec::new();
        loop {
            match self.receive() {
                Response::Record(row) => rows.push(row),
                end => return (rows, end.success()),
            }
        }
    }

    /// Sends a request and returns its only answer.
    pub(crate) fn call<const N: usize>(&mut self, tag: u8, fields: [Value; N]) -> Response {
        self.send(tag, fields);
        self.receive()
    }

    pub(crate) fn send<const N: usize>(&mut self, tag: u8, fields: [Value; N]) {
        self.write(&message(tag, fields));
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the engine reads");
    }

    pub(crate) fn receive(&mut self) -> Response {
        let bytes = self.message();
        let mut rest = bytes.as_slice();
        let Value::Structure(tag, mut fields) = decode(&mut rest) else {
            panic!("not a message: {bytes:02X?}");
        };
        assert!(rest.is_empty(), "bytes after the message: {rest:02X?}");
        let field = fields.pop();
        match (tag, field) {
            (0x70, Some(Value::Map(metadata))) => Response::Success(metadata),
            (0x71, Some(Value::List(row))) => Response::Record(row),
            (0x7E, None) => Response::Ignored,
            (0x7F, Some(Value::Map(mut metadata))) => {
                let mut text = |key| match metadata.remove(key) {
                    Some(Value::String(text)) => text,
                    other => panic!("{key} of a FAILURE is {other:?}"),
                };
                Response::Failure {
                    code: text("code"),
                    message: text("message"),
                }
            }
            other => panic!("not a response: {other:?}"),
        }
    }

    /// Whether the server has closed the connection; waits until it sends something.
    pub(crate) fn is_closed(&mut self) -> bool {
        matches!(self.stream.read(&mut [0]), Ok(0) | Err(_))
    }

    fn message(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            let mut header = [0; 2];
            self.stream.read_exact(&mut header).expect("a chunk");
            let length = usize::from(u16::from_be_bytes(header));
            if length == 0 && !bytes.is_empty() {
                return bytes;
            }
            let start = bytes.len();
            bytes.resize(start + length, 0);
            self.stream
                .read_exact(&mut bytes[start..])
                .expect("a whole chunk");
        }
    }
}

/// Encodes a request in chunks.
pub(crate) fn message<const N: usize>(tag: u8, fields: [Value; N]) -> Vec<u8> {
    let mut body = Vec::new();
    encode(&Value::Structure(tag, fields.to_vec()), &mut body);
    let mut framed = Vec::new();
    for chunk in body.chunks(usize::from(u16::MAX)) {
        let length = u16::try_from(chunk.len()).expect("a chunk is shorter");
        framed.extend(length.to_be_bytes());
        framed.extend(chunk);
    }
    framed.extend([0, 0]);
    framed
}

/// Returns the strings of a list.
#[track_caller]
pub(crate) fn strings(list: Option<Value>) -> Vec<String> {
    let Some(Value::List(items)) = list else {
        panic!("not a list: {list:?}");
    };
    let text = |item| match item {
        Value::String(text) => text,
        other => panic!("not a string: {other:?}"),
    };
    items.into_iter().map(text).collect()
}

fn encode(value: &Value, to: &mut Vec<u8>) {
    // The widest form of each type: canonical encodings are not tested here.
    let length = |length: usize| u32::try_from(length).expect("it is short").to_be_bytes();
    match value {
        Value::Null => to.push(0xC0),
        Value::Boolean(value) => to.push(if *value { 0xC3 } else { 0xC2 }),
        Value::Integer(value) => {
            to.push(0xCB);
            to.extend(value.to_be_bytes());
        }
        Value::Float(value) => {
            to.push(0xC1);
            to.extend(value.to_be_bytes());
        }
        Value::String(text) => {
            to.push(0xD2);
            to.extend(length(text.len()));
            to.extend(text.as_bytes());
        }
        Value::Bytes(bytes) => {
            to.push(0xCE);
            to.extend(length(bytes.len()));
            to.extend(bytes);
        }
        Value::List(items) => {
            to.push(0xD6);
            to.extend(length(items.len()));
            items.iter().for_each(|item| encode(item, to));
        }
        Value::Map(entries) => {
            to.push(0xDA);
            to.extend(length(entries.len()));
            for (key, value) in entries {
                encode(&Value::String(key.clone()), to);
                encode(value, to);
            }
        }
        Value::Structure(tag, fields) => {
            to.push(0xB0 + u8::try_from(fields.len()).expect("at most 15 fields"));
            to.push(*tag);
            fields.iter().for_each(|field| encode(field, to));
        }
    }
}

fn decode(from: &mut &[u8]) -> Value {
    let [marker] = take(from);
    match marker {
        0x00..=0x7F | 0xF0..=0xFF => Value::Integer(i64::from(marker.cast_signed())),
        0xC0 => Value::Null,
        0xC2 => Value::Boolean(false),
        0xC3 => Value::Boolean(true),
        0xC1 => Value::Float(f64::from_be_bytes(take(from))),
        0xC8 => Value::Integer(i8::from_be_bytes(take(from)).into()),
        0xC9 => Value::Integer(i16::from_be_bytes(take(from)).into()),
        0xCA => Value::Integer(i32::from_be_bytes(take(from)).into()),
        0xCB => Value::Integer(i64::from_be_bytes(take(from))),
        0x80..=0x8F | 0xD0..=0xD2 => text(from, marker),
        0x90..=0x9F | 0xD4..=0xD6 => {
            let length = length(from, marker, 0xD4);
            Value::List((0..length).map(|_| decode(from)).collect())
        }
        0xA0..=0xAF | 0xD8..=0xDA => {
            let length = length(from, marker, 0xD8);
            let mut entry = || match decode(from) {
                Value::String(key) => (key, decode(from)),
                other => panic!("not a key: {other:?}"),
            };
            Value::Map((0..length).map(|_| entry()).collect())
        }
        0xB0..=0xBF => {
            let [tag] = take(from);
            Value::Structure(tag, (0..marker & 0x0F).map(|_| decode(from)).collect())
        }
        other => panic!("unexpected marker {other:02X}"),
    }
}

fn text(from: &mut &[u8], marker: u8) -> Value {
    let length = length(from, marker, 0xD0);
    let (text, rest) = from.split_at(length);
    *from = rest;
    Value::String(String::from_utf8(text.to_vec()).expect("strings are UTF-8"))
}

/// Returns the length after a marker: in its low half, or in 1, 2 or 4 bytes if it is one of three from `sized` on.
fn length(from: &mut &[u8], marker: u8, sized: u8) -> usize {
    match marker.wrapping_sub(sized) {
        0 => usize::from(u8::from_be_bytes(take(from))),
        1 => usize::from(u16::from_be_bytes(take(from))),
        2 => usize::try_from(u32::from_be_bytes(take(from))).expect("it is short"),
        _ => usize::from(marker & 0x0F),
    }
}

fn take<const N: usize>(from: &mut &[u8]) -> [u8; N] {
    let (bytes, rest) = from.split_first_chunk().expect("the message is whole");
    *from = rest;
    *bytes
}
