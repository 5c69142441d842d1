//! The binary `outlay`.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// SQLite and zstd, which allocate by the C library, have it too.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// What the allocator reads before anything else runs.
///
/// Freed memory goes back to the system after a tenth of a second, by threads of the allocator's
/// own: compaction takes and frees a lot, and what it took would stay for long otherwise. Few
/// arenas, because each keeps some memory, and most of ours is taken by a handful of threads.
#[allow(unsafe_code, reason = "the name is the allocator's, and nothing else has it")]
#[unsafe(export_name = "malloc_conf")]
pub static MALLOC_CONF: &[u8] =
    b"background_thread:true,dirty_decay_ms:100,muzzy_decay_ms:0,narenas:4\0";

fn main() -> ExitCode {
    outlay_server::cli::run()
}
