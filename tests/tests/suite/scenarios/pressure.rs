//! Slow readers, slow lines, and both: the cost of a page.

use std::time::Instant;

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        a_page_costs_the_time_of_its_reader_or_of_the_line_and_not_both,
        reading_a_whole_result_waits_for_the_line_about_once,
    ]
}

/// The delay of an answer.
const LINE: Duration = Duration::from_millis(20);

async fn a_page_costs_the_time_of_its_reader_or_of_the_line_and_not_both(world: World) -> Outcome {
    let (driver, _relay) = slow(&world).await?;
    let mut best = f64::INFINITY;
    // Other load on the machine costs time, too: the best of twelve runs shows the driver's own cost.
    for _ in 0..12 {
        let (own, whole) = read_slowly(&driver).await?;
        println!("{}: the reader took {own:?}, the whole {whole:?}", world.adapter);
        best = best.min(whole.as_secs_f64() / own.as_secs_f64());
        if best <= 1.3 {
            return Ok(());
        }
    }
    panic!("the whole took {best:.2} times what the reader took");
}

/// Reads pages, each in about the time that the line needs for one. Returns the reader's own time, and the total.
async fn read_slowly(driver: &Driver) -> Result<(Duration, Duration), Error> {
    const PAGE: i64 = 100;
    const ROWS: i64 = 25 * PAGE;
    let mut session = driver.session().fetch_size(PAGE.unsigned_abs()).build();
    let started = Instant::now();
    let query = "UNWIND range(1, $rows) AS x RETURN x";
    let mut rows = go!(session.run(query).param("rows", ROWS))?;
    let mut own = Duration::ZERO;
    let mut number = 0;
    while let Some(row) = wait!(rows.next_ref())? {
        number += 1;
        assert_eq!(row.get::<i64>("x")?, number);
        // Sleeps per twentieth of a page: shorter sleeps are not exact.
        if number % (PAGE / 20) == 0 {
            let before = Instant::now();
            pause!(LINE / 20);
            own += before.elapsed();
        }
    }
    assert_eq!(number, ROWS);
    Ok((own, started.elapsed()))
}

async fn reading_a_whole_result_waits_for_the_line_about_once(world: World) -> Outcome {
    let (driver, _relay) = slow(&world).await?;
    for pages in [10, 100] {
        let mut best = Duration::MAX;
        for attempt in 0..6 {
            let took = read_at_once(&driver, pages, attempt % 2 == 0).await?;
            println!("{}: {pages} pages took {took:?}", world.adapter);
            best = best.min(took);
        }
        assert!(best < LINE * 3, "{pages} pages took {best:?}");
    }
    Ok(())
}

/// Reads pages of ten rows together, as rows or as values. Returns the time.
async fn read_at_once(driver: &Driver, pages: i64, as_rows: bool) -> Result<Duration, Error> {
    let mut session = driver.session().fetch_size(10).build();
    let query = "UNWIND range(1, $rows) AS x RETURN x";
    let rows = go!(session.run(query).param("rows", pages * 10))?;
    let started = Instant::now();
    let count = if as_rows {
        wait!(rows.collect())?.len()
    } else {
        wait!(rows.collect_as::<i64>())?.len()
    };
    let took = started.elapsed();
    assert_eq!(i64::try_from(count), Ok(pages * 10));
    Ok(took)
}

/// A driver on a slow line, connected.
async fn slow(world: &World) -> Result<(Driver, Relay), Box<dyn std::error::Error + Send + Sync>> {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?)?;
    go!(driver.execute_query("RETURN 1").routing(Access::Read))?;
    relay.delay_answers(LINE);
    Ok((driver, relay))
}
