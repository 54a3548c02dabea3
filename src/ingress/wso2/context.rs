//! Which service a path of the gateway means: `/apiCSDLDKDN/1.0/chiTietDoanhNghiep` (domain.md 4.1 a), or with no
//! version as provinces have it, `/<service>/<operation>`.
//!
//! A context with a version is found without it too; of several versions the highest is meant, as WSO2's default
//! version. Contexts are unique, as WSO2's are: of services with one code and version none has the short context, for a
//! caller must never reach another system because somebody registered a service; each has the one with its owner,
//! `/000.00.00.G06/DMDC/dmdc/1.0`, which every service has.

use crate::domain::service::Services;
use std::collections::BTreeMap;

/// One API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ContextEntry {
    /// `/apiCSDLDKDN/1.0`; case matters.
    pub context: String,
    /// The text of the service's id.
    pub service: String,
}

/// All APIs of one gateway.
#[derive(Clone, Debug, Default)]
pub(super) struct Contexts {
    by_path: BTreeMap<String, Api>,
    /// Short contexts that several services would have, and those that they have instead.
    shared: BTreeMap<String, Vec<String>>,
}

/// What a path means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Matched<'m> {
    /// The text of the service's id.
    pub service: &'m str,
    /// Raw, with its leading `/`; empty when the service itself is called. What it may hold is not looked at.
    pub path: &'m str,
}

/// Why a table of contexts is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ContextError {
    #[error("a gateway has at most {CONTEXTS_MAX} APIs")]
    TooMany,
    #[error(
        "`{0}` is no context: a slash before each of 1 to {SEGMENTS_MAX} segments of letters, digits, `-`, `.`, `_` and `~`, together at most {CONTEXT_BYTES_MAX} bytes"
    )]
    BadContext(String),
    #[error("the context `{0}` is there twice")]
    Twice(String),
}

#[derive(Clone, Debug)]
struct Api {
    /// The text of the service's id.
    service: String,
    /// Found here without its version.
    is_default: bool,
}

/// More than all services of the country's catalogues, each with its two contexts.
const CONTEXTS_MAX: usize = 8_192;
const SEGMENTS_MAX: usize = 6;
const CONTEXT_BYTES_MAX: usize = 256;

impl Contexts {
    /// A service whose name cannot stand in a path is left out, and told in the log.
    pub(super) fn of(services: &Services) -> Self {
        let (mut entries, mut shared) = (Vec::new(), BTreeMap::<String, Vec<String>>::new());
        for one in services.contexts() {
            let (short, with_owner) = (one.short(), one.with_owner());
            if !is_context(&with_owner) {
                tracing::warn!(service = %one.service.id, "no context of a gateway can have this name");
                continue;
            }
            if one.is_alone {
                let service = one.service.id.to_string();
                entries.push(ContextEntry { context: short, service });
            } else {
                shared.entry(short).or_default().push(with_owner.clone());
            }
            let service = one.service.id.to_string();
            entries.push(ContextEntry { context: with_owner, service });
        }
        let contexts = Self::new(entries).unwrap_or_else(|error| {
            tracing::warn!(%error, "the gateway offers no API");
            Self::default()
        });
        Self { shared, ..contexts }
    }

    fn new(entries: impl IntoIterator<Item = ContextEntry>) -> Result<Self, ContextError> {
        let mut contexts = Self::default();
        for entry in entries {
            if contexts.by_path.len() >= CONTEXTS_MAX {
                return Err(ContextError::TooMany);
            }
            if !is_context(&entry.context) {
                return Err(ContextError::BadContext(entry.context));
            }
            if contexts.by_path.contains_key(&entry.context) {
                return Err(ContextError::Twice(entry.context));
            }
            let api = Api { service: entry.service, is_default: false };
            contexts.by_path.insert(entry.context, api);
        }
        contexts.add_defaults();
        Ok(contexts)
    }

    /// Never in the place of a context that is really there.
    fn add_defaults(&mut self) {
        let mut highest = BTreeMap::<String, (Vec<u32>, Api)>::new();
        for (context, api) in &self.by_path {
            let Some((bare, version)) = context.rsplit_once('/') else { continue };
            let Some(version) = version_numbers(version) else { continue };
            if bare.is_empty() || self.by_path.contains_key(bare) {
                continue;
            }
            if highest.get(bare).is_none_or(|(former, _)| *former < version) {
                let api = Api { is_default: true, ..api.clone() };
                highest.insert(bare.to_owned(), (version, api));
            }
        }
        self.by_path.extend(highest.into_iter().map(|(bare, (_, api))| (bare, api)));
    }

