//! Lines that left the screen at the top: packed records in a ring of blocks, bounded by lines and by bytes.
//!
//! Blocks are compressed when they are cold ([`Scrollback::compact`]), or before the oldest line would have to go for want of bytes.
//! While output flows and there is room most of them go again before that, and nothing is compressed.

use std::collections::VecDeque;
use std::ops::Range;

use crate::block::{BLOCK_BYTES_MAX, Block, Packer};
use crate::line::{self, Line};
use crate::row::Row;

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

/// The history of one screen.
#[derive(Debug)]
pub(crate) struct Scrollback {
    limit: ScrollbackLimit,
    blocks: VecDeque<Block>,
    /// Of these, the oldest ones, which have been compressed as far as they can be. The newest never is.
    packed: usize,
    /// Of the blocks, the oldest ones, which are worth compressing: nobody has written to them for a while.
    cold: usize,
    /// Of the blocks, the oldest ones, which were full when the history aged last.
    aged: usize,
    /// The last block that became empty, for the next one that is needed: a full history allocates nothing.
    spare: Option<Vec<u8>>,
    /// Runs of the line that is being pushed.
    runs: Vec<u8>,
    /// The number of the oldest line that is kept: that of the first one, and how many are not kept any more.
    first: u64,
    lines: usize,
    /// Capacity of all blocks and of the spare one.
    block_bytes: usize,
}

impl Scrollback {
    pub(crate) fn new(limit: ScrollbackLimit) -> Scrollback {
        Scrollback {
            limit,
            blocks: VecDeque::new(),
            packed: 0,
            cold: 0,
            aged: 0,
            spare: None,
            runs: Vec::new(),
            first: 0,
            lines: 0,
            block_bytes: 0,
        }
    }

    /// The same, with this number for the next line.
    pub(crate) fn numbered_from(self, first: u64) -> Scrollback {
        Scrollback { first, ..self }
    }

    pub(crate) fn len(&self) -> usize {
        self.lines
    }

    /// Number of the oldest line that is kept. Lines are numbered from the first one on that ever came here, for good.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// Appends a line; the oldest ones make room for it.
    pub(crate) fn push(&mut self, row: &Row) {
        if self.limit.lines == 0 || self.limit.bytes == 0 {
            self.first += 1;
            return;
        }
        let used = row.used();
        self.runs.clear();
        let text_bytes = line::measure(row, used, &mut self.runs);
        let needed = text_bytes + self.runs.len() + line::HEADER_BYTES_MAX;
        if self.make_room(needed) {
            let block = self.blocks.back_mut();
            let block = block.expect("make_room left a block with room");
            let buffer = block.buffer().expect("a block with room is not compressed");
            line::put(buffer, row, used, text_bytes, &self.runs);
            block.appended();
            self.lines += 1;
            if self.lines > self.limit.lines {
                self.evict_line();
            }
        } else {
            self.first += 1;
        }
        if self.runs.capacity() > RUN_BYTES_KEPT {
            self.runs = Vec::new();
        }
    }

    /// Lines of a range, 0 being the oldest; what lies beyond the last line is left out.
    pub(crate) fn lines(&self, range: Range<usize>) -> impl Iterator<Item = Line> {
        let mut skipped = range.start;
        let count = range.end.min(self.lines).saturating_sub(range.start);
        self.blocks
            .iter()
            .flat_map(move |block| {
                let skip = skipped.min(block.kept());
                skipped -= skip;
                // Blocks before the range are passed over whole.
                let lines = if skip < block.kept() {
                    block.read(skip)
                } else {
                    Vec::new()
                };
                lines.into_iter()
            })
            .take(count)
    }

    /// Says that a while has passed since this was said last: what was full then, and is still here, is cold.
    pub(crate) fn age(&mut self) {
        self.cold = self.aged.max(self.cold);
        self.aged = self.full();
    }

    /// Says that nothing was written for a while: all that is full is cold.
    pub(crate) fn cool(&mut self) {
        self.cold = self.full();
    }

    /// Whether blocks are left that can be compressed and are not.
    pub(crate) fn is_warm(&self) -> bool {
        self.packed < self.full()
    }

    /// Whether cold blocks are left to compress.
    pub(crate) fn is_cold(&self) -> bool {
        self.packed < self.cold
    }

    /// Compresses up to `blocks_max` blocks that are cold.
    pub(crate) fn compact(&mut self, blocks_max: usize) {
        let mut packer = None;
        for _ in 0..blocks_max.min(self.cold.saturating_sub(self.packed)) {
            self.pack_block(&mut packer);
        }
    }

