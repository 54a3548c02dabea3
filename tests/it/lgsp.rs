//! LGSPs' dialects over real sockets: a document crosses from each into each, by every door and proof; and every
//! operation answers in the shape that was recorded.

use crate::lgsp_wire::{COUNTRY, Proof, System, form, shape, until};
use crate::vxp_wire::{Call, Way, ask_bytes, edxml, list};
use crate::world::{client_config, start, topology};
use lienthong::gateway::Gateway;
use serde_json::{Value, json};

const H60: &str = "000.00.00.H60";
const H26: &str = "000.00.00.H26";
const G12: &str = "000.00.00.G12";
const H60_06: &str = "000.00.06.H60";

fn system<'g>(gateway: &'g Gateway, name: &'static str, way: Way, proof: Proof) -> System<'g> {
    System { gateway, name, way, proof }
}

fn decoded(data: &Value) -> Vec<u8> {
    base64_simd::STANDARD.decode_to_vec(data.as_str().unwrap()).unwrap()
}

/// The one document that waits in Bkav's dialect; it is the file that was sent, and is gone once confirmed.
async fn takes_by_edoc_service(system: System<'_>, file: &[u8]) {
    let pending = async || system.edoc("GET", "getPendingDocIds", &[], b"").await.json();
    let id = until(system.gateway, async || pending().await["docIDs"][0].as_u64()).await;
    let id = [("docId", id.to_string())];
    let got = system.edoc("POST", "getDocument", &id, b"").await.json();
    assert_eq!(decoded(&got["data"]), file);
    let confirmed = system.edoc("POST", "confirmReceived", &id, b"").await.json();
    assert_eq!(confirmed["status"], "Success", "{confirmed}");
    assert_eq!(pending().await["docIDs"], json!([]));
    // What was taken can be read again for a while.
    let again = system.edoc("POST", "getDocument", &id, b"").await.json();
    assert_eq!(decoded(&again["data"]), file);
}

async fn takes_by_quang_nam(system: System<'_>, file: &[u8]) {
    let list = async || system.qn("GET", "vanbans", b"").await.json();
    let id = until(system.gateway, async || {
        list().await["data"][0]["docId"].as_str().map(str::to_owned)
    })
    .await;
    let got = system.qn("GET", &format!("vanbans/{id}"), b"").await.json();
    assert_eq!(decoded(&got["data"]), file);
    let done = system.qn("PUT", &format!("vanbans/{id}?status=DONE"), b"").await.json();
    assert_eq!(done["status"], "OK", "{done}");
    assert_eq!(list().await["data"], json!([]));
}

async fn takes_by_a(system: System<'_>, file: &[u8]) {
    let list = async || system.a("GET", "syncReceivedEdocList?messageType=edoc", b"").await.json();
    let id = until(system.gateway, async || {
        list().await["data"][0]["docId"].as_str().map(str::to_owned)
    })
    .await;
    let got = system.a("GET", &format!("getEdoc?docId={id}"), b"").await.json();
    assert_eq!(got["data"]["edxml"].as_str().unwrap().as_bytes(), file);
    let done = json!({ "docId": id, "status": "03" }).to_string();
    let done = system.a("POST", "updateStatus", done.as_bytes()).await.json();
    assert_eq!(done["success"], true, "{done}");
    assert_eq!(list().await["data"], json!([]));
}

