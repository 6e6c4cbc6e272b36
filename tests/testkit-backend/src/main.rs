//! The backend as a program: `testkit-backend --runtime tokio --port 9876`.

use std::error::Error;
use std::net::{Ipv4Addr, TcpListener};
use std::{env, process};

use testkit_backend::{Adapter, serve};

fn main() {
    if let Err(error) = run() {
        eprintln!("testkit-backend: {error}");
        process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let (mut adapter, mut port) = (None, 9876);
    let mut arguments = env::args().skip(1);
    while let Some(option) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{option} has no value"))?;
        match option.as_str() {
            "--runtime" => adapter = Some(value.parse::<Adapter>()?),
            "--port" => port = value.parse()?,
            _ => return Err(format!("there is no option {option}: --runtime NAME, --port NUMBER").into()),
        }
    }
    let adapter = adapter.ok_or("--runtime is missing: tokio, async-std, smol or blocking")?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    // TestKit wants other servers than Neo4j to be refused.
    serve(&listener, &adapter, Some("Neo4j/"))?;
    Ok(())
}
