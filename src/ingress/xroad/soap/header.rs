//! The header of a SOAP message: its fields, each at most once (wire/xroad.md 2.9).

use super::walk::{Namespace, Token, Walk, malformed};
use super::{FIELD_CHARS_MAX, HEADER_ELEMENTS_MAX, SoapHeader};
use crate::ingress::xroad::code::Code;
use crate::ingress::xroad::fault::Fault;
use crate::ingress::xroad::identifier::{
    ClientId, IDENTIFIER_CHARS_MAX, RepresentedParty, ServerId, ServiceId, checked,
};
use quick_xml::events::BytesStart;
use std::ops::Range;

/// The fields found so far.
#[derive(Default)]
pub(super) struct Fields {
    client: Option<ClientId>,
    service: Option<ServiceId>,
    id: Option<String>,
    user_id: Option<String>,
    issue: Option<String>,
    protocol_version: Option<String>,
    represented_party: Option<RepresentedParty>,
    security_server: Option<ServerId>,
    pub(super) request_hash: Option<Range<usize>>,
    pub(super) is_present: bool,
    elements: usize,
}

impl Fields {
    /// Reads what stands between `<Header>`, just opened, and its end. A second `Header` adds to the
    /// first.
    pub(super) fn read(&mut self, walk: &mut Walk<'_>) -> Result<(), Fault> {
        self.is_present = true;
        loop {
            match walk.next()? {
                Token::Open(tag) => self.field(walk, &tag)?,
                Token::Text(_) => {}
                Token::Close | Token::End => return Ok(()),
            }
        }
    }

    fn field(&mut self, walk: &mut Walk<'_>, tag: &BytesStart<'_>) -> Result<(), Fault> {
        self.count()?;
        let begins = walk.begins;
        let local = tag.local_name();
        match (walk.namespace(tag)?, local.as_ref()) {
            (Namespace::Xroad, "id") => text(walk, "id", &mut self.id),
            (Namespace::Xroad, "userId") => text(walk, "userId", &mut self.user_id),
            (Namespace::Xroad, "issue") => text(walk, "issue", &mut self.issue),
            (Namespace::Xroad, "protocolVersion") => {
                text(walk, "protocolVersion", &mut self.protocol_version)?;
                check_version(self.protocol_version.as_deref().unwrap_or_default())
            }
            (Namespace::Xroad, "client") => {
                once("client", self.client.as_ref())?;
                let parts = self.identifier(walk, tag, &["MEMBER", "SUBSYSTEM"])?;
                self.client = Some(parts.client()?);
                Ok(())
            }
            (Namespace::Xroad, "service") => {
                once("service", self.service.as_ref())?;
                let parts = self.identifier(walk, tag, &["SERVICE"])?;
                self.service = Some(parts.service()?);
                Ok(())
            }
            (Namespace::Xroad, "securityServer") => {
                once("securityServer", self.security_server.as_ref())?;
                let parts = self.identifier(walk, tag, &["SERVER"])?;
                self.security_server = Some(parts.server()?);
                Ok(())
            }
            (Namespace::Representation, "representedParty") => {
                once("representedParty", self.represented_party.as_ref())?;
                let parts = self.parts(walk, Namespace::Representation)?;
                self.represented_party = Some(parts.party()?);
                Ok(())
            }
            (Namespace::Xroad, "requestHash") => {
                once("requestHash", self.request_hash.as_ref())?;
                walk.skip()?;
                self.request_hash = Some(begins..walk.ends());
                Ok(())
            }
            _ => walk.skip(),
        }
    }

    fn identifier(
        &mut self,
        walk: &mut Walk<'_>,
        tag: &BytesStart<'_>,
        expected: &[&str],
    ) -> Result<Parts, Fault> {
        let Some(object_type) = walk.identifier_attribute(tag, "objectType")? else {
            return Err(Fault::client(Code::InvalidXml, "Missing objectType attribute"));
        };
        if !expected.contains(&object_type.as_str()) {
            let shown: String = object_type.chars().take(IDENTIFIER_CHARS_MAX).collect();
            let message = format!("Unexpected objectType: {shown}");
            return Err(Fault::client(Code::InvalidXml, message));
        }
        self.parts(walk, Namespace::Identifiers)
    }

    fn parts(&mut self, walk: &mut Walk<'_>, namespace: Namespace) -> Result<Parts, Fault> {
        let mut parts = Parts::default();
        loop {
            match walk.next()? {
                Token::Open(tag) => {
                    self.count()?;
                    let known = PARTS.iter().find(|name| **name == tag.local_name().as_ref());
                    match known {
                        Some(name) if walk.namespace(&tag)? == namespace => {
                            parts.add(name, walk.value(FIELD_CHARS_MAX)?)?;
                        }
                        Some(_) | None => walk.skip()?,
                    }
                }
                Token::Text(_) => {}
                Token::Close | Token::End => return Ok(parts),
            }
        }
    }

