//! Directory files: CSV tables of agencies, one row per period of one agency's life.

use super::mistake::{Code, Mistake};
use super::reader::{Log, Table};
use super::settings::unreadable;
use super::shipped::Place;
use crate::domain::agency::AgencyCode;
use crate::domain::directory::synthetic::{Plan, rows};
use crate::domain::directory::{AgencyKind, Period, Row};
use jiff::civil::Date;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// `[directory]`: which files, which day, how much to invent.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) rows: Vec<Row>,
    /// Fixed by the file; otherwise the directory follows the calendar.
    pub(super) on: Option<Date>,
}

/// Reads `[directory]` and its files. `roots` are the agencies that platforms serve: agencies are invented
/// below them unless the file says below whom.
pub(super) fn read(mut table: Table<'_>, log: &Log, place: &Place, roots: &[AgencyCode]) -> Wanted {
    let mut found = Vec::new();
    let mut heirs = Vec::new();
    match table.strings("files") {
        Some(names) => {
            for name in names {
                match place.open(name.get_ref()) {
                    Ok(file) => {
                        found.extend(read_csv(&file.name, &file.text.into(), log, &mut heirs));
                    }
                    Err(reason) => log.push(unreadable(name.get_ref(), name.span(), &reason)),
                }
            }
        }
        None => match Place::BuiltIn.open(DEFAULT) {
            Ok(file) => found.extend(read_csv(&file.name, &file.text.into(), log, &mut heirs)),
            Err(reason) => log.push(unreadable(DEFAULT, table.span(), &reason)),
        },
    }
    check_heirs(&found, heirs, log);
    let on = table.date("on");
    let plan = read_plan(table.table("synthetic", "[directory.synthetic]"), log, roots);
    table.finish();
    let invented = plan.map(|plan| rows(&found, &plan)).unwrap_or_default();
    found.extend(invented);
    Wanted { rows: found, on }
}

/// A successor that a row names, and where.
pub(super) type Heir = (AgencyCode, usize, Range<usize>);

/// Every successor stands in one of the files.
fn check_heirs(rows: &[Row], heirs: Vec<Heir>, log: &Log) {
    let mut missing: BTreeSet<_> = heirs.iter().map(|heir| heir.0).collect();
    for row in rows {
        missing.remove(&row.code);
    }
    for (code, source, span) in heirs {
        if missing.contains(&code) {
            let mistake = Mistake::new(
                Code::UnknownAgency,
                span,
                format!("không tệp danh bạ nào có cơ quan kế nhiệm `{code}`"),
                format!("no directory file has the successor `{code}`"),
            );
            log.push_in(source, mistake);
        }
    }
}

const DEFAULT: &str = "directory/agencies.csv";

fn read_plan(mut table: Table<'_>, log: &Log, roots: &[AgencyCode]) -> Option<Plan> {
    let small = |value: Option<u64>| value.and_then(|v| u16::try_from(v).ok()).unwrap_or(0);
    let below = table.strings("below").map(|codes| {
        let codes = codes.into_iter();
        codes.filter_map(|code| read_code(log, 0, code.get_ref(), code.span())).collect()
    });
    let plan = Plan {
        below: below.unwrap_or_else(|| roots.to_vec()),
        departments: table.boolean("departments").unwrap_or(false),
        communes: small(table.integer("communes", 0..=899)),
        districts: small(table.integer("districts", 0..=65)),
        units: small(table.integer("units", 0..=99)),
    };
    table.finish();
    (!plan.below.is_empty()).then_some(plan)
}

/// An agency code in either form, or a mistake at its place.
pub(super) fn read_code(
    log: &Log,
    source: usize,
    text: &str,
    span: Range<usize>,
) -> Option<AgencyCode> {
    match AgencyCode::parse(text) {
        Ok(code) => Some(code),
        Err(error) => {
            let mistake = Mistake::new(
                Code::BadAgency,
                span,
                format!("`{text}` không phải là mã định danh cơ quan"),
                format!("`{text}` is not an agency code: {error}"),
            )
            .help("ví dụ `H60.09` hoặc `000.00.09.H60`", "such as `H60.09` or `000.00.09.H60`");
            log.push_in(source, mistake);
            None
        }
    }
}

/// The columns a directory file can have; those without a place in a row are for people.
const COLUMNS: [&str; 10] = [
    "code",
    "name_vi",
    "name_en",
    "kind",
    "valid_from",
    "valid_to",
    "merged_into",
    "synthetic",
    "mail",
    "confidence",
];
/// How many of them must be there.
const REQUIRED: usize = 4;
const INTO: usize = 6;

