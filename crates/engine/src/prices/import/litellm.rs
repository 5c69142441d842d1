//! LiteLLM's `model_prices_and_context_window.json` (MIT).
//!
//! One entry a model, about 250 keys, of which those with a price become rows. What the keys
//! mean, and how LiteLLM combines them, is told in `docs/guide/prices.md`; the differences from a
//! plain reading are marked here.

use compact_str::CompactString;
use hashbrown::HashSet;
use outlay_domain::prices::{
    Charged, Conditions, ContextThreshold, Days, Hours, ModelPattern, Price, Priced, TimeOfDay,
    Window, provider_name,
};
use outlay_domain::usage::Meter;
use serde_json::{Map, Value};

use super::super::listing::{LISTED_ROWS_MAX, ListedRow, Listing, ListingError, Start};
use super::version_of;

/// The source's name.
pub const SOURCE: &str = "litellm";

const EXPECTED: &str = "LiteLLM's model_prices_and_context_window.json";

/// Suffixes that name a service tier.
const TIERS: [&str; 6] = ["priority", "flex", "ultrafast", "balanced", "fast", "decisions"];

/// What xAI takes for a search where the file says nothing, as LiteLLM has it in its code.
const XAI_SEARCH: &str = "0.005";
/// What Google takes for a grounded prompt where the file says nothing, as LiteLLM has it.
const GOOGLE_SEARCH: &str = "0.035";
/// What OpenAI takes for a file search, as LiteLLM has it.
const OPENAI_FILE_SEARCH: &str = "0.0025";

/// Reads the file.
pub fn read(text: &str) -> Result<Listing, ListingError> {
    let malformed = |detail: String| ListingError::Malformed { expected: EXPECTED, detail };
    let entries: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
    if !entries.values().any(|entry| entry.get("litellm_provider").is_some()) {
        return Err(malformed("no entry names a litellm_provider".to_owned()));
    }
    let mut listing = Listing {
        source: SOURCE.into(),
        version: version_of(text),
        rows: Vec::new(),
        left_out: Vec::new(),
    };
    // Some models stand there twice, with and without their provider before the name. LiteLLM
    // looks for the name with the provider first.
    let (with_provider, without): (Vec<_>, Vec<_>) =
        entries.iter().partition(|(key, entry)| begins_with_provider(key, entry));
    let mut seen = HashSet::new();
    for (key, entry) in with_provider.into_iter().chain(without) {
        let Value::Object(entry) = entry else { continue };
        if key == "sample_spec" || key == "fallback_generalizations" {
            continue;
        }
        read_entry(key, entry, &mut seen, &mut listing);
        if listing.rows.len() > LISTED_ROWS_MAX {
            return Err(ListingError::TooLarge);
        }
    }
    if listing.rows.is_empty() {
        return Err(ListingError::Empty(EXPECTED));
    }
    Ok(listing)
}

fn begins_with_provider(key: &str, entry: &Value) -> bool {
    let named = entry.get("litellm_provider").and_then(Value::as_str).unwrap_or_default();
    let prefix = key.split_once('/').map_or("", |(prefix, _)| prefix);
    !prefix.is_empty() && (prefix == named || provider_name(prefix) == provider_name(named))
}

/// A model, and the sizes and qualities that its entry is for.
type Seen = HashSet<(CompactString, CompactString, Vec<(CompactString, CompactString)>)>;

fn read_entry(key: &str, entry: &Map<String, Value>, seen: &mut Seen, listing: &mut Listing) {
    let Some(named) = entry.get("litellm_provider").and_then(Value::as_str) else {
        listing.left_out.push(format!("{key}: no provider"));
        return;
    };
    let provider = provider_name(named);
    let mut model = Model::new(&provider, named, key, entry);
    if !seen.insert((provider.clone(), model.label.clone(), model.parameters.clone())) {
        listing.left_out.push(format!("{key}: another entry is for the same model"));
        return;
    }
    if model.entry.contains_key("tiered_pricing") {
        model.read_ranges();
    }
    for (name, value) in entry {
        if let Err(reason) = model.read_key(name, value) {
            listing.left_out.push(format!("{key}: {name}: {reason}"));
        }
    }
    model.read_off_peak();
    model.read_searches();
    model.read_factors();
    listing.rows.append(&mut model.rows);
}

