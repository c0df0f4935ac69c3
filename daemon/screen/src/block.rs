//! A piece of the scrollback: records of whole lines, as they are or compressed.

use std::borrow::Cow;

use lz4_flex::block::{
    CompressTable, compress_into_with_table, decompress, get_maximum_output_size,
};

use crate::line::{self, Line};

/// Records that are compressed without a buffer on the heap: those of a regular block, and what LZ4 asks for beside them.
const STACK_BYTES: usize = get_maximum_output_size(BLOCK_BYTES_MAX);

/// Bytes of a full block: about 150 lines. Large enough that its own cost vanishes, small enough that dropping the
/// oldest block to stay within the byte limit loses 1 % of the default.
pub(crate) const BLOCK_BYTES_MAX: usize = 16 * 1024;

/// What compresses one block after the other.
pub(crate) struct Packer(CompressTable);

/// Records of lines, oldest first.
#[derive(Debug)]
pub(crate) struct Block {
    records: Records,
    /// All lines in it.
    lines: usize,
    /// Of these, the oldest ones, which are not kept any more; their bytes go with the block.
    skipped: usize,
}

#[derive(Debug)]
enum Records {
    /// The newest block is appended to in this form.
    Plain(Vec<u8>),
    /// LZ4; `bytes` is the length of what it becomes again.
    Packed { packed: Box<[u8]>, bytes: usize },
}

impl Packer {
    pub(crate) fn new() -> Packer {
        Packer(CompressTable::small())
    }

    /// The bytes compressed; none where that makes them no smaller.
    fn pack(&mut self, bytes: &[u8]) -> Option<Box<[u8]>> {
        let mut on_stack = [0; STACK_BYTES];
        let mut on_heap = Vec::new();
        let needed = get_maximum_output_size(bytes.len());
        let output = on_stack.get_mut(..needed).unwrap_or_else(|| {
            on_heap.resize(needed, 0);
            &mut on_heap
        });
        let length = compress_into_with_table(bytes, output, &mut self.0)
            .expect("the output has the size it may need");
        (length < bytes.len()).then(|| output[..length].into())
    }
}

impl Block {
    /// A block without lines, in a buffer that is empty.
    pub(crate) fn new(buffer: Vec<u8>) -> Block {
        Block {
            records: Records::Plain(buffer),
            lines: 0,
            skipped: 0,
        }
    }

    /// Lines that are kept.
    pub(crate) fn kept(&self) -> usize {
        self.lines - self.skipped
    }

    /// Bytes allocated.
    pub(crate) fn capacity(&self) -> usize {
        match &self.records {
            Records::Plain(buffer) => buffer.capacity(),
            Records::Packed { packed, .. } => packed.len(),
        }
    }

    /// The buffer to append a record to; none once it is compressed.
    pub(crate) fn buffer(&mut self) -> Option<&mut Vec<u8>> {
        match &mut self.records {
            Records::Plain(buffer) => Some(buffer),
            Records::Packed { .. } => None,
        }
    }

    /// Counts a record that was appended.
    pub(crate) fn appended(&mut self) {
        self.lines += 1;
    }

    /// Lets go of the oldest line that is kept.
    pub(crate) fn skip_line(&mut self) {
        self.skipped += 1;
    }

    /// Compresses the records, or cuts their buffer to their length where that is smaller. Returns the buffer that they were in,
    /// if that has become free.
    pub(crate) fn pack(&mut self, packer: &mut Packer) -> Option<Vec<u8>> {
        let Records::Plain(buffer) = &mut self.records else {
            return None;
        };
        let Some(packed) = packer.pack(buffer) else {
            buffer.shrink_to_fit();
            return None;
        };
        let bytes = buffer.len();
        let records = Records::Packed { packed, bytes };
        match std::mem::replace(&mut self.records, records) {
            Records::Plain(buffer) => Some(buffer),
            Records::Packed { .. } => None,
        }
    }

    /// The buffer of a block that is let go; none where it was compressed.
    pub(crate) fn into_buffer(self) -> Option<Vec<u8>> {
        match self.records {
            Records::Plain(buffer) => Some(buffer),
            Records::Packed { .. } => None,
        }
    }

    /// The lines that are kept, without the first `skip` of them.
    pub(crate) fn read(&self, skip: usize) -> Vec<Line> {
        let records = match &self.records {
            Records::Plain(buffer) => Cow::Borrowed(buffer.as_slice()),
            Records::Packed { packed, bytes } => Cow::Owned(
                decompress(packed, *bytes).expect("blocks are read as they were written"),
            ),
        };
        let mut rest = &*records;
        for _ in 0..self.skipped + skip {
            rest = &rest[line::record_bytes(rest)..];
        }
        (self.skipped + skip..self.lines)
            .map(|_| line::take_line(&mut rest))
            .collect()
    }
}
