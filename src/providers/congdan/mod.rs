//! The citizen's page of the national public service portal (domain.md 1.2, C6): a citizen signs in by `VNeID`, and sees her
//! own dossiers out of what one-stop systems synchronised. Assumed in form; the sign-in is `OpenID` Connect with PKCE.
//!
//! The portal is an ordinary client of `VNeID`: what it knows of a citizen it learns by a code or a token of hers.

mod page;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::dossier::Dossiers;
use super::http::{Fault, Outcome, Reason, Request, Route, dispatch, failure};
use super::moment::MINUTE_MS;
use super::table::{Bounds, Table};
use super::vneid::{self, SignIn};
use super::{Answer, Call, Description, Kind, Provider, Sureness};

static DESCRIPTION: Description = Description {
    code: "congdan",
    owner: "G22",
    system: "CONGDVC",
    version: "1.0",
    title_vi: "Cổng DVCQG: trang của công dân (đăng nhập VNeID)",
    title_en: "National portal: the citizen's page (VNeID sign-in)",
    sureness: Sureness::Likely,
    kind: Kind::OpenApi(include_str!("../openapi/congdan.json")),
};

const ROUTES: &[Route<CitizenPortal>] = &[
    Route { method: "GET", template: "/", run: CitizenPortal::front },
    Route { method: "GET", template: "/dang-nhap", run: CitizenPortal::sign_in },
    Route { method: "GET", template: "/ket-qua", run: CitizenPortal::come_back },
    Route { method: "GET", template: "/ho-so", run: CitizenPortal::dossiers },
];

/// The portal's name at `VNeID`.
const CLIENT: &str = "dvcqg";
/// Sign-ins under way; each for so long.
const PENDING: Bounds = Bounds { rows_max: 10_000, bytes_max: 8 << 20 };
const PENDING_BYTES: usize = 256;
const PENDING_MS: i64 = 10 * MINUTE_MS;

#[derive(Debug)]
pub struct CitizenPortal {
    vneid: Arc<SignIn>,
    dossiers: Arc<Dossiers>,
    /// By `state`.
    pending: Mutex<Table<String, Pending>>,
}

#[derive(Debug)]
struct Pending {
    verifier: String,
    at_ms: i64,
    is_used: bool,
}

/// What `VNeID` says of who signed in.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Citizen {
    so_dinh_danh: String,
    ho_va_ten: String,
}

#[derive(Deserialize)]
struct Given {
    access_token: String,
}

/// Where a browser finds the portal and `VNeID`.
struct Places {
    portal: String,
    vneid: String,
}

impl CitizenPortal {
    pub fn new(vneid: &Arc<SignIn>, dossiers: &Arc<Dossiers>) -> Self {
        let pending = Mutex::new(Table::new(PENDING));
        Self { vneid: Arc::clone(vneid), dossiers: Arc::clone(dossiers), pending }
    }

    fn front(&self, _: &Request<'_>) -> Outcome {
        Ok(page::front())
    }

    /// Sends the browser to `VNeID`.
    fn sign_in(&self, request: &Request<'_>) -> Outcome {
        let places = Places::of(request.call)?;
        let no_random = || Fault::new(Reason::Full, "máy không cho số ngẫu nhiên");
        let (state, verifier) = vneid::random().zip(vneid::random()).ok_or_else(no_random)?;
        let challenge = vneid::encode(Sha256::digest(verifier.as_bytes()));
        let at_ms = request.call.now_ms;
        let mut pending = self.pending.lock();
        pending.retain(|one| !one.is_used && at_ms.saturating_sub(one.at_ms) < PENDING_MS);
        pending.put(state.clone(), Pending { verifier, at_ms, is_used: false }, PENDING_BYTES)?;
        let Places { portal, vneid } = places;
        let target = format!(
            "{vneid}/authorize?response_type=code&client_id={CLIENT}&redirect_uri={portal}/ket-qua\
             &scope=openid%20profile&state={state}&code_challenge={challenge}&code_challenge_method=S256"
        );
        Ok(Answer::new(302, "", "").with_header("Location", target))
    }