async fn takes_by_vxp(gateway: &Gateway, file: &[u8]) {
    let by_department =
        |call: Call| Call { systemid: "vxp.h60.06", secret: "TEST-SECRET-h60.06", ..call };
    let ask = async |call: Call| {
        ask_bytes(gateway, Way::Plain, "h60", &by_department(call).bytes()).await.unwrap()
    };
    let id = until(gateway, async || {
        ask(list()).await.json()["data"][0]["docId"].as_str().map(str::to_owned)
    })
    .await;
    assert_eq!(ask(Call::of("/downloadEdoc").with("docId", &id)).await.body, file);
    let done = Call::of("/updateStatus").with("status", "done").with("docid", &id);
    assert_eq!(ask(done).await.code().0, "0");
    assert_eq!(ask(list()).await.json()["data"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_of_any_dialect_is_read_and_confirmed_in_any_other() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(&COUNTRY), data.path()).await;
    let rounds = [
        (Way::Plain, Proof::Own),
        (Way::Plain, Proof::AccessToken),
        (Way::Tls, Proof::Own),
        (Way::Tls, Proof::AccessToken),
        (Way::Mtls, Proof::Certificate),
        (Way::Mtls, Proof::Own),
    ];
    for (round, (way, proof)) in rounds.into_iter().enumerate() {
        let number = u32::try_from(round).unwrap() * 10;
        let of = |name| system(&gateway, name, way, proof);
        let file = edxml(H60, &[H26, G12, H60_06], number + 1);
        let sent = of("h60").a_send(&file).await.json();
        assert_eq!(sent["success"], true, "{way:?} {proof:?}: {sent}");
        takes_by_edoc_service(of("h26"), &file).await;
        takes_by_quang_nam(of("g12"), &file).await;
        takes_by_vxp(&gateway, &file).await;

        let file = edxml(H26, &[H60], number + 2);
        let sent =
            of("h26").edoc("POST", "sendDocument", &[], &[&file[..], b"\r\n"].concat()).await;
        assert_eq!(sent.json()["status"], "Success", "{}", sent.text());
        takes_by_a(of("h60"), &file).await;

        let file = edxml(G12, &[H26], number + 3);
        let body = base64_simd::STANDARD.encode_to_string(&file);
        let sent = of("g12").qn("POST", "vanbans?type=edoc", body.as_bytes()).await.json();
        assert_eq!(sent["status"], "OK", "{sent}");
        takes_by_edoc_service(of("h26"), &file).await;
    }
    // The security server of one member needs nothing to know whose request it is.
    let only = system(&gateway, "h26", Way::Plain, Proof::Certificate);
    assert_eq!(only.a("GET", "syncReceivedEdocList", b"").await.json()["count"], 0);
    gateway.stop().await;
}

// wire/vxp.md 2 A.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dialect_a_answers_in_its_shapes() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(&COUNTRY), data.path()).await;
    let h60 = system(&gateway, "h60", Way::Tls, Proof::Own);
    let login = json!({ "username": "khoa-h60", "password": "bi-mat", "applicationCode": "x" });
    let given = h60.raw("POST", "/v1/auth/login", &Vec::new(), login.to_string().as_bytes()).await;
    let mut given = given.json();
    let token = given["data"]["token"].take();
    assert!(token.as_str().unwrap().len() > 20);
    let expected = json!({
        "success": true, "code": 200, "message": "Thành công",
        "data": { "id": "VN:GOV:000.00.00.H60:QLVB", "username": "khoa-h60", "name": "Trục tích hợp tỉnh", "token": null },
    });
    assert_eq!(given, expected);
    let file = with_attachment(&edxml(H60, &[H60], 1));
    let sent = h60.a_send(&file).await.json();
    assert_eq!(
        shape(&sent),
        json!({ "success": true, "message": "Thành công", "docId": "<docId>" })
    );
    // A client that has lost the answer sends the same again (wire/vxp.md 1.4.7).
    assert_eq!(h60.a_send(&file).await.json()["docId"], sent["docId"]);
    let query = "syncReceivedEdocList?messageType=edoc&fromDate=2020/01/01&toDate=2099%2F12%2F31";
    let listed = h60.a("GET", query, b"").await.json();
    let expected = json!({
        "success": true, "message": "Thành công", "count": 1,
        "data": [{
            "serviceType": "eDoc", "createdTime": "<time>", "updatedTime": "<time>", "messageType": "edoc",
            "docId": "<docId>", "from": H60, "to": H60, "status": "initial", "statusDesc": "Đã đến, chưa lấy",
        }],
    });
    assert_eq!(shape(&listed), expected);
    let none = h60.a("GET", "syncReceivedEdocList?messageType=status", b"").await.json();
    assert_eq!(none, json!({ "success": true, "message": "Thành công", "count": 0, "data": [] }));
    let id = listed["data"][0]["docId"].as_str().unwrap();
    let got = h60.a("GET", &format!("getEdoc?docId={id}"), b"").await.json();
    let expected = json!({
        "success": true, "message": "Thành công",
        "data": {
            "docId": "<docId>", "from": H60, "fromName": "UBND Tỉnh Tuyên Quang", "edocCode": "1/VP",
            "edocAbstract": "V/v liên thông", "edxml": String::from_utf8(file).unwrap(),
            "attachments": [{ "fileName": "van-ban.pdf", "fileContent": "bm9pIGR1bmc=" }],
        },
    });
    assert_eq!(shape(&got), expected);
    let update = json!({ "docId": id, "status": "done" }).to_string();
    let updated = h60.a("POST", "updateStatus", update.as_bytes()).await.json();
    assert_eq!(updated, json!({ "success": true, "message": "Thành công" }));
    // A token alone is enough where no unit is asked about.
    let bearer = vec![("Authorization", format!("Bearer {}", token.as_str().unwrap()))];
    let agencies = h60.raw("GET", "/v1/getAgenciesList", &bearer, b"").await.json();
    let organs = agencies["data"].as_array().unwrap();
    assert_eq!(agencies["count"], organs.len());
    let own = organs.iter().find(|organ| organ["orgCode"] == H60_06).unwrap();
    let keys: Vec<&String> = own.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["address", "email", "orgCode", "orgName", "parentCode", "phone"]);
    assert_eq!(own["parentCode"], H60);
    gateway.stop().await;
}

