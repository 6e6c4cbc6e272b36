//! The server of one connection: strict, without delay.
//!
//! The text of a query says what it does: `ROWS 3` has three rows with a number each; `ROWS 3 OF 100` has rows of a
//! hundred letters; other queries with `RETURN` have one row; all others have no columns. The rows of a text with
//! `SECRET` in it contain that word.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::task::Waker;

use bolt_proto::ServerError;
use bolt_proto::peer::{Head, Options, Request, Rows, Run, Server, Token, Verdict};
use bolt_proto::state::Message;
use bolt_proto::{FromValue, Value};

use super::Script;
use super::cluster::{Routed, TableOf};

/// The server's end of a connection.
#[derive(Debug)]
pub(super) struct Socket {
    server: Server,
    /// Where the client connected to.
    pub(super) port: u16,
    /// Answers that are held back, each complete.
    held: VecDeque<Vec<u8>>,
    /// What the client can read.
    pub(super) arrived: VecDeque<u8>,
    pub(super) holds: bool,
    pub(super) full: bool,
    pub(super) closed: bool,
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
    pub(super) asked: Vec<Message>,
    /// How many of those `news` has returned.
    pub(super) reported: usize,
    pub(super) bookmarks: Vec<String>,
    pub(super) database: Option<String>,
    pub(super) pages: Vec<Option<u64>>,
    /// The open results by their query ids.
    results: BTreeMap<i64, Content>,
    newest: i64,
    /// The queries that have run and are not committed.
    uncommitted: Vec<String>,
    in_transaction: bool,
    /// The table that a procedure returns.
    table: Option<TableOf>,
    /// The credentials that it is logged in with.
    login: String,
}

/// The rest of a result.
#[derive(Debug)]
struct Content {
    sent: u64,
    left: u64,
    text: Option<String>,
}

/// What the answer to a request depends on.
enum Asked {
    Run(String),
    Rows(Rows),
    Route(Routed),
    /// The user, or else the scheme; and what proves it.
    Login(String, String),
    Other,
}

impl Socket {
    pub(super) fn new(port: u16) -> Self {
        Self {
            server: Server::new(Options::strict()),
            port,
            held: VecDeque::new(),
            arrived: VecDeque::new(),
            holds: false,
            full: false,
            closed: false,
            reader: None,
            writer: None,
            asked: Vec::new(),
            reported: 0,
            bookmarks: Vec::new(),
            database: None,
            pages: Vec::new(),
            results: BTreeMap::new(),
            newest: 0,
            uncommitted: Vec::new(),
            in_transaction: false,
            login: String::new(),
            table: None,
        }
    }

    pub(super) fn deliver(&mut self, messages: usize) {
        let messages = messages.min(self.held.len());
        for message in self.held.drain(..messages) {
            self.arrived.extend(&message);
        }
    }

    pub(super) fn deliver_byte(&mut self) {
        let Some(message) = self.held.front_mut() else {
            return;
        };
        self.arrived.extend(message.drain(..1));
        if message.is_empty() {
            self.held.pop_front();
        }
    }

    pub(super) fn keep_alive(&mut self) {
        self.arrived.extend([0, 0]);
    }

    /// Closes the connection; what was not committed is rolled back, and what was held back is lost.
    pub(super) fn close(&mut self) {
        self.held.clear();
        self.end();
    }

    /// Returns whether the client has all that was sent before the connection was closed.
    pub(super) fn has_ended(&self) -> bool {
        self.closed && self.held.is_empty() && self.arrived.is_empty()
    }

    /// Closes the connection behind the last answer.
    fn end(&mut self) {
        self.closed = true;
        self.forget();
    }

    /// Carries out what arrives, without delay.
    pub(super) fn receive(&mut self, mut bytes: &[u8], script: &mut Script) {
        while !bytes.is_empty() && !self.closed {
            // A strict server checks all that has arrived before it answers: so the bytes arrive in small pieces.
            let space = self.server.recv_space();
            let len = space.len().min(bytes.len()).min(1024);
            space[..len].copy_from_slice(&bytes[..len]);
            self.server.received(len);
            bytes = &bytes[len..];
            self.answer(script);
        }
    }

    fn answer(&mut self, script: &mut Script) {
        loop {
            match self.server.has_request() {
                Ok(None) => return self.send(),
                Ok(Some(head)) => self.answer_one(head, script),
                // The client sent an illegal request.
                Err(_) => {
                    self.send();
                    return self.end();
                }
            }
            if self.closed {
                return;
            }
        }
    }

    fn answer_one(&mut self, head: Head, script: &mut Script) {
        let asked = self.read();
        self.asked.push(head.message);
        if let Asked::Login(user, proof) = &asked {
            self.login = format!("{user}:{proof}");
            script.logins.push(self.login.clone());
        }
        if head.message == Message::Goodbye {
            return self.close();
        }
        if script.cuts.take_if(|message| *message == head.message).is_some() {
            return self.close();
        }
        if head.verdict == Verdict::Ignore {
            self.server.ignored().unwrap();
            return self.send();
        }
        let port = self.port;
        let planned = script
            .fails
            .iter()
            .position(|(message, at, _)| *message == head.message && at.is_none_or(|at| at == port));
        if self.is_refused(&asked, script) {
            let code = "Neo.ClientError.Security.Unauthorized";
            self.server.failure(&ServerError::new(code, "wrong")).unwrap();
            self.send();
            return self.end();
        }
        if let Some(planned) = planned {
            let (_, _, error) = script.fails.remove(planned);
            self.forget();
            self.server.failure(&error).unwrap();
        } else {
            self.carry_out(head.message, asked, script);
        }
        self.send();
    }

