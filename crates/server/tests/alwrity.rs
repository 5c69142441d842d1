//! ALwrity's billing and monitoring, as its pages ask for them.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use common::desk::Desk;
use outlay_engine::clock::FrozenClock;
use outlay_server::config::Config;
use outlay_server::startup::{Purpose, go_by};
use serde_json::{Value, json};

const NOW: &str = "2026-11-20T12:00:00Z";

/// Somebody's pages, and the server that they are pointed at.
struct Pages {
    desk: Desk,
    ada: String,
}

impl Pages {
    async fn open() -> Self {
        go_by(Arc::new(FrozenClock::at(NOW.parse().unwrap())));
        let mut config = Config::default();
        config.dialects.alwrity.enabled = true;
        config.server.cors_origins = vec!["http://localhost:3000".into()];
        let desk = Desk::open_as(config, Purpose::Command).await;
        desk.take_in(&json!([
            call("a1", "2026-09-30T23:59:59Z", "openai", "gpt-4o", 1_000, 100),
            call("a2", "2026-11-01T00:00:00Z", "openai", "gpt-4o-mini", 2_000, 0),
            call("a3", "2026-11-05T10:00:00Z", "gemini", "gemini-2.5-flash", 1_000, 500),
            call("a4", "2026-11-06T10:00:00Z", "gemini", "gemini-2.5-flash", 1, 0),
            failed("a5", "2026-11-07T10:00:00Z"),
            stated("a6", "2026-11-08T10:00:00Z", "wavespeed", "video", "0.25"),
            stated("a7", "2026-11-08T11:00:00Z", "mistral", "chat", "0.005"),
            stated("a8", "2026-11-08T12:00:00Z", "tavily", "search", "0.001"),
            stated("a9", "2026-11-08T13:00:00Z", "lemon", "chat", "0.01"),
        ]))
        .await;
        let other = json!([{ "id": "b1", "account": "bob", "service": "crawler", "cost": "99" }]);
        desk.take_in(&other).await;
        let ada = desk.token("ada", "member").await;
        Self { desk, ada }
    }

    async fn answer(&self, path: &str, token: Option<&str>) -> (StatusCode, Value) {
        let (status, body) = self.desk.get_as(path, token).await;
        (status, serde_json::from_slice(&body).unwrap())
    }

    /// What ada is told, in ALwrity's envelope.
    async fn data(&self, path: &str) -> Value {
        let (status, body) = self.answer(path, Some(&self.ada)).await;
        assert_eq!((status, &body["success"]), (StatusCode::OK, &json!(true)), "{path}: {body}");
        body["data"].clone()
    }

    async fn refused(&self, path: &str) -> (u16, Value) {
        let (status, body) = self.answer(path, Some(&self.ada)).await;
        assert!(status.is_client_error(), "{path}: {status} {body}");
        (status.as_u16(), body["detail"].clone())
    }
}

fn call(id: &str, at: &str, provider: &str, model: &str, input: u64, output: u64) -> Value {
    json!({
        "id": id, "account": "ada", "occurred_at": at, "provider": provider, "model": model,
        "operation": "chat", "duration_ms": 800,
        "quantities": { "input_tokens": input, "output_tokens": output },
    })
}

fn failed(id: &str, at: &str) -> Value {
    let mut event = call(id, at, "openai", "gpt-4o", 0, 0);
    event["status"] = "error".into();
    event["duration_ms"] = 2_000.into();
    event
}

fn stated(id: &str, at: &str, provider: &str, operation: &str, cost: &str) -> Value {
    json!({
        "id": id, "account": "ada", "occurred_at": at, "provider": provider,
        "model": "m", "operation": operation, "cost": cost,
    })
}

