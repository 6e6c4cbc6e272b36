//! The driver's use of its runtime: few reads and writes, large ones.

use std::sync::Arc;

use adapter_async_std::runtime::AsyncStd;
use adapter_smol::runtime::Smol;
use adapter_tokio::runtime::Tokio;
use bolt_client::Access;
use bolt_client::runtime::Runtime;
use tests::counting::{Counting, Counts};

use super::scenarios::{World, scenarios};
use super::{Driver, Error, run};
use crate::scenario::{Adapter, Outcome, Run, Scenario};

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        a_warm_read_is_one_write_and_a_few_reads,
        a_large_result_is_read_with_a_large_buffer
    ]
}

async fn a_warm_read_is_one_write_and_a_few_reads(world: World) -> Outcome {
    let (driver, counts) = counted(&world)?;
    driver.execute_query("RETURN 1").routing(Access::Read).await?;
    let (reads, writes) = (counts.reads(), counts.writes());
    for _ in 0..10 {
        driver.execute_query("RETURN 1").routing(Access::Read).await?;
    }
    assert_eq!(counts.writes() - writes, 10);
    // Servers may send the answers to one write in several pieces.
    assert!(counts.reads() - reads <= 60, "{} reads", counts.reads() - reads);
    assert_eq!(counts.connects(), 1);
    Ok(())
}

async fn a_large_result_is_read_with_a_large_buffer(world: World) -> Outcome {
    let (driver, counts) = counted(&world)?;
    let query = "UNWIND range(1, 2000) AS x RETURN $text AS text";
    // TLS reads ciphertext into a buffer of its own, of two records.
    let large = if world.server.is_encrypted() {
        32 << 10
    } else {
        65 << 10
    };
    // The buffer grows while reads fill it, which a server on a busy machine does not do each time.
    for _ in 0..10 {
        driver
            .execute_query(query)
            .param("text", "x".repeat(4000))
            .routing(Access::Read)
            .await?;
        if counts.largest_read() >= large {
            break;
        }
    }
    assert!(counts.largest_read() >= large, "{}", counts.largest_read());
    assert!(counts.largest_read() <= 256 * 1024, "{}", counts.largest_read());
    Ok(())
}

/// A driver with a counting runtime.
fn counted(world: &World) -> Result<(Driver, Arc<Counts>), Error> {
    match world.adapter {
        Adapter::Tokio => with_runtime(world, Tokio::default()),
        Adapter::AsyncStd => with_runtime(world, AsyncStd::default()),
        Adapter::Smol => with_runtime(world, Smol::default()),
        Adapter::Blocking => unreachable!("the blocking adapter has its own module"),
    }
}

fn with_runtime(world: &World, runtime: impl Runtime) -> Result<(Driver, Arc<Counts>), Error> {
    let (runtime, counts) = Counting::new(runtime);
    Ok((Driver::with_runtime(Arc::new(runtime), world.config()?)?, counts))
}
