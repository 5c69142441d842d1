//! What can be saved on the models that were used.

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::prices::PriceBook;
use outlay_domain::usage::Meter;

use super::claims::{Claim, share};
use super::rates::{Mix, Rates, Terms};
use super::siblings::instead_of;
use super::{Confidence, Evidence, Kind, Proof, Recommendation, Scope, of_model};
use crate::figure_text::{amount_text, count_text};

/// Share of prompts that could come from the cache, where little does, in percent.
const CACHED_TARGET: i128 = 60;
/// Above this share of cached prompts nothing is said, in percent.
const CACHED_ENOUGH: i128 = 30;
/// How often what is written to a cache is read from it.
const READS_A_WRITE: i128 = 10;
/// Shorter prompts are not cached by the providers, in tokens.
const CACHED_PROMPT_MIN: i128 = 1_024;
/// Share of usage that can wait for a batch job, in percent.
const BATCH_PART: i128 = 25;
/// Spend below this share of list prices is discounted already, in percent.
const DISCOUNTED: i128 = 85;
/// Share of spend that failures, or long prompts, have to be to be worth a word, in percent.
const WORTH_PERCENT: i128 = 1;

/// What was used of one model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Used {
    /// Who is paid.
    pub provider: CompactString,
    /// The model.
    pub model: CompactString,
    /// What it cost, in nanos.
    pub nanos: i128,
    /// In how many events.
    pub events: i128,
    /// What failed events among them cost, in nanos.
    pub failed_nanos: i128,
    /// How many failed.
    pub failed: i128,
    /// The tokens.
    pub mix: Mix,
}

/// A recommendation, and which spend it would not have cost.
pub struct Found {
    pub recommendation: Recommendation,
    pub claims: Vec<Claim>,
    /// Parts of the saving at the low and at the high end, in percent.
    pub parts: (i128, i128),
    /// Which spend is measured afterwards.
    pub measured: Scope,
}

/// Everything that can be saved on `used`, the models of which are priced by `book` at `at`.
pub fn find(used: &[Used], book: &PriceBook, at: DateTime<Utc>) -> Vec<Found> {
    let mut found = Vec::new();
    for (pair, used) in used.iter().enumerate() {
        found.extend(failures(pair, used));
        let meters = || used.mix.iter().map(|(meter, _)| meter.clone());
        if used.mix.is_empty() || used.nanos <= 0 {
            continue;
        }
        let rates =
            |model: &str, terms| Rates::of(book, (&used.provider, model), meters(), terms, at);
        let Some(now) = rates(&used.model, Terms::Plain) else { continue };
        let listed = now.total(&used.mix);
        if listed <= 0 {
            continue;
        }
        let seen = Seen { pair, used, now: &now, listed };
        if let Some(other) = instead_of(&used.provider, &used.model)
            && let Some(then) = rates(other, Terms::Plain)
        {
            found.extend(seen.cheaper_model(other, &then));
        }
        let with_cache = [Meter::InputTokens, Meter::CacheReadTokens, Meter::CacheWrite5mTokens];
        let cache = Rates::of(
            book,
            (&used.provider, &used.model),
            with_cache.into_iter(),
            Terms::Plain,
            at,
        );
        found.extend(cache.and_then(|cache| seen.caching(&cache)));
        found.extend(rates(&used.model, Terms::Batch).and_then(|then| seen.batch(&then)));
        found.extend(rates(&used.model, Terms::Long).and_then(|long| seen.context(&long)));
    }
    found
}

/// A model whose tokens have a price.
struct Seen<'a> {
    pair: usize,
    used: &'a Used,
    now: &'a Rates,
    /// What its tokens come to at list prices, in nanos.
    listed: i128,
}

