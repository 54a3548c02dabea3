//! What one virtual agency sends and when: pure, seeded, one random stream per agency.
//!
//! Invariant: the same cast, seed and sizes give the same plan; how fast or to what end documents travel changes
//! nothing in it.

use super::cast::{Cast, Role, RoleIx};
use super::reaction::fnv;
use super::words::{self, Genre};
use crate::clock::Timestamp;
use crate::domain::calendar::{self, Calendar};
use crate::random::Random;
use jiff::civil::time;
use std::sync::Arc;
use std::time::Duration;

/// How large attachments are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Sizes {
    /// A few to a few dozen KiB, some large ones: a laptop shows hundreds of documents in seconds.
    #[default]
    Laptop,
    /// As measured at a provincial axis (domain.md 5): median 378 KB, mean 859 KB, p90 2.6 MB, at most 4.7 MB.
    Full,
}

/// A document to write.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// After the one before it.
    pub gap: Duration,
    pub number: u32,
    pub type_name: &'static str,
    /// What stands behind the number: `QĐ-UBND`, `STC-QLNS`.
    pub notation: String,
    pub subject: String,
    /// In the order of the "Nơi nhận" list, each once, never the writer.
    pub to: Vec<RoleIx>,
    /// 0 to 4.
    pub urgency: u8,
    /// Calendar days until it is due.
    pub due_days: Option<u8>,
    /// Bytes of each file, the main one first.
    pub files: Vec<usize>,
    pub signer: String,
    pub clerk: String,
    pub correction: Option<Correction>,
    /// For the bytes of the attachments.
    pub seed: u64,
}

/// What a sender does about a document some time after it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Correction {
    pub kind: CorrectionKind,
    /// In the agencies' time, which `speed` compresses.
    pub after: Duration,
    pub reason: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorrectionKind {
    /// An edXML of type 1.
    Recall,
    /// A status message 13, the other way to say the same.
    TakeBack,
    Update,
    /// A new document in its place.
    Replace,
}

impl Plan {
    /// A letter in answer to one that this agency received; it stands outside the plan.
    pub(super) fn reply(
        role: &Role,
        subject: &str,
        addressee: RoleIx,
        number: u32,
        sizes: Sizes,
    ) -> Self {
        let mut random = Random::stream(fnv(subject), u64::from(number));
        let subject = subject.trim_start_matches(REPLY).trim_start_matches("V/v ");
        let subject: String = format!("{REPLY}{subject}").chars().take(SUBJECT_CHARS_MAX).collect();
        Self {
            gap: Duration::ZERO,
            number,
            type_name: "Công văn",
            notation: format!("{}-VP", role.sign),
            subject,
            to: vec![addressee],
            urgency: 0,
            due_days: None,
            files: vec![file_bytes(&mut random, sizes)],
            signer: person(&mut random),
            clerk: person(&mut random),
            correction: None,
            seed: random.next(),
        }
    }
}

const REPLY: &str = "V/v phúc đáp văn bản: ";
/// domain.md 2.3: at most 500.
const SUBJECT_CHARS_MAX: usize = 400;

/// The plan of one agency, document by document.
#[derive(Clone, Debug)]
pub struct Script {
    cast: Arc<Cast>,
    me: RoleIx,
    sizes: Sizes,
    random: Random,
    /// Seconds between two documents of this agency on average.
    gap_mean: f64,
    number: u32,
}

impl Script {
    /// `documents_per_s` is of the whole cast; each agency has its share by weight.
    pub fn new(
        cast: &Arc<Cast>,
        me: RoleIx,
        seed: u64,
        sizes: Sizes,
        documents_per_s: f64,
    ) -> Self {
        let gap_mean = 1.0 / (documents_per_s * cast.share(me)).max(f64::MIN_POSITIVE);
        let random = Random::stream(seed, me as u64);
        Self { cast: Arc::clone(cast), me, sizes, random, gap_mean, number: 0 }
    }

    /// Goes on behind a number that is taken.
    pub fn skip_to(&mut self, number: u32) {
        self.number = self.number.max(number);
    }

    /// The next number in the register, for a document outside the plan.
    pub const fn take_number(&mut self) -> u32 {
        self.number += 1;
        self.number
    }

