//! `lienthong demo`: everything at once, with virtual agencies that send and receive.

use super::answer::{Answer, Exit, Failure};
use super::start::{Ending, Running, start};
use super::{Context, args, random, say, up};
use crate::actors::{Ground, Options, StartError, Traffic, flows};
use crate::clock::{Clock, Timestamp};
use crate::story::flows::Folder;
use std::sync::Arc;
use std::time::Duration;

pub(super) async fn demo(given: &args::Demo, context: &Context) -> Result<Answer, Failure> {
    let began = context.clock.now();
    let mut running = match start(&given.start, random(), context).await {
        Ok(running) => running,
        Err(Ending::Answer(answer)) => return Ok(answer),
        Err(Ending::Failure(failure)) => return Err(failure),
    };
    up::announce(&running, began, context);
    let verdict = Box::pin(traffic(&mut running, given, context)).await;
    let exit = running.drain(context).await;
    let verdict = verdict?;
    Ok(Answer {
        exit_code: if exit == Exit::Ok { verdict } else { exit } as u8,
        ..Answer::default()
    })
}

/// Virtual agencies at work, until `--for` is over or somebody asks for a stop; then the summary.
/// `Exit::Ok` only if every accepted (document, recipient) is in exactly one inbox.
async fn traffic(
    running: &mut Running,
    given: &args::Demo,
    context: &Context,
) -> Result<Exit, Failure> {
    let gateway = &running.gateway;
    let clock = Arc::clone(&gateway.clock);
    let ground = Ground {
        topology: Arc::clone(&gateway.topology),
        doors: gateway.listening.iter().filter_map(|l| Some((l.platform, l.mtls?))).collect(),
        pki: gateway.pki.clone(),
        trust: Arc::clone(&gateway.trust),
        clock: Arc::clone(&clock),
    };
    let options = Options {
        seed: given.seed,
        speed: given.speed,
        calendar: given.calendar,
        ..Options::default()
    };
    let unable = |error: StartError| {
        Failure::new(
            Exit::Failed,
            "cơ quan ảo không khởi động được",
            "the virtual agencies cannot start",
        )
        .detail(error.to_string())
    };
    let folder = Folder::below(&context.data);
    let (country, players) = flows::country(&ground, folder, PATIENCE).map_err(unable)?;
    let country = Arc::new(country);
    let traffic = Traffic::start(&ground, options).map_err(unable)?;
    let population = Arc::clone(gateway.host.population());
    let playing = flows::play(Arc::clone(&country), players, population, given.seed);
    let lang = context.wording.lang;
    context.tell(traffic.banner(lang), traffic.banner(lang));
    let until = given.how_long.map_or(Timestamp(u64::MAX), |how_long| clock.now().plus(how_long));
    let show = async {
        loop {
            clock.sleep_until(clock.now().plus(LINE_EVERY)).await;
            if say::is_watched() && !context.is_quiet {
                say::message(&format!("\r\x1b[2K{}", traffic.line(lang)));
            }
        }
    };
    tokio::select! {
        biased;
        () = running.wait(context) => {}
        () = clock.sleep_until(until) => {}
        () = show => {}
    }
    if say::is_watched() && !context.is_quiet {
        say::message("\n");
    }
    // No flow writes a document while the documents are counted.
    let played = Box::pin(playing.finish(&country, DRAIN_MAX)).await;
    let summary = Box::pin(traffic.finish(DRAIN_MAX)).await;
    if context.wording.json {
        let mut told = summary.json();
        if let Some(object) = told.as_object_mut() {
            object.insert("flows".to_owned(), serde_json::to_value(played).unwrap_or_default());
        }
        say::data(&format!("{told}\n"));
    } else {
        say::data(&format!("{}  {}\n", summary.text(lang), played.text(lang)));
    }
    Ok(if summary.is_clean() { Exit::Ok } else { Exit::Failed })
}

/// How often the live line is drawn, and how long the last documents may take to arrive.
const LINE_EVERY: Duration = Duration::from_millis(500);
const DRAIN_MAX: Duration = Duration::from_secs(10);
/// How long a flow goes on while a party fails.
const PATIENCE: Duration = Duration::from_secs(60);
