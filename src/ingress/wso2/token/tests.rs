//! Tokens: life, the same one again, bindings, bounds.

use super::super::application::KeyKind;
use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

const NOW_MS: u64 = 1_760_000_000_000;
const OWN: Fingerprint = [1; 32];
const FOREIGN: Fingerprint = [2; 32];

fn client(consumer_key: &str) -> Arc<Client> {
    Arc::new(Client {
        application: "Một cửa".to_owned(),
        member: "VN:GOV:000.00.00.H46:LGSP".to_owned(),
        kind: KeyKind::Production,
        consumer_key: consumer_key.to_owned(),
        quota: None,
    })
}

fn random(ix: u64) -> [u8; 32] {
    Sha256::digest(ix.to_be_bytes()).into()
}

fn wanted(scope: &str, life_s: u64) -> Wanted {
    Wanted {
        scope: scope.to_owned(),
        life_s,
        left_s_min: LEFT_S_MIN,
        bound_to: None,
        issuer: String::new(),
    }
}

fn plain(bound_to: Option<Fingerprint>) -> Wanted {
    Wanted { bound_to, ..wanted("", LIFE_S_DEFAULT) }
}

fn limited(limit: usize) -> Tokens {
    Tokens { limit, ..Tokens::default() }
}

fn kept(tokens: &Tokens) -> usize {
    tokens.state.lock().len()
}

#[test]
fn asking_again_gives_the_same_token_with_what_is_left() {
    let tokens = Tokens::default();
    let own = client("k");
    let asked = |ix: u64, after_ms: u64| {
        tokens.issue(&own, &plain(None), &random(ix), NOW_MS + after_ms).unwrap()
    };
    let first = asked(0, 0);
    assert_eq!((first.expires_in, first.token_type), (3_600, "Bearer"));
    // domain.md 4.1 (a).
    assert_eq!(first.scope, "am_application_scope default");
    for (after_ms, left_s, is_same) in [
        (1, 3_599, true),
        (1_000, 3_599, true),
        (3_599_000, 1, true),
        // With less than a second left it would only be asked for again.
        (3_599_001, 3_600, false),
    ] {
        let again = asked(after_ms, after_ms);
        assert_eq!((again.expires_in, again.text == first.text), (left_s, is_same), "{after_ms}");
    }
    assert!(tokens.look_up(&first.text, None, NOW_MS + 3_599_999).is_ok(), "the old one lives on");
}

#[test]
fn a_token_answers_as_wso2_writes_it_and_prints_nothing() {
    let tokens = Tokens::default();
    let token = tokens.issue(&client("k"), &plain(None), &[0; 32], NOW_MS).unwrap();
    assert_eq!(
        serde_json::to_string(&token).unwrap(),
        format!(
            r#"{{"access_token":"{}","scope":"am_application_scope default","token_type":"Bearer","expires_in":3600}}"#,
            "A".repeat(43)
        )
    );
    assert!(!format!("{token:?} {tokens:?}").contains("AAA"));
}

#[test]
fn a_token_ends_to_the_millisecond() {
    let tokens = Tokens::default();
    let token = tokens.issue(&client("k"), &wanted("", 1_800), &random(0), NOW_MS).unwrap();
    let end_ms = NOW_MS + 1_800_000;
    assert_eq!(tokens.look_up(&token.text, None, end_ms - 1), Ok(client("k")));
    assert_eq!(tokens.look_up(&token.text, None, end_ms), Err(LookupError::Expired));
    for text in ["", "x", &token.text[1..], &"x".repeat(10_000)] {
        assert_eq!(tokens.look_up(text, None, NOW_MS), Err(LookupError::Unknown));
    }
}

