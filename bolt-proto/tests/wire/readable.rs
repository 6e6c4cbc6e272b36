//! Comparison of a message with its readable form.

use bolt_proto::packstream::{Reader, ValueRef};
use serde_json::Value as Json;

use crate::data::{Order, hex, reencode};

/// Returns the first difference between a message and its readable form, as far as that is unabridged.
pub(crate) fn difference(message: &[u8], readable: &Json) -> Option<String> {
    let Ok(ValueRef::Structure(structure)) = Reader::new(message).value() else {
        return Some("not a structure".to_owned());
    };
    let name = readable["type"].as_str().unwrap_or_default();
    if tag(name) != structure.tag() {
        return Some(format!("{name} does not have the tag {:#X}", structure.tag()));
    }
    let fields = structure.fields().map(Result::unwrap);
    list(fields.collect(), readable["fields"].as_array()?)
}

fn tag(name: &str) -> u8 {
    match name {
        "SUCCESS" => 0x70,
        "RECORD" => 0x71,
        "IGNORED" => 0x7E,
        "FAILURE" => 0x7F,
        request => {
            let known = bolt_proto::state::Message::ALL
                .into_iter()
                .find(|message| message.to_string() == request);
            known.map_or(0, |message| message.tag())
        }
    }
}

fn list(values: Vec<ValueRef<'_>>, readable: &[Json]) -> Option<String> {
    if values.len() != readable.len() {
        return Some(format!("{} items for {}", values.len(), readable.len()));
    }
    values
        .into_iter()
        .zip(readable)
        .find_map(|(value, readable)| differs(value, readable))
}

fn differs(value: ValueRef<'_>, readable: &Json) -> Option<String> {
    let equal = match (value, readable) {
        (ValueRef::Null, Json::Null) => true,
        (ValueRef::Boolean(value), Json::Bool(readable)) => value == *readable,
        (ValueRef::Integer(value), Json::Number(readable)) => readable.as_i64() == Some(value),
        (ValueRef::Float(value), Json::Number(readable)) => {
            readable.as_f64().map(f64::to_bits) == Some(value.to_bits())
        }
        (ValueRef::String(value), Json::String(readable)) => {
            value == readable || (readable.contains('…') && value.starts_with(readable.split('…').next()?))
        }
        (ValueRef::List(values), Json::Array(readable)) => {
            return list(values.iter().map(Result::unwrap).collect(), readable);
        }
        (value, Json::Object(readable)) => return object(value, readable),
        _ => false,
    };
    (!equal).then(|| format!("{value:?} for {readable}"))
}

fn object(value: ValueRef<'_>, readable: &serde_json::Map<String, Json>) -> Option<String> {
    let length = || {
        readable
            .get("$length")
            .and_then(Json::as_u64)
            .and_then(|length| usize::try_from(length).ok())
    };
    let text = |key: &str| readable.get(key).and_then(Json::as_str);
    let equal = match value {
        ValueRef::Structure(structure) => {
            let tag = u8::from_str_radix(text("$tag")?, 16);
            if tag != Ok(structure.tag()) {
                return Some(format!("tag {tag:?}"));
            }
            return list(
                structure.fields().map(Result::unwrap).collect(),
                readable["$fields"].as_array()?,
            );
        }
        ValueRef::Float(value) => match text("$float") {
            Some("nan") => value.is_nan(),
            Some("inf") => value == f64::INFINITY,
            Some("-inf") => value == f64::NEG_INFINITY,
            _ => false,
        },
        ValueRef::String(value) => {
            let repeated = text("$repeat")
                .zip(length())
                .map(|(text, length)| text.repeat(length));
            repeated.as_deref() == Some(value)
        }
        ValueRef::Bytes(value) => match text("$bytes")?.strip_suffix('…') {
            Some(start) => value.starts_with(&hex(start)) && Some(value.len()) == length(),
            None => value == hex(text("$bytes")?),
        },
        ValueRef::List(list) => {
            let item = readable.get("$repeat_item")?;
            Some(list.len()) == length() && list.iter().all(|value| differs(value.unwrap(), item).is_none())
        }
        ValueRef::Map(map) => match readable.get("$map_entries") {
            Some(entries) => entries.as_u64() == Some(map.len() as u64),
            None => {
                let differing =
                    map.iter()
                        .map(Result::unwrap)
                        .find_map(|(key, value)| match readable.get(key) {
                            Some(readable) => {
                                differs(value, readable).map(|difference| format!("{key}: {difference}"))
                            }
                            None => Some(format!("{key} is not in the readable form")),
                        });
                return differing
                    .or_else(|| (map.len() != readable.len()).then(|| "keys are missing".to_owned()));
            }
        },
        // A UUID.
        _ => match readable.get("$uuid").and_then(Json::as_str) {
            Some(uuid) => uuid_of(value) == hex(&uuid.replace('-', "")),
            None => false,
        },
    };
    (!equal).then(|| format!("{value:?} for {readable:?}"))
}

fn uuid_of(value: ValueRef<'_>) -> Vec<u8> {
    let encoded = bolt_proto::Query::new("").param("", value).parameters().bytes[1..].to_vec();
    reencode(&encoded, Order::Kept)[1..].to_vec()
}
