//! The whole line in virtual time, over modelled disks and links, judged by what members were told and saw.
//!
//! A failure names its seed; `SIM_SEED=<seed> cargo test --test it simulation` runs that one again.

use crate::world::{COUNTRY, topology};
use lienthong::clock::{Clock, Timestamp};
use lienthong::domain::agency::AgencyCode;
use lienthong::domain::conditions::LinkConditions;
use lienthong::domain::envelope::{DocId, Kind, Urgency};
use lienthong::domain::fact::DeliveryState;
use lienthong::domain::rejection::Reason;
use lienthong::domain::routing::PlatformIx;
use lienthong::domain::tracking::{Delivery, InboxFilter};
use lienthong::journal::{Content, Journal, Lookup, Seq};
use lienthong::pipeline::{AcceptedAnswer, Ports, Word};
use lienthong::sim::disk::{CrashPoint, DiskFaults};
use lienthong::sim::history::{History, Letter};
use lienthong::sim::options::WorkOptions;
use lienthong::sim::workload::{Desk, desks};
use lienthong::sim::world::{Country, World, WorldOptions};
use lienthong::sim::{Report, Scenario, run, set_links};
use lienthong::topology::Topology;
use parking_lot::Mutex;
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
        work: WorkOptions { letters_per_author: 6, ..WorkOptions::default() },
        link: LinkConditions {
            latency_ms: Some(15),
            jitter_ms: Some(40),
            loss: Some(0.03),
            ..LinkConditions::default()
        },
        disk: DiskFaults { unknown: 0.02, ..DiskFaults::default() },
        disk_of: None,
        crash_every: Some(seconds(2)),
        outage_every: Some((seconds(15), seconds(20))),
        span_max: seconds(4 * 3_600),
    }
}

/// Nothing goes wrong, and there is little to do.
fn quiet(seed: u64) -> Scenario {
    Scenario {
        work: WorkOptions {
            agencies_per_member: 2,
            authors_per_member: 1,
            letters_per_author: 1,
            pause: Duration::from_millis(300),
            fan_out_max: 5,
            body_bytes_max: 900,
            repeated: 0.5,
            updated: 0.5,
            recalled: 0.5,
            poll: Duration::from_millis(700),
            ..WorkOptions::default()
        },
        link: LinkConditions { latency_ms: Some(5), ..LinkConditions::default() },
        disk: DiskFaults::default(),
        crash_every: None,
        outage_every: None,
        span_max: seconds(3_600),
        ..rough(seed)
    }
}

fn expect_kept(report: &Report, what: &str) {
    assert!(
        report.violations.is_empty(),
        "SIM_SEED={} {what}: {} violations, the first: {:#?}",
        report.seed,
        report.violations.len(),
        report.violations.iter().take(8).collect::<Vec<_>>()
    );
}

#[test]
fn a_rough_day_loses_nothing_doubles_nothing_and_keeps_order() {
    let given = std::env::var_os("SIM_SEED").and_then(|seed| seed.to_str()?.parse().ok());
    let fresh = lienthong::clock::SystemClock::new().now().ms() % 1_000_000_007;
    let seeds = given.map_or_else(|| vec![1, 2, 3, fresh], |seed: u64| vec![seed]);
    for seed in seeds {
        let report = run(&TOPOLOGY, &rough(seed));
        let deliveries = report.deliveries;
        println!(
            "SIM_SEED={seed}: {deliveries} deliveries of {} letters, {} restarts, {} answers lost",
            report.letters, report.restarts, report.network.lost_answers
        );
        expect_kept(&report, "rough");
        assert!(deliveries > 500 && report.restarts > 3 && report.network.lost_answers > 3);
    }
}

#[test]
fn small_mailboxes_and_short_memories_lose_nothing_either() {
    for seed in [11, 14, 20, 30] {
        let mut scenario = rough(seed);
        scenario.world.limits.tracking.mailbox_depth_max = 3;
        scenario.world.limits.tracking.link_depth_max = 25;
        scenario.world.limits.tracking.recent_documents_max = 60;
        scenario.world.limits.link_batch_max = 4;
        scenario.world.disk.segment_entries = 16;
        scenario.world.shuffled = true;
        scenario.link.loss = Some(0.08);
        scenario.work.letters_per_author = 4;
        expect_kept(&run(&TOPOLOGY, &scenario), "tight");
    }
}

