//! Long work that lets short work in.

/// Gives way to whoever waits for the processor, each time that `every` more of something is `done`.
///
/// A scheduler may let work that has begun go on for some milliseconds before it looks again, however
/// little the others want. Those who answer wait for that several times on their way through the
/// threads, so long work asks for the look itself, some thousand times a second.
pub fn give_way(done: usize, every: usize) {
    if done.is_multiple_of(every) {
        std::thread::yield_now();
    }
}