/// One entry, while it is read.
struct Model<'a> {
    provider: &'a str,
    mode: &'a str,
    entry: &'a Map<String, Value>,
    pattern: ModelPattern,
    label: CompactString,
    /// Size and quality of pictures, which stand in the key.
    parameters: Vec<(CompactString, CompactString)>,
    /// Width times height, where the key says the size.
    pixels: Option<i64>,
    /// Token classes that the table of ranges speaks for.
    in_ranges: bool,
    ranges_price_output: bool,
    rows: Vec<ListedRow>,
}

/// What a key prices, and when.
struct Key {
    priced: Priced,
    conditions: Conditions,
    per: i64,
}

impl<'a> Model<'a> {
    fn new(provider: &'a str, named: &str, key: &str, entry: &'a Map<String, Value>) -> Self {
        let (parameters, key) = picture_parameters(key);
        let name = match key.split_once('/') {
            Some((prefix, rest))
                if !rest.is_empty() && (prefix == named || provider_name(prefix) == provider) =>
            {
                rest
            }
            _ => key,
        };
        // Some providers put their own name before size and quality.
        let (more, name) = picture_parameters(name);
        let parameters: Vec<_> = parameters.into_iter().chain(more).collect();
        let pixels = parameters.iter().find(|(name, _)| name == "size").and_then(|(_, size)| {
            let (width, height) = size.split_once('x')?;
            width.parse::<i64>().ok()?.checked_mul(height.parse().ok()?)
        });
        Self {
            provider,
            mode: entry.get("mode").and_then(Value::as_str).unwrap_or("chat"),
            entry,
            pattern: ModelPattern::exactly(name),
            label: name.into(),
            parameters,
            pixels,
            in_ranges: false,
            ranges_price_output: false,
            rows: Vec::new(),
        }
    }

    fn conditions(&self) -> Conditions {
        let mut parameters = self.parameters.clone();
        parameters.sort();
        Conditions { parameters, ..Conditions::default() }
    }

    fn push(&mut self, priced: Priced, conditions: Conditions, price: Price, per: i64) {
        self.push_charged(priced, conditions, price, per, Charged::Each);
    }

    /// Adds a row, unless an earlier key already priced the same.
    fn push_charged(
        &mut self,
        priced: Priced,
        conditions: Conditions,
        price: Price,
        per: i64,
        charged: Charged,
    ) {
        if self.rows.iter().any(|row| row.priced == priced && row.conditions == conditions) {
            return;
        }
        self.rows.push(ListedRow {
            provider: self.provider.into(),
            model: self.pattern.clone(),
            label: self.label.clone(),
            rank: 0,
            priced,
            per,
            price,
            charged,
            conditions,
            start: Start::Import,
            until: None,
        });
    }

    fn read_key(&mut self, name: &str, value: &Value) -> Result<(), String> {
        let Some(Key { priced, mut conditions, per }) = self.key(name) else { return Ok(()) };
        let price = match price(value) {
            None => return Ok(()),
            Some(price) => price?,
        };
        // A table of ranges speaks for every token class in it, whatever else the entry says.
        let is_token_class = matches!(&priced, Priced::Meter(meter) if is_ranged(meter));
        if self.in_ranges && is_token_class && !conditions.batch {
            let is_output = priced == Priced::Meter(Meter::OutputTokens);
            if !is_output || self.ranges_price_output {
                return Ok(());
            }
        }
        let (price, per) = match self.pixels {
            Some(pixels) if name.ends_with("_per_pixel") => {
                (price.checked_mul(pixels).ok_or("too large")?, per)
            }
            None if name.ends_with("_per_pixel") => return Ok(()),
            _ => (price, per),
        };
        conditions.parameters.extend(self.parameters.iter().cloned());
        conditions.parameters.sort();
        self.push(priced, conditions, price, per);
        Ok(())
    }

