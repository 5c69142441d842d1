//! What requests cost by a small book of prices, told as lists.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use chrono::{DateTime, Utc};
use outlay_domain::prices::{Charged, Conditions, PriceBook, PriceRow, Priced, Rateable, Unpriced};
use outlay_domain::usage::{
    Charge, ChargeBasis, EventDraft, Meter, Quantities, Status, Tags, UsageEvent,
};
use outlay_domain::{Amount, Quantity};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn friday_noon() -> DateTime<Utc> {
    at("2026-11-20T12:00:00Z")
}

/// Reads a row from `source provider model meter price [conditions as JSON] [from..to]`.
fn row(line: &str, number: usize) -> PriceRow {
    let mut words = line.splitn(6, ' ');
    let mut word = || words.next().unwrap_or_default();
    let (source, provider, model, meter, price) = (word(), word(), word(), word(), word());
    let rest = word();
    let (conditions, validity) = match rest.rfind('}') {
        Some(end) => rest.split_at(end + 1),
        None => ("{}", rest),
    };
    let (from, to) = validity.trim().split_once("..").unwrap_or(("", ""));
    let day = |text: &str| (!text.is_empty()).then(|| at(&format!("{text}T00:00:00Z")));
    let (price, per) = price.split_once('/').unwrap_or((price, "1"));
    PriceRow {
        id: format!("r{number}").into(),
        source: source.into(),
        provider: provider.into(),
        model: model.parse().unwrap(),
        rank: i32::try_from(number).unwrap(),
        priced: Priced::parse(meter),
        per: per.parse().unwrap(),
        price: price.parse().unwrap(),
        currency: "USD".into(),
        charged: Charged::Each,
        conditions: serde_json::from_str::<Conditions>(conditions).unwrap(),
        valid_from: day(from),
        valid_to: day(to),
        version: "1".into(),
    }
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

fn book(rows: &str) -> PriceBook {
    PriceBook::new(lines(rows).enumerate().map(|(at, line)| row(line, at + 1)), &[])
}

fn quantities(text: &str) -> Quantities {
    text.split_whitespace()
        .filter_map(|pair| pair.split_once('='))
        .map(|(meter, count)| (Meter::from_name(meter), count.parse().unwrap()))
        .collect()
}

fn tags(text: &str) -> Tags {
    let pairs = text.split_whitespace().filter_map(|pair| pair.split_once(':'));
    pairs.map(|(name, value)| (name.into(), value.into())).collect()
}

fn answer(book: &PriceBook, question: &str, at: DateTime<Utc>) -> String {
    let mut words = question.split_whitespace();
    let (provider, model) = (words.next(), words.next());
    let quantities = quantities(question);
    let parameters = tags(question);
    let rateable = Rateable {
        provider,
        model: model.filter(|model| *model != "-"),
        quantities: &quantities,
        parameters: &parameters,
        at,
        stated: None,
    };
    let quote = book.quote(&rateable);
    match (quote.amount, &quote.unpriced) {
        (Some(amount), None) => {
            format!("{amount} by {}", quote.prices().join("+")).trim().to_owned()
        }
        (None, Some(reason)) => format!("unpriced: {reason}"),
        (Some(amount), Some(reason)) => {
            format!("{amount} by {}, without {}", quote.prices().join("+"), missing(reason))
        }
        both => panic!("an amount or a reason, not {both:?}"),
    }
}

fn missing(reason: &Unpriced) -> String {
    let names: Vec<&str> = reason.missing().iter().map(Meter::name).collect();
    names.join("+")
}

/// Checks lines of `provider model meter=count tag:value -> answer`.
fn check_at(rows: &str, at: DateTime<Utc>, questions: &str) {
    let book = book(rows);
    for line in lines(questions) {
        let (question, expected) = line.split_once("->").expect("an arrow in every line");
        assert_eq!(answer(&book, question, at), expected.trim(), "{question}");
    }
}

fn check(rows: &str, questions: &str) {
    check_at(rows, friday_noon(), questions);
}

#[test]
fn classes_without_a_price_of_their_own_cost_what_stands_in() {
    check(
        "
        a openai plain input_tokens 0.000002
        a openai plain output_tokens 0.00001
        a openai full input_tokens 0.000002
        a openai full output_tokens 0.00001
        a openai full cache_read_tokens 0
        a openai full cache_write_5m_tokens 0.0000025
        a openai full reasoning_tokens 0.00002
        a openai full input_audio_tokens 0.00004
        a fireworks llama input_tokens 0.000002
        a openai pictures input_tokens 0.000005
        a openai pictures output_image_tokens 0.00004
        ",
        "
        openai plain input_tokens=1000 output_tokens=100 -> 0.003 by r1+r2
        openai plain cache_read_tokens=1000 -> 0.002 by r1
        openai plain cache_write_1h_tokens=1000 -> 0.002 by r1
        openai plain reasoning_tokens=100 output_audio_tokens=100 -> 0.002 by r2
        openai plain input_audio_tokens=10 input_image_tokens=10 -> 0.00004 by r1
        openai plain cache_read_audio_tokens=10 -> 0.00002 by r1
        openai full cache_read_tokens=1000000 -> 0 by r5
        openai full cache_write_1h_tokens=1000 -> 0.0025 by r6
        openai full cache_write_12h_tokens=1000 -> 0.0025 by r6
        openai full cache_read_audio_tokens=1000 -> 0 by r5
        openai full reasoning_tokens=100 -> 0.002 by r7
        openai full input_audio_tokens=100 -> 0.004 by r8
        openai full input_video_tokens=100 -> 0.0002 by r3
        fireworks llama cache_read_tokens=1000 -> 0.001 by r9
        openai pictures output_tokens=10 output_image_tokens=10 -> 0.0008 by r11
        ",
    );
}

#[test]
fn what_is_known_is_charged_and_what_is_not_is_named() {
    check(
        "
        a openai embed input_tokens 0.00000002
        a openai embed output_tokens 0
        a openai picture images 0.04
        a cohere rerank searches 0.002
        ",
        "
        openai embed input_tokens=1000 requests=1 -> 0.00002 by r1
        openai embed input_tokens=1000 images=1 -> 0.00002 by r1, without images
        openai embed output_tokens=1000 images=1 -> 0 by r2, without images
        openai embed images=1 pages=2 -> unpriced: model embed of openai has no price for images, pages
        openai embed input_tokens=900 output_tokens=100 total_tokens=1000 -> 0.000018 by r1+r2
        openai embed input_tokens=900 output_tokens=100 total_tokens=1001 -> 0.000018 by r1+r2, without total_tokens
        openai embed total_tokens=1001 -> unpriced: model embed of openai has no price for total_tokens
        openai embed input_tokens=1000 images=0 -> 0.00002 by r1
        openai picture images=2 seconds=1 output_tokens=1 -> 0.08 by r3, without output_tokens+seconds
        openai embed requests=1 -> 0 by
        openai nothing input_tokens=1 -> unpriced: no price is known for model nothing of openai
        nobody embed input_tokens=1 -> unpriced: no price is known for model embed of nobody
        openai - input_tokens=1 -> unpriced: no model is named, and there is no price for every model of openai
        cohere rerank searches=3 -> 0.006 by r4
        ",
    );
}

#[test]
fn a_threshold_moves_every_class_of_the_whole_request() {
    check(
        r#"
        a openai big input_tokens 0.000001
        a openai big input_tokens 0.000002 {"context":{"over":1000}}
        a openai big input_tokens 0.000003 {"context":{"over":2000}}
        a openai big output_tokens 0.00001
        a openai big output_tokens 0.00002 {"context":{"over":1000}}
        a openai big cache_read_tokens 0.0000001
        a openai big cache_read_tokens 0.0000002 {"context":{"over":1000}}
        a openai big reasoning_tokens 0.00003
        a xai grok input_tokens 0.000001
        a xai grok input_tokens 0.000002 {"context":{"from":1000}}
        "#,
        "
        openai big input_tokens=1000 output_tokens=1 -> 0.00101 by r1+r4
        openai big input_tokens=1001 output_tokens=1 -> 0.002022 by r2+r5
        openai big input_tokens=1 cache_read_tokens=1000 -> 0.000202 by r2+r7
        openai big input_tokens=1 cache_write_5m_tokens=1000 -> 0.002002 by r2
        openai big input_tokens=2001 output_tokens=1 -> 0.006023 by r3+r5
        openai big output_tokens=5000 -> 0.05 by r4
        openai big input_tokens=1000 reasoning_tokens=1 -> 0.00103 by r1+r8
        openai big input_tokens=1001 reasoning_tokens=1 -> 0.002022 by r2+r5
        xai grok input_tokens=999 -> 0.000999 by r9
        xai grok input_tokens=1000 -> 0.002 by r10
        ",
    );
}

#[test]
fn a_service_tier_falls_back_to_the_plain_price() {
    check(
        r#"
        a openai m input_tokens 0.000001
        a openai m input_tokens 0.000002 {"tier":"priority"}
        a openai m input_tokens 0.000004 {"context":{"over":1000}}
        a openai m output_tokens 0.00001
        a openai m output_tokens 0.00002 {"tier":"priority"}
        a openai m output_tokens 0.00003 {"context":{"over":1000},"tier":"priority"}
        a openai m output_tokens 0.000025 {"context":{"over":1000}}
        a openai m cache_read_tokens 0.0000001
        a openai m reasoning_tokens 0.000005
        "#,
        "
        openai m input_tokens=100 service_tier:priority -> 0.0002 by r2
        openai m input_tokens=100 service_tier:PRIORITY -> 0.0002 by r2
        openai m input_tokens=100 service_tier:fast -> 0.0002 by r2
        openai m input_tokens=100 service_tier:ON_DEMAND_PRIORITY -> 0.0002 by r2
        openai m input_tokens=100 service_tier:default -> 0.0001 by r1
        openai m input_tokens=100 service_tier:auto -> 0.0001 by r1
        openai m input_tokens=100 service_tier:flex -> 0.0001 by r1
        openai m cache_read_tokens=100 service_tier:priority -> 0.00001 by r8
        openai m input_tokens=1001 service_tier:priority -> 0.004004 by r3
        openai m input_tokens=1001 output_tokens=1 service_tier:priority -> 0.004034 by r3+r6
        openai m input_tokens=1001 output_tokens=1 -> 0.004029 by r3+r7
        openai m reasoning_tokens=100 -> 0.0005 by r9
        openai m reasoning_tokens=100 service_tier:priority -> 0.002 by r5
        ",
    );
}

#[test]
fn a_batch_has_its_prices_or_costs_half() {
    check(
        r#"
        a openai half input_tokens 0.000001
        a openai half output_tokens 0.00001
        a openai half cache_read_tokens 0.0000001
        a openai half searches 0.01
        a openai half input_tokens 0.000003 {"context":{"over":1000}}
        a openai own input_tokens 0.000001
        a openai own input_tokens 0.0000007 {"batch":true}
        a openai own input_tokens 0.0000014 {"batch":true,"context":{"over":1000}}
        a openai own output_tokens 0.00001
        a openai own output_tokens 0.000006 {"batch":true}
        a openai own cache_read_tokens 0.0000001
        a openai own reasoning_tokens 0.00004
        a openai own cache_write_1h_tokens 0.000002
        "#,
        "
        openai half input_tokens=100 output_tokens=10 batch:true -> 0.0001 by r1+r2
        openai half cache_read_tokens=100 batch:true -> 0.000005 by r3
        openai half input_tokens=100 searches=1 service_tier:batch -> 0.01005 by r1+r4
        openai half input_tokens=1001 processing:batch -> 0.0015015 by r5
        openai half input_tokens=100 batch:false -> 0.0001 by r1
        openai own input_tokens=100 output_tokens=10 batch:true -> 0.00013 by r7+r10
        openai own input_tokens=1001 batch:true -> 0.0014014 by r8
        openai own cache_read_tokens=100 batch:true -> 0.00007 by r7
        openai own reasoning_tokens=100 batch:true -> 0.0006 by r10
        openai own cache_write_5m_tokens=100 batch:true -> 0.00007 by r7
        openai own cache_write_1h_tokens=100 batch:true -> 0.00007 by r7
        ",
    );
}

#[test]
fn an_open_window_replaces_tiers_and_thresholds() {
    let rows = r#"
        a deepseek chat input_tokens 0.000002
        a deepseek chat input_tokens 0.000001 {"hours":{"windows":[{"from":"16:30","to":"00:30"},{"from":"00:00","to":"00:00","days":[6,7]}]}}
        a deepseek chat input_tokens 0.000008 {"context":{"over":1000}}
        a deepseek chat input_tokens 0.000009 {"tier":"priority"}
        a deepseek chat output_tokens 0.00001
        a deepseek chat reasoning_tokens 0.00002
        "#;
    let questions = |input, output| {
        format!(
            "
            deepseek chat input_tokens=1001 -> {input}
            deepseek chat cache_read_tokens=1001 -> {input}
            deepseek chat output_tokens=1 -> {output}
            "
        )
    };
    let closed = questions("0.008008 by r3", "0.00001 by r5");
    let open = questions("0.001001 by r2", "0.00001 by r5");

    check_at(rows, at("2026-11-20T16:29:59Z"), &closed);
    check_at(rows, at("2026-11-20T16:30:00Z"), &open);
    check_at(rows, at("2026-11-21T12:00:00Z"), &open);
    check_at(rows, at("2026-11-20T00:30:00Z"), &closed);
    check_at(
        rows,
        at("2026-11-20T16:30:00Z"),
        "deepseek chat input_tokens=10 service_tier:priority -> 0.00001 by r2",
    );
}

#[test]
fn factors_multiply_tokens_last_and_never_fees() {
    check(
        r#"
        a anthropic claude input_tokens 0.000003
        a anthropic claude searches 0.01
        a anthropic claude factor 1.1 {"parameters":{"inference_geo":"us"}}
        a anthropic claude factor 2 {"parameters":{"speed":"fast"}}
        a vertex_ai gemini input_tokens 0.000001
        a vertex_ai gemini factor 1.1 {"region":"*"}
        "#,
        "
        anthropic claude input_tokens=100 searches=1 -> 0.0103 by r1+r2
        anthropic claude input_tokens=100 searches=1 inference_geo:us -> 0.01033 by r1+r2+r3
        anthropic claude input_tokens=100 inference_geo:US speed:fast -> 0.00066 by r1+r3+r4
        anthropic claude searches=1 speed:fast -> 0.01 by r2
        anthropic claude input_tokens=100 inference_geo:global -> 0.0003 by r1
        vertex_ai gemini input_tokens=100 region:us-east5 -> 0.00011 by r5+r6
        vertex_ai gemini input_tokens=100 region:global -> 0.0001 by r5
        ",
    );
}

#[test]
fn prices_are_those_of_the_event_s_time() {
    let rows = "
        a openai m input_tokens 0.000001 ..2026-06-01
        a openai m input_tokens 0.000002 2026-06-01..2026-09-01
        a openai m input_tokens 0.000003 2026-10-01..
        ";

    check_at(rows, at("2026-05-31T23:59:59Z"), "openai m input_tokens=1000 -> 0.001 by r1");
    check_at(rows, at("2026-06-01T00:00:00Z"), "openai m input_tokens=1000 -> 0.002 by r2");
    check_at(
        rows,
        at("2026-09-01T00:00:00Z"),
        "openai m input_tokens=1000 -> unpriced: no price of model m of openai was valid at 2026-09-01 00:00:00 UTC",
    );
    check_at(rows, at("2026-10-01T00:00:00Z"), "openai m input_tokens=1000 -> 0.003 by r3");
}

#[test]
fn a_model_is_found_under_its_other_names() {
    check(
        "
        a openai gpt-4o input_tokens 0.000001
        a openai GPT-4O input_tokens 0.000002
        a openai gpt-4o-mini* input_tokens 0.000003
        a azure eu/gpt-5 input_tokens 0.000004
        a azure gpt-5 input_tokens 0.000005
        a openai gpt-image input_tokens 0.000006
        a bedrock anthropic.claude-v1:0 input_tokens 0.000007
        a google gemini-2.5-pro input_tokens 0.000008
        a ollama * input_tokens 0
        ",
        "
        OpenAI gpt-4o input_tokens=1000 -> 0.001 by r1
        openai GPT-4O input_tokens=1000 -> 0.002 by r2
        openai Gpt-4o input_tokens=1000 -> 0.001 by r1
        openai gpt-4o-2031-05-13 input_tokens=1000 -> 0.001 by r1
        openai gpt-4o-mini-2024 input_tokens=1000 -> 0.003 by r3
        azure.ai.openai gpt-5 input_tokens=1000 region:eu -> 0.004 by r4
        azure gpt-5 input_tokens=1000 -> 0.005 by r5
        azure gpt-image input_tokens=1000 -> 0.006 by r6
        aws.bedrock eu.anthropic.claude-v1:0 input_tokens=1000 -> 0.007 by r7
        gcp.vertex_ai gemini-2.5-pro input_tokens=1000 -> 0.008 by r8
        gemini models/gemini-2.5-pro input_tokens=1000 -> 0.008 by r8
        ollama whatever:8b input_tokens=1000 -> 0 by r9
        ollama - input_tokens=1000 -> 0 by r9
        litellm openai/gpt-4o input_tokens=1000 -> 0.001 by r1
        ",
    );
}

#[test]
fn sources_are_not_mixed_but_for_prices_set_by_hand() {
    let rows = r"
        first openai m input_tokens 0.000001 2026-01-01..
        second openai m input_tokens 0.000002
        second openai m output_tokens 0.00001
        second openai n input_tokens 0.000003
        first openai * input_tokens 0.000009
        manual openai n input_tokens 0.000004
        second openai n output_tokens 0.00002
        ";

    check(
        rows,
        "
        openai m input_tokens=1000 -> 0.001 by r1
        openai m output_tokens=1000 -> unpriced: model m of openai has no price for output_tokens
        openai n input_tokens=1000 output_tokens=1 -> 0.00402 by r6+r7
        openai o input_tokens=1000 -> 0.009 by r5
        ",
    );
    let before_the_first = at("2025-12-31T00:00:00Z");
    check_at(
        rows,
        before_the_first,
        "openai m input_tokens=1000 output_tokens=1 -> 0.00201 by r2+r3",
    );
    let second_first = PriceBook::new(
        lines(rows).enumerate().map(|(at, line)| row(line, at + 1)),
        &["second".into(), "first".into()],
    );
    assert_eq!(answer(&second_first, "openai m input_tokens=1000", friday_noon()), "0.002 by r2");
}

#[test]
fn parameters_of_the_request_choose_among_prices() {
    check(
        r#"
        a openai dall-e images 0.04
        a openai dall-e images 0.08 {"parameters":{"quality":"hd"}}
        a openai dall-e images 0.12 {"parameters":{"quality":"hd","size":"1792x1024"}}
        a openai transcribe seconds 0.36/3600
        "#,
        "
        openai dall-e images=2 -> 0.08 by r1
        openai dall-e images=2 quality:HD -> 0.16 by r2
        openai dall-e images=1 quality:hd size:1792x1024 -> 0.12 by r3
        openai transcribe seconds=30.5 -> 0.00305 by r4
        openai transcribe seconds=0.000005 -> 0.000000001 by r4
        ",
    );
}

fn event(quantities: &str, status: Status, stated: Option<&str>) -> UsageEvent {
    let draft = EventDraft {
        id: "1".into(),
        source: "test".into(),
        account: "alice".into(),
        occurred_at: Some(friday_noon()),
        provider: Some("openai".into()),
        model: Some("m".into()),
        status,
        quantities: self::quantities(quantities)
            .iter()
            .map(|(meter, n)| (meter.clone(), n))
            .collect(),
        stated_cost: stated.map(|text| text.parse().unwrap()),
        ..EventDraft::default()
    };
    draft.accept(friday_noon()).unwrap()
}

#[test]
fn an_event_is_charged_as_a_quote_says() {
    let book = book("a openai m input_tokens 0.000001");
    let charge = |quantities, status, stated| book.rate(&event(quantities, status, stated));

    let rated = charge("input_tokens=1500", Status::Ok, None);
    assert_eq!((rated.basis, rated.prices.as_str(), rated.unpriced), (ChargeBasis::Rated, "r1", 0));
    assert_eq!(rated.amount, Some("0.0015".parse().unwrap()));
    let stated = charge("input_tokens=1500", Status::Ok, Some("7"));
    assert_eq!((stated.basis, stated.amount), (ChargeBasis::Stated, Some(Amount::from_units(7))));
    let blocked = charge("images=1", Status::Blocked, None);
    assert_eq!((blocked.basis, blocked.amount), (ChargeBasis::Rated, Some(Amount::ZERO)));
    let unpriced = charge("images=1", Status::Ok, None);
    assert_eq!(
        (unpriced.basis, unpriced.amount, unpriced.unpriced),
        (ChargeBasis::Unpriced, None, 1)
    );
    assert!(book.why_unpriced(&event("images=1", Status::Ok, None)).is_some());
}

#[test]
fn a_call_that_says_nothing_of_what_it_used_is_unpriced_and_no_zero() {
    let book = book("a openai m input_tokens 0.000001\na openai called requests 0.5");
    let charge = |quantities, status, stated| book.rate(&event(quantities, status, stated));

    for quantities in ["", "requests=1"] {
        for status in [Status::Ok, Status::Cancelled] {
            let unknown = charge(quantities, status, None);
            assert_eq!(unknown, Charge::unpriced(), "{quantities} {status}");
        }
        let called = event(quantities, Status::Ok, None);
        assert_eq!(book.why_unpriced(&called).unwrap().code(), "nothing_counted");
        let lacking = Charge::unpriced();
        let lacking: Vec<_> = lacking.unpriced_meters(&called).collect();
        assert_eq!(
            lacking,
            [(&Meter::Requests, Quantity::ONE)],
            "a price by the call completes it"
        );
        // What failed or was stopped used nothing, unless it says so.
        for status in [Status::Error, Status::Blocked] {
            let failed = charge(quantities, status, None);
            assert_eq!((failed.basis, failed.amount), (ChargeBasis::Rated, Some(Amount::ZERO)));
        }
    }
    for nothing in ["input_tokens=0", "requests=0"] {
        let used_nothing = charge(nothing, Status::Ok, None);
        assert_eq!(used_nothing.amount, Some(Amount::ZERO), "{nothing} is said");
    }
    let by_the_call = UsageEvent { model: Some("called".into()), ..event("", Status::Ok, None) };
    assert_eq!(book.rate(&by_the_call).amount, Some("0.5".parse().unwrap()));
    let book = book.rating_stated_events_too();
    let stated = book.rate(&event("", Status::Ok, Some("7")));
    assert_eq!((stated.basis, stated.amount), (ChargeBasis::Stated, Some(Amount::from_units(7))));
}

#[test]
fn a_search_without_a_price_leaves_no_token_uncharged() {
    let book = book("a openai m input_tokens 0.000001");
    let used = event("input_tokens=10000 searches=1", Status::Ok, None);

    let partly = book.rate(&used);

    assert_eq!((partly.basis, partly.unpriced), (ChargeBasis::PartlyPriced, 1));
    assert_eq!(partly.amount, Some("0.01".parse().unwrap()));
    assert_eq!(partly.prices, "r1,?searches");
    assert_eq!(partly.price_ids().collect::<Vec<_>>(), ["r1"]);
    let lacking: Vec<_> = partly.unpriced_meters(&used).collect();
    assert_eq!(lacking, [(&Meter::Searches, Quantity::ONE)]);
    let why = book.why_unpriced(&used).unwrap();
    assert_eq!(why.missing(), [Meter::Searches]);
}

#[test]
fn a_stated_cost_is_of_the_whole_and_beats_a_part() {
    let book = book("a openai m input_tokens 0.000001").rating_stated_events_too();

    let charge = book.rate(&event("input_tokens=10000 searches=1", Status::Ok, Some("7")));

    assert_eq!((charge.basis, charge.unpriced), (ChargeBasis::Stated, 0));
}

#[test]
fn a_book_can_be_told_to_rate_where_a_cost_is_stated() {
    let book = book("a openai m input_tokens 0.000001").rating_stated_events_too();

    let rated = book.rate(&event("input_tokens=1500", Status::Ok, Some("7")));
    assert_eq!(rated.amount, Some("0.0015".parse().unwrap()));
    let without_price = book.rate(&event("images=1", Status::Ok, Some("7")));
    assert_eq!(without_price.basis, ChargeBasis::Stated);
}

#[test]
fn what_does_not_fit_is_unpriced_and_never_wraps() {
    let book = book("a openai m input_tokens 1000000000");

    let most = Quantity::from_micros(i64::MAX);
    let quantities: Quantities = [(Meter::InputTokens, most)].into_iter().collect();
    let none = Tags::new();
    let quote = book.quote(&Rateable {
        provider: Some("openai"),
        model: Some("m"),
        quantities: &quantities,
        parameters: &none,
        at: friday_noon(),
        stated: None,
    });
    assert_eq!(quote.unpriced.unwrap().code(), "out_of_range");
}
