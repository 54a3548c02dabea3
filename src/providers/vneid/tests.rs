//! The sign-in flow as a client and a browser go through it, and every way it can go wrong.

use std::cell::Cell;

use http::{HeaderMap, Method};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::super::input::Query;
use super::*;
use crate::providers::population::Date;

const CALLBACK: &str = "http://127.0.0.1:5000/cb";
const SHOP_CALLBACK: &str = "https://dichvucong.example/cb";
const VERIFIER: &str = "abcdefghijklmnopqrstuvwxyz-0123456789._~ABCDEF";

struct World {
    sign_in: SignIn,
    now_ms: Cell<i64>,
    number: String,
    person: Person,
}

impl World {
    fn new() -> Self {
        let on = Date::new(2026, 1, 5).unwrap();
        let population = Arc::new(Population::new(7, 10_000, on).unwrap());
        let client = |id: &str, secret: Option<&str>, may_loop_back| Client {
            id: id.to_owned(),
            secret: secret.map(str::to_owned),
            redirect_uris: vec![SHOP_CALLBACK.to_owned()],
            post_logout_redirect_uris: vec!["https://dichvucong.example/bye".to_owned()],
            may_loop_back,
        };
        let clients = vec![client("dvc", Some("bí mật:%"), false), client("sandbox", None, true)];
        let sign_in =
            SignIn::new(Arc::clone(&population), Some("https://vneid.example/"), clients).unwrap();
        let adult = |person: &Person| sign_in.has_account(person);
        let person = (500..).filter_map(|index| population.person(index)).find(adult).unwrap();
        Self {
            number: person.number.to_string(),
            sign_in,
            now_ms: Cell::new(1_767_569_400_000),
            person,
        }
    }

