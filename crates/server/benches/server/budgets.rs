//! A thousand hard budgets and a thousand alert rules, as a company with many teams has them.

use serde_json::{Value, json};

use super::Server;

const COUNT: usize = 1_000;
const PERIODS: [&str; 4] = ["day", "week", "month", "year"];

/// Makes them, and waits until the budgets are counted and nothing is left to be judged.
pub fn make(server: &Server) {
    let mut connection = server.connect();
    let mut post = |path: &str, body: &Value| -> Value {
        let answer = connection.post(path, body.to_string().as_bytes()).expect("an answer");
        // Some rules are there from the start, and count too.
        if path == "/api/v1/alert-rules" && answer.status == 409 {
            return Value::Null;
        }
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!((200..300).contains(&answer.status), "{path}: {text}");
        serde_json::from_str(&text).expect("JSON")
    };
    for number in 0..COUNT {
        let budget = json!({
            "id": format!("b{number}"), "name": "a budget", "amount": "1000000",
            "enforcement": "hard", "period": {"every": PERIODS[number % 4]}, "scope": scope(number),
        });
        post("/api/v1/budgets", &budget);
        let condition = json!({
            "kind": "above", "measure": "spend", "hours": 24, "limit": "1000000", "scope": scope(number),
        });
        let rule = json!({
            "id": format!("r{number}"), "name": "a rule", "severity": "warning",
            "condition": condition,
        });
        post("/api/v1/alert-rules", &rule);
    }
    while post("/api/v1/check", &json!({}))["counters"] != COUNT {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    server.wait_until_idle(std::time::Duration::from_secs(3));
}

/// Of an account, of a project, of a model of a team, and of what all have.
fn scope(number: usize) -> Value {
    match number % 10 {
        0..7 => json!({"account": [format!("account-{number}")]}),
        7 => json!({"project": [format!("project-{}", number / 10)], "environment": ["env-1"]}),
        8 => json!({"subject^": [format!("user-{number}")], "platform!": ["platform-1"]}),
        _ => json!({"tag.feature": [format!("f{}", number / 10)], "provider": ["openai"]}),
    }
}
