//! Runs a scenario against any server of the native wire, a bare peer for one:
//! `canonical ADDRESS FOLDER SENDER RECEIVER[,RECEIVER…] [PID] [STEP] [SCENARIO]`.
//!
//! FOLDER holds `ca.pem`, `sender.pem`, `sender.key`, `receiver.pem` and `receiver.key`. Receivers `-`
//! measure a peer that delivers nothing; STEP runs only the steps whose name holds it; without SCENARIO it
//! is the canonical one.

#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::path::Path;

use lienthong_load::scenario::Scenario;
use lienthong_load::{Plan, TlsPaths, run};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next =
        || arguments.next().ok_or("canonical ADDRESS FOLDER SENDER RECEIVERS [PID] [STEP]");
    let (address, folder, sender, receivers) = (next()?, next()?, next()?, next()?);
    let server_pid = next().ok().and_then(|pid| pid.parse().ok());
    let step = next().unwrap_or_default();

    let folder = Path::new(&folder);
    let member = |name| TlsPaths::in_folder(folder, name);
    let mut ground = Plan::canonical(address, member("sender"), member("receiver"));
    if receivers == "-" {
        ground.receive_streams = 0;
    }
    let receivers = receivers.split(',').map(str::to_owned).collect();
    let scenario = match next() {
        Ok(path) => Scenario::parse(&std::fs::read_to_string(path)?)?,
        Err(_absent) => Scenario::canonical()?,
    };
    let plans = scenario.plans(&Plan { sender, receivers, server_pid, ..ground })?;

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        for plan in plans.iter().filter(|plan| plan.name.contains(step.as_str())) {
            println!("{}", run(plan).await?.text());
        }
        Ok(())
    })
}
