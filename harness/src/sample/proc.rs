//! `/proc`: the process tree and what each of its processes holds.
//!
//! A process may end between two reads: what has gone by then counts as gone, not as an error.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::record::event::Memory;
use crate::units::Bytes;

/// One process, as `/proc/<pid>/stat` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Its parent's id.
    pub parent: u32,
    /// Whether it is dead and not reaped yet.
    pub zombie: bool,
}

/// Every descendant of `root` (itself not included), parents before children.
///
/// One pass over `/proc`: the kernel's own `children` files are not compiled in everywhere, and
/// promise to be right only while the process stands still.
///
/// # Errors
/// When `/proc` itself cannot be listed.
pub fn descendants(root: u32) -> io::Result<Vec<Process>> {
    let mut by_parent: HashMap<u32, Vec<Process>> = HashMap::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        if let Some(process) = read_process(pid) {
            by_parent.entry(process.parent).or_default().push(process);
        }
    }
    let mut found = Vec::new();
    let mut next = vec![root];
    while let Some(pid) = next.pop() {
        for process in by_parent.remove(&pid).unwrap_or_default() {
            next.push(process.pid);
            found.push(process);
        }
    }
    Ok(found)
}

/// Whether a process is there and has not ended.
pub fn is_alive(pid: u32) -> bool {
    read_process(pid).is_some_and(|process| !process.zombie)
}

/// One process; nothing when it is not there.
pub fn read_process(pid: u32) -> Option<Process> {
    parse_stat(&text(format!("/proc/{pid}/stat")).ok()?)
}

/// A table of `/proc`. Processes and groups name themselves, and with any bytes: a name that is no UTF-8 must not hide the
/// figures that stand beside it.
pub(crate) fn text(path: impl AsRef<Path>) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&fs::read(path)?).into_owned())
}

/// `pid (name) state ppid ...`; the name may hold spaces and parentheses, so the last `)` counts.
fn parse_stat(stat: &str) -> Option<Process> {
    let (head, tail) = stat.rsplit_once(')')?;
    let pid = head.split_once(' ')?.0.parse().ok()?;
    let mut fields = tail.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    Some(Process {
        pid,
        parent,
        zombie: matches!(state, "Z" | "X"),
    })
}

/// The command line of a process, for people: arguments joined by spaces, at most 200 characters.
pub fn command_line(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).replace('\0', " ");
    let text: String = text.trim_end().chars().take(200).collect();
    if text.is_empty() {
        format!("process {pid}")
    } else {
        text
    }
}

/// Counts the threads of a process by name into `names`.
pub fn count_threads(pid: u32, names: &mut BTreeMap<String, u32>) {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return;
    };
    for entry in entries.flatten() {
        let mut path: PathBuf = entry.path();
        path.push("comm");
        if let Ok(name) = text(path) {
            *names.entry(name.trim_end().to_owned()).or_default() += 1;
        }
    }
}

/// Memory of one process from `smaps_rollup`, `status` and `maps`; nothing when it has gone.
///
/// `rss` and `high_water` are this process's own; summing is the caller's.
pub fn memory(pid: u32) -> Option<Memory> {
    let rollup = text(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let status = text(format!("/proc/{pid}/status")).ok()?;
    let maps = fs::read(format!("/proc/{pid}/maps")).ok()?;
    let field = |name| kib_field(&rollup, name);
    let rss = field("Rss");
    Some(Memory {
        rss,
        tree_rss: rss,
        pss: field("Pss"),
        private_dirty: field("Private_Dirty"),
        anonymous: field("Anonymous"),
        swap: field("Swap"),
        high_water: kib_field(&status, "VmHWM"),
        cycle_high_water: None,
        mappings: maps.iter().filter(|&&byte| byte == b'\n').count() as u64,
        page_tables: kib_field(&status, "VmPTE"),
        locked: kib_field(&status, "VmLck"),
    })
}

/// Starts the search for the most resident memory of a process anew; whether the kernel did so.
///
/// It writes one number of the process's memory descriptor: no thread of it runs for that, and nothing of it is touched.
pub fn reset_high_water(pid: u32) -> bool {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").is_ok()
}

/// `Name:   123 kB` of a `/proc` table, in bytes; 0 when it is not there.
fn kib_field(text: &str, name: &str) -> Bytes {
    let value = text.lines().find_map(|line| {
        let value = line.strip_prefix(name)?.strip_prefix(':')?;
        value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
    });
    Bytes(value.unwrap_or(0) * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_confuse_the_parser() {
        let process = parse_stat("42 (a) S 1) Z 7 42 42 0 -1").unwrap();
        assert_eq!(
            process,
            Process {
                pid: 42,
                parent: 7,
                zombie: true
            }
        );
    }

    #[test]
    fn a_process_whose_name_is_no_utf8_is_seen_like_any_other() {
        let mut child = std::process::Command::new("sh")
            .args([
                "-c",
                r#"printf 'w\303' >/proc/$$/comm && echo named && read x"#,
            ])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut named = [0; 6];
        let mut output = child.stdout.take().unwrap();
        std::io::Read::read_exact(&mut output, &mut named).unwrap();
        assert_eq!(
            fs::read(format!("/proc/{}/comm", child.id())).unwrap(),
            b"w\xc3\n"
        );

        assert!(is_alive(child.id()));
        let tree = descendants(std::process::id()).unwrap();
        assert!(tree.iter().any(|process| process.pid == child.id()));
        let mut threads = BTreeMap::new();
        count_threads(child.id(), &mut threads);
        assert_eq!(threads, BTreeMap::from([("w\u{fffd}".to_owned(), 1)]));
        assert!(memory(child.id()).unwrap().high_water.0 > 0);

        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    fn a_child_is_found_and_its_death_is_seen_before_it_is_reaped() {
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let me = std::process::id();
        let id = child.id();
        let seen = |zombie| {
            descendants(me)
                .unwrap()
                .iter()
                .any(|p| p.pid == id && p.zombie == zombie)
        };
        assert!(seen(false));
        let pid = rustix::process::Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        rustix::process::waitid(
            rustix::process::WaitId::Pid(pid),
            rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOWAIT,
        )
        .unwrap();
        assert!(seen(true));
        child.wait().unwrap();
        assert!(!seen(true) && !seen(false));
    }

    #[test]
    fn my_own_memory_and_threads_are_read() {
        let me = std::process::id();
        let memory = memory(me).unwrap();
        assert!(memory.rss.0 > 100_000 && memory.high_water >= memory.rss);
        assert!(memory.mappings > 10 && memory.page_tables.0 > 0);
        let mut threads = BTreeMap::new();
        count_threads(me, &mut threads);
        assert!(threads.values().sum::<u32>() >= 1);
    }
}