/// Whether `value` is what ALwrity's pages take: `s`, `n` and `b` are a text, a number and yes or no;
/// `s?` may be nothing, `a|b` is one of these words, `{"*": …}` a record, and a field whose name ends
/// with `?` may be left out.
fn assert_fits(value: &Value, shape: &Value, place: &str) {
    match (shape, value) {
        (Value::String(shape), value) => {
            let fits = match shape.as_str() {
                "s" => value.is_string(),
                "n" => value.is_number(),
                "b" => value.is_boolean(),
                "s?" => value.is_null() || value.is_string(),
                words => {
                    value.as_str().is_some_and(|word| words.split('|').any(|known| known == word))
                }
            };
            assert!(fits, "{place} is no `{shape}`: {value}");
        }
        (Value::Array(shape), Value::Array(items)) => {
            for (at, item) in items.iter().enumerate() {
                assert_fits(item, &shape[0], &format!("{place}[{at}]"));
            }
        }
        (Value::Object(shape), Value::Object(fields)) => {
            if let Some(each) = shape.get("*") {
                for (name, field) in fields {
                    assert_fits(field, each, &format!("{place}.{name}"));
                }
                return;
            }
            for (name, shape) in shape {
                let field = name.strip_suffix('?').unwrap_or(name);
                match fields.get(field) {
                    Some(value) => assert_fits(value, shape, &format!("{place}.{field}")),
                    None => assert!(name.ends_with('?'), "{place} has no {field}"),
                }
            }
        }
        _ => panic!("{place} is something else: {value}"),
    }
}

fn limits() -> Value {
    let names = [
        "ai_text_generation_calls",
        "gemini_calls",
        "openai_calls",
        "anthropic_calls",
        "mistral_calls",
        "tavily_calls",
        "serper_calls",
        "metaphor_calls",
        "exa_calls",
        "firecrawl_calls",
        "stability_calls",
        "video_calls",
        "image_edit_calls",
        "audio_calls",
        "wavespeed_calls",
        "gemini_tokens",
        "openai_tokens",
        "anthropic_tokens",
        "mistral_tokens",
        "monthly_cost",
    ];
    let numbers: Value = names.iter().map(|name| ((*name).to_owned(), json!("n"))).collect();
    json!({ "plan_name": "s", "tier": "free|basic|pro|enterprise", "limits": numbers, "features": ["s"] })
}

fn alert() -> Value {
    json!({
        "id": "n", "type": "s", "threshold_percentage": "n", "provider?": "s", "title": "s",
        "message": "s", "severity": "info|warning|error", "is_sent": "b", "sent_at?": "s",
        "is_read": "b", "read_at?": "s", "billing_period": "s", "created_at": "s",
    })
}

fn usage_stats() -> Value {
    json!({
        "billing_period": "s", "usage_status": "active|warning|limit_reached", "total_calls": "n",
        "total_tokens": "n", "total_cost": "n", "avg_response_time": "n", "error_rate": "n",
        "limits": limits(), "provider_breakdown": { "*": { "calls": "n", "tokens": "n", "cost": "n" } },
        "alerts": [alert()],
        "usage_percentages": { "gemini_calls": "n", "huggingface_calls": "n", "cost": "n" },
        "last_updated": "s",
    })
}

fn trends() -> Value {
    json!({
        "periods": ["s"], "total_calls": ["n"], "total_cost": ["n"], "total_tokens": ["n"],
        "provider_trends": { "*": { "calls": ["n"], "cost": ["n"], "tokens": ["n"] } },
    })
}

fn dashboard() -> Value {
    json!({
        "total_usage": usage_stats(), "current_period_usage": usage_stats(),
        "current_usage": usage_stats(), "trends": trends(), "limits": limits(), "alerts": [alert()],
        "projections": {
            "projected_monthly_cost": "n", "cost_limit": "n", "projected_usage_percentage": "n",
        },
        "summary": {
            "total_api_calls_this_month": "n", "total_cost_this_month": "n", "usage_status": "s",
            "unread_alerts": "n",
        },
    })
}

/// Whether two floats are the same billionths of a dollar.
fn assert_cost(value: &Value, dollars: f64) {
    assert!((value.as_f64().unwrap() - dollars).abs() < 1e-12, "{value} instead of {dollars}");
}

