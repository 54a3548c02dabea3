//! Evidence to take away, and the health of a security server (wire/xroad.md 2.11).

use super::{Answer, CLIENT, COUNTRY, Country, ask};
use lienthong::domain::conditions::PlatformConditions;
use lienthong::evidence::unbundle;
use lienthong::pki::seal::SealCheck;
use lienthong::pki::{Holder, PlatformName};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use tokio::net::TcpStream;

const ECHO: &str = "/r1/VN/GOV/G06/DMDC/echo";
const ASIC: &str =
    "/asic?xRoadInstance=VN&memberClass=GOV&memberCode=000.00.06.H60&subsystemCode=QLVB&queryId=";

/// A second system behind the same security server, which must show its certificate.
fn text() -> String {
    format!(
        "{COUNTRY}\n[[member]]\nagency = \"H60.06\"\nsystem = \"OTHER\"\nplatform = \"ss-h60\"\n\
         connection = \"sslauth\"\n[[member]]\nagency = \"H60.06\"\nsystem = \"THIRD\"\n\
         platform = \"ss-h60\"\n"
    )
}

async fn country() -> Country {
    let country = Country::start_with(&text()).await;
    for (id, body) in [("m/1", "mot"), ("m/1", "payload"), ("m2", "bí mật")] {
        let headers = [("X-Road-Client", CLIENT), ("X-Road-Id", id)];
        let answer = country.call_with("POST", ECHO, &headers, body.as_bytes()).await;
        assert_eq!(answer.status, 200);
    }
    country
}

async fn get(country: &Country, target: &str) -> Answer {
    country.call_with("GET", target, &[], b"").await
}

fn files(container: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(container)).unwrap();
    let mut files = BTreeMap::new();
    for place in 0..archive.len() {
        let mut file = archive.by_index(place).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        files.insert(file.name().unwrap().into_owned(), bytes);
    }
    files
}

