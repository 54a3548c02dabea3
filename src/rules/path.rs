//! Path patterns of rules: those of rights (`*` inside a segment, `**` anything), and `{name}` for one whole segment
//! that the answer's template can use.

use crate::domain::service::{PathPattern, ServicePath};

#[derive(Clone, Debug)]
pub(super) struct PathTemplate {
    text: String,
    pattern: PathPattern,
    /// Which segments have names.
    names: Vec<(usize, String)>,
}

impl PathTemplate {
    pub(super) fn read(text: &str) -> Result<Self, (String, String)> {
        let mut names = Vec::new();
        let mut plain = Vec::new();
        for (place, segment) in text.split('/').enumerate() {
            let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            match name {
                Some(name) if is_name(name) => {
                    if plain.iter().any(|before: &&str| before.contains("**")) {
                        return Err((
                            format!("`{{{name}}}` không thể đứng sau `**`"),
                            format!("`{{{name}}}` cannot stand behind `**`"),
                        ));
                    }
                    names.push((place, name.to_owned()));
                    plain.push("*");
                }
                None if !segment.contains(['{', '}']) => plain.push(segment),
                Some(_) | None => {
                    return Err((
                        format!(
                            "`{segment}` phải là `{{tên}}`, tên gồm chữ cái ASCII, số, gạch dưới"
                        ),
                        format!(
                            "`{segment}` must be `{{name}}` of ASCII letters, digits, underscores"
                        ),
                    ));
                }
            }
        }
        let pattern = plain.join("/").parse();
        let pattern = pattern.map_err(|error: crate::domain::service::PatternTooLong| {
            (format!("mẫu đường dẫn quá dài: {error}"), error.to_string())
        })?;
        Ok(Self { text: text.to_owned(), pattern, names })
    }

    /// A segment with a name is not empty.
    pub(super) fn fits(&self, path: &ServicePath) -> bool {
        let given = |place: usize| path.as_str().split('/').nth(place).unwrap_or_default();
        self.pattern.fits(path) && self.names.iter().all(|(place, _)| !given(*place).is_empty())
    }

    /// The named segments of a path that fits, unescaped.
    pub(super) fn names<'a>(
        &'a self,
        path: &'a str,
    ) -> impl Iterator<Item = (&'a str, String)> + 'a {
        self.names.iter().map(|(place, name)| {
            let raw = path.split('/').nth(*place).unwrap_or_default();
            (name.as_str(), crate::domain::service::unescape(raw))
        })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }
}

fn is_name(name: &str) -> bool {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.bytes().all(is_good)
}
