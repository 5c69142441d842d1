//! The credentials, as the API's document describes them.

use utoipa::Modify;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};

/// Adds the ways to prove who one is to the API's document.
pub struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_with(Default::default);
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "An API key (`olk_…`), or a token of `outlay token` or of a trusted issuer.",
            ))
            .build();
        let key = ApiKeyValue::with_description("X-Api-Key", "An API key.");
        let session = ApiKeyValue::with_description(
            "outlay",
            "The cookie of a session, `__Host-outlay` over https. Changes need the header \
             `X-CSRF-Token` with `csrf` of GET /api/v1/session.",
        );
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        components.add_security_scheme("key", SecurityScheme::ApiKey(ApiKey::Header(key)));
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(session)));
    }
}
