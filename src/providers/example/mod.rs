//! The mock services that X-Road's own development scenarios call: `mock1` (REST), `getRandom` and `helloService`
//! (SOAP, namespace `http://test.x-road.fi/producer`), so that those requests can be made here unchanged.

#[cfg(test)]
mod tests;

use http::Method;
use serde::Serialize;

use super::http::{Fault, Reason, failure};
use super::seed;
use super::soap::{self, Element, Envelope, SoapFault, Xml};
use super::{Answer, Call, Description, Kind, Provider, Sureness};

const NAMESPACE: &str = "http://test.x-road.fi/producer";
/// WSDL 1.1 of both operations.
const WSDL: &str = include_str!("../wsdl/example.wsdl");
const NAME_CHARS_MAX: usize = 256;
const RANDOM_MAX: u64 = 100;

/// One of the mock services.
#[derive(Debug)]
pub struct Example {
    seed: u64,
    mock: Mock,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mock {
    Rest,
    Random,
    Hello,
}

static REST: Description = Description {
    code: "mock1",
    owner: "1234",
    system: "TestService",
    version: "1.0",
    title_vi: "Dịch vụ mẫu của X-Road (REST)",
    title_en: "X-Road's example service (REST)",
    sureness: Sureness::Source,
    kind: Kind::OpenApi(include_str!("../openapi/mock1.json")),
};

static RANDOM: Description = Description {
    code: "getRandom",
    owner: "1234",
    system: "TestService",
    version: "v1",
    title_vi: "Dịch vụ mẫu của X-Road: một số ngẫu nhiên",
    title_en: "X-Road's example service: a random number",
    sureness: Sureness::Source,
    kind: Kind::Wsdl(WSDL),
};

static HELLO: Description = Description {
    code: "helloService",
    owner: "1234",
    system: "TestService",
    version: "v1",
    title_vi: "Dịch vụ mẫu của X-Road: lời chào",
    title_en: "X-Road's example service: a greeting",
    sureness: Sureness::Source,
    kind: Kind::Wsdl(WSDL),
};

impl Example {
    /// All mock services.
    pub fn services(seed: u64) -> Vec<Box<dyn Provider>> {
        let service = |mock| -> Box<dyn Provider> { Box::new(Self { seed, mock }) };
        [Mock::Rest, Mock::Random, Mock::Hello].into_iter().map(service).collect()
    }

    fn ask(&self, call: &Call<'_>) -> Answer {
        let envelope = match Envelope::read(call.body) {
            Ok(envelope) => envelope,
            Err(fault) => return fault.answer(),
        };
        match self.answer_to(envelope.root(), call.correlation) {
            Ok((name, value)) => {
                let code = self.description().code;
                let mut xml = Xml::default();
                xml.open(&format!("{code}Response xmlns=\"{NAMESPACE}\""));
                xml.open("response");
                xml.leaf(name, &value);
                xml.close("response");
                xml.close(&format!("{code}Response"));
                envelope.answer(&xml.into_text())
            }
            Err(fault) => envelope.fault(&fault),
        }
    }

    /// The element in the response and its text.
    fn answer_to(&self, root: &Element, id: &str) -> Result<(&'static str, String), SoapFault> {
        let code = self.description().code;
        if root.namespace != NAMESPACE || root.name != code {
            let message = format!("dịch vụ này chỉ nhận {code} trong không gian tên {NAMESPACE}");
            return Err(SoapFault::client(message));
        }
        if self.mock == Mock::Hello {
            let name = name(root).ok_or_else(|| {
                let message = format!("request/name phải có từ 1 đến {NAME_CHARS_MAX} ký tự");
                SoapFault::client(message)
            })?;
            return Ok(("message", format!("Hello {name}! Greetings from adapter server!")));
        }
        // The same for the same message, as everything simulated is.
        let drawn = 1 + seed::below(self.seed, &["random", id], RANDOM_MAX);
        Ok(("data", drawn.to_string()))
    }
}

fn name(root: &Element) -> Option<&str> {
    let child = |of: &'static str| move |one: &&Element| one.name == of;
    let request = root.children.iter().find(child("request"))?;
    let name = request.children.iter().find(child("name"))?.text.trim();
    (1..=NAME_CHARS_MAX).contains(&name.chars().count()).then_some(name)
}

#[derive(Serialize)]
struct Greeting {
    message: String,
}

impl Provider for Example {
    fn description(&self) -> &'static Description {
        match self.mock {
            Mock::Rest => &REST,
            Mock::Random => &RANDOM,
            Mock::Hello => &HELLO,
        }
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        if self.mock != Mock::Rest {
            return soap::serve(call, WSDL, |call| self.ask(call));
        }
        let refused = |reason, message: &str| failure(&Fault::new(reason, message));
        if !matches!(call.path, "" | "/") {
            return refused(Reason::NoPath, "dịch vụ không có đường dẫn này");
        }
        if !matches!(*call.method, Method::GET | Method::POST) {
            return refused(Reason::WrongMethod, "chỉ nhận GET, POST");
        }
        let message = format!("Hello, world from {} service!", call.method);
        Answer::json(200, &Greeting { message })
    }
}
