//! A server that follows a script, written as a function over its side of each connection.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bolt_proto::peer::{Options, Server};
use bolt_proto::state::Message;
use bolt_proto::{ServerError, Versions};

/// How long a script waits for the driver.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server on a port of its own. Its script serves a number of connections, one after the other.
pub(crate) struct Peer {
    uri: String,
    script: JoinHandle<()>,
}

impl Peer {
    /// Starts the server. `script` serves each connection: the first has the number 1.
    pub(crate) fn start(
        versions: Versions,
        connections: usize,
        script: impl Fn(usize, &mut Talk) + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let uri = format!("bolt://{}", listener.local_addr().unwrap());
        let script = thread::spawn(move || {
            for number in 1..=connections {
                let (stream, _) = listener.accept().unwrap();
                stream.set_nodelay(true).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                let server = Server::new(Options::strict().versions(versions.clone()));
                let mut talk = Talk { stream, server };
                script(number, &mut talk);
                talk.flush();
            }
        });
        Self { uri, script }
    }

    pub(crate) fn uri(&self) -> &str {
        &self.uri
    }

    /// Waits for the end of the script, and fails if the script does.
    pub(crate) fn finish(self) {
        if let Err(panic) = self.script.join() {
            std::panic::resume_unwind(panic);
        }
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
        loop {
            match self.server.has_request() {
                Ok(Some(_)) => return self.server.request().map(|request| request.message()),
                Ok(None) => {
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
                Err(violation) if violation.is_end_of_stream() => return None,
                Err(violation) => panic!("the driver violates the protocol: {violation}"),
            }
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
