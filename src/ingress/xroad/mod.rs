//! X-Road's dialects (wire/xroad.md): REST `r1` and SOAP 4.0, with their metaservices.
//!
//! `face`, `soap_door`, `asic` and `verification_conf` meet the call plane, `words` and `registry` put it in X-Road's
//! words; every other file is a pure function of what came over the wire.

mod asic;
mod body_hash;
mod code;
mod face;
mod fault;
mod headers;
mod identifier;
mod metaservice;
mod mime;
mod mime_write;
mod openapi;
mod percent;
mod query;
mod registry;
mod request_hash;
mod soap;
mod soap_door;
mod target;
mod verification_conf;
mod words;
mod wsdl_query;
mod xml;

pub use face::XRoad;

/// Whether a WSDL can be read: its address could not be taken out otherwise.
pub fn check_wsdl(text: &str) -> Result<(), String> {
    wsdl_query::anonymise_wsdl_address(text)
        .map(drop)
        .ok_or_else(|| "not well-formed XML, or with a DTD".to_owned())
}
