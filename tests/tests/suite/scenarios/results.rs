//! All operations on results, and their behaviour after the end.

use bolt_client::ErrorKind;
use serde::Deserialize;

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        rows_are_taken_one_by_one_in_batches_and_all_at_once,
        rows_are_read_as_typed_values,
        a_row_that_does_not_convert_is_lost_and_later_ones_are_not,
        single_requires_exactly_one_row,
        a_column_is_collected,
        rows_are_collected_with_their_summary,
        after_the_end_there_is_only_the_summary,
        a_failure_is_reported_to_each_later_call,
    ]
}

const TWENTY: &str = "UNWIND range(1, 20) AS number RETURN number, 'number ' + toString(number) AS name";

#[derive(Debug, PartialEq, Deserialize)]
struct Numbered {
    number: i64,
    name: String,
}

fn numbered(number: i64) -> Numbered {
    let name = format!("number {number}");
    Numbered { number, name }
}

async fn rows_are_taken_one_by_one_in_batches_and_all_at_once(world: World) -> Outcome {
    let driver = world.driver()?;
    for page in [1, 3, 7, 1000] {
        let mut session = driver.session().fetch_size(page).build();
        let mut rows = go!(session.run(TWENTY))?;
        assert_eq!(rows.keys().iter().collect::<Vec<_>>(), ["number", "name"]);
        let number = |row: &Record| row.get::<i64>("number");
        for _ in 0..2 {
            let next = wait!(rows.peek())?.ok_or("a row")?;
            assert_eq!(number(next)?, 1);
        }
        assert_eq!(number(&wait!(rows.try_next())?.ok_or("a row")?)?, 1);
        let borrowed = wait!(rows.next_ref())?.ok_or("a row")?;
        assert_eq!(borrowed.get::<&str>("name")?, "number 2");
        // A peeked row can be borrowed, too.
        assert!(wait!(rows.peek())?.is_some());
        let borrowed = wait!(rows.next_ref())?.ok_or("a row")?;
        assert_eq!(borrowed.get::<i64>(0)?, 3);
        let handful = wait!(rows.fetch(4))?;
        let handful: Result<Vec<i64>, _> = handful.iter().map(number).collect();
        assert_eq!(handful?, [4, 5, 6, 7]);
        assert!(wait!(rows.fetch(0))?.is_empty());
        let rest = wait!(rows.collect())?;
        assert_eq!((number(&rest[0])?, rest.len()), (8, 13));
        // More than there are.
        let mut rows = go!(session.run(TWENTY))?;
        assert_eq!(wait!(rows.fetch(100))?.len(), 20);
        assert!(wait!(rows.fetch(100))?.is_empty());
    }
    assert_at_rest(&driver);
    Ok(())
}

async fn rows_are_read_as_typed_values(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut session = driver.session().fetch_size(4).build();
    let mut rows = go!(session.run(TWENTY))?;
    assert_eq!(wait!(rows.next_as::<Numbered>())?, Some(numbered(1)));
    let pair = wait!(rows.next_as::<(i64, String)>())?;
    assert_eq!(pair, Some((2, "number 2".to_owned())));
    let rest = wait!(rows.collect_as::<Numbered>())?;
    assert_eq!(rest, (3..=20).map(numbered).collect::<Vec<_>>());

    let all: Vec<Numbered> = go!(driver.execute_query(TWENTY))?.to()?;
    assert_eq!(all, (1..=20).map(numbered).collect::<Vec<_>>());
    let mut tx = go!(session.begin_transaction())?;
    let cursor = wait!(tx.run("UNWIND ['a', null] AS text RETURN text").cursor())?;
    let texts = wait!(cursor.collect_as::<Option<String>>(&mut tx))?;
    assert_eq!(texts, [Some("a".to_owned()), None]);
    wait!(tx.commit())?;
    Ok(())
}

async fn a_row_that_does_not_convert_is_lost_and_later_ones_are_not(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut session = driver.session().build();
    let mixed = "UNWIND [1, 'two', 3] AS number RETURN number";
    let mut rows = go!(session.run(mixed))?;
    assert_eq!(wait!(rows.next_as::<i64>())?, Some(1));
    let error = wait!(rows.next_as::<i64>()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conversion, "{error}");
    assert_says(&error, &["number", "integer", "string"]);
    assert_eq!(wait!(rows.next_as::<i64>())?, Some(3));
    assert_eq!(wait!(rows.next_as::<i64>())?, None);
    drop(rows);

    // Reading all rows stops there, and affects neither its transaction nor its session.
    let mut tx = go!(session.begin_transaction())?;
    let error = wait!(go!(tx.run(mixed))?.collect_as::<i64>()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conversion, "{error}");
    go!(tx.run("RETURN 1"))?;
    wait!(tx.commit())?;
    let error = wait!(go!(session.run(mixed))?.collect_column::<i64>()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conversion, "{error}");
    wait!(go!(session.run("RETURN 1"))?.consume())?;
    assert_at_rest(&driver);
    Ok(())
}