/// As Lạng Sơn's clients and everybody's write it: outside the envelope.
fn with_attachment(file: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(file.to_vec()).unwrap();
    let end = "</edXML:edXMLHeader></edXML:edXMLEnvelope></edXML>";
    let body = concat!(
        "</edXML:edXMLHeader><edXML:edXMLBody><edXML:edXMLManifest version=\"1.0\"><edXML:Reference>",
        "<edXML:ContentId>cid:1</edXML:ContentId><edXML:ContentType>application/pdf</edXML:ContentType>",
        "<edXML:AttachmentName>van-ban.pdf</edXML:AttachmentName></edXML:Reference></edXML:edXMLManifest>",
        "</edXML:edXMLBody></edXML:edXMLEnvelope><AttachmentEncoded><Attachment><ContentId>1</ContentId>",
        "<AttachmentName>van-ban.pdf</AttachmentName><ContentType>application/pdf</ContentType>",
        "<edXML:ContentTransferEncoded xmlns:edXML=\"http://www.mic.gov.vn/TBT/QCVN_102_2016\">bm9p\r\n",
        "IGR1bmc=</edXML:ContentTransferEncoded></Attachment></AttachmentEncoded></edXML>",
    );
    text.replace(end, body).into_bytes()
}

// wire/vxp.md 2 B.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edoc_service_answers_in_its_shapes() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(&COUNTRY), data.path()).await;
    let h60 = system(&gateway, "h60", Way::Tls, Proof::Own);
    let file = edxml(H60, &[H60], 1);
    let hash = crate::vxp_wire::hex(&<sha2::Sha256 as sha2::Digest>::digest(&file));
    let body = [&file[..], b"\r\n"].concat();
    let sent = h60.edoc("POST", "sendDocument", &[("hash-edoc", hash)], &body).await.json();
    let expected = json!({ "status": "Success", "code": "0", "errors": [], "docId": "<number>" });
    assert_eq!(shape(&sent), expected);
    for method in ["GET", "POST"] {
        let pending = h60.edoc(method, "getPendingDocIds", &[], b"").await.json();
        let expected = json!({
            "status": "Success", "code": "0", "errors": [],
            "docIDs": ["<number>"], "data": [{ "docId": "<number>", "organId": H60 }],
        });
        assert_eq!(shape(&pending), expected);
        assert_eq!(pending["docIDs"][0], pending["data"][0]["docId"]);
    }
    let status = [("type", "STATUS".to_owned())];
    let none = h60.edoc("GET", "getPendingDocIds", &status, b"").await.json();
    assert_eq!(none["docIDs"], json!([]));
    for (code, is_there) in [("1/VP", true), ("2/VP", false)] {
        let asked = json!({ "fromOrgan": H60, "toOrgan": H60, "docCode": code }).to_string();
        let exists = h60.edoc("POST", "checkExistDocument", &[], asked.as_bytes()).await.json();
        let expected =
            json!({ "status": "Success", "code": "0", "errors": [], "isExist": is_there });
        assert_eq!(exists, expected);
    }
    let pending = h60.edoc("GET", "getPendingDocIds", &[], b"").await.json();
    let id = [("docId", pending["docIDs"][0].to_string())];
    let got = h60.edoc("POST", "getDocument", &id, b"").await.json();
    let data = base64_simd::STANDARD.encode_to_string(&file);
    let expected = json!({ "status": "Success", "code": "0", "errors": [], "data": data });
    assert_eq!(got, expected);
    let confirmed = h60.edoc("POST", "confirmReceived", &id, b"").await.json();
    assert_eq!(confirmed, json!({ "status": "Success", "code": "0", "errors": [] }));
    let below = h60.edoc("GET", &format!("getOrganizations?organId={H60}"), &[], b"").await.json();
    let organs = below["organizations"].as_array().unwrap();
    let own = organs.iter().find(|organ| organ["organId"] == H60_06).unwrap();
    assert!(organs.iter().all(|organ| organ["organId"] != G12 && organ["organId"] != H60));
    assert_eq!(own["organizationInCharge"], H60);
    gateway.stop().await;
}

