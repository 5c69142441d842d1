//! What the HTTP library refuses by itself, in our own shape.
//!
//! A head that is too long, or is no HTTP, never becomes a request, so no layer sees it: the library
//! answers with a status and nothing else. That answer is known by having nothing else, which no
//! answer of ours does, and is put into our shape on its way out.

use axum::http::StatusCode;

use crate::error::ApiError;

/// Bytes of such an answer, at most.
const BARE_BYTES_MAX: usize = 256;

/// The answer in our shape, where `bytes` are one of the library's own.
pub fn shaped(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.len() > BARE_BYTES_MAX || !bytes.starts_with(b"HTTP/1.") {
        return None;
    }
    let head = std::str::from_utf8(bytes).ok()?.strip_suffix("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let first = lines.next()?;
    let error = refusal(first.split(' ').nth(1)?)?;
    let is_bare = |line: &str| {
        line == "content-length: 0" || line == "connection: close" || line.starts_with("date: ")
    };
    if !lines.clone().all(is_bare) {
        return None;
    }
    let body = serde_json::to_vec(&error).ok()?;
    let kept = lines.filter(|line| !line.starts_with("content-length"));
    let ours = [
        format!("content-length: {}", body.len()),
        "content-type: application/json".to_owned(),
        "cache-control: no-store".to_owned(),
        "x-content-type-options: nosniff".to_owned(),
    ];
    let mut answer = first.as_bytes().to_vec();
    for line in kept.chain(ours.iter().map(String::as_str)) {
        answer.extend_from_slice(b"\r\n");
        answer.extend_from_slice(line.as_bytes());
    }
    answer.extend_from_slice(b"\r\n\r\n");
    answer.extend_from_slice(&body);
    Some(answer)
}

/// What a status of the library's own means.
fn refusal(status: &str) -> Option<ApiError> {
    Some(match status {
        "400" => {
            let detail = "the request is not written as HTTP/1.1 is";
            ApiError::new(StatusCode::BAD_REQUEST, "malformed", detail)
        }
        "414" => {
            let detail = "the address of the request is too long";
            ApiError::new(StatusCode::URI_TOO_LONG, "too_long", detail)
                .at("path")
                .mend("ask about less at a time, e.g. fewer values of a filter")
        }
        "431" => {
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            ApiError::new(
                status,
                "too_large",
                "the headers of the request are too many or too long",
            )
            .at("headers")
            .mend("send fewer, or less in them; cookies of other services are headers too")
        }
        _ => return None,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const BARE: &str = "HTTP/1.1 431 Request Header Fields Too Large\r\n\
        connection: close\r\ncontent-length: 0\r\ndate: Sat, 21 Nov 2026 20:00:00 GMT\r\n\r\n";

    #[test]
    fn a_bare_refusal_gets_a_body_of_the_length_it_says() {
        let answer = String::from_utf8(shaped(BARE.as_bytes()).unwrap()).unwrap();

        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"), "{head}");
        assert!(head.contains("\r\nconnection: close\r\n"), "{head}");
        assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{head}");
        assert_eq!(head.matches("content-length").count(), 1);
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!((&body["status"], &body["code"]), (&431.into(), &"too_large".into()));
    }

    #[test]
    fn what_says_anything_else_is_no_refusal_of_the_library() {
        for other in [
            BARE.replace("431", "200"),
            BARE.replace("content-length: 0", "content-length: 2"),
            BARE.replace("date", "x-content-type-options: nosniff\r\ndate"),
            BARE.replace("HTTP/1.1", "HTTP"),
            format!("{BARE}more"),
            format!("before {BARE}"),
        ] {
            assert_eq!(shaped(other.as_bytes()), None, "{other}");
        }
    }
}
