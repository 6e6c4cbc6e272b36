//! Builders that end in a call.

/// Wraps a builder of `bolt_client`: the same setters, and `call` where the original is awaited. The returned value can
/// be wrapped, too: `by Records::new`. Behind the builder stand the errors and the cancel safety of `call`.
macro_rules! blocking_builder {
    (
        $(#[$doc:meta])*
        $name:ident $(<$life:lifetime>)? of $output:ty $(, by $wrap:path)? {
            $($(#[$method_doc:meta])* $method:ident $(<$arg_life:lifetime>)? ($($arg:ident: $type:ty),*);)*
        }
        $(#[$call_doc:meta])*
        call
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

            /// Makes the call on this thread.
            ///
            $(#[$call_doc])*
            pub fn call(self) -> Result<$output, bolt_client::Error> {
                $crate::block_on::call(self.0)$(.map($wrap))?
            }
        }
    };
}

/// Waits on this thread for a future of [`Rows`](bolt_client::adapter::Rows).
macro_rules! waited {
    ($future:expr) => {
        $crate::block_on::call($future)
    };
}

/// Runs a query on this thread, and reads its rows.
macro_rules! run_and {
    ($run:expr, $method:ident()) => {
        $run.call()?.$method()
    };
}

/// Defines the methods of queries besides their setters: `cursor`, and methods that read the rows, too. They share one
/// text on cancel safety.
macro_rules! runs {
    ($name:ident, $cancel_safety:literal) => {
        impl $name<'_> {
            bolt_client::adapter::run_methods!([] $cancel_safety run_and);

            /// Runs the query for a [`Cursor`](crate::Cursor), which borrows nothing: other queries may run before all
            /// rows are read. Unread rows are then kept in memory; for a session's query up to 16 MiB.
            ///
            /// # Errors
            /// If the query fails. [`ErrorKind::Usage`](crate::ErrorKind::Usage) if the query owns its session, by
            /// [`into_records`](crate::Session::into_records).
            ///
            /// # Cancel safety
            #[doc = $cancel_safety]
            pub fn cursor(self) -> Result<crate::Cursor, bolt_client::Error> {
                $crate::block_on::call(self.0.cursor()).map(crate::Cursor::new)
            }
        }
    };
}

pub(crate) use {blocking_builder, run_and, runs, waited};