    /// The next document; `None` for an agency that has nobody to write to.
    pub fn draw(&mut self) -> Option<Plan> {
        let gap = Duration::try_from_secs_f64(self.random.exponential(self.gap_mean))
            .unwrap_or(Duration::MAX);
        let wanted = fan_out(&mut self.random);
        let to = self.addressees(wanted);
        if to.is_empty() {
            return None;
        }
        let genre = self.genre()?;
        let subject = pick(&mut self.random, genre.subjects).copied().unwrap_or_default();
        let urgency = urgency(&mut self.random, genre);
        let due_days = self.random.chance(0.35).then(|| small(3 + self.random.below(25)));
        let notation = self.notation(genre);
        let files = (0..file_count(&mut self.random))
            .map(|_| file_bytes(&mut self.random, self.sizes))
            .collect();
        Some(Plan {
            gap,
            number: self.take_number(),
            type_name: genre.name,
            notation,
            subject: subject.to_owned(),
            to,
            urgency,
            due_days,
            files,
            signer: person(&mut self.random),
            clerk: person(&mut self.random),
            correction: correction(&mut self.random),
            seed: self.random.next(),
        })
    }

    fn genre(&mut self) -> Option<&'static Genre> {
        let mut left = self.random.below(words::GENRES.iter().map(|genre| genre.share).sum());
        words::GENRES.iter().find(|genre| {
            let is_it = left < genre.share;
            left = left.saturating_sub(genre.share);
            is_it
        })
    }

    fn notation(&mut self, genre: &Genre) -> String {
        let sign = self.cast.role(self.me).map_or("UBND", |role| &*role.sign);
        if genre.abbreviation.is_empty() {
            let drafter = pick(&mut self.random, words::DRAFTERS).copied().unwrap_or_default();
            return format!("{sign}-{drafter}");
        }
        format!("{}-{sign}", genre.abbreviation)
    }

    /// Draws circles by their share and members of them evenly; a long list takes whole circles first, as circulars do.
    fn addressees(&mut self, wanted: usize) -> Vec<RoleIx> {
        let mut to: Vec<RoleIx> = Vec::with_capacity(wanted);
        let cast = Arc::clone(&self.cast);
        let circles = cast.circles(self.me);
        let sum: u64 = circles.iter().map(|(share, _)| share).sum();
        let circular = self.random.below(sum.max(1));
        // Bounded: someone drawn twice is drawn again, but not for ever.
        for _ in 0..wanted * 8 {
            if to.len() == wanted {
                return to;
            }
            let mut at =
                if wanted < CIRCULAR_FROM { self.random.below(sum.max(1)) } else { circular };
            let circle = circles.iter().find(|(share, _)| {
                let is_it = at < *share;
                at = at.saturating_sub(*share);
                is_it
            });
            let Some((_, circle)) = circle else { break };
            self.add_one(&mut to, circle);
        }
        // The circle was too small: anybody.
        let everybody: Vec<RoleIx> = (0..cast.roles().len()).collect();
        for _ in 0..wanted * 8 {
            if to.len() == wanted {
                break;
            }
            self.add_one(&mut to, &everybody);
        }
        to
    }

    fn add_one(&mut self, to: &mut Vec<RoleIx>, circle: &[RoleIx]) {
        if let Some(&other) = pick(&mut self.random, circle)
            && other != self.me
            && !to.contains(&other)
        {
            to.push(other);
        }
    }
}

/// A list this long is a circular: it goes to one circle, whole as far as it reaches.
const CIRCULAR_FROM: usize = 5;

/// How many agencies a document goes to. domain.md 5: 263,362 received of 107,787 sent, a mean of 2.44.
fn fan_out(random: &mut Random) -> usize {
    let drawn = random.below(100);
    let wide = match drawn {
        0..58 => 1,
        58..76 => 2,
        76..85 => 3,
        85..90 => 4,
        90..96 => 5 + random.below(5),
        _ => 10 + random.below(11),
    };
    usize::try_from(wide).unwrap_or(1)
}

/// Độ khẩn. Assumed: nine in ten are ordinary; a Công điện never is.
fn urgency(random: &mut Random, genre: &Genre) -> u8 {
    let drawn = random.below(1_000);
    if genre.abbreviation == "CĐ" {
        return if drawn < 700 { 3 } else { 2 };
    }
    match drawn {
        0..905 => 0,
        905..975 => 1,
        975..993 => 2,
        993..999 => 3,
        _ => 4,
    }
}

