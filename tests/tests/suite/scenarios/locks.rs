//! Who waits for whose lock, and for how long.

use std::error::Error as StdError;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bolt_client::Access;
use bolt_client::runtime::BoxFuture;

use super::*;

/// A node, and how to get at it: over a line so long that an answer takes `round_trip`, and directly.
pub(in super::super) struct Lock {
    pub(in super::super) node: String,
    #[expect(dead_code, reason = "held for its destructor")]
    relay: Relay,
    /// For the one who holds the lock.
    pub(in super::super) far: Driver,
    /// For the one who waits for it.
    near: Driver,
    round_trip: Duration,
}

/// A query that takes the lock.
pub(in super::super) const TAKE: &str = "MATCH (n:Lock {run: $run}) SET n.by = 'first'";

impl Lock {
    pub(in super::super) async fn new(
        world: &World,
        round_trip: Duration,
    ) -> Result<Self, Box<dyn StdError + Send + Sync>> {
        let relay = world.relay()?;
        let far = world.driver_with(world.config_through(&relay)?)?;
        let near = world.driver()?;
        let node = world.unique_name();
        go!(near
            .execute_query("CREATE (:Lock {run: $run})")
            .param("run", &node))?;
        // A connection that is open already.
        go!(far.execute_query("RETURN 1"))?;
        relay.delay_answers(round_trip);
        Ok(Self {
            node,
            relay,
            far,
            near,
            round_trip,
        })
    }

    /// Starts somebody who wants the lock, and returns when they wait for it. What this returns is when they get it.
    pub(in super::super) async fn somebody_waits(
        &self,
        world: &World,
    ) -> Result<impl Future<Output = Result<Instant, Error>> + use<>, Error> {
        let (mut waiting, mut has_got_it) = self.somebody(world);
        let blocked = "SHOW TRANSACTIONS YIELD currentQuery, status \
            WHERE currentQuery CONTAINS $mark AND status STARTS WITH 'Blocked' RETURN status";
        let mark = format!("{} waits", self.node);
        for _ in 0..500 {
            if has_got_it.load(Ordering::SeqCst) {
                // The holder does not hold it yet.
                (waiting, has_got_it) = self.somebody(world);
            }
            let found = go!(self
                .near
                .execute_query(blocked)
                .param("mark", &mark)
                .routing(Access::Read))?;
            if !found.records.is_empty() {
                return Ok(waiting);
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("nobody waits for the lock");
    }

    /// Starts somebody who wants the lock. The flag is set once they have got it.
    fn somebody(&self, world: &World) -> (BoxFuture<'static, Result<Instant, Error>>, Arc<AtomicBool>) {
        let (near, node) = (self.near.clone(), self.node.clone());
        let got_it = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&got_it);
        let waiting = world.spawn(async move {
            let take = format!("/* {node} waits */ MATCH (n:Lock {{run: $run}}) SET n.by = 'second'");
            let outcome = go!(near.execute_query(take).param("run", &node));
            let got = Instant::now();
            flag.store(true, Ordering::SeqCst);
            outcome.map(|_| got)
        });
        (waiting, got_it)
    }

    /// Asserts that the lock changed hands within little more than a round trip.
    #[track_caller]
    pub(in super::super) fn assert_soon(&self, dropped: Instant, got: Instant) {
        // What the server needs to notice, with other tests beside this one.
        const SLACK: Duration = Duration::from_millis(400);
        let took = got.saturating_duration_since(dropped);
        println!(
            "the lock was free after {took:?}; a round trip takes {:?}",
            self.round_trip
        );
        assert!(took <= self.round_trip + SLACK, "the lock was held for {took:?}");
    }
}