    fn ask(
        &self,
        method: &str,
        target: &str,
        headers: &[(&'static str, &str)],
        body: &str,
    ) -> Answer {
        let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
        let mut map = HeaderMap::new();
        if method == "POST" {
            map.insert(
                "content-type",
                "application/x-www-form-urlencoded; charset=utf-8".parse().unwrap(),
            );
        }
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        self.sign_in.answer(&Call {
            method: &Method::from_bytes(method.as_bytes()).unwrap(),
            path,
            query,
            headers: &map,
            body: body.as_bytes(),
            caller: "VN:GOV:000.00.06.H60:MCDT",
            correlation: "c",
            now_ms: self.now_ms.get(),
            pace: 1,
        })
    }

    fn silent(&self, extra: &str) -> Answer {
        let number = &self.number;
        self.ask("GET", &format!("/authorize?response_type=code&client_id=dvc&redirect_uri={SHOP_CALLBACK}&scope=openid+profile&state=S+1%26&nonce=N1&prompt=none&login_hint={number}{extra}"), &[], "")
    }

    fn code(&self) -> String {
        parameter(&self.silent(""), "code").unwrap()
    }

    fn exchange(&self, form: &str) -> Answer {
        self.ask("POST", "/token", &[], form)
    }

    fn form(&self, code: &str) -> String {
        format!(
            "grant_type=authorization_code&code={code}&redirect_uri={SHOP_CALLBACK}&client_id=dvc&client_secret=b%C3%AD+m%E1%BA%ADt%3A%25"
        )
    }
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
}

fn parameter(answer: &Answer, name: &str) -> Option<String> {
    let (_, query) = header(answer, "Location")?.split_once('?')?;
    Query::parse(Some(query)).unwrap().text(name).unwrap().map(str::to_owned)
}

fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

fn error(answer: &Answer) -> (u16, String) {
    (answer.status, json(answer)["error"].as_str().unwrap().to_owned())
}

fn html(answer: &Answer) -> &str {
    assert_eq!(answer.content_type, "text/html; charset=utf-8");
    str::from_utf8(&answer.body).unwrap()
}

#[test]
fn a_client_signs_a_citizen_in_and_learns_who_it_is() {
    let world = World::new();
    let sent = world.silent("");
    assert_eq!(sent.status, 302);
    assert!(header(&sent, "Location").unwrap().starts_with(&format!("{SHOP_CALLBACK}?code=")));
    assert_eq!(parameter(&sent, "state").unwrap(), "S 1&");
    assert_eq!(parameter(&sent, "iss").unwrap(), "https://vneid.example");
    let given = world.exchange(&world.form(&parameter(&sent, "code").unwrap()));
    assert_eq!((given.status, header(&given, "Cache-Control")), (200, Some("no-store")));
    let given = json(&given);
    assert_eq!(
        (&given["token_type"], &given["scope"]),
        (&"Bearer".into(), &"openid profile".into())
    );
    let claims = world.sign_in.key.open(given["id_token"].as_str().unwrap()).unwrap();
    assert_eq!(claims["iss"], "https://vneid.example");
    assert_eq!((&claims["aud"], &claims["nonce"]), (&"dvc".into(), &"N1".into()));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3_600);
    let bearer = format!("Bearer {}", given["access_token"].as_str().unwrap());
    for method in ["GET", "POST"] {
        let user = world.ask(method, "/userinfo", &[("authorization", &bearer)], "");
        let user = json(&user);
        assert_eq!(user["sub"], claims["sub"]);
        assert_eq!(user["SoDinhDanh"], world.number.as_str());
        assert_eq!(user["HoVaTen"], world.person.name.full());
        assert_eq!(user["NgaySinh"], world.person.birth_date.slashed());
        assert_eq!(user["name"], user["HoVaTen"]);
        assert_eq!(user["email"], Value::Null, "not asked for");
    }
    world.now_ms.set(world.now_ms.get() + 3_600_000);
    let late = world.ask("GET", "/userinfo", &[("authorization", &bearer)], "");
    assert_eq!(error(&late), (401, "invalid_token".to_owned()));
}

#[test]
fn a_citizen_consents_or_refuses_on_the_page() {
    let world = World::new();
    let request = format!(
        "response_type=code&client_id=sandbox&redirect_uri={CALLBACK}%3Fa%3D1&scope=openid&state=%22%3E%3Cx&code_challenge={}&code_challenge_method=S256",
        challenge()
    );
    let page = world.ask("GET", &format!("/authorize?{request}"), &[], "");
    assert!(html(&page).contains("value=\"&quot;&gt;&lt;x\"") && html(&page).contains("Đồng ý"));
    assert_eq!(html(&page).matches("name=\"citizen\"").count(), 8);
    let again = world.ask("POST", "/authorize", &[], &request);
    assert_eq!(again, page);
    let hinted =
        world.ask("GET", &format!("/authorize?{request}&login_hint={}", world.number), &[], "");
    assert_eq!(html(&hinted).matches("name=\"citizen\"").count(), 1);
    let decide = |rest: &str| world.ask("POST", "/authorize", &[], &format!("{request}{rest}"));
    let denied = decide("&decision=deny");
    assert_eq!(
        (denied.status, parameter(&denied, "error")),
        (303, Some("access_denied".to_owned()))
    );
    assert_eq!(parameter(&denied, "state").unwrap(), "\"><x");
    assert_eq!(decide("&decision=allow&citizen=000000000000").status, 404);
    assert_eq!(decide("&decision=allow").status, 404);
    assert_eq!(decide("&decision=x").status, 400);
    let allowed = decide(&format!("&decision=allow&citizen={}", world.number));
    assert!(header(&allowed, "Location").unwrap().starts_with(&format!("{CALLBACK}?a=1&code=")));
    let code = parameter(&allowed, "code").unwrap();
    let form = format!(
        "grant_type=authorization_code&code={code}&redirect_uri={CALLBACK}%3Fa%3D1&client_id=sandbox&code_verifier={VERIFIER}"
    );
    assert_eq!(world.exchange(&form).status, 200);
    let by_query = world.ask(
        "GET",
        &format!("/authorize?{request}&decision=allow&citizen={}", world.number),
        &[],
        "",
    );
    assert_eq!(by_query.status, 200, "a link gives no consent");
}

fn challenge() -> String {
    encode(Sha256::digest(VERIFIER))
}

#[test]
fn what_is_wrong_with_a_request_goes_back_to_the_client() {
    let world = World::new();
    let number = &world.number;
    let ask = |client: &str, rest: &str| {
        let target =
            format!("/authorize?client_id={client}&redirect_uri={SHOP_CALLBACK}&state=s{rest}");
        let answer = world.ask("GET", &target, &[], "");
        assert_eq!(parameter(&answer, "state").as_deref(), Some("s"), "{rest}");
        parameter(&answer, "error").unwrap()
    };
    let good = "&response_type=code&scope=openid";
    let long = "a".repeat(600);
    let table = [
        ("dvc", "&scope=openid".to_owned(), "invalid_request"),
        ("dvc", "&scope=openid&response_type=token".to_owned(), "unsupported_response_type"),
        ("dvc", "&response_type=code".to_owned(), "invalid_scope"),
        ("dvc", "&response_type=code&scope=profile".to_owned(), "invalid_scope"),
        ("dvc", format!("{good}&scope=openid"), "invalid_request"),
        ("dvc", format!("{good}&request=x"), "request_not_supported"),
        ("dvc", format!("{good}&request_uri=x"), "request_uri_not_supported"),
        ("dvc", format!("{good}&registration=x"), "registration_not_supported"),
        ("dvc", format!("{good}&response_mode=fragment"), "invalid_request"),
        ("dvc", format!("{good}&nonce={long}"), "invalid_request"),
        ("dvc", format!("{good}&prompt=none"), "login_required"),
        ("dvc", format!("{good}&prompt=none&login_hint=000000000000"), "login_required"),
        ("dvc", format!("{good}&prompt=none+login&login_hint={number}"), "invalid_request"),
        ("dvc", format!("{good}&prompt=create"), "invalid_request"),
        ("dvc", format!("{good}&code_challenge={}", challenge()), "invalid_request"),
        ("dvc", format!("{good}&code_challenge=x&code_challenge_method=S256"), "invalid_request"),
        ("dvc", format!("{good}&code_challenge_method=S256"), "invalid_request"),
        ("sandbox", good.to_owned(), "invalid_request"),
    ];
    for (client, rest, wanted) in table {
        assert_eq!(ask(client, &rest), wanted, "{rest}");
    }
}

#[test]
fn nobody_is_sent_to_an_address_that_is_not_the_clients() {
    let world = World::new();
    let rest = "response_type=code&scope=openid&prompt=none";
    let table = [
        (403, format!("client_id=nobody&redirect_uri={SHOP_CALLBACK}")),
        (400, format!("redirect_uri={SHOP_CALLBACK}")),
        (400, "client_id=dvc".to_owned()),
        (403, format!("client_id=dvc&redirect_uri={CALLBACK}")),
        (403, format!("client_id=dvc&redirect_uri={SHOP_CALLBACK}x")),
        (
            400,
            format!(
                "client_id=dvc&redirect_uri={SHOP_CALLBACK}&redirect_uri=https://evil.example/"
            ),
        ),
        (403, "client_id=sandbox&redirect_uri=https://evil.example/".to_owned()),
    ];
    for (status, target) in table {
        let answer = world.ask("GET", &format!("/authorize?{rest}&{target}"), &[], "");
        assert_eq!((answer.status, header(&answer, "Location")), (status, None), "{target}");
        assert!(html(&answer).contains("Yêu cầu không hợp lệ"));
    }
    let away = world.ask(
        "GET",
        "/logout?client_id=dvc&post_logout_redirect_uri=https://evil.example/",
        &[],
        "",
    );
    assert_eq!((away.status, header(&away, "Location")), (403, None));
}

#[test]
fn a_code_is_good_once_for_its_client_and_address_and_for_a_minute() {
    let world = World::new();
    let bad_grant = (400, "invalid_grant".to_owned());
    let code = world.code();
    let first = json(&world.exchange(&world.form(&code)));
    let bearer = format!("Bearer {}", first["access_token"].as_str().unwrap());
    assert_eq!(error(&world.exchange(&world.form(&code))), bad_grant);
    let revoked = world.ask("GET", "/userinfo", &[("authorization", &bearer)], "");
    assert_eq!(revoked.status, 401);
    assert!(header(&revoked, "WWW-Authenticate").unwrap().contains("error=\"invalid_token\""));
    let code = world.code();
    let other = format!(
        "grant_type=authorization_code&code={code}&redirect_uri={SHOP_CALLBACK}&client_id=sandbox"
    );
    assert_eq!(error(&world.exchange(&other)), bad_grant);
    assert_eq!(world.exchange(&world.form(&code)).status, 200, "not used up by another client");
    let elsewhere = world.form(&world.code()).replace(SHOP_CALLBACK, CALLBACK);
    assert_eq!(error(&world.exchange(&elsewhere)), bad_grant);
    let code = world.code();
    world.now_ms.set(world.now_ms.get() + 60_000);
    assert_eq!(error(&world.exchange(&world.form(&code))), bad_grant);
    assert_eq!(error(&world.exchange(&world.form("x"))), bad_grant);
}

#[test]
fn the_verifier_must_be_that_of_the_challenge() {
    let world = World::new();
    let extra = format!("&code_challenge={}&code_challenge_method=S256", challenge());
    let code = || parameter(&world.silent(&extra), "code").unwrap();
    let short = "a".repeat(42);
    for wrong in [
        "",
        "&code_verifier=x",
        &format!("&code_verifier={VERIFIER}x"),
        &format!("&code_verifier={short}"),
    ] {
        let answer = world.exchange(&(world.form(&code()) + wrong));
        assert_eq!(error(&answer), (400, "invalid_grant".to_owned()), "{wrong}");
    }
    let answer = world.exchange(&format!("{}&code_verifier={VERIFIER}", world.form(&code())));
    assert_eq!(answer.status, 200);
    let unasked =
        world.exchange(&format!("{}&code_verifier={VERIFIER}", world.form(&world.code())));
    assert_eq!(error(&unasked), (400, "invalid_grant".to_owned()));
}

#[test]
fn a_client_proves_itself_by_header_or_form() {
    let world = World::new();
    let body = |code: &str| {
        format!("grant_type=authorization_code&code={code}&redirect_uri={SHOP_CALLBACK}")
    };
    let basic = |pair: &str| format!("Basic {}", base64_simd::STANDARD.encode_to_string(pair));
    let by_header = |value: &str, extra: &str| {
        let body = body(&world.code()) + extra;
        world.ask("POST", "/token", &[("authorization", value)], &body)
    };
    let good = basic("dvc:b%C3%AD+m%E1%BA%ADt%3A%25");
    assert_eq!(by_header(&good, "").status, 200);
    assert_eq!(by_header(&basic("dvc:bí mật:%"), "").status, 200, "as Authlib sends it");
    assert_eq!(by_header(&good, "&client_id=dvc").status, 200);
    assert_eq!(error(&by_header(&good, "&client_secret=x")), (400, "invalid_request".to_owned()));
    assert_eq!(error(&by_header(&good, "&client_id=sandbox")), (400, "invalid_request".to_owned()));
    for bad in [
        basic("dvc:x"),
        basic("dvc:"),
        basic("dvc"),
        basic("nobody:x"),
        basic("sandbox:x"),
        "Basic %".to_owned(),
        "Bearer x".to_owned(),
    ] {
        let answer = by_header(&bad, "");
        assert_eq!(error(&answer), (401, "invalid_client".to_owned()), "{bad}");
        assert!(header(&answer, "WWW-Authenticate").unwrap().starts_with("Basic"));
    }
    for bad in [
        "",
        "&client_id=dvc",
        "&client_id=dvc&client_secret=x",
        "&client_id=nobody",
        "&client_id=sandbox&client_secret=x",
    ] {
        let answer = world.exchange(&(body(&world.code()) + bad));
        assert_eq!(error(&answer), (401, "invalid_client".to_owned()), "{bad}");
    }
}

#[test]
fn malformed_token_requests_are_told_so() {
    let world = World::new();
    let form = world.form(&world.code());
    let table = [
        (form.replace("authorization_code", "password"), "unsupported_grant_type"),
        (form.replace("grant_type=authorization_code&", ""), "invalid_request"),
        (form.replace("&code=", "&x="), "invalid_request"),
        (form.replace("redirect_uri", "x"), "invalid_request"),
        (format!("{form}&code=x"), "invalid_request"),
        (format!("{form}&x=%"), "invalid_request"),
        (format!("{form}&x={}", "a".repeat(20_000)), "invalid_request"),
    ];
    for (form, wanted) in table {
        assert_eq!(error(&world.exchange(&form)), (400, wanted.to_owned()), "{wanted}");
    }
    let kind = [("content-type", "application/json")];
    assert_eq!(error(&world.ask("POST", "/token", &kind, "{}")).1, "invalid_request");
    assert_eq!(world.exchange(&form).status, 200);
}

#[test]
fn userinfo_takes_one_token_only() {
    let world = World::new();
    let token = json(&world.exchange(&world.form(&world.code())))["access_token"].clone();
    let token = token.as_str().unwrap();
    let form = format!("access_token={token}");
    assert_eq!(world.ask("POST", "/userinfo", &[], &form).status, 200);
    let bearer = format!("bearer {token}");
    let twice = world.ask("POST", "/userinfo", &[("authorization", &bearer)], &form);
    assert_eq!(error(&twice), (400, "invalid_request".to_owned()));
    let none = world.ask("GET", "/userinfo", &[], "");
    assert_eq!(
        (none.status, header(&none, "WWW-Authenticate")),
        (401, Some("Bearer realm=\"VNeID\""))
    );
    for bad in ["Bearer x", "Basic x", "Bearer", ""] {
        assert_eq!(
            world.ask("GET", "/userinfo", &[("authorization", bad)], "").status,
            401,
            "{bad}"
        );
    }
    assert_eq!(world.ask("GET", &format!("/userinfo?access_token={token}"), &[], "").status, 401);
}

#[test]
fn signing_out_ends_the_access_and_returns_to_the_client() {
    let world = World::new();
    let given = json(&world.exchange(&world.form(&world.code())));
    let (hint, token) =
        (given["id_token"].as_str().unwrap(), given["access_token"].as_str().unwrap());
    let bearer = format!("Bearer {token}");
    let status = || world.ask("GET", "/userinfo", &[("authorization", &bearer)], "").status;
    assert_eq!(world.ask("GET", "/logout", &[], "").status, 200);
    let table = [
        (403, format!("id_token_hint={hint}x")),
        (403, format!("id_token_hint={hint}&client_id=sandbox")),
        (400, "state=1&state=2".to_owned()),
    ];
    for (status, bad) in table {
        assert_eq!(world.ask("POST", "/logout", &[], &bad).status, status, "{bad}");
    }
    assert_eq!(status(), 200);
    let bye = format!(
        "id_token_hint={hint}&state=s%26&post_logout_redirect_uri=https://dichvucong.example/bye"
    );
    let answer = world.ask("POST", "/logout", &[], &bye);
    assert_eq!(
        (answer.status, header(&answer, "Location")),
        (303, Some("https://dichvucong.example/bye?state=s%26"))
    );
    assert_eq!(status(), 401);
}

#[test]
fn children_and_the_dead_have_no_account() {
    let world = World::new();
    let population = &world.sign_in.population;
    let people = || (0..population.len()).filter_map(|index| population.person(index));
    let child = people().find(|person| person.birth_date.year() > 2013).unwrap();
    let dead = people().find(|person| !person.alive).unwrap();
    for person in [child, dead] {
        let number = person.number.to_string();
        assert!(world.sign_in.citizen(&number).is_none());
    }
    assert!(world.sign_in.citizen(&world.number).is_some());
}

#[test]
fn the_description_names_every_endpoint_and_unknown_ones_are_refused() {
    let world = World::new();
    let Kind::OpenApi(text) = DESCRIPTION.kind else { panic!("no OpenAPI") };
    let document: Value = serde_json::from_str(text).unwrap();
    let paths = document["paths"].as_object().unwrap();
    for route in ROUTES {
        assert!(
            paths[route.template].get(route.method.to_lowercase()).is_some(),
            "{}",
            route.template
        );
        let answer = world.ask("DELETE", route.template, &[], "");
        assert_eq!(answer.status, 405);
        assert!(header(&answer, "Allow").unwrap().contains(route.method));
    }
    let operations: usize = paths.values().map(|item| item.as_object().unwrap().len()).sum();
    assert_eq!(operations, ROUTES.len());
    for unknown in ["", "/", "/x", "/token/", "/%ff"] {
        assert_eq!(world.ask("GET", unknown, &[], "").status, 404, "{unknown}");
    }
    assert_eq!(
        error(&world.ask("GET", "/authorize?x=%", &[], "")),
        (400, "invalid_request".to_owned())
    );
    let configuration = json(&world.ask("GET", "/.well-known/openid-configuration", &[], ""));
    assert_eq!(configuration["token_endpoint"], "https://vneid.example/token");
    let keys = json(&world.ask("GET", "/jwks", &[], ""));
    assert_eq!((&keys["keys"][0]["alg"], &keys["keys"][0]["d"]), (&"ES256".into(), &Value::Null));
}
