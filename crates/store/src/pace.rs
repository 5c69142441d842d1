//! Long work that lets short work in.

use std::time::{Duration, Instant};

/// How long work goes on before it gives way. Each time costs some microseconds of it.
const STRETCH: Duration = Duration::from_micros(400);
/// Steps after which the clock is looked at, which costs about as much as a short one.
const STEPS: u32 = 8;

/// Has long work give way to whoever waits for the processor.
///
/// A scheduler may let work that has begun go on for some milliseconds before it looks again, however
/// little the others want. Those who answer wait for that several times on their way through the
/// threads, so long work asks for the look itself.
#[derive(Debug)]
pub struct Pace {
    since: Instant,
    steps: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { since: Instant::now(), steps: 0 }
    }
}

impl Pace {
    /// Gives way after a step, where it has gone on for long enough.
    pub fn step(&mut self) {
        self.steps += 1;
        if self.steps >= STEPS {
            self.steps = 0;
            if self.since.elapsed() >= STRETCH {
                std::thread::yield_now();
                self.since = Instant::now();
            }
        }
    }
}
