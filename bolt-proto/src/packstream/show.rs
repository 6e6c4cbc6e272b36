//! `Debug` of values in a buffer, in one walk.

use core::cell::Cell;
use core::fmt;

use super::Reader;
use super::read::Token;
use crate::error::DecodeError;

/// Shows `len` values of a reader, as a list.
pub(super) fn items(reader: Reader<'_>, len: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    Walk::new(reader).items(len, f)
}

/// Shows `len` entries of a reader, as a map.
pub(super) fn entries(reader: Reader<'_>, len: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    Walk::new(reader).entries(len, f)
}

/// A reader that moves while values are shown. Each value is read once at any depth. Views would skip over it
/// at each level.
struct Walk<'a> {
    reader: Cell<Reader<'a>>,
    /// The error that ends the walk: the rest is not shown.
    stuck: Cell<bool>,
}

/// Shows the next value.
struct Next<'w, 'a>(&'w Walk<'a>);

/// Shows the contents of a container of which the token was read.
struct Contents<'w, 'a>(&'w Walk<'a>, Token<'a>);

/// Shows the next map key.
struct Key<'w, 'a>(&'w Walk<'a>);

impl<'a> Walk<'a> {
    const fn new(reader: Reader<'a>) -> Self {
        Self {
            reader: Cell::new(reader),
            stuck: Cell::new(false),
        }
    }

    /// Reads something, and moves past it.
    fn read<T>(
        &self,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let mut reader = self.reader.get();
        let result = read(&mut reader);
        self.reader.set(reader);
        self.stuck.set(self.stuck.get() || result.is_err());
        result
    }

    fn items(&self, len: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        for _ in 0..len {
            if self.stuck.get() {
                break;
            }
            list.entry(&Next(self));
        }
        list.finish()
    }

    fn entries(&self, len: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for _ in 0..len {
            if self.stuck.get() {
                break;
            }
            map.key(&Key(self)).value(&Next(self));
        }
        map.finish()
    }

    /// Enters a container of `len` values, or moves past it if it is nested too deep.
    fn enter(&self, values: usize) -> Result<(), DecodeError> {
        let mut reader = self.reader.get();
        if let Err(too_deep) = reader.enter() {
            self.read(|reader| reader.skip_many(values))?;
            return Err(too_deep);
        }
        self.reader.set(reader);
        Ok(())
    }

    fn leave(&self) {
        let mut reader = self.reader.get();
        reader.leave();
        self.reader.set(reader);
    }
}

impl fmt::Debug for Next<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(walk) = self;
        if walk.stuck.get() {
            return f.write_str("…");
        }
        match walk.read(Reader::token) {
            Ok(Token::Null) => f.write_str("Null"),
            Ok(Token::Boolean(value)) => f.debug_tuple("Boolean").field(&value).finish(),
            Ok(Token::Integer(value)) => f.debug_tuple("Integer").field(&value).finish(),
            Ok(Token::Float(value)) => f.debug_tuple("Float").field(&value).finish(),
            Ok(Token::String(value)) => f.debug_tuple("String").field(&value).finish(),
            Ok(Token::Bytes(value)) => f.debug_tuple("Bytes").field(&value).finish(),
            Ok(Token::Uuid(value)) => f.debug_tuple("Uuid").field(&value).finish(),
            Ok(token @ Token::List(_)) => f.debug_tuple("List").field(&Contents(walk, token)).finish(),
            Ok(token @ Token::Map(_)) => f.debug_tuple("Map").field(&Contents(walk, token)).finish(),
            Ok(token @ Token::Structure { .. }) => {
                f.debug_tuple("Structure").field(&Contents(walk, token)).finish()
            }
            Err(error) => write!(f, "{error:?}"),
        }
    }
}

impl fmt::Debug for Contents<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(walk, container) = self;
        let values = match *container {
            Token::Map(len) => len.saturating_mul(2),
            Token::List(len) | Token::Structure { fields: len, .. } => len,
            _ => 0,
        };
        if let Err(error) = walk.enter(values) {
            return write!(f, "{error:?}");
        }
        match *container {
            Token::Map(len) => walk.entries(len, f)?,
            Token::Structure { tag, .. } => {
                write!(f, "{tag:#04X} ")?;
                walk.items(values, f)?;
            }
            _ => walk.items(values, f)?,
        }
        walk.leave();
        Ok(())
    }
}

impl fmt::Debug for Key<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.read(Reader::key) {
            Ok(key) => write!(f, "{key:?}"),
            Err(error) => write!(f, "{error:?}"),
        }
    }
}
