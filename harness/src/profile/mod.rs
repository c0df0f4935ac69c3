//! Profiles: dhat's JSON, or the tracker's once it has symbols, reduced to what each allocation site left alive.

mod dhat;
mod frame;
mod sources;
mod symbols;
mod track;

pub use dhat::{Alive, Profile, ProfileError};
pub use frame::is_carrier;
pub use sources::Sources;
pub use symbols::SymbolsError;
pub use track::{ResolveError, resolve};

use std::collections::BTreeMap;

use crate::record::event::{SiteSurvivors, SitesCompared};

/// Sites kept of a comparison; the rest grew by fewer blocks than each of these.
const SITES_MAX: usize = 64;

/// Puts the survivors of two windows side by side, site by site.
pub fn compare(windows: &[Profile; 2], cycles: [u32; 2]) -> SitesCompared {
    let mut sites: BTreeMap<&dhat::Place, SiteSurvivors> = BTreeMap::new();
    for (index, window) in windows.iter().enumerate() {
        for (place, survivors) in &window.sites {
            let site = sites.entry(place).or_insert_with(|| SiteSurvivors {
                function: place.function.clone(),
                file: place.file.clone(),
                line: place.line,
                owner: survivors.owner,
                stack: survivors.stack.clone(),
                callers: survivors.callers.clone(),
                tasks: Vec::new(),
                blocks: [0, 0],
                bytes: [0, 0],
            });
            site.blocks[index] = survivors.blocks;
            site.bytes[index] = survivors.bytes;
            site.tasks = survivors.by_task();
        }
    }
    let mut sites: Vec<_> = sites.into_values().collect();
    // By growth, so that what is cut off is what did not grow.
    sites.sort_by_key(|site| {
        let grown = |[before, after]: [u64; 2]| after.saturating_sub(before);
        std::cmp::Reverse((grown(site.blocks), grown(site.bytes)))
    });
    sites.truncate(SITES_MAX);
    SitesCompared { cycles, sites }
}
