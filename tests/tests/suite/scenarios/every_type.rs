//! Every value, every shape of serde, and every type of dates goes to the server and comes back.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::str::FromStr;

use bolt_client::types::{
    Date, DateTime, Duration as Amount, LocalDateTime, LocalTime, Point2D, Point3D, Srid, Time, Uuid, Vector,
    ZonedDateTime,
};
use bolt_client::{FromValue, Query, Serde, ToValue, Value, list, map, query};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        any_values_come_back,
        temporal_values_come_back,
        points_vectors_and_uuids_come_back needs Bytes,
        every_shape_of_serde_comes_back,
        dates_of_chrono_come_back,
        dates_of_time_come_back,
        dates_of_jiff_come_back,
        dates_in_structs_come_back,
    ]
}

#[track_caller]
fn parse<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

/// Sends a value as `$v`, and returns the row with what comes back as `v`.
async fn sent(driver: &Driver, query: Query) -> Result<Record, Error> {
    go!(driver.execute_query(query).routing(Access::Read))?.single()
}

/// Sends a value, and reads it back.
async fn back<T>(driver: &Driver, value: T) -> Outcome
where
    T: ToValue + for<'v> FromValue<'v> + PartialEq + Debug,
{
    let row = sent(driver, query("RETURN $v AS v").param("v", &value)).await?;
    assert_eq!(row.get::<T>("v")?, value);
    // As an item of a list, and as an entry of a map.
    let row = sent(
        driver,
        query("RETURN [$v, null] AS v, {x: $v} AS m").param("v", &value),
    )
    .await?;
    assert_eq!(row.get::<(T, ())>("v")?.0, value);
    let mut entries: HashMap<String, T> = row.get("m")?;
    assert_eq!(entries.remove("x"), Some(value));
    Ok(())
}

/// Sends a value by serde, and reads it back from a column, from a row and from a tree.
async fn back_by_serde<T>(driver: &Driver, value: &T) -> Outcome
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let row = sent(driver, query("RETURN $v AS v").param("v", Serde(value))).await?;
    assert_eq!(&row.get::<Serde<T>>("v")?.0, value);
    assert_eq!(&row.to::<BTreeMap<String, T>>()?["v"], value);
    assert_eq!(&row.get::<Value>("v")?.to::<Serde<T>>()?.0, value);
    Ok(())
}

/// Makes values at random, always the same.
struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn integer(&mut self) -> i64 {
        let bits = self.next(64) as u32;
        let value = (self.next(1 << 31) << 32 | self.next(1 << 31)) as i64;
        if self.next(2) == 0 {
            value >> bits
        } else {
            -(value >> bits) - 1
        }
    }

    fn text(&mut self) -> String {
        const LETTERS: [char; 10] = ['a', 'Z', ' ', '\'', '"', '\\', '\n', 'é', '漢', '🦀'];
        (0..self.next(20))
            .map(|_| LETTERS[self.next(10) as usize])
            .collect()
    }

    fn value(&mut self, depth: u64) -> Value {
        match self.next(if depth == 0 { 13 } else { 16 }) {
            0 => Value::Null,
            1 => Value::from(self.next(2) == 0),
            2 | 3 => Value::from(self.integer()),
            4 => Value::from(self.integer() as f64 / 1024.0),
            5 | 6 => Value::from(self.text()),
            7 => self.date().into(),
            8 => self.time().into(),
            9 => LocalDateTime::new(self.date(), self.time()).into(),
            10 => Time::new(self.time(), self.offset()).into(),
            11 => DateTime::new(LocalDateTime::new(self.date(), self.time()), self.offset()).into(),
            12 => self.amount().into(),
            13 | 14 => (0..self.next(6)).map(|_| self.value(depth - 1)).collect(),
            _ => {
                let entries = (0..self.next(6)).map(|_| (self.text(), self.value(depth - 1)));
                Value::Map(entries.collect::<BTreeMap<_, _>>().into_iter().collect())
            }
        }
    }

    fn date(&mut self) -> Date {
        Date::from_days(self.next(1_000_000) as i64 - 500_000).unwrap()
    }

    fn time(&mut self) -> LocalTime {
        LocalTime::from_nanos(self.next(86_400) * 1_000_000_000 + self.next(1_000_000_000)).unwrap()
    }

    fn offset(&mut self) -> bolt_client::types::UtcOffset {
        bolt_client::types::UtcOffset::from_seconds((self.next(96) as i32 - 48) * 900).unwrap()
    }

    fn amount(&mut self) -> Amount {
        let mut part = || self.next(4_000_000_000) as i64 - 2_000_000_000;
        let (months, days, seconds) = (part() / 100_000, part() / 1000, part());
        Amount::new(months, days, seconds, part()).unwrap()
    }
}

