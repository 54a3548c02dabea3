//! All integration tests, one binary.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod actors;
mod calls;
mod cli;
mod flows;
mod journal;
mod journal_contract;
mod kill;
mod lgsp;
mod lgsp_errors;
mod lgsp_wire;
mod native;
mod native_faults;
mod operator;
mod processes;
mod quiet;
mod simulation;
mod tidy;
mod tls;
mod vxp;
mod vxp_client;
mod vxp_relay;
mod vxp_wire;
mod world;