/// Reads one file; every mistake with its line and column. More than `MISTAKES_MAX` are not looked for.
pub(super) fn read_csv(name: &str, text: &Arc<str>, log: &Log, heirs: &mut Vec<Heir>) -> Vec<Row> {
    let source = log.add_source(name, text.clone());
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut file = File { log, source, text, offset: text.len() - body.len(), mistakes: 0 };
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(body.as_bytes());
    let (width, columns) = match reader.headers() {
        Ok(headers) => (headers.len(), file.columns(headers)),
        Err(error) => {
            file.broken(&error);
            return Vec::new();
        }
    };
    let Some(columns) = columns else { return Vec::new() };
    let mut rows = Vec::new();
    let mut places = Vec::new();
    let mut record = csv::StringRecord::new();
    while file.mistakes < MISTAKES_MAX {
        match reader.read_record(&mut record) {
            Ok(true) if record.len() != width => file.wrong_width(&record, width),
            Ok(true) => {
                if let Some(row) = file.row(&record, &columns) {
                    let start = file.start(&record);
                    if let Some(heir) = row.period.merged_into {
                        heirs.push((heir, source, file.field(start, columns[INTO].unwrap_or(0))));
                    }
                    places.push(start);
                    rows.push(row);
                }
            }
            Ok(false) => break,
            Err(error) => {
                file.broken(&error);
                break;
            }
        }
    }
    file.check_periods(&rows, &places);
    rows
}

const MISTAKES_MAX: usize = 50;

struct File<'a> {
    log: &'a Log,
    source: usize,
    text: &'a str,
    /// Bytes before the first column: a byte order mark.
    offset: usize,
    mistakes: usize,
}

/// Where each of `COLUMNS` stands in the file.
type Places = [Option<usize>; COLUMNS.len()];

