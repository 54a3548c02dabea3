//! The only place that prints: data to stdout, messages to stderr, colours only where they are wanted.

use super::answer::Answer;
use super::args::Colour;
use std::io::Write;

/// A reader that has gone away (`| head`) is no failure of ours.
pub(super) fn data(text: &str) {
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).ok();
}

pub(super) fn message(text: &str) {
    anstream::stderr().lock().write_all(text.as_bytes()).ok();
}

pub(super) fn answer(answer: &Answer) {
    data(&answer.stdout);
    message(&answer.notes);
    message(&answer.stderr);
}

/// Somebody watches stderr.
pub(super) fn is_watched() -> bool {
    std::io::IsTerminal::is_terminal(&std::io::stderr())
}

/// stderr shows colours.
pub(super) fn has_colour() -> bool {
    anstream::stderr().current_choice() != anstream::ColorChoice::Never
}

pub(super) fn choose_colour(colour: Colour) {
    let choice = match colour {
        Colour::Auto => anstream::ColorChoice::Auto,
        Colour::Always => anstream::ColorChoice::Always,
        Colour::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
}