async fn any_values_come_back(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut random = Random(16);
    for _ in 0..8 {
        let values: Vec<Value> = (0..60).map(|_| random.value(3)).collect();
        let row = sent(&driver, query("RETURN $v AS v").param("v", &values)).await?;
        let found: Vec<Value> = row.get("v")?;
        for (found, sent) in found.iter().zip(&values) {
            assert_eq!(found, sent);
        }
        assert_eq!(found.len(), values.len());
        // By serde, and column by column.
        back_by_serde(&driver, &values).await?;
        let text = "UNWIND range(0, size($v) - 1) AS i RETURN i, $v[i] AS v";
        let mut session = driver.session().build();
        let run = session.run(text).param("v", &values);
        let (at, found): (Vec<usize>, Vec<Value>) = wait!(run.collect_columns())?;
        assert_eq!((at, found), ((0..values.len()).collect(), values));
    }
    Ok(())
}

async fn temporal_values_come_back(world: World) -> Outcome {
    let driver = world.driver()?;
    for (year, month, day) in [
        (0, 1, 1),
        (-1, 12, 31),
        (1969, 12, 31),
        (2024, 2, 29),
        (9999, 12, 31),
    ] {
        back(&driver, Date::new(year, month, day)?).await?;
    }
    for text in ["00:00:00", "12:34:56.789", "23:59:59.999999999"] {
        back(&driver, parse::<LocalTime>(text)).await?;
        for offset in ["Z", "+01:00", "-05:30", "+14:00"] {
            back(&driver, parse::<Time>(&format!("{text}{offset}"))).await?;
            back(&driver, parse::<DateTime>(&format!("1969-12-31T{text}{offset}"))).await?;
        }
        back(&driver, parse::<LocalDateTime>(&format!("2024-12-31T{text}"))).await?;
    }
    for zone in ["Europe/Stockholm", "America/New_York", "UTC"] {
        back(&driver, ZonedDateTime::from_unix(1_700_000_000, 5, zone)?).await?;
        back(&driver, ZonedDateTime::from_unix(-1, 999_999_999, zone)?).await?;
    }
    for text in ["PT0S", "P1Y2M3DT-4.5S", "P-1M", "PT-0.000000001S", "P400DT86400S"] {
        back(&driver, parse::<Amount>(text)).await?;
    }
    Ok(())
}

