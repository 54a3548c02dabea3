//! Clients of LGSPs' dialects that write their own requests, and the country they are used in: two provinces, a
//! ministry, the axis between them, a security server before each LGSP.

use crate::calls::{self, Answer};
use crate::vxp_wire::{self, Way, connect};
use lienthong::gateway::Gateway;
use serde_json::{Value, json};
use std::sync::LazyLock;

pub(crate) static COUNTRY: LazyLock<String> = LazyLock::new(|| {
    let country = vxp_wire::COUNTRY;
    format!(
        r#"{country}
[[platform]]
name = "lgsp-h26"
kind = "lgsp"
parent = "axis"
agencies = ["H26"]

[[platform]]
name = "ss-h26"
kind = "ss"
parent = "lgsp-h26"

[[member]]
agency = "H26"
platform = "ss-h26"
systemid = "vxp.h26"
secret = "TEST-SECRET-h26"

[[application]]
name = "Trục tích hợp tỉnh"
member = "VN:GOV:H60:QLVB"
key = "khoa-h60"
secret = "bi-mat"
"#
    )
});

/// With what a request proves who sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// What the dialect has of its own: a token, and the unit's secret.
    Own,
    /// VNPT's header, and a token that was got with it.
    AccessToken,
    /// Nothing but the certificate.
    Certificate,
}

pub(crate) type Headers = Vec<(&'static str, String)>;

/// A system of one agency (`h60`).
#[derive(Clone, Copy)]
pub(crate) struct System<'g> {
    pub(crate) gateway: &'g Gateway,
    pub(crate) name: &'static str,
    pub(crate) way: Way,
    pub(crate) proof: Proof,
}

