//! From the counts that providers report, which overlap, to quantities, which do not.

use compact_str::CompactString;
use serde_json::Value;

use super::call::{Flag, MeasureError};
use crate::Quantity;
use crate::prices::counts_tokens;
use crate::usage::{Meter, Quantities, TOTAL_TOKENS};

/// Counts above this are no counts.
const COUNT_MAX: u64 = 9_000_000_000_000;

/// What a prompt was made of, as providers report it: the modalities count cached tokens too.
#[derive(Debug, Clone, Default)]
pub(super) struct Prompt {
    /// Everything, tokens read from and written to a cache included.
    pub total: u64,
    pub cached: Modalities,
    pub written_5m: u64,
    pub written_1h: u64,
    pub written_12h: u64,
    /// What is known to be sound, pictures or film; cached parts are taken off here.
    pub modalities: Modalities,
}

/// What an answer was made of. The rest of `total` is text.
#[derive(Debug, Clone, Default)]
pub(super) struct Answer {
    /// Everything, thinking included.
    pub total: u64,
    pub reasoning: u64,
    pub modalities: Modalities,
}

/// Tokens by what they stand for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Modalities {
    /// Everything, where it is reported; not more than the parts otherwise.
    pub total: u64,
    pub audio: u64,
    pub image: u64,
    pub video: u64,
}

/// Quantities in the making.
#[derive(Debug, Default)]
pub(super) struct Tally {
    quantities: Quantities,
    pub flags: Vec<Flag>,
}

impl Tally {
    pub fn add(&mut self, meter: Meter, count: u64) {
        if count > 0 {
            self.add_quantity(meter, i64::try_from(count).ok().and_then(Quantity::from_units));
        }
    }

    pub fn add_named(&mut self, meter: &str, count: u64) {
        self.add(Meter::Other(meter.into()), count);
    }

    /// Adds what may have a fraction; `None` is what did not fit and is left out with a flag.
    pub fn add_quantity(&mut self, meter: Meter, quantity: Option<Quantity>) {
        let sum = quantity.and_then(|quantity| self.quantities.get(&meter).checked_add(quantity));
        match sum {
            Some(sum) if sum == Quantity::ZERO => {}
            Some(sum) => self.quantities.set(meter, sum),
            None => self.flag(Flag::Clamped(meter.name().into())),
        }
    }

    pub fn flag(&mut self, flag: Flag) {
        if !self.flags.contains(&flag) {
            self.flags.push(flag);
        }
    }

    /// Takes a prompt apart. Where the parts are more than the whole they overlap: what was cached
    /// stays, sound, pictures and film are cut to what is left, and the rest is text.
    pub fn add_prompt(&mut self, prompt: &Prompt) {
        let mut left = prompt.total;
        let mut take = |wanted: u64| {
            let taken = wanted.min(left);
            left -= taken;
            (taken, taken < wanted)
        };
        let (cached, cached_cut) = take(prompt.cached.total);
        let (written_1h, cut_1h) = take(prompt.written_1h);
        let (written_12h, cut_12h) = take(prompt.written_12h);
        let (written_5m, cut_5m) = take(prompt.written_5m);
        let fresh = |all: u64, cached: u64| all.saturating_sub(cached);
        let audio_cached = prompt.cached.audio.min(cached);
        let image_cached = prompt.cached.image.min(cached - audio_cached);
        let video_cached = prompt.cached.video.min(cached - audio_cached - image_cached);
        let (audio, _) = take(fresh(prompt.modalities.audio, audio_cached));
        let (image, _) = take(fresh(prompt.modalities.image, image_cached));
        let (video, _) = take(fresh(prompt.modalities.video, video_cached));
        if cached_cut || cut_1h || cut_12h || cut_5m {
            self.flag(Flag::Clamped("input_tokens".into()));
        }

        self.add(Meter::InputTokens, left);
        self.add(Meter::CacheReadTokens, cached - audio_cached - image_cached - video_cached);
        self.add(Meter::CacheWrite5mTokens, written_5m);
        self.add(Meter::CacheWrite1hTokens, written_1h);
        self.add_named("cache_write_12h_tokens", written_12h);
        self.add(Meter::InputAudioTokens, audio);
        self.add(Meter::InputImageTokens, image);
        self.add_named("input_video_tokens", video);
        self.add(Meter::CacheReadAudioTokens, audio_cached);
        self.add_named("cache_read_image_tokens", image_cached);
        self.add_named("cache_read_video_tokens", video_cached);
    }

