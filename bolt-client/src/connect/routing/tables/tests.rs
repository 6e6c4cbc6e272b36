//! Tables that arrive, lose addresses and expire in any order: the decider answers as a naive model does.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use crate::connect::routing::table::tests::sent;

use super::*;

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn name(text: &str) -> Arc<str> {
    text.into()
}

/// Keeps a table under the name that the server reports.
fn keep(tables: &mut Tables, requested: &str, reported: &str, servers: [&str; 3], ttl: u64, now: Instant) {
    let [routers, readers, writers] = servers;
    let mut sent = sent(routers, readers, writers, ttl);
    sent.database = Some(reported.to_owned());
    let requested = (!requested.is_empty()).then(|| name(requested));
    let table = Table::read(&sent, requested.as_ref(), now).unwrap();
    tables.update(requested.as_ref(), table, now);
}

const ALL: [&str; 3] = ["a", "a", "a"];

#[test]
fn a_table_is_found_by_the_name_that_the_server_reports_and_by_the_name_that_was_requested() {
    let mut tables = Tables::default();
    let now = Instant::now();
    keep(&mut tables, "alias", "real", ALL, 9, now);
    keep(&mut tables, "", "home", ALL, 9, now);
    let found = |tables: &Tables, name| {
        let table = tables.fresh(name, Access::Read, now);
        table.map(|table| table.database().unwrap().to_string())
    };
    assert_eq!(found(&tables, Some("alias")).as_deref(), Some("real"));
    assert_eq!(found(&tables, Some("real")).as_deref(), Some("real"));
    assert_eq!(found(&tables, Some("home")).as_deref(), Some("home"));
    assert_eq!(
        found(&tables, None),
        None,
        "the home database depends on the user"
    );
    keep(&mut tables, "alias", "other", ALL, 9, now);
    assert_eq!(found(&tables, Some("alias")).as_deref(), Some("other"));
    keep(&mut tables, "alias", "alias", ALL, 9, now);
    assert_eq!(found(&tables, Some("alias")).as_deref(), Some("alias"));
}

#[test]
fn an_expired_table_is_dropped_after_thirty_seconds_more_when_another_arrives() {
    let mut tables = Tables::default();
    let start = Instant::now();
    keep(&mut tables, "alias", "old", ["a", "b", "c"], 10, start);
    let after = |seconds| start + Duration::from_secs(seconds);
    keep(&mut tables, "", "x", ["a", "a", "a"], 10, after(40));
    assert!(tables.get(Some("old")).is_some());
    keep(&mut tables, "", "x", ["a", "a", "a"], 10, after(41));
    assert!(tables.get(Some("old")).is_none() && tables.get(Some("alias")).is_none());
    let listed = |host| tables.lists(&address(host));
    assert!(listed("a") && !listed("b") && !listed("c"));
}

#[test]
fn an_address_is_listed_as_long_as_any_table_names_it() {
    let mut tables = Tables::default();
    let now = Instant::now();
    keep(&mut tables, "", "x", ["a", "b", "c"], 9, now);
    keep(&mut tables, "", "y", ["a", "b", "c"], 9, now);
    keep(&mut tables, "", "x", ["a", "a", "a"], 9, now);
    assert!(tables.lists(&address("c")), "the other table names it");
    tables.remove_writer(Some("y"), &address("c"));
    assert!(!tables.lists(&address("c")) && tables.lists(&address("b")));
    tables.deactivate(&address("b"));
    assert!(!tables.lists(&address("b")));
    keep(&mut tables, "", "z", ["b", "b", "b"], 9, now);
    assert!(tables.lists(&address("b")), "it is back");
}

#[test]
fn a_removed_writer_stays_in_the_tables_of_other_databases() {
    let mut tables = Tables::default();
    let now = Instant::now();
    keep(&mut tables, "alias", "x", ALL, 9, now);
    keep(&mut tables, "", "y", ALL, 9, now);
    tables.remove_writer(Some("alias"), &address("a"));
    let fresh = |database, access| tables.fresh(Some(database), access, now).is_some();
    assert!(!fresh("x", Access::Write) && fresh("x", Access::Read) && fresh("y", Access::Write));
}

#[test]
fn tables_and_aliases_are_bounded() {
    let mut tables = Tables::with_room_for(100);
    let now = Instant::now();
    for n in 0..1000 {
        keep(&mut tables, "", &format!("db{n}"), ALL, n % 50, now);
    }
    assert_eq!((tables.tables.len(), tables.due.len()), (100, 100));
    for n in 0..30_000 {
        keep(&mut tables, &format!("alias{n}"), "real", ALL, 9, now);
    }
    assert!(tables.aliases.len() <= MAX_ALIASES);
    assert!(tables.tables[&name("real")].aliases.len() <= MAX_ALIASES);
    let endless = u64::MAX / 2;
    for n in 0..1000 {
        keep(&mut tables, "", &format!("db{n}"), ALL, endless, now);
    }
    assert_eq!((tables.tables.len(), tables.listed.len()), (100, 1));
}

/// What happens.
#[derive(Debug, Clone)]
enum Step {
    TimePasses(u64),
    Arrives {
        requested: u8,
        reported: u8,
        servers: [Vec<u8>; 3],
        ttl: u64,
    },
    Deactivate(u8),
    RemoveWriter(u8, u8),
}

