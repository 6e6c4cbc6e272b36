//! Starts real Bolt servers for tests, and stops them however the test ends.
//!
//! ```no_run
//! use servers::{Neo4j, Release};
//!
//! let server = Neo4j::start(Release::Neo4j5)?;
//! println!("{} as {}", server.uri(), server.username());
//! # Ok::<(), servers::StartError>(())
//! ```
//!
//! The servers are Neo4j Community from its Maven artefacts. Nothing is installed: `mvn` fetches the jars once into a
//! cache below the target directory (`BOLT_TEST_CACHE` names another folder), and a suitable Java is searched for. Each
//! start has its own home folder, port and password, on 127.0.0.1 only, so a test never talks to a server that it did
//! not start.
//!
//! Dropping a [`Neo4j`] stops its server. If the process ends without a drop (abort, SIGKILL), a small process beside
//! the server notices and stops it: see `keeper.sh`.
//!
//! The binary of this crate does the same on the command line: `cargo run -p servers -- neo4j-5`.

mod cache;
mod error;
mod java;
mod keeper;
mod neo4j;
mod release;
mod tls;

pub use error::StartError;
pub use neo4j::{Builder, Neo4j};
pub use release::{Release, UnknownRelease};
pub use tls::TlsPolicy;
