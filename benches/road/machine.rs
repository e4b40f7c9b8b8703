//! What Linux says of the machine and of a process. Elsewhere the bench does not run.

use std::fs;
use std::time::Duration;

use crate::Error;

/// What a process had of the CPU since it began, all its threads together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CpuTime {
    /// Time on a core.
    pub(crate) ran: Duration,
    /// Time in which it could have run but had to wait for a core.
    pub(crate) waited: Duration,
}

impl CpuTime {
    /// The CPU time of these processes, exact to the nanosecond where `/proc/PID/stat` counts ticks of 10 ms.
    pub(crate) fn of(pids: &[u32]) -> Result<Self, Error> {
        let mut sum = Self::default();
        for pid in pids {
            for task in fs::read_dir(format!("/proc/{pid}/task"))? {
                let line = fs::read_to_string(task?.path().join("schedstat"))?;
                let mut fields = line.split_ascii_whitespace().map(str::parse::<u64>);
                let mut next = || fields.next().ok_or("expected two numbers in schedstat")?.map_err(Error::from);
                sum.ran += Duration::from_nanos(next()?);
                sum.waited += Duration::from_nanos(next()?);
            }
        }
        Ok(sum)
    }

    /// What was added since `before`.
    pub(crate) fn since(self, before: Self) -> Self {
        // A thread that ended takes its time with it.
        Self { ran: self.ran.saturating_sub(before.ran), waited: self.waited.saturating_sub(before.waited) }
    }
}

/// The memory that process `pid` holds now and held at most, MiB.
pub(crate) fn resident_mib(pid: u32) -> Result<(f64, f64), Error> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| -> Option<f64> {
        let kib: f64 = field(&status, name)?.strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib / 1024.0)
    };
    field("VmRSS").zip(field("VmHWM")).ok_or_else(|| format!("no memory in the status of process {pid}").into())
}

/// Process `pid` and all that descend from it.
pub(crate) fn family(pid: u32) -> Result<Vec<u32>, Error> {
    let mut family = vec![pid];
    let mut next = 0;
    while let Some(pid) = family.get(next) {
        // One that has ended since has no children.
        for task in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten() {
            let children = fs::read_to_string(task?.path().join("children")).unwrap_or_default();
            family.extend(children.split_ascii_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
        next += 1;
    }
    Ok(family)
}

/// The machine class in one line: cores, processor, kernel, and what the kernel does on every packet.
pub(crate) fn class() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let congestion = fs::read_to_string("/proc/sys/net/ipv4/tcp_congestion_control").unwrap_or_default();
    format!(
        "{} cores, {}, Linux {}, TCP {}",
        cores(),
        field(&cpu, "model name").unwrap_or("unknown processor"),
        kernel.split('-').next().unwrap_or_default().trim(),
        congestion.trim(),
    )
}

/// Cores this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The first `name: value` of a file in `/proc`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| Some(line.strip_prefix(name)?.trim_start().strip_prefix(':')?.trim()))
}
