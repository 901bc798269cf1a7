//! What a process takes.

/// In kB.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    pub peak: u64,
    pub now: u64,
}

impl Memory {
    /// Of a process that lives, as the kernel tells it.
    pub fn of(pid: u32) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process that lives");
        let kilobytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a known field");
            line.trim().trim_end_matches(" kB").parse().expect("a number")
        };
        Self { peak: kilobytes("VmHWM:"), now: kilobytes("VmRSS:") }
    }
}