impl Seen<'_> {
    /// What of the observed spend a saving at list prices is.
    fn observed(&self, listed_saving: i128) -> i128 {
        share(self.listed.min(self.used.nanos), listed_saving, self.listed)
    }

    fn claim(&self, listed_saving: i128) -> Vec<Claim> {
        vec![Claim { pair: self.pair, nanos: self.observed(listed_saving) }]
    }

    fn is_discounted(&self) -> bool {
        self.used.nanos * 100 < self.listed * DISCOUNTED
    }

    fn tokens(&self, meter: &Meter) -> i128 {
        self.used.mix.iter().find(|(known, _)| known == meter).map_or(0, |(_, micros)| *micros)
    }

    /// Each class of tokens at both prices.
    fn proof(&self, now: &Rates, then: &Rates) -> Proof {
        let row = |(meter, micros): &(Meter, i128)| {
            let at = |rates: &Rates| amount_text(rates.nanos(meter, *micros));
            vec![class(meter), count_text(*micros / 1_000_000), at(now), at(then)]
        };
        let mut rows: Vec<Vec<String>> = self.used.mix.iter().map(row).collect();
        let at = |rates: &Rates| amount_text(rates.total(&self.used.mix));
        rows.push(vec!["Together".into(), String::new(), at(now), at(then)]);
        Proof { columns: words(["Token class", "Tokens", "Now", "Then"]), rows }
    }

    fn evidence(&self) -> Vec<Evidence> {
        self.evidence_at(self.now)
    }

    /// The figures beside what the tokens come to at those list prices.
    fn evidence_at(&self, rates: &Rates) -> Vec<Evidence> {
        vec![
            Evidence::new("Requests", count_text(self.used.events)),
            Evidence::new("Spent", amount_text(self.used.nanos)),
            Evidence::new("At list prices", amount_text(rates.total(&self.used.mix))),
        ]
    }

    fn cheaper_model(&self, other: &str, then: &Rates) -> Option<Found> {
        let saving = self.listed - then.total(&self.used.mix);
        let Used { provider, model, .. } = self.used;
        let mut measured = of_model(provider, model);
        measured.entry("model".into()).or_default().push(other.into());
        let recommendation = Recommendation {
            title: format!("Try {other} instead of {model}"),
            description: format!(
                "The same tokens cost {} % less on {other}",
                share(100, saving, self.listed)
            ),
            confidence: Confidence::Low,
            assumption: format!(
                "{other} answers well enough for what {model} is used for, with as many tokens; that has to be tried"
            ),
            evidence: self.evidence(),
            proof: self.proof(self.now, then),
            actions: words([
                "Send a sample of requests to both models and compare the answers",
                "Move what is answered as well, one operation at a time",
                "Mark this as done then, and see what it saved",
            ]),
            ..Recommendation::of(Kind::CheaperModel, provider, model)
        };
        (saving > 0).then(|| Found {
            recommendation,
            claims: self.claim(saving),
            parts: (25, 100),
            measured,
        })
    }

    fn caching(&self, rates: &Rates) -> Option<Found> {
        let fresh = self.tokens(&Meter::InputTokens);
        let read = self.tokens(&Meter::CacheReadTokens);
        let written =
            self.tokens(&Meter::CacheWrite5mTokens) + self.tokens(&Meter::CacheWrite1hTokens);
        let prompt = fresh + read + written;
        let mean = prompt / 1_000_000 / self.used.events.max(1);
        if prompt <= 0 || mean < CACHED_PROMPT_MIN || read * 100 >= prompt * CACHED_ENOUGH {
            return None;
        }
        let moved = (prompt * CACHED_TARGET / 100 - read).clamp(0, fresh);
        let price = |meter: &Meter| rates.attos(meter);
        let (input, cached) = (price(&Meter::InputTokens), price(&Meter::CacheReadTokens));
        // Who charges for writing charges more than for input; what is read was written once.
        let surcharge = (price(&Meter::CacheWrite5mTokens) - input).max(0);
        let writes = moved / READS_A_WRITE;
        let saving = super::rates::rounded(
            moved.saturating_mul(input - cached) - writes.saturating_mul(surcharge),
        );
        let Used { provider, model, .. } = self.used;
        let row = |class: &str, tokens: i128, now: i128, then: i128| {
            let nanos = |attos| amount_text(super::rates::rounded(attos * tokens));
            vec![class.to_owned(), count_text(tokens / 1_000_000), nanos(now), nanos(then)]
        };
        let percent = read * 100 / prompt;
        let mut evidence = self.evidence();
        evidence.push(Evidence::new("Prompts from the cache", format!("{percent} %")));
        evidence.push(Evidence::new("Tokens in a prompt", count_text(mean)));
        let recommendation = Recommendation {
            title: format!("Cache prompts of {model}"),
            description: format!(
                "{percent} % of its prompts come from the cache; at {CACHED_TARGET} % they cost less"
            ),
            confidence: Confidence::Medium,
            assumption: format!(
                "{CACHED_TARGET} % of each prompt begins like others, and is read {READS_A_WRITE} times for each time it is written"
            ),
            evidence,
            proof: Proof {
                columns: words(["Token class", "Tokens", "Now", "Then"]),
                rows: vec![
                    row("Input, from the cache then", moved, input, cached),
                    row("Cache writes, beyond input", writes, 0, surcharge),
                ],
            },
            actions: words([
                "Put what stays the same (instructions, tools, documents) first in the prompt",
                "Switch caching on where the provider wants that said",
                "Watch the cached tokens by operation",
            ]),
            ..Recommendation::of(Kind::PromptCaching, provider, model)
        };
        (saving > 0).then(|| Found {
            recommendation,
            claims: self.claim(saving),
            parts: (50, 130),
            measured: of_model(provider, model),
        })
    }

    fn batch(&self, then: &Rates) -> Option<Found> {
        let whole = self.listed - then.total(&self.used.mix);
        if whole <= 0 || self.is_discounted() {
            return None;
        }
        let Used { provider, model, .. } = self.used;
        let recommendation = Recommendation {
            title: format!("Send what can wait to {model} in batches"),
            description: format!(
                "Batch jobs cost {} % less; the saving is of {BATCH_PART} % of its usage",
                share(100, whole, self.listed)
            ),
            confidence: Confidence::Low,
            assumption: format!(
                "{BATCH_PART} % of its requests can wait up to a day, and are no batch jobs yet"
            ),
            evidence: self.evidence(),
            proof: self.proof(self.now, then),
            actions: words([
                "Find the operations for whose answers nobody waits",
                "Send them through the provider's batch API",
            ]),
            ..Recommendation::of(Kind::Batch, provider, model)
        };
        Some(Found {
            recommendation,
            claims: self.claim(whole * BATCH_PART / 100),
            parts: (0, 200),
            measured: of_model(provider, model),
        })
    }

    /// Spend beyond the price of short prompts, where long ones have a price of their own.
    fn context(&self, long: &Rates) -> Option<Found> {
        let has_tier =
            self.used.mix.iter().any(|(meter, _)| long.attos(meter) > self.now.attos(meter));
        let beyond = self.used.nanos - self.listed;
        if !has_tier || beyond * 100 < self.used.nanos * WORTH_PERCENT {
            return None;
        }
        let Used { provider, model, .. } = self.used;
        let recommendation = Recommendation {
            title: format!("Keep prompts of {model} below the more expensive tier"),
            description: "Prompts beyond a length cost more for each token, and some went beyond"
                .into(),
            confidence: Confidence::Low,
            assumption: "what was paid beyond the price of short prompts was for long ones, and they can be cut".into(),
            evidence: self.evidence_at(long),
            proof: self.proof(long, self.now),
            actions: words([
                "Find the requests with the longest prompts",
                "Send the parts of documents that matter, and summaries of long talks",
            ]),
            ..Recommendation::of(Kind::ContextTier, provider, model)
        };
        Some(Found {
            recommendation,
            claims: vec![Claim { pair: self.pair, nanos: beyond }],
            parts: (25, 100),
            measured: of_model(provider, model),
        })
    }
}

