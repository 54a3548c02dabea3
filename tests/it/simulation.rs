//! The whole line in virtual time, over modelled disks and links, judged by what members were told and saw.
//!
//! A failure names its seed; `SIM_SEED=<seed> cargo test --test it simulation` runs that one again.

use crate::world::{COUNTRY, topology};
use lienthong::domain::conditions::LinkConditions;
use lienthong::sim::disk::DiskFaults;
use lienthong::sim::options::WorkOptions;
use lienthong::sim::world::WorldOptions;
use lienthong::sim::{Report, Scenario, run};
use lienthong::topology::Topology;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

static TOPOLOGY: LazyLock<Arc<Topology>> = LazyLock::new(|| topology(COUNTRY));

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Axis and three LGSPs in four processes, with all that can go wrong in a day.
fn rough(seed: u64) -> Scenario {
    let mut world = WorldOptions::apart(&TOPOLOGY, seed);
    // What is done with is soon forgotten, and segments are soon sealed.
    world.limits.tracking.recent_documents_max = 300;
    world.disk.segment_entries = 64;
    Scenario {
        world,
        work: WorkOptions::default(),
        link: LinkConditions {
            latency_ms: Some(15),
            jitter_ms: Some(40),
            loss: Some(0.03),
            ..LinkConditions::default()
        },
        disk: DiskFaults { unknown: 0.02, ..DiskFaults::default() },
        crash_every: Some(seconds(4)),
        outage_every: Some((seconds(15), seconds(20))),
        span_max: seconds(4 * 3_600),
    }
}

fn expect_kept(report: &Report) {
    assert!(
        report.violations.is_empty(),
        "SIM_SEED={}: {} violations, the first: {:#?}",
        report.seed,
        report.violations.len(),
        report.violations.iter().take(8).collect::<Vec<_>>()
    );
}

#[test]
fn a_rough_day_loses_nothing_doubles_nothing_and_keeps_order() {
    for seed in [1, 2, 3] {
        let report = run(&TOPOLOGY, &rough(seed));
        println!("{:#?}", Report { violations: vec![], ..report.clone() });
        expect_kept(&report);
        assert!(report.deliveries > 200 && report.restarts > 3 && report.network.lost_answers > 3);
    }
}
