//! Virtual agencies over real sockets: what they send arrives once, and what they owe comes back.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "shares of small counts"
)]

use crate::world::{address, start, topology};
use lienthong::actors::{
    self, Cast, Counts, Ground, Options, Plan, Reaction, Script, Sizes, Summary, Traffic,
};
use lienthong::clock::Clock;
use lienthong::domain::conditions::LinkConditions;
use lienthong::domain::status::BusinessStatus;
use lienthong::gateway::Gateway;
use lienthong::texts::Lang;
use std::sync::Arc;
use std::time::Duration;

/// The axis and three LGSPs; a dozen offices that answer by themselves.
const PLAYED: &str = r#"
version = 1

[topology]
name = "played"

[directory]
files = ["directory/agencies.csv"]
on = 2026-11-20

[directory.synthetic]
departments = true
communes = 6

[[platform]]
name = "axis"
kind = "axis"

[[platform]]
name = "lgsp-h60"
kind = "lgsp"
parent = "axis"
agencies = ["H60"]

[[platform]]
name = "lgsp-g12"
kind = "lgsp"
parent = "axis"
agencies = ["G12"]

[[platform]]
name = "lgsp-h26"
kind = "lgsp"
parent = "axis"
agencies = ["H26"]

[[virtual]]
departments = 2
communes = 2
"#;

const DRAIN: Duration = Duration::from_secs(20);

fn ground(gateway: &Gateway) -> Ground {
    let doors = gateway.topology.platforms.iter().filter(|p| p.carries());
    Ground {
        topology: Arc::clone(&gateway.topology),
        doors: doors.map(|p| (p.ix, address(gateway, &p.name))).collect(),
        pki: gateway.pki.clone(),
        trust: Arc::clone(&gateway.trust),
        clock: Arc::clone(&gateway.clock),
    }
}

fn brisk(seed: u64) -> Options {
    Options { seed, speed: 6_000.0, documents_per_s: 15.0, ..Options::default() }
}

async fn pause(gateway: &Gateway, ms: u64) {
    let clock = &gateway.clock;
    clock.sleep_until(clock.now().plus(Duration::from_millis(ms))).await;
}

/// Plays until enough has happened, however slow the machine is.
async fn play(gateway: &Gateway, traffic: &Traffic, is_enough: impl Fn(&Counts) -> bool) {
    let until = gateway.clock.now().plus(Duration::from_secs(60));
    while !is_enough(&traffic.counts()) {
        assert!(gateway.clock.now() < until, "too little happens: {:?}", traffic.counts());
        pause(gateway, 20).await;
    }
}

/// Clean, and every document's 01 is back; the rest of the summary is in proportion.
fn assert_clean(summary: &Summary) {
    assert!(summary.is_clean(), "{summary:#?}");
    assert_eq!(summary.findings.unanswered, 0, "{summary:#?}");
    assert!(summary.counts.documents > 0, "{summary:#?}");
    assert_eq!(summary.counts.recipients, summary.counts.delivered, "{summary:#?}");
    assert!(summary.counts.statuses_back >= summary.counts.delivered, "{summary:#?}");
    assert_eq!(summary.counts.refused, 0, "{summary:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_virtual_agencies_send_is_in_one_inbox_each_and_statuses_come_back() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(PLAYED), data.path()).await;
    let traffic = Traffic::start(&ground(&gateway), brisk(7)).unwrap();
    play(&gateway, &traffic, |c| c.documents > 40 && c.statuses_back > c.delivered + 10).await;
    let line = traffic.line(Lang::Vi);
    assert!(line.starts_with("đã gửi ") && !line.starts_with("đã gửi 0"), "{line}");
    let summary = traffic.finish(DRAIN).await;
    assert_clean(&summary);
    assert_eq!(summary.platforms.len(), 3);
    assert!(summary.platforms.iter().all(|p| p.sent > 0 && p.delivered > 0), "{summary:#?}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_is_down_for_a_moment_loses_nothing() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(PLAYED), data.path()).await;
    let traffic = Traffic::start(&ground(&gateway), brisk(8)).unwrap();
    play(&gateway, &traffic, |c| c.documents > 20).await;
    let child = gateway.topology.platform_named("lgsp-h60").unwrap().ix;
    let link = &gateway.link_conditions[&child];
    link.lock().down = true;
    let before = traffic.counts().documents;
    play(&gateway, &traffic, |c| c.documents > before + 20).await;
    // What is under way in passing does not stay for long; what waits for the link does.
    pause(&gateway, 500).await;
    assert!(traffic.counts().in_flight > 5, "nothing waited: the link was not down");
    *link.lock() = LinkConditions::default();
    let summary = traffic.finish(DRAIN).await;
    assert_clean(&summary);
    gateway.stop().await;
}

/// The numbers of a register go on where the run before left them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_run_over_the_same_data_is_as_clean_as_the_first() {
    let data = tempfile::tempdir().unwrap();
    let country = topology(PLAYED);
    for _ in 0..2 {
        let gateway = start(&country, data.path()).await;
        let until = pause(&gateway, 2_500);
        let summary = actors::run(&ground(&gateway), brisk(9), until, DRAIN).await.unwrap();
        assert_clean(&summary);
        gateway.stop().await;
    }
}

/// Files of megabytes go in and come out in pieces, and are the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_of_full_size_arrive_as_they_were_sent() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(PLAYED), data.path()).await;
    let options = Options { sizes: Sizes::Full, documents_per_s: 3.0, ..brisk(10) };
    let traffic = Traffic::start(&ground(&gateway), options).unwrap();
    play(&gateway, &traffic, |c| c.delivered > 2).await;
    assert_clean(&traffic.finish(DRAIN * 3).await);
    gateway.stop().await;
}

