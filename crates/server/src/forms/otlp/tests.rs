#![allow(clippy::unwrap_used)]

use chrono::DateTime;
use outlay_domain::usage::{Status, UsageEvent};
use serde_json::{Value, json};

use super::wire::Message;
use super::*;

const TRACE: &str = "5b8efff798038103d269b633813fc60c";
const SPAN: &str = "eee19b7ec3c1b174";
const START: u64 = 1_790_000_000_000_000_000;
const BYTES_MAX: usize = 32 << 20;

static ACCOUNT: CompactString = CompactString::const_new("acme");

/// A span with these attributes, as an exporter writes it in JSON.
fn span(attributes: Value) -> Value {
    json!({
        "traceId": TRACE.to_ascii_uppercase(),
        "spanId": SPAN,
        "parentSpanId": "eee19b7ec3c1b173",
        "name": "chat gpt-4o",
        "kind": 3,
        "startTimeUnixNano": START.to_string(),
        "endTimeUnixNano": START + 1_234_567_000,
        "attributes": listed(attributes),
        "events": [{ "name": "gen_ai.choice", "attributes": [] }],
        "somethingNew": { "deep": [[[]]] },
        "status": { "code": 1 },
    })
}

/// Attributes as OTLP lists them.
fn listed(attributes: Value) -> Value {
    let one = |(key, value): (&String, &Value)| {
        let value = match value {
            Value::String(text) => json!({ "stringValue": text }),
            Value::Bool(truth) => json!({ "boolValue": truth }),
            Value::Number(number) if number.is_f64() => json!({ "doubleValue": number }),
            Value::Number(number) => json!({ "intValue": number.to_string() }),
            other => json!({ "kvlistValue": { "values": [other] } }),
        };
        json!({ "key": key, "value": value })
    };
    attributes.as_object().unwrap().iter().map(one).collect()
}

fn request(resource: Value, spans: &[Value]) -> Value {
    json!({ "resourceSpans": [{
        "scopeSpans": [{ "scope": { "name": "openai" }, "spans": spans }],
        "resource": { "attributes": listed(resource) },
        "schemaUrl": "https://opentelemetry.io/schemas/1.37.0",
    }] })
}

fn read(request: &Value) -> Traces<'static> {
    Traces::read(request.to_string().as_bytes(), Encoding::Json, &ACCOUNT, BYTES_MAX).unwrap()
}

fn events(traces: Traces<'_>) -> Vec<UsageEvent> {
    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    traces.drafts.into_iter().map(|draft| draft.accept(now).unwrap()).collect()
}

/// The only event of a span with these attributes.
fn event(attributes: Value) -> UsageEvent {
    let traces = read(&request(json!({}), &[span(attributes)]));
    assert_eq!(traces.rejected.text(), "");
    let mut events = events(traces);
    assert_eq!(events.len(), 1);
    events.remove(0)
}

fn used(event: &UsageEvent) -> String {
    let one = |(meter, quantity): (&outlay_domain::usage::Meter, outlay_domain::Quantity)| {
        format!("{}={quantity}", meter.name())
    };
    event.quantities.iter().skip(1).map(one).collect::<Vec<_>>().join(" ")
}

/// How many events a span with these attributes becomes.
fn counted(attributes: Value) -> usize {
    read(&request(json!({}), &[span(attributes)])).drafts.len()
}

/// The same request in protobuf.
mod protobuf_of {
    use super::*;

    fn fixed64(field: u8, number: &Value) -> Vec<u8> {
        let number = number.as_u64().or_else(|| number.as_str()?.parse().ok()).unwrap();
        [&[field << 3 | 1][..], &number.to_le_bytes()].concat()
    }

