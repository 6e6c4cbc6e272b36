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
mod names;
mod peer;

/// Makes a test of each scenario for each adapter.
macro_rules! scenarios {
    ($($group:ident by $make:ident { $($name:ident,)* })*) => {
        mod tokio_ {
            $($(#[test] fn $name() {
                let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
                let make = crate::names::tokio::$make;
                runtime.unwrap().block_on(crate::asynchronous::$group::$name(make));
            })*)*
        }
        mod smol_ {
            $($(#[test] fn $name() {
                smol::block_on(crate::asynchronous::$group::$name(crate::names::smol::$make));
            })*)*
        }
        mod async_std_ {
            $($(#[test] fn $name() {
                async_std::task::block_on(crate::asynchronous::$group::$name(crate::names::async_std::$make));
            })*)*
        }
        mod blocking_ {
            $($(#[test] fn $name() {
                crate::blocking::at_once(crate::blocking::$group::$name(crate::names::blocking::$make));
            })*)*
        }
    };
}

scenarios! {
    scenarios by driver_with {
        a_provider_of_client_certificates_is_not_asked_before_a_connection_is_opened,
        a_server_that_knows_no_ranges_of_versions_is_offered_4_1_if_a_slot_is_left,
        a_server_of_another_product_than_the_required_one_is_refused_before_a_query_reaches_it,
        an_eager_transaction_function_runs_once_the_server_has_begun_the_transaction,
        an_eager_transaction_function_does_not_run_if_the_transaction_cannot_begin,
        the_status_of_a_result_that_is_consumed_counts_the_rows_that_had_been_requested,
        a_driver_that_is_closed_waits_for_the_answer_to_reset_before_it_says_goodbye,
        the_connection_to_a_server_that_breaks_its_promise_to_be_heard_from_is_closed_at_once,
        an_idle_connection_that_does_not_answer_the_liveness_check_is_given_up_after_the_promised_silence,
        a_transaction_whose_rows_have_all_arrived_is_rolled_back_without_reset,
        a_query_whose_columns_the_server_leaves_out_has_begun_once_it_is_accepted,
        a_query_in_pages_is_committed_after_the_last_one,
        a_summary_says_that_the_type_of_the_query_is_not_known,
        a_server_that_is_too_old_for_impersonation_is_an_error_with_the_name_of_the_user,
        a_login_that_is_verified_on_a_pooled_connection_fails_with_the_error_of_the_server,
    }
    servers by driver_with {
        a_commit_that_a_server_answers_while_it_shuts_down_is_unknown_and_not_repeated,
        a_transaction_of_a_server_that_shuts_down_before_its_commit_is_repeated,
        all_idle_connections_that_a_server_has_lost_are_found_before_a_new_one_is_opened,
        a_login_that_a_server_refuses_is_verified_as_wrong_and_harms_no_other,
    }
    servers by driver_with_names {
        an_address_that_accepts_no_connection_is_given_up_after_the_limit_for_that,
    }
    clusters by driver_with {
        a_writer_that_has_gone_is_replaced_within_the_same_call,
        a_router_that_is_slow_holds_a_call_up_no_longer_than_its_limit,
        a_login_is_verified_by_a_server_of_the_system_database,
        a_manager_is_asked_once_more_after_the_search_for_a_table,
    }
    clusters by driver_with_names {
        the_name_of_a_router_is_looked_up_once_although_its_first_address_fails,
    }
}
