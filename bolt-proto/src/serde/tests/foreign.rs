//! What other formats mark for themselves is recognised or refused.

use serde_json::json;

use super::*;
use crate::Query;
use crate::value::Value;

/// A number as `serde_json` writes it with its feature `arbitrary_precision`.
struct Number(&'static str);

impl Serialize for Number {
    fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        one_field(serializer, "$serde_json::private::Number", self.0)
    }
}

/// Any JSON as `serde_json` writes it with its feature `raw_value`.
struct Raw(&'static str);

impl Serialize for Raw {
    fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        one_field(serializer, "$serde_json::private::RawValue", self.0)
    }
}

/// A date of the crate `toml`.
struct Toml;

impl Serialize for Toml {
    fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        one_field(serializer, "$__toml_private_Datetime", "1979-05-27")
    }
}

fn one_field<S: ::serde::Serializer>(
    serializer: S,
    name: &'static str,
    text: &str,
) -> Result<S::Ok, S::Error> {
    use ::serde::ser::SerializeStruct;
    let mut fields = serializer.serialize_struct(name, 1)?;
    fields.serialize_field(name, text)?;
    fields.end()
}

fn sent(value: &impl Serialize) -> Result<Value, EncodeError> {
    Ok(Value::read(&mut Reader::new(&encode(value)?)).unwrap())
}

#[test]
fn a_number_of_any_precision_is_a_number() {
    for (text, value) in [
        ("1", Value::from(1)),
        ("-9223372036854775808", i64::MIN.into()),
        ("1.5", 1.5.into()),
        ("1e3", 1000.0.into()),
        ("-0", (-0.0).into()),
        ("0.1000000000000000000000001", 0.1.into()),
    ] {
        assert_eq!(sent(&Number(text)).as_ref(), Ok(&value), "{text}");
        assert_eq!(sent(&[Number(text)]), Ok(vec![value].into()));
    }
    for text in ["9223372036854775808", "1e400", "", "x", "1.5.5"] {
        let error = sent(&Number(text)).unwrap_err().to_string();
        assert!(error.contains("number"), "{error}");
    }
    let query = Query::new("").params(&BTreeMap::from([("a", Number("7"))]));
    assert_eq!(query.parameters().bytes, b"\x81a\x07");
    assert!(Query::new("").params(&Number("7")).check().is_err());
}

#[test]
fn raw_json_is_the_value_that_it_describes() {
    let value = sent(&[Raw(r#"{"a": [1, 2.5, null, "x"]}"#)]).unwrap();
    assert_eq!(value[0]["a"], crate::list![1, 2.5, Value::Null, "x"]);
    for broken in ["", "{", "[18446744073709551615]", "hunter2"] {
        let error = sent(&Raw(broken)).unwrap_err().to_string();
        assert!(
            error.contains("RawValue") && !error.contains("hunter2"),
            "{error}"
        );
    }
}

/// Something of another format, in each form that has a name.
struct Marked(u8);

impl Serialize for Marked {
    fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use ::serde::ser::{SerializeStructVariant as _, SerializeTupleStruct as _};
        const NAME: &str = "@@TAG@@";
        match self.0 {
            0 => serializer.serialize_unit_struct(NAME),
            1 => serializer.serialize_unit_variant(NAME, 0, "a"),
            2 => serializer.serialize_newtype_struct(NAME, &1),
            3 => serializer.serialize_newtype_variant(NAME, 0, "a", &1),
            4 => serializer.serialize_tuple_struct(NAME, 0)?.end(),
            _ => serializer.serialize_struct_variant(NAME, 0, "a", 0)?.end(),
        }
    }
}

#[test]
fn a_marker_without_a_meaning_here_is_refused_by_name() {
    let error = encode(&BTreeMap::from([("when", Toml)])).unwrap_err().to_string();
    assert!(
        error.starts_with(r#"field "when": $__toml_private_Datetime stands for"#),
        "{error}"
    );
    struct Tag;
    impl Serialize for Tag {
        fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use ::serde::ser::SerializeTupleVariant;
            let mut tag = serializer.serialize_tuple_variant("@@TAG@@", 0, "@@TAGGED@@", 2)?;
            tag.serialize_field(&1)?;
            tag.serialize_field(&2)?;
            tag.end()
        }
    }
    assert!(
        encode(&Tag)
            .unwrap_err()
            .to_string()
            .starts_with("@@TAG@@ stands for")
    );
    struct Extension;
    impl Serialize for Extension {
        fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_newtype_struct("_ExtStruct", &(1, 2))
        }
    }
    assert!(
        encode(&Extension)
            .unwrap_err()
            .to_string()
            .starts_with("_ExtStruct stands for")
    );
    for form in 0..6 {
        let error = encode(&Marked(form)).unwrap_err().to_string();
        assert!(error.starts_with("@@TAG@@ stands for"), "form {form}: {error}");
    }
    // Names that Rust allows, and keys that are data, are no markers.
    #[derive(Serialize)]
    struct Private {
        #[serde(rename = "$ref")]
        reference: i64,
    }
    assert_eq!(sent(&Private { reference: 1 }).unwrap()["$ref"], 1);
    assert_eq!(sent(&json!({"$oid": "x"})).unwrap()["$oid"], "x");
}

#[test]
fn a_value_that_is_read_from_json_contains_no_marker_either() {
    let marked = json!({"a": {"$serde_json::private::Number": "1.5"}, "b": 2});
    let value: Value = serde_json::from_value(marked).unwrap();
    assert_eq!((&value["a"], &value["b"]), (&1.5.into(), &2.into()));
    let unknown = json!({"$__toml_private_datetime": "1979-05-27"});
    assert!(serde_json::from_value::<Value>(unknown).is_err());
}
