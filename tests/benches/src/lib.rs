//! What reading rows and writing parameters costs, beside a bare lower bound on the same bytes in the same run.
//!
//! Everything goes through a [`Connection`](bolt_proto::Connection), frames included. The bound, [`Read::Walk`], goes through
//! the same frames without one: it checks bounds and UTF-8, adds up what it reads, and does nothing else. Every way of
//! reading adds up the same, so no work is optimised away or forgotten.
//!
//! Instructions for a row as multiples of the bound's, by rustc 1.95 on x86-64:
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
//! Where the rest goes: about 90 instructions a row for cutting and handing it out, whatever is in it; text, which
//! safe code cannot have without the standard library's check (the second line is as far down as it gets); two to
//! three hundred a string or a list that is owned, most of them `malloc` and `free`; names of columns and keys,
//! which the bound does not compare; and in views of containers their length, which must be found before what is
//! behind them.
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
