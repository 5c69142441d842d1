//! The prices of one model during one span of time, and which of them a request meets.
//!
//! The rules are those of the providers; `README.md` tells them in words.

use compact_str::CompactString;

use super::price::{Price, Rate};
use super::row::{Charged, Conditions, Priced};
use super::terms::Terms;
use crate::usage::{Meter, Tags};

/// A row, as far as rating looks at it.
#[derive(Debug, Clone)]
pub(crate) struct SheetRow {
    pub id: CompactString,
    pub price: Price,
    pub per: i64,
    pub charged: Charged,
    pub conditions: Conditions,
}

/// The prices of one model during one span of time.
#[derive(Debug)]
pub(crate) struct Sheet {
    known: [Vec<SheetRow>; Meter::KNOWN.len()],
    other: Vec<(CompactString, Vec<SheetRow>)>,
    factors: Vec<SheetRow>,
    /// The parameters that some condition asks for.
    parameters: Vec<CompactString>,
    /// The shortest prompt to which a row with a threshold applies.
    first_threshold: u64,
    has_hours: bool,
    /// Cached input without a price costs half of what other input does.
    halves_cache_reads: bool,
    /// What a request without any special terms meets, resolved once.
    plain: [Option<Found>; Meter::KNOWN.len()],
}

/// The rate that one meter of a request meets, and the row that it is from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    pub rate: Rate,
    pub charged: Charged,
    row: RowAt,
}

/// Where a row stands on its sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowAt {
    Known(u8, u16),
    Other(u16, u16),
}

/// A row that applies, and how closely it fits.
#[derive(Clone, Copy)]
struct Fit {
    found: Found,
    /// How many parameters of the request it asks for.
    parameters: usize,
    in_hours: bool,
    threshold: u64,
    in_tier: bool,
}

/// Meters of our own that have a price or fall back to one, beside those of [`Meter::KNOWN`].
pub(crate) mod extra {
    /// Input written to a cache that lives half a day.
    pub const CACHE_WRITE_12H_TOKENS: &str = "cache_write_12h_tokens";
    /// Sound written to a cache.
    pub const CACHE_WRITE_AUDIO_TOKENS: &str = "cache_write_audio_tokens";
    /// Pictures that the provider had cached.
    pub const CACHE_READ_IMAGE_TOKENS: &str = "cache_read_image_tokens";
    /// Film that the provider had cached.
    pub const CACHE_READ_VIDEO_TOKENS: &str = "cache_read_video_tokens";
    /// Film that went in.
    pub const INPUT_VIDEO_TOKENS: &str = "input_video_tokens";
    /// Film that came out.
    pub const OUTPUT_VIDEO_TOKENS: &str = "output_video_tokens";
    /// Pages that were annotated, beside being read.
    pub const ANNOTATED_PAGES: &str = "annotated_pages";

    /// The token classes among them that are part of the prompt.
    pub const PROMPT: [&str; 5] = [
        CACHE_WRITE_12H_TOKENS,
        CACHE_WRITE_AUDIO_TOKENS,
        CACHE_READ_IMAGE_TOKENS,
        CACHE_READ_VIDEO_TOKENS,
        INPUT_VIDEO_TOKENS,
    ];
}

/// Whether `meter` counts tokens, whoever named it.
pub(crate) fn counts_tokens(meter: &Meter) -> bool {
    match meter {
        Meter::Other(name) => name.ends_with("_tokens"),
        known => known.is_tokens(),
    }
}

/// Whether `meter` counts a part of the prompt.
pub(crate) fn is_in_prompt(meter: &Meter) -> bool {
    match meter {
        Meter::InputTokens
        | Meter::CacheReadTokens
        | Meter::CacheWrite5mTokens
        | Meter::CacheWrite1hTokens
        | Meter::InputAudioTokens
        | Meter::CacheReadAudioTokens
        | Meter::InputImageTokens => true,
        Meter::Other(name) => extra::PROMPT.contains(&name.as_str()),
        _ => false,
    }
}

