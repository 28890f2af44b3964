//! Reads what the operating system knows of the relays' processes.

use std::fs;

use anyhow::{Context, Result};

/// CPU time and memory of all relays at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) cpu_ns: u64,
    pub(crate) rss_kib: u64,
    /// The most that they ever had, each by itself.
    pub(crate) peak_kib: u64,
}

/// Sums over the processes; `None` when none was named.
pub(crate) fn sample(pids: &[u32]) -> Result<Option<Sample>> {
    let mut sum = Sample::default();
    for &pid in pids {
        let gone = || format!("relay process {pid} is not running: look at its standard error");
        sum.cpu_ns += cpu_ns(pid).with_context(gone)?;
        sum.rss_kib += kib(pid, "VmRSS:").with_context(gone)?;
        sum.peak_kib += kib(pid, "VmHWM:").with_context(gone)?;
    }
    Ok((!pids.is_empty()).then_some(sum))
}

/// To the nanosecond from the scheduler; from the clock ticks of `stat` where that is not built in.
fn cpu_ns(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end between the listing and the reading.
        if let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) {
            sum += text.split(' ').next().and_then(|on_cpu| on_cpu.parse().ok()).unwrap_or(0);
        }
    }
    if sum > 0 { Ok(sum) } else { cpu_ns_of_stat(pid) }
}

#[allow(unsafe_code, reason = "no crate that is here has a safe function for it")]
fn cpu_ns_of_stat(pid: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold spaces; utime and stime are fields 14 and 15.
    let after_name = text.rsplit(')').next().unwrap_or("");
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).filter_map(|f| f.parse::<u64>().ok()).sum();
    // SAFETY: sysconf reads a constant.
    let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) }.max(1) as u64;
    Ok(ticks * 1_000_000_000 / per_second)
}

fn kib(pid: u32, field: &str) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.split_whitespace().next())
        .and_then(|kib| kib.parse().ok())
        .with_context(|| format!("no {field} the process has ended"))
}
