//! What a block of memory really takes: what was asked for, and what the allocator adds to it.

/// What every block costs beside its bytes, and the step in which blocks grow: as the system's allocator has it on 64 bits.
const OVERHEAD_BYTES: usize = 8;
const STEP_BYTES: usize = 16;
const LEAST_BYTES: usize = 32;

/// Bytes of a block in which `asked` fit; nothing is no block.
pub(crate) const fn block(asked: usize) -> usize {
    if asked == 0 {
        return 0;
    }
    let bytes = (asked + OVERHEAD_BYTES).next_multiple_of(STEP_BYTES);
    if bytes < LEAST_BYTES {
        LEAST_BYTES
    } else {
        bytes
    }
}

/// Bytes of the blocks of a list of `capacity` such values.
pub(crate) const fn list<T>(capacity: usize) -> usize {
    block(capacity * size_of::<T>())
}

/// What an entry of a balanced tree takes in the mean: its nodes are two thirds full, and have their own links.
pub(crate) const fn tree_entry<K, V>() -> usize {
    (size_of::<K>() + size_of::<V>()) * 3 / 2 + STEP_BYTES
}
