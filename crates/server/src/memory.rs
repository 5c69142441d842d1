//! What the process gives back of its memory.

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
