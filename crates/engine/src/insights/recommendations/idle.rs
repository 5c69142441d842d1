//! What was paid for and served nobody: idle hours of machines and GPUs, unused commitments.
//!
//! Only who meters the capacity knows which part of it was used, so it is never guessed here. An
//! event whose operation is one of [`OPERATIONS`] says that its charge is for the part that was not.

use compact_str::CompactString;
use outlay_domain::usage::question::{Answer, Attribute, Filter, Group, Value};

use super::claims::Claim;
use super::found::{Found, Used, words};
use super::{Confidence, Evidence, Kind, Proof, Recommendation, Scope};
use crate::figure_text::{amount_text, count_text};

/// What is not used goes by these operations: our word, FOCUS's for commitments, and OpenCost's.
pub const OPERATIONS: [&str; 3] = ["idle", "unused", "__idle__"];
/// Resources that the proof lists, at most.
const ROWS_MAX: usize = 20;
/// By what idle charges are told apart.
pub const BY: [Attribute; 3] = [Attribute::Service, Attribute::Provider, Attribute::Model];

/// The filter that lets only idle charges pass.
pub fn filter() -> Filter {
    Filter::among(Attribute::Operation, OPERATIONS).expect("three values are not too many")
}

/// The filter that lets everything but idle charges pass.
pub fn busy() -> Filter {
    Filter::not_among(Attribute::Operation, OPERATIONS).expect("three values are not too many")
}

/// What a service's idle capacity is, in the answer to a question [`BY`] whose measures are spend
/// and events; the most expensive first. Pairs that `used` does not know are added to it.
pub fn find(answer: &Answer, used: &mut Vec<Used>) -> Vec<Found> {
    let known = used.len();
    let mut services: Vec<Service> = Vec::new();
    for row in &answer.rows {
        let Group::Of(key) = &row.group else { continue };
        let [service, provider, model] = key.as_ref() else { continue };
        let [Value::Amount { nanos }, Value::Count(events), ..] = row.values.now.as_slice() else {
            continue;
        };
        if *nanos <= 0 {
            continue;
        }
        let (provider, model) =
            (provider.clone().unwrap_or_default(), model.clone().unwrap_or_default());
        let pair = pair_of(used, known, (&provider, &model), *nanos);
        let idle = Idle { provider, model, nanos: *nanos, events: *events, pair };
        match services.iter_mut().find(|known| known.name == *service) {
            Some(known) => known.idle.push(idle),
            None => services.push(Service { name: service.clone(), idle: vec![idle] }),
        }
    }
    services.into_iter().map(Service::found).collect()
}

/// Which pair of provider and model the charge is part of. One that is not among the first `known`
/// is of idle charges alone.
fn pair_of(
    used: &mut Vec<Used>,
    known: usize,
    (provider, model): (&CompactString, &CompactString),
    nanos: i128,
) -> usize {
    let is_it = |used: &Used| used.provider == *provider && used.model == *model;
    let pair = used.iter().position(is_it).unwrap_or_else(|| {
        let (provider, model) = (provider.clone(), model.clone());
        used.push(Used { provider, model, ..Used::default() });
        used.len() - 1
    });
    if pair >= known {
        used[pair].nanos += nanos;
    }
    pair
}

/// Idle charges of one service.
struct Service {
    name: Option<CompactString>,
    idle: Vec<Idle>,
}

struct Idle {
    provider: CompactString,
    model: CompactString,
    nanos: i128,
    events: i128,
    pair: usize,
}

impl Service {
    fn found(mut self) -> Found {
        self.idle.sort_by_key(|idle| std::cmp::Reverse(idle.nanos));
        let nanos: i128 = self.idle.iter().map(|idle| idle.nanos).sum();
        let claim = |idle: &Idle| Claim { pair: idle.pair, nanos: idle.nanos };
        let claims = self.idle.iter().map(claim).collect();
        let row = |idle: &Idle| {
            let name = |name: &str| if name.is_empty() { "none".to_owned() } else { name.into() };
            let (provider, resource) = (name(&idle.provider), name(&idle.model));
            vec![provider, resource, count_text(idle.events), amount_text(idle.nanos)]
        };
        let name = self.name.as_deref();
        let names: Vec<&str> = name.into_iter().collect();
        let mut scope = Scope::new();
        scope.insert("operation".into(), OPERATIONS.map(ToOwned::to_owned).into());
        // An empty text stands for what has no service.
        scope.insert("service".into(), vec![name.unwrap_or_default().to_owned()]);
        let recommendation = Recommendation {
            title: match name {
                Some(name) => format!("Give back what {name} does not use"),
                None => "Give back what nobody uses".into(),
            },
            description: format!("{} was paid for capacity that stood idle", amount_text(nanos)),
            confidence: Confidence::High,
            assumption: "what stood idle can be given back, and was reported as it was".into(),
            evidence: vec![
                Evidence::new("Paid for idle capacity", amount_text(nanos)),
                Evidence::new("Resources", count_text(self.idle.len() as i128)),
            ],
            proof: Proof {
                columns: words(["Provider", "Resource", "Charges", "Spent"]),
                rows: self.idle.iter().take(ROWS_MAX).map(row).collect(),
            },
            actions: words([
                "Switch off machines outside the hours in which they serve anybody",
                "Commit to less when a commitment is renewed, or move work onto it",
                "Share machines between services that are busy at different times",
            ]),
            scope: scope.clone(),
            ..Recommendation::named(Kind::Idle, &names)
        };
        Found { recommendation, claims, parts: (50, 100), measured: scope }
    }
}
