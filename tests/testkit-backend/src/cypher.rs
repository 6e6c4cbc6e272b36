//! Values of Cypher as messages of TestKit.

use bolt_client::types::{
    Date, DateTime, Duration, LocalDateTime, LocalTime, Map, Node, Path, Point2D, Point3D, Relationship,
    Srid, Time, UtcOffset, ZonedDateTime,
};
use bolt_client::{Error, Record, Value};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::answer::Failure;
use crate::request::Entries;

/// Encodes a row as the list of its values.
pub(crate) fn row(record: &Record) -> Result<Json, Failure> {
    let values = record.values().map_err(|error: Error| Failure::from(error))?;
    Ok(Json::Array(values.iter().map(encode).collect::<Result<_, _>>()?))
}

/// Encodes a value.
pub(crate) fn encode(value: &Value) -> Result<Json, Failure> {
    Ok(match value {
        Value::Null => message("CypherNull", json!({})),
        Value::Boolean(value) => plain("CypherBool", value),
        Value::Integer(value) => plain("CypherInt", value),
        Value::Float(value) if value.is_nan() => plain("CypherFloat", "NaN"),
        Value::Float(f64::INFINITY) => plain("CypherFloat", "+Infinity"),
        Value::Float(f64::NEG_INFINITY) => plain("CypherFloat", "-Infinity"),
        Value::Float(value) => plain("CypherFloat", value),
        Value::String(value) => plain("CypherString", value),
        Value::Bytes(value) => plain("CypherBytes", hex(value)),
        Value::List(values) => plain(
            "CypherList",
            values.iter().map(encode).collect::<Result<Vec<_>, _>>()?,
        ),
        Value::Map(map) => plain("CypherMap", entries(map)?),
        Value::Node(value) => node(value)?,
        Value::Relationship(value) => relationship(value)?,
        Value::Path(value) => path(value)?,
        Value::Date(value) => message("CypherDate", date(*value)),
        Value::Time(value) => message(
            "CypherTime",
            with(
                time(value.local()),
                [("utc_offset_s", json!(value.offset().seconds()))],
            ),
        ),
        Value::LocalTime(value) => message("CypherTime", time(*value)),
        Value::LocalDateTime(value) => message("CypherDateTime", local(*value)),
        Value::DateTime(value) => message(
            "CypherDateTime",
            with(
                local(value.local()),
                [("utc_offset_s", json!(value.offset().seconds()))],
            ),
        ),
        Value::ZonedDateTime(value) => zoned(value)?,
        Value::Duration(value) => message(
            "CypherDuration",
            json!({
                "months": value.months(),
                "days": value.days(),
                "seconds": value.seconds(),
                "nanoseconds": value.nanosecond(),
            }),
        ),
        Value::Point2D(point) => message(
            "CypherPoint",
            json!({"system": system(point.srid)?, "x": point.x, "y": point.y}),
        ),
        Value::Point3D(point) => message(
            "CypherPoint",
            json!({"system": system(point.srid)?, "x": point.x, "y": point.y, "z": point.z}),
        ),
        other => {
            return Err(Failure::Backend(format!(
                "TestKit has no message for {}",
                other.kind()
            )));
        }
    })
}

/// Encodes the entries of a map.
pub(crate) fn entries(map: &Map) -> Result<Json, Failure> {
    map.iter()
        .map(|(name, value)| Ok((name.to_owned(), encode(value)?)))
        .collect::<Result<Entries, _>>()
        .map(Json::Object)
}

fn message(name: &str, data: Json) -> Json {
    json!({"name": name, "data": data})
}

fn plain(name: &str, value: impl serde::Serialize) -> Json {
    message(name, json!({"value": value}))
}

