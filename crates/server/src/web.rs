//! The pages: the files of `web/dist`, built into the program.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write;
use std::sync::{LazyLock, OnceLock};

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::Embed;

#[derive(Embed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Dist;

/// Every path that is no file is a page, and all pages are drawn by this one.
const INDEX: &str = "index.html";
/// Vite names the files in here after their content.
const HASHED: &str = "assets/";

const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

const NOT_BUILT: &str = "\
Outlay is running, but this program was built without its pages.
`make build` builds them into it; the API is described at /api/docs.
";

/// What the build has compressed already stands beside the file that it is of.
const BROTLI: &str = ".br";

static FILES: LazyLock<HashMap<String, File>> = LazyLock::new(|| {
    Dist::iter()
        .filter(|path| !path.ends_with(BROTLI))
        .filter_map(|path| Some((path.to_string(), File::read(&path)?)))
        .collect()
});

/// A built file, ready to be sent.
struct File {
    content: Bytes,
    content_type: HeaderValue,
    etag: HeaderValue,
    /// Compressed by the build, as small as it goes.
    brotli: Option<Bytes>,
    /// Compressed when first asked for; absent when that saves nothing.
    gzipped: OnceLock<Option<Bytes>>,
}

impl File {
    fn read(path: &str) -> Option<Self> {
        let file = Dist::get(path)?;
        let hash = file.metadata.sha256_hash();
        let hash: String = hash[..12].iter().map(|byte| format!("{byte:02x}")).collect();
        Some(Self {
            content: bytes(file.data),
            brotli: Dist::get(&format!("{path}{BROTLI}")).map(|file| bytes(file.data)),
            content_type: HeaderValue::from_static(content_type(path)),
            etag: HeaderValue::try_from(format!("\"{hash}\"")).ok()?,
            gzipped: OnceLock::new(),
        })
    }

    /// As small as a browser takes it that sends `headers`, with what it is then encoded in.
    fn compressed(&self, headers: &HeaderMap) -> Option<(&'static str, Bytes)> {
        let takes = |encoding| names(headers, header::ACCEPT_ENCODING, encoding);
        let brotli = self.brotli.as_ref().filter(|_| takes("br"));
        match brotli {
            Some(small) => Some(("br", small.clone())),
            None if takes("gzip") => Some(("gzip", self.gzipped()?)),
            None => None,
        }
    }

    fn gzipped(&self) -> Option<Bytes> {
        self.gzipped
            .get_or_init(|| {
                let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
                gzip.write_all(&self.content).ok()?;
                let gzipped = gzip.finish().ok()?;
                (gzipped.len() + 512 < self.content.len()).then(|| gzipped.into())
            })
            .clone()
    }
}

fn bytes(data: Cow<'static, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    }
}

/// Answers with the file or the page at `uri`; `None` where neither can be.
pub fn answer(method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
    if !matches!(*method, Method::GET | Method::HEAD) || is_for_programs(uri.path()) {
        return None;
    }
    let path = uri.path().trim_start_matches('/');
    if let Some(file) = FILES.get(path) {
        let cache = if path.starts_with(HASHED) { FOR_EVER } else { ASK_AGAIN };
        return Some(send(file, cache, headers));
    }
    // A file that is gone must not be answered with a page, or a browser would run it.
    if path.starts_with(HASHED) || path.rsplit('/').next().is_some_and(|name| name.contains('.')) {
        return None;
    }
    Some(match FILES.get(INDEX) {
        Some(index) => send(index, ASK_AGAIN, headers),
        None => (StatusCode::NOT_FOUND, NOT_BUILT).into_response(),
    })
}

