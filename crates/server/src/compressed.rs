//! Answers that are made small for whoever takes them so: a browser on a phone's network waits for bytes.
//!
//! What is compressed tells of its content by its length. So this is laid around what tells of usage and
//! prices alone, and around nothing that has a secret in it, such as a session's token.

use axum::body::HttpBody;
use axum::extract::Request;
use axum::http::{HeaderValue, Response, header};
use axum::middleware::map_request;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::Predicate;
use utoipa_axum::router::OpenApiRouter;

/// Smaller ones are one packet anyway.
const WORTH_BYTES: u64 = 1_024;
/// Larger ones are lists for programs, whose network is rarely as slow as this would be.
const LARGEST_BYTES: u64 = 4 << 20;

/// These routes, with the larger of their answers compressed where that is asked for.
pub fn compressed<S>(routes: OpenApiRouter<S>) -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    let layer = CompressionLayer::new().quality(CompressionLevel::Fastest);
    routes.layer(layer.compress_when(WorthIt)).layer(map_request(ask_plainly))
}

/// Says no more than whether gzip is taken. By whatever else is said the answer of something that was done
/// could be withheld, as one that is not acceptable.
async fn ask_plainly(mut request: Request) -> Request {
    let said = request.headers().get_all(header::ACCEPT_ENCODING).iter();
    let takes_gzip =
        said.filter_map(|value| value.to_str().ok()).flat_map(|said| said.split(',')).any(|one| {
            let (name, weight) = one.split_once(';').unwrap_or((one, ""));
            // `q=0`, and `q=0.000`.
            let weight = weight.trim().strip_prefix("q=");
            let is_none = weight.is_some_and(|weight| weight.trim_matches(['0', '.']).is_empty());
            name.trim().eq_ignore_ascii_case("gzip") && !is_none
        });
    let headers = request.headers_mut();
    headers.remove(header::ACCEPT_ENCODING);
    if takes_gzip {
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    }
    request
}

/// JSON that is there as a whole, and neither small nor huge. What is sent piece by piece stays as it is:
/// whoever reads it wants the first piece soon.
#[derive(Clone, Copy)]
struct WorthIt;

impl Predicate for WorthIt {
    fn should_compress<B: HttpBody>(&self, response: &Response<B>) -> bool {
        let size = response.body().size_hint().exact();
        let is_json = response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|is| is.as_bytes().starts_with(b"application/json"));
        is_json && size.is_some_and(|size| (WORTH_BYTES..=LARGEST_BYTES).contains(&size))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Read;

    use axum::Json;
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use axum::response::IntoResponse;
    use axum::routing::get;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    /// A list as usage is answered.
    fn rows(count: usize) -> Vec<&'static str> {
        vec!["gpt-4o-mini"; count]
    }

    async fn ask(path: &str, takes: &str) -> Response<Body> {
        let pieces = || async {
            let pieces = futures::stream::iter((0..1_000).map(|_| Ok::<_, std::io::Error>("[]")));
            ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(pieces))
        };
        let text = || async { "gpt-4o-mini".repeat(1_000).into_response() };
        let routes = OpenApiRouter::new()
            .route("/list", get(|| async { Json(rows(500)) }))
            .route("/short", get(|| async { Json(rows(5)) }))
            .route("/huge", get(|| async { Json(rows(400_000)) }))
            .route("/pieces", get(pieces))
            .route("/text", get(text));
        let (router, _) = compressed(routes).split_for_parts();
        let asked = Request::get(path).header(header::ACCEPT_ENCODING, takes);
        router.oneshot(asked.body(Body::empty()).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn a_list_is_compressed_for_whoever_takes_it_so() {
        let small = ask("/list", "gzip, br").await;
        let plain = ask("/list", "identity").await;

        assert_eq!(small.headers()[header::CONTENT_ENCODING], "gzip");
        assert_eq!(small.headers()[header::VARY], "accept-encoding");
        assert!(!plain.headers().contains_key(header::CONTENT_ENCODING));
        let small = small.into_body().collect().await.unwrap().to_bytes();
        let plain = plain.into_body().collect().await.unwrap().to_bytes();
        assert!(small.len() * 10 < plain.len(), "{} of {}", small.len(), plain.len());
        let mut read = Vec::new();
        flate2::read::GzDecoder::new(small.as_ref()).read_to_end(&mut read).unwrap();
        assert_eq!(read, plain);
    }

    #[tokio::test]
    async fn an_answer_is_never_withheld_for_how_it_would_be_taken() {
        for takes in ["identity;q=0", "*;q=0", "gzip;q=0, identity;q=0", "br;q=1, gzip;q=0.000"] {
            let answer = ask("/list", takes).await;

            assert_eq!(answer.status(), StatusCode::OK, "{takes}");
            assert!(!answer.headers().contains_key(header::CONTENT_ENCODING), "{takes}");
        }
    }

    #[tokio::test]
    async fn what_is_short_or_huge_or_comes_in_pieces_or_is_no_json_is_not() {
        for path in ["/short", "/huge", "/pieces", "/text"] {
            let answer = ask(path, "gzip").await;

            assert!(answer.status().is_success(), "{path}");
            assert!(!answer.headers().contains_key(header::CONTENT_ENCODING), "{path}");
        }
    }
}
