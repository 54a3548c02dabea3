//! What a run came to, as JSON and as text.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::counters::{Errors, Times};
use crate::judge::{Evidence, Judgement};
use crate::machine::{Machine, Usage};
use crate::plan::{Mode, Plan};

/// The raw findings of a run.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    pub(crate) before: Usage,
    pub(crate) after: Usage,
    pub(crate) receipts: u64,
    pub(crate) exchanges: u64,
    pub(crate) receipt_times: Times,
    pub(crate) delivery_times: Times,
    pub(crate) lag: Times,
    pub(crate) errors: Errors,
    pub(crate) evidence: Evidence,
}

#[derive(Clone, Debug, serde::Serialize)]
pub struct Report {
    pub name: String,
    pub commit: &'static str,
    pub machine: Machine,
    pub seed: u64,
    pub mode: String,
    pub payload_bytes: usize,
    pub receivers: usize,
    /// Documents per second of an open loop.
    pub rate: Option<f64>,
    pub seconds: f64,
    /// Submitted, durable, delivered and acknowledged; without receivers, submitted and durable.
    pub exchanges: u64,
    pub exchanges_per_s: f64,
    pub receipts_per_s: f64,
    /// From the intended moment of sending to the durable receipt.
    pub receipt: Latency,
    /// From the intended moment of sending to the arrival at the recipient.
    pub delivery: Latency,
    /// How late the generator itself was.
    pub send_lag: Latency,
    pub server_cpu_us_per_exchange: Option<f64>,
    pub client_cpu_us_per_exchange: f64,
    /// In cores, over the measured time.
    pub server_cores: Option<f64>,
    pub client_cores: f64,
    pub other_cores: f64,
    pub idle_cores: f64,
    pub errors: BTreeMap<String, u64>,
    pub judgement: Judgement,
    pub limits: Vec<Limit>,
    /// The figures say more about the generator than about the server.
    pub generator_was_the_limit: bool,
}

#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub struct Latency {
    pub count: u64,
    pub mean_us: f64,
    pub p50_us: f64,
    pub p90_us: f64,
    pub p99_us: f64,
    pub p999_us: f64,
    pub max_us: f64,
}

/// What kept the run from being faster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Nothing but the offered rate.
    Rate,
    /// What may be in flight: in a closed loop, or where an open one did not keep its rate.
    Window,
    ClientCpu,
    ServerCpu,
    /// No core was idle.
    Machine,
    /// The generator sent later than intended although it had room.
    LateSends,
    /// Other processes used more than a fifth of the machine.
    Neighbours,
    /// The server refused.
    Refusals,
}

