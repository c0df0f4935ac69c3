//! What the kernel says of a process.

use crate::support::Failure;

/// Resident memory in bytes.
pub(crate) fn resident(pid: u32) -> Result<f64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_ascii_whitespace().next());
    Ok(kib.ok_or("no VmRSS")?.parse::<f64>()? * 1024.0)
}
