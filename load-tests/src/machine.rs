//! What the machine is, and who used how much of it.

use std::fs;

/// Processor time so far, in nanoseconds; the kernel counts in hundredths of a second.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) at: u64,
    pub(crate) server: Option<u64>,
    pub(crate) client: u64,
    pub(crate) busy: u64,
    pub(crate) idle: u64,
}

impl Usage {
    pub(crate) fn now(server: Option<u32>) -> Self {
        let (busy, idle) = whole();
        Self {
            at: crate::runtime::now(),
            server: server.and_then(|pid| of_process(&pid.to_string())),
            client: of_process("self").unwrap_or_default(),
            busy,
            idle,
        }
    }
}

#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Machine {
    pub processor: String,
    pub cores: usize,
    pub kernel: String,
}

impl Machine {
    pub(crate) fn this() -> Self {
        let about = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = about
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
            .map_or("unknown", |(_, model)| model.trim());
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            processor: processor.to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: kernel.trim().to_owned(),
        }
    }
}

/// User and system time of all threads.
fn of_process(pid: &str) -> Option<u64> {
    of_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The name in parentheses may hold anything, also spaces and parentheses: fields count from its end.
fn of_stat(stat: &str) -> Option<u64> {
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) * TICK_NS)
}

fn whole() -> (u64, u64) {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields: Vec<u64> = stat
        .lines()
        .next()
        .unwrap_or_default()
        .split_ascii_whitespace()
        .skip(1)
        .take(8)
        .map_while(|field| field.parse().ok())
        .collect();
    let idle: u64 = fields.iter().skip(3).take(2).sum();
    let all: u64 = fields.iter().sum();
    ((all - idle) * TICK_NS, idle * TICK_NS)
}

/// `USER_HZ` is 100 on every Linux.
const TICK_NS: u64 = 10_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_whatever_the_process_is_called() {
        let stat = "77 (a) b (c) S 1 77 77 0 -1 4194304 9 0 0 0 250 50 7 8 20 0 3 0 12 0 0";
        assert_eq!(of_stat(stat), Some(3_000_000_000));
        assert_eq!(of_stat("77 (x) S 1"), None);
    }

    #[test]
    fn this_machine_can_be_read() {
        let usage = Usage::now(Some(std::process::id()));
        assert!(usage.server.is_some() && usage.busy > 0 && usage.idle > 0);
        assert!(Usage::now(Some(u32::MAX)).server.is_none());
        assert!(Machine::this().cores > 0);
    }
}
