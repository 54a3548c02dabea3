//! What the reporting system tells: offices, and figures by indicator. An approved report's figures go before the
//! seeded ones.

use serde::{Deserialize, Serialize};

use super::super::http::{Fault, Outcome, Request};
use super::super::input::{Many, Text, Whole};
use super::indicator::{Indicator, Wanted};
use super::workflow::Subject;
use super::{Reports, listed};

/// Indicators of one query.
const CODES_MAX: usize = 400;

/// `{indicatorCode, unit, value}` (domain.md 4.8).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Value<'a> {
    indicator_code: &'a str,
    unit: &'a str,
    value: f64,
}

/// What an office has figures for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed<'a> {
    indicator_code: &'a str,
    indicator_name: &'a str,
    unit: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Selection {
    office_code: Text<1, 64>,
    indicator_codes: Many<Text<1, 64>, CODES_MAX>,
    data_type_id: Whole<1, 4>,
    period_id: Whole<1, 21>,
    data_year: Whole<2000, 2100>,
}

impl Reports {
    pub(super) fn one(&self, request: &Request<'_>) -> Outcome {
        let code = request.query.required("indicatorCode")?;
        let subject = self.asked(request)?;
        let indicator = self.indicator(code)?;
        let value = self.value(indicator, &subject, request.call.now_ms);
        let value = value.ok_or_else(|| Fault::not_found("chưa có số liệu của kỳ này"))?;
        listed(vec![value], 1)
    }

    /// Indicators without a figure are left out.
    pub(super) fn many(&self, request: &Request<'_>) -> Outcome {
        let wanted: Selection = request.json()?;
        let ids = (wanted.data_type_id.0, wanted.period_id.0, wanted.data_year.0);
        let subject = self.subject(&wanted.office_code, ids)?;
        let mut values = Vec::new();
        for code in &wanted.indicator_codes.0 {
            values.extend(self.value(self.indicator(code)?, &subject, request.call.now_ms));
        }
        let total = values.len();
        listed(values, total)
    }

    pub(super) fn offices(&self, request: &Request<'_>) -> Outcome {
        let page = request.query.page()?;
        listed(page.of(self.offices.values()), self.offices.len())
    }

    pub(super) fn has_data(&self, request: &Request<'_>) -> Outcome {
        let subject = self.asked(request)?;
        let now_ms = request.call.now_ms;
        let has = |indicator: &&Indicator| {
            let exists = subject.data_type.exists(subject.period, subject.year, now_ms);
            exists && indicator.is_reported_for(subject.period)
        };
        let found: Vec<_> = self.indicators.iter().filter(has).map(named).collect();
        let total = found.len();
        listed(found, total)
    }

    /// Every office reports the whole set, plans at least.
    pub(super) fn of_office(&self, request: &Request<'_>) -> Outcome {
        self.office(request.parameter())?;
        let found: Vec<_> = self.indicators.iter().map(named).collect();
        let total = found.len();
        listed(found, total)
    }

    fn asked(&self, request: &Request<'_>) -> Result<Subject, Fault> {
        let query = &request.query;
        let office = query.required("officeCode")?;
        let data_type = query.required_number("dataTypeId", 1, 4)?;
        let period = query.required_number("periodId", 1, 21)?;
        let year = query.required_number("dataYear", 2000, 2100)?;
        self.subject(office, (data_type, period, year))
    }

    fn value<'a>(
        &self,
        indicator: &'a Indicator,
        subject: &Subject,
        now_ms: i64,
    ) -> Option<Value<'a>> {
        let Subject { office, data_type, period, year } = subject;
        let seeded = || {
            let exists = data_type.exists(*period, *year, now_ms);
            let wanted = Wanted { office, data_type: *data_type, period: *period, year: *year };
            let reported = exists && indicator.is_reported_for(*period);
            reported.then(|| indicator.figure(self.seed, wanted))
        };
        let value = self.approved(indicator.code, subject).or_else(seeded)?;
        Some(Value { indicator_code: indicator.code, unit: indicator.unit, value })
    }

    fn approved(&self, code: &str, subject: &Subject) -> Option<f64> {
        let desk = self.desk.lock();
        let report = desk.reports.get(desk.numbers.get(subject)?)?;
        report
            .approved
            .iter()
            .find(|figure| *figure.indicator_code == *code)
            .map(|figure| figure.value)
    }
}

const fn named(indicator: &Indicator) -> Listed<'_> {
    let Indicator { code, name, unit, .. } = indicator;
    Listed { indicator_code: code, indicator_name: name, unit }
}
