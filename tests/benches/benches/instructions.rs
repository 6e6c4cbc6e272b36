//! Instructions of each way of reading and writing, compared with the lower bound. See the front page of the crate.

#![expect(missing_docs, reason = "the items that the macros generate have none")]

use benches::{ROWS, Read, Rows, Stage, Workload, Write};
use gungraun::prelude::*;

/// One benchmark for each way, over all workloads. The stage is returned so that its drop is not measured.
macro_rules! reads {
    ($($name:ident $read:ident)*) => {
        $(
            #[library_benchmark(setup = Stage::ready)]
            #[bench::ints(Workload::Ints)]
            #[bench::wide(Workload::Wide)]
            #[bench::nodes(Workload::Nodes)]
            #[bench::strings(Workload::Strings)]
            #[bench::lists(Workload::Lists)]
            #[bench::temporal(Workload::Temporal)]
            fn $name(mut stage: Stage) -> (u64, Stage) {
                (Read::$read.run(&mut stage), stage)
            }
        )*
        library_benchmark_group!(name = reads; compare_by_id = true; benchmarks = $($name),*);
    };
}

macro_rules! writes {
    ($($name:ident $write:ident)*) => {
        $(
            #[library_benchmark(setup = Rows::new)]
            #[bench::parameters(ROWS)]
            fn $name(rows: Rows) -> (bolt_proto::Query, Rows) {
                (Write::$write.run(&rows), rows)
            }
        )*
        library_benchmark_group!(name = writes; compare_by_id = true; benchmarks = $($name),*);
    };
}

reads! { walk Walk safe Safe views Views get Get borrowed Borrowed owned Owned kept Kept trees Trees }
writes! { plain Plain to_value ToValue serde Serde }

main!(library_benchmark_groups = reads, writes);