    fn attributes(field: u8, list: &Value) -> Vec<u8> {
        let each = list.as_array().unwrap().iter().map(|attribute| {
            let value = attribute["value"].as_object().unwrap();
            let (kind, value) = value.iter().next().unwrap();
            let text = value.as_str().unwrap_or_default();
            let value = match kind.as_str() {
                "stringValue" => Message::default().bytes(1, text.as_bytes()).done(),
                "boolValue" => Message::default().number(2, value.as_bool().unwrap().into()).done(),
                "intValue" => {
                    let number: i64 = text.parse().unwrap();
                    Message::default().number(3, number.cast_unsigned()).done()
                }
                "doubleValue" => fixed64(4, &json!(value.as_f64().unwrap().to_bits())),
                _ => Message::default().bytes(6, &[10, 2, 10, 0]).done(),
            };
            let key = attribute["key"].as_str().unwrap().as_bytes();
            let pair = Message::default().bytes(1, key).bytes(2, &value).done();
            Message::default().bytes(field, &pair).done()
        });
        each.collect::<Vec<_>>().concat()
    }

    fn id(text: &Value) -> Vec<u8> {
        let digits = text.as_str().unwrap();
        (0..digits.len() / 2)
            .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap())
            .collect()
    }

    pub fn span(span: &Value) -> Vec<u8> {
        let code = span["status"]["code"].as_u64().unwrap();
        let status = Message::default().bytes(2, b"said").number(3, code).done();
        [
            Message::default()
                .bytes(1, &id(&span["traceId"]))
                .bytes(2, &id(&span["spanId"]))
                .done(),
            Message::default().bytes(5, span["name"].as_str().unwrap().as_bytes()).done(),
            Message::default().number(6, 3).done(),
            fixed64(7, &span["startTimeUnixNano"]),
            fixed64(8, &span["endTimeUnixNano"]),
            attributes(9, &span["attributes"]),
            Message::default().bytes(15, &status).done(),
        ]
        .concat()
    }

    pub fn request(request: &Value) -> Vec<u8> {
        let groups = request["resourceSpans"].as_array().unwrap().iter().map(|group| {
            let spans = group["scopeSpans"][0]["spans"].as_array().unwrap().iter();
            let spans: Vec<u8> =
                spans.flat_map(|one| Message::default().bytes(2, &span(one)).done()).collect();
            let resource = attributes(1, &group["resource"]["attributes"]);
            let group = Message::default().bytes(2, &spans).bytes(1, &resource).done();
            Message::default().bytes(1, &group).done()
        });
        groups.collect::<Vec<_>>().concat()
    }
}

fn everything() -> Value {
    let call = span(json!({
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "azure.ai.openai",
        "gen_ai.request.model": "my-deployment",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 300.0,
        "gen_ai.usage.cache_read.input_tokens": 600,
        "gen_ai.usage.reasoning.output_tokens": 100,
        "gen_ai.conversation.id": "c-1",
        "gen_ai.agent.name": "planner",
        "openai.response.service_tier": "flex",
        "user.id": "ada",
        "tenant.id": 7,
        "outlay.tag.feature": "search",
        "gen_ai.input.messages": [{ "role": "user" }],
    }));
    let failed = json!({
        "gen_ai.operation.name": "embeddings",
        "gen_ai.system": "openai",
        "gen_ai.request.model": "text-embedding-3-small",
        "error.type": "TimeoutError",
    });
    let mut failed = span(failed);
    failed["spanId"] = json!("eee19b7ec3c1b175");
    failed["status"]["code"] = json!(2);
    let resource = json!({
        "service.name": "search-api",
        "deployment.environment.name": "production",
        "outlay.account": "globex",
        "outlay.team": "retrieval",
        "outlay.tag.feature": "none",
        "outlay.tag.region": "eu",
    });
    request(resource, &[call, failed])
}

