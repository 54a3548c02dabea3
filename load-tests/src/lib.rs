//! A load generator that speaks lienthong's native wire format and shares no other code with it.
//!
//! `run` drives one `Plan` against a server and states a `Report`; `scenario` holds named plans with
//! their thresholds; `peers` are bare servers to put beside the gateway in the same run.
//!
//! Invariant: what makes load (`sender`, `receiver`) and what judges it (`judge`) share no code; the
//! judge sees marks, never the wire.

mod channel;
mod counters;
mod document;
pub mod judge;
mod machine;
pub mod peers;
mod plan;
mod receiver;
mod report;
mod run;
mod runtime;
pub mod scenario;
mod sender;
pub mod units;
pub mod wire;

pub use machine::Machine;
pub use plan::{LoadError, Mode, Plan, TlsPaths};
pub use report::{Latency, Limit, Report};
pub use run::run;