impl Sheet {
    pub fn new(
        rows: impl IntoIterator<Item = (Priced, SheetRow)>,
        halves_cache_reads: bool,
    ) -> Self {
        let mut sheet = Self {
            known: Default::default(),
            other: Vec::new(),
            factors: Vec::new(),
            parameters: Vec::new(),
            first_threshold: u64::MAX,
            has_hours: false,
            halves_cache_reads,
            plain: [None; Meter::KNOWN.len()],
        };
        rows.into_iter().for_each(|(priced, row)| sheet.add(priced, row));
        let no_tags = Tags::new();
        let plain = Terms::plain(&no_tags);
        for (at, meter) in Meter::KNOWN.iter().enumerate() {
            sheet.plain[at] = sheet.find(meter, &plain);
        }
        sheet
    }

    fn add(&mut self, priced: Priced, row: SheetRow) {
        let conditions = &row.conditions;
        let region = conditions.region.iter().map(|_| "region");
        let others = conditions.parameters.iter().map(|(name, _)| name.as_str());
        for name in region.chain(others) {
            if !self.parameters.iter().any(|known| known == name) {
                self.parameters.push(name.into());
            }
        }
        if let Some(context) = conditions.context {
            self.first_threshold = self.first_threshold.min(context.first());
        }
        self.has_hours |= conditions.hours.is_some();
        match priced {
            Priced::Factor => self.factors.push(row),
            Priced::Meter(Meter::Other(name)) => {
                match self.other.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, rows)) => rows.push(row),
                    None => self.other.push((name, vec![row])),
                }
            }
            Priced::Meter(meter) => {
                if let Some(at) = meter.known_index() {
                    self.known[at].push(row);
                }
            }
        }
    }

    /// The rate that `meter` meets on these terms, `None` when it has no price and nothing to
    /// fall back to.
    pub fn rate(&self, meter: &Meter, terms: &Terms<'_>) -> Option<Found> {
        if self.is_plain(terms)
            && let Some(at) = meter.known_index()
        {
            return self.plain[at];
        }
        self.find(meter, terms)
    }

    /// Whether some token class has a price of its own in the tier of the request.
    pub fn knows_tier(&self, terms: &Terms<'_>) -> bool {
        let rows = self.known.iter().flatten().chain(self.other.iter().flat_map(|(_, rows)| rows));
        let mut tiers = rows.filter_map(|row| row.conditions.tier.as_deref());
        tiers.any(|tier| terms.has_tier(tier))
    }

    fn is_plain(&self, terms: &Terms<'_>) -> bool {
        terms.tier.is_none()
            && !terms.batch
            && !self.has_hours
            && terms.prompt_tokens < self.first_threshold
            && self.parameters.iter().all(|name| terms.parameters.get(name).is_none())
    }

    /// The id of the row that a rate is from.
    pub fn id_of(&self, found: &Found) -> &str {
        &self.row(found.row).id
    }

    fn row(&self, at: RowAt) -> &SheetRow {
        match at {
            RowAt::Known(meter, row) => &self.known[usize::from(meter)][usize::from(row)],
            RowAt::Other(meter, row) => &self.other[usize::from(meter)].1[usize::from(row)],
        }
    }

    /// The factors that apply to every token class of a request.
    pub fn factors(&self, terms: &Terms<'_>) -> impl Iterator<Item = &SheetRow> {
        self.factors.iter().filter(|row| {
            let conditions = &row.conditions;
            conditions.parameters_met(terms.parameters).is_some()
                && (!conditions.batch || terms.batch)
                && conditions.tier.as_ref().is_none_or(|tier| terms.has_tier(tier))
                && conditions
                    .context
                    .is_none_or(|context| context.is_passed_by(terms.prompt_tokens))
                && conditions.hours.as_ref().is_none_or(|hours| terms.are_within(hours))
        })
    }

    fn find(&self, meter: &Meter, terms: &Terms<'_>) -> Option<Found> {
        if terms.batch { self.batched(meter, terms) } else { self.standard(meter, terms) }
    }

    /// What `meter` costs outside of a batch.
    fn standard(&self, meter: &Meter, terms: &Terms<'_>) -> Option<Found> {
        if *meter == Meter::ReasoningTokens {
            return self.reasoning(terms);
        }
        let own = self.fit(meter, terms).map(|fit| fit.found);
        own.or_else(|| {
            let found = self.standard(&self.stand_in(meter)?, terms)?;
            let is_halved = self.halves_cache_reads && *meter == Meter::CacheReadTokens;
            Some(if is_halved { Found { rate: found.rate.half(), ..found } } else { found })
        })
    }

    /// Thinking has a price of its own, unless a tier or a threshold gave output another one and
    /// left thinking out: then it is output.
    fn reasoning(&self, terms: &Terms<'_>) -> Option<Found> {
        let output = || self.standard(&Meter::OutputTokens, terms);
        let Some(own) = self.fit(&Meter::ReasoningTokens, terms) else { return output() };
        let follows_output = self.fit(&Meter::OutputTokens, terms).is_some_and(|output| {
            !own.in_hours
                && !output.in_hours
                && (output.parameters > own.parameters
                    || output.in_tier && !own.in_tier
                    || output.threshold > own.threshold)
        });
        if follows_output { output() } else { Some(own.found) }
    }

    /// What `meter` costs in a batch: its batch price, or half.
    fn batched(&self, meter: &Meter, terms: &Terms<'_>) -> Option<Found> {
        let batch_price = |meter: &Meter| self.batch_fit(meter, terms);
        if let Some(found) = batch_price(meter) {
            return Some(found);
        }
        let standard = || self.standard(meter, terms);
        let half = || standard().map(|found| Found { rate: found.rate.half(), ..found });
        match meter {
            Meter::ReasoningTokens => batch_price(&Meter::OutputTokens).or_else(half),
            // A batch price of input without one of cached input says that there is no such
            // discount in a batch.
            Meter::CacheReadTokens | Meter::CacheWrite5mTokens => {
                batch_price(&Meter::InputTokens).or_else(half)
            }
            Meter::CacheWrite1hTokens if batch_price(&Meter::CacheWrite5mTokens).is_none() => {
                batch_price(&Meter::InputTokens).or_else(half)
            }
            meter if self.fit(meter, terms).is_none() && counts_tokens(meter) => {
                self.batched(&self.stand_in(meter)?, terms)
            }
            // Fees for calls and searches are the same in a batch.
            Meter::Requests | Meter::Searches => standard(),
            Meter::Other(_) if !counts_tokens(meter) => standard(),
            _ => half(),
        }
    }

    /// The meter whose price stands in for one that has none.
    fn stand_in(&self, meter: &Meter) -> Option<Meter> {
        Some(match meter {
            Meter::CacheReadTokens
            | Meter::CacheWrite5mTokens
            | Meter::InputAudioTokens
            | Meter::InputImageTokens => Meter::InputTokens,
            Meter::CacheWrite1hTokens => Meter::CacheWrite5mTokens,
            Meter::CacheReadAudioTokens => self.cached_modality(&Meter::InputAudioTokens),
            Meter::ReasoningTokens | Meter::OutputAudioTokens => Meter::OutputTokens,
            // A model that makes pictures only may say the price of its output either way.
            Meter::OutputTokens if self.has(&Meter::OutputImageTokens) => Meter::OutputImageTokens,
            Meter::OutputImageTokens if self.has(&Meter::OutputTokens) => Meter::OutputTokens,
            Meter::Other(name) => match name.as_str() {
                extra::CACHE_WRITE_12H_TOKENS | extra::CACHE_WRITE_AUDIO_TOKENS => {
                    Meter::CacheWrite5mTokens
                }
                extra::CACHE_READ_IMAGE_TOKENS => self.cached_modality(&Meter::InputImageTokens),
                extra::CACHE_READ_VIDEO_TOKENS => {
                    self.cached_modality(&Meter::Other(extra::INPUT_VIDEO_TOKENS.into()))
                }
                extra::INPUT_VIDEO_TOKENS => Meter::InputTokens,
                extra::OUTPUT_VIDEO_TOKENS => Meter::OutputTokens,
                extra::ANNOTATED_PAGES => Meter::Pages,
                _ => return None,
            },
            _ => return None,
        })
    }

    /// Cached sound or pictures cost what cached text does; where nothing cached has a price,
    /// they cost what they would uncached.
    fn cached_modality(&self, uncached: &Meter) -> Meter {
        if self.has(&Meter::CacheReadTokens) { Meter::CacheReadTokens } else { uncached.clone() }
    }

    fn has(&self, meter: &Meter) -> bool {
        !self.rows(meter).1.is_empty()
    }

    fn rows(&self, meter: &Meter) -> (usize, &[SheetRow]) {
        match meter {
            Meter::Other(name) => match self.other.iter().position(|(known, _)| known == name) {
                Some(at) => (at, &self.other[at].1),
                None => (0, &[]),
            },
            known => known.known_index().map_or((0, &[]), |at| (at, &self.known[at])),
        }
    }

    /// The row of `meter` that fits best, batch rows aside: an open window first, then the
    /// longest context passed, there the service tier, then the rest.
    fn fit(&self, meter: &Meter, terms: &Terms<'_>) -> Option<Fit> {
        self.best(meter, terms, |conditions, parameters| {
            if conditions.batch {
                return None;
            }
            let in_hours = match &conditions.hours {
                Some(hours) => terms.are_within(hours).then_some(true)?,
                None => false,
            };
            let tier = terms.tier_rank(conditions.tier.as_deref())?;
            let threshold = threshold_passed(conditions, terms)?;
            Some((parameters, in_hours, threshold, tier))
        })
    }

    fn batch_fit(&self, meter: &Meter, terms: &Terms<'_>) -> Option<Found> {
        let fit = self.best(meter, terms, |conditions, parameters| {
            if !conditions.batch || conditions.tier.is_some() {
                return None;
            }
            let in_hours = match &conditions.hours {
                Some(hours) => terms.are_within(hours).then_some(true)?,
                None => false,
            };
            Some((parameters, in_hours, threshold_passed(conditions, terms)?, 0))
        });
        fit.map(|fit| fit.found)
    }

    /// The row with the greatest key; `key` says `None` for a row that does not apply.
    fn best(
        &self,
        meter: &Meter,
        terms: &Terms<'_>,
        key: impl Fn(&Conditions, usize) -> Option<(usize, bool, u64, u8)>,
    ) -> Option<Fit> {
        let (meter_at, rows) = self.rows(meter);
        let mut best: Option<((usize, bool, u64, u8), usize)> = None;
        for (at, row) in rows.iter().enumerate() {
            let Some(met) = row.conditions.parameters_met(terms.parameters) else { continue };
            let Some(key) = key(&row.conditions, met) else { continue };
            if best.is_none_or(|(known, _)| key > known) {
                best = Some((key, at));
            }
        }
        let ((parameters, in_hours, threshold, tier), at) = best?;
        let row = &rows[at];
        let row_at = u16::try_from(at).ok()?;
        let found = Found {
            rate: Rate::new(row.price, row.per),
            charged: row.charged,
            row: match meter {
                Meter::Other(_) => RowAt::Other(u16::try_from(meter_at).ok()?, row_at),
                _ => RowAt::Known(u8::try_from(meter_at).ok()?, row_at),
            },
        };
        Some(Fit { found, parameters, in_hours, threshold, in_tier: tier > 0 })
    }
}

fn threshold_passed(conditions: &Conditions, terms: &Terms<'_>) -> Option<u64> {
    match conditions.context {
        Some(context) => context.is_passed_by(terms.prompt_tokens).then(|| context.first()),
        None => Some(0),
    }
}