    /// A path below an API, or below a context that several services would have.
    pub(super) fn has(&self, path: &str) -> bool {
        self.find(path).is_some() || !self.choices(path).is_empty()
    }

    /// The contexts of those that share the short one which `path` begins with.
    pub(super) fn choices(&self, path: &str) -> &[String] {
        let is_below = |short: &str| {
            path.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let meant = self.shared.iter().find(|(short, _)| is_below(short));
        meant.map(|(_, choices)| choices.as_slice()).unwrap_or_default()
    }

    /// The API with the longest context that `path`, without its query, begins with.
    pub(super) fn find<'m>(&'m self, path: &'m str) -> Option<Matched<'m>> {
        let borders = path.match_indices('/').map(|(at, _)| at).skip(1);
        // The first ends before the second slash; the last may end with the path.
        let ends: Vec<_> = borders.chain([path.len()]).take(SEGMENTS_MAX).collect();
        ends.iter().rev().find_map(|end| {
            let (start, rest) = path.split_at_checked(*end)?;
            let api = self.by_path.get(start)?;
            let first = rest.split('/').nth(1).unwrap_or_default();
            // Another version, which is not here, is not the default one with a strange path.
            if api.is_default && version_numbers(first).is_some() {
                return None;
            }
            Some(Matched { service: &api.service, path: rest })
        })
    }
}

fn is_context(text: &str) -> bool {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let is_segment = |segment: &str| {
        !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(is_good)
    };
    let Some(after) = text.strip_prefix('/') else { return false };
    text.len() <= CONTEXT_BYTES_MAX
        && after.split('/').all(is_segment)
        && after.split('/').count() <= SEGMENTS_MAX
}

/// `1.0`, `v1.0.0`, `2`; a number of many digits is an identifier, not a version.
fn version_numbers(text: &str) -> Option<Vec<u32>> {
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let number = |part: &str| {
        let is_number =
            part.len() <= VERSION_DIGITS_MAX && part.bytes().all(|b| b.is_ascii_digit());
        if is_number { part.parse().ok() } else { None }
    };
    text.splitn(VERSION_PARTS_MAX + 1, '.').map(number).collect::<Option<Vec<u32>>>()
}

const VERSION_DIGITS_MAX: usize = 4;
const VERSION_PARTS_MAX: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::service::Contexted;
    use crate::domain::service::tests::service;
    use proptest::prelude::*;

    fn contexts(entries: &[(&str, &str)]) -> Result<Contexts, ContextError> {
        Contexts::new(entries.iter().map(|(context, service)| ContextEntry {
            context: (*context).to_owned(),
            service: (*service).to_owned(),
        }))
    }

    #[test]
    fn paths_seen_in_the_field_find_their_services() {
        let contexts = contexts(&[
            ("/apiCSDLDKDN/1.0", "dkdn"),
            ("/dmdc/1.0", "dmdc1"),
            ("/dmdc/1.10", "dmdc10"),
            ("/dmdc/1.9", "dmdc9"),
            ("/dldc/1.0.0", "dldc"),
            ("/adapter/truclienthong/v1.0.0", "truc"),
            ("/bc", "bc"),
            ("/bc/1.0", "bc1"),
        ])
        .unwrap();
        for (path, expected) in [
            // domain.md 4.1 (a).
            ("/apiCSDLDKDN/1.0/chiTietDoanhNghiep", Some(("dkdn", "/chiTietDoanhNghiep"))),
            ("/dmdc/1.0/AllCategory", Some(("dmdc1", "/AllCategory"))),
            ("/dldc/1.0.0/quocgia", Some(("dldc", "/quocgia"))),
            // domain.md 2.6, Quảng Nam.
            ("/adapter/truclienthong/v1.0.0/vanbans/1", Some(("truc", "/vanbans/1"))),
            // domain.md 4.8 and 4.9, Quảng Bình: no version.
            ("/bc/indicators", Some(("bc", "/indicators"))),
            ("/dmdc/Category/madantoc", Some(("dmdc10", "/Category/madantoc"))),
            ("/bc/1.0/indicators", Some(("bc1", "/indicators"))),
            ("/bc/2.0/indicators", Some(("bc", "/2.0/indicators"))),
            ("/dmdc/1.0", Some(("dmdc1", ""))),
            ("/dmdc/1.0/", Some(("dmdc1", "/"))),
            ("/dmdc", Some(("dmdc10", ""))),
            ("/dmdc/2.0/AllCategory", None),
            ("/dmdc/1.0x/AllCategory", Some(("dmdc10", "/1.0x/AllCategory"))),
            ("/dmdcX/1.0/AllCategory", None),
            ("/DMDC/1.0/AllCategory", None),
            ("//dmdc/1.0", None),
            ("dmdc/1.0", None),
            ("/", None),
            ("", None),
        ] {
            let found = contexts.find(path).map(|found| (found.service, found.path));
            assert_eq!(found, expected, "{path}");
        }
    }

