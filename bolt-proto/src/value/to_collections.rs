//! Writing bytes, lists and maps.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::error::EncodeError;
use crate::value::{Encoder, ToValue};

impl ToValue for Bytes {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        out.bytes(self)
    }
}

macro_rules! lists {
    ($($list:ty $(, const $n:ident)?;)*) => {$(
        impl<T: ToValue $(, const $n: usize)?> ToValue for $list {
            #[inline]
            fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
                T::slice_to_value(self, out)
            }
        }
    )*};
}

lists! {
    [T];
    [T; N], const N;
    Vec<T>;
}

macro_rules! tuples {
    ($($len:literal: $($item:ident $index:tt)*;)*) => {$(
        impl<$($item: ToValue),*> ToValue for ($($item,)*) {
            fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
                out.list_with(Some($len), |list| {
                    $(list.item(&self.$index)?;)*
                    Ok(())
                })
            }
        }
    )*};
}

tuples! {
    1: A 0;
    2: A 0 B 1;
    3: A 0 B 1 C 2;
    4: A 0 B 1 C 2 D 3;
    5: A 0 B 1 C 2 D 3 E 4;
    6: A 0 B 1 C 2 D 3 E 4 F 5;
    7: A 0 B 1 C 2 D 3 E 4 F 5 G 6;
    8: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7;
    9: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8;
    10: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9;
    11: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10;
    12: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11;
}

impl<K: AsRef<str>, V: ToValue> ToValue for BTreeMap<K, V> {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        out.map(self)
    }
}
