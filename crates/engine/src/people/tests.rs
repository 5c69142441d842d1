#![allow(clippy::unwrap_used)]

use std::net::IpAddr;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use outlay_domain::people::{
    Act, ApiKey, Caller, Denied, KeyState, Role, Scope, Scopes, User, UserId,
};
use outlay_store::sqlite::audit::AuditFilter;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::FrozenClock;

const PASSWORD: &str = "tall ships sail";
const ISSUERS_SECRET: &[u8] = b"a secret of an older system, shared";

/// A data folder with people in it, and a clock that stands.
struct House {
    _folder: TempDir,
    clock: Arc<FrozenClock>,
    people: Arc<People>,
}

impl House {
    fn new() -> Self {
        Self::with(PeopleSettings::default())
    }

    fn with(settings: PeopleSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let books = Arc::new(Books::open(folder.path()).unwrap());
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let clock = Arc::new(FrozenClock::at(start));
        let people = People::open(folder.path(), books, clock.clone(), settings).unwrap();
        Self { _folder: folder, clock, people: Arc::new(people) }
    }

    fn trusting(create_users: bool, admins: bool) -> Self {
        let issuer = TrustedIssuer {
            name: "smartspec".into(),
            keys: IssuerKeys::Secret(ISSUERS_SECRET.to_vec()),
            issuer: None,
            audiences: vec![],
            user_claim: UserClaim::Either,
            create_users,
            admins,
        };
        Self::with(PeopleSettings { issuers: vec![issuer], ..Default::default() })
    }

    async fn user(&self, name: &str, role: Role) -> User {
        let new = NewUser { id: id(name), name: None, account: None, role, password: None };
        self.people.create_user(&root(), new).await.unwrap()
    }

    async fn user_with_password(&self, name: &str, role: Role) -> User {
        let new = NewUser {
            id: id(name),
            name: None,
            account: None,
            role,
            password: Some(PASSWORD.into()),
        };
        self.people.create_user(&root(), new).await.unwrap()
    }

    async fn sign_in(&self, name: &str, password: &str) -> Result<SignedIn, SignInError> {
        self.people.sign_in(name, password, address(1), None).await
    }

    async fn session_of(&self, name: &str) -> (SignedIn, Caller) {
        let link = self.people.issue_link(&root(), &id(name), "http://x").await.unwrap();
        let signed_in = self.people.redeem_link(secret_of(&link), None).await.unwrap();
        let caller = self.people.by_session(signed_in.secret.reveal()).await.unwrap();
        (signed_in, caller)
    }

    async fn key(&self, caller: &Caller, scopes: &str) -> Result<(ApiKey, Secret), PeopleError> {
        self.people.create_key(caller, new_key(scopes)).await
    }

    fn token_of_issuer(&self, claims: Value) -> String {
        let mut all = json!({ "exp": self.clock.now().timestamp() + 60 });
        for (key, value) in claims.as_object().unwrap() {
            all[key] = value.clone();
        }
        let key = EncodingKey::from_secret(ISSUERS_SECRET);
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &all, &key).unwrap()
    }

    async fn actions(&self) -> Vec<String> {
        let question = AuditQuestion { filter: AuditFilter::default(), limit: 100 };
        let mut lines = self.people.audit(&root(), question).await.unwrap();
        lines.reverse();
        lines
            .into_iter()
            .map(|line| format!("{} {}", line.record.action, line.record.target))
            .collect()
    }
}

