//! Counts what is allocated, to judge what reading an input costs.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

/// Bytes that reading may allocate for each byte of input: a list that grows by doubling, and elements that
/// are larger in memory than they are encoded.
const PER_BYTE: usize = 16;

/// Bytes that it may allocate beside that: what the codec reserves before it has seen an element.
const AT_ONCE: usize = 64 * 1024;

thread_local! {
    static ALLOCATED: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, with a count for each thread that only grows.
struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

fn count(bytes: usize) {
    // A thread that ends has no count any more, and reads nothing.
    let _ = ALLOCATED.try_with(|allocated| allocated.set(allocated.get().wrapping_add(bytes)));
}

// SAFETY: every call is handed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) }
    }
}

/// Reads an input of this length, and fails if that allocates more than an input of this length may.
pub(crate) fn bounded<T>(len: usize, read: impl FnOnce() -> T) -> T {
    let before = ALLOCATED.get();
    let read = read();
    let allocated = ALLOCATED.get().wrapping_sub(before);
    let most = len * PER_BYTE + AT_ONCE;
    assert!(allocated <= most, "{allocated} bytes are allocated for an input of {len}");
    read
}
