//! Control groups: the memory that the kernel charges to a target's own group.

use std::fs;
use std::path::PathBuf;

use crate::record::event::Cgroup;
use crate::units::Bytes;

/// Where the memory of a group is told, in either version of the interface.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    directory: PathBuf,
    current: &'static str,
    peak: &'static str,
}

/// What the group of the process `pid` is charged with; nothing where it shares leakgate's own group, or has none, or the
/// group may not be read: a figure of the whole machine would be taken for the target's.
pub(super) fn memory(pid: u32) -> Option<Cgroup> {
    let group = group_of(&pid.to_string())?;
    if Some(&group) == group_of("self").as_ref() {
        return None;
    }
    let read = |file| {
        let text = fs::read_to_string(group.directory.join(file)).ok()?;
        text.trim().parse().ok().map(Bytes)
    };
    Some(Cgroup {
        current: read(group.current)?,
        peak: read(group.peak),
    })
}

fn group_of(process: &str) -> Option<Group> {
    let text = super::proc::text(format!("/proc/{process}/cgroup")).ok()?;
    parse(&text)
}

/// `4:memory:/path` (version 1) or `0::/path` (version 2, which lists every controller in one group); the root is nobody's
/// own.
fn parse(text: &str) -> Option<Group> {
    let lines = || text.lines().map(|line| line.splitn(3, ':'));
    let first = lines().find_map(|mut fields| {
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let memory = controllers.split(',').any(|name| name == "memory");
        memory.then(|| Group {
            directory: PathBuf::from(format!("/sys/fs/cgroup/memory{path}")),
            current: "memory.usage_in_bytes",
            peak: "memory.max_usage_in_bytes",
        })
    });
    let second = || {
        lines().find_map(|mut fields| {
            let (number, path) = (fields.next()?, fields.nth(1)?);
            (number == "0").then(|| Group {
                directory: PathBuf::from(format!("/sys/fs/cgroup{path}")),
                current: "memory.current",
                peak: "memory.peak",
            })
        })
    };
    let group = first.or_else(second)?;
    let root = group
        .directory
        .as_os_str()
        .as_encoded_bytes()
        .ends_with(b"/");
    (!root).then_some(group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_version_of_the_interface_is_read_and_the_root_is_nobodys() {
        let directory = |text| parse(text).map(|group| group.directory.display().to_string());
        assert_eq!(
            directory("9:name=systemd:/\n4:cpu,memory:/a/b\n0::/c\n").as_deref(),
            Some("/sys/fs/cgroup/memory/a/b")
        );
        assert_eq!(
            directory("0::/system.slice/d.service\n").as_deref(),
            Some("/sys/fs/cgroup/system.slice/d.service")
        );
        assert_eq!(directory("4:memory:/\n0::/\n"), None);
        assert_eq!(directory("9:name=systemd:/\n"), None);
    }

    #[test]
    fn a_process_in_leakgates_own_group_has_none_of_its_own() {
        assert_eq!(memory(std::process::id()), None);
    }
}