/// domain.md 5: 63 attachments of 26 documents, mostly 2 or 3, one to four.
fn file_count(random: &mut Random) -> usize {
    match random.below(100) {
        0..15 => 1,
        15..55 => 2,
        55..88 => 3,
        _ => 4,
    }
}

/// A log-normal cut at the largest one seen: median and p90 are those of the sample, and so is the mean within 4 %.
fn file_bytes(random: &mut Random, sizes: Sizes) -> usize {
    let (median, sigma, largest) = match sizes {
        Sizes::Full => (378_000.0, 1.505, 4_700_000.0),
        Sizes::Laptop if random.chance(0.01) => (300_000.0, 0.7, 1_500_000.0),
        Sizes::Laptop => (8_000.0, 0.8, 60_000.0),
    };
    whole(log_normal(random, median, sigma).clamp(2_000.0, largest))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to a few million by the caller"
)]
fn whole(bytes: f64) -> usize {
    bytes as usize
}

fn correction(random: &mut Random) -> Option<Correction> {
    let drawn = random.below(1_000);
    // Assumed. A tenth of a percent would be nearer to life and would never be seen in a demonstration.
    let (kind, reasons) = match drawn {
        0..8 => (CorrectionKind::Recall, words::RECALLS),
        8..16 => (CorrectionKind::TakeBack, words::RECALLS),
        16..28 => (CorrectionKind::Update, words::UPDATES),
        28..36 => (CorrectionKind::Replace, words::UPDATES),
        _ => return None,
    };
    let after = delay(random, 40.0 * MINUTE, 0.8);
    let reason = pick(random, reasons).copied().unwrap_or_default();
    Some(Correction { kind, after, reason })
}

/// How busy offices are at a moment, from 0 to 1: two humps on working days (domain.md 5).
pub fn office_intensity(calendar: &Calendar, at: Timestamp) -> f64 {
    let local = calendar::vietnam_time(at);
    if !calendar.is_working_day(local.date()) {
        return 0.0;
    }
    let now = local.time();
    // From, to, intensity.
    let hours = [
        (time(7, 30, 0, 0), time(8, 0, 0, 0), 0.4),
        (time(8, 0, 0, 0), time(11, 0, 0, 0), 1.0),
        (time(11, 0, 0, 0), time(11, 30, 0, 0), 0.5),
        (time(11, 30, 0, 0), time(13, 30, 0, 0), 0.05),
        (time(13, 30, 0, 0), time(14, 0, 0, 0), 0.5),
        (time(14, 0, 0, 0), time(16, 30, 0, 0), 1.0),
        (time(16, 30, 0, 0), time(17, 30, 0, 0), 0.3),
    ];
    hours.iter().find(|(from, to, _)| (*from..*to).contains(&now)).map_or(0.0, |(_, _, busy)| *busy)
}

pub(super) const MINUTE: f64 = 60.0;
pub(super) const HOUR: f64 = 3_600.0;

/// A log-normal delay in the agencies' time.
pub(super) fn delay(random: &mut Random, median_s: f64, sigma: f64) -> Duration {
    let seconds = log_normal(random, median_s, sigma).clamp(0.0, 30.0 * 24.0 * HOUR);
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

fn log_normal(random: &mut Random, median: f64, sigma: f64) -> f64 {
    // Box and Muller; 1 − unit is never 0.
    let radius = (-2.0 * (1.0 - random.unit()).ln()).sqrt();
    let normal = radius * (std::f64::consts::TAU * random.unit()).cos();
    median * (sigma * normal).exp()
}

pub(super) fn pick<'a, T>(random: &mut Random, among: &'a [T]) -> Option<&'a T> {
    among.get(usize::try_from(random.below(among.len() as u64)).unwrap_or_default())
}

pub(super) fn person(random: &mut Random) -> String {
    let mut name = String::new();
    for part in [words::FAMILY, words::MIDDLE, words::GIVEN] {
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(pick(random, part).copied().unwrap_or_default());
    }
    name
}

fn small(number: u64) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}
