//! The land-tax link as the tax authority takes it (liên thông thuế đất; domain.md 1.2 C7 and 4.10; the form of the
//! messages is assumed): the information transfer slip comes in signed, and the tax notice goes back signed, both under
//! the dossier's code.

use std::sync::Arc;

use serde_json::{Value, json};

use super::door::{Door, Fields};
use super::signed::NAMESPACE;
use crate::providers::datdai::LandRegister;
use crate::providers::http::{Fault, Reason};
use crate::providers::soap::{self, SoapFault, Xml};
use crate::providers::{Answer, Call, Description, Kind, Provider, Sureness};

const WSDL: &str = include_str!("../wsdl/thuedat.wsdl");

/// Codes of the services, each the root of its question: the slip, and the notice.
pub const SLIP: &str = "GuiPhieuChuyenThongTin";
pub const NOTICE: &str = "TraCuuThongBaoThue";

/// In a fault: a slip of this dossier is there already.
pub const SLIP_TWICE: &str = "DA_CO_PHIEU";
/// In a fault: the notice is not made yet.
pub const NO_NOTICE_YET: &str = "CHUA_CO_THONG_BAO";

static TAKES_SLIPS: Description = Description {
    code: SLIP,
    owner: "G12",
    system: "THUE",
    version: "1.0",
    title_vi: "Liên thông thuế đất: gửi phiếu chuyển thông tin bằng XML ký số",
    title_en: "Land-tax link: the information transfer slip in signed XML",
    sureness: Sureness::Likely,
    kind: Kind::Wsdl(WSDL),
};

static GIVES_NOTICES: Description = Description {
    code: NOTICE,
    title_vi: "Liên thông thuế đất: thông báo thuế bằng XML ký số",
    title_en: "Land-tax link: the tax notice in signed XML",
    ..TAKES_SLIPS
};

/// One of the two services.
#[derive(Debug)]
pub struct LandTax {
    land: Arc<LandRegister>,
    door: Arc<Door>,
    description: &'static Description,
}

impl LandTax {
    /// Both, over the slips of `land`.
    pub fn services(land: &Arc<LandRegister>, door: &Arc<Door>) -> Vec<Box<dyn Provider>> {
        let service = |description: &'static Description| {
            let (land, door) = (Arc::clone(land), Arc::clone(door));
            Box::new(Self { land, door, description }) as Box<dyn Provider>
        };
        vec![service(&TAKES_SLIPS), service(&GIVES_NOTICES)]
    }

    fn take(&self, fields: &Fields<'_>, call: &Call<'_>) -> Result<Xml, SoapFault> {
        let value = "GiaTriGiaoDich";
        fields.only(&["MaHoSo", "MaXa", "SoTo", "SoThua", "LoaiGiaoDich", value])?;
        let declared = fields.has(value).then(|| fields.number(value)).transpose()?;
        let slip = json!({
            "maHoSo": fields.text("MaHoSo")?, "maXa": fields.text("MaXa")?,
            "soTo": fields.number("SoTo")?, "soThua": fields.number("SoThua")?,
            "loaiGiaoDich": fields.number("LoaiGiaoDich")?, "giaTriGiaoDich": declared,
        });
        let taken = self.land.take_slip(slip, |ms| call.done_after(ms));
        Ok(told(SLIP, &TAKEN, &taken.map_err(|fault| refused(&fault))?))
    }

    fn notice(&self, fields: &Fields<'_>, call: &Call<'_>) -> Result<Xml, SoapFault> {
        fields.only(&["MaHoSo"])?;
        let notice = self.land.notice_of(fields.text("MaHoSo")?, call.now_ms);
        Ok(told(NOTICE, &NOTICED, &notice.map_err(|fault| refused(&fault))?))
    }
}

fn refused(fault: &Fault) -> SoapFault {
    // A conflict names its own code.
    if fault.reason == Reason::Conflict {
        return SoapFault::client(fault.message.as_str());
    }
    SoapFault::client(format!("PHIEU_SAI: {}", fault.message))
}

/// What the register tells, in the order and with the names of the message.
fn told(code: &str, fields: &[&str], value: &Value) -> Xml {
    let mut xml = Xml::default();
    xml.open(&format!("{code}Response xmlns=\"{NAMESPACE}\""));
    write(&mut xml, fields, value);
    xml.close(&format!("{code}Response"));
    xml
}

fn write(xml: &mut Xml, fields: &[&str], value: &Value) {
    for name in fields {
        match value.get(lower(name)) {
            None | Some(Value::Null) => {}
            Some(Value::Array(many)) => {
                for one in many {
                    xml.open(name);
                    write(xml, if *name == "NguoiNop" { &OWNER } else { &ITEM }, one);
                    xml.close(name);
                }
            }
            Some(Value::String(text)) => xml.leaf(name, text),
            Some(other) => xml.leaf(name, &other.to_string()),
        }
    }
}

/// As JSON writes the name.
fn lower(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

const TAKEN: [&str; 3] = ["MaHoSo", "TrangThai", "MoTa"];
const NOTICED: [&str; 8] = [
    "MaHoSo",
    "SoThongBao",
    "NgayThongBao",
    "HanNop",
    "NguoiNop",
    "GiaTriTinhThue",
    "CacKhoan",
    "TongSoTien",
];
const OWNER: [&str; 3] = ["HoTen", "SoDinhDanh", "NgaySinh"];
const ITEM: [&str; 3] = ["MaKhoan", "TenKhoan", "SoTien"];

impl Provider for LandTax {
    fn description(&self) -> &'static Description {
        self.description
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        let code = self.description.code;
        soap::serve(call, WSDL, |call| {
            self.door.ask(call, (NAMESPACE, code), |fields| match code {
                SLIP => self.take(fields, call),
                _ => self.notice(fields, call),
            })
        })
    }
}
