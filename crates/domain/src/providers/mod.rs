#![doc = include_str!("README.md")]

mod anthropic;
mod bedrock;
mod call;
mod cohere;
mod counts;
mod detect;
mod gemini;
mod ollama;
mod openai;
mod span;
mod stream;

pub use call::{Call, Evidence, Flag, MeasureError, Measured, identify, measure};
pub use detect::{Address, Dialect, address};
pub use span::{SpanCounts, Step, provider, step, takes_input_only};
