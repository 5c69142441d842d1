//! What the process uses of the machine, under the names that all programs use.

use std::fs;

use rustix::process::{Resource, getrlimit};

use super::page::{Kind, Page};

/// Linux counts processor time for programs in hundredths of a second, on every machine.
const TICKS_PER_SECOND: u64 = 100;

/// Writes what the process uses; a figure that the system does not tell is left out.
pub fn write(page: &mut Page) {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    if let Some(ticks) = cpu_ticks(&stat) {
        let hundredths = ticks % TICKS_PER_SECOND;
        page.single(
            Kind::Counter,
            "process_cpu_seconds_total",
            "Processor time used, in seconds.",
            format_args!("{}.{hundredths:02}", ticks / TICKS_PER_SECOND),
        );
    }
    if let Some(bytes) = resident_bytes() {
        page.single(Kind::Gauge, "process_resident_memory_bytes", "Memory in use.", bytes);
    }
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        page.single(Kind::Gauge, "process_open_fds", "Open files.", files.count());
    }
    if let Some(most) = getrlimit(Resource::Nofile).current {
        page.single(Kind::Gauge, "process_max_fds", "Files that may be open.", most);
    }
    if let Some(threads) = status_number("Threads:") {
        page.single(Kind::Gauge, "process_threads", "Threads.", threads);
    }
}

/// User and system time, from the text of `/proc/self/stat`.
fn cpu_ticks(stat: &str) -> Option<u64> {
    // The second field is the program's name in brackets, and may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    let user: u64 = fields.nth(11)?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// Memory in use.
pub fn resident_bytes() -> Option<u64> {
    Some(status_number("VmRSS:")? * 1024)
}

/// A number from `/proc/self/status`.
fn status_number(name: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_any_name() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194304 100 0 0 0 250 75 0 0 20 0 8 0 12345 1 2";

        assert_eq!(cpu_ticks(stat), Some(325));
    }

    #[test]
    fn this_process_tells_what_it_uses() {
        let mut page = Page::default();
        write(&mut page);
        let text = page.into_text();

        for name in ["cpu_seconds_total", "resident_memory_bytes", "open_fds", "max_fds"] {
            assert!(text.contains(&format!("\nprocess_{name} ")), "{name}: {text}");
        }
    }
}
