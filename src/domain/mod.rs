//! What an exchange of documents is. Pure: values in, values out.
//!
//! Invariant: nothing here is async, does I/O, asks a clock or draws a random number.

pub mod agency;
pub mod behaviour;
pub mod calendar;
pub mod conditions;
pub mod directory;
pub mod document_type;
pub mod edxml;
pub mod envelope;
pub mod fact;
pub mod member_id;
pub mod rejection;
pub mod routing;
pub mod rules;
pub mod secrecy;
pub mod service;
pub mod signature;
pub mod status;
pub mod tracking;