    /// What a key of the entry means; `None` when it is no price, or one that a better key has.
    fn key(&self, name: &str) -> Option<Key> {
        let mut conditions = Conditions::default();
        let mut base = name;
        if let Some(rest) = base.strip_suffix("_batches") {
            conditions.batch = true;
            base = rest;
        }
        if let Some((rest, tier)) = base.rsplit_once('_')
            && TIERS.contains(&tier)
        {
            conditions.tier = Some(tier.into());
            base = rest;
        }
        if let Some((rest, tokens)) = threshold(base) {
            // xAI moves a request that reaches the threshold, everybody else one that passes it.
            conditions.context = Some(match self.provider {
                "xai" => ContextThreshold::From(tokens),
                _ => ContextThreshold::Over(tokens),
            });
            base = rest;
        }
        let meter = |meter| Some((Priced::Meter(meter), 1));
        let other = |name: &'static str| {
            Some((Priced::Meter(Meter::Other(CompactString::const_new(name))), 1))
        };
        let has = |key: &str| self.entry.get(key).is_some_and(|value| !value.is_null());
        let is_picture = matches!(self.mode, "image_generation" | "image_edit");
        let (priced, per) = match base {
            "input_cost_per_token" => meter(Meter::InputTokens),
            "output_cost_per_token" => meter(Meter::OutputTokens),
            "cache_read_input_token_cost" => meter(Meter::CacheReadTokens),
            "input_cost_per_token_cache_hit" if !has("cache_read_input_token_cost") => {
                meter(Meter::CacheReadTokens)
            }
            "explicit_cache_read_input_token_cost" => {
                conditions.parameters.push(("cache_type".into(), "ephemeral".into()));
                meter(Meter::CacheReadTokens)
            }
            "cache_creation_input_token_cost" => meter(Meter::CacheWrite5mTokens),
            "cache_creation_input_token_cost_above_1hr" => meter(Meter::CacheWrite1hTokens),
            "cache_creation_input_token_cost_above_12hr" => other("cache_write_12h_tokens"),
            "output_cost_per_reasoning_token" => meter(Meter::ReasoningTokens),
            "input_cost_per_audio_token" => meter(Meter::InputAudioTokens),
            "output_cost_per_audio_token" => meter(Meter::OutputAudioTokens),
            "cache_read_input_audio_token_cost" => meter(Meter::CacheReadAudioTokens),
            "cache_creation_input_audio_token_cost" => other("cache_write_audio_tokens"),
            "input_cost_per_image_token" => meter(Meter::InputImageTokens),
            "output_cost_per_image_token" => meter(Meter::OutputImageTokens),
            "cache_read_input_image_token_cost" => other("cache_read_image_tokens"),
            "input_cost_per_video_token" => other("input_video_tokens"),
            "output_cost_per_video_token" => other("output_video_tokens"),
            "citation_cost_per_token" => other("citation_tokens"),
            // An interface that makes pictures is paid for what comes out, whichever side the
            // file books it on.
            "input_cost_per_image" if is_picture => meter(Meter::Images),
            "output_cost_per_image" if is_picture && has("input_cost_per_image") => None,
            "output_cost_per_image" => meter(Meter::Images),
            "input_cost_per_image" => other("input_images"),
            "input_cost_per_pixel"
                if is_picture && !has("input_cost_per_image") && !has("output_cost_per_image") =>
            {
                meter(Meter::Images)
            }
            "cost_per_second" => meter(Meter::Seconds),
            "input_cost_per_second" if !has("cost_per_second") => meter(Meter::Seconds),
            "output_cost_per_second"
                if !has("cost_per_second") && !has("input_cost_per_second") =>
            {
                meter(Meter::Seconds)
            }
            "output_cost_per_video_per_second" if !has("output_cost_per_second") => {
                meter(Meter::Seconds)
            }
            "input_cost_per_audio_per_second" => other("input_audio_seconds"),
            "input_cost_per_video_per_second" => other("input_video_seconds"),
            "input_cost_per_character" => meter(Meter::Characters),
            "output_cost_per_character" => other("output_characters"),
            "input_cost_per_query" => meter(Meter::Searches),
            "ocr_cost_per_page" => meter(Meter::Pages),
            "annotation_cost_per_page" => other("annotated_pages"),
            "ocr_cost_per_credit" => other("credits"),
            "input_cost_per_request" => meter(Meter::Requests),
            "input_cost_per_text_message" => other("text_messages"),
            "code_interpreter_cost_per_session" => other("code_sessions"),
            "file_search_cost_per_1k_calls" => {
                Some((Priced::Meter(Meter::Other("file_searches".into())), 1000))
            }
            "vector_store_cost_per_gb_per_day" => other("vector_store_gb_days"),
            base => {
                let (stem, size) = sized(base)?;
                conditions.parameters.push(("resolution".into(), size.to_ascii_lowercase().into()));
                match stem {
                    "output_cost_per_second" => meter(Meter::Seconds),
                    "output_cost_per_image" => meter(Meter::Images),
                    _ => None,
                }
            }
        }?;
        Some(Key { priced, conditions, per })
    }

    /// A table of ranges of the prompt's length; one range holds for the whole request.
    fn read_ranges(&mut self) {
        const CLASSES: [(&str, Meter); 5] = [
            ("input_cost_per_token", Meter::InputTokens),
            ("output_cost_per_token", Meter::OutputTokens),
            ("cache_read_input_token_cost", Meter::CacheReadTokens),
            ("cache_creation_input_token_cost", Meter::CacheWrite5mTokens),
            ("output_cost_per_reasoning_token", Meter::ReasoningTokens),
        ];
        let table = self.entry.get("tiered_pricing").and_then(Value::as_array);
        let mut ranges: Vec<(u64, &Map<String, Value>)> = table
            .into_iter()
            .flatten()
            .filter_map(|range| Some((range_start(range)?, range.as_object()?)))
            .filter(|(_, range)| range.contains_key("input_cost_per_token"))
            .collect();
        ranges.sort_by_key(|(start, _)| *start);
        if ranges.is_empty() {
            return;
        }
        let prices = |range: &Map<String, Value>, key: &str| price(range.get(key)?)?.ok();
        self.in_ranges = true;
        self.ranges_price_output =
            ranges.iter().all(|(_, range)| range.contains_key("output_cost_per_token"));
        for (key, meter) in CLASSES {
            if !ranges.iter().any(|(_, range)| range.contains_key(key)) {
                continue;
            }
            // A class that some range prices and another does not costs there what stands in for
            // it, not what it costs in the range below.
            let stand_in = match meter {
                Meter::ReasoningTokens => "output_cost_per_token",
                _ => "input_cost_per_token",
            };
            for (start, range) in &ranges {
                let context = (*start > 0).then_some(ContextThreshold::Over(*start));
                let conditions = Conditions { context, ..self.conditions() };
                if let Some(price) = prices(range, key).or_else(|| prices(range, stand_in)) {
                    self.push(Priced::Meter(meter.clone()), conditions, price, 1);
                }
            }
        }
    }

    /// Prices of certain hours, which replace all others while they last.
    fn read_off_peak(&mut self) {
        const CLASSES: [(&str, Meter); 5] = [
            ("input_cost_per_token", Meter::InputTokens),
            ("output_cost_per_token", Meter::OutputTokens),
            ("cache_read_input_token_cost", Meter::CacheReadTokens),
            ("cache_creation_input_token_cost", Meter::CacheWrite5mTokens),
            ("output_cost_per_reasoning_token", Meter::ReasoningTokens),
        ];
        let Some(Value::Object(block)) = self.entry.get("off_peak_pricing") else { return };
        let Some(hours) = hours(block) else { return };
        for (key, meter) in CLASSES {
            if let Some(Ok(price)) = block.get(key).and_then(price) {
                let conditions = Conditions { hours: Some(hours.clone()), ..self.conditions() };
                self.push(Priced::Meter(meter), conditions, price, 1);
            }
        }
    }

    /// What a search of the web costs, and other tools that LiteLLM prices in its code.
    fn read_searches(&mut self) {
        let is_google =
            matches!(self.provider, "gemini" | "vertex_ai") && !self.label.contains("claude");
        let is_paid_each =
            self.entry.get("web_search_billing_unit").and_then(Value::as_str) == Some("per_query");
        let charged = if is_google && !is_paid_each { Charged::Once } else { Charged::Each };
        let searches = || Priced::Meter(Meter::Searches);
        if let Some(Value::Object(sizes)) = self.entry.get("search_context_cost_per_query") {
            let of = |size: &str| price(sizes.get(&format!("search_context_size_{size}"))?)?.ok();
            let (low, medium, high) = (of("low"), of("medium"), of("high"));
            let usual = if self.provider == "perplexity" { low.or(medium) } else { medium.or(low) };
            if let Some(usual) = usual.or(high) {
                self.push_charged(searches(), self.conditions(), usual, 1, charged);
                for (size, price) in [("low", low), ("medium", medium), ("high", high)] {
                    if let Some(price) = price.filter(|price| *price != usual) {
                        let mut conditions = self.conditions();
                        conditions.parameters.push(("search_context_size".into(), size.into()));
                        conditions.parameters.sort();
                        self.push_charged(searches(), conditions, price, 1, charged);
                    }
                }
            }
        }
        if let Some(Ok(price)) =
            self.entry.get("google_maps_grounding_cost_per_query").and_then(price)
        {
            let maps = Priced::Meter(Meter::Other("maps_searches".into()));
            self.push_charged(maps, self.conditions(), price, 1, charged);
        }
        if self.rows.is_empty() || !matches!(self.mode, "chat" | "responses") {
            return;
        }
        let known = |text: &str| text.parse::<Price>().unwrap_or(Price::ZERO);
        match self.provider {
            "xai" => self.push(searches(), self.conditions(), known(XAI_SEARCH), 1),
            "gemini" | "vertex_ai"
                if is_google
                    && self.entry.get("supports_web_search").and_then(Value::as_bool)
                        == Some(true) =>
            {
                let price = known(GOOGLE_SEARCH);
                self.push_charged(searches(), self.conditions(), price, 1, charged);
            }
            "openai" => {
                let files = Priced::Meter(Meter::Other("file_searches".into()));
                self.push(files, self.conditions(), known(OPENAI_FILE_SEARCH), 1);
            }
            _ => {}
        }
    }

    /// What multiplies the price of every token: a region, where the model ran, how fast.
    fn read_factors(&mut self) {
        let factor = |value: &Value| price(value)?.ok().filter(|price| *price != Price::ONE);
        let mut factors: Vec<(Conditions, Price)> = Vec::new();
        for region in ["eu", "us"] {
            let key = format!("regional_processing_uplift_multiplier_{region}");
            if let Some(factor) = self.entry.get(&key).and_then(factor) {
                let region = Some(region.into());
                factors.push((Conditions { region, ..self.conditions() }, factor));
            }
        }
        if let Some(factor) = self.entry.get("regional_endpoint_uplift_multiplier").and_then(factor)
        {
            let region = Some("*".into());
            factors.push((Conditions { region, ..self.conditions() }, factor));
        }
        if let Some(Value::Object(special)) = self.entry.get("provider_specific_entry") {
            for (name, value) in special.iter().filter(|(_, value)| value.is_number()) {
                let Some(factor) = factor(value) else { continue };
                let parameter = match name.as_str() {
                    "fast" => ("speed".into(), "fast".into()),
                    geography => ("inference_geo".into(), geography.into()),
                };
                let mut conditions = self.conditions();
                conditions.parameters.push(parameter);
                conditions.parameters.sort();
                factors.push((conditions, factor));
            }
        }
        for (conditions, factor) in factors {
            self.push(Priced::Factor, conditions, factor, 1);
        }
    }
}

