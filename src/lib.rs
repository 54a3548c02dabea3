//! The plan of the house: the rooms in the order a document meets them.

pub mod actors;
pub mod bus;
pub mod cli;
pub mod clock;
pub mod domain;
pub mod egress;
pub mod evidence;
pub mod gateway;
pub mod ingress;
pub mod journal;
pub mod observe;
pub mod operator;
pub mod pipeline;
pub mod pki;
pub mod providers;
pub mod random;
pub mod rules;
pub mod signature;
pub mod sim;
pub mod story;
pub mod telemetry;
pub mod texts;
pub mod tls;
pub mod topology;
pub mod wire;
