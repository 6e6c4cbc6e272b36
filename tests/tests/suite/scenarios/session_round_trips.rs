//! How often sessions and transactions wait for the network, counted at the socket.

use bolt_client::Access;
use tests::relay::Traffic;

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        an_auto_commit_query_is_one_flight,
        a_long_result_is_at_most_one_flight_per_page,
        a_transaction_begins_with_its_first_query,
        transactions_in_a_row_need_no_reset_between_them,
        a_rollback_before_anything_was_sent_sends_nothing,
        a_commit_without_a_query_is_one_flight,
        an_eager_transaction_costs_one_more_flight,
        unread_rows_in_a_transaction_cost_no_additional_flight,
    ]
}

const ONE: Cost = Cost {
    flights: 1,
    bursts: 1,
};

async fn an_auto_commit_query_is_one_flight(world: World) -> Outcome {
    let mut meter = Meter::new(&world).await?;
    let run = world.unique_name();
    for access in [Access::Read, Access::Write] {
        let mut session = meter.driver.session().default_access_mode(access).build();
        for _ in 0..5 {
            meter.start();
            let rows = go!(session.run("UNWIND range(1, 500) AS x RETURN x"))?;
            meter.assert_cost("run", ONE);
            assert_eq!(wait!(rows.collect())?.len(), 500);
            meter.assert_cost("run and collect", ONE);
        }
    }
    let mut session = meter.driver.session().build();
    meter.start();
    let rows = go!(session.run("CREATE (:Scenario {run: $run})").param("run", &run))?;
    wait!(rows.consume())?;
    meter.assert_cost("a write without columns", ONE);
    Ok(())
}

async fn a_long_result_is_at_most_one_flight_per_page(world: World) -> Outcome {
    let mut meter = Meter::new(&world).await?;
    let mut session = meter.driver.session().fetch_size(100).build();
    meter.start();
    let mut rows = go!(session.run("UNWIND range(1, 1000) AS x RETURN x"))?;
    let mut count = 0;
    while wait!(rows.next_ref())?.is_some() {
        count += 1;
    }
    assert_eq!(count, 1000);
    let pages = meter.spent();
    assert!(pages.flights >= 2 && pages.flights <= 11, "{pages:?}");
    drop(rows);

    // The remaining rows are requested at once.
    meter.start();
    let mut rows = go!(session.run("UNWIND range(1, 1000) AS x RETURN x"))?;
    assert!(wait!(rows.try_next())?.is_some());
    assert_eq!(wait!(rows.collect())?.len(), 999);
    let spent = meter.spent();
    assert!(spent.flights <= 3, "{spent:?}");
    Ok(())
}

async fn a_transaction_begins_with_its_first_query(world: World) -> Outcome {
    let mut meter = Meter::new(&world).await?;
    let run = world.unique_name();
    let mut session = meter.driver.session().build();
    for _ in 0..5 {
        meter.start();
        let mut tx = go!(session.begin_transaction())?;
        meter.assert_cost("begin", Cost::default());
        let rows = go!(tx.run("UNWIND range(1, 100) AS x RETURN x"))?;
        assert_eq!(wait!(rows.collect())?.len(), 100);
        meter.assert_cost("begin and the first query", ONE);
        meter.start();
        go!(tx.run("CREATE (:Scenario {run: $run})").param("run", &run))?;
        meter.assert_cost("a write without columns", ONE);
        meter.start();
        wait!(tx.commit())?;
        meter.assert_cost("commit", ONE);
    }
    Ok(())
}

/// A RESET would show as additional bytes.
async fn transactions_in_a_row_need_no_reset_between_them(world: World) -> Outcome {
    let mut meter = Meter::new(&world).await?;
    let mut session = meter.driver.session().build();
    let mut sent = Vec::new();
    for round in 0..8 {
        meter.start();
        let mut tx = go!(session.begin_transaction())?;
        wait!(go!(tx.run("RETURN 1 AS one"))?.consume())?;
        if round % 2 == 0 {
            wait!(tx.commit())?;
        } else {
            wait!(tx.rollback())?;
        }
        sent.push(meter.traffic().sent);
        meter.assert_cost(
            "a transaction",
            Cost {
                flights: 2,
                bursts: 2,
            },
        );
    }
    assert_no_reset(&sent);

    // The same for auto-commit queries.
    let mut sent = Vec::new();
    for _ in 0..4 {
        meter.start();
        wait!(go!(session.run("RETURN 1 AS one"))?.consume())?;
        sent.push(meter.traffic().sent);
    }
    assert_no_reset(&sent);
    Ok(())
}

