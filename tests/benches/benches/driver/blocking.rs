//! The calls of adapter-blocking.

use adapter_blocking::{Access, Driver, Error, ManagedTransaction};
use benches::row::trees;
use benches::{Case, Sum, with_case};

use crate::measured::{Measured, Small, Way, driver_calls};

macro_rules! wait {
    ($value:expr) => {
        $value
    };
}

macro_rules! begin {
    ($builder:expr) => {
        $builder.call()
    };
}

macro_rules! function {
    ($query:ident) => {
        |tx: &mut ManagedTransaction| tx.run($query).param("n", 1).single()?.get::<i64>(0)
    };
}

driver_calls!([] Driver, wait, begin, function);