    /// Takes another limit; what is beyond it goes.
    pub(crate) fn set_limit(&mut self, limit: ScrollbackLimit) {
        if limit == self.limit {
            return;
        }
        self.limit = limit;
        self.drop_spare();
        while self.lines > limit.lines {
            self.evict_line();
        }
        let mut packer = None;
        while self.block_bytes > limit.bytes
            && (self.drop_spare() || self.pack_block(&mut packer) || self.evict_block())
        {}
        self.drop_spare();
        self.blocks.shrink_to_fit();
    }

    /// Forgets everything and gives the memory back. Lines go on being numbered from here.
    pub(crate) fn clear(&mut self) {
        let next = self.first + self.lines as u64;
        *self = Scrollback::new(self.limit);
        self.first = next;
    }

    /// Bytes held on the heap.
    pub(crate) fn retained_bytes(&self) -> usize {
        self.block_bytes + self.runs.capacity() + self.blocks.capacity() * size_of::<Block>()
    }

    /// Sees to it that the last block has room for a record; false when even an empty history has none.
    fn make_room(&mut self, needed: usize) -> bool {
        if self.grow_last(needed) {
            return true;
        }
        let full = self.limit.block_bytes();
        let wanted = if self.blocks.is_empty() {
            FIRST_BLOCK_BYTES.min(full)
        } else {
            full
        }
        .max(needed);
        let mut packer = None;
        let usable = |spare: &mut Vec<u8>| spare.capacity() >= wanted;
        while self.block_bytes + wanted > self.limit.bytes {
            // The spare one counts already.
            if self.spare.as_mut().is_some_and(usable) {
                break;
            }
            // The newest block is full: it may be compressed, too.
            if !self.drop_spare() && !self.pack_any(&mut packer) && !self.evict_block() {
                return false;
            }
        }
        let bytes = self.spare.take_if(usable).unwrap_or_else(|| {
            let fresh = Vec::with_capacity(wanted);
            self.block_bytes += fresh.capacity();
            fresh
        });
        self.blocks.push_back(Block::new(bytes));
        true
    }

    /// Doubles the last block where it is a small one, if that gives the record room; true when it has room.
    fn grow_last(&mut self, needed: usize) -> bool {
        let full = self.limit.block_bytes();
        let Some(buffer) = self.blocks.back_mut().and_then(Block::buffer) else {
            return false;
        };
        let (len, capacity) = (buffer.len(), buffer.capacity());
        if capacity - len >= needed {
            return true;
        }
        let doubled = (capacity * 2).min(full);
        let fits = doubled - len.min(doubled) >= needed
            && self.block_bytes + doubled - capacity <= self.limit.bytes;
        if fits {
            buffer.reserve_exact(doubled - len);
            self.block_bytes += buffer.capacity() - capacity;
        }
        fits
    }

    /// How many blocks nothing is written to any more: all but the newest.
    fn full(&self) -> usize {
        self.blocks.len().saturating_sub(1)
    }

    /// Compresses the oldest block that is not, the newest aside; false when there is none.
    fn pack_block(&mut self, packer: &mut Option<Packer>) -> bool {
        self.is_warm() && self.pack_any(packer)
    }

    /// The same, the newest too. The packer is made with the first block that needs one.
    fn pack_any(&mut self, packer: &mut Option<Packer>) -> bool {
        let Some(block) = self.blocks.get_mut(self.packed) else {
            return false;
        };
        self.packed += 1;
        let before = block.capacity();
        let freed = block.pack(packer.get_or_insert_with(Packer::new));
        self.block_bytes = self.block_bytes + block.capacity() - before;
        if let Some(buffer) = freed {
            self.block_bytes += buffer.capacity();
            self.take_back(buffer);
        }
        true
    }

    fn evict_line(&mut self) {
        let block = self.blocks.front_mut().expect("a kept line is in a block");
        block.skip_line();
        self.lines -= 1;
        self.first += 1;
        if block.kept() == 0 {
            self.evict_block();
        }
    }

    /// Takes the oldest block out.
    fn evict_block(&mut self) -> bool {
        let Some(block) = self.blocks.pop_front() else {
            return false;
        };
        for count in [&mut self.packed, &mut self.cold, &mut self.aged] {
            *count = count.saturating_sub(1);
        }
        self.lines -= block.kept();
        self.first += block.kept() as u64;
        let capacity = block.capacity();
        match block.into_buffer() {
            Some(buffer) => self.take_back(buffer),
            None => self.block_bytes -= capacity,
        }
        true
    }

    /// Keeps a buffer that has become free as the spare one, if there is none yet and it is a regular one.
    fn take_back(&mut self, mut buffer: Vec<u8>) {
        let fits = self.block_bytes <= self.limit.bytes;
        if self.spare.is_none() && fits && buffer.capacity() == self.limit.block_bytes() {
            buffer.clear();
            self.spare = Some(buffer);
        } else {
            self.block_bytes -= buffer.capacity();
        }
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
