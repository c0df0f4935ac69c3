//! Allocation sites whose surviving blocks scale with the cycles, from two windows of the dhat build.
//!
//! A site that leaks k blocks per cycle leaves k x N of them in a window of N cycles and k x 2N in one of 2N. A cache leaves
//! as many in both. Bytes do not decide: a table that doubles holds more bytes in one block.

use super::evidence::Evidence;
use super::gates::Finding;
use super::verdict::{Amount, GateVerdict, GrowingSite, HeldSite};
use crate::record::event::{SiteSurvivors, SitesCompared};

/// A site must leave at least a block every so many cycles: a cache still moves by a block or two.
const ONE_BLOCK_IN: u64 = 4;
/// And at least so many blocks, in windows too short for that to say anything.
const BLOCKS_MIN: u64 = 3;

/// `sites`: how many grow.
pub(super) fn judge(limit: u64, evidence: &Evidence<'_>) -> Finding {
    let Some(compared) = evidence.compared else {
        let why = match evidence.not_profiled {
            Some(reason) => format!("not profiled: {reason}"),
            None => "not profiled (--profile always)".to_owned(),
        };
        return Finding::none(GateVerdict::NotJudged, why);
    };
    let growing = growing(compared);
    let count = u64::try_from(growing.len()).unwrap_or(u64::MAX);
    let named: Vec<String> = growing
        .iter()
        .take(3)
        .map(|site| format!("{} ({}:{})", site.function, site.file, site.line))
        .collect();
    Finding {
        more: false,
        verdict: if count > limit {
            GateVerdict::Leak
        } else {
            GateVerdict::Pass
        },
        observed: Some(Amount::Plain(i64::try_from(count).unwrap_or(i64::MAX))),
        sensitivity: Some(Amount::PerCycles {
            amount: i64::try_from(blocks_needed(compared.cycles[0])).unwrap_or(i64::MAX),
            cycles: compared.cycles[0].max(1),
        }),
        detail: named.join("; "),
    }
}

/// The sites that grow, most bytes per cycle first.
pub(super) fn growing(compared: &SitesCompared) -> Vec<GrowingSite> {
    let cycles = compared.cycles[0].max(1);
    let mut growing: Vec<GrowingSite> = compared
        .sites
        .iter()
        .filter(|site| scales(site, cycles))
        .map(|site| GrowingSite {
            function: site.function.clone(),
            file: site.file.clone(),
            line: site.line,
            owner: site.owner,
            bytes: difference(site.bytes),
            blocks: difference(site.blocks),
            cycles,
            stack: site.stack.clone(),
            callers: site.callers.clone(),
            tasks: site.tasks.clone(),
        })
        .collect();
    growing.sort_by(|a, b| {
        b.bytes
            .cmp(&a.bytes)
            .then_with(|| a.function.cmp(&b.function))
            .then_with(|| a.line.cmp(&b.line))
    });
    growing
}

/// The sites that keep something and do not grow, most bytes first.
pub(super) fn held(compared: &SitesCompared) -> Vec<HeldSite> {
    let cycles = compared.cycles[0].max(1);
    let mut held: Vec<HeldSite> = compared
        .sites
        .iter()
        .filter(|site| site.blocks[1] > 0 && !scales(site, cycles))
        .map(|site| HeldSite {
            function: site.function.clone(),
            file: site.file.clone(),
            line: site.line,
            owner: site.owner,
            bytes: site.bytes,
            blocks: site.blocks,
        })
        .collect();
    held.sort_by(|a, b| {
        b.bytes[1]
            .cmp(&a.bytes[1])
            .then_with(|| a.function.cmp(&b.function))
    });
    held
}

fn scales(site: &SiteSurvivors, cycles: u32) -> bool {
    let [first, second] = site.blocks;
    let more = second.saturating_sub(first);
    let shows_in_both = 2 * first >= more;
    // Blocks that are there once add to both windows alike; a multiple of a prime is no coincidence even beside many.
    let in_proportion = 2 * more >= first || more.is_multiple_of(u64::from(cycles));
    more >= blocks_needed(cycles) && shows_in_both && in_proportion
}

/// How many more blocks the longer window must leave.
fn blocks_needed(cycles: u32) -> u64 {
    u64::from(cycles).div_ceil(ONE_BLOCK_IN).max(BLOCKS_MIN)
}

fn difference([first, second]: [u64; 2]) -> i64 {
    let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    signed(second) - signed(first)
}