/// Whether a table of ranges may speak for the class.
fn is_ranged(meter: &Meter) -> bool {
    matches!(
        meter,
        Meter::InputTokens
            | Meter::OutputTokens
            | Meter::CacheReadTokens
            | Meter::CacheWrite5mTokens
            | Meter::CacheWrite1hTokens
            | Meter::ReasoningTokens
    )
}

/// A price as the file has it, a number or a text; `None` when there is none.
fn price(value: &Value) -> Option<Result<Price, String>> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    Some(Price::from_foreign(&text).map_err(|error| error.to_string()))
}

/// Takes `_above_272k_tokens` off the end of a key.
fn threshold(key: &str) -> Option<(&str, u64)> {
    let rest = key.strip_suffix("_tokens")?;
    let (base, tokens) = rest.rsplit_once("_above_")?;
    let tokens = match tokens.strip_suffix('k') {
        Some(thousands) => thousands.parse::<u64>().ok()?.checked_mul(1000)?,
        None => tokens.parse().ok()?,
    };
    Some((base, tokens))
}

/// Takes a size such as `_720p` or `_4K` off the end of a key.
fn sized(key: &str) -> Option<(&str, &str)> {
    let (stem, size) = key.rsplit_once('_')?;
    let is_size = size.starts_with(|first: char| first.is_ascii_digit());
    is_size.then_some((stem, size))
}

