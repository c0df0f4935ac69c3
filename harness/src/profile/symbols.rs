//! The names of addresses in one ELF file: from its line tables, or else from its symbol table.

use addr2line::Context;
use addr2line::gimli::{self, EndianSlice, RunTimeEndian};
use object::read::{SymbolMap, SymbolMapName};
use object::{Object, ObjectSection};

/// Where code came from: one function, inlined or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Symbol {
    /// Its path, without a hash; of an inlined function often only the last component.
    pub function: String,
    /// Its source file, as the compiler knew it.
    pub file: Option<String>,
    pub line: u32,
    pub column: u32,
}

/// Why a file names nothing.
#[derive(Debug, thiserror::Error)]
pub enum SymbolsError {
    /// It is not an ELF file, or a damaged one.
    #[error("it cannot be read as an ELF file")]
    Object(#[from] object::Error),
    /// Its debug information is damaged.
    #[error("its line tables cannot be read")]
    Dwarf(#[from] gimli::Error),
    /// It is not the file that ran.
    #[error("it is another build than the one that ran: build id {found}, expected {expected}")]
    Changed {
        /// Its own.
        found: String,
        /// That of the file that ran.
        expected: String,
    },
}

/// An ELF file's line tables and symbols.
pub(super) struct Symbols<'data> {
    lines: Context<EndianSlice<'data, RunTimeEndian>>,
    names: SymbolMap<SymbolMapName<'data>>,
}

impl<'data> Symbols<'data> {
    /// Reads a file that must have this build id, hexadecimal; an empty one is not compared.
    pub(super) fn parse(data: &'data [u8], build_id: &str) -> Result<Self, SymbolsError> {
        let file = object::File::parse(data)?;
        let found = file.build_id()?.unwrap_or_default();
        let found: String = found.iter().map(|byte| format!("{byte:02x}")).collect();
        if found != build_id && !build_id.is_empty() {
            return Err(SymbolsError::Changed {
                found,
                expected: build_id.to_owned(),
            });
        }
        let endian = match file.is_little_endian() {
            true => RunTimeEndian::Little,
            false => RunTimeEndian::Big,
        };
        let section = |id: gimli::SectionId| {
            let section = file.section_by_name(id.name());
            // A compressed section reads as none: its functions keep the names of the symbol table.
            let data = section
                .filter(|section| {
                    section
                        .compressed_file_range()
                        .is_ok_and(|range| range.format == object::CompressionFormat::None)
                })
                .and_then(|section| section.data().ok());
            Ok::<_, gimli::Error>(EndianSlice::new(data.unwrap_or_default(), endian))
        };
        Ok(Self {
            lines: Context::from_dwarf(gimli::Dwarf::load(section)?)?,
            names: file.symbol_map(),
        })
    }

    /// The functions that the instruction at `address` of the file belongs to, the innermost first; none where
    /// nothing is known.
    pub(super) fn at(&self, address: u64) -> Vec<Symbol> {
        let mut symbols = Vec::new();
        if let Ok(mut frames) = self.lines.find_frames(address).skip_all_loads() {
            while let Ok(Some(frame)) = frames.next() {
                let name = frame
                    .function
                    .as_ref()
                    .and_then(|name| name.raw_name().ok());
                let name = name.as_deref().or_else(|| self.name(address));
                let location = frame.location.as_ref();
                symbols.push(Symbol {
                    function: demangled(name.unwrap_or("???")),
                    file: location.and_then(|at| at.file).map(str::to_owned),
                    line: location.and_then(|at| at.line).unwrap_or(0),
                    column: location.and_then(|at| at.column).unwrap_or(0),
                });
            }
        }
        if symbols.is_empty() {
            symbols.extend(self.name(address).map(|name| Symbol {
                function: demangled(name),
                file: None,
                line: 0,
                column: 0,
            }));
        }
        symbols
    }

    fn name(&self, address: u64) -> Option<&'data str> {
        self.names.containing(address).map(SymbolMapName::name)
    }
}

/// A Rust name as it is read; others as they are. The alternate form has no hash.
fn demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(never)]
    fn landmark() -> u64 {
        std::hint::black_box(7)
    }

    #[test]
    fn a_function_is_found_at_its_line() {
        let data = std::fs::read("/proc/self/exe").unwrap();
        let symbols = Symbols::parse(&data, "").unwrap();
        // Where this program lies: the lowest address of its own mappings.
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let base = maps.split('-').next().unwrap();
        let base = u64::from_str_radix(base, 16).unwrap();
        assert_eq!(landmark(), 7);
        let found = symbols.at(landmark as fn() -> u64 as usize as u64 - base);
        let outermost = found.last().expect("it has a line table");
        assert!(outermost.function.ends_with("landmark"), "{found:?}");
        let file = outermost.file.as_deref().unwrap_or_default();
        assert!(file.ends_with("profile/symbols.rs"), "{found:?}");
        assert_eq!(symbols.at(1 << 40), [], "far behind the end of the file");
    }

    #[test]
    fn another_build_is_refused() {
        let data = std::fs::read("/proc/self/exe").unwrap();
        let refused = Symbols::parse(&data, "00ff").err().expect("refused");
        assert!(matches!(refused, SymbolsError::Changed { .. }), "{refused}");
    }
}
