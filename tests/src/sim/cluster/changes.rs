//! What happens to a cluster: crashes, partitions, elections, databases that move, servers that join and leave.

use crate::sim::clock::{Event, Nanos};
use crate::sim::net::{ConnId, Trouble};
use crate::sim::state::State;

use super::{Change, DbId, ServerId};

/// A step in the life of a cluster.
#[derive(Debug, Clone, Copy)]
pub(in crate::sim) enum Step {
    Begin(Change),
    /// A server that refused work goes down for a while.
    Down(ServerId, Nanos),
    Up(ServerId),
    /// Clients can reach a server again.
    Reachable(ServerId),
    /// The other servers can reach a server again.
    Connected(ServerId),
    Elect(DbId),
    /// A server learns of the truth.
    Learn(ServerId),
    /// A server has applied all commits up to this one; all that exist if it is `u64::MAX`.
    Apply(ServerId, u64),
}

impl State {
    /// Schedules what happens to the cluster.
    pub(in crate::sim) fn plan_changes(&mut self) {
        let plan = self.weather.cluster.as_ref().map(|weather| weather.plan.clone());
        for planned in plan.into_iter().flatten() {
            self.at(planned.at, Event::Cluster(Step::Begin(planned.change)));
        }
    }

    /// Processes a step.
    pub(in crate::sim) fn step(&mut self, step: Step) {
        match step {
            Step::Begin(change) => self.begin_change(change),
            Step::Down(server, time) => {
                self.change_server(server, |server| server.unavailable -= 1);
                if self.goes_down(server) {
                    self.later(time, Event::Cluster(Step::Up(server)));
                }
            }
            Step::Up(server) => {
                self.change_server(server, |server| server.up = server.member);
                self.recover(server);
            }
            Step::Reachable(server) => self.change_server(server, |server| server.cut_off -= 1),
            Step::Connected(server) => {
                self.change_server(server, |server| server.isolated -= 1);
                self.recover(server);
            }
            Step::Elect(database) => self.elect(database),
            Step::Learn(server) => self.learn(server),
            Step::Apply(server, number) => self.apply(server, number),
        }
    }

    /// Passes a commit on to the other servers.
    pub(in crate::sim) fn replicate(&mut self, number: u64) {
        let Some((cluster, weather)) = self.cluster() else {
            return;
        };
        let (servers, lag) = (cluster.servers.len(), weather.lag);
        for server in 0..servers {
            let after = self.up_to(lag);
            self.later(after, Event::Cluster(Step::Apply(server, number)));
        }
    }

    fn begin_change(&mut self, change: Change) {
        let Some((cluster, _)) = self.cluster() else {
            return;
        };
        let servers = &cluster.servers;
        let happens = match change {
            Change::Crash(server, _) | Change::Stop(server, _) => servers[server].up,
            Change::CutOff(..) | Change::Isolate(..) | Change::Home(..) => true,
            Change::Depose(database) => cluster.truth.databases[database].leader.is_some(),
            Change::Move(database, from, to) => {
                let hosts = &cluster.truth.databases[database].hosts;
                hosts.contains(&from) && !hosts.contains(&to) && servers[to].member
            }
            Change::Join(server) => !servers[server].member,
            Change::Leave(server, _) => {
                let members = servers.iter().filter(|server| server.member).count();
                server != 0 && members > 3 && servers[server].member
            }
        };
        if !happens {
            return;
        }
        cluster.ledger.note_change();
        self.note(|| format!("cluster: {change:?}"));
        match change {
            Change::Crash(server, time) => {
                self.goes_down(server);
                self.later(time, Event::Cluster(Step::Up(server)));
            }
            Change::Stop(server, time) => {
                self.change_server(server, |server| server.unavailable += 1);
                self.later(time, Event::Cluster(Step::Down(server, time)));
            }
            Change::CutOff(server, time) => {
                self.change_server(server, |server| server.cut_off += 1);
                for conn in self.conns_of(server) {
                    self.trouble(conn, Trouble::Silence);
                }
                self.later(time, Event::Cluster(Step::Reachable(server)));
            }
            Change::Isolate(server, time) => {
                self.depose_server(server);
                self.change_server(server, |server| server.isolated += 1);
                self.later(time, Event::Cluster(Step::Connected(server)));
            }
            Change::Depose(database) => self.depose(database),
            Change::Move(database, from, to) => self.move_database(database, from, to),
            Change::Join(server) => {
                self.change_server(server, |server| (server.member, server.up) = (true, true));
                self.recover(server);
            }
            Change::Leave(server, stays) => self.leave(server, stays),
            // Servers ask the plan.
            Change::Home(..) => {}
        }
    }

    /// A server goes down, unless it is. Returns whether it does.
    fn goes_down(&mut self, server: ServerId) -> bool {
        if !self
            .cluster()
            .is_some_and(|(cluster, _)| cluster.servers[server].up)
        {
            return false;
        }
        self.depose_server(server);
        self.change_server(server, |server| server.up = false);
        if let Some((cluster, _)) = self.cluster() {
            cluster.truth.lives[server] = false;
        }
        for conn in self.conns_of(server) {
            self.trouble(conn, Trouble::Reset);
            self.client_gone(conn);
        }
        self.note(|| format!("cluster: server {server} is down"));
        self.spread();
        true
    }