/// Takes quality, size and steps of pictures off the front of a model's key.
fn picture_parameters(key: &str) -> (Vec<(CompactString, CompactString)>, &str) {
    const QUALITIES: [&str; 5] = ["low", "medium", "high", "standard", "hd"];
    let mut parameters: Vec<(CompactString, CompactString)> = Vec::new();
    let mut rest = key;
    while let Some((first, behind)) = rest.split_once('/') {
        if let Some((width, height)) = first.split_once("-x-") {
            parameters.push(("size".into(), compact_str::format_compact!("{width}x{height}")));
        } else if let Some(steps) = first.strip_suffix("-steps") {
            parameters.push(("steps".into(), steps.into()));
        } else if QUALITIES.contains(&first) && behind.contains("-x-") {
            parameters.push(("quality".into(), first.into()));
        } else {
            break;
        }
        rest = behind;
    }
    (parameters, rest)
}

/// Where a range begins; files write it as an integer or as a float.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn range_start(range: &Value) -> Option<u64> {
    let start = range.get("range")?.get(0)?.as_f64()?;
    (0.0..=1e12).contains(&start).then_some(start as u64)
}

/// The windows of an off-peak block: those of every day, and those of certain weekdays.
fn hours(block: &Map<String, Value>) -> Option<Hours> {
    let mut windows = Vec::new();
    read_windows(block.get("hours_utc"), Days::ALL, &mut windows);
    for rule in block.get("windows").and_then(Value::as_array).into_iter().flatten() {
        let days = match rule.get("weekdays").filter(|days| !days.is_null()) {
            None => Days::ALL,
            Some(Value::Array(days)) => Days::from_numbers(days.iter().filter_map(weekday)),
            Some(_) => continue,
        };
        read_windows(rule.get("hours_utc"), days, &mut windows);
    }
    let calendar = block.get("weekday_timezone").and_then(Value::as_str);
    let calendar = calendar.and_then(|name| name.trim().parse().ok());
    (!windows.is_empty()).then_some(Hours { windows, calendar })
}

fn read_windows(hours: Option<&Value>, days: Days, windows: &mut Vec<Window>) {
    let texts: Vec<&str> = match hours {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(texts)) => texts.iter().filter_map(Value::as_str).collect(),
        _ => return,
    };
    for text in texts {
        if let Some((from, to)) = text.split_once('-')
            && let (Ok(from), Ok(to)) = (from.parse::<TimeOfDay>(), to.parse::<TimeOfDay>())
        {
            windows.push(Window { from, to, days });
        }
    }
}

fn weekday(value: &Value) -> Option<u8> {
    const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    if let Some(number) = value.as_u64() {
        return u8::try_from(number).ok();
    }
    let name = value.as_str()?.trim().to_ascii_lowercase();
    let at = NAMES.iter().position(|known| name.starts_with(known))?;
    u8::try_from(at + 1).ok()
}
