//! The door of a system that takes signed questions and gives signed answers (domain.md 1.2 C7: SOAP with `XMLDSig`).
//! Question and answer each carry an enveloped signature in the body's only element: of the member that calls, and of
//! the system.

use std::collections::BTreeMap;
use std::fmt;

use crate::clock::Timestamp;
use crate::domain::envelope::SignatureState;
use crate::domain::member_id::MemberId;
use crate::pki::{CertificateFacts, Holder};
use crate::providers::soap::{Element, Envelope, FaultCode, SoapFault, Xml};
use crate::providers::{Answer, Call};
use crate::signature::{Anchors, Signer, verify};

const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";

pub struct Door {
    anchors: Anchors,
    signer: Signer,
}

/// The fields of a question, by name.
#[derive(Debug)]
pub(super) struct Fields<'a>(BTreeMap<&'a str, &'a str>);

impl Door {
    /// `anchors` vouch for those who call; `signer` is the system.
    pub const fn new(anchors: Anchors, signer: Signer) -> Self {
        Self { anchors, signer }
    }

    /// Answers a question that is what it should be and signed by who calls. `answered` gives the answer's element.
    pub(super) fn ask(
        &self,
        call: &Call<'_>,
        (namespace, code): (&str, &str),
        answered: impl FnOnce(&Fields<'_>) -> Result<Xml, SoapFault>,
    ) -> Answer {
        let envelope = match Envelope::read(call.body) {
            Ok(envelope) => envelope,
            Err(fault) => return fault.answer(),
        };
        let root = envelope.root();
        if root.namespace != namespace || root.name != code {
            let message = format!("dịch vụ này chỉ nhận {code} trong không gian tên {namespace}");
            return envelope.fault(&SoapFault::client(message));
        }
        let answered = self
            .check(envelope.root_text(call.body), call)
            .and_then(|()| Fields::read(root))
            .and_then(|fields| answered(&fields))
            .and_then(|xml| self.sign(xml));
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

    fn sign(&self, xml: Xml) -> Result<String, SoapFault> {
        self.signer.sign_root(&xml.into_text()).map_err(|error| {
            tracing::error!(%error, "the tax system cannot sign its answer");
            SoapFault::new(FaultCode::Server, "cơ quan thuế không ký được câu trả lời")
        })
    }
}

impl<'a> Fields<'a> {
    /// Each at most once; the signature is none of them.
    fn read(root: &'a Element) -> Result<Self, SoapFault> {
        let mut fields = BTreeMap::new();
        for child in root.children.iter().filter(|child| child.namespace != DSIG) {
            let is_plain = child.namespace == root.namespace && child.children.is_empty();
            if !is_plain || fields.insert(child.name.as_str(), child.text.trim()).is_some() {
                return Err(SoapFault::client(format!("{} thừa hoặc lặp lại", child.name)));
            }
        }
        Ok(Self(fields))
    }

    /// None besides these.
    pub(super) fn only(&self, names: &[&str]) -> Result<(), SoapFault> {
        match self.0.keys().find(|name| !names.contains(name)) {
            Some(name) => Err(SoapFault::client(format!("{name} thừa hoặc lặp lại"))),
            None => Ok(()),
        }
    }

    /// One that must be there and not empty.
    pub(super) fn text(&self, name: &str) -> Result<&'a str, SoapFault> {
        self.0.get(name).copied().filter(|text| !text.is_empty()).ok_or_else(|| missing(name))
    }

    pub(super) fn number(&self, name: &str) -> Result<i64, SoapFault> {
        self.text(name)?.parse().map_err(|_no_number| missing(name))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

pub(super) fn missing(name: &str) -> SoapFault {
    SoapFault::client(format!("{name} thiếu hoặc sai"))
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").finish_non_exhaustive()
    }
}
