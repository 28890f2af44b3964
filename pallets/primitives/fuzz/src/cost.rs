//! Counts what is allocated, to judge what reading an input costs.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    thread::LocalKey,
};

/// Bytes that reading may allocate for each byte of input: a list that grows by doubling, and elements that
/// are larger in memory than they are encoded.
const PER_BYTE: usize = 16;

/// Bytes that it may allocate beside that: what the codec reserves before it has seen an element.
const AT_ONCE: usize = 64 * 1024;

thread_local! {
    static ALLOCATED: Cell<usize> = const { Cell::new(0) };
    static FREED: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, with two counts for each thread that only grow.
struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

fn count(counter: &'static LocalKey<Cell<usize>>, bytes: usize) {
    // A thread that ends has no count any more, and reads nothing.
    let _ = counter.try_with(|counter| counter.set(counter.get().wrapping_add(bytes)));
}

// SAFETY: every call is handed on to the system's allocator as it is.
#[allow(unsafe_code, reason = "there is no other way to be the allocator")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(&ALLOCATED, layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(&ALLOCATED, layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(&ALLOCATED, size);
        count(&FREED, layout.size());
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(&FREED, layout.size());
        unsafe { System.dealloc(block, layout) }
    }
}

/// Does something, and says how many bytes that has allocated on this thread, freed ones included.
pub fn allocating<T>(what: impl FnOnce() -> T) -> (T, usize) {
    let before = ALLOCATED.get();
    let done = what();
    (done, ALLOCATED.get().wrapping_sub(before))
}

/// Does something, and says how many bytes that has freed on this thread beyond what it has allocated.
pub fn freeing(what: impl FnOnce()) -> usize {
    let before = (ALLOCATED.get(), FREED.get());
    what();
    let freed = FREED.get().wrapping_sub(before.1);
    freed.wrapping_sub(ALLOCATED.get().wrapping_sub(before.0))
}

/// Reads an input of this length, and fails if that allocates more than an input of this length may.
pub fn bounded<T>(len: usize, read: impl FnOnce() -> T) -> T {
    let (read, allocated) = allocating(read);
    let most = len * PER_BYTE + AT_ONCE;
    assert!(allocated <= most, "{allocated} bytes are allocated for an input of {len}");
    read
}