fn hex(bytes: &[u8]) -> String {
    let bytes: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

fn with<const N: usize>(mut object: Json, fields: [(&str, Json); N]) -> Json {
    for (name, value) in fields {
        object[name] = value;
    }
    object
}

fn node(node: &Node) -> Result<Json, Failure> {
    let labels: Vec<_> = node
        .labels
        .iter()
        .map(|label| plain("CypherString", label))
        .collect();
    Ok(message(
        "Node",
        json!({
            "id": plain("CypherInt", node.id),
            "labels": plain("CypherList", labels),
            "props": plain("CypherMap", entries(&node.properties)?),
            "elementId": plain("CypherString", &node.element_id),
        }),
    ))
}

fn relationship(of: &Relationship) -> Result<Json, Failure> {
    Ok(message(
        "Relationship",
        json!({
            "id": plain("CypherInt", of.id),
            "startNodeId": plain("CypherInt", of.start_id),
            "endNodeId": plain("CypherInt", of.end_id),
            "type": plain("CypherString", &of.rel_type),
            "props": plain("CypherMap", entries(&of.properties)?),
            "elementId": plain("CypherString", &of.element_id),
            "startNodeElementId": plain("CypherString", &of.start_element_id),
            "endNodeElementId": plain("CypherString", &of.end_element_id),
        }),
    ))
}

fn path(path: &Path) -> Result<Json, Failure> {
    let nodes = path.nodes().map(node).collect::<Result<Vec<_>, _>>()?;
    let relationships = path
        .relationships()
        .map(|relationship_of| relationship(&relationship_of));
    Ok(message(
        "Path",
        json!({
            "nodes": plain("CypherList", nodes),
            "relationships": plain("CypherList", relationships.collect::<Result<Vec<_>, _>>()?),
        }),
    ))
}

fn date(date: Date) -> Json {
    json!({"year": date.year(), "month": date.month(), "day": date.day()})
}

fn time(time: LocalTime) -> Json {
    json!({
        "hour": time.hour(),
        "minute": time.minute(),
        "second": time.second(),
        "nanosecond": time.nanosecond(),
    })
}

fn local(at: LocalDateTime) -> Json {
    let time = time(at.time());
    with(
        date(at.date()),
        ["hour", "minute", "second", "nanosecond"].map(|field| (field, time[field].clone())),
    )
}

/// TestKit wants the offset, too, which is in a time zone database and not in the driver. That of the suite knows whole
/// minutes, to which it rounds what is from before the time zones.
fn zoned(at: &ZonedDateTime) -> Result<Json, Failure> {
    let unknown =
        |error: &dyn std::fmt::Display| Failure::Value(format!("the time zone {}: {error}", at.zone()));
    let in_database = in_database(at).map_err(|error| unknown(&*error))?;
    let offset = (in_database.offset().seconds() + 30).div_euclid(60) * 60;
    let offset = UtcOffset::from_seconds(offset).map_err(|error| unknown(&error))?;
    let wall = match at.unix_seconds() {
        Some(seconds) => DateTime::from_unix(seconds, at.nanosecond(), offset)
            .map(DateTime::local)
            .ok(),
        None => at.local(),
    };
    let Some(wall) = wall else {
        return Err(Failure::Backend(format!("{at} has no date in its zone")));
    };
    let fields = [
        ("utc_offset_s", json!(offset.seconds())),
        ("timezone_id", json!(at.zone())),
    ];
    Ok(message("CypherDateTime", with(local(wall), fields)))
}

/// The names of System V, which servers know and the database has not any more, are rules.
fn in_database(at: &ZonedDateTime) -> Result<jiff::Zoned, Box<dyn std::error::Error>> {
    let (Some(name), Some(seconds)) = (at.zone().strip_prefix("SystemV/"), at.unix_seconds()) else {
        return Ok(at.try_into()?);
    };
    let has_summer_time = name.ends_with(|last: char| !last.is_ascii_digit());
    let rule = if has_summer_time { ",M4.5.0,M10.5.0" } else { "" };
    let zone = jiff::tz::TimeZone::posix(&format!("{name}{rule}"))?;
    Ok(jiff::Timestamp::new(seconds, 0)?.to_zoned(zone))
}

fn system(srid: Srid) -> Result<&'static str, Failure> {
    match srid {
        Srid::CARTESIAN_2D | Srid::CARTESIAN_3D => Ok("cartesian"),
        Srid::WGS_84_2D | Srid::WGS_84_3D => Ok("wgs84"),
        other => Err(Failure::Backend(format!(
            "TestKit has no name for the SRID {}",
            other.code()
        ))),
    }
}

/// The messages that are parameters.
#[derive(Deserialize)]
#[serde(tag = "name", content = "data")]
#[expect(clippy::enum_variant_names, reason = "these are the names of the messages")]
enum Parameter {
    CypherNull {},
    CypherBool {
        value: bool,
    },
    CypherInt {
        value: i64,
    },
    CypherFloat {
        value: Json,
    },
    CypherString {
        value: String,
    },
    CypherBytes {
        value: String,
    },
    CypherList {
        value: Vec<Self>,
    },
    CypherMap {
        value: std::collections::BTreeMap<String, Self>,
    },
    CypherDate(DateFields),
    CypherTime(TimeFields),
    CypherDateTime(DateTimeFields),
    CypherDuration {
        months: i64,
        days: i64,
        seconds: i64,
        nanoseconds: i64,
    },
    CypherPoint {
        system: String,
        x: f64,
        y: f64,
        z: Option<f64>,
    },
}