#[test]
fn a_bound_token_is_for_its_certificate_alone() {
    let tokens = Tokens::default();
    let own = client("k");
    let bound = tokens.issue(&own, &plain(Some(OWN)), &random(0), NOW_MS).unwrap();
    let unbound = tokens.issue(&own, &plain(None), &random(1), NOW_MS).unwrap();
    let elsewhere = tokens.issue(&own, &plain(Some(FOREIGN)), &random(2), NOW_MS).unwrap();
    assert!(bound.text != unbound.text && bound.text != elsewhere.text);
    let end_ms = NOW_MS + 3_600_000;
    let foreign = Err(LookupError::ForeignCertificate);
    for (token, presented, at, expected) in [
        (&bound, Some(&OWN), NOW_MS, Ok(())),
        (&bound, Some(&FOREIGN), NOW_MS, foreign),
        (&bound, None, NOW_MS, foreign),
        (&bound, None, end_ms, foreign),
        (&bound, Some(&OWN), end_ms, Err(LookupError::Expired)),
        (&unbound, Some(&FOREIGN), NOW_MS, Ok(())),
        (&unbound, None, NOW_MS, Ok(())),
    ] {
        let found = tokens.look_up(&token.text, presented, at).map(|_| ());
        assert_eq!(found, expected, "{presented:?} {at}");
    }
}

#[test]
fn a_superseded_token_that_goes_leaves_its_successor_in_place() {
    let tokens = Tokens::default();
    let own = client("k");
    let first = tokens.issue(&own, &wanted("", 10), &random(0), NOW_MS).unwrap();
    // With half a second left it is superseded, and lives on.
    let late_ms = NOW_MS + 9_500;
    let second = tokens.issue(&own, &wanted("", LIFE_S_MAX), &random(1), late_ms).unwrap();
    assert_eq!(kept(&tokens), 2);
    let cleared_ms = NOW_MS + 10_000 + EXPIRED_KEPT_MS;
    let again = tokens.issue(&own, &wanted("", 10), &random(2), cleared_ms).unwrap();
    assert_eq!(tokens.look_up(&first.text, None, cleared_ms), Err(LookupError::Unknown));
    assert_eq!((again.text, kept(&tokens)), (second.text, 1));
}

#[test]
fn a_key_that_changed_hands_gets_a_token_of_its_new_owner() {
    let tokens = Tokens::default();
    let first = tokens.issue(&client("k"), &plain(None), &random(0), NOW_MS).unwrap();
    let other = Arc::new(Client { member: "VN:GOV:other".to_owned(), ..(*client("k")).clone() });
    let second = tokens.issue(&other, &plain(None), &random(1), NOW_MS).unwrap();
    assert_ne!(first.text, second.text);
    assert_eq!(tokens.look_up(&second.text, None, NOW_MS), Ok(other));
}

#[test]
fn scopes_in_another_order_are_the_same_token() {
    let tokens = Tokens::default();
    let own = client("k");
    let mut texts = BTreeSet::new();
    for (ix, (scope, granted)) in [
        ("", "am_application_scope default"),
        ("default", "am_application_scope default"),
        ("am_application_scope default", "am_application_scope default"),
        ("b a", "am_application_scope a b"),
        ("a  b a", "am_application_scope a b"),
    ]
    .into_iter()
    .enumerate()
    {
        let token =
            tokens.issue(&own, &wanted(scope, 60), &random(u64::try_from(ix).unwrap()), NOW_MS);
        let token = token.unwrap();
        assert_eq!(token.scope, granted);
        texts.insert(token.text);
    }
    assert_eq!(texts.len(), 2);
    for scope in ["đọc", "a\nb", "\"", &"s".repeat(SCOPE_BYTES_MAX + 1)] {
        let refused = tokens.issue(&own, &wanted(scope, 60), &random(99), NOW_MS);
        assert_eq!(refused, Err(IssueError::BadScope), "{scope}");
    }
}

#[test]
fn a_life_has_its_limits_and_random_bytes_are_used_once() {
    let tokens = Tokens::default();
    for (ix, (asked_s, given_s)) in
        [(0, 1), (60, 60), (u64::MAX, LIFE_S_MAX)].into_iter().enumerate()
    {
        let own = client(&ix.to_string());
        let random = random(u64::try_from(ix).unwrap());
        let token = tokens.issue(&own, &wanted("", asked_s), &random, NOW_MS).unwrap();
        assert_eq!(token.expires_in, given_s);
    }
    let again = tokens.issue(&client("x"), &wanted("", 60), &random(0), NOW_MS);
    assert_eq!(again, Err(IssueError::RandomRepeated));
    assert!(tokens.issue(&client("y"), &wanted("", 60), &random(9), u64::MAX).is_ok());
}