impl File<'_> {
    fn push(&mut self, mistake: Mistake) {
        self.mistakes += 1;
        self.log.push_in(self.source, mistake);
    }

    fn broken(&mut self, error: &csv::Error) {
        let at = error.position().map_or(0, csv::Position::byte);
        let start = usize::try_from(at).unwrap_or(0) + self.offset;
        self.push(Mistake::new(
            Code::BadTable,
            start..start,
            format!("không đọc được bảng CSV: {error}"),
            format!("not a readable CSV table: {error}"),
        ));
    }

    fn wrong_width(&mut self, record: &csv::StringRecord, width: usize) {
        let start = self.start(record);
        let span = self.field(start, 0).start..self.field(start, usize::MAX).end;
        let found = record.len();
        self.push(Mistake::new(
            Code::BadTable,
            span,
            format!("dòng có {found} ô, tiêu đề có {width}"),
            format!("the row has {found} fields, the header has {width}"),
        ));
    }

    fn columns(&mut self, headers: &csv::StringRecord) -> Option<Places> {
        let mut places = [None; COLUMNS.len()];
        for (at, name) in headers.iter().enumerate() {
            let name = name.trim();
            let known = COLUMNS.iter().position(|known| *known == name);
            if let Some(place) = known.and_then(|known| places.get_mut(known)) {
                *place = Some(at);
                continue;
            }
            let mistake = Mistake::new(
                Code::UnknownKey,
                self.field(self.offset, at),
                format!("không có cột `{name}`"),
                format!("there is no column `{name}`"),
            );
            self.push(mistake.suggest(name, COLUMNS.iter().copied()));
        }
        let mut complete = true;
        for (name, place) in COLUMNS.iter().zip(&places).take(REQUIRED) {
            if place.is_none() {
                complete = false;
                let first_line = self.text.lines().next().map_or(0, str::len);
                self.push(Mistake::new(
                    Code::MissingColumn,
                    0..first_line,
                    format!("thiếu cột `{name}`"),
                    format!("the column `{name}` is missing"),
                ));
            }
        }
        complete.then_some(places)
    }

    fn start(&self, record: &csv::StringRecord) -> usize {
        let byte = record.position().map_or(0, csv::Position::byte);
        usize::try_from(byte).unwrap_or(usize::MAX).saturating_add(self.offset)
    }

    /// The bytes of one field of the record that starts at `start`, quotes included.
    fn field(&self, start: usize, field: usize) -> Range<usize> {
        let rest = self.text.get(start..).unwrap_or_default();
        // The reader counts line breaks before a record as part of it.
        let blank = rest.bytes().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        let (mut at, mut from, mut quoted) = (0, start + blank, false);
        for (place, byte) in rest.bytes().enumerate().skip(blank) {
            match byte {
                b'"' => quoted = !quoted,
                b',' if !quoted && at == field => return from..start + place,
                b',' if !quoted => {
                    at += 1;
                    from = start + place + 1;
                }
                b'\r' | b'\n' if !quoted => return from..start + place,
                _ => {}
            }
        }
        from..self.text.len()
    }

    fn row(&mut self, record: &csv::StringRecord, columns: &Places) -> Option<Row> {
        let start = self.start(record);
        let [code, vi, en, kind, from, to, into, synthetic, mail, _] = *columns;
        let get =
            |column: Option<usize>| column.and_then(|c| record.get(c)).unwrap_or_default().trim();
        let before = self.mistakes;
        let code = self.code(start, code, get(code));
        let kind = self.kind(start, kind, get(kind));
        let valid_from = self.date(start, from, get(from));
        let valid_to = self.date(start, to, get(to));
        if valid_from.zip(valid_to).is_some_and(|(first, last)| first > last) {
            let span = self.field(start, to.unwrap_or(0));
            self.push(Mistake::new(
                Code::PeriodReversed,
                span,
                "`valid_to` sớm hơn `valid_from`",
                "`valid_to` is before `valid_from`",
            ));
        }
        let merged_into = match get(into) {
            "" => None,
            text => self.code(start, into, text),
        };
        if self.mistakes > before {
            return None;
        }
        let period = Period {
            name_vi: get(vi).into(),
            name_en: get(en).into(),
            kind: kind?,
            valid_from,
            valid_to,
            merged_into,
            synthetic: matches!(get(synthetic), "true" | "1" | "SYNTHETIC"),
        };
        Some(Row { code: code?, period, mail: get(mail).into() })
    }

    fn code(&mut self, start: usize, column: Option<usize>, text: &str) -> Option<AgencyCode> {
        if let Ok(code) = AgencyCode::parse(text) {
            return Some(code);
        }
        self.mistakes += 1;
        read_code(self.log, self.source, text, self.field(start, column.unwrap_or(0)))
    }

    fn kind(&mut self, start: usize, column: Option<usize>, text: &str) -> Option<AgencyKind> {
        let found = AgencyKind::ALL.iter().find(|(name, _)| *name == text);
        if found.is_none() {
            let mistake = Mistake::new(
                Code::UnknownChoice,
                self.field(start, column.unwrap_or(0)),
                format!("không có loại cơ quan `{text}`"),
                format!("there is no kind of agency `{text}`"),
            );
            self.push(mistake.suggest(text, AgencyKind::ALL.iter().map(|(name, _)| *name)));
        }
        found.map(|(_, kind)| *kind)
    }

    fn date(&mut self, start: usize, column: Option<usize>, text: &str) -> Option<Date> {
        if text.is_empty() {
            return None;
        }
        let found = text.parse().ok();
        if found.is_none() {
            let span = self.field(start, column.unwrap_or(0));
            self.push(Mistake::new(
                Code::BadDate,
                span,
                format!("`{text}` không phải là ngày: viết năm-tháng-ngày"),
                format!("`{text}` is not a date: write year-month-day"),
            ));
        }
        found
    }

    /// One code has one period at a time.
    fn check_periods(&mut self, rows: &[Row], places: &[usize]) {
        let key = |row: &Row, place: usize| (row.code, row.period.valid_from, place);
        let mut in_order: Vec<_> = rows.iter().zip(places.iter().copied()).collect();
        in_order.sort_unstable_by_key(|(row, place)| key(row, *place));
        for ((earlier, _), (later, place)) in in_order.iter().zip(in_order.iter().skip(1)) {
            let code = later.code;
            let ends = earlier.period.valid_to.unwrap_or(Date::MAX);
            if earlier.code != code || later.period.valid_from.unwrap_or(Date::MIN) > ends {
                continue;
            }
            let span = self.field(*place, 0);
            self.push(Mistake::new(
                Code::PeriodsOverlap,
                span,
                format!("`{code}` có hai dòng cùng hiệu lực trong một thời gian"),
                format!("`{code}` has two rows that hold at the same time"),
            ));
        }
    }
}