fn id(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn root() -> Caller {
    Caller::operator()
}

fn address(last: u8) -> Option<IpAddr> {
    Some(IpAddr::from([192, 0, 2, last]))
}

fn secret_of(link: &IssuedLink) -> &str {
    link.url.split_once("#token=").unwrap().1
}

fn new_key(scopes: &str) -> NewKey {
    NewKey {
        user: None,
        name: "ci".into(),
        scopes: Scopes::from_stored(scopes),
        account: None,
        expires_at: None,
    }
}

fn change(user: &str, current: Option<&str>, new: &str) -> PasswordChange {
    PasswordChange { user: id(user), current: current.map(Into::into), new: new.into() }
}

// Passwords

#[tokio::test]
async fn a_user_signs_in_with_their_password_in_any_case_of_their_name() {
    let house = House::new();
    house.user_with_password("Alice@example.com", Role::Viewer).await;

    let signed_in = house.sign_in("alice@EXAMPLE.com", PASSWORD).await.unwrap();

    let caller = house.people.by_session(signed_in.secret.reveal()).await.unwrap();
    assert_eq!(caller.user, id("Alice@example.com"));
    assert_eq!(caller.role, Role::Viewer);
    assert_eq!(
        house.actions().await,
        ["user.added Alice@example.com", "session.opened Alice@example.com"]
    );
}

#[tokio::test]
async fn everything_that_is_wrong_gets_one_answer() {
    let house = House::new();
    house.user_with_password("alice", Role::Member).await;
    house.user("nopassword", Role::Member).await;
    house.user_with_password("gone", Role::Member).await;
    let disable = UserChange { disabled: Some(true), ..Default::default() };
    house.people.change_user(&root(), &id("gone"), disable).await.unwrap();

    let too_long = "x".repeat(5000);
    for (name, password) in [
        ("alice", "wrong password"),
        ("nobody", PASSWORD),
        ("nopassword", ""),
        ("gone", PASSWORD),
        ("alice", &too_long),
        (&too_long, PASSWORD),
        ("", ""),
    ] {
        let refused = house.sign_in(name, password).await.unwrap_err();
        assert!(matches!(refused, SignInError::Wrong), "{name:.9}: {refused}");
    }
}

#[tokio::test]
async fn guessing_is_slowed_down_and_a_right_password_waits_its_turn() {
    let house = House::new();
    house.user_with_password("alice", Role::Member).await;
    for _ in 0..5 {
        house.sign_in("alice", "wrong password").await.unwrap_err();
    }

    let throttled = house.sign_in("alice", PASSWORD).await.unwrap_err();
    let elsewhere = house.people.sign_in("alice", PASSWORD, address(2), None).await;
    house.clock.advance(Duration::seconds(1));
    let after_the_wait = house.sign_in("alice", PASSWORD).await;

    assert!(matches!(
        throttled,
        SignInError::Throttled { retry_after } if retry_after == Duration::seconds(1)
    ));
    assert!(elsewhere.is_ok());
    assert!(after_the_wait.is_ok());
}

#[tokio::test]
async fn many_guesses_at_once_gain_nothing() {
    let house = House::new();
    house.user_with_password("alice", Role::Member).await;

    let guesses: Vec<_> = (0..20)
        .map(|_| {
            let people = house.people.clone();
            tokio::spawn(async move {
                people.sign_in("alice", "wrong password", address(1), None).await
            })
        })
        .collect();
    let mut judged = 0;
    for guess in guesses {
        if matches!(guess.await.unwrap(), Err(SignInError::Wrong)) {
            judged += 1;
        }
    }

    assert_eq!(judged, 5);
}

#[tokio::test]
async fn a_changed_password_ends_all_sessions_and_opens_a_new_one() {
    let house = House::new();
    house.user_with_password("alice", Role::Member).await;
    let here = house.sign_in("alice", PASSWORD).await.unwrap();
    let elsewhere = house.sign_in("alice", PASSWORD).await.unwrap();
    let caller = house.people.by_session(here.secret.reveal()).await.unwrap();

    let wrong =
        house.people.set_password(&caller, change("alice", Some("wrong"), "four winds blow"));
    let wrong = wrong.await.unwrap_err();
    let unsaid = house.people.set_password(&caller, change("alice", None, "four winds blow"));
    let unsaid = unsaid.await.unwrap_err();
    let short = house.people.set_password(&caller, change("alice", Some(PASSWORD), "short"));
    let short = short.await.unwrap_err();
    let right =
        house.people.set_password(&caller, change("alice", Some(PASSWORD), "four winds blow"));
    let renewed = right.await.unwrap().unwrap();

    assert!(matches!(wrong, PeopleError::WrongPassword));
    assert!(matches!(unsaid, PeopleError::Refused(why) if why.field == "current_password"));
    assert!(matches!(short, PeopleError::Refused(why) if why.field == "password"));
    assert!(house.people.by_session(here.secret.reveal()).await.is_err());
    assert!(house.people.by_session(elsewhere.secret.reveal()).await.is_err());
    assert!(house.people.by_session(renewed.secret.reveal()).await.is_ok());
    assert!(house.sign_in("alice", PASSWORD).await.is_err());
    assert!(house.sign_in("alice", "four winds blow").await.is_ok());
}

#[tokio::test]
async fn whoever_comes_by_a_link_need_not_say_the_password_they_forgot_for_a_while() {
    let house = House::new();
    house.user_with_password("alice", Role::Member).await;
    let (_, late) = house.session_of("alice").await;
    house.clock.advance(Duration::minutes(15));
    let (_, fresh) = house.session_of("alice").await;

    let refused = house.people.set_password(&late, change("alice", None, "four winds blow")).await;
    let accepted =
        house.people.set_password(&fresh, change("alice", None, "four winds blow")).await;

    assert!(matches!(refused, Err(PeopleError::Refused(_))));
    assert!(accepted.unwrap().is_some());
}

#[tokio::test]
async fn only_admins_and_the_user_set_a_password() {
    let house = House::new();
    house.user("alice", Role::Member).await;
    house.user("bob", Role::Member).await;
    let (_, bob) = house.session_of("bob").await;

    let bobs = house.people.set_password(&bob, change("alice", None, "four winds blow")).await;
    let roots = house.people.set_password(&root(), change("alice", None, "four winds blow")).await;

    assert!(matches!(bobs, Err(PeopleError::Denied(_))));
    assert!(roots.unwrap().is_none());
    assert!(house.sign_in("alice", "four winds blow").await.is_ok());
}

// Sessions

#[tokio::test]
async fn a_session_ends_when_idle_and_use_keeps_it_alive_up_to_its_end() {
    let house = House::new();
    house.user("alice", Role::Member).await;
    let (idle, _) = house.session_of("alice").await;
    let (used, _) = house.session_of("alice").await;
    let alive =
        async |session: &SignedIn| house.people.by_session(session.secret.reveal()).await.is_ok();
    let tick = Duration::microseconds(1);

    house.clock.advance(Duration::days(6));
    assert!(alive(&used).await);
    house.clock.advance(Duration::days(1) - tick);
    assert!(alive(&used).await && alive(&idle).await);
    house.clock.advance(Duration::days(7) + tick);
    assert!(!alive(&used).await && !alive(&idle).await);

    let (used, _) = house.session_of("alice").await;
    for _ in 0..5 {
        house.clock.advance(Duration::days(6) - tick);
        assert!(alive(&used).await);
    }
    house.clock.advance(tick * 5);
    assert!(!alive(&used).await);
}

#[tokio::test]
async fn the_last_use_survives_changes_to_the_books_and_a_restart() {
    let house = House::new();
    house.user("alice", Role::Member).await;
    let (session, _) = house.session_of("alice").await;
    let secret = session.secret.reveal();

    house.clock.advance(Duration::days(6));
    house.people.by_session(secret).await.unwrap();
    house.user("bob", Role::Member).await;
    house.clock.advance(Duration::days(6));
    house.people.by_session(secret).await.unwrap();
    house.people.tidy(house.clock.now()).unwrap();
    let again = People::open(
        house._folder.path(),
        house.people.books.clone(),
        house.clock.clone(),
        PeopleSettings::default(),
    )
    .unwrap();
    house.clock.advance(Duration::days(6));

    assert!(again.by_session(secret).await.is_ok());
    assert!(house.people.directory.noted().sessions.is_empty());
}

#[tokio::test]
async fn signing_in_again_replaces_the_session_and_signing_out_ends_it() {
    let house = House::new();
    house.user_with_password("alice", Role::Member).await;
    let first = house.sign_in("alice", PASSWORD).await.unwrap();
    house.people.by_session(first.secret.reveal()).await.unwrap();

    let second =
        house.people.sign_in("alice", PASSWORD, address(1), Some(first.secret.reveal())).await;
    let second = second.unwrap();
    let replaced = house.people.by_session(first.secret.reveal()).await;
    let caller = house.people.by_session(second.secret.reveal()).await.unwrap();
    let ended = house.people.sign_out(&caller).await.unwrap();
    let ended_again = house.people.sign_out(&caller).await.unwrap();

    assert!(matches!(replaced, Err(IdentifyError::NoSession)));
    assert_ne!(first.secret, second.secret);
    assert!(ended && !ended_again);
    let after = house.people.by_session(second.secret.reveal()).await;
    assert!(matches!(after, Err(IdentifyError::NoSession)));
}

#[tokio::test]
async fn a_change_to_a_user_counts_for_the_next_request_of_an_open_session() {
    let house = House::new();
    house.user("alice", Role::Member).await;
    let (session, caller) = house.session_of("alice").await;
    assert_eq!(caller.scope(), Some("alice".into()));

    let promoted =
        UserChange { role: Some(Role::Viewer), account: Some("acme".into()), ..Default::default() };
    house.people.change_user(&root(), &id("alice"), promoted).await.unwrap();

    let caller = house.people.by_session(session.secret.reveal()).await.unwrap();
    assert_eq!((caller.role, caller.account.as_str()), (Role::Viewer, "acme"));
    assert_eq!(caller.scope(), None);
}

// Links

#[tokio::test]
async fn a_fresh_server_makes_an_admin_and_a_link_until_an_admin_has_a_password() {
    let house = House::new();

    let first = house.people.first_sign_in_link("https://outlay.example/").await.unwrap().unwrap();
    let next_start = house.people.first_sign_in_link("https://outlay.example").await.unwrap();
    let next_start = next_start.unwrap();
    assert!(first.url.starts_with("https://outlay.example/sign-in#token="), "{}", first.url);
    assert!(house.people.redeem_link(secret_of(&first), None).await.is_err());
    let signed_in = house.people.redeem_link(secret_of(&next_start), None).await.unwrap();
    assert_eq!((signed_in.user.id.clone(), signed_in.user.role), (id("admin"), Role::Admin));

    let caller = house.people.by_session(signed_in.secret.reveal()).await.unwrap();
    house.people.set_password(&caller, change("admin", None, PASSWORD)).await.unwrap();

    assert!(house.people.first_sign_in_link("https://outlay.example").await.unwrap().is_none());
}

#[tokio::test]
async fn the_way_in_is_for_the_first_admin_and_never_for_somebody_else() {
    let first = async |house: &House| {
        let link = house.people.first_sign_in_link("https://outlay.example").await.unwrap();
        link.map(|link| link.user)
    };

    let house = House::new();
    house.user("alice", Role::Member).await;
    house.user("boss", Role::Admin).await;
    assert_eq!(first(&house).await, Some(id("boss")));

    let house = House::new();
    house.user("alice", Role::Member).await;
    assert_eq!(first(&house).await, Some(id("admin")));

    let house = House::new();
    house.user("admin", Role::Member).await;
    assert_eq!(first(&house).await, None);
}

#[tokio::test]
async fn of_many_who_redeem_a_link_at_once_one_gets_in() {
    let house = House::new();
    house.user("alice", Role::Member).await;
    let link = house.people.issue_link(&root(), &id("alice"), "http://x").await.unwrap();

    let tries: Vec<_> = (0..16)
        .map(|_| {
            let (people, secret) = (house.people.clone(), secret_of(&link).to_owned());
            tokio::spawn(async move { people.redeem_link(&secret, None).await })
        })
        .collect();
    let mut in_ = 0;
    for attempt in tries {
        match attempt.await.unwrap() {
            Ok(signed_in) => {
                assert_eq!(signed_in.user.id, id("alice"));
                in_ += 1;
            }
            Err(refused) => assert!(matches!(refused, SignInError::DeadLink), "{refused}"),
        }
    }

    assert_eq!(in_, 1);
}

#[tokio::test]
async fn a_link_counts_up_to_and_not_at_its_expiry_and_not_for_the_disabled() {
    let house = House::new();
    house.user("alice", Role::Member).await;
    let link = async || house.people.issue_link(&root(), &id("alice"), "http://x").await;

    let in_time = link().await.unwrap();
    house.clock.set(in_time.expires_at - Duration::microseconds(1));
    assert!(house.people.redeem_link(secret_of(&in_time), None).await.is_ok());
    let late = link().await.unwrap();
    house.clock.set(late.expires_at);
    assert!(house.people.redeem_link(secret_of(&late), None).await.is_err());

    let unused = link().await.unwrap();
    let disable = UserChange { disabled: Some(true), ..Default::default() };
    house.people.change_user(&root(), &id("alice"), disable).await.unwrap();
    assert!(house.people.redeem_link(secret_of(&unused), None).await.is_err());
    assert!(matches!(link().await, Err(PeopleError::Conflict { .. })));
}

// Keys

#[tokio::test]
async fn a_key_lets_its_user_in_for_what_it_is_for() {
    let house = House::new();
    house.user("alice", Role::Member).await;
    let (_, alice) = house.session_of("alice").await;

    let (key, secret) = house.key(&alice, "events:write").await.unwrap();

    let caller = house.people.by_bearer(secret.reveal()).await.unwrap();
    assert_eq!(caller.user, id("alice"));
    assert!(caller.may_charge("alice").is_ok());
    assert!(caller.may_charge("bob").is_err());
    assert_eq!(caller.may(Act::SeeUsage), Err(Denied::Scope { needed: Scope::UsageRead }));
    assert!(secret.reveal().starts_with(key.prefix.as_str()));
    let unknown = house.people.by_key("olk_nonsense").await;
    assert!(matches!(unknown, Err(IdentifyError::UnknownKey)));
}

#[tokio::test]
async fn a_key_ends_at_its_expiry_and_when_it_is_revoked() {
    let house = House::new();
    let admin = house.user("admin", Role::Admin).await;
    let (_, caller) = house.session_of("admin").await;
    let expires_at = house.clock.now() + Duration::hours(1);
    let expiring = NewKey { expires_at: Some(expires_at), ..new_key("admin") };
    let (_, expiring) = house.people.create_key(&caller, expiring).await.unwrap();
    let (lasting_key, lasting) = house.key(&caller, "admin").await.unwrap();
    assert!(house.people.by_key(expiring.reveal()).await.is_ok());

    house.clock.set(expires_at - Duration::microseconds(1));
    assert!(house.people.by_key(expiring.reveal()).await.is_ok());
    house.clock.set(expires_at);
    let expired = house.people.by_key(expiring.reveal()).await;
    assert!(matches!(expired, Err(IdentifyError::KeyExpired(at)) if at == expires_at));

    assert!(house.people.by_key(lasting.reveal()).await.is_ok());
    let revoked = house.people.revoke_key(&caller, lasting_key.id).await.unwrap();
    assert_eq!(revoked.state(house.clock.now()), KeyState::Revoked);
    let refused = house.people.by_key(lasting.reveal()).await;
    assert!(matches!(refused, Err(IdentifyError::KeyRevoked)));
    house.people.revoke_key(&caller, lasting_key.id).await.unwrap();
    let revocations =
        house.actions().await.into_iter().filter(|line| line.starts_with("key.revoked")).count();
    assert_eq!((revocations, admin.id), (1, id("admin")));
}

#[tokio::test]
async fn a_key_cannot_make_itself_a_successor() {
    let house = House::new();
    house.user("admin", Role::Admin).await;
    let (_, admin) = house.session_of("admin").await;
    let (_, narrow) = house.key(&admin, "events:write usage:read prices:write").await.unwrap();
    let narrow = house.people.by_key(narrow.reveal()).await.unwrap();

    assert!(matches!(house.key(&narrow, "admin").await, Err(PeopleError::Denied(_))));
    assert!(matches!(house.key(&narrow, "events:write").await, Err(PeopleError::Denied(_))));
    let minted = house.people.mint_token(&narrow, &id("admin"), None, Duration::hours(1)).await;
    assert!(matches!(minted, Err(PeopleError::Denied(_))));
    let password = house.people.set_password(&narrow, change("admin", None, PASSWORD)).await;
    assert!(matches!(password, Err(PeopleError::Denied(_))));
}

#[tokio::test]
async fn a_narrowed_token_or_a_foreign_one_manages_no_keys_and_makes_no_tokens() {
    let house = House::trusting(false, false);
    for (name, role) in [("admin", Role::Admin), ("alice", Role::Member)] {
        house.user(name, role).await;
    }
    let hour = Duration::hours(1);
    let narrowed = async |role| {
        let minted = house.people.mint_token(&root(), &id("admin"), Some(role), hour).await;
        house.people.by_token(&minted.unwrap().token).await.unwrap()
    };
    let foreign = async |name: &str| {
        let token = house.token_of_issuer(json!({ "sub": name }));
        house.people.by_token(&token).await.unwrap()
    };
    let bound =
        NewKey { account: Some("shop".into()), user: Some(id("admin")), ..new_key("admin") };
    let (bound, secret) = house.people.create_key(&root(), bound).await.unwrap();
    let bound_caller = house.people.by_key(secret.reveal()).await.unwrap();

    for caller in [
        narrowed(Role::Member).await,
        narrowed(Role::Viewer).await,
        foreign("admin").await,
        foreign("alice").await,
        bound_caller,
    ] {
        for scopes in ["admin", "usage:read"] {
            let made = house.key(&caller, scopes).await;
            assert!(matches!(made, Err(PeopleError::Denied(_))), "{caller:?}: {made:?}");
        }
        let listed = house.people.keys(&caller, KeyPage { limit: 1, ..Default::default() }).await;
        assert!(matches!(listed, Err(PeopleError::Denied(_))), "{caller:?}: {listed:?}");
        let revoked = house.people.revoke_key(&caller, bound.id).await;
        assert!(matches!(revoked, Err(PeopleError::Denied(_))), "{caller:?}: {revoked:?}");
        let minted = house.people.mint_token(&caller, &caller.user, None, hour).await;
        assert!(matches!(minted, Err(PeopleError::Denied(_))), "{caller:?}: {minted:?}");
    }
}

#[tokio::test]
async fn what_a_credential_makes_ends_when_it_does() {
    let house = House::new();
    house.user("admin", Role::Admin).await;
    let end = house.clock.now() + Duration::days(2);
    let expiring = NewKey { user: Some(id("admin")), expires_at: Some(end), ..new_key("admin") };
    let (_, secret) = house.people.create_key(&root(), expiring).await.unwrap();
    let by_key = house.people.by_key(secret.reveal()).await.unwrap();
    let until = |expires_at| NewKey { expires_at, ..new_key("usage:read") };
    let make = async |key| house.people.create_key(&by_key, key).await;
    let mint = async |ttl: Option<Duration>| {
        house.people.mint_token(&by_key, &id("admin"), None, ttl).await
    };

    let unsaid = make(until(None)).await.unwrap().0;
    let sooner = make(until(Some(end - Duration::hours(1)))).await.unwrap().0;
    let later = make(until(Some(end + Duration::seconds(1)))).await.unwrap_err();
    let long = mint(Some(Duration::days(3))).await.unwrap_err();

    assert_eq!(unsaid.expires_at, Some(end));
    assert_eq!(sooner.expires_at, Some(end - Duration::hours(1)));
    assert!(later.to_string().contains("expires_at"), "{later}");
    assert!(long.to_string().contains("ttl_seconds"), "{long}");
    assert!(mint(None).await.unwrap().expires_at <= end);
    let made =
        house.people.mint_token(&root(), &id("admin"), None, None::<Duration>).await.unwrap();
    assert!(made.expires_at > end, "whoever holds the folder has no end");
}

#[tokio::test]
async fn nothing_of_a_deleted_user_lives_again_when_the_name_is_used_again() {
    let house = House::new();
    house.user("alice", Role::Admin).await;
    let (_, session) = house.session_of("alice").await;
    let (_, key) = house.key(&session, "admin").await.unwrap();
    let hour = Duration::hours(1);
    let token = house.people.mint_token(&root(), &id("alice"), None, hour).await.unwrap().token;
    let by_token = house.people.by_token(&token).await.unwrap();
    let link = house.people.issue_link(&root(), &id("alice"), "http://x").await.unwrap();
    house.user("boss", Role::Admin).await;

    house.people.delete_user(&root(), &id("alice")).await.unwrap();
    house.user("alice", Role::Admin).await;

    let refused = house.people.by_token(&token).await;
    assert!(matches!(refused, Err(IdentifyError::Token(TokenFault::Revoked))), "{refused:?}");
    assert!(house.people.recheck(&by_token).await.is_err());
    assert!(house.people.recheck(&session).await.is_err());
    assert!(house.people.by_key(key.reveal()).await.is_err());
    let secret = link.url.split_once("token=").unwrap().1;
    assert!(house.people.redeem_link(secret, None).await.is_err());
    let fresh = house.people.mint_token(&root(), &id("alice"), None, hour).await.unwrap();
    assert!(house.people.by_token(&fresh.token).await.is_ok());
}

#[tokio::test]
async fn members_have_their_own_keys_and_do_not_see_others() {
    let house = House::new();
    house.user("alice", Role::Member).await;
    house.user("bob", Role::Member).await;
    let (_, alice) = house.session_of("alice").await;
    let (_, bob) = house.session_of("bob").await;
    let (alices, _) = house.key(&alice, "usage:read").await.unwrap();
    let (bobs, _) = house.key(&bob, "usage:read").await.unwrap();
    let page = |user: Option<&str>| KeyPage { user: user.map(id), before: None, limit: 10 };

    let seen_by_alice = house.people.keys(&alice, page(None)).await.unwrap();
    let alice_on_bob = house.people.keys(&alice, page(Some("bob"))).await;
    let seen_by_root = house.people.keys(&root(), page(None)).await.unwrap();
    let revoked_by_alice = house.people.revoke_key(&alice, bobs.id).await;
    let for_bob = NewKey { user: Some(id("bob")), ..new_key("usage:read") };
    let made_for_bob = house.people.create_key(&alice, for_bob.clone()).await;

    assert_eq!(seen_by_alice, [alices]);
    assert!(matches!(alice_on_bob, Err(PeopleError::Denied(_))));
    assert_eq!(seen_by_root.len(), 2);
    assert!(matches!(revoked_by_alice, Err(PeopleError::NotFound(_))));
    assert!(matches!(made_for_bob, Err(PeopleError::Denied(_))));
    assert_eq!(house.people.create_key(&root(), for_bob).await.unwrap().0.user, id("bob"));
    house.people.revoke_key(&root(), bobs.id).await.unwrap();
}

#[tokio::test]
async fn a_key_is_not_made_for_more_than_its_user_may_do() {
    let house = House::new();
    house.user("alice", Role::Member).await;
    house.user("eve", Role::Viewer).await;
    let (_, alice) = house.session_of("alice").await;
    let (_, eve) = house.session_of("eve").await;
    let refused = async |caller: &Caller, key: NewKey| match house
        .people
        .create_key(caller, key)
        .await
        .unwrap_err()
    {
        PeopleError::Refused(why) => why.field,
        PeopleError::Denied(_) => "denied",
        other => panic!("{other}"),
    };

    assert_eq!(refused(&alice, new_key("admin")).await, "scopes");
    assert_eq!(refused(&alice, new_key("")).await, "scopes");
    let of_bob = NewKey { account: Some("bob".into()), ..new_key("usage:read") };
    assert_eq!(refused(&alice, of_bob).await, "account");
    let past = NewKey { expires_at: Some(house.clock.now()), ..new_key("usage:read") };
    assert_eq!(refused(&alice, past).await, "expires_at");
    assert_eq!(refused(&eve, new_key("usage:read")).await, "denied");
}

#[tokio::test]
async fn a_key_for_an_account_its_user_left_is_good_for_nothing() {
    let house = House::new();
    house.user("alice", Role::Member).await;
    let (_, alice) = house.session_of("alice").await;
    let bound = NewKey { account: Some("alice".into()), ..new_key("usage:read") };
    let (_, secret) = house.people.create_key(&alice, bound).await.unwrap();
    house.people.by_key(secret.reveal()).await.unwrap();

    let moved = UserChange { account: Some("acme".into()), ..Default::default() };
    house.people.change_user(&root(), &id("alice"), moved).await.unwrap();

    let refused = house.people.by_key(secret.reveal()).await;
    assert!(matches!(refused, Err(IdentifyError::KeyOfOtherAccount(of)) if of == "alice"));
}

#[tokio::test]
async fn the_last_use_of_a_key_is_shown_to_the_minute_and_kept() {
    let house = House::new();
    house.user("alice", Role::Member).await;
    let (_, alice) = house.session_of("alice").await;
    let (_, secret) = house.key(&alice, "usage:read").await.unwrap();
    let last_used = async || {
        let page = KeyPage { limit: 1, ..Default::default() };
        house.people.keys(&alice, page).await.unwrap()[0].last_used_at
    };
    assert_eq!(last_used().await, None);

    let first = house.clock.now();
    house.people.by_key(secret.reveal()).await.unwrap();
    house.clock.advance(Duration::seconds(59));
    house.people.by_key(secret.reveal()).await.unwrap();
    assert_eq!(last_used().await, Some(first));
    house.clock.advance(Duration::seconds(1));
    house.people.by_key(secret.reveal()).await.unwrap();
    assert_eq!(last_used().await, Some(first + Duration::seconds(60)));
    house.people.tidy(house.clock.now()).unwrap();
    assert_eq!(last_used().await, Some(first + Duration::seconds(60)));
}

#[tokio::test]
async fn a_user_has_only_so_many_keys() {
    let house = House::new();
    house.user("alice", Role::Member).await;
    let (_, alice) = house.session_of("alice").await;
    for _ in 0..outlay_domain::people::key::KEYS_PER_USER_MAX {
        house.key(&alice, "usage:read").await.unwrap();
    }

    let one_more = house.key(&alice, "usage:read").await;

    assert!(matches!(one_more, Err(PeopleError::Conflict { .. })));
}

// Tokens

#[tokio::test]
async fn a_token_makes_its_user_where_there_is_none() {
    let house = House::new();

    let first = house.people.mint_token(&root(), &id("ci"), None, Duration::hours(1)).await;
    let first = first.unwrap();
    let again = house.people.mint_token(&root(), &id("ci"), None, Duration::hours(1)).await;

    assert!(first.user_created && !again.unwrap().user_created);
    let caller = house.people.by_bearer(&first.token).await.unwrap();
    assert_eq!((caller.user.as_str(), caller.role), ("ci", Role::Member));
    assert_eq!(house.actions().await, ["user.added ci", "token.minted ci", "token.minted ci"]);
}

#[tokio::test]
async fn a_token_is_for_a_role_its_user_includes_and_only_while_they_do() {
    let house = House::new();
    house.user("boss", Role::Admin).await;
    house.user("second", Role::Admin).await;
    house.user("alice", Role::Member).await;
    let mint = async |user: &str, role| {
        house.people.mint_token(&root(), &id(user), Some(role), Duration::hours(1)).await
    };

    assert!(matches!(mint("alice", Role::Admin).await, Err(PeopleError::Conflict { .. })));
    assert!(matches!(mint("alice", Role::Viewer).await, Err(PeopleError::Conflict { .. })));
    let viewing = mint("boss", Role::Viewer).await.unwrap();
    let caller = house.people.by_bearer(&viewing.token).await.unwrap();
    assert_eq!(caller.role, Role::Viewer);

    let demoted = UserChange { role: Some(Role::Member), ..Default::default() };
    house.people.change_user(&root(), &id("boss"), demoted).await.unwrap();
    let refused = house.people.by_bearer(&viewing.token).await;
    assert!(matches!(refused, Err(IdentifyError::Token(TokenFault::Role(Role::Viewer)))));
}

#[tokio::test]
async fn tokens_end_when_they_are_revoked_and_when_their_user_is_disabled_or_deleted() {
    let house = House::new();
    house.user("boss", Role::Admin).await;
    let mint = async || {
        let minted = house.people.mint_token(&root(), &id("ci"), None, Duration::hours(1)).await;
        minted.unwrap().token
    };
    let change = async |change| {
        house.people.change_user(&root(), &id("ci"), change).await.unwrap();
    };

    let old = mint().await;
    change(UserChange { revoke_tokens: true, ..Default::default() }).await;
    let new = mint().await;
    let revoked = house.people.by_bearer(&old).await;
    assert!(matches!(revoked, Err(IdentifyError::Token(TokenFault::Revoked))));
    assert!(house.people.by_bearer(&new).await.is_ok());

    change(UserChange { disabled: Some(true), ..Default::default() }).await;
    assert!(house.people.by_bearer(&new).await.is_err());
    change(UserChange { disabled: Some(false), ..Default::default() }).await;
    let revoked = house.people.by_bearer(&new).await;
    assert!(matches!(revoked, Err(IdentifyError::Token(TokenFault::Revoked))));

    let newest = mint().await;
    house.people.delete_user(&root(), &id("ci")).await.unwrap();
    let unknown = house.people.by_bearer(&newest).await;
    assert!(matches!(unknown, Err(IdentifyError::UnknownUser)));
}

#[tokio::test]
async fn a_token_counts_for_a_bounded_time() {
    let house = House::new();
    for ttl in [Duration::zero(), Duration::milliseconds(999), Duration::days(3661)] {
        let refused = house.people.mint_token(&root(), &id("ci"), None, ttl).await;
        assert!(matches!(
            refused,
            Err(PeopleError::Refused(why)) if why.field == "ttl_seconds"
        ));
    }
}

#[tokio::test]
async fn a_trusted_issuer_says_who_and_not_what_they_may_do() {
    let house = House::trusting(false, false);
    house.user("boss", Role::Admin).await;
    house.user("eve", Role::Viewer).await;
    house.user("42", Role::Member).await;
    let caller = async |claims: Value| house.people.by_bearer(&house.token_of_issuer(claims)).await;

    let numbered = caller(json!({ "user_id": 42, "role": "admin" })).await.unwrap();
    let viewer = caller(json!({ "sub": "eve" })).await.unwrap();
    let admin = caller(json!({ "sub": "boss" })).await.unwrap();
    let stranger = caller(json!({ "sub": "stranger" })).await;
    let in_another_case = caller(json!({ "sub": "BOSS" })).await;

    assert_eq!((numbered.user.as_str(), numbered.role), ("42", Role::Member));
    assert_eq!(viewer.role, Role::Viewer);
    assert_eq!((admin.role, admin.scope()), (Role::Member, Some("boss".into())));
    assert!(matches!(stranger, Err(IdentifyError::UnknownUser)));
    assert!(matches!(in_another_case, Err(IdentifyError::UnknownUser)));
}

#[tokio::test]
async fn an_issuer_may_be_trusted_with_admins_and_with_new_users() {
    let house = House::trusting(true, true);
    house.user("boss", Role::Admin).await;
    let caller = async |claims: Value| house.people.by_bearer(&house.token_of_issuer(claims)).await;

    assert_eq!(caller(json!({ "sub": "boss" })).await.unwrap().role, Role::Admin);
    let stranger = caller(json!({ "user_id": "u1", "sub": "u1" })).await.unwrap();
    assert_eq!((stranger.user.as_str(), stranger.role), ("u1", Role::Member));
    assert_eq!(stranger.scope(), Some("u1".into()));
    assert!(matches!(
        caller(json!({ "sub": "not a name" })).await,
        Err(IdentifyError::UnknownUser)
    ));
    assert!(matches!(caller(json!({ "sub": "operator" })).await, Err(IdentifyError::UnknownUser)));
    assert!(house.actions().await.contains(&"user.added u1".to_owned()));
}

// Users

#[tokio::test]
async fn there_is_always_an_admin_who_can_act() {
    let house = House::new();
    house.user("root", Role::Admin).await;
    let change =
        async |name: &str, change| house.people.change_user(&root(), &id(name), change).await;
    let demote = || UserChange { role: Some(Role::Member), ..Default::default() };
    let disable = || UserChange { disabled: Some(true), ..Default::default() };

    assert!(matches!(change("root", demote()).await, Err(PeopleError::Conflict { .. })));
    assert!(matches!(change("root", disable()).await, Err(PeopleError::Conflict { .. })));
    let deleted = house.people.delete_user(&root(), &id("root")).await;
    assert!(matches!(deleted, Err(PeopleError::Conflict { .. })));

    house.user("second", Role::Admin).await;
    change("root", disable()).await.unwrap();
    assert!(matches!(change("second", disable()).await, Err(PeopleError::Conflict { .. })));
    house.people.delete_user(&root(), &id("root")).await.unwrap();
}

#[tokio::test]
async fn only_admins_manage_people_and_read_the_trail() {
    let house = House::new();
    house.user("alice", Role::Member).await;
    house.user("eve", Role::Viewer).await;
    for name in ["alice", "eve"] {
        let (_, caller) = house.session_of(name).await;
        let people = &house.people;
        let new = NewUser {
            id: id("mallory"),
            name: None,
            account: None,
            role: Role::Admin,
            password: None,
        };
        let change = UserChange { role: Some(Role::Admin), ..Default::default() };
        let ttl = Duration::hours(1);
        let denied = |outcome: Option<PeopleError>| {
            assert!(matches!(outcome, Some(PeopleError::Denied(_))), "{name}: {outcome:?}");
        };

        denied(people.create_user(&caller, new).await.err());
        denied(people.change_user(&caller, &caller.user, change).await.err());
        denied(people.delete_user(&caller, &id("eve")).await.err());
        denied(people.users(&caller, None, 10).await.err());
        denied(people.issue_link(&caller, &caller.user, "http://x").await.err());
        denied(people.mint_token(&caller, &caller.user, None, ttl).await.err());
        denied(people.audit(&caller, AuditQuestion::default()).await.err());
        denied(people.user(&caller, &id("nobody")).await.err());
        assert_eq!(people.user(&caller, &caller.user).await.unwrap().id, caller.user);
    }
}

#[tokio::test]
async fn a_name_is_taken_once_whatever_its_case() {
    let house = House::new();
    house.user("Alice", Role::Member).await;
    let new =
        NewUser { id: id("aLICE"), name: None, account: None, role: Role::Admin, password: None };

    let refused = house.people.create_user(&root(), new).await.unwrap_err();

    assert_eq!(refused.to_string(), "there is a user `Alice` already");
    let minted = house.people.mint_token(&root(), &id("alice"), None, Duration::hours(1)).await;
    assert!(matches!(minted, Err(PeopleError::Conflict { .. })));
}

#[tokio::test]
async fn the_trail_says_who_changed_what() {
    let house = House::new();
    house.user("boss", Role::Admin).await;
    house.user("alice", Role::Member).await;
    let (_, boss) = house.session_of("boss").await;

    let change =
        UserChange { role: Some(Role::Viewer), disabled: Some(true), ..Default::default() };
    house.people.change_user(&boss, &id("alice"), change).await.unwrap();

    let question = AuditQuestion { filter: AuditFilter::default(), limit: 1 };
    let line = house.people.audit(&root(), question).await.unwrap().remove(0).record;
    assert_eq!((line.actor.as_str(), line.action.as_str()), ("boss", "user.changed"));
    assert_eq!(line.detail["role"], json!({ "from": "member", "to": "viewer" }));
    assert_eq!(line.detail["disabled"], json!({ "from": false, "to": true }));
    assert_eq!(line.detail["tokens"], "revoked");
    assert!(line.detail["via"]["session"].is_string());
}

// Doors that stay open

#[tokio::test]
async fn whoever_was_let_in_is_known_as_they_stand_now() {
    let house = House::new();
    house.user("boss", Role::Admin).await;
    house.user("alice", Role::Admin).await;
    let (_, by_session) = house.session_of("alice").await;
    let (key, secret) = house.key(&by_session, "usage:read").await.unwrap();
    let by_key = house.people.by_key(secret.reveal()).await.unwrap();
    let token = house.people.mint_token(&root(), &id("alice"), None, Duration::hours(1)).await;
    let by_token = house.people.by_token(&token.unwrap().token).await.unwrap();
    let recheck = async |caller: &Caller| house.people.recheck(caller).await;
    let change = async |change| {
        house.people.change_user(&root(), &id("alice"), change).await.unwrap();
    };
    let mut changes = house.people.changes();
    for caller in [&by_session, &by_key, &by_token, &root()] {
        assert_eq!(recheck(caller).await.unwrap().caller, *caller);
    }

    change(UserChange { role: Some(Role::Member), ..Default::default() }).await;
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    assert_eq!(recheck(&by_session).await.unwrap().caller.scope(), Some("alice".into()));
    assert_eq!(recheck(&by_key).await.unwrap().caller.scope(), Some("alice".into()));
    assert_eq!(recheck(&by_token).await.unwrap().caller.scope(), Some("alice".into()));

    change(UserChange { role: Some(Role::Admin), revoke_tokens: true, ..Default::default() }).await;
    let refused = recheck(&by_token).await;
    assert!(matches!(refused, Err(IdentifyError::Token(TokenFault::Revoked))));
    house.people.revoke_key(&root(), key.id).await.unwrap();
    assert!(matches!(recheck(&by_key).await, Err(IdentifyError::KeyRevoked)));
    house.people.sign_out(&by_session).await.unwrap();
    assert!(matches!(recheck(&by_session).await, Err(IdentifyError::NoSession)));
}

#[tokio::test]
async fn an_issuer_that_may_not_name_admins_does_not_by_an_open_door_either() {
    let house = House::trusting(false, false);
    house.user("alice", Role::Member).await;
    let token = house.token_of_issuer(json!({ "sub": "alice" }));
    let caller = house.people.by_token(&token).await.unwrap();
    assert!(house.people.recheck(&caller).await.is_ok());

    let promoted = UserChange { role: Some(Role::Admin), ..Default::default() };
    house.people.change_user(&root(), &id("alice"), promoted).await.unwrap();

    assert!(house.people.recheck(&caller).await.is_err());
    assert_eq!(house.people.by_token(&token).await.unwrap().role, Role::Member);
}

#[tokio::test]
async fn a_door_closes_when_the_credential_expires() {
    let house = House::new();
    house.user("alice", Role::Member).await;
    let (_, by_session) = house.session_of("alice").await;
    let token = house.people.mint_token(&root(), &id("alice"), None, Duration::hours(1)).await;
    let by_token = house.people.by_token(&token.unwrap().token).await.unwrap();
    let until = async |caller: &Caller| house.people.recheck(caller).await.unwrap().until;
    assert_eq!(until(&by_token).await, Some(house.clock.now() + Duration::hours(1) + LEEWAY));
    assert_eq!(until(&by_session).await, Some(house.clock.now() + Duration::days(7)));
    assert_eq!(until(&root()).await, None);

    house.clock.advance(Duration::hours(1) + LEEWAY);
    let token = house.people.recheck(&by_token).await;
    assert!(matches!(token, Err(IdentifyError::Token(TokenFault::Expired))));
    assert!(house.people.recheck(&by_session).await.is_ok());
    house.clock.advance(Duration::days(7));
    assert!(house.people.recheck(&by_session).await.is_err());
}

#[tokio::test]
async fn a_clock_that_jumps_ahead_and_back_ends_nothing_for_good() {
    let house = House::new();
    house.user("alice", Role::Member).await;
    let (signed_in, by_session) = house.session_of("alice").await;
    let before = house.clock.now();
    let ends = NewKey { expires_at: Some(before + Duration::days(1)), ..new_key("usage:read") };
    let (_, secret) = house.people.create_key(&by_session, ends).await.unwrap();

    house.clock.set(before + Duration::days(4_000));
    assert!(house.people.by_session(signed_in.secret.reveal()).await.is_err());
    assert!(house.people.by_key(secret.reveal()).await.is_err());
    house.people.tidy(before).unwrap();
    house.clock.set(before);

    assert!(house.people.by_session(signed_in.secret.reveal()).await.is_ok());
    assert!(house.people.by_key(secret.reveal()).await.is_ok());
}

#[tokio::test]
async fn what_was_opened_while_the_clock_was_ahead_does_not_count_until_then() {
    let house = House::new();
    house.user("alice", Role::Member).await;
    let right = house.clock.now();
    house.clock.set(right + Duration::days(4_000));
    let (signed_in, _) = house.session_of("alice").await;
    let minted = house.people.mint_token(&root(), &id("alice"), None, Duration::hours(1)).await;

    house.clock.set(right);

    let by_session = house.people.by_session(signed_in.secret.reveal()).await;
    assert!(matches!(by_session, Err(IdentifyError::NoSession)));
    let by_token = house.people.by_token(&minted.unwrap().token).await;
    assert!(matches!(by_token, Err(IdentifyError::Token(TokenFault::NotYet))));
}