    fn read(&mut self) -> Asked {
        match self.server.request() {
            Some(Request::Run(run)) => {
                if !self.in_transaction {
                    self.bookmarks = run.options.bookmarks().map(str::to_owned).collect();
                    self.database = run.options.database().map(str::to_owned);
                }
                Asked::Run(with_rows(&run))
            }
            Some(Request::Begin(begin)) => {
                self.bookmarks = begin.bookmarks().map(str::to_owned).collect();
                self.database = begin.database().map(str::to_owned);
                Asked::Other
            }
            Some(Request::Pull(rows)) => {
                self.pages.push(rows.count);
                Asked::Rows(rows)
            }
            Some(Request::Discard(rows)) => Asked::Rows(rows),
            Some(Request::Route(route)) => Asked::Route(Routed {
                port: self.port,
                context: route
                    .context
                    .string("address")
                    .map(str::to_owned)
                    .into_iter()
                    .chain(route.context.string("region").map(str::to_owned))
                    .collect(),
                bookmarks: route.bookmarks().map(str::to_owned).collect(),
                database: route.database.map(str::to_owned),
                user: route.impersonated_user.map(str::to_owned),
            }),
            Some(Request::Hello(greeting)) => login_of(greeting.token()),
            Some(Request::Logon(token)) => login_of(token),
            _ => Asked::Other,
        }
    }

    fn carry_out(&mut self, message: Message, asked: Asked, script: &mut Script) {
        match (message, asked) {
            (_, Asked::Run(text)) if text.contains("getRoutingTable") => self.call(script),
            (_, Asked::Run(text)) => {
                script.ran.push((text.clone(), self.login.clone()));
                self.run(text, script);
            }
            (_, Asked::Rows(rows)) => self.rows(message == Message::Pull, rows, script),
            (_, Asked::Route(route)) => self.route(route, script),
            (Message::Hello, _) => self.hello(script),
            (Message::Commit, _) => {
                let bookmark = self.commit(script);
                self.succeed(&[("bookmark", &bookmark)]);
            }
            _ => {
                match message {
                    Message::Begin => {
                        self.in_transaction = true;
                        return self.begun(script);
                    }
                    Message::Rollback | Message::Reset => self.forget(),
                    _ => {}
                }
                self.succeed(&[]);
            }
        }
    }

    /// Returns whether this is a login with a wrong password.
    fn is_refused(&self, asked: &Asked, script: &Script) -> bool {
        let Asked::Login(user, proof) = asked else {
            return false;
        };
        script
            .passwords
            .get(user)
            .is_some_and(|password| password != proof)
    }

    fn hello(&mut self, script: &Script) {
        let forwards = !script.not_forwarding.contains(&self.port) && script.home.is_some();
        let hints = HashMap::from([("telemetry.enabled", script.telemetry), ("ssr.enabled", forwards)]);
        self.server
            .success(|answer| {
                answer.entry("server", "Test/1.0")?;
                answer.entry("connection_id", "bolt-1")?;
                answer.entry("hints", &hints)
            })
            .unwrap();
    }

    /// Answers BEGIN: with the home database, if the request names none.
    fn begun(&mut self, script: &Script) {
        let home = script.home.as_deref().filter(|_| self.database.is_none());
        match home {
            Some(home) => self.succeed(&[("db", home)]),
            None => self.succeed(&[]),
        }
    }

    fn route(&mut self, asked: Routed, script: &mut Script) {
        let table = script
            .tables
            .get(&asked.port)
            .or_else(|| script.tables.get(&0))
            .cloned();
        let named = asked.database.clone();
        script.routed.push(asked);
        let Some(table) = table else {
            let error = ServerError::new("Neo.ClientError.Procedure.ProcedureNotFound", "no such thing");
            self.server.failure(&error).unwrap();
            return;
        };
        let home = script.home.clone();
        let mut entries = table.value();
        if let Some(name) = named.or(home) {
            entries.insert("db", script.aliases.get(&name).cloned().unwrap_or(name));
        }
        self.server
            .success(|answer| answer.entry("rt", &Value::Map(entries)))
            .unwrap();
    }

    /// Answers the call of a procedure, whose row PULL requests.
    fn call(&mut self, script: &mut Script) {
        let database = self.database.clone();
        script.routed.push(Routed {
            port: self.port,
            context: Vec::new(),
            bookmarks: self.bookmarks.clone(),
            database,
            user: None,
        });
        self.newest += 1;
        self.results.insert(
            self.newest,
            Content {
                sent: 0,
                left: 1,
                text: None,
            },
        );
        self.table = script
            .tables
            .get(&self.port)
            .or_else(|| script.tables.get(&0))
            .cloned();
        self.server
            .success(|answer| answer.entry("fields", &["ttl", "servers"][..]))
            .unwrap();
    }