#[test]
fn a_full_table_lets_the_oldest_expired_go_and_then_refuses() {
    let tokens = limited(3);
    let issue = |key: &str, ix: u64, life_s: u64, now_ms: u64| {
        tokens.issue(&client(key), &wanted("", life_s), &random(ix), now_ms)
    };
    let short = issue("a", 0, 20, NOW_MS).unwrap();
    let shortest = issue("b", 1, 10, NOW_MS).unwrap();
    issue("c", 2, 100, NOW_MS).unwrap();
    assert_eq!(issue("d", 3, 100, NOW_MS + 9_999), Err(IssueError::Full));
    let at = NOW_MS + 20_000;
    issue("d", 3, 100, at).unwrap();
    assert_eq!(tokens.look_up(&shortest.text, None, at), Err(LookupError::Unknown));
    assert_eq!(tokens.look_up(&short.text, None, at), Err(LookupError::Expired));
    issue("e", 4, 100, at).unwrap();
    assert_eq!(issue("f", 5, 100, at), Err(IssueError::Full));
    assert!(issue("c", 6, 100, at).is_ok(), "who has one needs no room");
    assert_eq!(kept(&tokens), 3);
}

#[test]
fn a_key_has_so_many_tokens_and_its_expired_ones_make_room() {
    let tokens = Tokens::default();
    let own = client("k");
    let limit = u64::try_from(TOKENS_PER_KEY_MAX).unwrap();
    for ix in 0..limit {
        tokens.issue(&own, &wanted(&format!("s{ix}"), 10 + ix), &random(ix), NOW_MS).unwrap();
    }
    let more = |at: u64| tokens.issue(&own, &wanted("more", 10), &random(1_000), at);
    assert_eq!(more(NOW_MS), Err(IssueError::TooManyOfKey));
    assert!(tokens.issue(&client("other"), &wanted("more", 10), &random(2_000), NOW_MS).is_ok());
    assert!(more(NOW_MS + 10_000).is_ok());
}

#[test]
fn long_expired_tokens_are_cleared_away_by_new_ones() {
    let tokens = Tokens::default();
    for ix in 0..100 {
        tokens.issue(&client(&ix.to_string()), &wanted("", 1), &random(ix), NOW_MS).unwrap();
    }
    let later_ms = NOW_MS + 1_000 + EXPIRED_KEPT_MS;
    for ix in 100..200 {
        tokens.issue(&client(&ix.to_string()), &wanted("", 1), &random(ix), later_ms).unwrap();
    }
    assert_eq!(kept(&tokens), 100);
}

#[derive(Clone, Debug)]
enum Step {
    Issue { key: u8, scope: u8, life_s: u64 },
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..4_u8, 0..3_u8, 1..20_u64)
            .prop_map(|(key, scope, life_s)| Step::Issue { key, scope, life_s }),
        2 => (0..4_000_000_u64).prop_map(Step::Wait),
        2 => (0..9_000_u64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..60)
}

proptest! {
    #[test]
    fn whatever_happens_a_token_is_its_clients_until_its_end_and_no_longer(steps in steps()) {
        const LIMIT: usize = 5;
        let tokens = limited(LIMIT);
        let mut now_ms = NOW_MS;
        // Of every token ever given: text, key and end.
        let mut given: Vec<(String, String, u64)> = Vec::new();
        for (ix, step) in steps.into_iter().enumerate() {
            match step {
                Step::Issue { key, scope, life_s } => {
                    let (key, scope) = (format!("k{key}"), format!("s{scope}"));
                    let random = random(u64::try_from(ix).unwrap());
                    let issued = tokens.issue(&client(&key), &wanted(&scope, life_s), &random, now_ms);
                    if let Ok(token) = issued {
                        prop_assert!(token.expires_in >= 1);
                        if !given.iter().any(|given| given.0 == token.text) {
                            given.push((token.text, key, now_ms + life_s * 1_000));
                        }
                    }
                }
                Step::Wait(ms) => now_ms += ms,
            }
            prop_assert!(kept(&tokens) <= LIMIT);
            for (text, key, end_ms) in &given {
                let found = tokens.look_up(text, None, now_ms);
                let is_valid = now_ms < *end_ms;
                prop_assert_eq!(found.is_ok(), is_valid, "{} {}", key, end_ms);
                if let Ok(client) = found {
                    prop_assert_eq!(&client.consumer_key, key);
                }
            }
        }
    }
}
