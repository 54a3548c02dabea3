//! `lienthong demo`: everything at once, with virtual agencies that send and receive.

use super::answer::{Answer, Exit, Failure};
use super::start::{Ending, Running, start};
use super::{Context, args, up};
use crate::clock::Clock;

pub(super) async fn demo(given: &args::Demo, context: &Context) -> Result<Answer, Failure> {
    let began = context.clock.now();
    let mut running = match start(&given.start, given.seed, context).await {
        Ok(running) => running,
        Err(Ending::Answer(answer)) => return Ok(answer),
        Err(Ending::Failure(failure)) => return Err(failure),
    };
    up::announce(&running, began, context);
    let verdict = traffic(&mut running, given, context).await;
    let exit = running.drain(context).await;
    Ok(Answer {
        exit_code: if exit == Exit::Ok { verdict } else { exit } as u8,
        ..Answer::default()
    })
}

/// Virtual agencies at work, until `--for` is over or somebody asks for a stop; then the summary.
/// `Exit::Ok` only if every accepted (document, recipient) is in exactly one inbox.
///
/// This is where `actors::run` goes: it needs `running.gateway`, `running.ready`, `given.speed`, `given.seed`,
/// `given.how_long` and `given.calendar`. Today nobody sends.
async fn traffic(running: &mut Running, given: &args::Demo, context: &Context) -> Exit {
    let clock = std::sync::Arc::clone(&running.gateway.clock);
    match given.how_long {
        Some(how_long) => {
            let until = clock.now().plus(how_long);
            tokio::select! {
                biased;
                () = running.wait(context) => {}
                () = clock.sleep_until(until) => {}
            }
        }
        None => running.wait(context).await,
    }
    Exit::Ok
}
