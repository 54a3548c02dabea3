//! What a taxpayer owes, asked and answered in signed XML (domain.md 1.2 C7: SOAP with `XMLDSig`). The form of the message is
//! assumed; the signature is a real one. Question and answer each carry an enveloped signature in the body's only
//! element: of the member that calls, and of the tax system.

use std::fmt;
use std::sync::Arc;

use super::Taxes;
use super::taxpayer::Taxpayer;
use crate::clock::Timestamp;
use crate::domain::envelope::SignatureState;
use crate::domain::member_id::MemberId;
use crate::pki::{CertificateFacts, Holder};
use crate::providers::population::Population;
use crate::providers::soap::{self, Element, Envelope, FaultCode, SoapFault, Xml};
use crate::providers::{Answer, Call, Description, Kind, Provider, Sureness};
use crate::signature::{Anchors, Signer, verify};

const NAMESPACE: &str = "http://thue.gdt.gov.vn/ketnoi/1.0";
const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
const WSDL: &str = include_str!("../wsdl/thue.wsdl");
const TRANSACTION_CHARS_MAX: usize = 64;

/// The code of the service, and the root of its question.
pub const CODE: &str = "TraCuuNghiaVuThue";

static DESCRIPTION: Description = Description {
    code: CODE,
    owner: "G12",
    system: "THUE",
    version: "1.0",
    title_vi: "Thuế: tra cứu nghĩa vụ thuế bằng thông điệp XML ký số",
    title_en: "Tax: a taxpayer's obligations by signed XML messages",
    sureness: Sureness::Likely,
    kind: Kind::Wsdl(WSDL),
};

/// The signed door of the tax database.
pub struct SignedTaxes {
    taxes: Taxes,
    anchors: Anchors,
    signer: Signer,
}

/// A question that was understood.
struct Asked<'a> {
    transaction: &'a str,
    code: &'a str,
    year: u16,
}

impl SignedTaxes {
    /// `anchors` vouch for those who call; `signer` is the tax system.
    pub fn new(seed: u64, population: &Arc<Population>, anchors: Anchors, signer: Signer) -> Self {
        Self { taxes: Taxes::new(seed, population), anchors, signer }
    }

    fn ask(&self, call: &Call<'_>) -> Answer {
        let envelope = match Envelope::read(call.body) {
            Ok(envelope) => envelope,
            Err(fault) => return fault.answer(),
        };
        let root = envelope.root();
        if root.namespace != NAMESPACE || root.name != CODE {
            let message = format!("dịch vụ này chỉ nhận {CODE} trong không gian tên {NAMESPACE}");
            return envelope.fault(&SoapFault::client(message));
        }
        let answered = self
            .check(envelope.root_text(call.body), call)
            .and_then(|()| Asked::read(root))
            .and_then(|asked| self.answer_to(&asked, call.now_ms));
        match answered {
            Ok(body) => envelope.answer(&body),
            Err(fault) => envelope.fault(&fault),
        }
    }

    /// The question must be signed, unaltered, and by nobody but who calls: a signature that any member could lend
    /// to any other would prove nothing.
    fn check(&self, question: &str, call: &Call<'_>) -> Result<(), SoapFault> {
        let at = Timestamp::from_ms(u64::try_from(call.now_ms).unwrap_or_default());
        let verdict = verify(question.as_bytes(), &self.anchors, at);
        let refused = |code: &str, why: &str| {
            let note = &verdict.note;
            let detail = if note.is_empty() { String::new() } else { format!(" ({note})") };
            Err(SoapFault::client(format!("{code}: {why}{detail}")))
        };
        match verdict.state {
            SignatureState::Valid => {}
            SignatureState::None | SignatureState::Unchecked => {
                return refused(
                    "CHUA_KY",
                    "thông điệp chưa ký số: cần ds:Signature trong phần tử gốc",
                );
            }
            SignatureState::Invalid => {
                return refused(
                    "CHU_KY_SAI",
                    "chữ ký số không khớp nội dung; phần tử đã ký phải tự khai báo không gian tên",
                );
            }
            SignatureState::Untrusted => {
                return refused(
                    "CHUNG_THU_LA",
                    "không có cơ quan chứng thực nào bảo đảm chứng thư đã ký",
                );
            }
        }
        let facts = verdict.certificate.as_deref().map(CertificateFacts::read);
        let holder = facts.and_then(Result::ok).and_then(|facts| facts.holder);
        let caller = MemberId::parse(call.caller).ok().map(Holder::Member);
        if holder.is_none() || holder != caller {
            let signer = holder.map_or_else(String::new, |holder| holder.to_string());
            let why = format!("bên gọi là {}, bên ký là {signer}", call.caller);
            return refused("SAI_NGUOI_KY", &why);
        }
        Ok(())
    }

    fn answer_to(&self, asked: &Asked<'_>, now_ms: i64) -> Result<String, SoapFault> {
        let found = Taxpayer::find(&self.taxes.population, asked.code).ok_or_else(|| {
            SoapFault::client("KHONG_CO_NNT: không có người nộp thuế mang mã số này")
        })?;
        let mut xml = Xml::default();
        xml.open(&format!("{CODE}Response xmlns=\"{NAMESPACE}\""));
        xml.leaf("MaGiaoDich", asked.transaction);
        xml.leaf("MaSoThue", asked.code);
        xml.leaf("TenNguoiNopThue", &found.name());
        xml.leaf("Nam", &asked.year.to_string());
        for obligation in self.taxes.obligations_of(&found, asked.year, now_ms) {
            xml.open("NghiaVu");
            for (name, value) in obligation.fields() {
                xml.leaf(name, &value);
            }
            xml.close("NghiaVu");
        }
        xml.close(&format!("{CODE}Response"));
        self.signer.sign_root(&xml.into_text()).map_err(|error| {
            tracing::error!(%error, "the tax system cannot sign its answer");
            SoapFault::new(FaultCode::Server, "cơ quan thuế không ký được câu trả lời")
        })
    }
}

impl<'a> Asked<'a> {
    fn read(root: &'a Element) -> Result<Self, SoapFault> {
        let mut fields = [("MaGiaoDich", None), ("MaSoThue", None), ("Nam", None)];
        for child in root.children.iter().filter(|child| child.namespace != DSIG) {
            let field = fields.iter_mut().find(|(name, _)| *name == child.name);
            let known = field.filter(|_| child.namespace == NAMESPACE && child.children.is_empty());
            match known {
                Some((_, place)) if place.is_none() => *place = Some(child.text.trim()),
                Some(_) | None => {
                    return Err(SoapFault::client(format!("{} thừa hoặc lặp lại", child.name)));
                }
            }
        }
        let [(_, transaction), (_, code), (_, year)] = fields;
        let missing = |name: &str| SoapFault::client(format!("{name} thiếu hoặc sai"));
        let length = 1..=TRANSACTION_CHARS_MAX;
        let transaction = transaction.filter(|text| length.contains(&text.chars().count()));
        let year = year.and_then(|text| text.parse().ok());
        let years = super::YEAR_MIN..=super::YEAR_MAX;
        Ok(Self {
            transaction: transaction.ok_or_else(|| missing("MaGiaoDich"))?,
            code: code.filter(|code| !code.is_empty()).ok_or_else(|| missing("MaSoThue"))?,
            year: year
                .filter(|year| years.contains(&i64::from(*year)))
                .ok_or_else(|| missing("Nam"))?,
        })
    }
}

impl Provider for SignedTaxes {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        soap::serve(call, WSDL, |call| self.ask(call))
    }
}

impl fmt::Debug for SignedTaxes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedTaxes").finish_non_exhaustive()
    }
}