    /// Takes an answer apart: text is what is neither thinking nor sound, pictures or film.
    pub fn add_answer(&mut self, answer: &Answer) {
        let Modalities { audio, image, video, .. } = answer.modalities;
        let parts =
            answer.reasoning.saturating_add(audio).saturating_add(image).saturating_add(video);
        if parts > answer.total {
            self.flag(Flag::Clamped("output_tokens".into()));
        }
        self.add(Meter::OutputTokens, answer.total.saturating_sub(parts));
        self.add(Meter::ReasoningTokens, answer.reasoning);
        self.add(Meter::OutputAudioTokens, audio);
        self.add(Meter::OutputImageTokens, image);
        self.add_named("output_video_tokens", video);
    }

    /// Books a total that nothing else was said of. What it is made of decides what it costs: where
    /// there can be input only it is input, and where that is not known it stays a total, which has
    /// no price.
    pub fn add_lone_total(&mut self, total: u64, is_input: bool) {
        if self.quantities.iter().any(|(meter, _)| counts_tokens(meter)) {
            return;
        }
        match is_input {
            true => self.add(Meter::InputTokens, total),
            false => self.add_named(TOTAL_TOKENS, total),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.quantities.is_empty()
    }

    pub fn into_quantities(self) -> (Quantities, Vec<Flag>) {
        (self.quantities, self.flags)
    }
}

/// A usage object and where it was found, for errors that name the field.
#[derive(Clone, Copy)]
pub(super) struct Object<'a> {
    value: &'a Value,
    path: &'a str,
}

impl<'a> Object<'a> {
    pub const fn new(value: &'a Value, path: &'a str) -> Self {
        Self { value, path }
    }

    /// The value under `key`, `null` being absent.
    pub fn get(self, key: &str) -> Option<&'a Value> {
        self.value.get(key).filter(|value| !value.is_null())
    }

    pub fn has(self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The object under the first of `keys` that has one.
    pub fn object(self, keys: &[&'static str]) -> Object<'a> {
        const NOTHING: &Value = &Value::Null;
        let found = keys.iter().find_map(|key| Some((self.get(key)?, *key)));
        found.map_or(Object { value: NOTHING, path: "" }, |(value, path)| Object { value, path })
    }

    /// The count under `key`, zero where there is none.
    pub fn count(self, key: &str) -> Result<u64, MeasureError> {
        Ok(self.try_count(key)?.unwrap_or(0))
    }

    /// The count under the first of `keys` that has one.
    pub fn first_count(self, keys: &[&str]) -> Result<Option<u64>, MeasureError> {
        for key in keys {
            if let Some(count) = self.try_count(key)? {
                return Ok(Some(count));
            }
        }
        Ok(None)
    }

    /// The count under `key`.
    pub fn try_count(self, key: &str) -> Result<Option<u64>, MeasureError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        whole(value).map(Some).ok_or_else(|| MeasureError::NotACount {
            field: self.field(key),
            value: value.to_string().chars().take(40).collect(),
        })
    }

    fn field(self, key: &str) -> CompactString {
        match self.path {
            "" => key.into(),
            path => compact_str::format_compact!("{path}.{key}"),
        }
    }
}

/// A count that is not negative and has no fraction.
fn whole(value: &Value) -> Option<u64> {
    let count = match value {
        Value::Number(number) => number.as_u64().or_else(|| whole_float(number.as_f64()?))?,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    (count <= COUNT_MAX).then_some(count)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
fn whole_float(value: f64) -> Option<u64> {
    let is_count = value >= 0.0 && value.fract() == 0.0 && value <= COUNT_MAX as f64;
    is_count.then_some(value as u64)
}

/// A number with up to six places, such as seconds.
pub(super) fn fractional(value: &Value) -> Option<Quantity> {
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
    let micros = crate::quantity::scale_float(number, 6)?;
    (micros >= 0).then_some(Quantity::from_micros(micros))
}
