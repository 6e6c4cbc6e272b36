//! The routing table of one database: a pure decider.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bolt_proto::{Access, RoutingTable};

use crate::address::Address;

/// How long a table is kept after it has expired, if nothing asks for its database.
const KEEP_EXPIRED: Duration = Duration::from_secs(30);

/// The roles of the servers of one database, and how long they hold.
///
/// Every address stands once in a role, in the order of the server's answer. Texts that are no address are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    /// The name that the server reported; that of the request if the server reports none.
    database: Option<Arc<str>>,
    routers: Vec<Arc<Address>>,
    readers: Vec<Arc<Address>>,
    writers: Vec<Arc<Address>>,
    received: Instant,
    ttl: Duration,
    /// Since when tables have come without writers, if this one has: servers are electing a leader, and the next refresh asks
    /// the seed first.
    writerless_since: Option<Instant>,
}

/// Why a table cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unusable {
    NoRouters,
    NoReaders,
}

impl Table {
    /// Reads what a server sent for a request of this database.
    pub(crate) fn read(
        sent: &RoutingTable,
        requested: Option<&Arc<str>>,
        now: Instant,
    ) -> Result<Self, Unusable> {
        let mut reading = Reading::default();
        let table = Self {
            database: match &sent.database {
                Some(name) => Some(Arc::from(name.as_str())),
                None => requested.cloned(),
            },
            routers: reading.role(&sent.routers),
            readers: reading.role(&sent.readers),
            writers: reading.role(&sent.writers),
            received: now,
            ttl: sent.ttl,
            writerless_since: None,
        };
        if table.routers.is_empty() {
            return Err(Unusable::NoRouters);
        }
        if table.readers.is_empty() {
            return Err(Unusable::NoReaders);
        }
        let writerless_since = table.writers.is_empty().then_some(now);
        Ok(Self {
            writerless_since,
            ..table
        })
    }

    pub(crate) const fn database(&self) -> Option<&Arc<str>> {
        self.database.as_ref()
    }

    pub(crate) fn routers(&self) -> &[Arc<Address>] {
        &self.routers
    }

    pub(crate) fn readers(&self) -> &[Arc<Address>] {
        &self.readers
    }

    pub(crate) fn writers(&self) -> &[Arc<Address>] {
        &self.writers
    }

    /// Returns the servers that carry out work with this access.
    pub(crate) fn servers(&self, access: Access) -> &[Arc<Address>] {
        match access {
            Access::Read => &self.readers,
            _ => &self.writers,
        }
    }

    pub(crate) const fn received(&self) -> Instant {
        self.received
    }

    pub(crate) const fn ttl(&self) -> Duration {
        self.ttl
    }

    pub(crate) const fn came_without_writers(&self) -> bool {
        self.writerless_since.is_some()
    }

    /// Returns since when the tables of the database have come without writers, if this one has.
    pub(crate) const fn writerless_since(&self) -> Option<Instant> {
        self.writerless_since
    }

    /// Notes the table that this one replaces.
    pub(crate) fn succeeds(&mut self, previous: &Self) {
        if self.came_without_writers() && previous.came_without_writers() {
            self.writerless_since = previous.writerless_since;
        }
    }

    /// Returns whether the table can be used for this access: it has not expired, and names a router and a server.
    pub(crate) fn is_fresh(&self, access: Access, now: Instant) -> bool {
        !self.has_expired(now) && !self.routers.is_empty() && !self.servers(access).is_empty()
    }

    /// Returns whether its time is over.
    pub(crate) fn has_expired(&self, now: Instant) -> bool {
        self.ends().is_some_and(|end| end <= now)
    }

    /// Returns when its time is over. That of one that ends beyond the range of the clock never is.
    pub(crate) fn ends(&self) -> Option<Instant> {
        self.received.checked_add(self.ttl)
    }

    /// Returns after which instant the table is dropped, if its database is not asked for; `None` for never.
    pub(crate) fn kept_until(&self) -> Option<Instant> {
        self.ends()?.checked_add(KEEP_EXPIRED)
    }

    /// Removes an address from all roles.
    pub(crate) fn remove(&mut self, address: &Address) {
        let stays = |known: &Arc<Address>| **known != *address;
        self.routers.retain(stays);
        self.readers.retain(stays);
        self.writers.retain(stays);
    }

    /// Removes an address from the writers.
    pub(crate) fn remove_writer(&mut self, address: &Address) {
        self.writers.retain(|known| **known != *address);
    }

    /// Returns whether an address has any role.
    pub(crate) fn names(&self, address: &Address) -> bool {
        let is_it = |known: &Arc<Address>| **known == *address;
        self.routers.iter().any(is_it) || self.readers.iter().any(is_it) || self.writers.iter().any(is_it)
    }

    /// Returns every address, as often as it has a role.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Address>> {
        self.routers.iter().chain(&self.readers).chain(&self.writers)
    }
}

/// Reads the addresses of a table, each once: a server has several roles as a rule.
#[derive(Default)]
struct Reading<'t> {
    by_text: HashMap<&'t str, Option<Arc<Address>>>,
    known: HashSet<Arc<Address>>,
}

impl<'t> Reading<'t> {
    fn role(&mut self, texts: &'t [String]) -> Vec<Arc<Address>> {
        let mut listed = HashSet::new();
        let addresses = texts.iter().filter_map(|text| self.address(text));
        addresses
            .filter(|address| listed.insert(Arc::clone(address)))
            .collect()
    }