/// The container is whole and signed by this platform; its record.
fn checked(country: &Country, platform: &str, container: &[u8]) -> String {
    // ASiC: the media type can be read at a fixed place.
    assert_eq!(&container[30..38], b"mimetype");
    assert_eq!(&container[38..69], b"application/vnd.etsi.asic-e+zip");
    let files = files(container);
    let manifest = String::from_utf8(files["META-INF/ASiCManifest.xml"].clone()).unwrap();
    let holder = Holder::Platform(PlatformName::new(platform).unwrap());
    let ca = country.gateway.pki.dir().join("ca.pem");
    let check = SealCheck::open(&ca, &holder, &country.log(platform)).unwrap();
    let pem = String::from_utf8(files["META-INF/certificate.pem"].clone()).unwrap();
    use rustls_pki_types::pem::PemObject;
    let certificate = rustls_pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let key = lienthong::pki::Fingerprint::of(&certificate).to_string();
    assert!(check.holds(&key, manifest.as_bytes(), &files["META-INF/signature.der"]));
    let (name, record) = files.iter().find(|(name, _)| name.ends_with(".json")).unwrap();
    for name in [name.as_str(), "README.txt"] {
        let digest = base64_simd::STANDARD.encode_to_string(Sha256::digest(&files[name]));
        assert!(manifest.contains(&format!("URI=\"{name}\"")), "{manifest}");
        assert!(manifest.contains(&digest), "{name}: {manifest}");
    }
    String::from_utf8(record.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_downloads_the_signed_evidence_of_its_messages() {
    let country = country().await;
    let answer = get(&country, &format!("{ASIC}m%2F1")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/zip");
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"m_1.zip\"");
    let found = unbundle(&answer.body).unwrap();
    assert_eq!(found.len(), 2, "one id was used twice");
    let log = std::fs::read_to_string(super::segments(&country.log("ss-h60")).remove(0)).unwrap();
    for container in &found {
        let record = checked(&country, "ss-h60", &container.bytes);
        assert!(log.lines().any(|line| line == record), "as it stands in the log: {record}");
        assert!(!record.contains("payload") && record.contains("\"requestSha256\""), "{record}");
    }
    // Half a record, and exactly one.
    let target = format!("{ASIC}m2&requestOnly&unique");
    let answer = get(&country, &target).await;
    assert_eq!(answer.header("content-type"), "application/vnd.etsi.asic-e+zip");
    let request = checked(&country, "ss-h60", &answer.body);
    assert!(request.contains("requestSha256") && !request.contains("responseSha256"), "{request}");
    let answer = get(&country, &format!("{ASIC}m2&responseOnly")).await;
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"m2-response.zip\"");
    let response = checked(&country, "ss-h60", &unbundle(&answer.body).unwrap()[0].bytes);
    assert!(response.contains("\"statusCode\":200") && !response.contains("requestSha256"));
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_that_cannot_be_is_told_in_plain_text() {
    let country = country().await;
    let other = |system: &str| ASIC.replace("QLVB", system);
    for (row, target, status, why) in [
        ("no query id", ASIC.replace("&queryId=", ""), 400, "queryId"),
        ("no subsystem", ASIC.replace("&subsystemCode=QLVB", "") + "m2", 400, "subsystemCode"),
        ("both halves", format!("{ASIC}m2&requestOnly&responseOnly"), 400, "same time"),
        ("unique alone", format!("{ASIC}m2&unique"), 400, "unique"),
        ("unknown client", other("NOBODY") + "m2", 401, "LT-S101"),
        ("a client that must show its certificate", other("OTHER") + "m2", 401, "LT-S103"),
        ("another client's message", other("THIRD") + "m2", 404, "No signed documents found"),
        ("unknown message", format!("{ASIC}m3"), 404, "No signed documents found"),
        ("not unique", format!("{ASIC}m%2F1&requestOnly&unique"), 500, "not unique"),
    ] {
        let answer = get(&country, &target).await;
        assert_eq!(answer.status, status, "{row}: {}", answer.text());
        assert!(answer.text().contains(why), "{row}: {}", answer.text());
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8", "{row}");
    }
    let answer = country.call_with("POST", &format!("{ASIC}m2"), &[], b"").await;
    assert_eq!(answer.status, 405);
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_has_the_evidence_of_every_hop() {
    let country = country().await;
    let operator = country.gateway.operator.to_string();
    let host = [("host", operator.as_str())];
    let operator = TcpStream::connect(country.gateway.operator).await.unwrap();
    let answer = ask(operator, "GET", "/api/v1/calls/m2/evidence", &host, b"").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let found = unbundle(&answer.body).unwrap();
    let platforms = ["ndxp", "lgsp-h60", "lgsp-g06", "ss-h60"];
    assert_eq!(found.len(), platforms.len());
    for platform in platforms {
        let start = format!("m2-{platform}-");
        let one = found.iter().find(|container| container.name.starts_with(&start)).unwrap();
        checked(&country, platform, &one.bytes);
    }
    let operator = TcpStream::connect(country.gateway.operator).await.unwrap();
    let answer = ask(operator, "GET", "/api/v1/calls/nothing/evidence", &host, b"").await;
    assert_eq!((answer.status.as_u16(), answer.text().contains("LT-O023")), (404, true));
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_balancer_is_told_whether_a_security_server_is_well() {
    use lienthong::clock::Clock;
    let text = COUNTRY.replace("name = \"ss-db\"", "name = \"ss-db\"\nhealth_port = 5588");
    let country = Country::start_with(&text).await;
    let gateway = &country.gateway;
    let ix = gateway.topology.platform_named("ss-db").unwrap().ix;
    let health = gateway.listening.iter().find(|l| l.platform == ix).unwrap().health.unwrap();
    let asked = async |path: &str| {
        let answer = ask(TcpStream::connect(health).await.unwrap(), "GET", path, &[], b"").await;
        (answer.status.as_u16(), answer.text())
    };
    for path in ["/", "/any/path?at=all"] {
        assert_eq!(asked(path).await, (200, String::new()));
    }
    let server = gateway.plane.platforms().iter().find(|p| &*p.name == "ss-db").unwrap();
    let resting = PlatformConditions { maintenance: true, ..PlatformConditions::default() };
    server.door.set_conditions(resting);
    let told = "Health check interface is in maintenance mode";
    assert_eq!(asked("/").await, (503, told.to_owned()));
    server.door.set_conditions(PlatformConditions::default());
    let holder = Holder::Platform(PlatformName::new("ss-db").unwrap());
    let which = lienthong::pki::Which::Holder(holder);
    let now = gateway.clock.now();
    gateway.pki.revoke(&which, lienthong::pki::Reason::KeyCompromise, now).unwrap();
    assert!(gateway.reload().is_empty());
    let (status, line) = asked("/").await;
    assert!(status == 500 && line.contains("certificate does not hold"), "{status} {line}");
    assert_eq!(line.lines().count(), 1);
    let off = gateway.listening.iter().filter(|l| l.health.is_some()).count();
    assert_eq!(off, 1, "it is off where nothing says so");
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn evidence_is_checked_with_what_its_platform_hands_out() {
    let country = country().await;
    let answer = get(&country, "/verificationconf").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/zip"));
    let disposition = answer.header("content-disposition");
    assert_eq!(disposition, "attachment; filename=\"verificationconf.zip\"");
    let conf = files(&answer.body);
    assert_eq!(conf["verificationconf/instance-identifier"], b"VN");
    let of = |file: &str| conf[&format!("verificationconf/VN/{file}")].clone();
    for (ours, file) in [
        ("root.pem", "trust-anchors.pem"),
        ("issuing.pem", "intermediates.pem"),
        ("crl.pem", "revoked.crl.pem"),
    ] {
        let ours = std::fs::read(country.gateway.pki.dir().join(ours)).unwrap();
        assert_eq!(String::from_utf8(of(file)), String::from_utf8(ours), "{file}");
    }
    // Nothing but the two archives is used to believe the certificate of a piece of evidence.
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, [of("trust-anchors.pem"), of("intermediates.pem")].concat()).unwrap();
    let answer = get(&country, &format!("{ASIC}m2&requestOnly&unique")).await;
    let evidence = files(&answer.body);
    use rustls_pki_types::pem::PemObject;
    let pem = &evidence["META-INF/certificate.pem"];
    let certificate = rustls_pki_types::CertificateDer::from_pem_slice(pem).unwrap();
    std::fs::create_dir(folder.path().join("certificates")).unwrap();
    std::fs::write(folder.path().join("certificates/it.der"), &certificate).unwrap();
    let holder = Holder::Platform(PlatformName::new("ss-h60").unwrap());
    let check = SealCheck::open(&ca, &holder, folder.path()).unwrap();
    let key = lienthong::pki::Fingerprint::of(&certificate).to_string();
    let manifest = &evidence["META-INF/ASiCManifest.xml"];
    assert!(check.holds(&key, manifest, &evidence["META-INF/signature.der"]));
    let refused = country.call_with("POST", "/verificationconf", &[], b"").await;
    assert_eq!(refused.status, 405);
    country.gateway.stop().await;
}
