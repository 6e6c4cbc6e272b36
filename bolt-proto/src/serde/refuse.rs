//! Serializers that accept only some kinds of values.

/// Implements methods of a `serde::Serializer` with `Ok = ()` by an error. The methods are named without
/// `serialize_`. `$error` makes the error from the kind of value.
macro_rules! refuse {
    ($error:path; $($method:ident)*) => {
        $($crate::serde::refuse::refuse! { @$method $error })*
    };
    (@bool $error:path) => {
        fn serialize_bool(self, _value: bool) -> Result<(), $crate::error::EncodeError> {
            Err($error("a boolean"))
        }
    };
    (@i8 $error:path) => {
        fn serialize_i8(self, _value: i8) -> Result<(), $crate::error::EncodeError> {
            Err($error("an integer"))
        }
    };
    (@i16 $error:path) => {
        fn serialize_i16(self, _value: i16) -> Result<(), $crate::error::EncodeError> {
            Err($error("an integer"))
        }
    };
    (@i32 $error:path) => {
        fn serialize_i32(self, _value: i32) -> Result<(), $crate::error::EncodeError> {
            Err($error("an integer"))
        }
    };
    (@i64 $error:path) => {
        fn serialize_i64(self, _value: i64) -> Result<(), $crate::error::EncodeError> {
            Err($error("an integer"))
        }
    };
    (@i128 $error:path) => {
        fn serialize_i128(self, _value: i128) -> Result<(), $crate::error::EncodeError> {
            Err($error("an integer"))
        }
    };
    (@u8 $error:path) => {
        fn serialize_u8(self, _value: u8) -> Result<(), $crate::error::EncodeError> {
            Err($error("an integer"))
        }
    };
    (@u16 $error:path) => {
        fn serialize_u16(self, _value: u16) -> Result<(), $crate::error::EncodeError> {
            Err($error("an integer"))
        }
    };
    (@u32 $error:path) => {
        fn serialize_u32(self, _value: u32) -> Result<(), $crate::error::EncodeError> {
            Err($error("an integer"))
        }
    };
    (@u64 $error:path) => {
        fn serialize_u64(self, _value: u64) -> Result<(), $crate::error::EncodeError> {
            Err($error("an integer"))
        }
    };
    (@u128 $error:path) => {
        fn serialize_u128(self, _value: u128) -> Result<(), $crate::error::EncodeError> {
            Err($error("an integer"))
        }
    };
    (@f32 $error:path) => {
        fn serialize_f32(self, _value: f32) -> Result<(), $crate::error::EncodeError> {
            Err($error("a float"))
        }
    };
    (@f64 $error:path) => {
        fn serialize_f64(self, _value: f64) -> Result<(), $crate::error::EncodeError> {
            Err($error("a float"))
        }
    };
    (@char $error:path) => {
        fn serialize_char(self, _value: char) -> Result<(), $crate::error::EncodeError> {
            Err($error("a string"))
        }
    };
    (@str $error:path) => {
        fn serialize_str(self, _value: &str) -> Result<(), $crate::error::EncodeError> {
            Err($error("a string"))
        }
    };
    (@bytes $error:path) => {
        fn serialize_bytes(self, _value: &[u8]) -> Result<(), $crate::error::EncodeError> {
            Err($error("bytes"))
        }
    };
    (@unit_struct $error:path) => {
        fn serialize_unit_struct(self, _value: &'static str) -> Result<(), $crate::error::EncodeError> {
            Err($error("null"))
        }
    };
    (@unit $error:path) => {
        fn serialize_unit(self) -> Result<(), $crate::error::EncodeError> {
            Err($error("null"))
        }
    };
    (@none $error:path) => {
        fn serialize_none(self) -> Result<(), $crate::error::EncodeError> {
            Err($error("null"))
        }
    };
    (@some $error:path) => {
        fn serialize_some<T: ::serde::Serialize + ?Sized>(
            self,
            _value: &T,
        ) -> Result<(), $crate::error::EncodeError> {
            Err($error("an option"))
        }
    };
    (@unit_variant $error:path) => {
        fn serialize_unit_variant(
            self,
            _name: &'static str,
            _index: u32,
            _variant: &'static str,
        ) -> Result<(), $crate::error::EncodeError> {
            Err($error("an enum"))
        }
    };
    (@newtype_struct $error:path) => {
        fn serialize_newtype_struct<T: ::serde::Serialize + ?Sized>(
            self,
            _name: &'static str,
            _value: &T,
        ) -> Result<(), $crate::error::EncodeError> {
            Err($error("a struct"))
        }
    };
    (@newtype_variant $error:path) => {
        fn serialize_newtype_variant<T: ::serde::Serialize + ?Sized>(
            self,
            _name: &'static str,
            _index: u32,
            _variant: &'static str,
            _value: &T,
        ) -> Result<(), $crate::error::EncodeError> {
            Err($error("an enum with data"))
        }
    };
    (@seq $error:path) => {
        type SerializeSeq = ::serde::ser::Impossible<(), $crate::error::EncodeError>;

        fn serialize_seq(self, _len: Option<usize>) -> Result<Self::SerializeSeq, $crate::error::EncodeError> {
            Err($error("a list"))
        }
    };
    (@tuple $error:path) => {
        type SerializeTuple = ::serde::ser::Impossible<(), $crate::error::EncodeError>;

        fn serialize_tuple(self, _len: usize) -> Result<Self::SerializeTuple, $crate::error::EncodeError> {
            Err($error("a tuple"))
        }
    };
    (@tuple_struct $error:path) => {
        type SerializeTupleStruct = ::serde::ser::Impossible<(), $crate::error::EncodeError>;

        fn serialize_tuple_struct(self, _name: &'static str, _len: usize) -> Result<Self::SerializeTupleStruct, $crate::error::EncodeError> {
            Err($error("a tuple"))
        }
    };
    (@tuple_variant $error:path) => {
        type SerializeTupleVariant = ::serde::ser::Impossible<(), $crate::error::EncodeError>;

        fn serialize_tuple_variant(self, _name: &'static str, _index: u32, _variant: &'static str, _len: usize) -> Result<Self::SerializeTupleVariant, $crate::error::EncodeError> {
            Err($error("an enum with data"))
        }
    };
    (@map $error:path) => {
        type SerializeMap = ::serde::ser::Impossible<(), $crate::error::EncodeError>;

        fn serialize_map(self, _len: Option<usize>) -> Result<Self::SerializeMap, $crate::error::EncodeError> {
            Err($error("a map"))
        }
    };
    (@struct $error:path) => {
        type SerializeStruct = ::serde::ser::Impossible<(), $crate::error::EncodeError>;

        fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Self::SerializeStruct, $crate::error::EncodeError> {
            Err($error("a struct"))
        }
    };
    (@struct_variant $error:path) => {
        type SerializeStructVariant = ::serde::ser::Impossible<(), $crate::error::EncodeError>;

        fn serialize_struct_variant(self, _name: &'static str, _index: u32, _variant: &'static str, _len: usize) -> Result<Self::SerializeStructVariant, $crate::error::EncodeError> {
            Err($error("an enum with data"))
        }
    };
}

pub(crate) use refuse;
