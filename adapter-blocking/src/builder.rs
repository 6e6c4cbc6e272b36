//! Builders that end in a call.

/// Wraps a builder of `bolt_client`: the same setters, and `call` where the original is awaited. The value that it returns can be
/// wrapped, too: `by Records::new`.
macro_rules! blocking_builder {
    (
        $(#[$doc:meta])*
        $name:ident $(<$life:lifetime>)? of $output:ty $(, by $wrap:path)? {
            $($(#[$method_doc:meta])* $method:ident $(<$arg_life:lifetime>)? ($($arg:ident: $type:ty),*);)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug)]
        #[must_use = "nothing happens before `call`"]
        pub struct $name $(<$life>)? (bolt_client::$name $(<$life>)?);

        impl $(<$life>)? $name $(<$life>)? {
            pub(crate) const fn new(inner: bolt_client::$name $(<$life>)?) -> Self {
                Self(inner)
            }

            $($(#[$method_doc])* pub fn $method $(<$arg_life>)? (self, $($arg: $type),*) -> Self {
                Self(self.0.$method($($arg),*))
            })*

            /// Runs it on this thread.
            ///
            /// # Errors
            /// See [`ErrorKind`](crate::ErrorKind).
            pub fn call(self) -> Result<$output, bolt_client::Error> {
                $crate::block_on::call(std::future::IntoFuture::into_future(self.0))$(.map($wrap))?
            }
        }
    };
}

pub(crate) use blocking_builder;
