//! A server that follows a script, written as a function over its side of each connection.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bolt_proto::peer::{Options, Request, Server};
use bolt_proto::state::Message;
use bolt_proto::value::Map;
use bolt_proto::{ServerError, Value, Versions};

/// How long a script waits for the driver.
const PATIENCE: Duration = Duration::from_secs(10);

/// A port that is listened on, for a server whose script needs to know its address.
pub(crate) struct Port(TcpListener);

/// A server on a port of its own. Its script serves a number of connections.
pub(crate) struct Peer {
    address: SocketAddr,
    scripts: Vec<JoinHandle<()>>,
}

impl Port {
    pub(crate) fn new() -> Self {
        Self(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    /// Starts the server, which serves its connections one after the other. `script` serves each: the first has the
    /// number 1.
    pub(crate) fn serve(
        self,
        versions: Versions,
        connections: usize,
        script: impl Fn(usize, &mut Talk) + Send + 'static,
    ) -> Peer {
        let address = self.address();
        let script = thread::spawn(move || {
            (1..=connections).for_each(|number| script(number, &mut self.accept(&versions)));
        });
        Peer {
            address,
            scripts: vec![script],
        }
    }

    /// As [`serve`](Self::serve), but all connections at the same time.
    pub(crate) fn serve_at_once(
        self,
        versions: Versions,
        connections: usize,
        script: impl Fn(usize, &mut Talk) + Send + Sync + 'static,
    ) -> Peer {
        let address = self.address();
        let (port, script) = (Arc::new(Mutex::new((self, 0))), Arc::new(script));
        let scripts = (0..connections).map(|_| {
            let (port, script, versions) = (Arc::clone(&port), Arc::clone(&script), versions.clone());
            thread::spawn(move || {
                let (mut talk, number) = {
                    let mut port = port.lock().unwrap();
                    port.1 += 1;
                    (port.0.accept(&versions), port.1)
                };
                script(number, &mut talk);
            })
        });
        Peer {
            address,
            scripts: scripts.collect(),
        }
    }

    fn accept(&self, versions: &Versions) -> Talk {
        let (stream, _) = self.0.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let server = Server::new(Options::strict().versions(versions.clone()));
        Talk { stream, server }
    }
}

impl Peer {
    /// Starts a server on any port: see [`Port::serve`].
    pub(crate) fn start(
        versions: Versions,
        connections: usize,
        script: impl Fn(usize, &mut Talk) + Send + 'static,
    ) -> Self {
        Port::new().serve(versions, connections, script)
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn uri(&self) -> String {
        format!("bolt://{}", self.address)
    }

    /// Returns the address of a driver that asks this server for routing tables.
    pub(crate) fn routed_uri(&self) -> String {
        format!("neo4j://{}", self.address)
    }

    /// Waits for the end of all scripts, and fails if one of them does.
    pub(crate) fn finish(self) {
        for script in self.scripts {
            if let Err(panic) = script.join() {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

/// Sends what the script has answered at its end.
impl Drop for Talk {
    fn drop(&mut self) {
        self.flush();
    }
}

/// The server's side of one connection.
pub(crate) struct Talk {
    stream: TcpStream,
    server: Server,
}

impl Talk {
    /// Sends what was answered, and waits for the next request; `None` when the client has closed the connection.
    pub(crate) fn next(&mut self) -> Option<Message> {
        let request = self.next_request();
        request.map(|request| request.message())
    }

    fn next_request(&mut self) -> Option<Request<'_>> {
        while !self.has_request()? {
            self.flush();
            let read = match self.stream.read(self.server.recv_space()) {
                Ok(read) => read,
                Err(error) if is_timeout(&error) => {
                    panic!("the driver does nothing for {PATIENCE:?}")
                }
                // A connection that was reset has ended, too.
                Err(_) => 0,
            };
            if read == 0 {
                // The server's half reports that once it has answered all requests, which a script need not do.
                return None;
            }
            self.server.received(read);
        }
        self.server.request()
    }

    /// Returns whether a request has arrived; `None` at the end of the stream.
    fn has_request(&mut self) -> Option<bool> {
        match self.server.has_request() {
            Ok(head) => Some(head.is_some()),
            Err(violation) if violation.is_end_of_stream() => None,
            Err(violation) => panic!("the driver violates the protocol: {violation}"),
        }
    }

    /// Waits for exactly these requests.
    pub(crate) fn expect(&mut self, requests: &[Message]) {
        for request in requests {
            assert_eq!(self.next().as_ref(), Some(request));
        }
    }

    /// Answers the login, as a server of this product.
    pub(crate) fn log_in(&mut self, product: &str) {
        self.log_in_with(product, &BTreeMap::new());
    }

    /// As [`log_in`](Self::log_in), with the promise to be heard from in so many seconds while a request is open.
    pub(crate) fn log_in_and_promise(&mut self, product: &str, seconds: i64) {
        self.log_in_with(
            product,
            &BTreeMap::from([("connection.recv_timeout_seconds", seconds)]),
        );
    }

    fn log_in_with(&mut self, product: &str, hints: &BTreeMap<&str, i64>) {
        self.expect(&[Message::Hello]);
        self.server
            .success(|map| {
                map.entry("server", product)?;
                map.entry("connection_id", "peer-1")?;
                map.entry("hints", hints)
            })
            .unwrap();
        if self.server.capabilities().is_some_and(|of| of.logon) {
            self.expect(&[Message::Logon]);
            self.success();
        }
    }

    /// Answers that all is well.
    pub(crate) fn success(&mut self) {
        self.server.success(|_| Ok(())).unwrap();
    }

    /// Waits for a request for a routing table, and returns its database.
    pub(crate) fn expect_route(&mut self) -> Option<String> {
        match self.next_request() {
            Some(Request::Route(route)) => route.database.map(str::to_owned),
            other => panic!("the driver sends {other:?}, and no request for a table"),
        }
    }

    /// Answers that request: this router, this reader, and these writers.
    pub(crate) fn serve_table(&mut self, router: SocketAddr, reader: SocketAddr, writers: &[SocketAddr]) {
        let role = |name: &str, addresses: &[SocketAddr]| {
            let mut role = Map::new();
            role.insert("role", name);
            let addresses: Vec<Value> = addresses.iter().map(|at| at.to_string().into()).collect();
            role.insert("addresses", addresses);
            Value::Map(role)
        };
        let mut table = Map::new();
        table.insert("ttl", 1000_i64);
        let servers = vec![
            role("ROUTE", &[router]),
            role("READ", &[reader]),
            role("WRITE", writers),
        ];
        table.insert("servers", servers);
        self.server
            .success(|map| map.entry("rt", &Value::Map(table)))
            .unwrap();
    }

    /// Answers RUN and PULL of a query without columns.
    pub(crate) fn serve_query(&mut self) {
        self.expect(&[Message::Run]);
        self.server
            .success(|map| map.entry("fields", &[] as &[&str]))
            .unwrap();
        self.expect(&[Message::Pull]);
        self.success();
    }

    /// Answers RUN and PULL of a query without columns, which has this type.
    pub(crate) fn serve_type(&mut self, name: &str) {
        self.expect(&[Message::Run]);
        self.server
            .success(|map| map.entry("fields", &[] as &[&str]))
            .unwrap();
        self.expect(&[Message::Pull]);
        self.server.success(|map| map.entry("type", name)).unwrap();
    }

    /// Answers RUN and PULL of a query with one column and this number of rows, all in one write.
    pub(crate) fn serve_rows(&mut self, rows: i64) {
        self.serve_first(rows, false);
    }

    /// Answers RUN and PULL of a query with one column by a page of this number of rows, which others follow.
    pub(crate) fn serve_page(&mut self, rows: i64) {
        self.serve_first(rows, true);
    }

    fn serve_first(&mut self, rows: i64, more: bool) {
        self.expect(&[Message::Run]);
        self.server.success(|map| map.entry("fields", &["n"])).unwrap();
        self.expect(&[Message::Pull]);
        self.rows(rows, more);
    }

    /// Answers PULL by this number of rows.
    pub(crate) fn rows(&mut self, rows: i64, more: bool) {
        for row in 0..rows {
            self.server.record(|fields| fields.item(&row)).unwrap();
        }
        if more {
            self.server.success(|map| map.entry("has_more", &true)).unwrap();
        } else {
            self.success();
        }
    }

    /// Returns whether the client sends another request, or closes the connection, within a tenth of a second.
    pub(crate) fn something_follows(&mut self) -> bool {
        self.stream
            .set_read_timeout(Some(Duration::from_millis(100)))
            .unwrap();
        let read = self.stream.peek(&mut [0]);
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        read.is_ok() || !matches!(self.server.has_request(), Ok(None))
    }

    /// Answers a transaction of one query without columns.
    pub(crate) fn serve_transaction(&mut self) {
        self.expect(&[Message::Begin]);
        self.success();
        self.serve_query();
        self.expect(&[Message::Commit]);
        self.success();
    }

    /// Waits for this time before the next answer.
    pub(crate) fn pause(&mut self, time: Duration) {
        self.flush();
        thread::sleep(time);
    }

    /// Answers all further requests to reset the connection, until it is closed. There are no others.
    pub(crate) fn nothing_but_reset_follows(&mut self) {
        while let Some(message) = self.next() {
            match message {
                Message::Reset => self.success(),
                Message::Goodbye => {}
                other => panic!("the driver sends {other:?}"),
            }
        }
    }

    pub(crate) fn ignore(&mut self) {
        self.server.ignored().unwrap();
    }

    pub(crate) fn fail(&mut self, code: &str) {
        self.server
            .failure(&ServerError::new(code, "as the script says"))
            .unwrap();
    }

    fn flush(&mut self) {
        while !self.server.pending_bytes().is_empty() {
            let written = self.stream.write(self.server.pending_bytes()).unwrap_or(0);
            if written == 0 {
                return;
            }
            self.server.wrote(written);
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
