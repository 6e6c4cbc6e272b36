//! Nodes and relationships as maps: of their properties, and of what else is wanted.

use alloc::string::ToString;
use core::slice;

use ::serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, Visitor};

use super::de::{Deserializer, Name};
use super::de_compound::Entries;
use crate::error::ConversionError;
use crate::packstream::{Reader, Token};
use crate::value::tag;

/// What is made of a field, in the order in which they come.
#[derive(Clone, Copy)]
enum Field {
    /// An entry under this name.
    Entry(&'static str),
    /// Before Bolt 5.0 the number in front of the cursor is an element id, too: an entry under this name, which leaves
    /// the number where it is.
    ElementId(&'static str),
    /// As many entries as there are properties.
    Properties,
}

const NODE: [Field; 4] = [
    Field::Entry("id()"),
    Field::Entry("labels()"),
    Field::Properties,
    Field::Entry("elementId()"),
];

const OLDER_NODE: [Field; 4] = [
    Field::ElementId("elementId()"),
    Field::Entry("id()"),
    Field::Entry("labels()"),
    Field::Properties,
];

const RELATIONSHIP: [Field; 8] = [
    Field::Entry("id()"),
    Field::Entry("startId()"),
    Field::Entry("endId()"),
    Field::Entry("type()"),
    Field::Properties,
    Field::Entry("elementId()"),
    Field::Entry("startElementId()"),
    Field::Entry("endElementId()"),
];

const OLDER_RELATIONSHIP: [Field; 8] = [
    Field::ElementId("elementId()"),
    Field::Entry("id()"),
    Field::ElementId("startElementId()"),
    Field::Entry("startId()"),
    Field::ElementId("endElementId()"),
    Field::Entry("endId()"),
    Field::Entry("type()"),
    Field::Properties,
];

/// Reads a node or a relationship whose fields are at the cursor. `wanted` are the fields of a struct: of what is no
/// property, nothing else is told.
pub(super) fn visit_entity<'a, V: Visitor<'a>>(
    reader: &mut Reader<'a>,
    len: usize,
    tag: u8,
    wanted: &'static [&'static str],
    visitor: V,
) -> Result<V::Value, ConversionError> {
    let fields: &[Field] = match (tag, len) {
        (tag::NODE, 4) => &NODE,
        (tag::NODE, 3) => &OLDER_NODE,
        (tag::RELATIONSHIP, 8) => &RELATIONSHIP,
        (tag::RELATIONSHIP, 5) => &OLDER_RELATIONSHIP,
        _ => {
            let kind = tag::kind(tag);
            return Err(ConversionError::custom(alloc::format!("{kind} is malformed")));
        }
    };
    let mut entity = Entity {
        wanted,
        fields: fields.iter(),
        named: None,
        properties: Entries::of_entity(reader, wanted),
        inside: false,
    };
    let value = visitor.visit_map(&mut entity)?;
    entity.skip_rest()?;
    Ok(value)
}

struct Entity<'r, 'a> {
    wanted: &'static [&'static str],
    fields: slice::Iter<'static, Field>,
    /// A field that was named, and whose value comes next.
    named: Option<Field>,
    /// The cursor, as one among properties.
    properties: Entries<'r, 'a>,
    /// Whether it stands among them.
    inside: bool,
}

impl<'a> Entity<'_, 'a> {
    /// Moves to the next property and names it, if the cursor stands among them and there is one.
    #[inline]
    fn next_property(&mut self) -> Result<Option<&'a str>, ConversionError> {
        if !self.inside {
            return Ok(None);
        }
        let name = self.properties.next_name()?;
        if name.is_none() {
            self.leave();
        }
        Ok(name)
    }

    /// Moves to the next entry and names it, from anywhere but among the properties.
    fn next_field(&mut self) -> Result<Option<&'a str>, ConversionError> {
        self.skip_named()?;
        while let Some(&field) = self.fields.next() {
            match field {
                Field::Entry(name) | Field::ElementId(name) if self.wanted.contains(&name) => {
                    self.named = Some(field);
                    return Ok(Some(name));
                }
                Field::Entry(_) => drop(self.properties.reader.skip()?),
                Field::ElementId(_) => {}
                Field::Properties => {
                    self.enter()?;
                    if let Some(name) = self.properties.next_name()? {
                        return Ok(Some(name));
                    }
                    self.leave();
                }
            }
        }
        Ok(None)
    }

    /// Moves behind everything: the visitor may have had enough before the end.
    fn skip_rest(&mut self) -> Result<(), ConversionError> {
        self.skip_named()?;
        if self.inside {
            self.properties.skip_rest()?;
            self.leave();
        }
        for field in &mut self.fields {
            if !matches!(field, Field::ElementId(_)) {
                self.properties.reader.skip()?;
            }
        }
        Ok(())
    }

    /// Moves behind a value that was named and not wanted.
    fn skip_named(&mut self) -> Result<(), ConversionError> {
        if let Some(Field::Entry(_)) = self.named.take() {
            self.properties.reader.skip()?;
        }
        Ok(())
    }

    fn enter(&mut self) -> Result<(), ConversionError> {
        match self.properties.reader.token()? {
            Token::Map(len) => self.properties.begin(len),
            other => return Err(ConversionError::mismatch("a map of properties", other.kind())),
        }
        self.properties.reader.enter()?;
        self.inside = true;
        Ok(())
    }

    fn leave(&mut self) {
        self.properties.reader.leave();
        self.inside = false;
    }

    /// The number in front of the cursor, which stays there.
    fn number(&self) -> Result<i64, ConversionError> {
        let mut reader = *self.properties.reader;
        let number = reader.integer();
        number.ok_or_else(|| ConversionError::mismatch("an integer", "something else"))
    }
}

impl<'a> MapAccess<'a> for Entity<'_, 'a> {
    type Error = ConversionError;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'a>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ConversionError> {
        let name = match self.next_property()? {
            Some(name) => Some(name),
            None => self.next_field()?,
        };
        name.map(|name| seed.deserialize(Name(name))).transpose()
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, ConversionError> {
        if self.inside {
            return self.properties.next_value_seed(seed);
        }
        match self.named.take() {
            Some(Field::Entry(name)) => seed
                .deserialize(Deserializer::new(self.properties.reader))
                .map_err(|error| error.at_field(name)),
            Some(Field::ElementId(_)) => seed.deserialize(self.number()?.to_string().into_deserializer()),
            _ => self.properties.next_value_seed(seed),
        }
    }
}
