//! An application's own types and attributes compile against each adapter alone.

#![allow(missing_docs, reason = "tests")]

macro_rules! of_each_adapter {
    ($($test:ident: $adapter:ident;)*) => {$(
        mod $adapter {
            use ::$adapter as bolt;
            use bolt::types::{Encoder, ListRef, MapRef, Node, ValueRef};
            use bolt::{ConversionError, EncodeError, FromValue, Record, Serde, ToValue, Value, list, map, query};

            #[derive(Debug, PartialEq, Clone, Copy)]
            struct UserId(u64);

            impl<'a> FromValue<'a> for UserId {
                fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
                    u64::from_value(value).map(Self)
                }
            }

            impl ToValue for UserId {
                fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
                    self.0.to_value(out)
                }
            }

            #[derive(Debug, PartialEq)]
            struct Shape {
                sides: Vec<f64>,
                name: String,
            }

            impl ToValue for Shape {
                fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
                    out.map_with(Some(2), |map| {
                        map.entry("name", &self.name)?;
                        map.entry("sides", &self.sides)
                    })
                }
            }

            impl<'a> FromValue<'a> for Shape {
                fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
                    fn name(map: MapRef<'_>) -> Result<String, ConversionError> {
                        String::from_value(map.get("name")?.unwrap_or(ValueRef::Null))
                    }
                    fn sides(list: ListRef<'_>) -> Result<Vec<f64>, ConversionError> {
                        list.iter().map(|side| f64::from_value(side?)).collect()
                    }
                    match value {
                        ValueRef::Map(map) => match map.get("sides")? {
                            Some(ValueRef::List(list)) => Ok(Self {
                                sides: sides(list)?,
                                name: name(map)?,
                            }),
                            _ => Err(ConversionError::custom("a shape has sides")),
                        },
                        other => Err(ConversionError::expected("a shape", &other)),
                    }
                }
            }

            #[derive(serde::Serialize, serde::Deserialize, Debug, PartialEq)]
            struct Document {
                #[serde(with = "bolt::serde::as_value")]
                content: Vec<u8>,
                #[serde(with = "bolt::serde::as_value")]
                age: std::time::Duration,
            }

            #[derive(Debug, PartialEq)]
            struct Token(String);
            #[derive(Debug, PartialEq)]
            struct Key(Vec<u8>);

            bolt::newtype!(Token(String), Key(Vec<u8>));

            /// Needs no macro where serde is used.
            #[derive(serde::Serialize, serde::Deserialize, Debug, PartialEq)]
            #[serde(transparent)]
            struct OrderId(i64);

            #[derive(serde::Serialize, serde::Deserialize, Debug, PartialEq)]
            struct Order {
                id: OrderId,
                lines: std::collections::HashMap<i64, u8>,
                #[serde(with = "bolt::serde::as_serde")]
                dice: Vec<u8>,
            }

            /// Compiles with the error type of the driver alone.
            #[expect(dead_code, reason = "it only has to compile")]
            fn owner(row: &Record) -> Result<(UserId, Vec<Value>), bolt::Error> {
                Ok((row.get("id")?, row.values()?))
            }

            #[test]
            fn $test() {
                let query = query("…").param("id", UserId(7)).param("ids", vec![UserId(7)]);
                assert_eq!(query.check(), Ok(()));
                assert_eq!(list![7, 8].to::<Vec<UserId>>(), Ok(vec![UserId(7), UserId(8)]));
                let shape = map! { "name": "line", "sides": [1.0, 2.0] };
                let shape = Value::from(shape).to::<Shape>();
                assert_eq!(shape, Ok(Shape { sides: vec![1.0, 2.0], name: "line".into() }));

                let document = Document { content: vec![1, 2], age: std::time::Duration::from_millis(1500) };
                let age: bolt::types::Duration = "PT1.5S".parse().unwrap();
                let node = Node::new(1, ["Document"], map! { "content": vec![1_u8, 2], "age": age });
                assert_eq!(node.to(), Ok(document));
                assert!(node.get::<Serde<Document>>("content").is_err());

                let query = bolt::query("…").param("token", Token("x".into())).param("keys", [Key(vec![1])]);
                assert_eq!(query.check(), Ok(()));
                assert_eq!(Value::from("x").to(), Ok(Token("x".into())));
                assert_eq!(list![[1_u8]].to(), Ok(vec![Key(vec![1])]));
                let order = Order { id: OrderId(7), lines: [(1, 2)].into(), dice: vec![6] };
                let query = bolt::query("…").params(&order).param("order", Serde(&order)).param("other", Serde(OrderId(8)));
                assert_eq!(query.check(), Ok(()));
                let value = map! { "id": 7, "lines": map! { "1": 2 }, "dice": [6_u16] };
                assert_eq!(value.to(), Ok(order));
                assert_eq!(Value::from(8).to(), Ok(Serde(OrderId(8))));
                assert_eq!(bolt::ident("a`b").to_string(), "`a``b`");
                let value = Value::from(value);
                assert_eq!((&value["lines"]["1"], value["id"].as_i64()), (&Value::from(2), Some(7)));
            }
        }
    )*};
}

of_each_adapter! {
    own_types_need_only_adapter_async_std: adapter_async_std;
    own_types_need_only_adapter_blocking: adapter_blocking;
    own_types_need_only_adapter_smol: adapter_smol;
    own_types_need_only_adapter_tokio: adapter_tokio;
}
