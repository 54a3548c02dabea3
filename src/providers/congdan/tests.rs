//! The portal without a browser: what cannot be borrowed, repeated or guessed.

use super::*;
use crate::providers::tests::{NOW, agencies, country};

fn portal() -> CitizenPortal {
    let vneid = SignIn::new(country(), None, vneid::sandbox_clients()).unwrap();
    CitizenPortal::new(&Arc::new(vneid), &Arc::new(Dossiers::new(7, &agencies())))
}

fn get(portal: &CitizenPortal, target: &str, now_ms: i64, prefix: &str) -> Answer {
    let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
    let mut headers = HeaderMap::new();
    headers.insert("x-forwarded-host", HeaderValue::from_static("127.0.0.1:7080"));
    headers.insert("x-forwarded-prefix", HeaderValue::from_str(prefix).unwrap());
    portal.answer(&Call {
        method: &Method::GET,
        path,
        query,
        headers: &headers,
        body: b"",
        caller: "VN:PUBLIC:INTERNET:WEB",
        correlation: "c",
        now_ms,
        pace: 1,
    })
}

fn state(portal: &CitizenPortal) -> String {
    let sent = get(portal, "/dang-nhap", NOW, "/congdan");
    assert_eq!(sent.status, 302);
    let (_, target) = sent.headers.iter().find(|(name, _)| *name == "Location").unwrap();
    assert!(target.starts_with("http://127.0.0.1:7080/vneid/authorize?"), "{target}");
    target.split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned()
}

#[test]
fn a_code_counts_only_with_a_state_of_the_portal_once_and_in_time() {
    let portal = portal();
    let come_back = |state: &str, now_ms| {
        get(&portal, &format!("/ket-qua?code=x&state={state}"), now_ms, "/congdan")
    };
    assert_eq!(come_back("guessed", NOW).status, 403);
    assert_eq!(come_back(&state(&portal), NOW + PENDING_MS).status, 403);
    let state = state(&portal);
    let told = |answer: Answer| String::from_utf8(answer.body).unwrap();
    assert!(told(come_back(&state, NOW)).contains("VNeID không chấp nhận"));
    assert!(told(come_back(&state, NOW)).contains("không bắt đầu từ cổng"));
    assert_eq!(get(&portal, "/ket-qua?error=access_denied", NOW, "/congdan").status, 200);
}

#[test]
fn dossiers_need_a_token_and_a_sign_in_needs_the_public_door() {
    let portal = portal();
    assert_eq!(get(&portal, "/ho-so", NOW, "/congdan").status, 401);
    assert_eq!(get(&portal, "/dang-nhap", NOW, "/other").status, 400);
    assert_eq!(get(&portal, "", NOW, "/congdan").status, 200);
    assert_eq!(get(&portal, "/nowhere", NOW, "/congdan").status, 404);
}
