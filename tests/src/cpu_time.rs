//! The CPU time of this process.

use std::fs;
use std::time::Duration;

/// The length of a tick, in which Linux counts: it is 10 ms on each architecture.
const TICK: Duration = Duration::from_millis(10);

/// Returns the CPU time that this process has used, in user and in kernel mode. `None` if the system does not say.
#[must_use]
pub fn cpu_time() -> Option<Duration> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in parentheses, may contain spaces.
    let (_, fields) = text.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let kernel: u32 = fields.next()?.parse().ok()?;
    Some(TICK * user.saturating_add(kernel))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn cpu_time_passes_while_the_process_works() {
        let (start, before) = (Instant::now(), cpu_time().unwrap());
        while cpu_time().unwrap() < before + 5 * TICK {
            assert!(start.elapsed() < Duration::from_secs(60));
        }
    }
}
