//! A value that a call borrows or owns.

use std::ops::{Deref, DerefMut};

/// A value that is borrowed from the caller, or owned.
#[derive(Debug)]
pub(crate) enum Held<'a, T> {
    Borrowed(&'a mut T),
    Owned(T),
}

impl<T> Deref for Held<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::Borrowed(value) => value,
            Self::Owned(value) => value,
        }
    }
}

impl<T> DerefMut for Held<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        match self {
            Self::Borrowed(value) => value,
            Self::Owned(value) => value,
        }
    }
}