#[tokio::test]
async fn the_dashboard_has_what_its_pages_want_and_its_parts_sum_to_the_whole() {
    let pages = Pages::open().await;

    let data = pages.data("/api/subscription/dashboard/ada").await;

    assert_fits(&data, &dashboard(), "dashboard");
    let month = &data["current_period_usage"];
    assert_eq!(month["billing_period"], "2026-11");
    assert_eq!(data["current_usage"], *month);
    assert_eq!((&month["total_calls"], &month["total_tokens"]), (&json!(8), &json!(3_501)));
    // gpt-4o-mini 0.0003, gemini 0.00155 and 0.0000003, and what was stated.
    let cost = 0.0003 + 0.00155 + 0.000_000_3 + 0.25 + 0.005 + 0.001 + 0.01;
    assert_cost(&month["total_cost"], cost);
    let by = month["provider_breakdown"].as_object().unwrap();
    let sum = |field: &str| by.values().map(|row| row[field].as_f64().unwrap()).sum::<f64>();
    assert_cost(&json!(sum("cost")), cost);
    assert_cost(&json!(sum("calls")), 8.0);
    for (key, calls) in [
        ("gemini", 2),
        ("openai", 2),
        ("huggingface", 1),
        ("video", 1),
        ("tavily", 1),
        ("lemon", 1),
        ("wavespeed", 0),
        ("anthropic", 0),
    ] {
        assert_eq!(by[key]["calls"], calls, "{key}");
    }
    assert_eq!(month["error_rate"], 12.5);
    let all = &data["total_usage"];
    assert_eq!((&all["billing_period"], &all["total_calls"]), (&json!("all"), &json!(9)));
    let months: Vec<&Value> = all["historical_breakdown"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["billing_period"])
        .collect();
    assert_eq!(months, ["2026-11", "2026-09"]);
    assert_cost(&data["projections"]["projected_monthly_cost"], cost / 20.0 * 30.0);
    assert_eq!(data["summary"]["total_api_calls_this_month"], 8);
}

#[tokio::test]
async fn a_month_is_asked_for_by_its_name_and_one_without_usage_is_zero() {
    let pages = Pages::open().await;

    let september = pages.data("/api/subscription/usage/ada?billing_period=2026-09").await;
    let october = pages.data("/api/subscription/usage/ada?billing_period=2026-10").await;

    assert_fits(&september, &usage_stats(), "usage");
    assert_eq!(september["total_calls"], 1);
    assert_cost(&september["total_cost"], 0.0035);
    assert_eq!(september["avg_response_time"], 800.0);
    assert_eq!((&october["total_calls"], &october["total_cost"]), (&json!(0), &json!(0.0)));
    let (status, detail) =
        pages.refused("/api/subscription/usage/ada?billing_period=2026-13").await;
    assert_eq!((status, &detail[0]["loc"]), (422, &json!(["query", "billing_period"])));
}

#[tokio::test]
async fn trends_have_every_month_once() {
    let pages = Pages::open().await;

    let data = pages.data("/api/subscription/usage/ada/trends?months=3").await;

    assert_fits(&data, &trends(), "trends");
    assert_eq!(data["periods"], json!(["2026-09", "2026-10", "2026-11"]));
    assert_eq!(data["total_calls"], json!([1, 0, 8]));
    assert_eq!(data["provider_trends"]["gemini"]["tokens"], json!([0, 0, 1_501]));
    for (months, kind) in
        [("0", "greater_than_equal"), ("25", "less_than_equal"), ("x", "int_parsing")]
    {
        let path = format!("/api/subscription/usage/ada/trends?months={months}");
        let (status, detail) = pages.refused(&path).await;
        assert_eq!((status, &detail[0]["type"]), (422, &json!(kind)), "{months}");
    }
}

