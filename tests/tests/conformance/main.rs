//! What TestKit, the conformance suite of Neo4j's own drivers, has found in this driver: a scenario for each, on every
//! adapter.
//!
//! Each peer is a script over the server half of `bolt-proto`. The suite itself runs by `tests/testkit-backend`.

#![expect(
    clippy::duplicate_mod,
    reason = "the scenarios are compiled for futures and for blocking calls"
)]

mod asynchronous;
mod blocking;
mod peer;

/// Makes a test of each scenario for each adapter.
macro_rules! scenarios {
    ($($name:ident,)*) => {
        mod tokio_ {
            $(#[test] fn $name() {
                let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
                runtime.unwrap().block_on(crate::asynchronous::scenarios::$name(adapter_tokio::driver_with));
            })*
        }
        mod smol_ {
            $(#[test] fn $name() {
                smol::block_on(crate::asynchronous::scenarios::$name(adapter_smol::driver_with));
            })*
        }
        mod async_std_ {
            $(#[test] fn $name() {
                async_std::task::block_on(crate::asynchronous::scenarios::$name(adapter_async_std::driver_with));
            })*
        }
        mod blocking_ {
            $(#[test] fn $name() {
                crate::blocking::at_once(crate::blocking::scenarios::$name(adapter_blocking::driver_with));
            })*
        }
    };
}

scenarios! {
    a_provider_of_client_certificates_is_not_asked_before_a_connection_is_opened,
    a_server_that_knows_no_ranges_of_versions_is_offered_4_1_if_a_slot_is_left,
    a_server_of_another_product_than_the_required_one_is_refused_before_a_query_reaches_it,
    an_eager_transaction_function_runs_once_the_server_has_begun_the_transaction,
    an_eager_transaction_function_does_not_run_if_the_transaction_cannot_begin,
}