#[test]
fn one_process_for_all_platforms_keeps_the_same_promises() {
    let rough = rough(5);
    let mut world = WorldOptions::together(&TOPOLOGY, 5);
    world.disk.segment_entries = 64;
    expect_kept(&run(&TOPOLOGY, &Scenario { world, ..rough }), "together");
}

#[test]
fn the_same_seed_does_the_same_again() {
    let mut scenario = rough(21);
    scenario.work.letters_per_author = 2;
    let (one, two) = (run(&TOPOLOGY, &scenario), run(&TOPOLOGY, &scenario));
    assert_eq!(format!("{one:?}"), format!("{two:?}"));
    scenario.world.seed = 22;
    assert_ne!(run(&TOPOLOGY, &scenario).fingerprint, one.fingerprint);
}

#[test]
fn a_crash_at_any_journal_write_loses_nothing() {
    let baseline = run(&TOPOLOGY, &quiet(31));
    expect_kept(&baseline, "quiet");
    let points = [CrashPoint::BeforeFlush, CrashPoint::Torn, CrashPoint::AfterFlush];
    let mut runs = 0;
    for (process, writes) in baseline.writes.iter().enumerate() {
        for write in 1..=*writes {
            for point in points {
                let faults = DiskFaults { crash: Some((write, point)), ..DiskFaults::default() };
                let scenario = Scenario { disk_of: Some((process, faults)), ..quiet(31) };
                let report = run(&TOPOLOGY, &scenario);
                expect_kept(&report, &format!("process {process}, write {write}, {point:?}"));
                runs += report.restarts;
            }
        }
    }
    println!("{runs} crashes, {:?} writes", baseline.writes);
    assert!(runs > 100);
}

#[test]
fn an_append_of_which_nobody_knows_is_repeated_and_counts_once() {
    let mut scenario = rough(41);
    scenario.disk.unknown = 0.5;
    scenario.crash_every = None;
    scenario.work.letters_per_author = 2;
    expect_kept(&run(&TOPOLOGY, &scenario), "unknown");
}

/// A country in which only the test acts.
struct Stage {
    world: World,
    country: Arc<Country>,
    desks: Vec<Arc<Desk>>,
    history: Arc<Mutex<History>>,
}

impl Stage {
    fn new(change: impl FnOnce(&mut WorldOptions)) -> Self {
        let mut options = WorldOptions::apart(&TOPOLOGY, 7);
        change(&mut options);
        let mut world = World::new(Arc::clone(&TOPOLOGY), options);
        let country = Arc::clone(&world.country);
        set_links(&country, LinkConditions { latency_ms: Some(5), ..LinkConditions::default() });
        let history = Arc::default();
        let work = WorkOptions { agencies_per_member: 20, ..WorkOptions::default() };
        let desks = desks(&country, &work, 7, &history);
        world.run_for(seconds(1));
        Self { world, country, desks, history }
    }

    /// The desk that speaks for an agency.
    fn desk(&self, code: &str) -> &Arc<Desk> {
        let code = AgencyCode::parse(code).unwrap();
        self.desks.iter().find(|desk| desk.caller.speaks_for(&code)).unwrap()
    }

    fn write(&self, from: &str, to: &[AgencyCode], document_id: &str) -> Letter {
        let from = AgencyCode::parse(from).unwrap();
        self.desk(from.as_str()).letter(from, to.to_vec(), document_id.to_owned(), 200)
    }

    /// Hands a letter in and waits for the receipt.
    fn send(&mut self, letter: Letter) -> Option<AcceptedAnswer> {
        let desk = Arc::clone(self.desk(letter.from.as_str()));
        let letter = self.history.lock().write(letter);
        let country = Arc::clone(&self.country);
        self.world.run(seconds(60), async move { desk.post(&country, letter).await }).unwrap()
    }