#[tokio::test]
async fn calls_are_listed_page_by_page_and_sum_to_what_was_spent() {
    let pages = Pages::open().await;
    let list = |query: &'static str| {
        let path = format!("/api/subscription/usage-logs?{query}");
        let pages = &pages;
        async move { pages.answer(&path, Some(&pages.ada)).await.1 }
    };

    let month = list("billing_period=2026-11&limit=5000").await;

    let shape = json!({
        "logs": [{
            "id": "n", "timestamp": "s", "provider": "s", "actual_provider_name": "s?",
            "model_used": "s?", "endpoint": "s", "method": "s", "tokens_input": "n",
            "tokens_output": "n", "tokens_total": "n", "cost_input": "n", "cost_output": "n",
            "cost_total": "n", "response_time": "n", "status_code": "n",
            "status": "success|failed", "error_message": "s?", "billing_period": "s",
            "retry_count": "n", "is_aggregated": "b",
        }],
        "total_count": "n", "limit": "n", "offset": "n", "has_more": "b",
    });
    assert_fits(&month, &shape, "logs");
    let logs = month["logs"].as_array().unwrap();
    let sum: f64 = logs.iter().map(|log| log["cost_total"].as_f64().unwrap()).sum();
    let usage = pages.data("/api/subscription/usage/ada?billing_period=2026-11").await;
    assert_cost(&usage["total_cost"], sum);
    assert_eq!((&month["total_count"], logs.len()), (&json!(8), 8));
    let flash = logs.iter().find(|log| log["tokens_output"] == 500).unwrap();
    assert_cost(&flash["cost_input"], 0.0003);
    assert_cost(&flash["cost_output"], 0.00125);
    assert_eq!((&flash["provider"], &flash["response_time"]), (&json!("google"), &json!(0.8)));
    let page = list("limit=4&offset=4").await;
    assert_eq!((&page["has_more"], page["logs"].as_array().unwrap().len()), (&json!(true), 4));
    assert_eq!(list("offset=9").await["logs"], json!([]));
    for (query, count) in [
        ("provider=gemini", 2),
        ("provider=huggingface", 1),
        ("provider=mistral", 1),
        ("provider=video", 1),
        ("provider=nobody", 0),
        ("provider=openai&status_code=400", 1),
        ("status_code=200", 8),
        ("status_code=400", 1),
    ] {
        let found = list(query).await;
        assert_eq!(found["total_count"], count, "{query}");
        assert_eq!(found["logs"].as_array().unwrap().len(), count, "{query}");
    }
    for query in ["limit=0", "limit=5001", "offset=-1", "offset=20001", "status_code=x"] {
        let (status, _) = pages.refused(&format!("/api/subscription/usage-logs?{query}")).await;
        assert_eq!(status, 422, "{query}");
    }
}

#[tokio::test]
async fn many_names_make_no_answer_long_and_lose_nothing() {
    let pages = Pages::open().await;
    let named = |at: u32| {
        let at = format!("{at:03}");
        stated(&format!("n{at}"), "2026-11-09T10:00:00Z", &format!("provider-{at}"), "chat", "0.01")
    };
    pages.desk.take_in(&(0..300).map(named).collect()).await;

    let data = pages.data("/api/subscription/dashboard/ada").await;

    assert_fits(&data, &dashboard(), "dashboard");
    let month = &data["current_period_usage"];
    let by = month["provider_breakdown"].as_object().unwrap();
    assert!(by.len() <= 215, "{} names", by.len());
    let sum = |field: &str| by.values().map(|row| row[field].as_f64().unwrap()).sum::<f64>();
    assert_cost(&month["total_calls"], sum("calls"));
    assert!((month["total_cost"].as_f64().unwrap() - sum("cost")).abs() < 1e-9);
    let trends = &data["trends"]["provider_trends"]["other"]["calls"];
    assert!(trends[5].as_f64().unwrap() > 90.0, "{trends}");
}

