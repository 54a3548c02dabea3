//! The national population database (domain.md 4.2): SOAP, one service for each operation, because X-Road's service
//! code is the name of the body's root (wire/xroad.md 2.9). It tells of nobody whose number, name and date of birth
//! the caller does not already know.

mod access;
mod changes;
mod record;
mod request;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use http::Method;

use super::soap::{CONTENT_TYPE, Envelope, SoapFault, Xml};
use super::{Answer, Call, Description, Kind, Provider, Sureness};
use crate::providers::population::{Person, Population};
pub use access::Access;
use request::{Citizen, Request};

/// Of requests and of the answer's root.
const NAMESPACE: &str = "http://dancuquocgia.bca";
/// WSDL 1.1 of all operations.
const WSDL: &str = include_str!("../wsdl/dancu.wsdl");

/// One operation of the database.
#[derive(Debug)]
pub struct PopulationDatabase {
    population: Arc<Population>,
    operation: Operation,
    access: Option<Arc<Access>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Whether such a citizen exists.
    Authenticate,
    /// The whole record; also the change feed.
    Lookup,
    /// Parents, spouse, guardian and head of household.
    VerifyRelatives,
}

static AUTHENTICATE: Description = Description {
    code: "XacThucThongTinCongDan",
    owner: "G01",
    system: "CSDLDC",
    version: "1.0",
    title_vi: "CSDL quốc gia về dân cư: xác thực thông tin công dân",
    title_en: "National population database: authenticate a citizen's data",
    sureness: Sureness::Source,
    kind: Kind::Wsdl(WSDL),
};

static LOOKUP: Description = Description {
    code: "TraCuuThongTinCongDan",
    owner: "G01",
    system: "CSDLDC",
    version: "1.0",
    title_vi: "CSDL quốc gia về dân cư: tra cứu thông tin công dân",
    title_en: "National population database: look up a citizen",
    sureness: Sureness::Source,
    kind: Kind::Wsdl(WSDL),
};

static VERIFY_RELATIVES: Description = Description {
    code: "XacMinhThongTinNhanThan",
    owner: "G01",
    system: "CSDLDC",
    version: "1.0",
    title_vi: "CSDL quốc gia về dân cư: xác minh thông tin nhân thân",
    title_en: "National population database: verify a citizen's relatives",
    sureness: Sureness::Likely,
    kind: Kind::Wsdl(WSDL),
};

impl PopulationDatabase {
    /// Without `access` the credentials inside the message are not looked at: who may ask is then the gateway's
    /// business alone.
    pub fn new(
        population: Arc<Population>,
        operation: Operation,
        access: Option<Arc<Access>>,
    ) -> Self {
        Self { population, operation, access }
    }

    /// A service for each operation.
    pub fn services(
        population: &Arc<Population>,
        access: Option<&Arc<Access>>,
    ) -> Vec<Box<dyn Provider>> {
        let service = |operation| -> Box<dyn Provider> {
            Box::new(Self::new(Arc::clone(population), operation, access.cloned()))
        };
        Operation::ALL.into_iter().map(service).collect()
    }

    fn ask(&self, call: &Call<'_>) -> Answer {
        if let Some(Err(fault)) = self.access.as_ref().map(|access| access.check(call)) {
            let mut answer = fault.answer();
            answer.status = 401;
            return answer.with_header("WWW-Authenticate", "Basic realm=\"CSDLDC\"");
        }
        let envelope = match Envelope::read(call.body) {
            Ok(envelope) => envelope,
            Err(fault) => return fault.answer(),
        };
        match self.answer_to(&envelope, call.now_ms) {
            Ok(body) => envelope.answer(&body),
            Err(fault) => envelope.fault(&fault),
        }
    }

    fn answer_to(&self, envelope: &Envelope, now_ms: i64) -> Result<String, SoapFault> {
        let root = envelope.root();
        let name = self.description().code;
        if root.namespace != NAMESPACE || root.name != name {
            let message = format!("dịch vụ này chỉ nhận {name} trong không gian tên {NAMESPACE}");
            return Err(SoapFault::client(message));
        }
        let request = request::read(root, self.operation, now_ms)?;
        let mut xml = Xml::default();
        xml.open(&format!("{name}Response xmlns=\"{NAMESPACE}\""));
        match (request, self.operation) {
            (Request::Changes(window), _) => changes::write(&mut xml, &self.population, window),
            (Request::Citizen(asked), Operation::Authenticate) => {
                xml.open("KetQuaXacThuc");
                xml.leaf("TonTai", if self.find(&asked).is_some() { "true" } else { "false" });
                xml.close("KetQuaXacThuc");
            }
            (Request::Citizen(asked), Operation::Lookup) => {
                let found: Vec<Person> = self.find(&asked).into_iter().collect();
                record::collection(&mut xml, None, |xml| {
                    found.iter().for_each(|person| record::whole(xml, &self.population, person));
                });
            }
            (Request::Citizen(asked), Operation::VerifyRelatives) => {
                let found = self.find(&asked);
                record::collection(&mut xml, None, |xml| {
                    found.iter().for_each(|person| record::family(xml, &self.population, person));
                });
            }
        }
        xml.close(&format!("{name}Response"));
        Ok(xml.into_text())
    }

    /// No match unless numbers, name and date agree (domain.md 4.2).
    fn find(&self, asked: &Citizen) -> Option<Person> {
        let person = match (asked.number, asked.old_number) {
            (Some(number), _) => self.population.find(number),
            (None, Some(old_number)) => self.population.find_by_old_number(old_number),
            (None, None) => None,
        };
        person.filter(|person| {
            asked.old_number.is_none_or(|old_number| person.old_number == Some(old_number))
                && person.name.matches(&asked.name)
                && asked.birth.matches(person.birth_date)
        })
    }
}

impl Operation {
    pub const ALL: [Self; 3] = [Self::Authenticate, Self::Lookup, Self::VerifyRelatives];
}

impl Provider for PopulationDatabase {
    fn description(&self) -> &'static Description {
        match self.operation {
            Operation::Authenticate => &AUTHENTICATE,
            Operation::Lookup => &LOOKUP,
            Operation::VerifyRelatives => &VERIFY_RELATIVES,
        }
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        let refused = |status, message: &str| {
            let mut answer = SoapFault::client(message).answer();
            answer.status = status;
            answer
        };
        if !matches!(call.path, "" | "/") {
            return refused(404, "dịch vụ không có đường dẫn này");
        }
        let wants_wsdl = call.query.is_some_and(|query| query.eq_ignore_ascii_case("wsdl"));
        match *call.method {
            Method::POST => self.ask(call),
            Method::GET if wants_wsdl => Answer::new(200, CONTENT_TYPE, WSDL),
            _ => refused(405, "chỉ nhận POST, hoặc GET ?wsdl").with_header("Allow", "GET, POST"),
        }
    }
}
