//! Requests, counted by what was asked and how it was answered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use chrono::Utc;
use compact_str::CompactString;
use outlay_engine::latency::Latency;
use parking_lot::Mutex;

use super::page::{Kind, Page};
use super::recent::RecentRequests;

/// What stands for every path that is no route: pages, their files, and what is nowhere.
const NO_ROUTE: &str = "(page)";

/// Counters of requests.
///
/// Bounded: routes are templates, methods are named one by one, and statuses are our own.
#[derive(Debug, Default)]
pub struct HttpMetrics {
    answered: Mutex<BTreeMap<(Asked, u16), u64>>,
    took: Mutex<BTreeMap<Asked, Arc<Latency>>>,
    in_flight: AtomicI64,
    /// Those of the last hour.
    pub recent: RecentRequests,
}

/// What was asked: the route's template and the method.
pub type Asked = (CompactString, &'static str);

/// Counts a request.
pub async fn count(
    State(metrics): State<Arc<HttpMetrics>>,
    request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or(NO_ROUTE, MatchedPath::as_str);
    let asked = (CompactString::from(route), method_name(request.method()));
    let started = Instant::now();
    let response = {
        let _one_more = InFlight::enter(&metrics);
        next.run(request).await
    };
    metrics.answered(asked, response.status().as_u16(), started.elapsed());
    response
}

impl HttpMetrics {
    fn answered(&self, asked: Asked, status: u16, took: Duration) {
        let latency = self.took.lock().entry(asked.clone()).or_default().clone();
        latency.observe(took);
        self.recent.answered(&asked, status, took, Utc::now());
        *self.answered.lock().entry((asked, status)).or_default() += 1;
    }

    /// Writes the counters.
    pub fn write(&self, page: &mut Page) {
        let mut family = page.family(
            Kind::Counter,
            "outlay_http_requests_total",
            "Requests answered, by the route's template, method and status.",
        );
        for (((route, method), status), count) in &*self.answered.lock() {
            let status = status.to_string();
            family.sample(&[("route", route), ("method", method), ("status", &status)], count);
        }
        let mut family = page.family(
            Kind::Histogram,
            "outlay_http_request_duration_seconds",
            "Time until a request's answer began, by the route's template and method.",
        );
        for ((route, method), latency) in &*self.took.lock() {
            family.latency(&[("route", route), ("method", method)], &latency.read());
        }
        page.single(
            Kind::Gauge,
            "outlay_http_requests_in_flight",
            "Requests that are being answered.",
            self.in_flight.load(Ordering::Relaxed),
        );
    }
}

/// Counts a request as long as it is being answered; a client that hangs up ends it too.
struct InFlight<'a>(&'a AtomicI64);

impl<'a> InFlight<'a> {
    fn enter(metrics: &'a HttpMetrics) -> Self {
        metrics.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(&metrics.in_flight)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        // Anything can be sent as a method, and each would be a series.
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_route_method_and_status() {
        let metrics = HttpMetrics::default();
        let asked = || ("/api/v1/users/{id}".into(), method_name(&Method::GET));

        metrics.answered(asked(), 200, Duration::from_millis(3));
        metrics.answered(asked(), 200, Duration::from_millis(3));
        metrics.answered(asked(), 404, Duration::from_millis(3));

        let mut page = Page::default();
        metrics.write(&mut page);
        let text = page.into_text();
        let labels = "route=\"/api/v1/users/{id}\",method=\"GET\"";
        assert!(text.contains(&format!("_total{{{labels},status=\"200\"}} 2\n")), "{text}");
        assert!(text.contains(&format!("_total{{{labels},status=\"404\"}} 1\n")), "{text}");
        assert!(text.contains(&format!("_seconds_count{{{labels}}} 3\n")), "{text}");
    }
}