    fn address(&mut self, text: &'t str) -> Option<Arc<Address>> {
        let known = &mut self.known;
        let read = self.by_text.entry(text).or_insert_with(|| {
            // One text may name the default port, and another leave it out.
            let address: Address = text.parse().ok()?;
            Some(known.get(&address).cloned().unwrap_or_else(|| {
                let address = Arc::new(address);
                known.insert(Arc::clone(&address));
                address
            }))
        });
        read.clone()
    }
}

impl Unusable {
    /// Returns what is missing, for an error.
    pub(crate) const fn missing(self) -> &'static str {
        match self {
            Self::NoRouters => "no server that has routing tables",
            Self::NoReaders => "no server for reads",
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns a table as a server sends it; the roles are addresses with spaces between.
    pub(in crate::connect::routing) fn sent(
        routers: &str,
        readers: &str,
        writers: &str,
        ttl: u64,
    ) -> RoutingTable {
        let list = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        let mut table = RoutingTable::default();
        table.ttl = Duration::from_secs(ttl);
        table.routers = list(routers);
        table.readers = list(readers);
        table.writers = list(writers);
        table
    }

    fn read(sent: &RoutingTable) -> Result<Table, Unusable> {
        Table::read(sent, None, Instant::now())
    }

    fn texts(addresses: &[Arc<Address>]) -> Vec<String> {
        addresses.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn addresses_without_a_port_have_the_default_port_and_each_stands_once_in_a_role() {
        let table = read(&sent("a a:7687 b:1 b:1 [::1]", "a", "", 9)).unwrap();
        assert_eq!(texts(table.routers()), ["a:7687", "b:1", "[::1]:7687"]);
        assert!(Arc::ptr_eq(&table.routers()[0], &table.readers()[0]));
    }

    #[test]
    fn garbage_addresses_are_left_out_and_a_table_of_garbage_is_rejected() {
        let table = read(&sent("ok :1 h:x ::1 bolt://h ok2", "ok h:0", "user@h", 9)).unwrap();
        assert_eq!(texts(table.routers()), ["ok:7687", "ok2:7687"]);
        assert_eq!(texts(table.readers()), ["ok:7687"]);
        assert!(table.writers().is_empty());
        assert_eq!(read(&sent("h:x", "a", "a", 9)), Err(Unusable::NoRouters));
    }

    #[test]
    fn a_table_without_routers_or_readers_is_rejected_and_one_without_writers_remembers_that() {
        assert_eq!(read(&sent("", "a", "a", 9)), Err(Unusable::NoRouters));
        assert_eq!(read(&sent("a", "", "a", 9)), Err(Unusable::NoReaders));
        let mut table = read(&sent("a", "a", "a", 9)).unwrap();
        table.remove_writer(&"a".parse().unwrap());
        assert!(!table.came_without_writers(), "it came with one");
        assert!(read(&sent("a", "a", "", 9)).unwrap().came_without_writers());
    }

    #[test]
    fn a_table_is_fresh_for_an_access_until_its_ttl_ends_if_it_has_a_router_and_a_server() {
        let start = Instant::now();
        let mut table = Table::read(&sent("r", "a", "b", 10), None, start).unwrap();
        let after = |seconds| start + Duration::from_secs(seconds);
        for access in [Access::Read, Access::Write] {
            assert!(table.is_fresh(access, after(9)));
            assert!(!table.is_fresh(access, after(10)));
        }
        table.remove(&"b".parse().unwrap());
        assert!(table.is_fresh(Access::Read, start) && !table.is_fresh(Access::Write, start));
        table.remove(&"r".parse().unwrap());
        assert!(!table.is_fresh(Access::Read, start), "it has no router");
        assert_eq!(table.kept_until(), Some(after(40)));
    }

    #[test]
    fn a_ttl_of_zero_is_never_fresh_and_one_beyond_the_clock_always_is() {
        let start = Instant::now();
        let never = Table::read(&sent("a", "a", "a", 0), None, start).unwrap();
        assert!(!never.is_fresh(Access::Read, start));
        let mut endless = sent("a", "a", "a", 0);
        endless.ttl = Duration::from_secs(1 << 63);
        let endless = Table::read(&endless, None, start).unwrap();
        assert!(endless.is_fresh(Access::Read, start + Duration::from_secs(1 << 30)));
        assert_eq!(endless.kept_until(), None);
    }

    #[test]
    fn the_table_is_that_of_the_database_that_the_server_reports() {
        let requested: Arc<str> = "alias".into();
        let mut table = sent("a", "a", "a", 9);
        let of = |table: &RoutingTable| Table::read(table, Some(&requested), Instant::now()).unwrap();
        assert_eq!(of(&table).database().map(|name| &**name), Some("alias"));
        table.database = Some("real".into());
        assert_eq!(of(&table).database().map(|name| &**name), Some("real"));
    }

    #[test]
    fn many_servers_cost_little_more_than_their_number() {
        let list = |from: u32| -> Vec<String> { (from..from + 20_000).map(|n| format!("s{n}:1")).collect() };
        let mut table = RoutingTable::default();
        table.routers = list(0);
        table.readers = list(10_000);
        table.writers = list(0);
        let table = read(&table).unwrap();
        assert_eq!((table.readers().len(), table.all().count()), (20_000, 60_000));
    }
}
