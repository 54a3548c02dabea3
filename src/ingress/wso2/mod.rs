//! The gateway-style face of NGSP/NDXP and the LGSPs, and the adapter in front of a security server: what WSO2
//! API Manager and the Vietnamese adapter show to a client (domain.md 4.1 a and b).
//!
//! `face`, `login` and `adapter_door` meet the call plane; every other file is a function of what it is given, time and
//! random bytes included.
//!
//! Invariant: no secret and no token is ever in a `Debug` text.

mod accept;
mod adapter;
mod adapter_door;
mod application;
mod bearer;
mod context;
mod credentials;
mod face;
mod fault;
mod login;
mod percent;
mod quota;
mod request;
mod secret;
mod token;

pub use adapter::AdapterFault;
pub use adapter_door::takes as adapter_takes;
pub use application::{Application, ApplicationKey, Applications, BadApplication, KeyKind, Quota};
pub(in crate::ingress) use bearer::tell_token;
pub use face::{Desk, Gateway};
pub(in crate::ingress) use face::{fields, header_map_of};
pub(in crate::ingress) use login::{LOGIN_PATH, Shown};
pub use secret::Secret;
