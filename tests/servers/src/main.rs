//! Starts a server from the command line.

use std::env;
use std::io;
use std::process::{Command, ExitCode};

use servers::{Neo4j, Release};

const USAGE: &str = "\
Starts a Neo4j with an empty database on 127.0.0.1, and stops it again.

usage: servers RELEASE                       run it until standard input ends or Ctrl-C
       servers RELEASE -- COMMAND [ARG ...]  run COMMAND with it, and end with COMMAND's exit code

NEO4J_URI, NEO4J_USERNAME and NEO4J_PASSWORD are its address and login: the first form prints them
for a shell, COMMAND has them in its environment.

RELEASE is one of";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let result = match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["-h" | "--help"] => {
            println!("{}", usage());
            return ExitCode::SUCCESS;
        }
        [release] => serve(release),
        [release, "--", program, arguments @ ..] => run(release, program, arguments),
        _ => Err(usage()),
    };
    result.unwrap_or_else(|message| {
        eprintln!("{message}");
        ExitCode::from(2)
    })
}

/// Prints the server's address and runs until standard input ends. Ctrl-C ends this process, which stops the server.
fn serve(release: &str) -> Result<ExitCode, String> {
    let server = start(release)?;
    for (name, value) in variables(&server) {
        println!("export {name}={value}");
    }
    eprintln!(
        "{release} runs as process {}; end the input (Ctrl-D) to stop it",
        server.pid()
    );
    io::copy(&mut io::stdin().lock(), &mut io::sink())
        .map_err(|error| format!("reading the input: {error}"))?;
    Ok(ExitCode::SUCCESS)
}

fn run(release: &str, program: &str, arguments: &[&str]) -> Result<ExitCode, String> {
    let server = start(release)?;
    let status = Command::new(program)
        .args(arguments)
        .envs(variables(&server))
        .status()
        .map_err(|error| format!("running {program}: {error}"))?;
    drop(server);
    // A command that was ended by a signal has no code.
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}

fn start(release: &str) -> Result<Neo4j, String> {
    let release: Release = release
        .parse()
        .map_err(|error| format!("{error}\n\n{}", usage()))?;
    Neo4j::start(release).map_err(|error| error.to_string())
}

fn variables(server: &Neo4j) -> [(&'static str, String); 3] {
    [
        ("NEO4J_URI", server.uri()),
        ("NEO4J_USERNAME", server.username().to_owned()),
        ("NEO4J_PASSWORD", server.password().to_owned()),
    ]
}

fn usage() -> String {
    format!("{USAGE} {}", Release::ALL.map(Release::name).join(", "))
}
