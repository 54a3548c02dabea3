//! A token of one process at the platform of another: good for its member, its time and its certificate.

use super::{Two, local};
use crate::calls::gateway::stranger;
use crate::calls::{Answer, ask, tls};
use tokio::net::TcpStream;

const APPLICATION: &str = r#"
[[application]]
name = "Ứng dụng của sở"
member = "VN:GOV:000.00.06.H60:QLVB"
key = "khoa"
secret = "bi-mat"

[[application]]
name = "Ứng dụng của tỉnh"
member = "VN:GOV:000.00.00.H60:LGSP"
key = "tinh"
secret = "bi-mat"
"#;
/// `khoa:bi-mat` and `tinh:bi-mat`.
const KEY: &str = "Basic a2hvYTpiaS1tYXQ=";
const OTHER_KEY: &str = "Basic dGluaDpiaS1tYXQ=";
const TARGET: &str = "/dmdc/1.0/Category/magioitinh";

fn given(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

async fn token<S>(stream: S, key: &str) -> String
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let headers = [("Authorization", key), ("Content-Type", "application/x-www-form-urlencoded")];
    given(&ask(stream, "POST", "/token", &headers, b"grant_type=client_credentials").await)
}

/// At the member's security server, in the other process.
async fn used(two: &Two, bearer: &str) -> (u16, String) {
    let authorization = format!("Bearer {bearer}");
    let answer = two.call_with(TARGET, &[("Authorization", &authorization)]).await;
    (answer.status.as_u16(), answer.text())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_good_wherever_its_member_is_connected() {
    let two = Two::start(APPLICATION).await;
    let bearer = token(stranger(&two.there, "lgsp-h60").await, KEY).await;
    let (status, text) = used(&two, &bearer).await;
    assert_eq!(status, 200, "{text}");
    // And the other way: the security server's at the platform.
    let own = token(TcpStream::connect(local(&two.here, "ss-h60")).await.unwrap(), KEY).await;
    assert_ne!(own, bearer);
    let authorization = format!("Bearer {own}");
    let line = stranger(&two.there, "lgsp-h60").await;
    let answer = ask(line, "GET", TARGET, &[("Authorization", &authorization)], b"").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    // What nobody handed out, or who is asked does not know, or a platform of this process would know.
    let random = bearer.split('.').next().unwrap();
    for wrong in [
        format!("{}.lgsp-h60", "x".repeat(43)),
        format!("{random}.lgsp-g06"),
        format!("{random}.ss-h60"),
        format!("{random}.nowhere"),
        random.to_owned(),
    ] {
        let (status, text) = used(&two, &wrong).await;
        assert!(status == 401 && text.contains("không tồn tại"), "{wrong}: {text}");
    }
    // It is good for its own member: one of another is told nothing about.
    let other = token(stranger(&two.there, "lgsp-h60").await, OTHER_KEY).await;
    let (status, text) = used(&two, &other).await;
    assert_eq!(status, 401, "{text}");
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_keeps_its_certificate_and_ends_with_its_issuer() {
    let two = Two::start(APPLICATION).await;
    let bound = token(tls(&two.there, "lgsp-h60", "VN:GOV:000.00.00.H60:LGSP").await, KEY).await;
    let (status, text) = used(&two, &bound).await;
    assert!(status == 401 && text.contains("chứng thư số khác"), "{text}");
    let free = token(stranger(&two.there, "lgsp-h60").await, KEY).await;
    assert_eq!(used(&two, &free).await.0, 200);
    // A process that starts anew knows no token of before, and says so to others.
    let two = two.restart().await;
    let (status, text) = used(&two, &free).await;
    assert!(status == 401 && text.contains("không tồn tại"), "{text}");
    let again = token(stranger(&two.there, "lgsp-h60").await, KEY).await;
    two.doors.close(&super::THERE);
    let there = two.there;
    there.stop().await;
    let authorization = format!("Bearer {again}");
    let stream = TcpStream::connect(local(&two.here, "ss-h60")).await.unwrap();
    let answer = ask(stream, "GET", TARGET, &[("Authorization", &authorization)], b"").await;
    let (status, text) = (answer.status.as_u16(), answer.text());
    // Not 401: another token would not help.
    assert!(status == 500 && text.contains("không trả lời"), "{text}");
    two.here.stop().await;
}
