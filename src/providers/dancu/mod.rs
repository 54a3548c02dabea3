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

use super::citizen::{Newborn, Newborns};
use super::soap::{self, Envelope, SoapFault, Xml};
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
    newborns: Arc<Newborns>,
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
        (population, newborns): (Arc<Population>, Arc<Newborns>),
        operation: Operation,
        access: Option<Arc<Access>>,
    ) -> Self {
        Self { population, newborns, operation, access }
    }

    /// A service for each operation.
    pub fn services(
        population: &Arc<Population>,
        newborns: &Arc<Newborns>,
        access: Option<&Arc<Access>>,
    ) -> Vec<Box<dyn Provider>> {
        let service = |operation| -> Box<dyn Provider> {
            let people = (Arc::clone(population), Arc::clone(newborns));
            Box::new(Self::new(people, operation, access.cloned()))
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
                xml.leaf("TonTai", if self.is_known(&asked, now_ms) { "true" } else { "false" });
                xml.close("KetQuaXacThuc");
            }
            (Request::Citizen(asked), Operation::Lookup) => {
                let found: Vec<Person> = self.find(&asked).into_iter().collect();
                record::collection(&mut xml, None, |xml| {
                    found.iter().for_each(|person| record::whole(xml, &self.population, person));
                    let child = self.find_newborn(&asked, now_ms);
                    child.iter().for_each(|child| record::newborn(xml, &self.population, child));
                });
            }
            (Request::Citizen(asked), Operation::VerifyRelatives) => {
                let found = self.find(&asked);
                record::collection(&mut xml, None, |xml| {
                    found.iter().for_each(|person| record::family(xml, &self.population, person));
                    let child = self.find_newborn(&asked, now_ms);
                    child.iter().for_each(|child| record::newborn(xml, &self.population, child));
                });
            }
        }
        xml.close(&format!("{name}Response"));
        Ok(xml.into_text())
    }

    fn is_known(&self, asked: &Citizen, now_ms: i64) -> bool {
        self.find(asked).is_some() || self.find_newborn(asked, now_ms).is_some()
    }

    /// A child whose birth was registered while the simulator runs.
    fn find_newborn(&self, asked: &Citizen, now_ms: i64) -> Option<Newborn> {
        let child = self.newborns.find(asked.number?)?;
        let agrees = asked.old_number.is_none()
            && child.known_from_ms <= now_ms
            && is_same_name(&child.name, &asked.name)
            && asked.birth.matches(child.birth_date);
        agrees.then_some(child)
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

/// Whatever the case and the blanks between words.
fn is_same_name(own: &str, asked: &str) -> bool {
    let words = |text: &str| text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>();
    words(own) == words(asked)
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
        soap::serve(call, WSDL, |call| self.ask(call))
    }
}
