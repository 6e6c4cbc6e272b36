//! Values as text, close to how Cypher writes them.

use core::fmt::{self, Display, Formatter, Write as _};

use crate::value::{
    Direction, Map, Node, Path, Point2D, Point3D, Relationship, Srid, UnboundRelationship, Value, Vector,
};

/// The most bytes of a byte array that are shown.
const MOST_BYTES: usize = 32;

/// Shows the value close to how Cypher writes it: `"text"`, `[1, 2]`, `{name: "Ada"}`, `(:Person {name: "Ada"})`.
///
/// The text is for people. It is not an input format, and may change.
impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::String(value) => write!(f, "{value:?}"),
            Self::Bytes(value) => bytes(value, f),
            Self::List(items) => list(items, f),
            Self::Map(map) => map.fmt(f),
            Self::Node(node) => node.fmt(f),
            Self::Relationship(relationship) => relationship.fmt(f),
            Self::UnboundRelationship(relationship) => relationship.fmt(f),
            Self::Path(path) => path.fmt(f),
            Self::Date(date) => date.fmt(f),
            Self::Time(time) => time.fmt(f),
            Self::LocalTime(time) => time.fmt(f),
            Self::DateTime(time) => time.fmt(f),
            Self::ZonedDateTime(time) => time.fmt(f),
            Self::LocalDateTime(time) => time.fmt(f),
            Self::Duration(duration) => duration.fmt(f),
            Self::Point2D(point) => point.fmt(f),
            Self::Point3D(point) => point.fmt(f),
            Self::Vector(vector) => vector.fmt(f),
            Self::Uuid(uuid) => uuid.fmt(f),
            Self::Unsupported(stand_in) => write!(f, "<{}>", Escaped(stand_in.name())),
            Self::Structure(structure) => {
                write!(f, "<structure {:#04x}>", structure.tag())?;
                list(structure.fields(), f)
            }
        }
    }
}

/// Shows the map as `{name: "Ada", age: 36}`.
impl Display for Map {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, (name, value)) in self.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{}: {value}", Name(name))?;
        }
        f.write_str("}")
    }
}

/// Shows the node as `(:Person {name: "Ada"})`.
impl Display for Node {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        for label in &self.labels {
            write!(f, ":{}", Name(label))?;
        }
        properties(&self.properties, !self.labels.is_empty(), f)?;
        f.write_str(")")
    }
}

/// Shows the relationship as `[:KNOWS {since: 1999}]`.
impl Display for Relationship {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        relationship(&self.rel_type, &self.properties, f)
    }
}

/// Shows the relationship as `[:KNOWS {since: 1999}]`.
impl Display for UnboundRelationship {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        relationship(&self.rel_type, &self.properties, f)
    }
}

/// Shows the path as `(:Person)-[:KNOWS]->(:Person)`.
impl Display for Path {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.start().fmt(f)?;
        self.segments().try_for_each(|step| match step.direction {
            Direction::Forward => write!(f, "-{}->{}", step.relationship, step.to),
            Direction::Backward => write!(f, "<-{}-{}", step.relationship, step.to),
        })
    }
}

/// Shows the point as `point({srid: 7203, x: 1.0, y: 2.0})`.
impl Display for Point2D {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "point({{srid: {}, x: {:?}, y: {:?}}})",
            self.srid, self.x, self.y
        )
    }
}

/// Shows the point as `point({srid: 9157, x: 1.0, y: 2.0, z: 3.0})`.
impl Display for Point3D {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { srid, x, y, z } = self;
        write!(f, "point({{srid: {srid}, x: {x:?}, y: {y:?}, z: {z:?}}})")
    }
}

/// Shows the number.
impl Display for Srid {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.code().fmt(f)
    }
}

/// Shows the vector as `vector([0.5, -1.0])`.
impl Display for Vector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("vector(")?;
        match self {
            Self::Int8(elements) => write!(f, "{elements:?}")?,
            Self::Int16(elements) => write!(f, "{elements:?}")?,
            Self::Int32(elements) => write!(f, "{elements:?}")?,
            Self::Int64(elements) => write!(f, "{elements:?}")?,
            Self::Float32(elements) => write!(f, "{elements:?}")?,
            Self::Float64(elements) => write!(f, "{elements:?}")?,
        }
        f.write_str(")")
    }
}

