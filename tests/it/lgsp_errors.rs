//! What LGSPs' dialects refuse, each in its own words and numbers: who may not ask, what cannot be read, what is
//! too large, and what is asked for nowhere.

use crate::calls::Answer;
use crate::lgsp_wire::{COUNTRY, FORM, Headers, Proof, System, form, shape};
use crate::vxp_wire::{Way, edxml};
use crate::world::{start, topology};
use serde_json::{Value, json};

const H60: &str = "000.00.00.H60";

fn code(answer: &Answer) -> String {
    answer.header("X-Lienthong-Code").to_owned()
}

/// The country, where a file has 64 KiB at most.
fn small_country() -> String {
    COUNTRY.replace(
        "relay_timeout_ms = 5_000",
        "relay_timeout_ms = 5_000\nbody_bytes_max = 65_536\nchunk_bytes_max = 65_536\ninline_body_bytes_max = 65_536",
    )
}

/// Files that no dialect takes: the field's number and our code.
fn bad_files() -> Vec<(Vec<u8>, &'static str, &'static str)> {
    let receiver = |code| edxml(H60, &[code], 2);
    vec![
        (b"hello, no XML at all".to_vec(), "22", "LT-D205"),
        (b"<html/>".to_vec(), "22", "LT-D209"),
        (receiver("000.00.00.Q99"), "18", "LT-D302"),
        (edxml("000.00.00.G12", &[H60], 3), "19", "LT-D112"),
        (vec![b'x'; 70_000], "10", "LT-D202"),
        (vec![b'x'; 300_000], "10", "LT-D202"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dialect_a_refuses_in_its_words() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(&small_country()), data.path()).await;
    let h60 = System { gateway: &gateway, name: "h60", way: Way::Tls, proof: Proof::Own };
    let refused = h60.a("GET", "getEdoc?docId=no-such", b"").await;
    assert!(refused.text().contains("LT-D402 · no-such"), "{}", refused.text());
    let desc = refused.json()["message"].clone();
    let expected = json!({
        "success": false, "message": desc,
        "data": { "docId": "", "status": "error", "errorCode": "-1", "errorDesc": desc },
    });
    assert_eq!(refused.json(), expected);
    let token = h60.login().await;
    let bearer = |token: &str| ("Authorization", format!("Bearer {token}"));
    let unit = |id: &str, secret: &str| {
        vec![("X-SystemId", id.to_owned()), ("X-SecretKey", secret.to_owned())]
    };
    let own = || unit("vxp.h60", "TEST-SECRET-h60");
    let with = |first, rest: Headers| -> Headers { [vec![first], rest].concat() };
    for (headers, code_of_ours) in [
        (own(), "LT-D106"),
        (with(bearer("no-token"), own()), "LT-D106"),
        (with(("Authorization", "Basic eDp5".to_owned()), own()), "LT-D106"),
        (with(bearer(&token), Vec::new()), "LT-D106"),
        (with(bearer(&token), unit("vxp.h60", "wrong")), "LT-D106"),
        (with(bearer(&token), vec![("X-SystemId", "vxp.h60".to_owned())]), "LT-D106"),
        (with(bearer(&token), unit("vxp.h26", "TEST-SECRET-h26")), "LT-D101"),
        (with(("lgspaccesstoken", "e30=".to_owned()), own()), "LT-D106"),
    ] {
        let answer = h60.raw("GET", "/v1/syncReceivedEdocList", &headers, b"").await;
        assert_eq!(
            (answer.status.as_u16(), code(&answer)),
            (401, code_of_ours.to_owned()),
            "{headers:?}"
        );
        let body = answer.json();
        assert_eq!(
            (&body["data"]["errorCode"], &body["licenseInfo"]),
            (&json!("15"), &json!("invalid"))
        );
    }
    // Two members share the security server: without anything to tell them apart, in the same words.
    let plain = System { way: Way::Plain, ..h60 };
    let answer = plain.raw("GET", "/v1/syncReceivedEdocList", &Vec::new(), b"").await;
    assert_eq!((answer.status.as_u16(), code(&answer)), (401, "LT-D101".to_owned()));
    assert_eq!(answer.json()["licenseInfo"], "invalid");
    assert!(answer.text().contains("LT-D101 · Authorization"), "{}", answer.text());
    let answer = plain.raw("GET", "/v1/getAgenciesList", &vec![bearer("no-token")], b"").await;
    assert_eq!((answer.status.as_u16(), code(&answer)), (401, "LT-D106".to_owned()));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dialect_a_refuses_bad_files_and_requests_in_its_words() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(&small_country()), data.path()).await;
    let h60 = System { gateway: &gateway, name: "h60", way: Way::Tls, proof: Proof::Own };
    for (file, number, ours) in bad_files() {
        let answer = h60.a_send(&file).await;
        assert_eq!((answer.status.as_u16(), code(&answer)), (200, ours.to_owned()));
        assert_eq!(answer.json()["data"]["errorCode"], number);
    }
    let headers = vec![
        ("Authorization", format!("Bearer {}", h60.login().await)),
        ("X-SystemId", "vxp.h60".to_owned()),
        ("X-SecretKey", "TEST-SECRET-h60".to_owned()),
        ("Content-Type", FORM.to_owned()),
    ];
    let good = edxml(H60, &[H60], 1);
    let whole = form(&good, "edoc");
    let send = async |body: &[u8]| h60.raw("POST", "/v1/sendEdoc", &headers, body).await;
    for (body, ours) in [
        (whole[..whole.len() - 40].to_vec(), "LT-D206"),
        (form(&good, "letter"), "LT-D408"),
        (form(&good, "status"), "LT-D211"),
        (Vec::new(), "LT-D407"),
    ] {
        let answer = send(&body).await;
        if ours != "LT-D211" {
            assert_eq!((answer.status.as_u16(), code(&answer)), (200, ours.to_owned()));
        }
        assert_eq!(answer.json()["success"], false, "{}", answer.text());
    }
    for (method, target, body, status, ours) in [
        ("POST", "updateStatus", "{", 200, "LT-D408"),
        ("POST", "updateStatus", r#"{"docId":"x"}"#, 200, "LT-D407"),
        ("POST", "updateStatus", r#"{"status":"done"}"#, 200, "LT-D407"),
        ("POST", "updateStatus", r#"{"docId":"x","status":"done"}"#, 200, "LT-D402"),
        ("GET", "getEdoc", "", 200, "LT-D407"),
        ("GET", "syncReceivedEdocList?fromDate=yesterday", "", 200, "LT-D408"),
        ("GET", "syncReceivedEdocList?messageType=letter", "", 200, "LT-D408"),
        ("GET", "syncReceivedEdocList?a=%ff", "", 200, "LT-D408"),
        ("GET", "sendEdoc", "", 405, "LT-D411"),
        ("POST", "sendEdocs", "", 404, "LT-D411"),
    ] {
        let answer = h60.a(method, target, body.as_bytes()).await;
        let found = (answer.status.as_u16(), code(&answer));
        assert_eq!(found, (status, ours.to_owned()), "{target}: {}", answer.text());
    }
    let answer = h60.a("POST", "sendEdocs", b"").await;
    assert!(answer.text().contains("sendEdocs → sendEdoc"), "{}", answer.text());
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edoc_service_refuses_in_its_words() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(&small_country()), data.path()).await;
    let h60 = System { gateway: &gateway, name: "h60", way: Way::Tls, proof: Proof::Own };
    let error = |answer: &Answer| answer.json()["errors"][0]["code"].as_str().unwrap().to_owned();
    let wrong = |token: &str, organ: &str| -> Headers {
        vec![
            ("Authorization", token.to_owned()),
            ("organId", organ.to_owned()),
            ("type", "EDOC".to_owned()),
        ]
    };
    for (headers, ours) in [
        (Vec::new(), "LT-D106"),
        (wrong("wH9qK8di6/oPgtsR7N5SDadT5/E=", H60), "LT-D106"),
        // The secret of one organ is no token of another's.
        (wrong("TEST-SECRET-h60", "000.00.00.H26"), "LT-D106"),
        (wrong("TEST-SECRET-h60.06", H60), "LT-D106"),
    ] {
        let answer = h60.raw("GET", "/EdocService/getPendingDocIds", &headers, b"").await;
        assert_eq!((answer.status.as_u16(), error(&answer)), (401, ours.to_owned()), "{headers:?}");
        assert_eq!(
            (&answer.json()["code"], &answer.json()["status"]),
            (&json!(9999), &json!(false))
        );
    }
    for (file, _, ours) in bad_files() {
        let answer = h60.edoc("POST", "sendDocument", &[], &file).await;
        assert_eq!((answer.status.as_u16(), error(&answer)), (200, ours.to_owned()));
        let body = answer.json();
        assert_eq!(
            (&body["status"], &body["code"], &body["docId"]),
            (&json!("Fail"), &json!("9999"), &json!(0))
        );
    }
    let good = edxml(H60, &[H60], 1);
    let no_sender = String::from_utf8(good.clone()).unwrap();
    let no_sender = no_sender.replacen(&format!("<edXML:OrganId>{H60}</edXML:OrganId>"), "", 1);
    let type_of = |kind: &str| ("type", kind.to_owned());
    let hash = ("hash-edoc", "00".repeat(32));
    for (more, body, expected) in [
        (vec![type_of("LETTER")], &good[..], "M.MessageType"),
        (vec![hash], &good[..], "LT-D203"),
        (Vec::new(), b"", "LT-D201"),
        (Vec::new(), no_sender.as_bytes(), "N.MessageHeader.From.OrganId"),
    ] {
        let answer = h60.edoc("POST", "sendDocument", &more, body).await;
        assert_eq!((answer.status.as_u16(), error(&answer)), (200, expected.to_owned()));
    }
    assert_eq!(h60.edoc("POST", "sendDocument", &[], &good).await.json()["status"], "Success");
    let other = String::from_utf8(good).unwrap().replace("V/v", "Về việc");
    let twice = h60.edoc("POST", "sendDocument", &[], other.as_bytes()).await;
    assert_eq!(error(&twice), "ExistDoc");
    let id = |text: &str| vec![("docId", text.to_owned())];
    for (method, operation, more, status, expected) in [
        ("POST", "getDocument", Vec::new(), 200, "R.DocID"),
        ("POST", "getDocument", id("12"), 200, "LT-D402"),
        ("POST", "getDocument", id("-1"), 200, "LT-D402"),
        ("POST", "confirmReceived", id("99999999999999999999"), 200, "LT-D402"),
        ("POST", "checkExistDocument", Vec::new(), 200, "LT-D408"),
        ("GET", "getOrganizations?organId=%21", Vec::new(), 200, "LT-D604"),
        ("GET", "getDocument", Vec::new(), 405, "LT-D411"),
        ("POST", "getDocuments", Vec::new(), 404, "LT-D411"),
    ] {
        let answer = h60.edoc(method, operation, &more, b"").await;
        let found = (answer.status.as_u16(), error(&answer));
        assert_eq!(found, (status, expected.to_owned()), "{operation}: {}", answer.text());
    }
    let answer = h60.edoc("POST", "getDocuments", &[], b"").await;
    assert!(answer.text().contains("getDocuments → getDocument"), "{}", answer.text());
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quang_nam_refuses_in_its_words() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(&small_country()), data.path()).await;
    let h60 = System { gateway: &gateway, name: "h60", way: Way::Tls, proof: Proof::Own };
    let refused = h60.qn("GET", "vanbans/no-such", b"").await.json();
    let desc = refused["errorDesc"].as_str().unwrap();
    assert!(desc.contains("LT-D402 · no-such"), "{desc}");
    assert_eq!(refused, json!({ "status": "FAIL", "errorCode": "-1", "errorDesc": desc }));
    let bearer = || ("Authorization", "Bearer no-token".to_owned());
    let token = ("Authorization", format!("Bearer {}", h60.token().await));
    let secret = |text: &str| ("secret", text.to_owned());
    for headers in [
        vec![secret("TEST-SECRET-h60")],
        vec![bearer(), secret("TEST-SECRET-h60")],
        vec![token.clone()],
        vec![token.clone(), secret("TEST-SECRET-h26")],
    ] {
        let answer = h60.raw("GET", "/truclienthong/v1.0.0/vanbans", &headers, b"").await;
        let found = (answer.status.as_u16(), code(&answer));
        assert_eq!(found, (401, "LT-D106".to_owned()), "{headers:?}");
        assert_eq!(answer.json()["errorCode"], "15");
    }
    for (file, number, ours) in bad_files() {
        let body = base64_simd::STANDARD.encode_to_string(&file);
        let answer = h60.qn("POST", "vanbans?type=edoc", body.as_bytes()).await;
        assert_eq!((answer.status.as_u16(), code(&answer)), (200, ours.to_owned()));
        assert_eq!(answer.json()["errorCode"], number);
    }
    for (method, rest, body, status, ours) in [
        ("POST", "vanbans", "", 200, "LT-D201"),
        ("POST", "vanbans", "<edXML/>", 200, "LT-D408"),
        ("POST", "vanbans?type=letter", "PGVkWE1MLz4=", 200, "LT-D408"),
        ("PUT", "vanbans/x", "", 200, "LT-D407"),
        ("PUT", "vanbans/x?status=LATER", "", 200, "LT-D408"),
        ("PUT", "vanbans/x?status=DONE", "", 200, "LT-D402"),
        ("PUT", "donvilienthongs", "", 200, "LT-D407"),
        ("PUT", "donvilienthongs?agencyCode=000.00.00.G12", "", 200, "LT-D603"),
        ("POST", "donvilienthongs", "{", 200, "LT-D408"),
        ("DELETE", "vanbans", "", 405, "LT-D411"),
        ("GET", "vanban", "", 404, "LT-D411"),
        ("GET", "vanbans/a%2fb", "", 404, "LT-D411"),
    ] {
        let answer = h60.qn(method, rest, body.as_bytes()).await;
        let found = (answer.status.as_u16(), code(&answer));
        assert_eq!(found, (status, ours.to_owned()), "{rest}: {}", answer.text());
    }
    let answer = h60.qn("GET", "vanban", b"").await;
    assert!(answer.text().contains("vanban → vanbans"), "{}", answer.text());
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_is_refused_with_a_status_and_a_reason() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(&COUNTRY), data.path()).await;
    let h60 = System { gateway: &gateway, name: "h60", way: Way::Plain, proof: Proof::Own };
    let user = |name: &str, password: &str| {
        json!({ "username": name, "password": password, "applicationCode": "x" }).to_string()
    };
    for (method, body, status, ours) in [
        ("POST", user("vxp.h60", "wrong"), 401, "LT-D106"),
        ("POST", user("nobody", "TEST-SECRET-h60"), 401, "LT-D106"),
        // A member without a secret has no password either.
        ("POST", user("vxp.nosecret", ""), 400, "LT-D407"),
        ("POST", user("vxp.nosecret", "x"), 401, "LT-D106"),
        ("POST", "{".to_owned(), 400, "LT-D408"),
        ("POST", "x".repeat(10_000), 400, "LT-D408"),
        ("GET", String::new(), 405, "LT-D411"),
    ] {
        let answer = h60.raw(method, "/v1/auth/login", &Vec::new(), body.as_bytes()).await;
        let told = answer.json();
        assert_eq!((answer.status.as_u16(), &told["code"]), (status, &json!(status)), "{body:.60}");
        assert!(told["message"].as_str().unwrap().contains(ours), "{told}");
        assert_eq!(told["success"], false);
    }
    gateway.stop().await;
}