#[test]
fn a_call_becomes_an_event_with_all_that_its_span_and_resource_say() {
    let events = events(read(&everything()));

    let call = &events[0];
    assert_eq!(call.id, format!("{TRACE}-{SPAN}"));
    assert_eq!((&*call.source, &*call.account), ("otlp", "globex"));
    assert_eq!(call.provider.as_deref(), Some("azure"));
    assert_eq!(call.model.as_deref(), Some("gpt-4o-2024-08-06"));
    assert_eq!(call.operation.as_deref(), Some("chat"));
    assert_eq!(call.service.as_deref(), Some("search-api"));
    assert_eq!(call.subject.as_deref(), Some("ada"));
    assert_eq!(call.dimensions.environment.as_deref(), Some("production"));
    assert_eq!(call.dimensions.team.as_deref(), Some("retrieval"));
    assert_eq!((call.status, call.duration_us), (Status::Ok, Some(1_234_567)));
    assert_eq!(call.occurred_at.to_rfc3339(), "2026-09-21T14:13:21.234567+00:00");
    assert_eq!(
        used(call),
        "input_tokens=400 output_tokens=200 cache_read_tokens=600 reasoning_tokens=100"
    );
    let tags: Vec<_> = call.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(
        tags.join(" "),
        "agent=planner conversation=c-1 feature=search region=eu service_tier=flex tenant=7"
    );
    assert_eq!(
        call.metadata.as_deref(),
        Some(r#"{"response_id":"chatcmpl-1","span":"chat gpt-4o"}"#)
    );
    assert_eq!(events[1].status, Status::Error);
    assert_eq!(events[1].tags.get("error"), Some("TimeoutError"));
    assert_eq!(used(&events[1]), "");
}

#[test]
fn protobuf_and_json_say_the_same() {
    let request = everything();

    let body = protobuf_of::request(&request);
    let of_protobuf = Traces::read(&body, Encoding::Protobuf, &ACCOUNT, BYTES_MAX).unwrap();

    assert_eq!(events(of_protobuf), events(read(&request)));
}

#[test]
fn older_names_and_those_of_frameworks_are_understood() {
    let of_system = event(json!({
        "gen_ai.system": "anthropic",
        "gen_ai.request.model": "claude-sonnet-4-5",
        "gen_ai.usage.prompt_tokens": 100,
        "gen_ai.usage.completion_tokens": "20",
        "gen_ai.usage.cache_creation_input_tokens": 30,
    }));
    assert_eq!(used(&of_system), "input_tokens=70 output_tokens=20 cache_write_5m_tokens=30");
    assert_eq!(of_system.operation, None);

    let of_inference = event(json!({
        "openinference.span.kind": "LLM",
        "llm.model_name": "gpt-4o",
        "llm.system": "openai",
        "llm.token_count.prompt": 100,
        "llm.token_count.completion": 20,
        "llm.token_count.prompt_details.cache_read": 40,
    }));
    assert_eq!(used(&of_inference), "input_tokens=60 output_tokens=20 cache_read_tokens=40");
    assert_eq!(of_inference.provider.as_deref(), Some("openai"));

    let of_sdk = event(json!({
        "ai.operationId": "ai.streamText.doStream",
        "ai.model.provider": "openai.chat",
        "ai.model.id": "gpt-4o",
        "ai.usage.promptTokens": 9,
        "ai.usage.completionTokens": 1,
    }));
    assert_eq!(used(&of_sdk), "input_tokens=9 output_tokens=1");
    assert_eq!(of_sdk.provider.as_deref(), Some("openai"));

    let current_first = event(json!({
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.prompt_tokens": 1,
        "gen_ai.usage.input_tokens": 2,
        "llm.token_count.prompt": 3,
    }));
    assert_eq!(used(&current_first), "input_tokens=2");
}

#[test]
fn what_stands_around_calls_and_sums_them_is_not_counted_twice() {
    let tokens = |key: &str, word: &str| {
        json!({
            key: word, "gen_ai.request.model": "gpt-4o", "gen_ai.provider.name": "openai",
            "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 1,
        })
    };
    for around in ["invoke_agent", "create_agent", "invoke_workflow", "execute_tool"] {
        assert_eq!(counted(tokens("gen_ai.operation.name", around)), 0, "{around}");
    }
    for around in ["CHAIN", "AGENT", "TOOL"] {
        assert_eq!(counted(tokens("openinference.span.kind", around)), 0, "{around}");
    }
    assert_eq!(counted(tokens("traceloop.span.kind", "workflow")), 0);
    assert_eq!(counted(tokens("ai.operationId", "ai.generateText")), 0);
    for call in ["chat", "text_completion", "generate_content", "embeddings"] {
        assert_eq!(counted(tokens("gen_ai.operation.name", call)), 1, "{call}");
    }
    assert_eq!(counted(json!({ "http.request.method": "GET" })), 0);
    assert_eq!(counted(json!({ "gen_ai.request.model": "gpt-4o" })), 0);
}

#[test]
fn tokens_of_an_operation_that_nobody_knows_are_said_and_are_no_error() {
    let odd = json!({ "gen_ai.operation.name": "ponder", "gen_ai.usage.input_tokens": 10 });

    let traces = read(&request(json!({}), &[span(odd)]));

    assert_eq!((traces.drafts.len(), traces.rejected.count), (0, 0));
    assert!(traces.rejected.text().contains("`ponder`"), "{}", traces.rejected.text());
    let answer = Answer::of(&traces.rejected);
    assert_eq!(json!(answer)["partialSuccess"]["rejectedSpans"], "0");
}

#[test]
fn a_bad_span_harms_no_other() {
    let good = |id: u64| {
        let mut good = span(json!({
            "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o",
        }));
        good["spanId"] = json!(format!("{id:016x}"));
        good
    };
    let with = |field: &str, value: Value| {
        let mut bad = good(7);
        bad[field] = value;
        bad
    };
    let negative = span(json!({
        "gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": -1,
    }));
    let bad = [
        with("spanId", json!("0000000000000000")),
        with("traceId", json!("W47/95gDgQPSabYzgT/GDA==")),
        with("startTimeUnixNano", json!("yesterday")),
        with("endTimeUnixNano", json!(-1)),
        with("attributes", json!({ "a": 1 })),
        negative,
        json!(7),
    ];
    for bad in &bad {
        let traces = read(&request(json!({}), &[good(1), bad.clone(), good(2)]));
        assert_eq!((traces.drafts.len(), traces.rejected.count), (2, 1), "{bad}");
        assert!(!traces.rejected.text().is_empty(), "{bad}");
    }

    let cut = protobuf_of::span(&good(1));
    let cut = &cut[..cut.len() - 3];
    let spans = [
        Message::default().bytes(2, &protobuf_of::span(&good(1))).done(),
        Message::default().bytes(2, cut).done(),
        Message::default().bytes(2, &protobuf_of::span(&good(2))).done(),
    ];
    let group = Message::default().bytes(2, &spans.concat()).done();
    let body = Message::default().bytes(1, &group).done();
    let traces = Traces::read(&body, Encoding::Protobuf, &ACCOUNT, BYTES_MAX).unwrap();
    assert_eq!((traces.drafts.len(), traces.rejected.count), (2, 1));
}

#[test]
fn a_body_that_is_none_is_refused_as_a_whole() {
    let refused = |body: &[u8], encoding| {
        Traces::read(body, encoding, &ACCOUNT, BYTES_MAX).unwrap_err().status.as_u16()
    };
    for body in [
        "",
        "[]",
        "7",
        "{",
        r#"{"resourceSpans": 7}"#,
        r#"{"resourceSpans": [7]}"#,
        r#"{"resource_spans": []}"#,
        r#"{"resourceSpans": [{"scopeSpans": {}}]}"#,
        r#"{"resourceSpans": [{"resource": {"attributes": 1}}]}"#,
        "{} {}",
        "\u{0}",
    ] {
        assert_eq!(refused(body.as_bytes(), Encoding::Json), 400, "{body}");
    }
    assert_eq!(refused(b"\xff", Encoding::Json), 400);
    for body in [&b"{}"[..], &[10], &[10, 200, 1], &[10, 2, 18, 5]] {
        assert_eq!(refused(body, Encoding::Protobuf), 400, "{body:?}");
    }
    for empty in ["{}", r#"{"resourceSpans": null}"#, r#"{"resourceSpans": [{}]}"#] {
        let read = Traces::read(empty.as_bytes(), Encoding::Json, &ACCOUNT, BYTES_MAX).unwrap();
        assert!(read.drafts.is_empty(), "{empty}");
    }
}

#[test]
fn what_a_resource_says_in_every_call_is_counted_in_bytes() {
    let call = |at: usize| {
        let mut call = span(json!({ "gen_ai.operation.name": "chat" }));
        call["spanId"] = json!(format!("{:016x}", at + 1));
        call
    };
    let calls: Vec<Value> = (0..100).map(call).collect();
    let tags: serde_json::Map<String, Value> =
        (0..32).map(|at| (format!("outlay.tag.t{at}"), json!("v".repeat(256)))).collect();
    let body = request(Value::Object(tags), &calls).to_string();

    let read = |max| Traces::read(body.as_bytes(), Encoding::Json, &ACCOUNT, max);

    assert_eq!(read(2 << 20).unwrap().drafts.len(), 100);
    assert_eq!(read(256 << 10).unwrap_err().status.as_u16(), 413);
}

#[test]
fn calls_are_counted_up_to_their_bound_and_other_spans_are_not() {
    let other = span(json!({ "http.request.method": "GET" }));
    let call = span(json!({ "gen_ai.operation.name": "chat" }));
    let with = |calls: usize| {
        let spans: Vec<&Value> =
            std::iter::repeat_n(&other, 12_000).chain(std::iter::repeat_n(&call, calls)).collect();
        let body = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": spans }] }] });
        Traces::read(body.to_string().as_bytes(), Encoding::Json, &ACCOUNT, BYTES_MAX)
            .map(|traces| traces.drafts.len())
    };

    assert_eq!(with(CALLS_MAX).unwrap(), CALLS_MAX);
    assert_eq!(with(CALLS_MAX + 1).unwrap_err().status.as_u16(), 413);
}

#[test]
fn nesting_has_no_end_that_a_reader_could_fall_into() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let body = format!(
        r#"{{"resourceSpans": [{{"scopeSpans": [{{"spans": [{{"traceId": "{TRACE}", "spanId": "{SPAN}",
            "attributes": [
                {{"key": "gen_ai.operation.name", "value": {{"stringValue": "chat"}}}},
                {{"key": "gen_ai.prompt", "value": {{"arrayValue": {deep}}}}}
            ], "links": {deep}}}]}}]}}]}}"#
    );

    let traces = Traces::read(body.as_bytes(), Encoding::Json, &ACCOUNT, BYTES_MAX).unwrap();

    assert_eq!((traces.drafts.len(), traces.rejected.count), (1, 0));
}

#[test]
fn answers_are_written_in_both_encodings() {
    let mut rejected = Rejected::default();
    assert_eq!(json!(Answer::of(&rejected)), json!({}));
    rejected
        .add(SPAN, &Refusal::new(outlay_domain::usage::RefusalCode::Forbidden, "account", "no"));
    assert_eq!(
        json!(Answer::of(&rejected)),
        json!({ "partialSuccess": {
            "rejectedSpans": "1", "errorMessage": format!("span {SPAN}: account: no"),
        } })
    );
    for _ in 0..1000 {
        let at = rejected.count;
        let refusal =
            Refusal::new(outlay_domain::usage::RefusalCode::Missing, "x", format!("{at}"));
        rejected.add("", &refusal);
    }
    assert_eq!(rejected.count, 1001);
    assert!(rejected.text().len() < 3 * 1024);
}
