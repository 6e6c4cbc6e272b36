//! How long locks of the server block other transactions.

use std::error::Error as StdError;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bolt_client::Access;
use bolt_client::runtime::BoxFuture;

use super::*;

/// A node, with access to it over a line on which an answer takes `round_trip`, and directly.
pub(in super::super) struct Lock {
    pub(in super::super) node: String,
    #[expect(dead_code, reason = "held for its destructor")]
    relay: Relay,
    /// For the holder of the lock.
    pub(in super::super) far: Driver,
    /// For the waiter.
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
        // Opens a connection in advance.
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

    /// Starts a waiter, and returns when it waits for the lock. The returned future resolves to the time at which it
    /// has the lock.
    pub(in super::super) async fn start_waiter(
        &self,
        world: &World,
    ) -> Result<impl Future<Output = Result<Instant, Error>> + use<>, Error> {
        let (mut waiting, mut has_lock) = self.request_lock(world);
        let blocked = "SHOW TRANSACTIONS YIELD currentQuery, status \
            WHERE currentQuery CONTAINS $mark AND status STARTS WITH 'Blocked' RETURN status";
        let mark = format!("{} waits", self.node);
        for _ in 0..500 {
            if has_lock.load(Ordering::SeqCst) {
                // The holder does not hold the lock yet.
                (waiting, has_lock) = self.request_lock(world);
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
        panic!("no transaction waits for the lock");
    }

    /// Starts a waiter. The flag is set once it has the lock.
    fn request_lock(&self, world: &World) -> (BoxFuture<'static, Result<Instant, Error>>, Arc<AtomicBool>) {
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
        // The time that the server needs to notice, with other tests running.
        const SLACK: Duration = Duration::from_millis(400);
        let took = got.saturating_duration_since(dropped);
        println!(
            "the lock was free after {took:?}; a round trip takes {:?}",
            self.round_trip
        );
        assert!(took <= self.round_trip + SLACK, "the lock was held for {took:?}");
    }
}