impl Report {
    pub(crate) fn of(plan: &Plan, measured: Measured) -> Self {
        let seconds = ratio(measured.after.at - measured.before.at, 1_000_000_000);
        let machine = Machine::this();
        let cores = Cores::over(&measured.before, &measured.after);
        let per_exchange = |cores: f64| 1e6 * cores * seconds / float(measured.exchanges.max(1));
        let mut report = Self {
            name: plan.name.clone(),
            commit: env!("LIENTHONG_LOAD_COMMIT"),
            machine,
            seed: plan.seed,
            mode: mode(plan.mode),
            payload_bytes: plan.payload_bytes,
            receivers: plan.receivers.len(),
            rate: plan.rate,
            seconds,
            exchanges: measured.exchanges,
            exchanges_per_s: float(measured.exchanges) / seconds,
            receipts_per_s: float(measured.receipts) / seconds,
            receipt: Latency::of(&measured.receipt_times),
            delivery: Latency::of(&measured.delivery_times),
            send_lag: Latency::of(&measured.lag),
            server_cpu_us_per_exchange: cores.server.map(per_exchange),
            client_cpu_us_per_exchange: per_exchange(cores.client),
            server_cores: cores.server,
            client_cores: cores.client,
            other_cores: cores.other,
            idle_cores: cores.idle,
            errors: measured.errors.into_map(),
            judgement: Judgement::of(&measured.evidence),
            limits: Vec::new(),
            generator_was_the_limit: false,
        };
        report.limits = report.find_limits();
        let is = |limit| report.limits.contains(&limit);
        let hungrier = report.server_cores.is_some_and(|server| report.client_cores > server);
        report.generator_was_the_limit =
            is(Limit::ClientCpu) || is(Limit::LateSends) || (is(Limit::Machine) && hungrier);
        report
    }

    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Two numbers first, then what explains them.
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).unwrap_or_default();
        text
    }

    fn find_limits(&self) -> Vec<Limit> {
        #[expect(clippy::cast_precision_loss, reason = "a number of cores")]
        let all = self.machine.cores as f64;
        let kept_up = self.rate.is_some_and(|rate| self.receipts_per_s >= 0.99 * rate);
        let late = self.send_lag.p99_us > LAG_US_MAX.max(0.2 * self.receipt.p99_us);
        let Judgement { sent, refused, .. } = self.judgement;
        let found = [
            (kept_up, Limit::Rate),
            (!kept_up, Limit::Window),
            (self.client_cores > 0.9 * all, Limit::ClientCpu),
            (self.server_cores.is_some_and(|cores| cores > 0.9 * all), Limit::ServerCpu),
            (self.idle_cores < 0.05 * all, Limit::Machine),
            (late, Limit::LateSends),
            (self.other_cores > 0.2 * all, Limit::Neighbours),
            (refused > sent / 1000, Limit::Refusals),
        ];
        found.into_iter().filter_map(|(holds, limit)| holds.then_some(limit)).collect()
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let ms = |us: f64| us / 1000.0;
        writeln!(out, "{}  {}", self.name, self.mode)?;
        writeln!(out, "  throughput  {:>12.0} exchanges/s", self.exchanges_per_s)?;
        writeln!(out, "  p99         {:>12.3} ms to the receipt", ms(self.receipt.p99_us))?;
        for (what, times) in
            [("receipt", &self.receipt), ("delivery", &self.delivery), ("send lag", &self.send_lag)]
        {
            if times.count > 0 {
                let (p50, p99, max) = (ms(times.p50_us), ms(times.p99_us), ms(times.max_us));
                writeln!(out, "  {what:<11} p50 {p50:.3} · p99 {p99:.3} · max {max:.3} ms")?;
            }
        }
        if let (Some(us), Some(cores)) = (self.server_cpu_us_per_exchange, self.server_cores) {
            writeln!(out, "  server cpu  {us:.2} µs per exchange ({cores:.2} cores)")?;
        }
        let (us, cores) = (self.client_cpu_us_per_exchange, self.client_cores);
        writeln!(out, "  client cpu  {us:.2} µs per exchange ({cores:.2} cores)")?;
        let judged = &self.judgement;
        let verdict = if judged.is_clean() { "exactly once" } else { "NOT exactly once" };
        writeln!(
            out,
            "  judged      {verdict}: {} accepted, {} delivered, {} lost, {} duplicated, \
             {} corrupted, {} misdelivered, {} unanswered",
            judged.accepted,
            judged.delivered,
            judged.lost,
            judged.duplicated,
            judged.corrupted,
            judged.misdelivered,
            judged.unanswered
        )?;
        for (code, count) in &self.errors {
            writeln!(out, "  error       {code}: {count}")?;
        }
        writeln!(out, "  limited by  {:?}", self.limits)?;
        if self.generator_was_the_limit {
            writeln!(out, "  WARNING     the generator was itself the limit")?;
        }
        let Machine { processor, cores, kernel } = &self.machine;
        writeln!(
            out,
            "  {} · {processor} × {cores} · Linux {kernel} · seed {} · {:.1} s",
            self.commit, self.seed, self.seconds
        )
    }
}

impl Latency {
    fn of(times: &Times) -> Self {
        let histogram = times.histogram();
        if histogram.is_empty() {
            return Self::default();
        }
        let us = |quantile| ratio(histogram.value_at_quantile(quantile), 1000);
        Self {
            count: histogram.len(),
            mean_us: histogram.mean() / 1000.0,
            p50_us: us(0.5),
            p90_us: us(0.9),
            p99_us: us(0.99),
            p999_us: us(0.999),
            max_us: ratio(histogram.max(), 1000),
        }
    }
}