fn failures(pair: usize, used: &Used) -> Option<Found> {
    let Used { provider, model, nanos, events, failed_nanos, failed, .. } = used;
    if *failed_nanos <= 0 || failed_nanos * 100 < nanos * WORTH_PERCENT {
        return None;
    }
    let row = |what: &str, events: i128, nanos: i128| {
        vec![what.to_owned(), count_text(events), amount_text(nanos)]
    };
    let recommendation = Recommendation {
        title: format!("Stop paying for failures of {model}"),
        description: format!(
            "{} of {} requests failed and were charged",
            count_text(*failed),
            count_text(*events)
        ),
        confidence: Confidence::Medium,
        assumption: "what failed can be refused before it is sent, or be made to work".into(),
        evidence: vec![
            Evidence::new("Failed", count_text(*failed)),
            Evidence::new("Spent on them", amount_text(*failed_nanos)),
        ],
        proof: Proof {
            columns: words(["Status", "Requests", "Spent"]),
            rows: vec![
                row("error", *failed, *failed_nanos),
                row("others", events - failed, nanos - failed_nanos),
            ],
        },
        actions: words([
            "Look at the failed requests by operation",
            "Check requests before they are sent, and wait longer before each retry",
        ]),
        ..Recommendation::of(Kind::Failures, provider, model)
    };
    Some(Found {
        recommendation,
        claims: vec![Claim { pair, nanos: *failed_nanos }],
        parts: (50, 100),
        measured: of_model(provider, model),
    })
}

fn class(meter: &Meter) -> String {
    meter.name().trim_end_matches("_tokens").replace('_', " ")
}

pub(super) fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.into_iter().map(ToOwned::to_owned).collect()
}
