//! Owns reading a stack off the frame pointers, within the bounds of the thread's stack.
//!
//! Each frame begins with the caller's frame pointer and the address that it returns to (System V ABI for x86-64,
//! AAPCS64 for aarch64). Code without frame pointers, C libraries above all, may leave anything in the register; so a
//! frame is followed only if it is aligned, lies further up than the one before it and within the thread's stack. What
//! is wrong ends the stack early or adds a frame that has no symbol; it never faults.

use std::mem::MaybeUninit;

use super::task::Task;

/// Frames kept at most: beyond this a stack is a recursion.
pub(super) const FRAMES_MAX: usize = 256;

/// Return addresses below this are none: nothing is mapped there.
const LOWEST_CODE: usize = 4096;

/// Where a thread's stack lies: the lowest and one past the highest address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) low: usize,
    pub(super) high: usize,
}

impl Bounds {
    /// Nothing is a frame.
    pub(super) const NONE: Self = Self { low: 0, high: 0 };

    /// The calling thread's. Empty where the C library cannot tell. May call C's malloc, never Rust's.
    #[expect(unsafe_code, reason = "asks the C library about the thread")]
    pub(super) fn of_this_thread() -> Self {
        let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
        let (mut low, mut size) = (std::ptr::null_mut(), 0);
        // SAFETY: all are valid for writes; the attributes are initialised when the first call succeeds, and only then
        // read and destroyed.
        let known = unsafe {
            if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
                return Self::NONE;
            }
            let got = libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut low, &raw mut size);
            libc::pthread_attr_destroy(attributes.as_mut_ptr());
            got == 0
        };
        if known {
            Self {
                low: low.addr(),
                high: low.addr().saturating_add(size),
            }
        } else {
            Self::NONE
        }
    }

    /// Whether two words can be read at `frame`.
    #[inline]
    const fn holds_frame(self, frame: usize) -> bool {
        frame >= self.low
            && frame <= self.high.saturating_sub(2 * size_of::<usize>())
            && frame.is_multiple_of(size_of::<usize>())
    }
}

/// Return addresses, innermost first, in a task, and a hash of them.
pub(super) struct Stack {
    frames: [MaybeUninit<usize>; FRAMES_MAX],
    depth: usize,
    pub(super) task: Task,
    pub(super) hash: u64,
}

impl Stack {
    /// Reads up to `frames_max` frames (at most [`FRAMES_MAX`]), from the one that contains the call of the function that
    /// this is inlined into; the same stack in another task is another one.
    #[inline(always)]
    pub(super) fn read(bounds: Bounds, frames_max: usize, task: Task) -> Self {
        let mut stack = Self {
            frames: [const { MaybeUninit::uninit() }; FRAMES_MAX],
            depth: 0,
            task,
            // Above all that an address has, so that no other stack in another task comes to the same.
            hash: u64::from(task.number()) << 48,
        };
        let mut frame = frame_pointer();
        // The part of a stack below the current frame may not be mapped; it is not looked at, because frames only go up.
        while stack.depth < frames_max.min(FRAMES_MAX) && bounds.holds_frame(frame) {
            let (caller, address) = record_at(frame);
            if address < LOWEST_CODE {
                break;
            }
            stack.frames[stack.depth].write(address);
            stack.depth += 1;
            stack.hash = folded(stack.hash ^ address as u64);
            if caller <= frame {
                break;
            }
            frame = caller;
        }
        stack
    }

    /// The addresses, innermost first.
    pub(super) fn frames(&self) -> &[usize] {
        #[expect(unsafe_code, reason = "the beginning of the array is written")]
        // SAFETY: `depth` frames were written, and MaybeUninit has the layout of what it may hold.
        unsafe {
            std::slice::from_raw_parts(self.frames.as_ptr().cast(), self.depth)
        }
    }
}

/// The caller's frame and the address that the frame at `frame` returns to.
#[inline(always)]
#[expect(unsafe_code, reason = "reads the thread's own stack")]
fn record_at(frame: usize) -> (usize, usize) {
    let record = std::ptr::with_exposed_provenance::<usize>(frame);
    // SAFETY: callers have checked that both words are aligned and within the stack of this very thread, above its
    // current frame: mapped and readable. Volatile, because the compiler knows nothing of these words.
    unsafe { (record.read_volatile(), record.add(1).read_volatile()) }
}

/// One round of wyhash's folded multiplication: two stacks that differ anywhere differ in all 64 bits.
#[inline]
fn folded(word: u64) -> u64 {
    let product = u128::from(word ^ 0xa076_1d64_78bd_642f) * 0xe703_7ed1_a0b4_28db;
    #[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
    let low = product as u64;
    low ^ u64::try_from(product >> 64).expect("the high half fits")
}

/// The register that frame pointers are kept in; 0 on processors whose frames this does not know.
#[inline(always)]
#[cfg_attr(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    expect(unsafe_code, reason = "no intrinsic reads the frame pointer")
)]
fn frame_pointer() -> usize {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: reads a register.
    unsafe {
        let frame: usize;
        std::arch::asm!("mov {}, rbp", out(reg) frame, options(nomem, nostack, preserves_flags));
        frame
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        let frame: usize;
        std::arch::asm!("mov {}, x29", out(reg) frame, options(nomem, nostack, preserves_flags));
        frame
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    0
}

/// Whether this build keeps frame pointers, on a processor whose frames are known: two functions look at each other's.
pub(super) fn can_be_read() -> bool {
    #[inline(never)]
    fn inner(outer: usize) -> bool {
        let frame = frame_pointer();
        // Without frame pointers both read the same register, untouched.
        let linked = Bounds::of_this_thread().holds_frame(frame) && record_at(frame).0 == outer;
        std::hint::black_box(linked)
    }
    #[inline(never)]
    fn outer() -> bool {
        std::hint::black_box(inner(std::hint::black_box(frame_pointer())))
    }
    outer()
}
