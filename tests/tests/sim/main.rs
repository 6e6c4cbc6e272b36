//! The driver in simulated worlds: see `tests::sim`.

use tests::sim::World;

#[test]
fn worlds_hold() {
    let seed: Option<u64> = std::env::var("SIM_SEED").ok().map(|s| s.parse().unwrap());
    if let Some(seed) = seed {
        let mut w = World::of(seed);
        w.traced = true;
        let o = w.run();
        for l in &o.trace {
            println!("{l}");
        }
        for v in &o.violations {
            println!("VIOLATION {v}");
        }
        return;
    }
    let n: u64 = std::env::var("SIM_WORLDS")
        .ok()
        .map_or(2000, |s| s.parse().unwrap());
    let mut bad = 0;
    let mut queries = 0;
    for seed in 0..n {
        let o = World::of(seed).run();
        queries += o.queries;
        if !o.violations.is_empty() {
            bad += 1;
            if bad < 30 {
                println!("seed {seed}: {:?}", &o.violations[..o.violations.len().min(3)]);
            }
        }
    }
    println!("{n} worlds, {queries} queries, {bad} bad");
}