/// A name as Cypher writes it: in backticks, unless it is an identifier.
pub(crate) struct Name<'a>(pub(crate) &'a str);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut chars = self.0.chars();
        let begins = chars
            .next()
            .is_some_and(|first| first.is_alphabetic() || first == '_');
        if begins && chars.all(|char| char.is_alphanumeric() || char == '_') {
            return f.write_str(self.0);
        }
        f.write_char('`')?;
        for char in self.0.chars() {
            if char == '`' {
                f.write_str("``")?;
            } else {
                write!(f, "{}", char.escape_debug())?;
            }
        }
        f.write_char('`')
    }
}

fn properties(map: &Map, after_a_name: bool, f: &mut Formatter<'_>) -> fmt::Result {
    match (map.is_empty(), after_a_name) {
        (true, _) => Ok(()),
        (false, true) => write!(f, " {map}"),
        (false, false) => map.fmt(f),
    }
}

fn relationship(rel_type: &str, map: &Map, f: &mut Formatter<'_>) -> fmt::Result {
    f.write_str("[")?;
    // A relationship that the same query has deleted has no type.
    if !rel_type.is_empty() {
        write!(f, ":{}", Name(rel_type))?;
    }
    properties(map, !rel_type.is_empty(), f)?;
    f.write_str("]")
}

fn list(items: &[Value], f: &mut Formatter<'_>) -> fmt::Result {
    f.write_str("[")?;
    for (index, item) in items.iter().enumerate() {
        let comma = if index > 0 { ", " } else { "" };
        write!(f, "{comma}{item}")?;
    }
    f.write_str("]")
}

fn bytes(bytes: &[u8], f: &mut Formatter<'_>) -> fmt::Result {
    f.write_str("0x")?;
    for byte in bytes.iter().take(MOST_BYTES) {
        write!(f, "{byte:02X}")?;
    }
    if bytes.len() > MOST_BYTES {
        write!(f, "… ({} bytes)", bytes.len())?;
    }
    Ok(())
}

/// A text of the server, without control characters.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_debug())
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;
    use std::vec;

    use super::*;
    use crate::value::{Date, Structure};

    #[test]
    fn values_are_shown_close_to_how_cypher_writes_them() {
        let ada = Node::new(1, ["Person"], crate::map! { "name": "Ada", "a b": 1.0 });
        let other = Node::new(2, ["A", "odd `one`"], Map::new());
        let knows = UnboundRelationship::new(3, "KNOWS", crate::map! { "since": 1999 });
        let path = Path::new(vec![ada.clone(), other], vec![knows], &[1, 1, -1, 0]).unwrap();
        let shown: [(Value, &str); 12] = [
            (Value::Null, "null"),
            ((1, 1.0, true, "a\n\"b\"").into(), r#"[1, 1.0, true, "a\n\"b\""]"#),
            (b"\x01\xFF".into(), "0x01FF"),
            (ada.into(), "(:Person {name: \"Ada\", `a b`: 1.0})"),
            (Node::new(1, [""; 0], Map::new()).into(), "()"),
            (Node::new(1, [""; 0], crate::map! { "a": 1 }).into(), "({a: 1})"),
            (
                path.into(),
                "(:Person {name: \"Ada\", `a b`: 1.0})-[:KNOWS {since: 1999}]->(:A:`odd ``one```)\
                 <-[:KNOWS {since: 1999}]-(:Person {name: \"Ada\", `a b`: 1.0})",
            ),
            (Relationship::new(1, 2, 3, "", Map::new()).into(), "[]"),
            (Date::from_days(1).unwrap().into(), "1970-01-02"),
            (
                Point2D::cartesian(1.0, 2.5).into(),
                "point({srid: 7203, x: 1.0, y: 2.5})",
            ),
            (Vector::from(vec![0.5_f32, -1.0]).into(), "vector([0.5, -1.0])"),
            (
                Value::Structure(Structure::new(0x51, vec![1.into()]).into()),
                "<structure 0x51>[1]",
            ),
        ];
        for (value, text) in shown {
            assert_eq!(value.to_string(), text);
        }
        assert!(
            Value::from(vec![7_u8; 40])
                .to_string()
                .ends_with("07… (40 bytes)")
        );
    }
}
