//! Lines that left the screen at the top: packed records in a ring of blocks, bounded by lines and by bytes.

use std::collections::VecDeque;
use std::ops::Range;

use crate::line::{self, ScrollbackLine};
use crate::row::Row;

/// Bytes of a full block: about 150 lines. Large enough that its own cost vanishes, small enough that dropping the
/// oldest block to stay within the byte limit loses 1 % of the default.
const BLOCK_BYTES_MAX: usize = 16 * 1024;
/// Bytes of the very first block, which doubles until it is full: a session of a few lines pays for a few lines.
const FIRST_BLOCK_BYTES: usize = 512;
/// The byte limit is split into at least this many blocks, so that a small limit is not one block that comes and goes.
const BLOCKS_MIN: usize = 8;
/// Run bytes whose buffer is kept from line to line; a line needs more only with a style per cell.
const RUN_BYTES_KEPT: usize = 512;

/// How much history a screen keeps; the limit that is reached first wins, and a zero means none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScrollbackLimit {
    /// Lines at most.
    pub lines: usize,
    /// Bytes of heap at most, as allocated.
    pub bytes: usize,
}

impl Default for ScrollbackLimit {
    /// 10,000 lines in 2 MiB: what people expect of a terminal, at what 200 such sessions can afford.
    fn default() -> Self {
        ScrollbackLimit {
            lines: 10_000,
            bytes: 2 * 1024 * 1024,
        }
    }
}

/// Records of whole lines, oldest first.
#[derive(Debug)]
struct Block {
    bytes: Vec<u8>,
    /// Where the oldest line that is still kept starts.
    start: usize,
    lines: usize,
}

/// The history of one screen.
#[derive(Debug)]
pub(crate) struct Scrollback {
    limit: ScrollbackLimit,
    blocks: VecDeque<Block>,
    /// The last block that became empty, for the next one that is needed: a full history allocates nothing.
    spare: Option<Vec<u8>>,
    /// Runs of the line that is being pushed.
    runs: Vec<u8>,
    lines: usize,
    /// Lines that were ever pushed.
    pushed: u64,
    /// Capacity of all blocks and of the spare one.
    block_bytes: usize,
}

impl Scrollback {
    pub(crate) fn new(limit: ScrollbackLimit) -> Scrollback {
        Scrollback {
            limit,
            blocks: VecDeque::new(),
            spare: None,
            runs: Vec::new(),
            lines: 0,
            pushed: 0,
            block_bytes: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.lines
    }

    pub(crate) fn pushed(&self) -> u64 {
        self.pushed
    }

    /// Appends a line; the oldest ones make room for it.
    pub(crate) fn push(&mut self, row: &Row) {
        if self.limit.lines == 0 || self.limit.bytes == 0 {
            return;
        }
        self.pushed += 1;
        let used = row.used();
        self.runs.clear();
        let text_bytes = line::measure(row, used, &mut self.runs);
        let needed = text_bytes + self.runs.len() + line::HEADER_BYTES_MAX;
        if self.make_room(needed) {
            let block = self
                .blocks
                .back_mut()
                .expect("make_room left a block with room");
            line::put(&mut block.bytes, row, used, text_bytes, &self.runs);
            block.lines += 1;
            self.lines += 1;
            if self.lines > self.limit.lines {
                self.evict_line();
            }
        }
        if self.runs.capacity() > RUN_BYTES_KEPT {
            self.runs = Vec::new();
        }
    }

    /// Lines of a range, 0 being the oldest; what lies beyond the last line is left out.
    pub(crate) fn lines(&self, range: Range<usize>) -> impl Iterator<Item = ScrollbackLine<'_>> {
        let mut skipped = range.start;
        let count = range.end.min(self.lines).saturating_sub(range.start);
        self.blocks
            .iter()
            .flat_map(move |block| {
                let mut bytes = &block.bytes[block.start..];
                let skip = skipped.min(block.lines);
                skipped -= skip;
                // Blocks before the range are passed over whole.
                for _ in 0..if skip < block.lines { skip } else { 0 } {
                    bytes = &bytes[line::record_bytes(bytes)..];
                }
                (skip..block.lines).map(move |_| line::take_line(&mut bytes))
            })
            .take(count)
    }

    /// Forgets everything and gives the memory back.
    pub(crate) fn clear(&mut self) {
        *self = Scrollback {
            pushed: self.pushed,
            ..Scrollback::new(self.limit)
        };
    }

    /// Bytes held on the heap.
    pub(crate) fn retained_bytes(&self) -> usize {
        self.block_bytes + self.runs.capacity() + self.blocks.capacity() * size_of::<Block>()
    }

    /// Sees to it that the last block has room for a record; false when even an empty history has none.
    fn make_room(&mut self, needed: usize) -> bool {
        if let Some(block) = self.blocks.back_mut() {
            let (len, capacity) = (block.bytes.len(), block.bytes.capacity());
            if capacity - len >= needed {
                return true;
            }
            let doubled = (capacity * 2).min(self.limit.block_bytes());
            if doubled - len.min(doubled) >= needed
                && self.block_bytes + doubled - capacity <= self.limit.bytes
            {
                block.bytes.reserve_exact(doubled - len);
                self.block_bytes += block.bytes.capacity() - capacity;
                return true;
            }
        }
        let full = self.limit.block_bytes();
        let wanted = if self.blocks.is_empty() {
            FIRST_BLOCK_BYTES.min(full)
        } else {
            full
        }
        .max(needed);
        let usable = |spare: &mut Vec<u8>| spare.capacity() >= wanted;
        while self.block_bytes + wanted > self.limit.bytes {
            if self
                .spare
                .as_ref()
                .is_some_and(|spare| spare.capacity() >= wanted)
            {
                break;
            }
            if !self.drop_spare() && !self.evict_block() {
                return false;
            }
        }
        let bytes = self.spare.take_if(usable).unwrap_or_else(|| {
            let fresh = Vec::with_capacity(wanted);
            self.block_bytes += fresh.capacity();
            fresh
        });
        self.blocks.push_back(Block {
            bytes,
            start: 0,
            lines: 0,
        });
        true
    }

    fn evict_line(&mut self) {
        let block = self.blocks.front_mut().expect("a kept line is in a block");
        block.start += line::record_bytes(&block.bytes[block.start..]);
        block.lines -= 1;
        self.lines -= 1;
        if block.lines == 0 {
            self.evict_block();
        }
    }

    /// Takes the oldest block out, as the spare one if there is none yet and it is a regular one.
    fn evict_block(&mut self) -> bool {
        let Some(block) = self.blocks.pop_front() else {
            return false;
        };
        self.lines -= block.lines;
        let mut bytes = block.bytes;
        bytes.clear();
        if self.spare.is_none() && bytes.capacity() == self.limit.block_bytes() {
            self.spare = Some(bytes);
        } else {
            self.block_bytes -= bytes.capacity();
        }
        true
    }

    fn drop_spare(&mut self) -> bool {
        let spare = self.spare.take();
        self.block_bytes -= spare.as_ref().map_or(0, Vec::capacity);
        spare.is_some()
    }
}

impl ScrollbackLimit {
    fn block_bytes(self) -> usize {
        (self.bytes / BLOCKS_MIN).clamp(1, BLOCK_BYTES_MAX)
    }
}

#[cfg(test)]
mod tests;