    /// The browser comes back with a code: the portal changes it for a token, by the verifier that only it has.
    fn come_back(&self, request: &Request<'_>) -> Outcome {
        let places = Places::of(request.call)?;
        if request.query.text("error")?.is_some() {
            return Ok(page::refused());
        }
        let (code, state) = (request.query.required("code")?, request.query.required("state")?);
        // It goes into a form as it is.
        if !code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
            return Err(Fault::bad_request("code không hợp lệ"));
        }
        let unknown = || Fault::denied("lần đăng nhập này không bắt đầu từ cổng, hoặc đã quá lâu");
        let verifier = {
            let mut pending = self.pending.lock();
            let found = pending.get_mut(&state.to_owned()).filter(|one| {
                !one.is_used && request.call.now_ms.saturating_sub(one.at_ms) < PENDING_MS
            });
            let found = found.ok_or_else(unknown)?;
            found.is_used = true;
            found.verifier.clone()
        };
        let form = format!(
            "grant_type=authorization_code&client_id={CLIENT}&code={code}&code_verifier={verifier}\
             &redirect_uri={}/ket-qua",
            places.portal
        );
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        let mut headers = request.call.headers.clone();
        headers.insert(CONTENT_TYPE, kind);
        let given = self.ask(request.call, (&Method::POST, "/token"), &headers, form.as_bytes());
        let given: Given = serde_json::from_slice(&given.body)
            .map_err(|_refused| Fault::denied("VNeID không chấp nhận mã đăng nhập"))?;
        let citizen = self.citizen(request.call, &format!("Bearer {}", given.access_token))?;
        let store = self.dossiers.of_citizen(&citizen.so_dinh_danh);
        Ok(page::dossiers(&citizen.ho_va_ten, &store))
    }

    /// For portals and applications that hold a citizen's token.
    fn dossiers(&self, request: &Request<'_>) -> Outcome {
        let bearer = request.call.headers.get(AUTHORIZATION);
        let bearer = bearer.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let citizen = self.citizen(request.call, bearer)?;
        let dossiers = self.dossiers.of_citizen(&citizen.so_dinh_danh);
        Ok(Answer::json(200, &serde_json::json!({ "CongDan": citizen, "HoSo": dossiers })))
    }

    fn citizen(&self, call: &Call<'_>, authorization: &str) -> Result<Citizen, Fault> {
        let refused = || Fault::new(Reason::Unauthenticated, "cần mã truy cập VNeID còn hiệu lực");
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(authorization).map_err(|_invalid| refused())?;
        headers.insert(AUTHORIZATION, value);
        let answer = self.ask(call, (&Method::GET, "/userinfo"), &headers, b"");
        serde_json::from_slice(&answer.body).map_err(|_refused| refused())
    }

    /// The portal's own line to `VNeID`.
    fn ask(
        &self,
        call: &Call<'_>,
        (method, path): (&Method, &str),
        headers: &HeaderMap,
        body: &[u8],
    ) -> Answer {
        self.vneid.answer(&Call { method, path, query: None, headers, body, ..*call })
    }
}

impl Places {
    fn of(call: &Call<'_>) -> Result<Self, Fault> {
        let portal = vneid::address_of(call.headers);
        let base = portal.strip_suffix("/congdan");
        let base = base.ok_or_else(|| Fault::bad_request("mở trang này bằng cổng công khai"))?;
        Ok(Self { vneid: format!("{base}/vneid"), portal })
    }
}

impl Provider for CitizenPortal {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        let path = if call.path.is_empty() { "/" } else { call.path };
        let call = &Call { path, ..*call };
        let answer = dispatch(self, ROUTES, call).unwrap_or_else(|fault| failure(&fault));
        // What is shown is a citizen's own: it is kept by nobody on the way.
        answer
            .with_header("Cache-Control", "no-store")
            .with_header("Referrer-Policy", "no-referrer")
    }
}