    fn confirm(&mut self, agency: &str, receiver: DocId, state: DeliveryState) {
        let desk = Arc::clone(self.desk(agency));
        let pipeline = self.country.pipeline(desk.platform).unwrap();
        let answers = self.world.run(seconds(60), async move {
            let platform = pipeline.platform(desk.platform).unwrap();
            let word = Word { receiver, state, description: String::new() };
            pipeline.confirm(platform, &desk.caller, vec![word]).await
        });
        assert_eq!(answers.unwrap(), [Ok(())]);
    }

    /// DocumentIds in an inbox, in order.
    fn inbox(&self, agency: &AgencyCode) -> Vec<String> {
        let desk = self.desk(agency.as_str());
        let pipeline = self.country.pipeline(desk.platform).unwrap();
        let post = pipeline.platform(desk.platform).unwrap().post.lock();
        let id = TOPOLOGY.directory.lookup(agency).unwrap();
        let (items, _) = post.tracking.inbox(id, &InboxFilter::default(), 10_000);
        items.iter().map(|(doc, _)| doc.accepted.document_id().to_owned()).collect()
    }

    /// A delivery as the platform of its sender knows it.
    fn sent(&self, from: &str, receiver: DocId) -> Delivery {
        let desk = self.desk(from);
        let pipeline = self.country.pipeline(desk.platform).unwrap();
        let post = pipeline.platform(desk.platform).unwrap().post.lock();
        post.tracking.delivery(receiver).unwrap().1.clone()
    }

    fn ix(&self, platform: &str) -> PlatformIx {
        self.country.platform(platform).unwrap()
    }

    fn entries(&self) -> u64 {
        self.country.disks().map(|disk| disk.entries()).sum()
    }
}

fn code(text: &str) -> AgencyCode {
    AgencyCode::parse(text).unwrap()
}

fn others(desk: &Desk, count: usize) -> Vec<AgencyCode> {
    desk.agencies.iter().map(|(_, code)| *code).take(count).collect()
}

#[test]
fn a_day_without_a_neighbour_costs_nothing_but_the_day() {
    let mut stage = Stage::new(|_| {});
    let link = stage.ix("lgsp-g12");
    let down = LinkConditions { down: true, ..LinkConditions::default() };
    stage.country.network.set_link(link, down);
    let names: Vec<String> = (0..60).map(|number| format!("day-{number}")).collect();
    let mut receivers = Vec::new();
    for name in &names {
        let letter = stage.write("H60", &[code("G12")], name);
        receivers.push(stage.send(letter).unwrap().receivers[0].doc_id);
    }
    stage.world.run_for(seconds(60));
    let (before, requests) = (stage.entries(), stage.country.network.counts().requests);
    stage.world.run_for(seconds(86_400));
    assert_eq!(stage.entries(), before, "nothing is journalled for a link that is down");
    let asked = stage.country.network.counts().requests - requests;
    let follows = 3 * 2 * 86_400 / 5;
    assert!(asked < follows + 4 * 86_400 / 60, "{asked} messages in a day");
    let axis = stage.country.pipeline(stage.ix("axis")).unwrap();
    for receiver in &receivers {
        let post = axis.platform(stage.ix("axis")).unwrap().post.lock();
        let (_, delivery) = post.tracking.delivery(*receiver).unwrap();
        assert_eq!((delivery.attempts, delivery.is_closed), (0, false));
    }
    stage.country.network.set_link(link, LinkConditions::default());
    stage.world.run_for(seconds(120));
    assert_eq!(stage.inbox(&code("G12")), names);
    for receiver in receivers {
        assert_eq!(stage.sent("H60", receiver).state, DeliveryState::Initial);
    }
}

