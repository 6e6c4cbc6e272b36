//! What reading rows and writing parameters costs, beside a bare lower bound on the same bytes in the same run.
//!
//! Everything goes through a [`Connection`](bolt_proto::Connection), frames included. The bound, [`Read::Walk`], goes through
//! the same frames without one: it checks bounds and UTF-8, adds up what it reads, and does nothing else. Every way of
//! reading adds up the same, so no work is optimised away or forgotten.
//!
//! * `cargo test -p benches` runs every workload once in every way, and checks sums and allocations. It needs nothing
//!   but cargo.
//! * `cargo bench -p benches --bench table` prints the whole table: instructions, time and allocations a record.
//!   It needs valgrind and `cargo install gungraun-runner`, in the version that the lock file has of gungraun.
//! * `cargo bench -p benches --bench instructions` compares instructions with those of the run before.

mod parameters;
mod reads;
mod rows;
mod stage;
mod walk;
mod workload;

pub use parameters::{ROWS, Rows, Write, plain, send};
pub use reads::Read;
pub use stage::Stage;
pub use workload::Workload;
