//! What the compiler answers to programs that new users write: they compile, or a line of the message helps.
//!
//! The lines are those of the driver's own `#[diagnostic::on_unimplemented]`, and a few of rustc that tell the remedy.

use std::fmt::Write as _;
use std::fs;

use super::{cargo_check, dependencies, folder, root, write_crate};

/// A program for adapter-tokio, and parts of the message that it gets. Without parts it compiles.
struct Program {
    name: &'static str,
    code: &'static str,
    says: &'static [&'static str],
}

const PROGRAMS: &[Program] = &[
    Program {
        name: "a_query_is_spawned",
        code: "async fn f(driver: Driver) { let _result = tokio::spawn(driver.execute_query(\"RETURN 1\")).await; }",
        says: &[],
    },
    Program {
        name: "an_async_closure_borrows",
        code: "async fn f(session: &mut Session, name: String) -> Result<(), Error> {
            let create = async |mut tx: ManagedTransaction| {
                tx.run(\"CREATE ({name: $name})\").param(\"name\", &name).consume().await
            };
            session.execute_write(create).await?;
            Ok(())
        }",
        says: &[],
    },
    Program {
        name: "an_async_closure_without_a_type",
        code: "async fn f(session: &mut Session) -> Result<(), Error> {
            session.execute_write(async |mut tx| tx.run(\"CREATE ()\").consume().await).await?;
            Ok(())
        }",
        says: &[],
    },
    Program {
        name: "an_own_error_type",
        code: "struct Own;
        impl From<Error> for Own { fn from(_: Error) -> Self { Self } }
        async fn work(_: ManagedTransaction) -> Result<(), Own> { Err(Own) }
        async fn f(session: &mut Session) -> Result<(), Own> { session.try_execute_write(work).await }",
        says: &[],
    },
    Program {
        name: "an_own_error_type_in_execute_write",
        code: "struct Own;
        impl From<Error> for Own { fn from(_: Error) -> Self { Self } }
        async fn work(_: ManagedTransaction) -> Result<(), Own> { Err(Own) }
        async fn f(session: &mut Session) -> Result<(), Own> { Ok(session.execute_write(work).await?) }",
        says: &["E0271", "expected `Result<(), Error>`, found `Result<(), Own>`"],
    },
    Program {
        name: "an_own_error_type_without_from",
        code: "struct Own;
        async fn work(_: ManagedTransaction) -> Result<(), Own> { Err(Own) }
        async fn f(session: &mut Session) -> Result<(), Own> { session.try_execute_write(work).await }",
        says: &["`Own: From<", "required by a bound in `Session::try_execute_write`"],
    },
    Program {
        name: "a_forgotten_await",
        code: "async fn f(driver: Driver) -> Result<usize, Error> {
            Ok(driver.execute_query(\"RETURN 1\")?.records.len())
        }",
        says: &["consider `await`ing on the `Future`"],
    },
    Program {
        name: "a_forgotten_await_in_a_session",
        code: "async fn f(session: &mut Session) -> Result<(), Error> {
            let mut rows = session.run(\"RETURN 1\")?;
            rows.try_next().await.map(drop)
        }",
        says: &["consider `await`ing on the `Future`"],
    },
    Program {
        name: "a_query_that_never_runs",
        code: "#![deny(unused_must_use)]
        fn f(session: &mut Session) { session.run(\"CREATE ()\"); }",
        says: &["a query runs when it is awaited"],
    },
    Program {
        name: "a_driver_by_new",
        code: "fn f() -> Result<Driver, Error> { Driver::new(\"bolt://localhost\", bolt::Auth::none()) }",
        says: &["E0599"],
    },
    Program {
        name: "an_async_move_closure_with_captures",
        code: "async fn f(session: &mut Session, name: String) -> Result<(), Error> {
            let create = async move |mut tx: ManagedTransaction| {
                tx.run(\"CREATE ({name: $name})\").param(\"name\", &name).consume().await
            };
            session.execute_write(create).await.map(drop)
        }",
        says: &["does not implement `FnMut` because it captures state from its environment"],
    },
    Program {
        name: "an_async_move_block_with_captures",
        code: "async fn f(session: &mut Session, name: String) -> Result<(), Error> {
            session
                .execute_write(|mut tx| async move {
                    tx.run(\"CREATE ({name: $name})\").param(\"name\", name).consume().await
                })
                .await
                .map(drop)
        }",
        says: &["E0507", "consider cloning the value before moving it into the closure"],
    },
    Program {
        name: "a_struct_as_a_parameter",
        code: "struct Person;
        fn f(driver: &Driver) { let _ = driver.execute_query(\"RETURN $p\").param(\"p\", Person); }",
        says: &["`Person` cannot be sent as a value", "is sent as `Serde(&value)`"],
    },
    Program {
        name: "a_struct_from_a_column",
        code: "struct Person;
        fn f(row: &Record) -> Result<Person, Error> { row.get(\"p\") }",
        says: &["a value cannot be read as a `Person`", "is read from one column as `Serde<T>`"],
    },
    Program {
        name: "a_column_by_another_integer",
        code: "fn f(row: &Record) -> Result<bool, Error> { row.get(0_i32) }",
        says: &["`i32` does not name a column", "by its index as a `usize`"],
    },
    Program {
        name: "an_optional_string_as_a_name",
        code: "fn f(driver: &Driver, name: Option<String>) { let _ = driver.session().database(name).build(); }",
        says: &["is not a name", "consider borrowing here"],
    },
    Program {
        name: "a_driver_as_a_query_runner",
        code: "async fn work(on: &mut impl QueryRunner) -> Result<(), Error> { on.run_query(\"RETURN 1\").await.map(drop) }
        async fn f(mut driver: Driver) -> Result<(), Error> { work(&mut driver).await }",
        says: &["`Driver` does not run single queries", "a driver makes sessions: `driver.session().build()`"],
    },
    Program {
        name: "a_cursor_of_a_driver",
        code: "async fn f(mut driver: Driver, mut cursor: bolt::Cursor) -> Result<(), Error> {
            cursor.try_next(&mut driver).await.map(drop)
        }",
        says: &["`Driver` has no cursors", "take what its query ran on"],
    },
];

#[test]
fn the_compiler_accepts_what_new_users_write_or_says_what_helps() {
    let folder = folder("messages");
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let programs = PROGRAMS
        .iter()
        .map(|program| (program.name, with_imports(program.code)));
    write_crate(&folder, "tokio", &dependencies(&readme)["tokio"], programs);
    let checked = cargo_check(&folder);
    let mut wrong = checked.errors.get("").cloned().unwrap_or_default();
    for Program { name, says, .. } in PROGRAMS {
        let errors = checked.errors.get(*name).map_or("", String::as_str);
        if says.is_empty() && !checked.compiled.contains(*name) {
            writeln!(wrong, "{name} does not compile:\n{errors}").unwrap();
        }
        for part in says.iter().filter(|part| !errors.contains(**part)) {
            writeln!(
                wrong,
                "the message for {name} does not contain {part:?}:\n{errors}"
            )
            .unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}{}", checked.stderr);
}

/// The whole program. Attributes stay in front.
fn with_imports(code: &str) -> String {
    let (attributes, items) = match code.split_once('\n') {
        Some((first, rest)) if first.starts_with("#![") => (first, rest),
        _ => ("", code),
    };
    format!(
        "{attributes}\n#![allow(dead_code, unused_imports)]\n\
         use bolt::{{Driver, Error, ManagedTransaction, QueryRunner, Record, Session}};\n{items}\nfn main() {{}}\n"
    )
}