    /// A server is back: it catches up, and can be elected.
    fn recover(&mut self, server: ServerId) {
        let Some((cluster, weather)) = self.cluster() else {
            return;
        };
        let this = &cluster.servers[server];
        cluster.truth.lives[server] = this.member && this.up;
        let (lag, leaderless) = (weather.lag, cluster.leaderless());
        let after = self.up_to(lag);
        self.later(after, Event::Cluster(Step::Apply(server, u64::MAX)));
        for database in leaderless {
            self.schedule_election(database);
        }
        self.spread();
    }

    fn leave(&mut self, server: ServerId, stays: bool) {
        self.depose_server(server);
        let Some((cluster, _)) = self.cluster() else {
            return;
        };
        for database in &mut cluster.truth.databases {
            if database.hosts.remove(&server) && database.hosts.is_empty() {
                database.hosts.insert(0);
            }
        }
        self.change_server(server, |server| server.member = false);
        if let Some((cluster, _)) = self.cluster() {
            cluster.truth.lives[server] = false;
        }
        if !stays {
            self.goes_down(server);
        }
        self.spread();
        self.elect_missing();
    }

    fn move_database(&mut self, database: DbId, from: ServerId, to: ServerId) {
        if self
            .cluster()
            .is_some_and(|(cluster, _)| cluster.leads(from, database))
        {
            self.depose(database);
        }
        if let Some((cluster, _)) = self.cluster() {
            let hosts = &mut cluster.truth.databases[database].hosts;
            hosts.remove(&from);
            hosts.insert(to);
        }
        self.spread();
        self.elect_missing();
    }

    /// Takes the leadership of all its databases from a server.
    fn depose_server(&mut self, server: ServerId) {
        let databases = 0..self
            .cluster()
            .map_or(0, |(cluster, _)| cluster.truth.databases.len());
        for database in databases {
            if self
                .cluster()
                .is_some_and(|(cluster, _)| cluster.leads(server, database))
            {
                self.depose(database);
            }
        }
    }

    /// Takes the leadership of a database from its leader, which notices: its open writes are lost.
    fn depose(&mut self, database: DbId) {
        let newest = self.history.causality.newest();
        let Some((cluster, _)) = self.cluster() else {
            return;
        };
        let Some(old) = cluster.truth.databases[database].leader.take() else {
            return;
        };
        let this = &mut cluster.servers[old];
        this.applied = newest;
        if this.isolated == 0 {
            this.view.databases[database].leader = None;
        }
        self.note(|| format!("cluster: server {old} leads db{database} no more"));
        self.depose_work(old, database);
        self.schedule_election(database);
        self.spread();
    }

    fn elect_missing(&mut self) {
        let leaderless = self.cluster().map(|(cluster, _)| cluster.leaderless());
        for database in leaderless.unwrap_or_default() {
            self.schedule_election(database);
        }
    }

    fn schedule_election(&mut self, database: DbId) {
        let election = self.cluster().map_or(0, |(_, weather)| weather.election);
        let after = self.up_to(election);
        self.later(after, Event::Cluster(Step::Elect(database)));
    }

    /// Elects a leader if there is none and a server is well. Otherwise the next one that recovers is elected.
    fn elect(&mut self, database: DbId) {
        let draw = self.rng.draw();
        let Some((cluster, _)) = self.cluster() else {
            return;
        };
        let hosted = &cluster.truth.databases[database];
        if hosted.leader.is_some() {
            return;
        }
        let candidates = hosted.hosts.iter().copied();
        let candidates: Vec<ServerId> = candidates.filter(|server| cluster.is_well(*server)).collect();
        let Some(&elected) = candidates.get((draw % candidates.len().max(1) as u64) as usize) else {
            return;
        };
        cluster.truth.databases[database].leader = Some(elected);
        cluster.servers[elected].view.databases[database].leader = Some(elected);
        self.note(|| format!("cluster: server {elected} leads db{database}"));
        self.spread();
    }

    /// All servers learn of the truth at some time.
    fn spread(&mut self) {
        let Some((cluster, weather)) = self.cluster() else {
            return;
        };
        let (servers, learning) = (cluster.servers.len(), weather.learning);
        for server in 0..servers {
            let after = self.up_to(learning);
            self.later(after, Event::Cluster(Step::Learn(server)));
        }
    }

    fn learn(&mut self, server: ServerId) {
        let Some((cluster, _)) = self.cluster() else {
            return;
        };
        let this = &mut cluster.servers[server];
        if this.member && this.up && this.isolated == 0 {
            this.view = cluster.truth.clone();
        }
    }

    fn apply(&mut self, server: ServerId, number: u64) {
        let newest = self.history.causality.newest();
        let Some((cluster, _)) = self.cluster() else {
            return;
        };
        let this = &mut cluster.servers[server];
        if !this.member || !this.up || this.isolated > 0 || number.min(newest) <= this.applied {
            return;
        }
        this.applied = number.min(newest);
        for conn in self.conns_of(server) {
            self.bookmark_reached(conn);
        }
    }

    fn change_server(&mut self, server: ServerId, change: impl FnOnce(&mut super::Server)) {
        if let Some((cluster, _)) = self.cluster() {
            change(&mut cluster.servers[server]);
        }
    }

    /// Returns the connections to a server that it has not closed.
    fn conns_of(&self, server: ServerId) -> Vec<ConnId> {
        let conns = self.conns.iter().enumerate();
        let of_server = conns.filter(|(_, conn)| conn.server == server && conn.server_holds);
        of_server.map(|(conn, _)| conn).collect()
    }
}

impl super::Cluster {
    fn leaderless(&self) -> Vec<DbId> {
        let databases = self.truth.databases.iter().enumerate();
        let leaderless = databases.filter(|(_, database)| database.leader.is_none());
        leaderless.map(|(database, _)| database).collect()
    }
}
