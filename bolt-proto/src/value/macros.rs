//! Macros for values of mixed types.

/// Makes a [`Value`](crate::Value) that is a list, of anything that a `Value` can be made from.
///
/// ```
/// # use bolt_proto as bolt;
/// use bolt::{Value, list};
///
/// let mixed = list![1, "two", list![3.0], Value::Null];
/// assert_eq!(mixed.to_string(), r#"[1, "two", [3.0], null]"#);
/// ```
#[macro_export]
macro_rules! list {
    ($($item:expr),* $(,)?) => {
        $crate::Value::List($crate::__private::vec![$($crate::Value::from($item)),*])
    };
}

/// Makes a [`Map`](crate::types::Map), of anything that a [`Value`](crate::Value) can be made from. A name is a
/// literal, a variable, or an expression in parentheses. Of equal names the last wins.
///
/// ```
/// # use bolt_proto as bolt;
/// use bolt::{list, map};
///
/// let key = "born";
/// let ada = map! { "name": "Ada", key: 1815, "tags": list!["poet", 1] };
/// assert_eq!(ada.to_string(), r#"{name: "Ada", born: 1815, tags: ["poet", 1]}"#);
/// ```
#[macro_export]
macro_rules! map {
    ($($name:tt : $value:expr),* $(,)?) => {
        <$crate::types::Map as ::core::iter::FromIterator<($crate::__private::String, $crate::Value)>>::from_iter(
            [$(($name.into(), $crate::Value::from($value))),*],
        )
    };
}

/// Makes newtypes values: each is sent and read as what it contains.
///
/// A newtype that serde knows needs nothing: in structs that serde writes or reads it is what it contains, and elsewhere
/// [`Serde`](crate::Serde)`(id)` is. This macro makes it a parameter and a column by itself.
///
/// ```
/// # use bolt_proto as bolt;
/// use bolt::types::Uuid;
/// use bolt::{Value, query};
///
/// #[derive(Debug, PartialEq)]
/// struct UserId(Uuid);
/// #[derive(Debug, PartialEq)]
/// struct Email(String);
///
/// bolt::newtype!(UserId(Uuid), Email(String));
///
/// let query = query("MATCH (u:User {id: $id}) RETURN u.email")
///     .param("id", UserId(Uuid::from(7)))
///     .param("others", [Some(UserId(Uuid::from(8))), None]);
/// assert_eq!(query.check(), Ok(()));
/// assert_eq!(Value::from("ada@example.org").to::<Email>()?, Email("ada@example.org".into()));
/// # Ok::<(), bolt::ConversionError>(())
/// ```
#[macro_export]
macro_rules! newtype {
    ($($name:ident($contents:ty)),+ $(,)?) => {$(
        impl $crate::ToValue for $name {
            fn to_value(
                &self,
                out: $crate::types::Encoder<'_>,
            ) -> ::core::result::Result<(), $crate::EncodeError> {
                $crate::ToValue::to_value(&self.0, out)
            }
        }

        impl<'value> $crate::FromValue<'value> for $name {
            fn from_value(
                value: $crate::types::ValueRef<'value>,
            ) -> ::core::result::Result<Self, $crate::ConversionError> {
                <$contents as $crate::FromValue<'value>>::from_value(value).map(Self)
            }

            fn read(
                reader: &mut $crate::packstream::Reader<'value>,
            ) -> ::core::result::Result<Self, $crate::ConversionError> {
                <$contents as $crate::FromValue<'value>>::read(reader).map(Self)
            }

            fn from_tree(
                value: &$crate::Value,
            ) -> ::core::option::Option<::core::result::Result<Self, $crate::ConversionError>> {
                <$contents as $crate::FromValue<'value>>::from_tree(value).map(|read| read.map(Self))
            }
        }
    )+};
}
