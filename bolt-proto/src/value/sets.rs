//! Reading and writing sets and queues, which are lists to a server.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;

use crate::error::{ConversionError, EncodeError};
use crate::packstream::{Reader, ValueRef};
use crate::value::{Encoder, FromValue, ToValue, Value};

impl<T: ToValue> ToValue for BTreeSet<T> {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        out.list(self)
    }
}

/// Keeps one of equal items.
impl<'a, T: FromValue<'a> + Ord> FromValue<'a> for BTreeSet<T> {
    fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
        Vec::from_value(value).map(Self::from_iter)
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, ConversionError> {
        Vec::read(reader).map(Self::from_iter)
    }

    fn from_tree(value: &Value) -> Option<Result<Self, ConversionError>> {
        T::items_from_tree(value).map(|read| read.map(Self::from_iter))
    }
}

impl<T: ToValue> ToValue for VecDeque<T> {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        out.list(self)
    }
}

impl<'a, T: FromValue<'a>> FromValue<'a> for VecDeque<T> {
    fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
        Vec::from_value(value).map(Self::from)
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, ConversionError> {
        Vec::read(reader).map(Self::from)
    }

    fn from_tree(value: &Value) -> Option<Result<Self, ConversionError>> {
        T::items_from_tree(value).map(|read| read.map(Self::from))
    }
}

#[cfg(feature = "std")]
mod hash_set {
    extern crate std;

    use core::hash::{BuildHasher, Hash};
    use std::collections::HashSet;

    use super::*;

    impl<T: ToValue, S> ToValue for HashSet<T, S> {
        fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
            out.list(self)
        }
    }

    /// Keeps one of equal items.
    impl<'a, T: FromValue<'a> + Eq + Hash, S: BuildHasher + Default> FromValue<'a> for HashSet<T, S> {
        fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
            Vec::from_value(value).map(Self::from_iter)
        }

        fn read(reader: &mut Reader<'a>) -> Result<Self, ConversionError> {
            Vec::read(reader).map(Self::from_iter)
        }

        fn from_tree(value: &Value) -> Option<Result<Self, ConversionError>> {
            T::items_from_tree(value).map(|read| read.map(Self::from_iter))
        }
    }
}
