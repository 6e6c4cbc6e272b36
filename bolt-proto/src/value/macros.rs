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
