//! Revenue against spend, as those who ask see it.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::ops::Deref;

use axum::http::StatusCode;
use outlay_domain::Amount;
use serde_json::{Value, json};

/// A desk that is told of revenue.
struct Desk(common::desk::Desk);

impl Deref for Desk {
    type Target = common::desk::Desk;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Desk {
    /// A desk with spend of three services in March: 1, 2 and nothing known of the last.
    async fn open() -> Self {
        let event = |id: u32, service: &str, account: &str, cost: &str| {
            json!({
                "id": id.to_string(), "occurred_at": format!("2026-03-0{id}T12:00:00Z"),
                "account": account, "provider": "openai", "service": service, "cost": cost,
            })
        };
        let events = json!([
            event(1, "chat", "acme", "1"),
            event(2, "search", "globex", "2"),
            event(3, "free", "acme", "0"),
        ]);
        Self(common::desk::Desk::with(&events).await)
    }

    async fn roi(&self, query: &str, token: Option<&str>) -> (StatusCode, Value) {
        let path = format!("/api/v1/insights/roi?from=2026-03-01&to=2026-04-01{query}");
        let (status, answer) = self.get_as(&path, token).await;
        (status, serde_json::from_slice(&answer).unwrap())
    }

    async fn tell(&self, facts: Value) -> Value {
        let (status, answer) = self.post("/api/v1/revenue", &facts).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer
    }
}

/// A purchase at noon on a day of March.
fn purchase(id: &str, day: u32, amount: &str, attributes: Value) -> Value {
    json!({
        "id": id, "occurred_at": format!("2026-03-{day:02}T12:00:00Z"), "amount": amount,
        "attributes": attributes,
    })
}

/// The rows as `group revenue = direct + shared, purchases`.
fn rows(answer: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let row = |row: &Value| {
        format!(
            "{} {} = {} + {}, {}",
            row["group"].get("service").map_or("-".to_owned(), text),
            text(&row["revenue"]),
            text(&row["attributed"]["direct"]),
            text(&row["attributed"]["shared"]),
            row["purchases"]
        )
    };
    answer["rows"].as_array().unwrap().iter().map(row).collect()
}

fn sum(items: &Value, field: &str) -> String {
    let amounts = items.as_array().unwrap().iter();
    amounts
        .map(|item| item[field].as_str().unwrap().parse::<Amount>().unwrap())
        .sum::<Amount>()
        .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn revenue_goes_to_what_it_names_and_the_rest_by_the_rule() {
    let desk = Desk::open().await;
    desk.tell(json!([
        purchase("1", 1, "5", json!({"service": "chat"})),
        purchase("2", 2, "10.000000001", json!({})),
        purchase("3", 2, "4", json!({"service": "books"})),
        {"id": "4", "occurred_at": "2026-03-03T12:00:00Z", "amount": "1", "kind": "refund"},
        {"id": "5", "occurred_at": "2026-03-03T12:00:00Z", "amount": "7", "currency": "EUR"},
    ]))
    .await;

    let (status, by_spend) = desk.roi("", None).await;
    assert_eq!(status, StatusCode::OK, "{by_spend}");
    assert_eq!(
        rows(&by_spend),
        [
            "search 6.000000001 = 0 + 6.000000001, 0",
            "chat 8 = 5 + 3, 1",
            "free 0 = 0 + 0, 0",
            "books 4 = 4 + 0, 1",
            "- 0 = 0 + 0, 1",
        ]
    );
    assert_eq!(
        by_spend["rule"],
        json!({"name": "spend",
               "text": "Revenue that names no service is shared by what each service cost."})
    );
    assert_eq!(
        by_spend["total"],
        json!({
            "spend": "3", "unpriced": 0, "revenue": "18.000000001", "profit": "15.000000001",
            "margin": 15.000000001 / 18.000000001, "roi": 15.000000001 / 3.0,
            "purchases": 3, "spend_per_purchase": "1",
        })
    );
    assert_eq!(by_spend["previous"], Value::Null);
    assert_eq!(by_spend["other_currencies"], json!([{"currency": "EUR", "revenue": "7"}]));
    assert_eq!(by_spend["series"].as_array().unwrap().len(), 31);
    assert_eq!(
        by_spend["series"][2],
        json!({"start": "2026-03-03T00:00:00Z", "spend": "0", "unpriced": 0, "revenue": "-1", "profit": "-1"})
    );

    let direct = desk.roi("&rule=direct", None).await.1;
    assert_eq!(rows(&direct).last().unwrap(), "- 9.000000001 = 9.000000001 + 0, 1");
    assert_eq!(direct["rows"][4]["group"], json!({}));
    let even = desk.roi("&rule=even&every=week", None).await.1;
    assert_eq!(rows(&even)[0], "search 4.500000001 = 0 + 4.500000001, 0");
    assert_eq!(rows(&even)[1], "chat 9.5 = 5 + 4.5, 1");
    for answer in [&by_spend, &direct, &even] {
        for field in ["spend", "revenue", "profit"] {
            assert_eq!(answer["total"][field], sum(&answer["rows"], field));
            assert_eq!(answer["total"][field], sum(&answer["series"], field));
        }
    }

    let filtered = desk.roi("&service=chat&by=provider", None).await.1;
    assert_eq!(
        (&filtered["total"]["spend"], &filtered["total"]["revenue"]),
        (&json!("1"), &json!("5"))
    );
    let april = "/api/v1/insights/roi?from=2026-04-01&to=2026-05-01";
    let april: Value = serde_json::from_slice(&desk.get_as(april, None).await.1).unwrap();
    assert_eq!(april["previous"]["revenue"], "18.000000001");
    assert_eq!(april["trend"], json!({"direction": "steady", "change": -1.0}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_period_that_runs_is_held_against_as_much_of_the_one_before() {
    let desk = Desk::open().await;
    let old = json!({"id": "old", "occurred_at": "2010-06-01T00:00:00Z", "amount": "5"});
    desk.post("/api/v1/revenue", &old).await;
    let previous = async |from: &str, to: &str| {
        let path = format!("/api/v1/insights/roi?from={from}-01-01&to={to}-01-01&every=month");
        let answer: Value = serde_json::from_slice(&desk.get_as(&path, None).await.1).unwrap();
        answer["previous"].clone()
    };

    // The eighty years before had not come to 2010 where these eighty are now.
    assert_eq!(previous("2020", "2100").await, Value::Null);
    assert_eq!(previous("2015", "2020").await["revenue"], "5");
}

#[tokio::test(flavor = "multi_thread")]
async fn revenue_told_again_is_repeated_and_told_otherwise_a_conflict_that_names_the_field() {
    let desk = Desk::open().await;
    let first = purchase("1", 1, "5", json!({"service": "chat"}));
    let with = |field: &str, value: Value| {
        let mut other = first.clone();
        other[field] = value;
        other
    };

    assert_eq!(desk.tell(first.clone()).await["accepted"], 1);
    assert_eq!(desk.tell(json!([first.clone(), first.clone()])).await["repeated"], 2);
    for (field, value) in [
        ("amount", json!("6")),
        ("currency", json!("EUR")),
        ("kind", json!("refund")),
        ("occurred_at", json!("2026-03-02T12:00:00Z")),
        ("product", json!("book")),
        ("attributes", json!({})),
    ] {
        let (status, answer) = desk.post("/api/v1/revenue", &with(field, value)).await;
        assert_eq!(status, StatusCode::CONFLICT, "{field}: {answer}");
        assert_eq!(
            (&answer["items"][0]["code"], &answer["items"][0]["field"]),
            (&json!("conflict"), &json!(field))
        );
    }
    let (status, answer) =
        desk.post("/api/v1/revenue", &with("attributes", json!({"servce": "x"}))).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer["items"][0]["field"], "attributes.servce");
    let (status, answer) = desk.post("/api/v1/revenue", &with("amount", json!("-5"))).await;
    assert_eq!(
        (status, &answer["items"][0]["field"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("amount"))
    );
    let many = Value::Array(vec![first.clone(); 1_001]);
    assert_eq!(desk.post("/api/v1/revenue", &many).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(desk.roi("", None).await.1["total"]["revenue"], "5");
}

#[tokio::test(flavor = "multi_thread")]
async fn members_see_the_returns_of_their_own_account_and_tell_of_none() {
    let desk = Desk::open().await;
    desk.post("/api/v1/users", &json!({"id": "globex", "role": "member"})).await;
    let member = desk.token("globex", "member").await;
    let mut own = purchase("1", 1, "5", json!({}));
    own["account"] = json!("globex");
    desk.tell(json!([own.clone(), purchase("2", 1, "100", json!({}))])).await;

    let (status, answer) = desk.roi("", Some(&member)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(
        (&answer["total"]["spend"], &answer["total"]["revenue"]),
        (&json!("2"), &json!("5"))
    );
    let (status, _) = desk.roi("&account=acme", Some(&member)).await;
    assert_eq!(status, StatusCode::OK);
    let (status, refused) = desk.post_as("/api/v1/revenue", &own, Some(&member)).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{refused}");
    for (query, field) in [("&by=service,model", "by"), ("&rule=fair", "rule"), ("&x=1", "x")] {
        let (status, refused) = desk.roi(query, None).await;
        assert_eq!((status, &refused["field"]), (StatusCode::BAD_REQUEST, &json!(field)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_may_send_usage_tells_of_revenue_of_its_account_only() {
    let desk = Desk::open().await;
    desk.post("/api/v1/users", &json!({"id": "ops", "role": "admin"})).await;
    let key = async |scope: &str| {
        let body = json!({"name": "shop", "user": "ops", "account": "acme", "scopes": [scope]});
        let (status, made) = desk.post("/api/v1/keys", &body).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        made["secret"].as_str().unwrap().to_owned()
    };
    let (shop, reader) = (key("events:write").await, key("usage:read").await);
    let mut foreign = purchase("2", 1, "7", json!({}));
    foreign["account"] = json!("globex");
    let facts = json!([purchase("1", 1, "5", json!({})), foreign]);

    let (status, told) = desk.post_as("/api/v1/revenue", &facts, Some(&shop)).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    assert_eq!(told["items"][0]["outcome"], "accepted", "{told}");
    assert_eq!(told["items"][1]["outcome"], "refused", "{told}");
    assert_eq!(told["items"][1]["field"], "account", "{told}");
    let (status, refused) = desk.post_as("/api/v1/revenue", &facts, Some(&reader)).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{refused}");

    let (_, answer) = desk.roi("&account=acme", None).await;
    assert_eq!(answer["total"]["revenue"], "5", "the key's account is the fact's: {answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_without_a_price_is_counted_and_no_zero() {
    let desk = Desk::open().await;
    let event = json!([{
        "id": "9", "occurred_at": "2026-03-04T12:00:00Z", "account": "acme",
        "provider": "nobody", "model": "unheard-of", "service": "search",
        "quantities": { "input_tokens": 5 },
    }]);
    let (status, answer) = desk.post("/api/v1/events", &event).await;
    assert_eq!(status, StatusCode::OK, "{answer}");

    let (_, answer) = desk.roi("", None).await;

    assert_eq!(answer["total"]["unpriced"], 1);
    assert_eq!(answer["rows"][0]["unpriced"], 1, "{answer}");
    assert_eq!(answer["rows"][1]["unpriced"], 0);
    let series = answer["series"].as_array().unwrap();
    let days: Vec<_> = series.iter().filter(|day| day["unpriced"] == 1).collect();
    assert_eq!(days.len(), 1);
    assert!(days[0]["start"].as_str().unwrap().starts_with("2026-03-04"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_amount_that_no_payment_comes_to_is_refused_and_its_neighbours_are_kept() {
    let desk = Desk::open().await;
    let fact = |id: &str, more: Value| {
        let mut fact = purchase(id, 1, "1", json!({}));
        fact.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fact
    };
    let most = "2000000000";
    let beyond = "2000000000.000000001";
    let facts = json!([
        fact("1", json!({"amount": most})),
        fact("2", json!({"amount": beyond})),
        fact("3", json!({"amount": "-9223372036.854775807", "kind": "adjustment"})),
        fact("4", json!({"net": beyond})),
        fact("5", json!({"fee": beyond})),
        fact("6", json!({"tax": format!("-{beyond}")})),
        fact("7", json!({"amount": most})),
        fact("8", json!({"amount": most})),
        fact("9", json!({"amount": most})),
        fact("10", json!({"amount": most})),
    ]);

    let answer = desk.tell(facts).await;

    assert_eq!((&answer["accepted"], &answer["refused"]), (&json!(5), &json!(5)), "{answer}");
    let told: Vec<_> = answer["items"].as_array().unwrap()[1..6]
        .iter()
        .map(|item| (item["code"].as_str().unwrap(), item["field"].as_str().unwrap()))
        .collect();
    let fields = ["amount", "amount", "net", "fee", "tax"];
    assert_eq!(told, fields.map(|field| ("out_of_range", field)));
    let (status, all) = desk.post("/api/v1/revenue", &fact("2", json!({"amount": beyond}))).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{all}");
    assert!(all["items"][0]["detail"].as_str().unwrap().contains("check its unit"), "{all}");
    // Their sum is beyond what one amount can be, and is held all the same.
    let (_, page) = desk.get_as("/api/v1/revenue", None).await;
    let page: Value = serde_json::from_slice(&page).unwrap();
    assert_eq!(page["totals"][0]["gross"], "10000000000");
    assert_eq!(desk.roi("", None).await.1["total"]["revenue"], "10000000000");
}

#[tokio::test(flavor = "multi_thread")]
async fn revenue_of_an_account_with_blanks_around_it_is_refused() {
    let desk = Desk::open().await;
    for fact in [
        purchase("1", 1, "1", json!({"account": "al "})),
        json!({"id": "2", "occurred_at": "2026-03-01T12:00:00Z", "amount": "1", "account": " al"}),
    ] {
        let (status, answer) = desk.post("/api/v1/revenue", &fact).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
        assert_eq!(answer["items"][0]["field"], "account");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn revenue_is_of_a_currency_and_of_our_time_and_is_asked_for_by_day() {
    let desk = Desk::open().await;
    let of = |currency: &str, occurred_at: &str| {
        let mut fact = purchase("order", 1, "5", json!({}));
        fact["currency"] = json!(currency);
        fact["occurred_at"] = json!(occurred_at);
        fact
    };
    for (fact, field) in [
        (of("dollars", "2026-03-01T12:00:00Z"), "currency"),
        (of("US1", "2026-03-01T12:00:00Z"), "currency"),
        (of("USD", "1969-03-01T12:00:00Z"), "occurred_at"),
        (of("USD", "9999-03-01T12:00:00Z"), "occurred_at"),
        (of("USD", "yesterday"), "occurred_at"),
    ] {
        let (_, answer) = desk.post("/api/v1/revenue", &fact).await;
        assert_eq!(answer["items"][0]["field"], field, "{answer}");
    }
    desk.tell(purchase("order", 20, "5", json!({}))).await;
    let listed = async |from: &str| {
        let (status, answer) = desk.get_as(&format!("/api/v1/revenue?from={from}"), None).await;
        assert_eq!(status, StatusCode::OK);
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        answer["items"].as_array().unwrap().len()
    };
    assert_eq!((listed("2026-03-20").await, listed("2026-03-21").await), (1, 0));
}
