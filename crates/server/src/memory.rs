//! What the process gives back of its memory.

/// The allocator's option for how long it keeps what was freed; the binding has no name for it.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;
/// Milliseconds. By itself the allocator waits a second; so a server under load holds a fifth less,
/// and is no slower by any measure.
const PURGE_DELAY_MS: std::ffi::c_long = 20;

/// Has memory given back soon after it was freed.
#[allow(unsafe_code)]
pub fn keep_little() {
    // SAFETY: it sets a number that the allocator reads, and may be called at any time.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, PURGE_DELAY_MS) }
}

/// Gives memory that nobody uses back to the system.
///
/// Allocators keep what was freed for whoever asks next, and give it back a little at a time while
/// others allocate. After a start nobody does, and what opening took would stay for good.
#[allow(unsafe_code)]
pub fn give_back() {
    // SAFETY: it takes no pointer and may be called by any thread at any time, also when another
    // allocator serves the process; then it finds nothing.
    unsafe { libmimalloc_sys::mi_collect(true) }
    // SQLite and zstd allocate by the C library.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: as above.
    unsafe {
        libc::malloc_trim(0);
    }
}
