//! The calls of the asynchronous adapters, whose drivers are one type.

use adapter_tokio::{Access, Driver, Error, ManagedTransaction};
use benches::row::trees;
use benches::{Case, Sum, with_case};

use crate::measured::{Measured, Small, Way, driver_calls};

macro_rules! wait {
    ($future:expr) => {
        $future.await
    };
}

macro_rules! function {
    ($query:ident) => {
        async |mut tx: ManagedTransaction| tx.run($query).param("n", 1).single().await?.get::<i64>(0)
    };
}

driver_calls!([async] Driver, wait, wait, function);