#[tokio::test]
async fn everybody_sees_their_own_and_nobody_elses() {
    let pages = Pages::open().await;
    let own = ["usage/{}", "usage/{}/trends", "dashboard/{}", "alerts/{}"];

    for path in own.map(|path| format!("/api/subscription/{}", path.replace("{}", "bob"))) {
        assert_eq!(pages.refused(&path).await, (403, json!("Access denied")), "{path}");
        // The credential says who somebody is, and nothing else does.
        let claimed = format!("{path}?user_id=bob");
        assert_eq!(pages.refused(&claimed).await.0, 403, "{claimed}");
        let (status, body) = pages.answer(&path, None).await;
        assert_eq!((status, body["success"].clone()), (StatusCode::OK, json!(true)), "the owner");
    }
    for (path, token) in [
        ("/api/subscription/dashboard/ada", None),
        ("/api/subscription/usage-logs", None),
        ("/api/content-planning/monitoring/health", None),
        ("/api/subscription/pricing", Some("olk_wrong")),
    ] {
        let mut request = Request::get(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let (status, headers, body) = pages.desk.sends(request.body(Body::empty()).unwrap()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(headers["www-authenticate"], "Bearer", "{path}");
        let wanted = if token.is_some() { "Authentication failed" } else { "Not authenticated" };
        assert_eq!(body["detail"], wanted, "{path}");
    }
    assert_eq!(pages.refused("/api/subscription/nothing").await.0, 404);
}

#[tokio::test]
async fn the_price_list_is_everybodys_but_for_what_was_set_by_hand() {
    let pages = Pages::open().await;
    let set = json!({
        "provider": "openai", "model": "secret-deal", "meter": "input_tokens", "price": "0.1",
    });
    let (status, told) = pages.desk.post("/api/v1/prices", &set).await;
    assert!(status.is_success(), "{told}");
    let list = |token: Option<String>| {
        let pages = &pages;
        async move {
            let path = "/api/subscription/pricing?provider=openai";
            let request = Request::get(path);
            let request = match &token {
                Some(token) => request.header("authorization", format!("Bearer {token}")),
                None => request,
            };
            pages.desk.sends(request.body(Body::empty()).unwrap()).await.2["data"].clone()
        }
    };
    let has = |list: &Value, model: &str| {
        list["pricing"].as_array().unwrap().iter().any(|row| row["model_name"] == model)
    };

    let (everybodys, adas) = (list(None).await, list(Some(pages.ada.clone())).await);

    let shape = json!({ "pricing": [{
        "provider": "s", "model_name": "s", "cost_per_input_token": "n",
        "cost_per_output_token": "n", "cost_per_request": "n", "cost_per_search": "n",
        "cost_per_image": "n", "cost_per_page": "n", "description": "s", "effective_date": "s",
    }], "total": "n" });
    assert_fits(&everybodys, &shape, "pricing");
    assert!(has(&everybodys, "gpt-4o") && has(&adas, "gpt-4o"));
    assert!(!has(&everybodys, "secret-deal") && has(&adas, "secret-deal"));
}

#[tokio::test]
async fn an_alert_is_read_by_the_account_that_it_is_about() {
    let pages = Pages::open().await;
    for (id, account) in [("ada-month", "ada"), ("bob-month", "bob")] {
        let budget = json!({
            "id": id, "name": id, "amount": "0.2", "period": { "every": "month" },
            "scope": { "account": [account] }, "thresholds": [{ "percent": 80 }],
        });
        let (status, told) = pages.desk.post("/api/v1/budgets", &budget).await;
        assert!(status.is_success(), "{told}");
    }
    pages.desk.server.state().alerts.judge_all().await.unwrap();
    let own = pages.data("/api/subscription/alerts/ada").await;
    let all = pages.answer("/api/subscription/alerts/bob", None).await.1["data"].clone();

    assert_fits(&own, &json!({ "alerts": [alert()], "total": "n", "unread_count": "n" }), "alerts");
    let alerts = own["alerts"].as_array().unwrap();
    assert!(!alerts.is_empty(), "a budget is spent");
    assert!(
        alerts.iter().any(|alert| alert["type"] == "limit_reached" && alert["severity"] == "error")
    );
    assert!(alerts.iter().all(|alert| alert["is_read"] == false));
    let read = |id: &Value| {
        let path = format!("/api/subscription/alerts/{id}/mark-read");
        let pages = &pages;
        async move { pages.desk.post_as(&path, &json!({}), Some(&pages.ada)).await }
    };
    let (status, told) = read(&alerts[0]["id"]).await;
    assert_eq!((status, &told["success"]), (StatusCode::OK, &json!(true)), "{told}");
    // Pressed twice, it is read once; what is about somebody else is not there.
    assert_eq!(read(&alerts[0]["id"]).await.0, StatusCode::OK);
    assert_eq!(read(&all["alerts"][0]["id"]).await.0, StatusCode::NOT_FOUND);
    let unread = pages.data("/api/subscription/alerts/ada?unread_only=true").await;
    assert_eq!(unread["alerts"].as_array().unwrap().len(), alerts.len() - 1);
    let shown = pages.data("/api/subscription/dashboard/ada").await;
    assert_eq!(shown["summary"]["unread_alerts"], alerts.len() - 1);
}

fn told_limits() -> Value {
    let mut told = limits()["limits"].clone();
    told["_zero_means"] = json!({ "*": "disabled|unlimited|limited" });
    told
}

#[tokio::test]
async fn plans_are_listed_begun_and_changed_and_what_is_paid_for_takes_an_admin() {
    let pages = Pages::open().await;
    let file: Value = serde_json::from_str(outlay_engine::plans::EXAMPLE).unwrap();
    let (status, told) = pages.desk.post("/api/v1/plans/import", &file).await;
    assert!(status.is_success(), "{told}");
    let subscribe = |plan: Value, cycle: &'static str, token: Option<String>| {
        let pages = &pages;
        async move {
            let body = json!({ "plan_id": plan, "billing_cycle": cycle });
            pages.desk.post_as("/api/subscription/subscribe/ada", &body, token.as_deref()).await
        }
    };
    let ada = Some(pages.ada.clone());

    let (_, _, listed) = pages
        .desk
        .sends(Request::get("/api/subscription/plans").body(Body::empty()).unwrap())
        .await;

    let plan = json!({
        "id": "n", "name": "s", "tier": "free|basic|pro|enterprise", "price_monthly": "n",
        "price_yearly": "n", "description": "s", "features": ["s"], "limits": told_limits(),
    });
    assert_fits(&listed["data"], &json!({ "plans": [plan], "total": "n" }), "plans");
    let plans = listed["data"]["plans"].as_array().unwrap();
    let ids: Vec<&Value> = plans.iter().map(|plan| &plan["id"]).collect();
    assert_eq!(ids, [1, 2, 3, 4]);
    let free = &plans[0]["limits"];
    assert_eq!(
        (&free["gemini_calls"], &free["_zero_means"]["openai_calls"]),
        (&json!(50.0), &json!("disabled"))
    );
    assert_eq!((&free["monthly_cost"], &free["stability_calls"]), (&json!(2.0), &json!(10.0)));

    let status = pages.data("/api/subscription/status/ada").await;
    assert_eq!((&status["active"], &status["plan"]), (&json!(true), &json!("free")));
    let none = pages.data("/api/subscription/user/ada/subscription").await;
    assert_eq!((&none["subscription"], &none["plan"]["is_free"]), (&Value::Null, &json!(true)));
    let (refused, told) = subscribe(json!(2), "monthly", ada.clone()).await;
    assert_eq!(refused, StatusCode::FORBIDDEN, "nobody gives themself what is paid for: {told}");
    // They have it already, and nothing is written for whoever may not write it.
    let (status, told) = subscribe(json!(1), "yearly", ada.clone()).await;
    assert_eq!((status, &told["data"]["plan_name"]), (StatusCode::OK, &json!("Free")), "{told}");
    let none = pages.data("/api/subscription/user/ada/subscription").await;
    assert_eq!(none["subscription"], Value::Null);
    let vera = Some(pages.desk.token("vera", "viewer").await);
    let (status, told) = subscribe(json!(2), "monthly", vera).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "who may only look: {told}");
    let (status, told) = subscribe(json!(2), "monthly", None).await;
    assert_eq!((status, &told["success"]), (StatusCode::OK, &json!(true)), "{told}");
    assert_eq!(told["data"]["current_period_start"], "2026-11-20T12:00:00");
    assert_eq!(told["data"]["current_period_end"], "2026-12-20T12:00:00");

    let status = pages.data("/api/subscription/status/ada").await;
    assert_eq!(
        (&status["plan"], &status["limits"]["gemini_calls"]),
        (&json!("basic"), &json!(1000.0))
    );
    let month = pages.data("/api/subscription/usage/ada?billing_period=2026-11").await;
    assert_eq!(
        (&month["limits"]["plan_name"], &month["usage_percentages"]["gemini_calls"]),
        (&json!("Basic"), &json!(0.2))
    );
    let (status, told) = subscribe(json!(3), "monthly", None).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let history = pages.data("/api/subscription/renewal-history/ada").await;
    let row = json!({
        "id": "n", "plan_name": "s", "plan_tier": "s", "previous_period_start": "s?",
        "previous_period_end": "s?", "new_period_start": "s", "new_period_end": "s",
        "billing_cycle": "monthly|yearly", "renewal_type": "new|renewal|upgrade|downgrade",
        "renewal_count": "n", "previous_plan_name": "s?", "previous_plan_tier": "s?",
        "payment_amount": "n", "payment_status": "pending|paid|failed", "payment_date": "s?",
        "created_at": "s",
    });
    let shape = json!({
        "renewals": [row], "total_count": "n", "limit": "n", "offset": "n", "has_more": "b",
    });
    assert_fits(&history, &shape, "renewals");
    let kinds: Vec<&Value> =
        history["renewals"].as_array().unwrap().iter().map(|row| &row["renewal_type"]).collect();
    assert_eq!(kinds, ["upgrade", "new"]);
    for path in ["%20", "%00", &"a".repeat(257)] {
        let path = format!("/api/subscription/subscribe/{path}");
        let (status, told) = pages.desk.post(&path, &json!({ "plan_id": 2 })).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "no name of an account: {told}");
    }
    for (body, status) in [
        (json!({}), 400),
        (json!({ "plan_id": 77 }), 404),
        (json!({ "plan_id": 2, "billing_cycle": "weekly" }), 422),
        (json!([2]), 422),
    ] {
        let (told, answer) = pages.desk.post("/api/subscription/subscribe/ada", &body).await;
        assert_eq!(told.as_u16(), status, "{body}: {answer}");
    }
    let checked = pages.data("/api/subscription/verify-checkout/ada").await;
    assert_eq!(checked["source"], "local_db");
    for path in ["create-checkout-session", "create-portal-session"] {
        let path = format!("/api/subscription/{path}");
        let (status, _) = pages.desk.post_as(&path, &json!({}), Some(&pages.ada)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
    }
}

