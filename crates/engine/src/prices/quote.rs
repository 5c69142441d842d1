//! What a call would cost, or did.

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::Quantity;
use outlay_domain::prices::{PriceBook, Quote, Rateable, Unpriced};
use outlay_domain::providers::{Call, Evidence, Flag, MeasureError, identify, measure};
use outlay_domain::usage::{Meter, Quantities, Tags};
use serde_json::Value;

/// What is to be quoted.
#[derive(Debug, Clone)]
pub struct QuoteRequest {
    /// Who is called; told from the path or the answer where absent.
    pub provider: Option<CompactString>,
    /// The model; told from answer, request or path where absent.
    pub model: Option<CompactString>,
    /// How much is used, or where that is said.
    pub used: Used,
    /// The request's body.
    pub request: Option<Value>,
    /// The request's path, or its whole address.
    pub path: Option<String>,
    /// Terms beside those that the request and the answer say.
    pub parameters: Vec<(CompactString, CompactString)>,
    /// When the request is made.
    pub at: DateTime<Utc>,
}

/// How much is used, or where that is said.
#[derive(Debug, Clone)]
pub enum Used {
    /// So much; token classes are disjoint.
    Quantities(Quantities),
    /// The provider's usage object.
    Usage(Value),
    /// The provider's whole answer.
    Response(Value),
    /// The text of a stream.
    Stream(String),
}

/// A quote, and what it is for.
#[derive(Debug, Clone)]
pub struct Quoted {
    /// Who is called, by our name.
    pub provider: CompactString,
    /// The name under which the model was priced; the most telling one where it was not.
    pub model: Option<CompactString>,
    /// How much is used.
    pub quantities: Quantities,
    /// The terms.
    pub parameters: Tags,
    /// What was odd about the answer.
    pub flags: Vec<Flag>,
    /// What it costs.
    pub quote: Quote,
}

/// Quotes by `book`.
pub fn quote(book: &PriceBook, request: &QuoteRequest) -> Result<Quoted, MeasureError> {
    let call = Call {
        provider: request.provider.as_deref(),
        model: request.model.as_deref(),
        request: request.request.as_ref(),
        path: request.path.as_deref(),
        headers: &[],
    };
    let mut measured = match &request.used {
        Used::Quantities(quantities) => {
            let mut measured = identify(&call)?;
            measured.quantities = quantities.clone();
            measured
        }
        Used::Usage(usage) => measure(&call, Evidence::Usage(usage))?,
        Used::Response(response) => measure(&call, Evidence::Response(response))?,
        Used::Stream(text) => measure(&call, Evidence::Stream(text))?,
    };
    // A quote is for one call unless it says otherwise, as an event is.
    if !measured.quantities.contains(&Meter::Requests) {
        measured.quantities.set(Meter::Requests, Quantity::ONE);
    }
    let told = measured.parameters.iter().map(|(name, value)| (name.into(), value.into()));
    let parameters: Tags = told.chain(request.parameters.iter().cloned()).collect();
    let of_model = |model: Option<&str>| {
        book.quote(&Rateable {
            provider: Some(&measured.provider),
            model,
            quantities: &measured.quantities,
            parameters: &parameters,
            at: request.at,
            stated: measured.stated,
        })
    };
    // A model may go by several names, and a book need not know the most telling one.
    let mut first = None;
    for model in &measured.models {
        let quote = of_model(Some(model));
        if !is_unknown(&quote) {
            first = Some((Some(model.clone()), quote));
            break;
        }
        first = first.or(Some((Some(model.clone()), quote)));
    }
    let (model, quote) = first.unwrap_or_else(|| (None, of_model(None)));
    Ok(Quoted {
        provider: measured.provider,
        model,
        quantities: measured.quantities,
        parameters,
        flags: measured.flags,
        quote,
    })
}

fn is_unknown(quote: &Quote) -> bool {
    matches!(quote.unpriced, Some(Unpriced::UnknownModel { .. } | Unpriced::NotThen { .. }))
}
