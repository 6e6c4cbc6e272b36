//! Features of `serde_json` that any crate of a build may turn on for all of it: numbers of any precision, and raw JSON.
//! They would change every other test, so a program of its own is built with them, and run.

#![allow(missing_docs, reason = "tests")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs};

const PROGRAM: &str = r##"
use std::collections::BTreeMap;

use bolt_proto::types::Date;
use bolt_proto::{FromValue, Query, Serde, ToValue, Value, list, map};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Number, json};

/// What is sent, read as a value.
fn sent(value: impl ToValue) -> Result<Value, String> {
    let query = Query::new("").param("", value);
    query.check().map_err(ToString::to_string)?;
    let mut reader = bolt_proto::packstream::Reader::new(&query.parameters().bytes[1..]);
    Ok(Value::from_value(reader.value().unwrap()).unwrap())
}

#[derive(Debug, Serialize, Deserialize)]
struct Row {
    number: Number,
    raw: Box<RawValue>,
    any: serde_json::Value,
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

fn main() {
    // The features are on.
    let precise: Number = serde_json::from_str("1.0000000000000000000000001").unwrap();
    assert_eq!(precise.to_string(), "1.0000000000000000000000001");

    // Sent as numbers, wherever they are.
    assert_eq!(sent(json!({"a": 1, "b": [2.5, -3]})), Ok(map! { "a": 1, "b": list![2.5, -3] }.into()));
    assert_eq!(sent(Serde(&precise)), Ok(Value::from(1.0)));
    let query = Query::new("").params(&json!({"a": 1}));
    assert_eq!((query.check(), query.parameters().bytes), (Ok(()), &b"\x81a\x01"[..]));
    for (json, refused) in [("18446744073709551615", true), ("1e999", true), ("9223372036854775807", false)] {
        let value: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(sent(value).is_err(), refused, "{json}");
    }
    let text = r#"{"x": [1, 2.5, "s", null, true]}"#;
    let raw = RawValue::from_string(text.into()).unwrap();
    let value = Value::from(map! { "x": list![1, 2.5, "s", Value::Null, true] });
    assert_eq!(sent(Serde(&raw)), Ok(value.clone()));

    // Values are read from JSON without a marker.
    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), value);
    assert_eq!(serde_json::from_value::<Value>(serde_json::from_str(text).unwrap()).unwrap(), value);

    // A row is read into all of these types, and written as it was.
    let values = map! { "number": 7, "raw": list![1.5, Date::EPOCH], "any": map! { "n": 2 }, "more": 0.5 };
    let row: Row = values.to().unwrap();
    assert_eq!((row.number.as_i64(), row.raw.get()), (Some(7), r#"[1.5,"1970-01-01"]"#));
    assert_eq!((&row.any, &row.rest["more"]), (&json!({"n": 2}), &json!(0.5)));
    assert_eq!(sent(Serde(&row)).unwrap()["raw"][0], 1.5);
    assert_eq!(sent(Serde(&row)).unwrap()["any"]["n"], 2);
    println!("done");
}
"##;

#[test]
fn numbers_of_any_precision_and_raw_json_are_values() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("foreign-json");
    fs::create_dir_all(folder.join("src")).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap();
    let manifest = format!(
        "[package]\nname = \"foreign-json\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
         bolt-proto = {{ path = {:?}, features = [\"serde_json\"] }}\n\
         serde = {{ version = \"1\", features = [\"derive\"] }}\n\
         serde_json = {{ version = \"1\", features = [\"arbitrary_precision\", \"raw_value\"] }}\n",
        root.join("bolt-proto")
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    fs::write(folder.join("src/main.rs"), PROGRAM).unwrap();
    // With the versions that the repository was built with, most of which are on this machine already.
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["run", "--quiet", "--target-dir", "target"])
        .current_dir(&folder)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, errors) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success() && out.trim() == "done", "{errors}");
}
