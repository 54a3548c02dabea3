//! Named workloads with their thresholds, read from TOML.

use serde::Deserialize;

use crate::plan::{Mode, Plan};
use crate::report::Report;
use crate::units::{UnitError, parse_bytes, parse_duration, parse_rate};

/// A file of steps that run one after the other.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    pub name: String,
    #[serde(default = "one")]
    pub seed: u64,
    #[serde(rename = "step")]
    pub steps: Vec<Step>,
}

/// What a step says about a plan; the rest (addresses, certificates, agencies) comes from the caller.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub name: String,
    mode: ModeName,
    #[serde(default = "four")]
    connections: usize,
    #[serde(default = "window")]
    window: usize,
    #[serde(default = "batch")]
    batch: usize,
    #[serde(default = "batch")]
    in_flight: usize,
    payload: String,
    warm_up: String,
    duration: String,
    rate: Option<String>,
    /// Streams of the receiver; 0: nobody receives, and an exchange ends with its receipt.
    receive_streams: Option<usize>,
    #[serde(default)]
    pub thresholds: Thresholds,
}

/// Everything that is set must hold. Losses and duplicates are always wrong.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    pub exchanges_per_s_min: Option<f64>,
    pub receipt_p50_us_max: Option<f64>,
    pub receipt_p99_us_max: Option<f64>,
    pub delivery_p99_us_max: Option<f64>,
    pub server_cpu_us_max: Option<f64>,
    pub errors_max: Option<u64>,
}

/// One rule held against a report.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    pub rule: String,
    pub value: f64,
    pub holds: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    #[error("the scenario cannot be read")]
    Toml(#[from] Box<toml::de::Error>),
    #[error("in step `{step}`")]
    Unit { step: String, source: UnitError },
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ModeName {
    Streamed,
    Unary,
    Single,
}

impl Scenario {
    /// Reads a scenario and tries its amounts.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text).map_err(Box::new)?;
        for step in &scenario.steps {
            drop(step.amounts()?);
        }
        Ok(scenario)
    }

    /// P1, P2 and P3 of the goals.
    pub fn canonical() -> Result<Self, ScenarioError> {
        Self::parse(include_str!("../scenarios/canonical.toml"))
    }

    /// The plans of all steps, on the caller's ground.
    pub fn plans(&self, ground: &Plan) -> Result<Vec<Plan>, ScenarioError> {
        self.steps.iter().map(|step| step.plan(ground, self.seed)).collect()
    }
}

impl Step {
    fn plan(&self, ground: &Plan, seed: u64) -> Result<Plan, ScenarioError> {
        let amounts = self.amounts()?;
        let mode = match self.mode {
            ModeName::Streamed => Mode::Streamed {
                connections: self.connections,
                window: self.window,
                batch: self.batch,
            },
            ModeName::Unary => {
                Mode::Unary { connections: self.connections, in_flight: self.in_flight }
            }
            ModeName::Single => Mode::Single,
        };
        let receive_streams = self.receive_streams.unwrap_or(ground.receive_streams);
        let name = self.name.clone();
        Ok(Plan { name, mode, seed, receive_streams, ..amounts(ground.clone()) })
    }

    fn amounts(&self) -> Result<impl FnOnce(Plan) -> Plan, ScenarioError> {
        let failed = |source| ScenarioError::Unit { step: self.name.clone(), source };
        let payload_bytes = parse_bytes(&self.payload).map_err(failed)?;
        let warm_up = parse_duration(&self.warm_up).map_err(failed)?;
        let duration = parse_duration(&self.duration).map_err(failed)?;
        let rate = self.rate.as_deref().map(parse_rate).transpose().map_err(failed)?;
        Ok(move |ground| Plan { payload_bytes, warm_up, duration, rate, ..ground })
    }
}

impl Thresholds {
    pub fn judge(&self, report: &Report) -> Vec<Verdict> {
        let judged = &report.judgement;
        #[expect(clippy::cast_precision_loss, reason = "counts below 2^53")]
        let count = |count: u64| count as f64;
        let wrong = judged.lost
            + judged.duplicated
            + judged.corrupted
            + judged.misdelivered
            + judged.refused_but_delivered
            + judged.answered_twice;
        let cpu = report.server_cpu_us_per_exchange.unwrap_or(f64::INFINITY);
        let errors = report.errors.values().sum();
        let most = [
            ("not exactly once", Some(0.0), count(wrong)),
            ("receipt_p50_us_max", self.receipt_p50_us_max, report.receipt.p50_us),
            ("receipt_p99_us_max", self.receipt_p99_us_max, report.receipt.p99_us),
            ("delivery_p99_us_max", self.delivery_p99_us_max, report.delivery.p99_us),
            ("server_cpu_us_max", self.server_cpu_us_max, cpu),
            ("errors_max", self.errors_max.map(count), count(errors)),
        ];
        let mut verdicts: Vec<_> = most
            .into_iter()
            .filter_map(|(name, most, value)| {
                let most = most?;
                Some(Verdict { rule: format!("{name} = {most}"), value, holds: value <= most })
            })
            .collect();
        if let Some(least) = self.exchanges_per_s_min {
            let value = report.exchanges_per_s;
            let rule = format!("exchanges_per_s_min = {least}");
            verdicts.push(Verdict { rule, value, holds: value >= least });
        }
        verdicts
    }
}

const fn one() -> u64 {
    1
}

const fn four() -> usize {
    4
}

const fn window() -> usize {
    256
}

const fn batch() -> usize {
    64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::plan::TlsPaths;

    fn ground() -> Plan {
        let tls = TlsPaths { ca: "".into(), cert: "".into(), key: "".into() };
        Plan { payload_bytes: 1, ..Plan::canonical("localhost:1".to_owned(), tls.clone(), tls) }
    }

    #[test]
    fn the_canonical_scenario_is_what_the_goals_say() {
        let plans = Scenario::canonical().unwrap().plans(&ground()).unwrap();
        let modes: Vec<_> = plans.iter().map(|plan| plan.mode).collect();
        assert_eq!(
            modes,
            [
                Mode::Streamed { connections: 4, window: 256, batch: 64 },
                Mode::Streamed { connections: 4, window: 256, batch: 1 },
                Mode::Unary { connections: 4, in_flight: 64 },
                Mode::Single,
            ]
        );
        assert!(plans.iter().all(|plan| plan.payload_bytes == 1024 && plan.rate.is_none()));
        assert!(plans.iter().all(|plan| plan.duration >= Duration::from_secs(2)));
        assert_eq!(plans[0].addresses, ["localhost:1"]);
    }

    #[test]
    fn mistakes_are_named() {
        let step = |line: &str| {
            format!(
                "name = \"x\"\n[[step]]\nname = \"s\"\nmode = \"single\"\npayload = \"1KiB\"\n\
                 warm_up = \"1s\"\nduration = \"2s\"\n{line}\n"
            )
        };
        assert!(Scenario::parse(&step("")).is_ok());
        assert!(matches!(Scenario::parse(&step("windoe = 3")), Err(ScenarioError::Toml(_))));
        let error = Scenario::parse(&step("rate = \"fast\"")).unwrap_err();
        assert!(matches!(error, ScenarioError::Unit { step, .. } if step == "s"));
    }
}