    fn run(&mut self, text: String, script: &Script) {
        let (rows, letters) = rows_of(&text);
        self.newest += 1;
        let of_text = if text.contains("SECRET") {
            Some("SECRET".to_owned())
        } else {
            letters.map(|letters| "x".repeat(letters))
        };
        let content = Content {
            sent: 0,
            left: rows.unwrap_or_default(),
            text: of_text,
        };
        self.results.insert(self.newest, content);
        self.uncommitted.push(text);
        let columns: &[&str] = if rows.is_some() { &["n"] } else { &[] };
        let (newest, in_transaction) = (self.newest, self.in_transaction);
        let home = script.home.clone().filter(|_| self.database.is_none());
        self.server
            .success(|answer| {
                answer.entry("fields", columns)?;
                answer.entry("t_first", &1)?;
                if in_transaction {
                    answer.entry("qid", &newest)?;
                } else if let Some(home) = &home {
                    answer.entry("db", home)?;
                }
                Ok(())
            })
            .unwrap();
    }

    fn rows(&mut self, wanted: bool, rows: Rows, script: &mut Script) {
        let id = rows.query_id.unwrap_or(self.newest);
        let content = self.results.get_mut(&id).expect("a result that is open");
        let most = script.page.filter(|_| wanted).unwrap_or(u64::MAX);
        let page = rows.count.unwrap_or(u64::MAX).min(content.left).min(most);
        let fails = script.fails_after.take_if(|(after, _)| wanted && *after <= page);
        let sent = fails.as_ref().map_or(page, |(after, _)| *after);
        for _ in 0..if wanted { sent } else { 0 } {
            content.sent += 1;
            let (number, text) = (content.sent, &content.text);
            let table = self.table.take().map(|table| table.value());
            self.server
                .record(|row| match text {
                    _ if table.is_some() => {
                        let table = table.as_ref().unwrap();
                        row.item(table.get("ttl").unwrap())?;
                        row.item(table.get("servers").unwrap())
                    }
                    Some(text) => row.item(text),
                    None => row.item(&i64::try_from(number).unwrap()),
                })
                .unwrap();
            // Each row can be held back by itself.
            let answer = self.server.pending_bytes().to_vec();
            self.server.wrote(answer.len());
            self.held.push_back(answer);
        }
        content.left -= sent;
        let more = content.left > 0;
        if let Some((_, error)) = fails {
            self.forget();
            self.server.failure(&error).unwrap();
        } else if more {
            self.server
                .success(|answer| answer.entry("has_more", &true))
                .unwrap();
        } else {
            self.results.remove(&id);
            if self.in_transaction {
                self.succeed(&[]);
            } else {
                let bookmark = self.commit(script);
                self.succeed(&[("bookmark", &bookmark)]);
            }
        }
    }

    fn succeed(&mut self, entries: &[(&str, &str)]) {
        self.server
            .success(|answer| {
                entries
                    .iter()
                    .try_for_each(|(name, value)| answer.entry(name, *value))
            })
            .unwrap();
    }

    fn commit(&mut self, script: &mut Script) -> String {
        script.committed.append(&mut self.uncommitted);
        self.forget();
        script.next_bookmark += 1;
        format!("bookmark:{}", script.next_bookmark)
    }

    fn forget(&mut self) {
        self.uncommitted.clear();
        self.results.clear();
        self.in_transaction = false;
    }

    fn send(&mut self) {
        let answer = self.server.pending_bytes().to_vec();
        self.server.wrote(answer.len());
        if !answer.is_empty() {
            self.held.push_back(answer);
        }
        if !self.holds {
            self.deliver(usize::MAX);
        }
    }
}

/// HELLO contains no login from Bolt 5.1 on.
fn login_of(token: Token<'_>) -> Asked {
    let Some(user) = token.principal().or_else(|| token.scheme()) else {
        return Asked::Other;
    };
    let proof = token.credentials().unwrap_or_default();
    Asked::Login(user.to_owned(), proof.to_owned())
}

/// Returns the text of a query, with the rows that are loaded by it.
fn with_rows(run: &Run<'_>) -> String {
    let rows = run.parameters.get("rows").unwrap();
    match rows.map(|rows| Value::from_value(rows).unwrap()) {
        Some(rows) => format!("{} {rows}", run.query),
        None => run.query.to_owned(),
    }
}

/// Returns how many rows a query has, if it has columns, and how many letters each has.
fn rows_of(text: &str) -> (Option<u64>, Option<usize>) {
    let mut words = text.split_whitespace().skip_while(|word| *word != "ROWS").skip(1);
    let rows = words.next().map(|count| count.parse().unwrap());
    let letters = words
        .next()
        .filter(|word| *word == "OF")
        .and_then(|_| words.next());
    let letters = letters.map(|letters| letters.parse().unwrap());
    (rows.or_else(|| text.contains("RETURN").then_some(1)), letters)
}