#[test]
fn one_full_mailbox_among_twenty_delays_only_itself() {
    let mut stage = Stage::new(|options| options.limits.tracking.mailbox_depth_max = 5);
    let to = others(stage.desk("H26"), 20);
    assert_eq!(to.len(), 20);
    let full = to[7];
    let mut blocking = Vec::new();
    for number in 0..5 {
        let letter = stage.write("G12", &[full], &format!("full-{number}"));
        blocking.push(stage.send(letter).unwrap().receivers[0].doc_id);
    }
    stage.world.run_for(seconds(5));
    let letter = stage.write("H60", &to, "twenty");
    let answer = stage.send(letter).unwrap();
    let requests = stage.country.network.counts().requests;
    stage.world.run_for(seconds(2));
    for agency in &to {
        let has = stage.inbox(agency).contains(&"twenty".to_owned());
        assert_eq!(has, *agency != full, "{agency}");
    }
    let asked = stage.country.network.counts().requests - requests;
    assert!(asked < 40, "twenty recipients travel as one copy: {asked} messages");
    let entries = stage.country.disk(3).unwrap().entries();
    stage.world.run_for(seconds(600));
    let more = stage.country.disk(3).unwrap().entries() - entries;
    assert_eq!(more, 0, "a full mailbox writes nothing where it is");
    stage.confirm(full.as_str(), blocking[0], DeliveryState::Done);
    stage.world.run_for(seconds(120));
    assert!(stage.inbox(&full).contains(&"twenty".to_owned()));
    for receiver in answer.receivers {
        assert_eq!(stage.sent("H60", receiver.doc_id).state, DeliveryState::Initial);
    }
}

#[test]
fn one_locked_recipient_refuses_only_itself() {
    let mut stage = Stage::new(|_| {});
    let to = others(stage.desk("G12"), 3);
    let (axis, locked) = (stage.ix("axis"), to[1]);
    let pipeline = stage.country.pipeline(axis).unwrap();
    let lock = async move {
        let platform = pipeline.platform(axis).unwrap();
        pipeline.lock(platform, &locked, true).await
    };
    stage.world.run(seconds(10), lock).unwrap().unwrap();
    stage.world.run_for(seconds(10));
    let letter = stage.write("H60", &to, "locked");
    let answer = stage.send(letter).unwrap();
    let refused: Vec<_> = answer.receivers.iter().map(|receiver| receiver.refused).collect();
    assert_eq!(refused, [None, Some(Reason::ReceiverLocked), None]);
    stage.world.run_for(seconds(5));
    for agency in &to {
        assert_eq!(stage.inbox(agency).len(), usize::from(*agency != locked));
    }
    assert_eq!(stage.sent("H60", answer.receivers[1].doc_id).refused, Some(Reason::ReceiverLocked));
}

#[test]
fn an_unread_document_ends_by_expiry_alone_and_its_sender_is_told() {
    let days = |days: u64| seconds(days * 86_400);
    let mut stage = Stage::new(|options| {
        options.limits.inbox_age_max = days(30);
        // What is older than this and not open may go.
        options.limits.retention = days(2);
        options.disk.segment_entries = 8;
    });
    let letter = stage.write("H60", &[code("G12")], "unread");
    let receiver = stage.send(letter).unwrap().receivers[0].doc_id;
    for day in 0..29 {
        let letter = stage.write("H26", &[code("H60")], &format!("daily-{day}"));
        stage.send(letter);
        stage.world.run_for(days(1));
    }
    assert_eq!(stage.inbox(&code("G12")), ["unread"], "reclaim leaves what is open");
    assert_eq!(stage.sent("H60", receiver).state, DeliveryState::Initial);
    stage.country.crash(2);
    stage.world.run_for(days(2));
    assert!(stage.inbox(&code("G12")).is_empty());
    let sent = stage.sent("H60", receiver);
    assert_eq!((sent.state, sent.refused), (DeliveryState::Expired, Some(Reason::InboxExpired)));
}