fn step() -> impl Strategy<Value = Step> {
    let servers = || prop::collection::vec(0_u8..6, 0..5);
    prop_oneof![
        3 => (0_u64..30).prop_map(Step::TimePasses),
        6 => (0_u8..5, 0_u8..5, [servers(), servers(), servers()], 0_u64..40).prop_map(
            |(requested, reported, servers, ttl)| Step::Arrives { requested, reported, servers, ttl }
        ),
        3 => (0_u8..6).prop_map(Step::Deactivate),
        3 => (0_u8..5, 0_u8..6).prop_map(|(database, server)| Step::RemoveWriter(database, server)),
    ]
}

/// The database of this number; the first has no name.
fn database(number: u8) -> Option<String> {
    (number > 0).then(|| format!("db{number}"))
}

fn server(number: u8) -> String {
    format!("s{number}:1")
}

/// The same, with lists that are searched.
#[derive(Debug, Default)]
struct Model {
    tables: Vec<Naive>,
    aliases: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
struct Naive {
    name: String,
    roles: [Vec<String>; 3],
    received: u64,
    ttl: u64,
}

impl Model {
    fn all(&self) -> BTreeSet<String> {
        let tables = self.tables.iter();
        tables.flat_map(|table| table.roles.concat()).collect()
    }

    fn resolve(&self, name: &str) -> String {
        let alias = self.aliases.iter().find(|(alias, _)| alias == name);
        alias.map_or(name, |(_, of)| of).to_owned()
    }

    fn arrives(&mut self, requested: Option<&str>, table: Naive) {
        let now = table.received;
        let dropped: Vec<_> = self
            .tables
            .iter()
            .filter(|table| table.received + table.ttl + 30 < now)
            .map(|table| table.name.clone())
            .collect();
        self.tables.retain(|table| !dropped.contains(&table.name));
        self.aliases.retain(|(_, of)| !dropped.contains(of));
        self.tables.retain(|known| known.name != table.name);
        self.aliases.retain(|(alias, _)| *alias != table.name);
        if let Some(requested) = requested {
            self.aliases.retain(|(alias, _)| alias != requested);
            if requested != table.name {
                self.aliases.push((requested.to_owned(), table.name.clone()));
            }
        }
        self.tables.push(table);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_arrives_and_is_removed_the_naive_model_has_the_same_tables(
        steps in prop::collection::vec(step(), 1..16),
    ) {
        let start = Instant::now();
        let (mut tables, mut model, mut now) = (Tables::default(), Model::default(), 0);
        for step in steps {
            let at = start + Duration::from_secs(now);
            match step {
                Step::TimePasses(seconds) => now += seconds,
                Step::Arrives { requested, reported, servers, ttl } => {
                    let requested = database(requested);
                    let reported = database(reported);
                    let roles = servers.map(|role| role.into_iter().map(server).collect::<Vec<_>>());
                    let [routers, readers, writers] = roles.each_ref().map(|role| role.join(" "));
                    let mut sent = sent(&routers, &readers, &writers, ttl);
                    sent.database.clone_from(&reported);
                    let asked = requested.as_deref().map(name);
                    let Ok(table) = Table::read(&sent, asked.as_ref(), at) else {
                        prop_assert!(roles[0].is_empty() || roles[1].is_empty());
                        continue;
                    };
                    tables.update(asked.as_ref(), table, at);
                    let name = reported.or_else(|| requested.clone()).unwrap_or_default();
                    model.arrives(requested.as_deref(), Naive { name, roles, received: now, ttl });
                }
                Step::Deactivate(number) => {
                    tables.deactivate(&address(&server(number)));
                    for table in &mut model.tables {
                        table.roles.iter_mut().for_each(|role| role.retain(|known| *known != server(number)));
                    }
                }
                Step::RemoveWriter(of, number) => {
                    let of = database(of);
                    tables.remove_writer(of.as_deref(), &address(&server(number)));
                    let name = model.resolve(&of.unwrap_or_default());
                    for table in model.tables.iter_mut().filter(|table| table.name == name) {
                        table.roles[2].retain(|known| *known != server(number));
                    }
                }
            }
            check(&tables, &model, now, start + Duration::from_secs(now))?;
        }
    }
}

fn check(tables: &Tables, model: &Model, now: u64, at: Instant) -> Result<(), TestCaseError> {
    prop_assert_eq!(tables.tables.len(), model.tables.len());
    for number in 0..5 {
        let of = database(number);
        let name = model.resolve(of.as_deref().unwrap_or_default());
        let expected = model.tables.iter().find(|table| table.name == name);
        let found = tables.get(of.as_deref());
        prop_assert_eq!(found.is_some(), expected.is_some());
        let (Some(found), Some(expected)) = (found, expected) else {
            continue;
        };
        let roles = [found.routers(), found.readers(), found.writers()];
        for (role, expected) in roles.into_iter().zip(&expected.roles) {
            let role: BTreeSet<String> = role.iter().map(ToString::to_string).collect();
            prop_assert_eq!(&role, &expected.iter().cloned().collect());
        }
        for (access, role) in [(Access::Read, 1), (Access::Write, 2)] {
            let fresh = expected.received + expected.ttl > now
                && !expected.roles[0].is_empty()
                && !expected.roles[role].is_empty();
            prop_assert_eq!(tables.fresh(of.as_deref(), access, at).is_some(), fresh);
        }
    }
    for number in 0..6 {
        let listed = tables.lists(&address(&server(number)));
        prop_assert_eq!(listed, model.all().contains(&server(number)));
    }
    Ok(())
}
