//! Receipts of fees paid online (domain.md 4.10): the one-stop system of a partner reports what was paid for a dossier.
//!
//! The fields are the source's. Path, checksum order and answer are unsure: here the checksum is the hexadecimal
//! SHA-256 of the fields in the source's order without `accessKey` and `checksum`, and then `accessKey`, joined by `|`.

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::http::{Fault, Outcome, Reason, Request, Route, dispatch};
use super::input::Text;
use super::moment::iso;
use super::seed::sandbox_secret;
use super::table::{Bounds, Table};
use super::{Answer, Call, Description, Kind, Provider, Sureness};

const RECEIPTS: Bounds = Bounds { rows_max: 50_000, bytes_max: 32 << 20 };
const RECEIPT_BYTES: usize = 256;

static DESCRIPTION: Description = Description {
    code: "paygov",
    owner: "G06",
    system: "PAYGOV",
    version: "1.0",
    title_vi: "Biên lai thanh toán trực tuyến (PayGov)",
    title_en: "Online payment receipts (PayGov)",
    sureness: Sureness::Unsure,
    kind: Kind::OpenApi(include_str!("openapi/paygov.json")),
};

pub(super) const ROUTES: &[Route<Receipts>] = &[
    Route { method: "POST", template: "/receipts", run: Receipts::create },
    Route { method: "GET", template: "/receipts/{docCode}", run: Receipts::show },
];

#[derive(Debug)]
pub struct Receipts {
    /// By partner and dossier code.
    receipts: Mutex<Table<(String, String), Receipt>>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    receipt_number: String,
    partner_code: String,
    doc_code: String,
    created_at: String,
    #[serde(skip)]
    checksum: String,
    #[serde(skip)]
    caller: String,
}

/// A payment as the partner reports it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    partner_code: Text<1, 64>,
    access_key: Text<1, 128>,
    payer_id: Text<1, 64>,
    payer_name: Text<1, 200>,
    payer_address: Option<Text<0, 500>>,
    payer_district: Option<Text<0, 200>>,
    payer_province: Option<Text<0, 200>>,
    doc_code: Text<1, 64>,
    procedure_name: Text<1, 1000>,
    paids: Text<1, 65536>,
    other_info: Option<Text<0, 2000>>,
    checksum: Text<64, 64>,
    decision_date: Option<Text<0, 32>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    error_code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<&'a Receipt>,
}