fn cast() -> Arc<Cast> {
    Arc::new(Cast::of(&topology(&PLAYED.replace("departments = 2", "departments = 8"))))
}

fn plans(seed: u64, sizes: Sizes, count: usize) -> Vec<Plan> {
    let cast = cast();
    let everybody = 0..cast.roles().len();
    let each = count / cast.roles().len() + 1;
    everybody
        .flat_map(|me| {
            let mut script = Script::new(&cast, me, seed, sizes, 20.0);
            (0..each).map(|_| script.draw().unwrap()).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn the_same_seed_makes_the_same_plan_and_another_seed_another() {
    assert_eq!(plans(1, Sizes::Laptop, 500), plans(1, Sizes::Laptop, 500));
    assert_ne!(plans(1, Sizes::Laptop, 500), plans(2, Sizes::Laptop, 500));
}

/// One stream per agency: how much one draws changes nothing for another.
#[test]
fn an_agency_draws_from_its_own_stream() {
    let cast = cast();
    let first = |drawn_by_others: usize| {
        let mut other = Script::new(&cast, 0, 3, Sizes::Laptop, 20.0);
        (0..drawn_by_others).for_each(|_| drop(other.draw()));
        Script::new(&cast, 1, 3, Sizes::Laptop, 20.0).draw().unwrap()
    };
    assert_eq!(first(0), first(50));
}

// domain.md 5: 263,362 received of 107,787 sent.
#[test]
fn documents_go_to_two_and_a_half_agencies_and_now_and_then_to_many() {
    let plans = plans(4, Sizes::Laptop, 20_000);
    let mean = plans.iter().map(|p| p.to.len()).sum::<usize>() as f64 / plans.len() as f64;
    assert!((2.36..2.52).contains(&mean), "{mean}");
    let wide = plans.iter().filter(|p| p.to.len() >= 10).count() as f64 / plans.len() as f64;
    assert!((0.03..0.05).contains(&wide), "{wide}");
    for plan in &plans {
        let mut once = plan.to.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), plan.to.len());
    }
}

// domain.md 5: attachments have a median of 378 KB, a mean of 859 KB, a p90 of 2.6 MB; 1 to 4 per document.
#[test]
fn full_sizes_are_those_of_a_real_axis() {
    let plans = plans(5, Sizes::Full, 20_000);
    let mut sizes: Vec<usize> = plans.iter().flat_map(|p| p.files.clone()).collect();
    sizes.sort_unstable();
    let at = |share: f64| sizes[(sizes.len() as f64 * share) as usize] as f64 / 1_000.0;
    assert!((360.0..396.0).contains(&at(0.5)), "{}", at(0.5));
    assert!((2_400.0..2_800.0).contains(&at(0.9)), "{}", at(0.9));
    let mean = sizes.iter().sum::<usize>() as f64 / sizes.len() as f64 / 1_000.0;
    assert!((820.0..920.0).contains(&mean), "{mean}");
    assert!(plans.iter().all(|p| (1..=4).contains(&p.files.len())));
    let files = sizes.len() as f64 / plans.len() as f64;
    assert!((2.3..2.5).contains(&files), "{files}");
}

// domain.md 2.2: of 2,347 documents 60 were refused and 49 done with.
#[test]
fn two_or_three_in_a_hundred_are_refused_with_a_reason_and_few_are_ever_done() {
    let reactions: Vec<Reaction> = (0..40_000)
        .map(|n| Reaction::to(&format!("H60,2026/11/20,{n}/UBND-VP"), 3, 0, 11))
        .collect();
    let share = |wanted: BusinessStatus| {
        let with = |r: &&Reaction| r.steps.iter().any(|step| step.status == wanted);
        reactions.iter().filter(with).count() as f64 / reactions.len() as f64
    };
    assert!((share(BusinessStatus::Arrived) - 1.0).abs() < f64::EPSILON);
    assert!((0.023..0.029).contains(&share(BusinessStatus::Refused)));
    assert!((0.57..0.62).contains(&share(BusinessStatus::Accepted)));
    assert!((0.26..0.30).contains(&share(BusinessStatus::InProgress)));
    assert!((0.018..0.024).contains(&share(BusinessStatus::Completed)));
    for reaction in &reactions {
        let steps = &reaction.steps;
        assert!(steps.windows(2).all(|w| w[0].after <= w[1].after), "{steps:?}");
        assert!(steps.windows(2).all(|w| w[0].status < w[1].status), "{steps:?}");
        let refusal = steps.iter().find(|step| step.status == BusinessStatus::Refused);
        assert!(refusal.is_none_or(|step| !step.description.is_empty() && steps.len() == 2));
    }
}