#[test]
fn what_is_open_is_read_whole_after_years_of_reclaiming() {
    let days = |days: u64| seconds(days * 86_400);
    let mut stage = Stage::new(|options| {
        options.limits.inbox_age_max = days(10_000);
        options.limits.retention = days(1);
        options.disk.segment_entries = 8;
    });
    // One that fits into an entry and one that does not.
    let small = stage.write("H60", &[code("G12")], "small");
    let large = Letter {
        kind: Kind::New,
        ..stage.desk("H60").letter(code("H60"), vec![code("G12")], "large".into(), 60_000)
    };
    let letters = [small, large];
    let receivers: Vec<DocId> = letters
        .iter()
        .map(|letter| stage.send(letter.clone()).unwrap().receivers[0].doc_id)
        .collect();
    for day in 0..40 {
        let letter = stage.write("H26", &[code("G12")], &format!("daily-{day}"));
        let receiver = stage.send(letter).unwrap().receivers[0].doc_id;
        stage.world.run_for(days(1));
        stage.confirm("G12", receiver, DeliveryState::Done);
    }
    let written = stage.country.disk(2).unwrap().entries();
    let batches = stage.country.disk(2).unwrap().bytes();
    assert!(written > 80 && batches < 120_000, "{written} entries, {batches} bytes left");
    stage.country.crash(2);
    stage.world.run_for(seconds(30));
    let desk = Arc::clone(stage.desk("G12"));
    for (receiver, letter) in receivers.into_iter().zip(letters) {
        let (desk, pipeline) = (Arc::clone(&desk), stage.country.pipeline(desk.platform).unwrap());
        let body = stage.world.run(seconds(5), async move {
            let platform = pipeline.platform(desk.platform).unwrap();
            let found = pipeline.find(platform, &desk.caller, receiver).await.unwrap();
            pipeline.body(&found.chunks).await
        });
        assert_eq!(body.unwrap().unwrap(), letter.body);
    }
}

#[test]
fn a_closed_journal_fails_who_waits_and_acknowledges_nothing() {
    let mut stage = Stage::new(|_| {});
    let disk = Arc::clone(stage.country.disk(1).unwrap());
    disk.set_faults(DiskFaults { fail_at: Some(disk.writes() + 1), ..DiskFaults::default() });
    let desk = Arc::clone(stage.desk("H60"));
    let pipeline = stage.country.pipeline(desk.platform).unwrap();
    let letters: Vec<Letter> =
        (0..8).map(|n| stage.write("H60", &[code("G12")], &format!("closed-{n}"))).collect();
    let (sent, caller) = (letters.clone(), desk.caller.clone());
    let asked = stage.world.now();
    let (ours, ix) = (Arc::clone(&pipeline), desk.platform);
    let answers = stage.world.run(seconds(60), async move {
        let platform = ours.platform(ix).unwrap();
        let submissions = sent.iter().map(|letter| letter.submission(&caller));
        let waiting = submissions.map(|one| ours.accept_one(platform, one));
        futures_util::future::join_all(waiting).await
    });
    for answer in answers.unwrap() {
        assert_eq!(answer.unwrap_err().reason, Reason::Unavailable);
    }
    assert!(stage.world.now().since(asked) < seconds(1), "told at once, not at a deadline");
    assert!(!pipeline.is_open());
    // After a restart the same files are accepted, each as one document.
    disk.set_faults(DiskFaults::default());
    stage.country.crash(1);
    stage.world.run_for(seconds(10));
    for letter in letters {
        stage.send(letter).unwrap();
    }
    stage.world.run_for(seconds(10));
    assert_eq!(stage.inbox(&code("G12")).len(), 8);
}

