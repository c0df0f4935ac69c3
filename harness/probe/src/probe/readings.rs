//! Owns what the probe reads about its own process from the system, without allocating.

use rustix::fs::{Mode, OFlags};

/// Resident and virtual size of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Memory {
    pub(super) resident_bytes: u64,
    pub(super) virtual_bytes: u64,
}

/// What glibc's allocator holds over all its arenas, Rust's and C's blocks alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CHeap {
    pub(super) in_use_bytes: u64,
    pub(super) mapped_bytes: u64,
    pub(super) free_bytes: u64,
}

/// Reads `/proc/self/statm`, the same file as memory-stats does, but into the stack. `None` where /proc is not mounted.
pub(super) fn memory() -> Option<Memory> {
    let statm = rustix::fs::open(
        c"/proc/self/statm",
        OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .ok()?;
    // Seven numbers of at most 20 digits.
    let mut text = [0u8; 160];
    let len = rustix::io::read(&statm, &mut text).ok()?;
    let mut pages = std::str::from_utf8(&text[..len])
        .ok()?
        .split(' ')
        .map(str::parse::<u64>);
    let page_bytes = page_bytes()?;
    let virtual_bytes = pages.next()?.ok()?.checked_mul(page_bytes)?;
    let resident_bytes = pages.next()?.ok()?.checked_mul(page_bytes)?;
    Some(Memory {
        resident_bytes,
        virtual_bytes,
    })
}

/// The size of a page, as the C library knows it. rustix would look for the kernel's vDSO, where a program dies under
/// valgrind, which hides it.
fn page_bytes() -> Option<u64> {
    #[expect(unsafe_code, reason = "sysconf is C")]
    // SAFETY: takes no pointer, and changes nothing.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(bytes).ok()
}

/// memory-stats' own reading of this process. It reads into a `String`, so it allocates and frees some 4 KiB.
pub(super) fn memory_from_memory_stats() -> Option<Memory> {
    let stats = memory_stats::memory_stats()?;
    Some(Memory {
        resident_bytes: stats.physical_mem as u64,
        virtual_bytes: stats.virtual_mem as u64,
    })
}

/// Asks glibc. `None` with another C library.
pub(super) fn c_heap() -> Option<CHeap> {
    #[cfg(target_env = "gnu")]
    {
        #[expect(unsafe_code, reason = "mallinfo2 is C")]
        // SAFETY: takes no argument and only reads under the allocator's own locks.
        let info = unsafe { libc::mallinfo2() };
        Some(CHeap {
            in_use_bytes: info.uordblks as u64 + info.hblkhd as u64,
            mapped_bytes: info.arena as u64 + info.hblkhd as u64,
            free_bytes: info.fordblks as u64,
        })
    }
    #[cfg(not(target_env = "gnu"))]
    None
}

/// Gives the system back what glibc's allocator can spare. Whether anything went; `None` with another C library.
pub(super) fn trim() -> Option<bool> {
    #[cfg(target_env = "gnu")]
    {
        #[expect(unsafe_code, reason = "malloc_trim is C")]
        // SAFETY: takes a size and works under the allocator's own locks.
        let released = unsafe { libc::malloc_trim(0) };
        Some(released == 1)
    }
    #[cfg(not(target_env = "gnu"))]
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_reading_and_memory_stats_reading_agree() {
        let ours = memory().expect("/proc is mounted");
        let theirs = memory_from_memory_stats().expect("/proc is mounted");
        // Other tests run beside this one; both read the same counters a few microseconds apart.
        assert!(ours.resident_bytes.abs_diff(theirs.resident_bytes) < 64 << 20);
        assert!(ours.resident_bytes > 100_000 && ours.virtual_bytes > ours.resident_bytes);
    }

    #[cfg(target_env = "gnu")]
    #[test]
    fn the_c_heap_is_what_is_in_use_and_what_is_free() {
        let heap = c_heap().expect("glibc");
        assert_eq!(heap.mapped_bytes, heap.in_use_bytes + heap.free_bytes);
    }
}
