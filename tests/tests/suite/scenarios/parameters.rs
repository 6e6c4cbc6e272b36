//! Parameters come back unchanged.

use std::collections::HashMap;

use bolt_client::{Serde, Value};
use serde::{Deserialize, Serialize};

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        values_of_each_type_come_back_unchanged,
        integers_of_every_size_come_back_unchanged,
        strings_and_lists_of_every_size_come_back_unchanged,
        bytes_come_back_unchanged needs Bytes,
        rust_types_come_back_unchanged,
        a_struct_is_sent_as_parameters_and_read_from_a_row,
        a_list_of_structs_is_sent_as_one_parameter,
    ]
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Person {
    name: String,
    age: i64,
    height: f64,
    tags: Vec<String>,
    nickname: Option<String>,
}

async fn values_of_each_type_come_back_unchanged(world: World) -> Outcome {
    let nested = Value::List(vec![
        Value::Integer(1),
        Value::List(vec![Value::Null, Value::Boolean(true)]),
        Value::List(Vec::new()),
        Value::String("three".to_owned()),
    ]);
    let values = [
        Value::Null,
        Value::Boolean(true),
        Value::Boolean(false),
        Value::Integer(42),
        Value::Float(0.1),
        Value::Float(-1.5e300),
        Value::Float(f64::INFINITY),
        Value::String("Grüße, 世界 🦀".to_owned()),
        nested.clone(),
        Value::Map([("list".to_owned(), nested)].into_iter().collect()),
        Value::Map(std::iter::empty::<(String, Value)>().collect()),
    ];
    come_back(&world, &values).await
}

async fn integers_of_every_size_come_back_unchanged(world: World) -> Outcome {
    let borders = [
        0,
        127,
        128,
        255,
        256,
        32_767,
        32_768,
        2_147_483_647,
        2_147_483_648,
        i64::MAX,
    ];
    let negative = [
        -1,
        -16,
        -17,
        -128,
        -129,
        -32_768,
        -32_769,
        -2_147_483_648,
        -2_147_483_649,
        i64::MIN,
    ];
    let values: Vec<Value> = borders.into_iter().chain(negative).map(Value::Integer).collect();
    come_back(&world, &values).await
}

async fn strings_and_lists_of_every_size_come_back_unchanged(world: World) -> Outcome {
    let sizes = [0, 15, 16, 255, 256, 65_535, 65_536];
    let strings = sizes.map(|size| Value::String("x".repeat(size)));
    let lists = sizes.map(|size| Value::List(vec![Value::Integer(7); size]));
    come_back(&world, &strings).await?;
    come_back(&world, &lists).await
}

async fn bytes_come_back_unchanged(world: World) -> Outcome {
    let sizes = [0, 1, 255, 256, 65_536];
    let values = sizes.map(|size| Value::Bytes((0..=255).cycle().take(size).collect()));
    come_back(&world, &values).await?;

    let driver = world.driver()?;
    let found = go!(driver
        .execute_query("RETURN $bytes AS bytes")
        .param("bytes", vec![1_u8, 2, 255]))?;
    assert_eq!(only(&found).get::<Vec<u8>>("bytes")?, [1, 2, 255]);
    Ok(())
}

async fn rust_types_come_back_unchanged(world: World) -> Outcome {
    let driver = world.driver()?;
    let ages = HashMap::from([("Alice".to_owned(), 42_i64), ("Bob".to_owned(), 17)]);
    let query = driver
        .execute_query("RETURN $absent AS absent, $present AS present, $flag AS flag, $ratio AS ratio, $names AS names, $ages AS ages")
        .param("absent", None::<i64>)
        .param("present", Some(5))
        .param("flag", true)
        .param("ratio", 0.25)
        .param("names", ["Alice", "Bob"])
        .param("ages", &ages);
    let found = go!(query)?;
    let row = only(&found);
    assert_eq!(row.get::<Option<i64>>("absent")?, None);
    assert_eq!(row.get::<Option<i64>>("present")?, Some(5));
    assert!(row.get::<bool>("flag")?);
    assert_eq!(row.get::<f64>("ratio")?.to_bits(), 0.25_f64.to_bits());
    assert_eq!(row.get::<Vec<String>>("names")?, ["Alice", "Bob"]);
    assert_eq!(row.get::<HashMap<String, i64>>("ages")?, ages);
    Ok(())
}

async fn a_struct_is_sent_as_parameters_and_read_from_a_row(world: World) -> Outcome {
    let driver = world.driver()?;
    let [alice, _] = people();
    let text = "RETURN $name AS name, $age AS age, $height AS height, $tags AS tags, $nickname AS nickname";
    let found = go!(driver.execute_query(text).params(&alice))?;
    assert_eq!(only(&found).to::<Person>()?, alice);
    Ok(())
}

async fn a_list_of_structs_is_sent_as_one_parameter(world: World) -> Outcome {
    let driver = world.driver()?;
    let text = "UNWIND $people AS p \
        RETURN p.name AS name, p.age AS age, p.height AS height, p.tags AS tags, p.nickname AS nickname";
    let found = go!(driver.execute_query(text).param("people", Serde(&people())))?;
    let rows: Result<Vec<Person>, _> = found.records.iter().map(|row| row.to()).collect();
    assert_eq!(rows?, people());
    Ok(())
}

async fn come_back(world: &World, values: &[Value]) -> Outcome {
    let driver = world.driver()?;
    for value in values {
        let found = go!(driver
            .execute_query("RETURN $value AS value")
            .param("value", value))?;
        assert_eq!(&only(&found).get::<Value>("value")?, value);
    }
    Ok(())
}

fn people() -> [Person; 2] {
    let alice = Person {
        name: "Alice".to_owned(),
        age: 42,
        height: 1.75,
        tags: vec!["admin".to_owned(), "staff".to_owned()],
        nickname: None,
    };
    let bob = Person {
        name: "Bob".to_owned(),
        age: 17,
        height: 1.5,
        tags: Vec::new(),
        nickname: Some("Bobby".to_owned()),
    };
    [alice, bob]
}