// domain.md 2.6: keys of the client's classes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quang_nam_answers_in_its_shapes() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(&COUNTRY), data.path()).await;
    let h60 = system(&gateway, "h60", Way::Tls, Proof::Own);
    let ok = |more: Value| {
        let mut expected = json!({ "status": "OK", "errorCode": "0", "errorDesc": "Thành công" });
        expected.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        expected
    };
    let file = edxml(H60, &[H60], 1);
    let data = base64_simd::STANDARD.encode_to_string(&file);
    let body = json!({ "data": data, "type": "edoc" }).to_string();
    let sent = h60.qn("POST", "vanbans", body.as_bytes()).await.json();
    assert_eq!(shape(&sent), ok(json!({ "docId": "<docId>" })));
    let listed = h60.qn("GET", "vanbans", b"").await.json();
    let item = json!({
        "serviceType": "eDoc", "messageType": "edoc", "docId": "<docId>", "from": H60, "to": H60,
        "status": "INITIAL", "statusDesc": "Đã đến, chưa lấy", "createdTime": "<time>",
    });
    assert_eq!(shape(&listed), ok(json!({ "data": [item] })));
    let id = listed["data"][0]["docId"].as_str().unwrap();
    let got = h60.qn("GET", &format!("vanbans/{id}"), b"").await.json();
    assert_eq!(got, ok(json!({ "data": data })));
    for status in ["INITIAL", "PROCESSING", "DONE"] {
        let said = h60.qn("PUT", &format!("vanbans/{id}?status={status}"), b"").await.json();
        assert_eq!(said, ok(json!({})), "{status}");
    }
    let country = h60.qn("GET", "donvilienthongs", b"").await.json();
    let province = h60.qn("GET", "donvilienthongs/qn", b"").await.json();
    let codes = |list: &Value| -> Vec<String> {
        let organs = list["data"].as_array().unwrap().iter();
        organs.map(|organ| organ["code"].as_str().unwrap().to_owned()).collect()
    };
    assert!(codes(&country).contains(&G12.to_owned()));
    let own = codes(&province);
    assert!(own.contains(&H60_06.to_owned()) && !own.contains(&G12.to_owned()));
    let new = json!({
        "code": "000.00.99.H60", "name": "Đơn vị mới", "pcode": H60, "email": "a@b.vn", "mobile": "", "fax": "",
    });
    let registered = h60.qn("POST", "donvilienthongs", new.to_string().as_bytes()).await.json();
    assert_eq!(registered, ok(json!({})));
    let province = h60.qn("GET", "donvilienthongs/qn", b"").await.json();
    assert!(codes(&province).contains(&"000.00.99.H60".to_owned()));
    let removed = h60.qn("PUT", "donvilienthongs?agencyCode=000.00.99.H60", b"").await.json();
    assert_eq!(removed, ok(json!({})));
    let province = h60.qn("GET", "donvilienthongs/qn", b"").await.json();
    assert!(!codes(&province).contains(&"000.00.99.H60".to_owned()));
    gateway.stop().await;
}

// curl and Java's client of today speak HTTP/2 where they are let.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_2_is_served_like_http_1() {
    use http_body_util::{BodyExt, Full};
    use hyper_util::rt::{TokioExecutor, TokioIo};
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(&COUNTRY), data.path()).await;
    let config = client_config(&crate::world::bundle(&gateway, crate::vxp_wire::H60));
    let address = crate::world::address(&gateway, "lgsp-h60");
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let name = rustls_pki_types::ServerName::IpAddress(address.ip().into());
    let stream = tokio_rustls::TlsConnector::from(config).connect(name, stream).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio_util::task::TaskTracker::new().spawn(connection);
    let file = edxml(H60, &[H60], 1);
    let request = http::Request::post("https://x/v1/sendEdoc")
        .header("content-type", crate::lgsp_wire::FORM)
        .body(Full::new(bytes::Bytes::from(form(&file, "edoc"))))
        .unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/json; charset=utf-8");
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let sent: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(sent["success"], true, "{sent}");
    gateway.stop().await;
}