async fn points_vectors_and_uuids_come_back(world: World) -> Outcome {
    let driver = world.driver()?;
    for srid in [7203, 4326] {
        let (x, y) = (1.5, -2.0);
        back(
            &driver,
            Point2D {
                srid: Srid::new(srid),
                x,
                y,
            },
        )
        .await?;
    }
    for srid in [9157, 4979] {
        let (x, y, z) = (1.5, -2.0, 0.1);
        back(
            &driver,
            Point3D {
                srid: Srid::new(srid),
                x,
                y,
                z,
            },
        )
        .await?;
    }
    let version = wait!(driver.server_info())?.protocol_version();
    if version >= bolt_client::Version::new(6, 0) {
        back(&driver, Vector::Int8(vec![i8::MIN, 0, i8::MAX])).await?;
        back(&driver, Vector::Int16(vec![i16::MIN, i16::MAX])).await?;
        back(&driver, Vector::Int32(vec![i32::MIN, i32::MAX])).await?;
        back(&driver, Vector::Int64(vec![i64::MIN, i64::MAX])).await?;
        back(&driver, Vector::Float32(vec![0.5, -1.25])).await?;
        back(&driver, Vector::Float64(vec![0.1, f64::MAX])).await?;
    }
    if version >= bolt_client::Version::new(6, 1) {
        back(&driver, Uuid::from_bytes([7; 16])).await?;
    }
    back(&driver, vec![1_u8, 2, 255]).await
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Shapes {
    first_name: String,
    #[serde(rename = "odd name")]
    renamed: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    absent: Option<i64>,
    #[serde(skip)]
    skipped: i64,
    #[serde(alias = "other")]
    unit: (),
    #[serde(flatten)]
    inner: Inner,
    #[serde(flatten)]
    rest: BTreeMap<String, i64>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Inner {
    day: Date,
    float: f64,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            day: parse("2024-02-29"),
            float: 1.5,
        }
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum External {
    Unit,
    Newtype(i64),
    Tuple(i64, String),
    Struct { a: Option<bool> },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Internal {
    Unit,
    Struct { x: i64 },
    Newtype(Inner),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    Unit,
    Newtype(String),
    Tuple(i64, f64),
    Struct { x: Vec<i64> },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(i64),
    Text(String),
    List(Vec<bool>),
    Struct { x: bool },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Newtype(i64);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Pair(i64, String);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Transparent {
    inner: Vec<Newtype>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Borrowed<'a> {
    #[serde(borrow)]
    name: &'a str,
    #[serde(borrow)]
    alias: std::borrow::Cow<'a, str>,
}

async fn every_shape_of_serde_comes_back(world: World) -> Outcome {
    let driver = world.driver()?;
    let shapes = Shapes {
        first_name: "Ada".to_owned(),
        renamed: 1,
        rest: [("x".to_owned(), 1), ("y".to_owned(), 2)].into(),
        ..Shapes::default()
    };
    back_by_serde(&driver, &shapes).await?;
    back_by_serde(
        &driver,
        &Shapes {
            absent: Some(7),
            ..Shapes::default()
        },
    )
    .await?;
    let external = [
        External::Unit,
        External::Newtype(1),
        External::Tuple(1, "x".to_owned()),
    ];
    back_by_serde(&driver, &Vec::from(external)).await?;
    back_by_serde(&driver, &External::Struct { a: Some(true) }).await?;
    let internal = [
        Internal::Unit,
        Internal::Struct { x: 1 },
        Internal::Newtype(Inner::default()),
    ];
    back_by_serde(&driver, &Vec::from(internal)).await?;
    let adjacent = [
        Adjacent::Unit,
        Adjacent::Newtype("x".to_owned()),
        Adjacent::Tuple(1, 2.5),
    ];
    back_by_serde(&driver, &Vec::from(adjacent)).await?;
    back_by_serde(&driver, &Adjacent::Struct { x: vec![1] }).await?;
    let untagged = [
        Untagged::Number(1),
        Untagged::Text("x".to_owned()),
        Untagged::List(vec![true]),
    ];
    back_by_serde(&driver, &Vec::from(untagged)).await?;
    back_by_serde(&driver, &Untagged::Struct { x: true }).await?;
    back_by_serde(&driver, &(Newtype(1), Pair(2, "y".to_owned()), Unit)).await?;
    back_by_serde(
        &driver,
        &Transparent {
            inner: vec![Newtype(1)],
        },
    )
    .await?;
    back_by_serde(&driver, &HashMap::from([(-1, Some('é')), (2, None)])).await?;
    back_by_serde(&driver, &BTreeMap::from([(true, [1.5_f32])])).await?;
    let numbers = (
        1_u8,
        -1_i8,
        u64::from(u32::MAX),
        i128::from(i64::MIN),
        1.5_f32,
        0.1_f64,
    );
    back_by_serde(&driver, &numbers).await?;
    back_by_serde(
        &driver,
        &("x".to_owned(), [true, false], Some(Box::new(1)), None::<i64>),
    )
    .await?;
    let borrowed = Borrowed {
        name: "Ada",
        alias: "Countess".into(),
    };
    let row = sent(
        &driver,
        query("RETURN $name AS name, $alias AS alias").params(&borrowed),
    )
    .await?;
    assert_eq!(row.to::<Borrowed<'_>>()?, borrowed);
    // Nodes as structs, with what is left of them.
    #[derive(Debug, PartialEq, Deserialize)]
    struct Node {
        #[serde(rename = "labels()")]
        labels: Vec<String>,
        name: String,
        #[serde(flatten)]
        rest: BTreeMap<String, Value>,
    }
    let create =
        query("CREATE (n:Shape {name: $run, xs: [1, 2]}) RETURN n").param("run", world.unique_name());
    let node: Serde<Node> = go!(driver.execute_query(create))?.single()?.get("n")?;
    assert_eq!(node.0.labels, ["Shape"]);
    assert_eq!(node.0.rest.get("xs"), Some(&list![1, 2]));
    // A value in JSON has the same form, whatever the way.
    let value = map! { "a": list![1, 2.5, Value::Null], "day": parse::<Date>("2024-02-29") };
    let row = sent(&driver, query("RETURN $v AS v").param("v", &value)).await?;
    let json: serde_json::Value = row.get::<Serde<_>>("v")?.0;
    assert_eq!(json, serde_json::to_value(&value)?);
    assert_eq!(serde_json::to_value(&row)?["v"], json);
    Ok(())
}

async fn dates_of_chrono_come_back(world: World) -> Outcome {
    use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
    let driver = world.driver()?;
    back(&driver, parse::<NaiveDate>("2024-02-29")).await?;
    back(&driver, parse::<NaiveTime>("12:34:56.789")).await?;
    back(&driver, parse::<NaiveDateTime>("2024-12-31T23:59:59.999999999")).await?;
    back(&driver, parse::<DateTime<Utc>>("1969-12-31T23:59:59.5Z")).await?;
    back(
        &driver,
        parse::<DateTime<FixedOffset>>("2024-02-29T12:00:00-05:30"),
    )
    .await?;
    back(&driver, TimeDelta::milliseconds(-4_500)).await
}

async fn dates_of_time_come_back(world: World) -> Outcome {
    use time::{Date, Duration, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};
    let driver = world.driver()?;
    let date = Date::from_calendar_date(2024, Month::February, 29)?;
    let local = PrimitiveDateTime::new(date, Time::from_hms_nano(12, 34, 56, 789)?);
    back(&driver, date).await?;
    back(&driver, local.time()).await?;
    back(&driver, local).await?;
    back(&driver, local.assume_offset(UtcOffset::from_hms(-5, -30, 0)?)).await?;
    back(&driver, OffsetDateTime::from_unix_timestamp(-1)?).await?;
    back(&driver, Duration::milliseconds(-4_500)).await
}

async fn dates_of_jiff_come_back(world: World) -> Outcome {
    use jiff::civil::{Date, DateTime, Time};
    use jiff::{SignedDuration, Timestamp, Zoned};
    let driver = world.driver()?;
    back(&driver, parse::<Date>("2024-02-29")).await?;
    back(&driver, parse::<Time>("12:34:56.789")).await?;
    back(&driver, parse::<DateTime>("2024-12-31T23:59:59.999999999")).await?;
    back(&driver, parse::<Timestamp>("1969-12-31T23:59:59.5Z")).await?;
    back(&driver, parse::<Zoned>("2024-06-30T12:00:00[Europe/Stockholm]")).await?;
    back(&driver, SignedDuration::from_millis(-4_500)).await
}

/// A struct with the types of each crate, as values, and by serde alone where serde is enough to read them.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Dates {
    #[serde(with = "bolt_client::serde::as_value")]
    chrono: chrono::NaiveDate,
    #[serde(with = "bolt_client::serde::as_value")]
    instant: chrono::DateTime<chrono::Utc>,
    #[serde(with = "bolt_client::serde::as_value")]
    time: time::OffsetDateTime,
    #[serde(with = "bolt_client::serde::as_value")]
    jiff: jiff::Zoned,
    #[serde(with = "bolt_client::serde::as_value")]
    maybe: Option<jiff::civil::Date>,
}

#[derive(Debug, Deserialize)]
struct Plain {
    chrono: chrono::NaiveDate,
    instant: chrono::DateTime<chrono::FixedOffset>,
    time: time::OffsetDateTime,
    jiff: jiff::Timestamp,
    maybe: Option<jiff::civil::Date>,
}

async fn dates_in_structs_come_back(world: World) -> Outcome {
    let driver = world.driver()?;
    let dates = Dates {
        chrono: parse("2024-02-29"),
        instant: parse("2024-02-29T12:00:00Z"),
        time: time::OffsetDateTime::from_unix_timestamp(1_700_000_000)?,
        jiff: parse("2024-06-30T12:00:00[Europe/Stockholm]"),
        maybe: None,
    };
    let text = "RETURN $chrono AS chrono, $instant AS instant, $time AS time, $jiff AS jiff, $maybe AS maybe";
    let row = sent(&driver, query(text).params(&dates)).await?;
    assert_eq!(row.to::<Dates>()?, dates);
    let plain: Plain = row.to()?;
    assert_eq!(
        (plain.chrono, plain.time, plain.maybe),
        (dates.chrono, dates.time, dates.maybe)
    );
    assert_eq!(plain.instant, dates.instant);
    assert_eq!(plain.jiff, dates.jiff.timestamp());
    back_by_serde(&driver, &dates).await
}