#[derive(Deserialize)]
struct DateFields {
    year: i32,
    month: u8,
    day: u8,
}

#[derive(Deserialize)]
struct TimeFields {
    hour: u8,
    minute: u8,
    second: u8,
    nanosecond: u32,
    utc_offset_s: Option<i32>,
}

#[derive(Deserialize)]
struct DateTimeFields {
    #[serde(flatten)]
    date: DateFields,
    #[serde(flatten)]
    time: TimeFields,
    timezone_id: Option<String>,
}

/// Decodes parameters, metadata and the like.
pub(crate) fn decode_entries(entries: Option<&Entries>) -> Result<Vec<(String, Value)>, Failure> {
    entries
        .into_iter()
        .flatten()
        .map(|(name, value)| Ok((name.clone(), decode(value)?)))
        .collect()
}

/// Decodes a value.
pub(crate) fn decode(value: &Json) -> Result<Value, Failure> {
    let parameter = Parameter::deserialize(value)
        .map_err(|error| Failure::Backend(format!("cannot read the parameter {value}: {error}")))?;
    parameter
        .value()
        .map_err(|error| Failure::Backend(format!("cannot make a value of {value}: {error}")))
}

impl Parameter {
    fn value(self) -> Result<Value, Box<dyn std::error::Error>> {
        Ok(match self {
            Self::CypherNull {} => Value::Null,
            Self::CypherBool { value } => value.into(),
            Self::CypherInt { value } => value.into(),
            Self::CypherFloat { value } => float(&value)?.into(),
            Self::CypherString { value } => value.into(),
            Self::CypherBytes { value } => Value::Bytes(
                value
                    .split_whitespace()
                    .map(|byte| u8::from_str_radix(byte, 16))
                    .collect::<Result<_, _>>()?,
            ),
            Self::CypherList { value } => {
                Value::List(value.into_iter().map(Self::value).collect::<Result<_, _>>()?)
            }
            Self::CypherMap { value } => {
                let mut map = Map::new();
                for (name, value) in value {
                    map.insert(name, value.value()?);
                }
                map.into()
            }
            Self::CypherDate(date) => date.date()?.into(),
            Self::CypherTime(time) => match time.offset()? {
                Some(offset) => Time::new(time.time()?, offset).into(),
                None => time.time()?.into(),
            },
            Self::CypherDateTime(at) => at.value()?,
            Self::CypherDuration {
                months,
                days,
                seconds,
                nanoseconds,
            } => Duration::new(months, days, seconds, nanoseconds)?.into(),
            Self::CypherPoint { system, x, y, z } => match (system.as_str(), z) {
                ("cartesian", None) => Point2D::cartesian(x, y).into(),
                ("cartesian", Some(z)) => Point3D::cartesian(x, y, z).into(),
                ("wgs84", None) => Point2D::wgs_84(x, y).into(),
                ("wgs84", Some(z)) => Point3D::wgs_84(x, y, z).into(),
                _ => return Err(format!("there is no system {system:?}").into()),
            },
        })
    }
}

impl DateFields {
    fn date(&self) -> Result<Date, Box<dyn std::error::Error>> {
        Ok(Date::new(self.year, self.month, self.day)?)
    }
}

impl TimeFields {
    fn time(&self) -> Result<LocalTime, Box<dyn std::error::Error>> {
        Ok(LocalTime::new(
            self.hour,
            self.minute,
            self.second,
            self.nanosecond,
        )?)
    }

    fn offset(&self) -> Result<Option<UtcOffset>, Box<dyn std::error::Error>> {
        Ok(self.utc_offset_s.map(UtcOffset::from_seconds).transpose()?)
    }
}

impl DateTimeFields {
    fn value(self) -> Result<Value, Box<dyn std::error::Error>> {
        let at = LocalDateTime::new(self.date.date()?, self.time.time()?);
        Ok(match (self.time.offset()?, self.timezone_id) {
            (None, None) => at.into(),
            (Some(offset), None) => DateTime::new(at, offset).into(),
            (Some(offset), Some(zone)) => ZonedDateTime::new(DateTime::new(at, offset), zone).into(),
            (None, Some(zone)) => ZonedDateTime::from_local(at, zone).into(),
        })
    }
}

fn float(value: &Json) -> Result<f64, Box<dyn std::error::Error>> {
    match value.as_str() {
        Some("NaN") => Ok(f64::NAN),
        Some("+Infinity") => Ok(f64::INFINITY),
        Some("-Infinity") => Ok(f64::NEG_INFINITY),
        _ => value.as_f64().ok_or_else(|| "not a number".into()),
    }
}