impl System<'_> {
    pub(crate) fn agency(&self) -> String {
        format!("000.00.00.{}", self.name.to_uppercase())
    }

    fn systemid(&self) -> String {
        format!("vxp.{}", self.name)
    }

    pub(crate) fn secret(&self) -> String {
        format!("TEST-SECRET-{}", self.name)
    }

    /// As it is, on a connection of its own.
    pub(crate) async fn raw(
        &self,
        method: &str,
        target: &str,
        headers: &Headers,
        body: &[u8],
    ) -> Answer {
        let member = format!("VN:GOV:{}:QLVB", self.agency());
        let stream = connect(self.gateway, self.way, self.name, &member).await;
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        calls::ask(stream, method, target, &headers, body).await
    }

    pub(crate) fn access_token(&self) -> String {
        let content = json!({
            "AccessKey": self.systemid(),
            "SecretKey": self.secret(),
            "AppName": "QLVB",
            "PartnerCode": self.name,
            "PartnerCodeCus": self.agency(),
        });
        base64_simd::STANDARD.encode_to_string(content.to_string())
    }

    /// `POST /token`.
    pub(crate) async fn token(&self) -> String {
        let basic = format!("{}:{}", self.systemid(), self.secret());
        let proof = match self.proof {
            Proof::AccessToken => ("lgspaccesstoken", self.access_token()),
            Proof::Own | Proof::Certificate => {
                let basic = base64_simd::STANDARD.encode_to_string(basic);
                ("Authorization", format!("Basic {basic}"))
            }
        };
        let form = ("Content-Type", "application/x-www-form-urlencoded".to_owned());
        let body = b"grant_type=client_credentials";
        let answer = self.raw("POST", "/token", &vec![proof, form], body).await;
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// `POST /v1/auth/login`.
    pub(crate) async fn login(&self) -> String {
        let content = json!({
            "username": self.systemid(),
            "password": self.secret(),
            "applicationCode": "QLVB",
            "otp": null,
            "twoFactorProvider": null,
            "typeObjs": [0, 1],
        });
        let target = "/v1/auth/login?allow_anonymous=true";
        let headers = vec![("Content-Type", "application/json".to_owned())];
        let answer = self.raw("POST", target, &headers, content.to_string().as_bytes()).await;
        answer.json()["data"]["token"].as_str().unwrap().to_owned()
    }

    /// What proves who asks, in the dialect that `own` is of.
    async fn proved(&self, own: Own) -> Headers {
        match (self.proof, own) {
            (Proof::Certificate, _) => Vec::new(),
            (Proof::AccessToken, _) => vec![
                ("lgspaccesstoken", self.access_token()),
                ("Authorization", format!("Bearer {}", self.token().await)),
            ],
            (Proof::Own, Own::A) => vec![
                ("Authorization", format!("Bearer {}", self.login().await)),
                ("X-SystemId", self.systemid()),
                ("X-SecretKey", self.secret()),
            ],
            (Proof::Own, Own::Edoc) => vec![("Authorization", self.secret())],
            (Proof::Own, Own::QuangNam) => vec![
                ("Authorization", format!("Bearer {}", self.token().await)),
                ("secret", self.secret()),
            ],
        }
    }

    pub(crate) async fn a(&self, method: &str, target: &str, body: &[u8]) -> Answer {
        self.raw(method, &format!("/v1/{target}"), &self.proved(Own::A).await, body).await
    }

    pub(crate) async fn a_send(&self, file: &[u8]) -> Answer {
        let mut headers = self.proved(Own::A).await;
        headers.push(("Content-Type", FORM.to_owned()));
        self.raw("POST", "/v1/sendEdoc", &headers, &form(file, "edoc")).await
    }

    /// The DocId stands in a header of every call.
    pub(crate) async fn edoc(
        &self,
        method: &str,
        operation: &str,
        more: &[(&'static str, String)],
        body: &[u8],
    ) -> Answer {
        let mut headers = self.proved(Own::Edoc).await;
        headers.push(("organId", self.agency()));
        headers.push(("user_agent", "EdocClient/Bkav".to_owned()));
        headers.extend_from_slice(more);
        if !more.iter().any(|(name, _)| *name == "type") {
            headers.push(("type", "EDOC".to_owned()));
        }
        self.raw(method, &format!("/EdocService/{operation}"), &headers, body).await
    }

    pub(crate) async fn qn(&self, method: &str, rest: &str, body: &[u8]) -> Answer {
        let target = format!("/truclienthong/v1.0.0/{rest}");
        self.raw(method, &target, &self.proved(Own::QuangNam).await, body).await
    }
}

#[derive(Clone, Copy)]
enum Own {
    A,
    Edoc,
    QuangNam,
}

pub(crate) const FORM: &str = "multipart/form-data; boundary=----ranh-gioi";

pub(crate) fn form(file: &[u8], kind: &str) -> Vec<u8> {
    let before = "------ranh-gioi\r\nContent-Disposition: form-data; name=\"edocFile\"; filename=\"1.edxml\"\r\nContent-Type: application/xml\r\n\r\n";
    let after = format!(
        "\r\n------ranh-gioi\r\nContent-Disposition: form-data; name=\"messageType\"\r\n\r\n{kind}\r\n------ranh-gioi--\r\n"
    );
    [before.as_bytes(), file, after.as_bytes()].concat()
}

/// Asks again after each event until there is something.
pub(crate) async fn until<T, F>(gateway: &Gateway, ask: impl Fn() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let mut events = gateway.pipeline.subscribe_events();
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        events.recv().await.unwrap();
    }
}

/// An answer with what differs from run to run taken out: DocIds, times and numbers to ask by.
pub(crate) fn shape(answer: &Value) -> Value {
    match answer {
        Value::Array(items) => items.iter().map(shape).collect(),
        Value::Object(keys) => {
            keys.iter().map(|(key, value)| (key.clone(), plain(key, value))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => answer.clone(),
    }
}

fn plain(key: &str, value: &Value) -> Value {
    match (key, value) {
        ("docId", Value::Number(number)) if number.as_u64() != Some(0) => "<number>".into(),
        ("docIDs", Value::Array(ids)) => ids.iter().map(|_| Value::from("<number>")).collect(),
        ("docId", Value::String(text)) if text.len() == 36 => "<docId>".into(),
        ("createdTime" | "updatedTime", Value::String(text)) => {
            assert_eq!(text.len(), 21, "{text}");
            "<time>".into()
        }
        (_, Value::String(text)) => match text.split_once(" (mã tra cứu ") {
            Some((before, _)) => format!("{before} (…)").into(),
            None => value.clone(),
        },
        (_, other) => shape(other),
    }
}
