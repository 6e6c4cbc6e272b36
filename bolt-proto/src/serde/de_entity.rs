//! Reading nodes and relationships as maps: of their properties, and of what functions of Cypher return for them. A
//! struct gets only what it asks for.

use alloc::string::ToString;
use core::slice;

use ::serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, Visitor};

use super::de::Deserializer;
use super::de_compound::Entries;
use super::name::Name;
use crate::error::ConversionError;
use crate::packstream::{Reader, Token, same};
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

const UNBOUND_RELATIONSHIP: [Field; 4] = [
    Field::Entry("id()"),
    Field::Entry("type()"),
    Field::Properties,
    Field::Entry("elementId()"),
];

const OLDER_UNBOUND_RELATIONSHIP: [Field; 4] = [
    Field::ElementId("elementId()"),
    Field::Entry("id()"),
    Field::Entry("type()"),
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

/// Reads a node or a relationship of which the fields are next. `wanted` are the fields of a struct, if it is known.
/// Apart from properties, only these become entries; otherwise all.
pub(super) fn visit_entity<'a, V: Visitor<'a>>(
    reader: &mut Reader<'a>,
    len: usize,
    tag: u8,
    wanted: Option<&'static [&'static str]>,
    visitor: V,
) -> Result<V::Value, ConversionError> {
    let fields: &'static [Field] = match (tag, len) {
        (tag::NODE, 4) => &NODE,
        (tag::NODE, 3) => &OLDER_NODE,
        (tag::UNBOUND_RELATIONSHIP, 4) => &UNBOUND_RELATIONSHIP,
        (tag::UNBOUND_RELATIONSHIP, 3) => &OLDER_UNBOUND_RELATIONSHIP,
        (tag::RELATIONSHIP, 8) => &RELATIONSHIP,
        (tag::RELATIONSHIP, 5) => &OLDER_RELATIONSHIP,
        _ => {
            let kind = tag::kind(tag);
            return Err(ConversionError::custom(alloc::format!("{kind} is malformed")));
        }
    };
    let mut entity = Entity {
        wanted,
        all: fields,
        fields: fields.iter(),
        named: None,
        properties: Entries::of_entity(reader, wanted.unwrap_or_default()),
        inside: false,
    };
    let value = visitor.visit_map(&mut entity)?;
    entity.skip_rest()?;
    Ok(value)
}

struct Entity<'r, 'a> {
    wanted: Option<&'static [&'static str]>,
    /// All fields, and those that are left.
    all: &'static [Field],
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
    #[inline(always)]
    fn next_property(&mut self) -> Result<Option<&'a str>, ConversionError> {
        if !self.inside {
            return Ok(None);
        }
        let name = self.visible_property()?;
        if name.is_none() {
            self.leave();
        }
        Ok(name)
    }

    /// Moves to the next property that has not the name of a function.
    #[inline]
    fn visible_property(&mut self) -> Result<Option<&'a str>, ConversionError> {
        loop {
            match self.properties.next_name()? {
                Some(name) if name.as_bytes().last() == Some(&b')') && self.has_function(name) => {}
                name => return Ok(name),
            }
        }
    }

    #[cold]
    fn has_function(&self, name: &str) -> bool {
        self.all.iter().any(|field| match field {
            Field::Entry(function) | Field::ElementId(function) => *function == name,
            Field::Properties => false,
        })
    }

    #[inline]
    fn wants(&self, name: &str) -> bool {
        self.wanted.is_none_or(|wanted| {
            let mut names = wanted.iter();
            names.any(|wanted| same(wanted.as_bytes(), name.as_bytes()))
        })
    }

    /// Moves to the next entry and returns its name, if the reader is not among the properties.
    fn next_field(&mut self) -> Result<Option<&'a str>, ConversionError> {
        self.skip_named()?;
        while let Some(&field) = self.fields.next() {
            match field {
                Field::Entry(name) | Field::ElementId(name) if self.wants(name) => {
                    self.named = Some(field);
                    return Ok(Some(name));
                }
                Field::Entry(_) => drop(self.properties.reader.skip()?),
                Field::ElementId(_) => {}
                Field::Properties => {
                    self.enter()?;
                    if let Some(name) = self.visible_property()? {
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
        match name {
            Some(name) => seed.deserialize(Name(name)).map(Some),
            None => Ok(None),
        }
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
