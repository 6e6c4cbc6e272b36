//! A server that answers from a script, for trying a client.
//!
//! `cargo run -p bolt-proto --features peer --example scripted_server -- 127.0.0.1:17687 script.txt`
//!
//! Without a file the script below is used. A line has the name of a request, a part of its query if it has one,
//! and the answers: `SUCCESS`, rows in parentheses (numbers and words), `FAILURE code message`. The first line that
//! matches is used; a request that matches no line is answered by SUCCESS. The protocol's state table checks the
//! order of requests.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::{env, error, fs, io, thread};

use bolt_proto::ServerError;
use bolt_proto::peer::{Options, Request, Server, Verdict};
use bolt_proto::state::Message;

const SCRIPT: &str = "\
RUN 'RETURN 1' -> columns(n)
RUN 'Person' -> columns(name age)
PULL 'RETURN 1' -> (1)
PULL 'Person' -> (Ann 42) (Bob 23)
RUN 'fail' -> FAILURE Neo.ClientError.Statement.SyntaxError as the script says
";

type Outcome<T> = Result<T, Box<dyn error::Error + Send + Sync>>;

fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Outcome<()> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:17687".to_owned());
    let script = arguments
        .next()
        .map_or_else(|| Ok(SCRIPT.to_owned()), fs::read_to_string)?;
    let script: Vec<Rule> = script.lines().filter_map(Rule::parse).collect();
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    for socket in listener.incoming() {
        let (socket, script) = (socket?, script.clone());
        thread::spawn(move || match Session::new(socket, script).play() {
            Ok(()) => println!("the client has disconnected"),
            Err(error) => println!("closed: {error}"),
        });
    }
    Ok(())
}

/// A line of the script.
#[derive(Clone)]
struct Rule {
    request: String,
    /// The text that the query must contain.
    query: String,
    answers: String,
}

impl Rule {
    fn parse(line: &str) -> Option<Self> {
        let (when, answers) = line.split_once("->")?;
        let (request, query) = when.trim().split_once(' ').unwrap_or_else(|| (when.trim(), ""));
        let query = query.trim().trim_matches('\'').to_owned();
        Some(Self {
            request: request.to_owned(),
            query,
            answers: answers.trim().to_owned(),
        })
    }
}

struct Session {
    socket: TcpStream,
    server: Server,
    script: Vec<Rule>,
    /// The query that ran last.
    query: String,
    query_id: i64,
}

impl Session {
    fn new(socket: TcpStream, script: Vec<Rule>) -> Self {
        Self {
            socket,
            server: Server::new(Options::strict()),
            script,
            query: String::new(),
            query_id: 0,
        }
    }

    fn play(&mut self) -> Outcome<()> {
        loop {
            match self.server.has_request() {
                Ok(Some(head)) => {
                    let Some(request) = self.server.request() else {
                        continue;
                    };
                    println!("C: {request}");
                    if let Request::Run(run) = request {
                        self.query = run.query.to_owned();
                    }
                    match (head.message, head.verdict) {
                        (Message::Goodbye, _) => return Ok(()),
                        (_, Verdict::Ignore) => self.server.ignored()?,
                        (message, Verdict::Execute) => self.answer(message)?,
                    }
                }
                Ok(None) => {
                    self.flush()?;
                    let read = self.socket.read(self.server.recv_space())?;
                    self.server.received(read);
                }
                // The error names the mistake of the client.
                Err(violation) => {
                    self.flush()?;
                    return if violation.is_end_of_stream() {
                        Ok(())
                    } else {
                        Err(violation.into())
                    };
                }
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.server.pending_bytes().is_empty() {
            let written = self.socket.write(self.server.pending_bytes())?;
            self.server.wrote(written);
        }
        Ok(())
    }

    fn answer(&mut self, message: Message) -> Outcome<()> {
        let name = message.to_string();
        let mut rules = self.script.iter();
        let rule = rules.find(|rule| rule.request == name && self.query.contains(&rule.query));
        let answers = rule.map(|rule| rule.answers.clone()).unwrap_or_default();
        if let Some(failure) = answers.strip_prefix("FAILURE ") {
            let (code, text) = failure.split_once(' ').unwrap_or((failure, ""));
            println!("S: FAILURE {code}");
            return Ok(self.server.failure(&ServerError::new(code, text))?);
        }
        let groups = answers
            .split('(')
            .skip(1)
            .map(|group| group.split(')').next().unwrap_or_default());
        if message == Message::Run {
            let columns: Vec<&str> = groups.flat_map(str::split_whitespace).collect();
            println!("S: SUCCESS {columns:?}");
            self.query_id += 1;
            let query_id = self.query_id;
            return Ok(self.server.success(|map| {
                map.entry("fields", &columns)?;
                map.entry("qid", &query_id)
            })?);
        }
        if message == Message::Pull {
            for row in groups {
                println!("S: RECORD {row}");
                self.server.record(|values| {
                    row.split_whitespace()
                        .try_for_each(|word| match word.parse::<i64>() {
                            Ok(number) => values.item(&number),
                            Err(_) => values.item(word),
                        })
                })?;
            }
        }
        println!("S: SUCCESS");
        Ok(self.server.success(|map| match message {
            Message::Hello => {
                map.entry("server", "Scripted/1.0")?;
                map.entry("connection_id", "script-1")
            }
            _ => Ok(()),
        })?)
    }
}
