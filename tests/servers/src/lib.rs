//! Starts real Bolt servers for tests and stops them again, whatever becomes of the test.
//!
//! ```no_run
//! use servers::{Neo4j, Release};
//!
//! let server = Neo4j::start(Release::Neo4j5)?;
//! println!("{} as {}", server.uri(), server.username());
//! # Ok::<(), servers::StartError>(())
//! ```
//!
//! The servers are Neo4j Community from its Maven artefacts: nothing is installed, `mvn` fetches the jars once
//! into a cache below the target directory (`BOLT_TEST_CACHE` names another folder), and a Java that fits is
//! looked for. Each start has a home folder, a port and a password of its own, on 127.0.0.1 only, so a test never
//! talks to a server that it did not start.
//!
//! A [`Neo4j`] stops its server when it is dropped. If the process ends without that (abort, SIGKILL), a small
//! process beside the server notices and does the same: see `keeper.sh`.
//!
//! The binary of this crate does it for people and scripts: `cargo run -p servers -- neo4j-5`.

mod cache;
mod error;
mod java;
mod keeper;
mod neo4j;
mod release;

pub use error::StartError;
pub use neo4j::{Builder, Neo4j};
pub use release::{Release, UnknownRelease};