/// Whether programs, not people, are at home at `path`.
fn is_for_programs(path: &str) -> bool {
    ["/api", "/v1", "/socket.io", "/metrics"]
        .iter()
        .filter_map(|root| path.strip_prefix(root))
        .any(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn send(file: &File, cache: HeaderValue, headers: &HeaderMap) -> Response {
    let mut answer = HeaderMap::new();
    answer.insert(header::CACHE_CONTROL, cache);
    answer.insert(header::ETAG, file.etag.clone());
    answer.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if names(headers, header::IF_NONE_MATCH, file.etag.to_str().unwrap_or_default()) {
        return (StatusCode::NOT_MODIFIED, answer).into_response();
    }
    answer.insert(header::CONTENT_TYPE, file.content_type.clone());
    match file.compressed(headers) {
        Some((encoding, small)) => {
            answer.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
            (answer, small).into_response()
        }
        None => (answer, file.content.clone()).into_response(),
    }
}

/// Whether a header's list of values has `value` in it.
fn names(headers: &HeaderMap, name: header::HeaderName, value: &str) -> bool {
    headers.get_all(name).iter().filter_map(|list| list.to_str().ok()).any(|list| {
        list.split(',').any(|item| {
            let item = item.trim();
            let (item, refused) = match item.split_once(';') {
                Some((item, quality)) => (item.trim(), quality.trim() == "q=0"),
                None => (item, false),
            };
            !refused && item.strip_prefix("W/").unwrap_or(item) == value
        })
    })
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "woff" => "font/woff",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn get(path: &str) -> Option<Response> {
        answer(&Method::GET, &path.parse().unwrap(), &HeaderMap::new())
    }

    #[test]
    fn paths_of_programs_are_never_answered_with_a_page() {
        for path in ["/api", "/api/v1/nothing", "/socket.io/", "/metrics"] {
            assert!(get(path).is_none(), "{path}");
        }
        assert!(answer(&Method::POST, &"/".parse().unwrap(), &HeaderMap::new()).is_none());
    }

    #[test]
    fn a_file_that_is_gone_is_no_page() {
        assert!(get("/assets/index-0000.js").is_none());
        assert!(get("/robots.gone").is_none());
    }

    #[test]
    fn every_other_path_is_a_page_which_is_asked_for_anew() {
        for path in ["/", "/usage", "/people/keys?x=1", "/apiary"] {
            let page = get(path).unwrap();
            if FILES.contains_key(INDEX) {
                assert_eq!(page.status(), StatusCode::OK, "{path}");
                assert_eq!(page.headers()[header::CACHE_CONTROL], "no-cache");
            } else {
                assert_eq!(page.status(), StatusCode::NOT_FOUND, "{path}");
            }
        }
    }

    #[test]
    fn a_known_file_is_not_sent_again_and_is_sent_small() {
        let text = "figure ".repeat(1000);
        let file = File {
            content: Bytes::from(text.clone()),
            brotli: None,
            content_type: HeaderValue::from_static("text/plain"),
            etag: HeaderValue::from_static("\"abc\""),
            gzipped: OnceLock::new(),
        };
        let with = |name: header::HeaderName, value: &'static str| {
            HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
        };

        let again = send(&file, FOR_EVER, &with(header::IF_NONE_MATCH, "\"x\", W/\"abc\""));
        let small = send(&file, FOR_EVER, &with(header::ACCEPT_ENCODING, "br, gzip;q=0.8"));
        let plain = send(&file, FOR_EVER, &with(header::ACCEPT_ENCODING, "gzip;q=0"));

        let smallest = File { brotli: Some("small".into()), gzipped: OnceLock::new(), ..file };
        let by_browsers = send(&smallest, FOR_EVER, &with(header::ACCEPT_ENCODING, "gzip, br"));
        let by_others = send(&smallest, FOR_EVER, &with(header::ACCEPT_ENCODING, "gzip"));

        assert_eq!(by_browsers.headers()[header::CONTENT_ENCODING], "br");
        assert_eq!(by_others.headers()[header::CONTENT_ENCODING], "gzip");
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(small.headers()[header::CONTENT_ENCODING], "gzip");
        assert!(smallest.gzipped().unwrap().len() < text.len());
        assert!(!plain.headers().contains_key(header::CONTENT_ENCODING));
    }
}