#[test]
fn urgent_ones_overtake_and_an_ordinary_one_waits_for_no_more_than_its_share() {
    const OVERTAKEN_MAX: u32 = 4;
    let mut stage = Stage::new(|options| {
        options.limits.overtaken_max = OVERTAKEN_MAX;
        options.limits.link_batch_max = 1;
        options.limits.dispatchers_per_mailbox = 1;
    });
    let axis = stage.ix("lgsp-h60");
    stage
        .country
        .network
        .set_link(axis, LinkConditions { down: true, ..LinkConditions::default() });
    for number in 0..40 {
        let mut letter = stage.write("H60", &[code("G12")], &format!("{number}"));
        if number >= 10 {
            letter.urgency = Urgency::new(3).unwrap();
            letter.document_id = format!("urgent-{number}");
        }
        stage.send(letter).unwrap();
    }
    stage
        .country
        .network
        .set_link(axis, LinkConditions { latency_ms: Some(5), ..LinkConditions::default() });
    stage.world.run_for(seconds(120));
    let inbox = stage.inbox(&code("G12"));
    assert_eq!(inbox.len(), 40);
    assert!(inbox.iter().take(2).any(|name| name.starts_with("urgent")), "{inbox:?}");
    let mut urgent = 0;
    for (place, name) in inbox
        .iter()
        .filter(|name| {
            urgent += u32::from(name.starts_with("urgent"));
            !name.starts_with("urgent")
        })
        .enumerate()
    {
        assert_eq!(*name, place.to_string(), "ordinary ones keep their order");
    }
    let first = inbox.iter().position(|name| name == "0").unwrap();
    assert!(first <= OVERTAKEN_MAX as usize, "{inbox:?}");
}

#[test]
fn a_restart_from_the_checkpoint_is_a_restart_from_the_beginning() {
    let mut stage = Stage::new(|options| options.limits.checkpoint_interval = seconds(3));
    for number in 0..12 {
        let letter =
            stage.write("H60", &[code("G12"), code("H26"), code("H60.09")], &format!("c-{number}"));
        let receivers = stage.send(letter).unwrap().receivers;
        stage.world.run_for(seconds(1));
        if number % 3 == 0 {
            stage.confirm("G12", receivers[0].doc_id, DeliveryState::Done);
        }
    }
    let states = |stage: &Stage| -> Vec<String> {
        let platforms = ["axis", "lgsp-h60", "lgsp-g12", "lgsp-h26"].map(|name| stage.ix(name));
        platforms
            .iter()
            .map(|ix| {
                let pipeline = stage.country.pipeline(*ix).unwrap();
                let platform = pipeline.platform(*ix).unwrap();
                let (directory, routes) = (pipeline.directory(), pipeline.routes());
                let ground = lienthong::domain::tracking::Ground {
                    here: *ix,
                    here_name: &platform.name,
                    routes: &routes,
                    directory: &directory,
                };
                let state = platform.post.lock().tracking.checkpoint(&ground);
                format!("{state:?}")
            })
            .collect()
    };
    stage.world.run_for(seconds(30));
    let before = states(&stage);
    let restart = |stage: &mut Stage| {
        for place in 0..4 {
            stage.country.crash(place);
        }
        stage.world.run_for(seconds(30));
    };
    assert!(stage.country.disks().all(|disk| disk.last_checkpoint().is_some()));
    restart(&mut stage);
    assert_eq!(states(&stage), before);
    for disk in stage.country.disks() {
        disk.forget_checkpoint();
    }
    restart(&mut stage);
    assert_eq!(states(&stage), before);
}

#[test]
fn a_modelled_journal_finds_what_is_sealed() {
    let mut stage = Stage::new(|options| options.disk.segment_entries = 2);
    let letter = stage.write("H60", &[code("G12")], "sealed");
    let answer = stage.send(letter).unwrap();
    for number in 0..4 {
        let letter = stage.write("H60", &[code("G12")], &format!("later-{number}"));
        stage.send(letter).unwrap();
    }
    let pipeline = stage.country.pipeline(stage.ix("lgsp-h60")).unwrap();
    let found = stage.world.run(seconds(1), async move {
        let journal = pipeline.ports().journal();
        let found = journal.find(None, Lookup::Doc(answer.doc_id), 10).await.unwrap();
        let Content::Fact(lienthong::domain::fact::Fact::Accepted(accepted)) =
            &found[0].entry.content
        else {
            panic!("{found:?}")
        };
        let chunks = accepted.body.as_ref().unwrap().chunks.clone();
        journal.chunk(Seq(chunks[0])).await.unwrap().len()
    });
    assert!(found.unwrap() >= 200);
    assert!(stage.world.now() > Timestamp::ZERO && stage.country.clock.now() == stage.world.now());
}
