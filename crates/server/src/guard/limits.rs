//! How often a caller may call.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use outlay_domain::people::{Act, Caller, UserId, Via};
use outlay_engine::people::whole_network;
use uuid::Uuid;

use crate::config::LimitsConfig;
use crate::error::ApiError;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// Addresses that are counted at a time; beyond it those that are quiet are forgotten at once.
const ADDRESSES_MAX: usize = 50_000;

type Keyed<K> = RateLimiter<K, DashMapStateStore<K>, DefaultClock, StateInformationMiddleware>;

/// Who is counted: each key for itself, and each user for all they do otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Counted {
    User(UserId),
    Key(Uuid),
}

/// A bucket of requests for each caller: so many at once, and so many more a second.
struct Bucket<K: Clone + Eq + Hash> {
    burst: u32,
    per_second: f64,
    limiter: Keyed<K>,
}

/// What is left in a caller's bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Allowance {
    limit: u32,
    remaining: u32,
    reset_seconds: u64,
}

/// The buckets of all callers.
pub struct Limits {
    requests: Option<Bucket<Counted>>,
    ingest: Option<Bucket<Counted>>,
    sign_in: Option<Bucket<IpAddr>>,
}

impl Limits {
    /// Buckets by the settings; 0 is no limit.
    pub fn new(config: &LimitsConfig) -> Self {
        Self {
            requests: Bucket::new(config.requests_per_second.into(), config.requests_burst),
            ingest: Bucket::new(config.ingest_requests_per_second.into(), config.ingest_burst),
            sign_in: Bucket::new(
                f64::from(config.sign_ins_per_minute) / 60.0,
                config.sign_ins_per_minute,
            ),
        }
    }

    /// Takes a request out of the caller's bucket, and says what is left.
    ///
    /// Sending usage has a bucket of its own: programs send much, and often.
    pub fn admit(&self, caller: &Caller, act: Option<Act>) -> Result<Option<Allowance>, ApiError> {
        let bucket = if act == Some(Act::SendUsage) { &self.ingest } else { &self.requests };
        let Some(bucket) = bucket else { return Ok(None) };
        let counted = match caller.via {
            Via::Key { id } => Counted::Key(id),
            _ => Counted::User(caller.user.clone()),
        };
        bucket.take(&counted).map(Some).map_err(|wait| {
            ApiError::too_many(wait, "this caller sends more requests than they may")
                .mend("slow down; the settings under [limits] say how fast")
        })
    }

    /// Takes an attempt to sign in out of the address's bucket.
    pub fn admit_sign_in(&self, address: Option<IpAddr>) -> Result<(), ApiError> {
        let (Some(bucket), Some(address)) = (&self.sign_in, address) else { return Ok(()) };
        if bucket.limiter.len() > ADDRESSES_MAX {
            bucket.limiter.retain_recent();
        }
        match bucket.take(&whole_network(address)) {
            Ok(_) => Ok(()),
            Err(wait) => {
                Err(ApiError::too_many(wait, "too many attempts to sign in from this address"))
            }
        }
    }

    /// Forgets whose buckets are full again.
    pub fn tidy(&self) {
        for bucket in self.requests.iter().chain(&self.ingest) {
            bucket.limiter.retain_recent();
        }
        if let Some(bucket) = &self.sign_in {
            bucket.limiter.retain_recent();
        }
    }
}

impl<K: Clone + Eq + Hash> Bucket<K> {
    fn new(per_second: f64, burst: u32) -> Option<Self> {
        if per_second <= 0.0 {
            return None;
        }
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        let period = std::time::Duration::from_secs_f64(1.0 / per_second);
        let quota = Quota::with_period(period)?.allow_burst(burst);
        let limiter = RateLimiter::dashmap(quota).with_middleware();
        Some(Self { burst: burst.get(), per_second, limiter })
    }

    /// Takes one, or says for how many seconds there will be none.
    fn take(&self, key: &K) -> Result<Allowance, u64> {
        match self.limiter.check_key(key) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                let missing = f64::from(self.burst.saturating_sub(remaining));
                let reset_seconds = (missing / self.per_second).ceil() as u64;
                Ok(Allowance { limit: self.burst, remaining, reset_seconds })
            }
            Err(until) => {
                let wait = until.wait_time_from(self.limiter.clock().now());
                Err((wait.as_secs_f64().ceil() as u64).max(1))
            }
        }
    }
}

impl Allowance {
    /// Writes it for the client.
    pub fn tell(self, headers: &mut HeaderMap) {
        headers.insert(LIMIT, HeaderValue::from(self.limit));
        headers.insert(REMAINING, HeaderValue::from(self.remaining));
        headers.insert(RESET, HeaderValue::from(self.reset_seconds));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use outlay_domain::people::{Role, User};

    use super::*;

    fn caller(name: &str) -> Caller {
        let id = UserId::new(name).unwrap();
        let user = User::new(id, Role::Member, chrono::DateTime::UNIX_EPOCH);
        Caller::of(&user, Via::Session { id: Uuid::nil() })
    }

    fn limits() -> Limits {
        Limits::new(&LimitsConfig {
            requests_per_second: 1,
            requests_burst: 3,
            ingest_requests_per_second: 0,
            ingest_burst: 0,
            sign_ins_per_minute: 2,
            ..LimitsConfig::default()
        })
    }

    #[test]
    fn a_caller_is_slowed_down_alone_and_told_so() {
        let limits = limits();
        let left = |name| limits.admit(&caller(name), None).map(|left| left.unwrap().remaining);

        assert_eq!((left("alice"), left("alice"), left("alice")), (Ok(2), Ok(1), Ok(0)));
        let refused = left("alice").unwrap_err();
        assert_eq!(refused.status.as_u16(), 429);
        assert_eq!(refused.retry_after, Some(1));
        assert_eq!(left("bob"), Ok(2));
    }

    #[test]
    fn sending_usage_has_its_own_bucket_and_none_is_no_limit() {
        let limits = limits();
        for _ in 0..100 {
            assert_eq!(limits.admit(&caller("alice"), Some(Act::SendUsage)), Ok(None));
        }
        assert!(limits.admit(&caller("alice"), None).is_ok());
    }

    #[test]
    fn an_address_signs_in_only_so_often_and_its_network_is_one() {
        let limits = limits();
        let from = |address: &str| limits.admit_sign_in(Some(address.parse().unwrap()));

        assert!(from("2001:db8::1").is_ok());
        assert!(from("2001:db8::2").is_ok());
        let refused = from("2001:db8::3").unwrap_err();
        assert!(refused.retry_after.is_some_and(|wait| (1..=30).contains(&wait)));
        assert!(from("192.0.2.1").is_ok());
        assert!(limits.admit_sign_in(None).is_ok());
    }
}