/// Asserts that no cost includes a RESET (six bytes) more than another. The first one has no bookmark, and the
/// bookmarks of the others may grow a little each time.
#[track_caller]
fn assert_no_reset(sent: &[u64]) {
    let later = sent.get(1..).unwrap_or_default();
    let (least, most) = (later.iter().min(), later.iter().max());
    assert!(
        least.zip(most).is_some_and(|(least, most)| most - least < 6),
        "{sent:?}"
    );
}

async fn a_rollback_before_anything_was_sent_sends_nothing(world: World) -> Outcome {
    let mut meter = Meter::new(&world).await?;
    let mut session = meter.driver.session().build();
    meter.start();
    for _ in 0..3 {
        let tx = go!(session.begin_transaction())?;
        wait!(tx.rollback())?;
        drop(go!(session.begin_transaction())?);
    }
    assert_eq!(meter.traffic(), Traffic::default());
    Ok(())
}

async fn a_commit_without_a_query_is_one_flight(world: World) -> Outcome {
    let mut meter = Meter::new(&world).await?;
    let mut session = meter.driver.session().build();
    meter.start();
    let tx = go!(session.begin_transaction())?;
    wait!(tx.commit())?;
    meter.assert_cost("an empty transaction", ONE);
    Ok(())
}

async fn an_eager_transaction_costs_one_more_flight(world: World) -> Outcome {
    let mut meter = Meter::new(&world).await?;
    let mut session = meter.driver.session().build();
    meter.start();
    let mut tx = go!(session.begin_transaction().eager(true))?;
    meter.assert_cost("begin", ONE);
    wait!(go!(tx.run("RETURN 1"))?.consume())?;
    wait!(tx.commit())?;
    meter.assert_cost(
        "the whole transaction",
        Cost {
            flights: 3,
            bursts: 3,
        },
    );
    Ok(())
}

async fn unread_rows_in_a_transaction_cost_no_additional_flight(world: World) -> Outcome {
    let mut meter = Meter::new(&world).await?;
    let mut session = meter.driver.session().fetch_size(100).build();
    let mut tx = go!(session.begin_transaction())?;
    let mut rows = go!(tx.run("UNWIND range(1, 1000) AS x RETURN x"))?;
    // So few that the second page is not requested yet.
    for _ in 0..5 {
        assert!(wait!(rows.try_next())?.is_some());
    }
    drop(rows);
    meter.start();
    // The end of the page may have to be awaited before the rest can be discarded, together with the next query.
    wait!(go!(tx.run("RETURN 1"))?.consume())?;
    let spent = meter.spent();
    assert!(spent.flights <= 2, "{spent:?}");
    wait!(tx.commit())?;
    assert_at_rest(&meter.driver);
    Ok(())
}

/// A driver with one idle connection, and its traffic.
struct Meter {
    driver: Driver,
    relay: Relay,
    started: Traffic,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Cost {
    flights: u64,
    bursts: u64,
}

impl Meter {
    async fn new(world: &World) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let relay = world.relay()?;
        let driver = world.driver_with(world.config_through(&relay)?)?;
        go!(driver.execute_query("RETURN 1").routing(Access::Read))?;
        let started = relay.traffic();
        Ok(Self {
            driver,
            relay,
            started,
        })
    }

    /// Starts counting.
    fn start(&mut self) {
        self.started = self.relay.traffic();
    }

    fn traffic(&self) -> Traffic {
        self.relay.traffic() - self.started
    }

    fn spent(&self) -> Cost {
        let Traffic { flights, bursts, .. } = self.traffic();
        Cost { flights, bursts }
    }

    #[track_caller]
    fn assert_cost(&self, what: &str, cost: Cost) {
        let traffic = self.traffic();
        assert_eq!(
            (self.spent(), traffic.connections),
            (cost, 0),
            "{what}: {traffic:?}"
        );
    }
}