    #[test]
    fn services_of_one_code_and_version_have_contexts_with_their_owners() {
        let mut services = Services::default();
        for id in ["VN:GOV:G06:DMDC/hoso", "VN:GOV:H60:MCDT/hoso", "VN:GOV:G06:DMDC/dmdc"] {
            services.put(service(id));
        }
        let contexts = Contexts::of(&services);
        let found = |path| contexts.find(path).map(|found| (found.service, found.path));
        let (ours, theirs) = ("VN:GOV:000.00.00.G06:DMDC/hoso", "VN:GOV:000.00.00.H60:MCDT/hoso");
        assert_eq!(found("/000.00.00.G06/DMDC/hoso/1.0/a"), Some((ours, "/a")));
        assert_eq!(found("/000.00.00.H60/MCDT/hoso/1.0/a"), Some((theirs, "/a")));
        assert_eq!(found("/000.00.00.H60/MCDT/hoso/a"), Some((theirs, "/a")), "its only version");
        for path in ["/hoso/1.0/a", "/hoso/1.0"] {
            assert_eq!((found(path), contexts.has(path)), (None, true), "{path}: nobody's");
            let both = ["/000.00.00.G06/DMDC/hoso/1.0", "/000.00.00.H60/MCDT/hoso/1.0"];
            assert_eq!(contexts.choices(path), both);
        }
        // Alone, it has both.
        let alone = "VN:GOV:000.00.00.G06:DMDC/dmdc";
        for path in ["/dmdc/1.0/x", "/dmdc/x", "/000.00.00.G06/DMDC/dmdc/1.0/x"] {
            assert_eq!(found(path), Some((alone, "/x")), "{path}");
        }
        let told: Vec<_> = services.contexts().iter().map(Contexted::context).collect();
        let both = ["/000.00.00.G06/DMDC/hoso/1.0", "/000.00.00.H60/MCDT/hoso/1.0"];
        assert_eq!(told, [&["/dmdc/1.0"], &both[..]].concat());
        // A name that no path can have takes nothing from the others.
        services.put(service("VN:GOV:G06:DMDC/hồ sơ"));
        assert!(Contexts::of(&services).find("/dmdc/1.0/x").is_some());
    }

    #[test]
    fn a_bad_table_is_refused() {
        let long = format!("/{}", "a".repeat(CONTEXT_BYTES_MAX));
        for context in [
            "",
            "/",
            "a",
            "/a/",
            "//a",
            "/a/../b",
            "/.",
            "/a?b",
            "/a%2f",
            "/đ",
            "/a/b/c/d/e/f/g",
            &long,
        ] {
            let refused = contexts(&[(context, "x")]).err();
            assert_eq!(refused, Some(ContextError::BadContext(context.to_owned())), "{context}");
        }
        let twice = contexts(&[("/a", "x"), ("/a", "y")]).err();
        assert_eq!(twice, Some(ContextError::Twice("/a".to_owned())));
        let many = (0..=CONTEXTS_MAX)
            .map(|ix| ContextEntry { context: format!("/a{ix}"), service: "x".to_owned() });
        assert_eq!(Contexts::new(many).err(), Some(ContextError::TooMany));
    }

    proptest! {
        #[test]
        fn the_longest_context_wins_as_in_a_naive_model(
            entries in prop::collection::btree_set("(/[abc]){1,6}", 0..12),
            path in "(/[abcd]{1,2}|/){0,8}",
        ) {
            let pairs: Vec<_> = entries.iter().map(|entry| (entry.as_str(), entry.as_str())).collect();
            let contexts = contexts(&pairs).unwrap();
            let fits = |entry: &&String| {
                path.strip_prefix(entry.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            let expected = entries.iter().filter(fits).max_by_key(|entry| entry.len());
            let found = contexts.find(&path);
            prop_assert_eq!(found.map(|found| found.service), expected.map(String::as_str));
            if let Some(found) = found {
                prop_assert_eq!(format!("{}{}", found.service, found.path), path);
            }
        }

        #[test]
        fn no_path_is_too_odd(path in ".{0,60}") {
            let contexts = contexts(&[("/a/1.0", "x")]).unwrap();
            if let Some(found) = contexts.find(&path) {
                prop_assert!(path.ends_with(found.path));
            }
        }
    }
}
