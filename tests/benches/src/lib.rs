//! The cost of reading rows and writing parameters, compared with a lower bound on the same bytes in the same run.
//!
//! Everything goes through a [`Connection`](bolt_proto::Connection), frames included. The bound, [`Read::Walk`], walks
//! the same frames without one: it checks bounds and UTF-8, adds up what it reads, and does nothing else. Every way of
//! reading adds up the same values, so no work is optimised away or omitted.
//!
//! Instructions per row as multiples of the bound, by rustc 1.95 on x86-64:
//!
//! | | ints | wide | nodes | strings | lists | temporal |
//! |---|---:|---:|---:|---:|---:|---:|
//! | bound, instructions | 100 | 506 | 762 | 350 | 16,103 | 652 |
//! | bound with the standard library's check of UTF-8 | 1.0 | 1.4 | 2.1 | 1.9 | 1.0 | 1.0 |
//! | views | 2.4 | 3.6 | 5.2 | 2.7 | 5.6 | 3.7 |
//! | get, by name and not in order | 2.1 | 5.3 | 7.3 | 2.5 | 1.6 | 2.1 |
//! | serde, borrowed | 2.3 | 2.3 | 4.2 | 2.6 | 1.1 | 2.0 |
//! | serde, owned | 2.3 | 3.6 | 6.0 | 3.6 | 1.5 | 2.0 |
//! | record kept | 4.4 | 1.6 | 1.3 | 1.8 | 1.2 | 1.7 |
//! | trees | 3.0 | 5.5 | 7.6 | 3.5 | 5.2 | 3.2 |
//!
//! Parameters, a map of 53 bytes: 139 instructions by hand, 1.8 times that by `ToValue`, 2.0 times by serde.
//!
//! The remaining cost:
//!
//! * About 90 instructions per row, of any content, for framing and delivery.
//! * UTF-8: safe code cannot have text without the standard library's check (the second line is the minimum).
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
