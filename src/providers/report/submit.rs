//! The way of a report through its workflow: enter, send, review, approve, return, correct.

use super::super::http::{Fault, Outcome, Reason as Why, Request};
use super::super::input::Object;
use super::super::moment::iso;
use super::workflow::{Correction, Done, Entry, Figure, Reason, Report, STEPS_MAX, State, Step};
use super::{Reports, listed, shown};

/// Bytes counted for a figure and for a step, reasons apart.
const FIGURE_BYTES: usize = 128;
const STEP_BYTES: usize = 256;

impl Reports {
    /// A new report, or new figures for one that was entered before or returned.
    pub(super) fn enter(&self, request: &Request<'_>) -> Outcome {
        let entry: Entry = request.json()?;
        let ids = (entry.data_type_id.0, entry.period_id.0, entry.data_year.0);
        let subject = self.subject(&entry.office_code, ids)?;
        Step::Enter.allowed(request.call.caller, &subject.office)?;
        let values = self.figures(entry.values.0)?;
        let mut desk = self.desk.lock();
        if let Some(number) = desk.numbers.get(&subject).copied() {
            drop(desk);
            return self.step(request, number, Step::Enter, (None, Some(values)));
        }
        let report_id = u64::try_from(desk.reports.len()).unwrap_or(u64::MAX).saturating_add(1);
        let bytes = values.len().saturating_mul(FIGURE_BYTES).saturating_add(STEP_BYTES);
        let report = Report {
            report_id,
            office_code: entry.office_code.to_string(),
            data_type_id: ids.0,
            period_id: ids.1,
            data_year: subject.year,
            state: State::Entered,
            values,
            history: vec![taken(request, Step::Enter, None)],
            approved: Vec::new(),
        };
        desk.reports.put(report_id, report, bytes)?;
        desk.numbers.insert(subject, report_id);
        shown(desk.reports.get(&report_id))
    }

    pub(super) fn send(&self, request: &Request<'_>) -> Outcome {
        self.step(request, number(request)?, Step::Send, (None, None))
    }

    pub(super) fn review(&self, request: &Request<'_>) -> Outcome {
        self.step(request, number(request)?, Step::Review, (None, None))
    }

    pub(super) fn approve(&self, request: &Request<'_>) -> Outcome {
        self.step(request, number(request)?, Step::Approve, (None, None))
    }

    pub(super) fn send_back(&self, request: &Request<'_>) -> Outcome {
        let Reason { reason } = request.json()?;
        self.step(request, number(request)?, Step::Return, (Some(reason.to_string()), None))
    }

    pub(super) fn correct(&self, request: &Request<'_>) -> Outcome {
        let Correction { reason, values } = request.json()?;
        let values = self.figures(values.0)?;
        let change = (Some(reason.to_string()), Some(values));
        self.step(request, number(request)?, Step::Correct, change)
    }

    /// Reports that the caller may see, with `officeCode` only those of an office.
    pub(super) fn list(&self, request: &Request<'_>) -> Outcome {
        let page = request.query.page()?;
        let office = request.query.text("officeCode")?.map(|code| self.office(code)).transpose()?;
        let desk = self.desk.lock();
        let seen: Vec<_> = desk
            .reports
            .values()
            .filter(|report| sees(request.call.caller, report))
            .filter(|report| office.as_ref().is_none_or(|office| is_of(report, office)))
            .collect();
        let total = seen.len();
        listed(page.of(seen.into_iter()), total)
    }

    pub(super) fn show(&self, request: &Request<'_>) -> Outcome {
        let desk = self.desk.lock();
        let report = desk.reports.get(&number(request)?).ok_or_else(no_report)?;
        if !sees(request.call.caller, report) {
            return Err(Fault::denied("báo cáo của bộ, tỉnh khác"));
        }
        shown(report)
    }

    fn step(
        &self,
        request: &Request<'_>,
        number: u64,
        step: Step,
        (reason, values): (Option<String>, Option<Vec<Figure>>),
    ) -> Outcome {
        let mut desk = self.desk.lock();
        let report = desk.reports.get(&number).ok_or_else(no_report)?;
        step.allowed(request.call.caller, &report.office_code)?;
        let state = report.state.after(step).ok_or_else(|| {
            Fault::conflict("bước này không hợp với trạng thái hiện tại của báo cáo")
        })?;
        if report.history.len() >= STEPS_MAX {
            return Err(Fault::new(Why::Full, "báo cáo đã qua quá nhiều bước"));
        }
        let figures = values.as_ref().map_or(0, Vec::len).saturating_mul(FIGURE_BYTES);
        let reason_bytes = reason.as_ref().map_or(0, String::len);
        let bytes = figures.saturating_add(reason_bytes).saturating_add(STEP_BYTES);
        let report = desk.reports.grow(&number, bytes)?.ok_or_else(no_report)?;
        report.state = state;
        report.history.push(taken(request, step, reason));
        if let Some(values) = values {
            report.values = values;
        }
        if state == State::Approved {
            report.approved.clone_from(&report.values);
        }
        shown(&*report)
    }

    fn figures(&self, values: Vec<Object<Figure>>) -> Result<Vec<Figure>, Fault> {
        let mut figures: Vec<Figure> = Vec::with_capacity(values.len());
        for Object(figure) in values {
            let code = &figure.indicator_code;
            self.indicator(code)?;
            if figures.iter().any(|other| other.indicator_code == *code) {
                return Err(Fault::conflict("một chỉ tiêu có hai giá trị"));
            }
            figures.push(figure);
        }
        Ok(figures)
    }
}

fn sees(caller: &str, report: &Report) -> bool {
    let office = &report.office_code;
    Step::Send.allowed(caller, office).is_ok() || Step::Review.allowed(caller, office).is_ok()
}

fn is_of(report: &Report, office: &str) -> bool {
    super::new_form(&report.office_code) == office
}

fn number(request: &Request<'_>) -> Result<u64, Fault> {
    request.parameter().parse().ok().ok_or_else(no_report)
}

fn no_report() -> Fault {
    Fault::not_found("không có báo cáo này")
}

fn taken(request: &Request<'_>, step: Step, reason: Option<String>) -> Done {
    let (at, by) = (iso(request.call.now_ms), request.call.caller.to_owned());
    Done { step, at, by, reason }
}
