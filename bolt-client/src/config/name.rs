//! Names that an option takes, or none.

use std::sync::Arc;

/// A name, or none, for options that take the name of a database or of a user.
///
/// It is a `&str`, a `String`, an `Option<&str>`, or `None`. Both `None` and an `Option<String>` cannot work, since the
/// compiler would have to guess the type of `None`. So an `Option<String>` is passed by reference, or as
/// `name.as_deref()`.
///
/// ```
/// # use bolt_client as bolt;
/// use bolt::{Auth, Config};
///
/// let config = Config::new("bolt://localhost", Auth::none())?;
/// let config = config.database("films").database(String::from("films")).database(None);
///
/// let name: Option<String> = std::env::args().nth(1);
/// let config = config.database(name.as_deref()).database(&name);
/// # Ok::<(), bolt::Error>(())
/// ```
///
/// The trait is sealed: it has no other implementations, so that an option may take more types in a later version.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a name",
    label = "not a name",
    note = "a name is a `&str`, a `String`, an `Option<&str>` or `None`; of an `Option<String>`, pass `name.as_deref()`"
)]
pub trait OptionalName: sealed::Sealed {
    #[doc(hidden)]
    fn into_name(self) -> Option<Arc<str>>;
}

mod sealed {
    #[expect(unnameable_types, reason = "a sealed trait has a supertrait without a path")]
    pub trait Sealed {}
}

macro_rules! optional_name {
    ($($type:ty: $name:ident => $value:expr;)*) => {$(
        impl sealed::Sealed for $type {}

        impl OptionalName for $type {
            fn into_name(self) -> Option<Arc<str>> {
                let $name = self;
                $value
            }
        }
    )*};
}

optional_name! {
    &str: name => Some(name.into());
    String: name => Some(name.into());
    &String: name => Some(name.as_str().into());
    Arc<str>: name => Some(name);
    Option<&str>: name => name.map(Into::into);
    &Option<String>: name => name.as_deref().map(Into::into);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_name_is_accepted_and_none_is_none() {
        fn name(name: impl OptionalName) -> Option<Arc<str>> {
            name.into_name()
        }
        let owned = String::from("films");
        for films in [
            name("films"),
            name(&owned),
            name(owned.clone()),
            name(Arc::<str>::from("films")),
            name(Some("films")),
            name(&Some(owned)),
        ] {
            assert_eq!(films.as_deref(), Some("films"));
        }
        assert_eq!(name(None), None);
        assert_eq!(name(&None), None);
    }
}
