//! Reading nodes and relationships as maps of their properties, and of the other fields that a struct asks
//! for.

use alloc::string::ToString;
use core::slice;

use ::serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, Visitor};

use super::de::{Deserializer, Name};
use super::de_compound::Entries;
use crate::error::ConversionError;
use crate::packstream::{Reader, Token};
use crate::value::tag;

/// What a field of an entity becomes. The order is that of the fields.
#[derive(Clone, Copy)]
enum Field {
    /// An entry under this name.
    Entry(&'static str),
    /// An entry under this name, which does not consume the number. Before Bolt 5.0 the next number is an
    /// element id as well.
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

/// Reads a node or a relationship of which the fields are next. `wanted` are the fields of a struct. Apart
/// from properties, only these become entries.
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
    /// The field of which the name has been read, and the value is next.
    named: Option<Field>,
    /// The reader, as one of properties.
    properties: Entries<'r, 'a>,
    /// Whether the reader is among the properties.
    inside: bool,
}

impl<'a> Entity<'_, 'a> {
    /// Moves to the next property and returns its name, if the reader is among the properties and there is
    /// one.
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

    /// Moves to the next entry and returns its name, if the reader is not among the properties.
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

    /// Moves to the end of the entity. The visitor may have stopped before.
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

    /// Skips the value of a name that the visitor has read, if it has not read the value.
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

    /// Returns the next number without consuming it.
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