#[tokio::test]
async fn a_preflight_counts_all_operations_together_and_names_what_stands_in_the_way() {
    let pages = Pages::open().await;
    let file: Value = serde_json::from_str(outlay_engine::plans::EXAMPLE).unwrap();
    pages.desk.post("/api/v1/plans/import", &file).await;
    let ask = |operations: Value| {
        let pages = &pages;
        async move {
            let body = json!({ "operations": operations });
            pages.desk.post_as("/api/subscription/preflight-check", &body, Some(&pages.ada)).await
        }
    };
    let text = json!({
        "provider": "gemini", "model": "gemini-2.5-flash", "tokens_requested": 1_000,
        "operation_type": "text",
    });
    let video = json!({ "provider": "video", "operation_type": "video", "model": "unheard-of" });

    let (status, one) = ask(json!([text])).await;
    let shape = json!({
        "can_proceed": "b", "estimated_cost": "n", "total_cost": "n", "cached": "b",
        "operations": [{
            "provider": "s", "operation_type": "s", "cost": "n", "allowed": "b",
            "limit_info": { "current_usage": "n", "limit": "n", "remaining": "n" }, "message": "s?",
        }],
    });

    assert_eq!(status, StatusCode::OK);
    assert_fits(&one["data"], &shape, "preflight");
    assert_eq!(one["data"]["can_proceed"], true);
    assert_cost(&one["data"]["estimated_cost"], 0.0003);
    // One of two videos of the month was made already.
    let videos = ask(json!([video, video])).await.1["data"].clone();
    assert_eq!(videos["can_proceed"], false, "{videos}");
    assert_eq!(videos["operations"][0]["limit_info"]["current_usage"], 1.0);
    assert!(videos["operations"][0]["message"].as_str().unwrap().contains("video_calls"));
    let single = ask(json!([video])).await.1["data"].clone();
    assert_eq!(single["can_proceed"], true, "{single}");
    assert!(single["operations"][0]["message"].as_str().unwrap().contains("no price"));
    assert_eq!(ask(json!([])).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(ask(json!("all")).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let many = Value::Array(vec![text; 101]);
    assert_eq!(ask(many).await.0, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn monitoring_tells_of_requests_as_they_were_answered() {
    let pages = Pages::open().await;
    pages.refused("/api/subscription/usage/ada?billing_period=no").await;
    let monitored = |name: &'static str| {
        let path = format!("/api/content-planning/monitoring/{name}");
        let pages = &pages;
        async move {
            let (status, body) = pages.answer(&path, Some(&pages.ada)).await;
            assert_eq!(status, StatusCode::OK, "{body}");
            assert_eq!((&body["status"], &body["success"]), (&json!("success"), &json!(true)));
            body["data"].clone()
        }
    };
    let word = "healthy|warning|critical";

    let stats = monitored("api-stats").await;

    let shape = json!({
        "timestamp": "s",
        "overview": {
            "total_requests": "n", "total_errors": "n", "recent_requests": "n", "recent_errors": "n",
        },
        "cache_performance": { "hits": "n", "misses": "n", "hit_rate": "n" },
        "top_endpoints": [{
            "endpoint": "s", "count": "n", "avg_time": "n", "errors": "n", "last_called": "s?",
            "cache_hit_rate": "n",
        }],
        "recent_errors": [{
            "timestamp": "s", "path": "s", "method": "s", "status_code": "n", "duration": "n",
        }],
        "system_health": { "status": word, "error_rate": "n" },
    });
    assert_fits(&stats, &shape, "api-stats");
    // What a caller did wrong is no failure of the server, or anybody could turn it red.
    assert_eq!(
        (&stats["recent_errors"], &stats["overview"]["recent_errors"]),
        (&json!([]), &json!(0))
    );
    let routes = stats["top_endpoints"].as_array().unwrap();
    let asked = "GET /api/subscription/usage/{user}";
    assert!(
        routes.iter().any(|route| route["endpoint"] == asked),
        "templates, and no names: {stats}"
    );
    let light = json!({
        "status": word, "icon": "s", "recent_requests": "n", "recent_errors": "n",
        "error_rate": "n", "timestamp": "s",
    });
    assert_fits(&monitored("lightweight-stats").await, &light, "lightweight-stats");
    let health = json!({ "system_health": word, "icon": "s", "timestamp": "s" });
    assert_fits(&monitored("health").await, &health, "health");
    let caches = json!({ "hits": "n", "misses": "n", "hit_rate": "n", "total_requests": "n" });
    assert_fits(&monitored("cache-stats").await, &caches, "cache-stats");
}

#[tokio::test]
async fn pages_of_another_address_may_ask_where_that_is_set() {
    let pages = Pages::open().await;
    let request = Request::builder()
        .method("OPTIONS")
        .uri("/api/subscription/dashboard/ada")
        .header("origin", "http://localhost:3000")
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization,x-user-id");

    let (status, headers, _) = pages.desk.sends(request.body(Body::empty()).unwrap()).await;

    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["access-control-allow-origin"], "http://localhost:3000");
    let allowed = headers["access-control-allow-headers"].to_str().unwrap();
    assert!(allowed.contains("authorization") && allowed.contains("x-user-id"), "{allowed}");
}
