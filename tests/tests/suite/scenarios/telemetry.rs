//! Telemetry: which part of the API is reported to servers.

use bolt_client::ServerError;
use bolt_proto::state::Message;
use tests::scripted::{Script, Scripted};

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios_alone![
        a_server_that_asks_receives_telemetry_without_an_additional_round_trip,
        a_server_that_does_not_ask_receives_no_telemetry,
        disabled_telemetry_sends_nothing,
        a_version_without_telemetry_receives_none,
        telemetry_is_not_repeated_by_another_attempt,
        telemetry_that_was_not_received_is_sent_again,
    ]
}

/// One call of each kind.
async fn one_of_each(driver: &Driver) -> Outcome {
    let mut session = driver.session().build();
    go!(session.execute_read(work!(|tx| {
        go!(tx.run("ONE"))?;
        Ok(())
    })))?;
    let mut tx = go!(session.begin_transaction())?;
    go!(tx.run("TWO"))?;
    wait!(tx.commit())?;
    go!(session.run("THREE"))?;
    go!(driver.execute_query("FOUR").routing(Access::Read))?;
    Ok(())
}

fn codes(server: &Scripted) -> Vec<i64> {
    let requests = server.take_requests().into_iter();
    requests
        .filter(|request| request.message == Message::Telemetry)
        .filter_map(|request| request.number)
        .collect()
}

async fn a_server_that_asks_receives_telemetry_without_an_additional_round_trip(adapter: Adapter) -> Outcome {
    let mut costs = Vec::new();
    for script in [Script::new(), Script::new().asks_for_telemetry()] {
        let server = Scripted::start(script)?;
        let relay = Relay::to(server.address())?;
        let driver = driver_with(adapter, Config::new(&relay.uri(), Auth::none())?)?;
        wait!(driver.verify_connectivity())?;
        let before = relay.traffic();
        one_of_each(&driver).await?;
        let spent = relay.traffic() - before;
        costs.push((spent.flights, spent.bursts));
        let requests = server.take_request_texts();
        if costs.len() == 2 {
            assert_eq!(
                requests,
                [
                    "TELEMETRY 0",
                    "BEGIN",
                    "RUN ONE",
                    "PULL 1000",
                    "COMMIT",
                    "TELEMETRY 1",
                    "BEGIN",
                    "RUN TWO",
                    "PULL 1000",
                    "COMMIT",
                    "TELEMETRY 2",
                    "RUN THREE",
                    "PULL 1000",
                    "TELEMETRY 3",
                    "BEGIN",
                    "RUN FOUR",
                    "PULL -1",
                    "COMMIT",
                ]
            );
        }
    }
    assert_eq!(costs[0], costs[1]);
    Ok(())
}

async fn a_server_that_does_not_ask_receives_no_telemetry(adapter: Adapter) -> Outcome {
    let server = Scripted::start(Script::new())?;
    one_of_each(&driver_to(adapter, &server)?).await?;
    assert_eq!(codes(&server), Vec::<i64>::new());
    Ok(())
}

async fn disabled_telemetry_sends_nothing(adapter: Adapter) -> Outcome {
    let server = Scripted::start(Script::new().asks_for_telemetry())?;
    let config = Config::new(&server.uri(), Auth::none())?.telemetry(false);
    one_of_each(&driver_with(adapter, config)?).await?;
    assert_eq!(codes(&server), Vec::<i64>::new());
    Ok(())
}

async fn a_version_without_telemetry_receives_none(adapter: Adapter) -> Outcome {
    let server = Scripted::start(Script::new().version(5, 3).asks_for_telemetry())?;
    one_of_each(&driver_to(adapter, &server)?).await?;
    assert_eq!(codes(&server), Vec::<i64>::new());
    Ok(())
}

async fn telemetry_is_not_repeated_by_another_attempt(adapter: Adapter) -> Outcome {
    let server = Scripted::start(Script::new().asks_for_telemetry())?;
    let driver = driver_to(adapter, &server)?;
    let transient = ServerError::new("Neo.TransientError.Transaction.DeadlockDetected", "try again");
    server.fail_next(Message::Run, transient.clone());
    go!(driver.execute_query("ROWS 1"))?;
    assert_eq!(codes(&server), [3]);
    server.fail_next(Message::Run, transient.clone());
    let mut session = driver.session().build();
    go!(session.execute_write(work!(|tx| {
        go!(tx.run("ROWS 1"))?;
        Ok(())
    })))?;
    assert_eq!(codes(&server), [0]);
    server.fail_next(Message::Run, transient.with_diagnostic("_idempotent", true));
    go!(session.run("ROWS 1"))?;
    assert_eq!(codes(&server), [2]);
    Ok(())
}

async fn telemetry_that_was_not_received_is_sent_again(adapter: Adapter) -> Outcome {
    let server = Scripted::start(Script::new().asks_for_telemetry())?;
    let driver = driver_to(adapter, &server)?;
    server.close_at_next(Message::Telemetry);
    let mut session = driver.session().build();
    go!(session.execute_write(work!(|tx| {
        go!(tx.run("ROWS 1"))?;
        Ok(())
    })))?;
    assert_eq!(codes(&server), [0, 0]);
    Ok(())
}