/// Who kept how many cores busy.
#[derive(Clone, Copy, Debug)]
struct Cores {
    server: Option<f64>,
    client: f64,
    other: f64,
    idle: f64,
}

impl Cores {
    fn over(before: &Usage, after: &Usage) -> Self {
        let wall = after.at - before.at;
        let server =
            before.server.zip(after.server).map(|(before, after)| ratio(after - before, wall));
        let client = ratio(after.client - before.client, wall);
        let busy = ratio(after.busy - before.busy, wall);
        Self {
            server,
            client,
            other: (busy - client - server.unwrap_or_default()).max(0.0),
            idle: ratio(after.idle - before.idle, wall),
        }
    }
}

fn mode(mode: Mode) -> String {
    match mode {
        Mode::Streamed { connections, window, batch } => {
            format!("streamed, {connections} connections × window {window}, batches of {batch}")
        }
        Mode::Unary { connections, in_flight } => {
            format!("unary, {in_flight} in flight over {connections} connections")
        }
        Mode::Single => "one at a time".to_owned(),
    }
}

fn ratio(value: u64, by: u64) -> f64 {
    float(value) / float(by.max(1))
}

#[expect(clippy::cast_precision_loss, reason = "counts and nanoseconds below 2^53")]
const fn float(value: u64) -> f64 {
    value as f64
}

const LAG_US_MAX: f64 = 500.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::TlsPaths;

    const SECOND: u64 = 1_000_000_000;

    fn report(client: u64, server: u64, lag: u64, rate: Option<f64>) -> Report {
        let tls = TlsPaths { ca: "".into(), cert: "".into(), key: "".into() };
        let plan = Plan { rate, ..Plan::canonical(String::new(), tls.clone(), tls) };
        let cores = Machine::this().cores as u64;
        let mut measured = Measured {
            before: Usage { server: Some(0), ..Usage::default() },
            after: Usage {
                at: SECOND,
                server: Some(server * cores * SECOND / 100),
                client: client * cores * SECOND / 100,
                busy: (client + server) * cores * SECOND / 100,
                idle: (100 - client - server) * cores * SECOND / 100,
            },
            exchanges: 1000,
            receipts: 1000,
            ..Measured::default()
        };
        for number in 1..=100 {
            measured.receipt_times.record(0, number * 1_000_000);
            measured.lag.record(0, lag);
        }
        Report::of(&plan, measured)
    }

    #[test]
    fn saturation_is_blamed_on_who_caused_it() {
        let idle = report(10, 10, 1, Some(1000.0));
        assert_eq!(
            (idle.limits.as_slice(), idle.generator_was_the_limit),
            (&[Limit::Rate][..], false)
        );
        let late = report(10, 10, 50_000_000, Some(1000.0));
        assert!(late.limits.contains(&Limit::LateSends) && late.generator_was_the_limit);
        let starved = report(60, 40, 1, None);
        assert!(starved.limits.contains(&Limit::Machine) && starved.generator_was_the_limit);
        let full = report(40, 60, 1, None);
        assert!(full.limits.contains(&Limit::Machine) && !full.generator_was_the_limit);
        assert!(report(95, 5, 1, None).limits.contains(&Limit::ClientCpu));
        assert!(!report(10, 10, 1, Some(2000.0)).limits.contains(&Limit::Rate));
    }

    #[test]
    fn latencies_are_those_of_the_histogram() {
        let Latency { count, p50_us, p99_us, max_us, .. } = report(10, 10, 1, None).receipt;
        assert_eq!(count, 100);
        for (found, wanted) in [(p50_us, 50_000.0), (p99_us, 99_000.0), (max_us, 100_000.0)] {
            assert!((found / wanted - 1.0).abs() < 0.002, "{found} is not {wanted}");
        }
    }

    #[test]
    fn results_name_commit_machine_and_seed() {
        let report = report(10, 10, 1, None);
        let json: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
        for key in
            ["commit", "machine", "seed", "judgement", "limits", "server_cpu_us_per_exchange"]
        {
            assert!(!json[key].is_null(), "{key}");
        }
        assert!(report.text().contains(report.commit) && report.text().contains("seed 1"));
    }
}