    fn count(&mut self) -> Result<(), Fault> {
        self.elements += 1;
        if self.elements > HEADER_ELEMENTS_MAX {
            return Err(malformed("the header has too many elements"));
        }
        Ok(())
    }

    /// The whole header, or what is missing, in X-Road's order.
    pub(super) fn complete(self) -> Result<SoapHeader, Fault> {
        if !self.is_present {
            let message = "Malformed SOAP message: header missing";
            return Err(Fault::client(Code::MissingHeader, message));
        }
        Ok(SoapHeader {
            protocol_version: self.protocol_version.ok_or_else(|| missing("protocolVersion"))?,
            client: self.client.ok_or_else(|| missing("client"))?,
            id: self.id.ok_or_else(|| missing("id"))?,
            service: self.service.ok_or_else(|| missing("service"))?,
            user_id: self.user_id,
            issue: self.issue,
            represented_party: self.represented_party,
            security_server: self.security_server,
        })
    }
}

/// The children of an identifier, by name.
#[derive(Default)]
struct Parts(Vec<(&'static str, String)>);

impl Parts {
    fn add(&mut self, name: &'static str, value: String) -> Result<(), Fault> {
        once(name, self.0.iter().find(|(other, _)| *other == name))?;
        self.0.push((name, value));
        Ok(())
    }

    fn optional(&mut self, name: &str) -> Result<Option<String>, Fault> {
        let Some(at) = self.0.iter().position(|(other, _)| *other == name) else { return Ok(None) };
        let (name, value) = self.0.swap_remove(at);
        checked(value).map(Some).map_err(|error| {
            Fault::client(Code::InvalidXml, format!("Invalid identifier {name}: {error}"))
        })
    }

    fn required(&mut self, name: &str) -> Result<String, Fault> {
        self.optional(name)?.ok_or_else(|| {
            Fault::client(Code::InvalidXml, format!("Identifier part {name} is missing"))
        })
    }

    fn client(mut self) -> Result<ClientId, Fault> {
        Ok(ClientId {
            instance: self.required(INSTANCE)?,
            class: self.required(CLASS)?,
            member: self.required(MEMBER)?,
            subsystem: self.optional(SUBSYSTEM)?,
        })
    }

    fn service(mut self) -> Result<ServiceId, Fault> {
        Ok(ServiceId {
            instance: self.required(INSTANCE)?,
            class: self.required(CLASS)?,
            member: self.required(MEMBER)?,
            subsystem: self.optional(SUBSYSTEM)?,
            service_code: self.required(SERVICE)?,
            service_version: self.optional(VERSION)?,
        })
    }

    fn server(mut self) -> Result<ServerId, Fault> {
        Ok(ServerId {
            instance: self.required(INSTANCE)?,
            class: self.required(CLASS)?,
            member: self.required(MEMBER)?,
            server: self.required(SERVER)?,
        })
    }

    fn party(mut self) -> Result<RepresentedParty, Fault> {
        Ok(RepresentedParty {
            class: self.optional(PARTY_CLASS)?,
            code: self.required(PARTY_CODE)?,
        })
    }
}

fn text(walk: &mut Walk<'_>, name: &'static str, slot: &mut Option<String>) -> Result<(), Fault> {
    once(name, slot.as_ref())?;
    *slot = Some(walk.value(FIELD_CHARS_MAX)?);
    Ok(())
}

fn once<T>(name: &str, found: Option<&T>) -> Result<(), Fault> {
    match found {
        None => Ok(()),
        Some(_) => {
            let message = format!("SOAP header contains duplicate field '{name}'");
            Err(Fault::client(Code::DuplicateHeaderField, message))
        }
    }
}

fn missing(name: &str) -> Fault {
    Fault::client(Code::MissingHeaderField, format!("Required field '{name}' is missing"))
}

/// X-Road takes every `4.x`.
fn check_version(version: &str) -> Result<(), Fault> {
    if version.starts_with("4.") {
        return Ok(());
    }
    let shown: String = version.chars().take(IDENTIFIER_CHARS_MAX).collect();
    let message = format!("Invalid protocol version (supported: 4.x, provided: {shown})");
    Err(Fault::client(Code::InvalidProtocolVersion, message))
}

const INSTANCE: &str = "xRoadInstance";
const CLASS: &str = "memberClass";
const MEMBER: &str = "memberCode";
const SUBSYSTEM: &str = "subsystemCode";
const SERVICE: &str = "serviceCode";
const VERSION: &str = "serviceVersion";
const SERVER: &str = "serverCode";
const PARTY_CLASS: &str = "partyClass";
const PARTY_CODE: &str = "partyCode";
const PARTS: [&str; 9] =
    [INSTANCE, CLASS, MEMBER, SUBSYSTEM, SERVICE, VERSION, SERVER, PARTY_CLASS, PARTY_CODE];