async fn single_requires_exactly_one_row(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut session = driver.session().fetch_size(1).build();
    for rows in 0..3_i64 {
        let query = bolt_client::query("UNWIND range(1, $rows) AS x RETURN x").param("rows", rows);
        let single = wait!(go!(session.run(&query))?.single());
        let optional = wait!(go!(session.run(&query))?.single_optional());
        let mut tx = go!(session.begin_transaction())?;
        let cursor = wait!(tx.run(&query).cursor())?;
        let by_cursor = wait!(cursor.single(&mut tx));
        wait!(tx.commit())?;
        match rows {
            0 => {
                assert_says(&single.unwrap_err(), &["one row", "none"]);
                assert_says(&by_cursor.unwrap_err(), &["one row", "none"]);
                assert!(optional?.is_none());
            }
            1 => {
                assert_eq!(single?.get::<i64>(0)?, 1);
                assert_eq!(by_cursor?.get::<i64>(0)?, 1);
                assert!(optional?.is_some());
            }
            _ => {
                for error in [single.unwrap_err(), by_cursor.unwrap_err(), optional.unwrap_err()] {
                    assert_eq!(error.kind(), ErrorKind::Conversion);
                    assert_says(&error, &["one row", "more"]);
                }
            }
        }
    }
    assert_at_rest(&driver);
    Ok(())
}

async fn a_column_is_collected(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut session = driver.session().fetch_size(3).build();
    let mut rows = go!(session.run(TWENTY))?;
    assert!(wait!(rows.peek())?.is_some());
    let numbers: Vec<i64> = wait!(rows.collect_column())?;
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
    let none: Vec<i64> = wait!(go!(session.run("UNWIND [] AS x RETURN x"))?.collect_column())?;
    assert!(none.is_empty());
    Ok(())
}

async fn rows_are_collected_with_their_summary(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut session = driver.session().fetch_size(3).build();
    let mut rows = go!(session.run(TWENTY))?;
    assert!(wait!(rows.try_next())?.is_some());
    let rest = wait!(rows.into_eager_result())?;
    assert_eq!(rest.to::<Numbered>()?, (2..=20).map(numbered).collect::<Vec<_>>());
    assert_eq!(rest.keys.iter().collect::<Vec<_>>(), ["number", "name"]);
    assert_eq!(rest.summary.query(), TWENTY);

    let cursor = wait!(session.run("UNWIND [] AS x RETURN x").cursor())?;
    let none = wait!(cursor.into_eager_result(&mut session))?;
    assert!(none.records.is_empty());
    assert_eq!(none.keys.iter().collect::<Vec<_>>(), ["x"]);
    Ok(())
}

async fn after_the_end_there_is_only_the_summary(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut session = driver.session().fetch_size(2).build();
    let mut tx = go!(session.begin_transaction())?;
    let mut rows = go!(tx.run("RETURN 1 AS one"))?;
    assert!(wait!(rows.try_next())?.is_some());
    for _ in 0..2 {
        assert!(wait!(rows.try_next())?.is_none());
        assert!(wait!(rows.peek())?.is_none());
        assert!(wait!(rows.fetch(2))?.is_empty());
        assert!(wait!(rows.next_as::<i64>())?.is_none());
    }
    assert_eq!(rows.keys().iter().collect::<Vec<_>>(), ["one"]);
    assert_eq!(wait!(rows.consume())?.query(), "RETURN 1 AS one");

    let mut cursor = wait!(tx.run("RETURN 1 AS one").cursor())?;
    assert!(wait!(cursor.try_next(&mut tx))?.is_some());
    for _ in 0..2 {
        assert!(wait!(cursor.try_next(&mut tx))?.is_none());
        assert!(wait!(cursor.next_ref(&mut tx))?.is_none());
        assert!(wait!(cursor.peek(&mut tx))?.is_none());
    }
    assert!(cursor.keys(&mut tx).is_some());
    assert_eq!(wait!(cursor.consume(&mut tx))?.query(), "RETURN 1 AS one");
    let mut cursor = wait!(tx.run("RETURN 1 AS one").cursor())?;
    wait!(cursor.try_next(&mut tx))?;
    assert!(wait!(cursor.collect(&mut tx))?.is_empty());
    wait!(tx.commit())?;
    Ok(())
}

async fn a_failure_is_reported_to_each_later_call(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut session = driver.session().fetch_size(2).build();
    let mut tx = go!(session.begin_transaction())?;
    let mut open = wait!(tx.run("UNWIND range(1, 10) AS x RETURN x").cursor())?;
    assert!(wait!(open.try_next(&mut tx))?.is_some());
    let failing = tx.queue("UNWIND [1, 0] AS x RETURN 1 / x AS y")?;
    let code = Some("Neo.ClientError.Statement.ArithmeticError");
    let failure = wait!(failing.collect(&mut tx)).unwrap_err();
    assert_eq!(failure.server().map(|error| error.code()), code);
    for _ in 0..2 {
        let later = go!(tx.run("RETURN 1")).map(drop).unwrap_err();
        assert_eq!(later.server().map(|error| error.code()), code);
        let later = tx.queue("RETURN 1").map(drop).unwrap_err();
        assert_eq!(later.server().map(|error| error.code()), code);
    }
    // Rows that had arrived before may still be read; after them the result has failed.
    let mut read = 1;
    let later = loop {
        match wait!(open.try_next(&mut tx)) {
            Ok(Some(_)) => read += 1,
            Ok(None) => panic!("a result that was cut off looks as if it had ended"),
            Err(error) => break error,
        }
    };
    assert!(read < 10);
    assert_eq!(later.server().map(|error| error.code()), code);
    let error = wait!(tx.commit()).unwrap_err();
    assert_eq!(error.server().map(|error| error.code()), code);
    wait!(go!(session.run("RETURN 1"))?.consume())?;
    assert_at_rest(&driver);
    Ok(())
}
