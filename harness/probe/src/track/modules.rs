//! Owns the load map: which file lies where in memory, so that addresses can be given names in another process.

use std::ffi::{CStr, OsStr, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The type of a note that holds a build id, and the name of its owner.
const NT_GNU_BUILD_ID: u32 = 3;
const GNU: &[u8] = b"GNU\0";

/// One file that is mapped as code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Module {
    pub(super) path: PathBuf,
    /// What its addresses are above those in the file.
    pub(super) base: usize,
    /// Its lowest and one past its highest address.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Hexadecimal; empty where the linker gave none.
    pub(super) build_id: String,
}

/// All of them, the program itself first. Allocates.
#[expect(unsafe_code, reason = "asks the dynamic loader")]
pub(super) fn loaded() -> Vec<Module> {
    let mut modules: Vec<Module> = Vec::new();
    // SAFETY: the callback has the type that is asked for, and its data is the vector above, for the time of the call.
    unsafe {
        libc::dl_iterate_phdr(Some(add), (&raw mut modules).cast());
    }
    modules
}

/// Adds one object of the loader to the vector behind `modules`.
#[expect(unsafe_code, reason = "called by the dynamic loader")]
unsafe extern "C" fn add(
    info: *mut libc::dl_phdr_info,
    _size: usize,
    modules: *mut c_void,
) -> c_int {
    // SAFETY: the loader hands over an object whose name and program headers are valid for the time of this call, and
    // the pointer that `loaded` gave it, which nobody else uses meanwhile.
    let (modules, info, name, headers) = unsafe {
        let info = &*info;
        let headers = std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum));
        let name = CStr::from_ptr(info.dlpi_name).to_bytes();
        (&mut *modules.cast::<Vec<Module>>(), info, name, headers)
    };
    let base = usize::try_from(info.dlpi_addr).unwrap_or(0);
    let word = |value: u64| usize::try_from(value).unwrap_or(0);
    let mut module = Module {
        path: path_of(name),
        base,
        start: usize::MAX,
        end: 0,
        build_id: String::new(),
    };
    for header in headers {
        let start = base.wrapping_add(word(header.p_vaddr));
        let end = start.saturating_add(word(header.p_memsz));
        match header.p_type {
            libc::PT_LOAD => {
                module.start = module.start.min(start);
                module.end = module.end.max(end);
            }
            libc::PT_NOTE => {
                // SAFETY: the loader has mapped the notes of the object where its headers say.
                let notes = unsafe {
                    std::slice::from_raw_parts(
                        std::ptr::with_exposed_provenance::<u8>(start),
                        end - start,
                    )
                };
                let align = word(header.p_align).max(4);
                if let Some(id) = build_id(notes, align) {
                    module.build_id = id;
                }
            }
            _ => {}
        }
    }
    // What has no file (the kernel's vdso) is left out: nobody could read its symbols.
    if module.end > 0 && module.path.is_absolute() {
        modules.push(module);
    }
    0
}

fn path_of(name: &[u8]) -> PathBuf {
    if name.is_empty() {
        // The program itself; a path that cannot be read is left out like the vdso.
        return std::fs::read_link("/proc/self/exe").unwrap_or_default();
    }
    Path::new(OsStr::from_bytes(name)).to_owned()
}

/// The build id among notes of this alignment (ELF specification, note section).
fn build_id(mut notes: &[u8], align: usize) -> Option<String> {
    let padded = |bytes: u32| (bytes as usize).checked_next_multiple_of(align);
    loop {
        let (header, rest) = notes.split_first_chunk::<12>()?;
        let word = |at: usize| {
            let bytes = header[at..at + 4].try_into().expect("four bytes");
            u32::from_ne_bytes(bytes)
        };
        let (name_bytes, id_bytes, kind) = (word(0), word(4), word(8));
        let name = rest.get(..name_bytes as usize)?;
        let rest = rest.get(padded(name_bytes)?..)?;
        if kind == NT_GNU_BUILD_ID && name == GNU {
            let id = rest.get(..id_bytes as usize)?;
            return Some(id.iter().map(|byte| format!("{byte:02x}")).collect());
        }
        notes = rest.get(padded(id_bytes)?..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_comes_first_and_holds_its_own_functions() {
        let modules = loaded();
        let program = &modules[0];
        assert_eq!(program.path, std::env::current_exe().unwrap());
        let here = loaded as fn() -> Vec<Module> as usize;
        assert!((program.start..program.end).contains(&here));
        assert!(
            modules
                .iter()
                .any(|module| module.path.to_string_lossy().contains("libc"))
        );
    }

    #[test]
    fn a_build_id_is_found_behind_other_notes_and_never_outside() {
        let mut notes = Vec::new();
        for (name, kind, body) in [
            (&b"Go\0\0"[..3], 7u32, &[9u8, 9, 9][..]),
            (GNU, 3, &[0xab, 1]),
        ] {
            for word in [name.len(), body.len()] {
                notes.extend(u32::try_from(word).unwrap().to_ne_bytes());
            }
            notes.extend(u32::to_ne_bytes(kind));
            for part in [name, body] {
                notes.extend(part);
                notes.resize(notes.len().next_multiple_of(4), 0);
            }
        }
        assert_eq!(build_id(&notes, 4).as_deref(), Some("ab01"));
        for cut in 0..notes.len() - 2 {
            assert_eq!(build_id(&notes[..cut], 4), None, "cut at {cut}");
        }
    }
}
