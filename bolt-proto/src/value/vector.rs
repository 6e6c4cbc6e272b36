//! Vectors of numbers of one type.

use alloc::vec::Vec;

use crate::error::{ConversionError, EncodeError};
use crate::packstream::{marker, write};
use crate::value::fields::{FieldReader, Fields, from_structure};
use crate::value::{Encoder, ToValue, tag};
use crate::version::Version;

/// A vector: numbers of one type, packed. Bolt 6.0.
///
/// Servers accept 1 to 4096 finite numbers.
///
/// ```
/// # use bolt_proto as bolt;
/// use bolt::types::Vector;
///
/// let embedding = Vector::from(vec![0.25_f32, -1.0]);
/// assert_eq!(embedding.len(), 2);
/// assert_eq!(Vec::<f32>::try_from(embedding).unwrap(), [0.25, -1.0]);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Vector {
    /// Integers of 8 bits.
    Int8(Vec<i8>),
    /// Integers of 16 bits.
    Int16(Vec<i16>),
    /// Integers of 32 bits.
    Int32(Vec<i32>),
    /// Integers of 64 bits.
    Int64(Vec<i64>),
    /// Floats of 32 bits.
    Float32(Vec<f32>),
    /// Floats of 64 bits.
    Float64(Vec<f64>),
}

/// The code of 32-bit floats. It is only used in vectors: no value starts with it.
const FLOAT_32: u8 = 0xC6;

/// The types of elements: the variant, the Rust type, and the code, which is the marker of such values.
macro_rules! elements {
    ($each:ident) => {
        $each! {
            Int8 i8 marker::INT_8;
            Int16 i16 marker::INT_16;
            Int32 i32 marker::INT_32;
            Int64 i64 marker::INT_64;
            Float32 f32 FLOAT_32;
            Float64 f64 marker::FLOAT;
        }
    };
}

macro_rules! conversions {
    ($($variant:ident $element:ident $code:expr;)*) => {
        $(
            impl From<Vec<$element>> for Vector {
                fn from(elements: Vec<$element>) -> Self {
                    Self::$variant(elements)
                }
            }

            impl From<&[$element]> for Vector {
                fn from(elements: &[$element]) -> Self {
                    Self::$variant(elements.to_vec())
                }
            }

            /// Returns the elements, or the vector if its elements are of another type.
            impl TryFrom<Vector> for Vec<$element> {
                type Error = Vector;

                fn try_from(vector: Vector) -> Result<Self, Vector> {
                    match vector {
                        Vector::$variant(elements) => Ok(elements),
                        other => Err(other),
                    }
                }
            }
        )*

        impl Vector {
            /// Returns the number of elements.
            #[must_use]
            pub fn len(&self) -> usize {
                match self {
                    $(Self::$variant(elements) => elements.len(),)*
                }
            }

            /// Returns the code of the elements' type, and the packed elements.
            fn pack(&self) -> (u8, Vec<u8>) {
                match self {
                    $(Self::$variant(elements) => {
                        ($code, elements.iter().flat_map(|element| element.to_be_bytes()).collect())
                    })*
                }
            }

            fn unpack(code: u8, packed: &[u8]) -> Option<Self> {
                match code {
                    $(code if code == $code => {
                        elements::<{ size_of::<$element>() }, _>(packed, $element::from_be_bytes).map(Self::$variant)
                    })*
                    _ => None,
                }
            }
        }
    };
}

elements!(conversions);

impl Vector {
    /// Returns whether there are no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Reads elements of `SIZE` bytes each. Returns `None` if bytes are left over.
fn elements<const SIZE: usize, T>(packed: &[u8], element: impl Fn([u8; SIZE]) -> T) -> Option<Vec<T>> {
    let chunks = packed.chunks_exact(SIZE);
    let whole = chunks.remainder().is_empty();
    whole.then(|| {
        chunks
            .filter_map(|chunk| chunk.first_chunk().copied())
            .map(element)
            .collect()
    })
}

impl ToValue for Vector {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        let (code, packed) = self.pack();
        out.structure(2, tag::VECTOR, |out| {
            out.need(Version::V6_0);
            write::bytes(&mut out.bytes, &[code])?;
            write::bytes(&mut out.bytes, &packed)
        })
    }
}

impl<'a> Fields<'a> for Vector {
    const KIND: &'static str = "a vector";

    fn has(tag: u8) -> bool {
        tag == tag::VECTOR
    }

    fn fields(mut fields: FieldReader<'_, 'a>) -> Result<Self, ConversionError> {
        fields.expect(2)?;
        let [code]: [u8; 1] = fields.next("type_marker")?;
        let vector = Self::unpack(code, fields.next("data")?);
        vector.ok_or_else(|| {
            ConversionError::custom("a vector has elements of an unknown type, or an incomplete element")
        })
    }
}

from_structure!(Vector);