// design.md 2.6: what is shown beside a certificate must be of that member.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_of_another_member_is_refused_beside_a_certificate() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(&COUNTRY), data.path()).await;
    let h60 = System { gateway: &gateway, name: "h60", way: Way::Mtls, proof: Proof::Own };
    let department = |name: &'static str, value: &str| vec![(name, value.to_owned())];
    let unit =
        [department("X-SystemId", "vxp.h60.06"), department("X-SecretKey", "TEST-SECRET-h60.06")]
            .concat();
    for (target, headers) in [
        ("/v1/syncReceivedEdocList", unit),
        ("/truclienthong/v1.0.0/vanbans", department("secret", "TEST-SECRET-h60.06")),
    ] {
        let answer = h60.raw("GET", target, &headers, b"").await;
        assert_eq!(
            (answer.status.as_u16(), code(&answer)),
            (401, "LT-D104".to_owned()),
            "{target}"
        );
    }
    // Bound to a certificate, a token opens nothing without it.
    let bound = h60.token().await;
    let anonymous = System { way: Way::Tls, ..h60 };
    let headers = vec![("Authorization", format!("Bearer {bound}"))];
    let answer = anonymous.raw("GET", "/v1/getAgenciesList", &headers, b"").await;
    assert_eq!((answer.status.as_u16(), code(&answer)), (401, "LT-D106".to_owned()));
    let answer = h60.raw("GET", "/v1/getAgenciesList", &headers, b"").await;
    assert_eq!(answer.json()["success"], Value::Bool(true));
    // Another organ's inbox is nobody's but its own.
    let organ = vec![("organId", "000.00.00.G12".to_owned()), ("type", "EDOC".to_owned())];
    let answer = h60.raw("GET", "/EdocService/getPendingDocIds", &organ, b"").await;
    let refused = shape(&answer.json());
    assert_eq!(
        (&refused["status"], &refused["errors"][0]["code"]),
        (&json!("Fail"), &json!("LT-D114"))
    );
    gateway.stop().await;
}
