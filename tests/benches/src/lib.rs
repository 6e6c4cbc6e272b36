//! The cost of reading rows and writing parameters, compared with a lower bound on the same bytes in the same run.
//!
//! Everything goes through a [`Connection`](bolt_proto::Connection), frames included. The bound, [`Read::Walk`], walks
//! the same frames without one: it checks bounds and UTF-8, adds up what it reads, and does nothing else. Every way of
//! reading adds up the same values, so no work is optimised away or omitted.
//!
//! The bench `table` prints the instructions a row, and a parameter, for each way. What the whole driver costs is in
//! `tests/benches/RESULTS.md`.
//!
//! What a row costs beyond the bound:
//!
//! * About 90 instructions per row, of any content, for framing and delivery.
//! * UTF-8: safe code cannot have text without the standard library's check, which takes about twice what the bound's does.
//! * Two to three hundred instructions per owned string or list, most of them in `malloc` and `free`.
//! * Names of columns and keys, which the bound does not compare.
//! * In views of containers, finding their length before the value that follows them.
//!
//! Commands:
//!
//! * `cargo test -p benches` runs every workload once in every way, and checks sums and allocations. It needs only
//!   cargo.
//! * `cargo bench -p benches --bench table` prints the whole table: instructions, time and allocations per record. It
//!   needs valgrind and `cargo install gungraun-runner`, in the version that the lock file has of gungraun.
//! * `cargo bench -p benches --bench instructions` compares instructions with those of the previous run.

pub mod client;
pub mod limit;
mod parameters;
mod reads;
pub mod replay;
pub mod row;
pub mod rows;
mod stage;
mod walk;
mod workload;

pub use parameters::{ROWS, Rows, Write, plain, send};
pub use reads::Read;
pub use row::{Case, Row};
pub use rows::Sum;
pub use stage::Stage;
pub use workload::Workload;
