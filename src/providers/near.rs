//! The operations of a system that a wrong path probably meant, and in which segments it differs.

use std::fmt::Write as _;

const NEAREST_MAX: usize = 3;
/// Of a path and of one segment that are shown or compared.
const SHOWN_CHARS_MAX: usize = 160;

/// `GET /Category/{ma} (Category ≠ Categry)`, the nearest first. Segments that are too many or too few stand
/// against `∅`.
pub(super) fn operations<'a>(
    known: impl Iterator<Item = (&'a str, &'a str)>,
    path: &str,
) -> String {
    let path: String = path.chars().take(SHOWN_CHARS_MAX).collect();
    let mut scored: Vec<_> = known
        .map(|(method, template)| {
            let differing = differing(template, &path);
            let likeness = strsim::osa_distance(template, &path);
            ((differing.len(), likeness), method, template, differing)
        })
        .collect();
    scored.sort();
    let mut told = String::new();
    for (_, method, template, differing) in scored.into_iter().take(NEAREST_MAX) {
        let separator = if told.is_empty() { "" } else { ", " };
        let differing = differing.join("; ");
        // Writing into a text does not fail.
        write!(told, "{separator}{method} {template} ({differing})").ok();
    }
    told
}

fn differing(template: &str, path: &str) -> Vec<String> {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    let mut found = Vec::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return found,
            (Some(wanted), Some(given)) if wanted == given => {}
            (Some(name), Some(given)) if name.starts_with('{') && !given.is_empty() => {}
            (wanted, given) => {
                let shown = |segment: Option<&str>| match segment {
                    None | Some("") => "∅".to_owned(),
                    Some(segment) => segment.to_owned(),
                };
                found.push(format!("{} ≠ {}", shown(wanted), shown(given)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operation_that_was_meant_comes_first_with_the_segment_that_differs() {
        let known = || {
            [("GET", "/AllCategory"), ("GET", "/Category/{ma}"), ("POST", "/a/b/c/d/e")].into_iter()
        };
        for (path, expected) in [
            ("/Categry/madantoc", "GET /Category/{ma} (Category ≠ Categry), "),
            ("/Category", "GET /AllCategory (AllCategory ≠ Category), "),
            ("/Category/", "GET /Category/{ma} ({ma} ≠ ∅), "),
            ("/Category/a/b", "GET /Category/{ma} (∅ ≠ b), "),
            ("", "GET /AllCategory (AllCategory ≠ ∅), "),
        ] {
            let told = operations(known(), path);
            assert!(told.starts_with(expected), "{path}: {told}");
        }
        assert_eq!(operations(std::iter::empty(), "/x"), "");
        let long = operations(known(), &"/x".repeat(100_000));
        assert!(long.len() < 3_000, "{}", long.len());
    }
}
