//! What a taxpayer owes, asked and answered in signed XML (domain.md 1.2 C7: SOAP with `XMLDSig`). The form of the message is
//! assumed; the signature is a real one (`door.rs`).

use std::fmt;
use std::sync::Arc;

use super::Taxes;
use super::door::{Door, Fields, missing};
use super::taxpayer::Taxpayer;
use crate::providers::population::Population;
use crate::providers::soap::{self, SoapFault, Xml};
use crate::providers::{Answer, Call, Description, Kind, Provider, Sureness};

pub const NAMESPACE: &str = "http://thue.gdt.gov.vn/ketnoi/1.0";
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
    door: Arc<Door>,
}

/// A question that was understood.
struct Asked<'a> {
    transaction: &'a str,
    code: &'a str,
    year: u16,
}

impl SignedTaxes {
    pub fn new(seed: u64, population: &Arc<Population>, door: &Arc<Door>) -> Self {
        Self { taxes: Taxes::new(seed, population), door: Arc::clone(door) }
    }

    fn answer_to(&self, asked: &Asked<'_>, now_ms: i64) -> Result<Xml, SoapFault> {
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
        Ok(xml)
    }
}

impl<'a> Asked<'a> {
    fn read(fields: &Fields<'a>) -> Result<Self, SoapFault> {
        fields.only(&["MaGiaoDich", "MaSoThue", "Nam"])?;
        let transaction = fields.text("MaGiaoDich")?;
        if transaction.chars().count() > TRANSACTION_CHARS_MAX {
            return Err(missing("MaGiaoDich"));
        }
        let year = fields.number("Nam")?;
        let years = super::YEAR_MIN..=super::YEAR_MAX;
        let year = u16::try_from(year).ok().filter(|_| years.contains(&year));
        let year = year.ok_or_else(|| missing("Nam"))?;
        Ok(Self { transaction, code: fields.text("MaSoThue")?, year })
    }
}

impl Provider for SignedTaxes {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        soap::serve(call, WSDL, |call| {
            self.door.ask(call, (NAMESPACE, CODE), |fields| {
                self.answer_to(&Asked::read(fields)?, call.now_ms)
            })
        })
    }
}

impl fmt::Debug for SignedTaxes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedTaxes").finish_non_exhaustive()
    }
}