impl Payment {
    /// The checksum these fields must carry.
    pub fn expected_checksum(&self) -> String {
        fn text<const MAX: usize>(field: Option<&Text<0, MAX>>) -> &str {
            field.map_or("", |text| text)
        }
        let fields: [&str; 12] = [
            &self.partner_code,
            &self.payer_id,
            &self.payer_name,
            text(self.payer_address.as_ref()),
            text(self.payer_district.as_ref()),
            text(self.payer_province.as_ref()),
            &self.doc_code,
            &self.procedure_name,
            &self.paids,
            text(self.other_info.as_ref()),
            text(self.decision_date.as_ref()),
            &self.access_key,
        ];
        Sha256::digest(fields.join("|")).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Default for Receipts {
    fn default() -> Self {
        Self { receipts: Mutex::new(Table::new(RECEIPTS)) }
    }
}

impl Receipts {
    /// The same payment again gets the same receipt; another one for the dossier is refused.
    fn create(&self, request: &Request<'_>) -> Outcome {
        let payment: Payment = request.json()?;
        if *payment.access_key != *sandbox_secret(&payment.partner_code) {
            return Err(Fault::new(
                Reason::Unauthenticated,
                "accessKey không đúng với partnerCode",
            ));
        }
        let checksum = payment.expected_checksum();
        if !payment.checksum.eq_ignore_ascii_case(&checksum) {
            return Err(Fault::conflict("checksum không khớp với nội dung"));
        }
        if base64_simd::STANDARD.check(payment.paids.as_bytes()).is_err() {
            return Err(Fault::conflict("paids không phải base64"));
        }
        let key = (payment.partner_code.to_string(), payment.doc_code.to_string());
        let mut receipts = self.receipts.lock();
        if let Some(known) = receipts.get(&key) {
            if known.checksum != checksum {
                return Err(Fault::conflict("hồ sơ này đã có biên lai với nội dung khác"));
            }
            return Ok(told(known));
        }
        let receipt = Receipt {
            receipt_number: format!("BL{:08}", receipts.len().saturating_add(1)),
            partner_code: key.0.clone(),
            doc_code: key.1.clone(),
            created_at: iso(request.call.now_ms),
            checksum,
            caller: request.call.caller.to_owned(),
        };
        let bytes = key.0.len().saturating_add(key.1.len()).saturating_mul(2);
        receipts.put(key, receipt.clone(), bytes.saturating_add(RECEIPT_BYTES))?;
        Ok(told(&receipt))
    }

    /// A member sees the receipts it asked for.
    fn show(&self, request: &Request<'_>) -> Outcome {
        let receipts = self.receipts.lock();
        let mine = |receipt: &&Receipt| {
            receipt.doc_code == request.parameter() && receipt.caller == request.call.caller
        };
        let found = receipts.values().find(mine);
        Ok(told(found.ok_or_else(|| Fault::not_found("không có biên lai của hồ sơ này"))?))
    }
}

fn told(receipt: &Receipt) -> Answer {
    Answer::json(200, &Told { error_code: "00", message: "Thành công", receipt: Some(receipt) })
}

fn word(fault: &Fault) -> Answer {
    let body = Told { error_code: fault.reason.code(), message: &fault.message, receipt: None };
    Answer::json(fault.reason.status(), &body)
}

impl Provider for Receipts {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        dispatch(self, ROUTES, call).unwrap_or_else(|fault| word(&fault))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::{Asker, NOW, OTHER, PROVINCE};
    use super::*;

    fn payment(change: impl Fn(&mut Value)) -> Value {
        let mut body = json!({"partnerCode": "TQ", "accessKey": sandbox_secret("TQ"), "payerId": "099000000001",
            "payerName": "NGUYỄN VĂN AN", "payerAddress": "Số 1", "payerDistrict": "", "payerProvince": "Tuyên Quang",
            "docCode": "H60-260105-0001", "procedureName": "Đăng ký khai sinh", "paids": "W10=", "otherInfo": null,
            "checksum": "0".repeat(64), "decisionDate": "20260105"});
        change(&mut body);
        let read: Payment = serde_json::from_value(body.clone()).unwrap();
        body["checksum"] = json!(read.expected_checksum());
        body
    }

    #[test]
    fn the_checksum_is_over_the_fields_in_their_order_and_the_key() {
        let key = sandbox_secret("TQ");
        let text = format!(
            "TQ|099000000001|NGUYỄN VĂN AN|Số 1||Tuyên Quang|H60-260105-0001|Đăng ký khai sinh|W10=||20260105|{key}"
        );
        let digest: String =
            Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(payment(|_| {})["checksum"], digest);
    }

    #[test]
    fn the_same_payment_twice_is_one_receipt() {
        let provider = Receipts::default();
        let asker = Asker::new(&provider, PROVINCE);
        let (status, first) = asker.post("/receipts", &payment(|_| {}));
        assert_eq!((status, &first["errorCode"]), (200, &json!("00")));
        assert_eq!(first["receipt"]["receiptNumber"], "BL00000001");
        assert_eq!(asker.at(NOW + 1_000).post("/receipts", &payment(|_| {})).1, first);
        assert_eq!(asker.get("/receipts/H60-260105-0001").1, first);
        assert_eq!(Asker::new(&provider, OTHER).get("/receipts/H60-260105-0001").0, 404);
        assert_eq!(asker.post("/receipts", &payment(|body| body["paids"] = json!("W11d"))).0, 409);
    }

    #[test]
    fn wrong_keys_checksums_and_contents_are_refused() {
        let provider = Receipts::default();
        let asker = Asker::new(&provider, PROVINCE);
        let mut spoiled = payment(|_| {});
        spoiled["payerName"] = json!("TRẦN VĂN BÌNH");
        let table = [
            (payment(|body| body["accessKey"] = json!("x")), 401),
            (spoiled, 409),
            (payment(|body| body["paids"] = json!("không")), 409),
            (json!({"partnerCode": "TQ"}), 400),
        ];
        for (body, status) in table {
            assert_eq!(asker.post("/receipts", &body).0, status, "{body}");
        }
        *provider.receipts.lock() = Table::new(Bounds { rows_max: 0, bytes_max: 0 });
        assert_eq!(asker.post("/receipts", &payment(|_| {})).0, 503);
    }
}
