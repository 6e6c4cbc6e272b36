//! Every workload once in every way: the sums agree, and allocations are as promised.

use allocation_counter::{AllocationInfo, measure};
use benches::{ROWS, Read, Rows, Stage, Workload, Write, plain, send};

fn allocations(workload: Workload, read: Read) -> AllocationInfo {
    let mut stage = Stage::ready(workload);
    measure(|| assert_ne!(read.run(&mut stage), 0))
}

#[test]
fn every_way_of_reading_has_the_same_sum() {
    for workload in Workload::ALL {
        let bound = Read::Walk.run(&mut Stage::ready(workload));
        for read in Read::ALL {
            let sum = read.run(&mut Stage::ready(workload));
            if read == Read::Kept {
                assert_eq!(sum, (workload.rows() * workload.columns().len()) as u64);
            } else {
                assert_eq!(sum, bound, "{} by {}", workload.name(), read.name());
            }
        }
    }
}

#[test]
fn borrowed_rows_and_structs_need_no_allocation() {
    for workload in Workload::ALL {
        for read in [Read::Walk, Read::Safe, Read::Views, Read::Borrowed] {
            let allocations = allocations(workload, read).count_total;
            assert_eq!(allocations, 0, "{} by {}", workload.name(), read.name());
        }
    }
    for workload in [
        Workload::Ints,
        Workload::Wide,
        Workload::Strings,
        Workload::Temporal,
    ] {
        assert_eq!(
            allocations(workload, Read::Get).count_total,
            0,
            "{} by get",
            workload.name()
        );
    }
}

#[test]
fn a_kept_record_needs_one_allocation() {
    for workload in Workload::ALL {
        let allocations = allocations(workload, Read::Kept).count_total;
        assert_eq!(allocations, workload.rows() as u64, "{}", workload.name());
    }
}

#[test]
fn an_owned_struct_needs_one_allocation_per_string_and_list() {
    let each = |workload| allocations(workload, Read::Owned).count_total / workload.rows() as u64;
    assert_eq!(Workload::ALL.map(each), [0, 3, 6, 1, 1, 0]);
}

#[test]
fn memory_does_not_grow_from_batch_to_batch() {
    for workload in Workload::ALL {
        for read in &Read::ALL[2..] {
            let mut stage = Stage::ready(workload);
            let first = read.run(&mut stage);
            let held = measure(|| {
                for _ in 0..10 {
                    stage.arrive();
                    assert_eq!(read.run(&mut stage), first);
                }
            });
            assert_eq!(held.bytes_current, 0, "{} by {}", workload.name(), read.name());
        }
    }
}

#[test]
fn every_way_of_writing_makes_the_same_bytes() {
    let rows = Rows::new(ROWS);
    let bound = plain(&rows);
    for write in [Write::ToValue, Write::Serde] {
        let query = write.run(&rows);
        assert_eq!(query.check(), Ok(()));
        let bytes = query.parameters().bytes.strip_prefix(b"\x84rows");
        assert!(bytes == Some(&bound[..]), "by {}", write.name());
        assert!(send(&query) > bound.len());
    }
}

#[test]
fn writing_needs_no_allocation_per_row() {
    let rows = Rows::new(ROWS);
    for write in Write::ALL {
        let allocations = measure(|| drop(write.run(&rows))).count_total;
        assert!(
            allocations < u64::from(ROWS) / 100,
            "{}: {allocations}",
            write.name()
        );
    }
}
