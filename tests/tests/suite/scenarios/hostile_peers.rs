//! Hostile peers: the table in `tests::hostile`, with the expected outcomes.

use std::time::Instant;

use tests::hostile::{self, Case, DEADLINE, Expected, Use};

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios_alone![
        endless_keep_alives_end_at_the_deadline,
        wrong_answers_are_violations_and_do_not_mix_up_results,
        odd_content_is_refused_or_read,
    ]
}

async fn endless_keep_alives_end_at_the_deadline(adapter: Adapter) -> Outcome {
    hold(adapter, hostile::endless_keep_alives()).await
}

async fn wrong_answers_are_violations_and_do_not_mix_up_results(adapter: Adapter) -> Outcome {
    hold(adapter, hostile::wrong_answers()).await
}

async fn odd_content_is_refused_or_read(adapter: Adapter) -> Outcome {
    hold(adapter, hostile::odd_content()).await
}

/// Runs all cases and reports all failures.
async fn hold(adapter: Adapter, cases: Vec<Case>) -> Outcome {
    let mut wrong = Vec::new();
    for case in &cases {
        let peer = case.start()?;
        let config = Config::new(&peer.uri(), Auth::basic("neo4j", "password"))?;
        let driver = driver_with(adapter, once(config))?;
        let started = Instant::now();
        let outcome = used(&driver, case.used).await;
        let took = started.elapsed();
        let problem = match (&outcome, case.expected) {
            (Ok(1), Expected::OneRow) => None,
            (Err(error), Expected::Failure(kinds, says)) => {
                let fits = kinds.contains(&error.kind()) && error.to_string().contains(says);
                (!fits || forges(error)).then(|| format!("{:?}: {:?}", error.kind(), error.to_string()))
            }
            (outcome, _) => Some(format!("{outcome:?}")),
        };
        if let Some(problem) = problem {
            wrong.push(format!("{}: {problem}", case.name));
        }
        if took > case.within {
            wrong.push(format!("{}: it took {took:?}", case.name));
        }
        let counts = driver.pool_counts();
        if (counts.in_use, counts.waiting) != (0, 0) {
            wrong.push(format!("{}: afterwards the pool has {counts}", case.name));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(wrong.join("\n").into())
}

/// Returns how many rows each call has, if all have the same number.
async fn used(driver: &Driver, how: Use) -> Result<usize, Error> {
    match how {
        Use::Query => Ok(go!(driver.execute_query("RETURN 1 AS x").deadline(DEADLINE))?
            .records
            .len()),
        Use::Queries(calls, apart) => {
            let mut rows = 1;
            let mut failed = None;
            for _ in 0..calls {
                match go!(driver.execute_query("RETURN 1 AS x").deadline(2 * DEADLINE)) {
                    Ok(result) if result.records.len() == 1 => failed = None,
                    Ok(result) => rows = result.records.len(),
                    Err(error) => failed = Some(error),
                }
                sleep(apart).await;
            }
            failed.map_or(Ok(rows), Err)
        }
        Use::Pages(size) => {
            let mut session = driver.session().fetch_size(size).build();
            let result = go!(session.run("RETURN 1 AS x").deadline(DEADLINE))?;
            Ok(wait!(result.collect())?.len())
        }
    }
}

/// Whether the text of an error, in any form, could forge a log line or control a terminal.
fn forges(error: &Error) -> bool {
    let debug = format!("{error:?}");
    let text = format!("{error} {}", debug.replace('\n', " "));
    text.chars().any(|letter| {
        letter.is_control()
            || matches!(letter, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    })
}
