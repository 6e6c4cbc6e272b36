//! Setters that several builders have.

/// Parameters of a query. For builders with a field `query`.
macro_rules! query_setters {
    () => {
        /// Sets a parameter. It is encoded at once; should that fail, awaiting the query says so before anything is
        /// sent.
        pub fn param(mut self, name: impl AsRef<str>, value: impl bolt_proto::value::ToValue) -> Self {
            self.query = self.query.param(name, value);
            self
        }

        /// Sets a parameter for each field of a struct, or each entry of a map.
        pub fn params(mut self, parameters: &impl serde::Serialize) -> Self {
            self.query = self.query.params(parameters);
            self
        }
    };
}

/// Options of a transaction. For builders with a field `extra`.
macro_rules! transaction_setters {
    () => {
        /// After which time the *server* ends the transaction; zero means never. Default: the server's own setting.
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.extra = self.extra.timeout(timeout);
            self
        }

        /// Attaches a value to the transaction: it shows up in the server's query log and in `SHOW TRANSACTIONS`.
        pub fn metadata(mut self, name: impl AsRef<str>, value: impl bolt_proto::value::ToValue) -> Self {
            self.extra = self.extra.metadata(name, value);
            self
        }
    };
}

/// `Debug` of builders that shows nothing of their query, whose text may hold a password.
macro_rules! debug_without_query {
    ($($name:ident),*) => {$(
        impl std::fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}

pub(crate) use {debug_without_query, query_setters, transaction_setters};
