//! Rights: who may call which part of a service. Without a right nobody may, the owner apart.

use super::path::{PathPattern, ServicePath};
use crate::domain::agency::AgencyCode;
use crate::domain::member_id::{MemberId, PLATFORM_CLASS, PUBLIC_CLASS};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Whom a right is given to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grantee {
    /// Every member and platform; not the public.
    Everyone,
    /// Every platform, in its own name.
    Platforms,
    /// Whoever comes by a public door: citizens, and portals over the Internet.
    Public,
    /// One system.
    Member(MemberId),
    /// All systems of an agency and of those below it.
    Agency(AgencyCode),
    /// Everybody in a group of the topology.
    Group(String),
}

/// Why a text names nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "neither `everyone`, `platforms`, `public`, a member id, an agency code nor `group:<name>`"
)]
pub struct BadGrantee;

/// One right: a method or all, on the paths that a pattern fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    pub to: Grantee,
    /// In capitals; `None` for every method.
    pub method: Option<String>,
    pub path: PathPattern,
}

/// Named sets of callers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups(BTreeMap<String, Vec<Grantee>>);

impl Groups {
    /// Groups do not hold groups: what is given as one is left out.
    pub fn add(&mut self, name: &str, of: Vec<Grantee>) {
        let flat = of.into_iter().filter(|one| !matches!(one, Grantee::Group(_)));
        self.0.insert(name.to_owned(), flat.collect());
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Grantee])> {
        self.0.iter().map(|(name, of)| (name.as_str(), of.as_slice()))
    }
}

impl Grantee {
    fn holds(&self, caller: &MemberId, groups: &Groups) -> bool {
        match self {
            Self::Everyone => caller.class() != PUBLIC_CLASS,
            Self::Platforms => caller.class() == PLATFORM_CLASS,
            Self::Public => caller.class() == PUBLIC_CLASS,
            Self::Member(member) => member == caller,
            Self::Agency(code) => caller.agency().is_some_and(|own| own.is_at_or_below(code)),
            Self::Group(name) => {
                groups.0.get(name).is_some_and(|of| of.iter().any(|one| one.holds(caller, groups)))
            }
        }
    }
}

impl Right {
    /// Everything of a service.
    pub fn whole(to: Grantee) -> Self {
        Self { to, method: None, path: PathPattern::everything() }
    }

    /// Whether it is given to this member, for whatever method and path.
    pub fn is_for(&self, caller: &MemberId, groups: &Groups) -> bool {
        self.to.holds(caller, groups)
    }

    pub fn admits(
        &self,
        caller: &MemberId,
        method: &str,
        path: &ServicePath,
        groups: &Groups,
    ) -> bool {
        self.method.as_ref().is_none_or(|own| own == method)
            && self.to.holds(caller, groups)
            && self.path.fits(path)
    }
}

impl FromStr for Grantee {
    type Err = BadGrantee;

    fn from_str(text: &str) -> Result<Self, BadGrantee> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("everyone") {
            return Ok(Self::Everyone);
        }
        if text.eq_ignore_ascii_case("platforms") {
            return Ok(Self::Platforms);
        }
        if text.eq_ignore_ascii_case("public") {
            return Ok(Self::Public);
        }
        if let Some(name) = text.strip_prefix("group:") {
            return if name.is_empty() {
                Err(BadGrantee)
            } else {
                Ok(Self::Group(name.to_owned()))
            };
        }
        if text.contains(':') {
            return MemberId::parse(text).map(Self::Member).or(Err(BadGrantee));
        }
        AgencyCode::parse(text).map(Self::Agency).or(Err(BadGrantee))
    }
}

impl fmt::Display for Grantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everyone => f.write_str("everyone"),
            Self::Platforms => f.write_str("platforms"),
            Self::Public => f.write_str("public"),
            Self::Member(member) => member.fmt(f),
            Self::Agency(code) => code.fmt(f),
            Self::Group(name) => write!(f, "group:{name}"),
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.to, self.method.as_deref().unwrap_or("*"), self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn right(to: &str, method: Option<&str>, path: &str) -> Right {
        Right {
            to: to.parse().unwrap(),
            method: method.map(str::to_owned),
            path: path.parse().unwrap(),
        }
    }

    #[test]
    fn a_right_is_for_somebody_a_method_and_paths() {
        let mut groups = Groups::default();
        groups.add("one-stop", vec!["H60.06".parse().unwrap(), Grantee::Everyone]);
        groups.add("nobody", vec![Grantee::Group("one-stop".to_owned())]);
        for (right, expected) in [
            (right("everyone", None, "**"), true),
            (right("H60", None, "**"), true),
            (right("000.00.06.H60", Some("GET"), "/a/*"), true),
            (right("H60.06.01", None, "**"), false),
            (right("H26", None, "**"), false),
            (right("VN:GOV:H60.06:QLVB", None, "**"), true),
            (right("VN:GOV:H60.06:OTHER", None, "**"), false),
            (right("H60", Some("POST"), "**"), false),
            (right("H60", None, "/b/**"), false),
            (right("group:one-stop", None, "**"), true),
            (right("group:nobody", None, "**"), false),
            (right("group:unknown", None, "**"), false),
        ] {
            let caller = MemberId::parse("VN:GOV:H60.06:QLVB").unwrap();
            let path = ServicePath::parse("/a/1").unwrap();
            assert_eq!(right.admits(&caller, "GET", &path, &groups), expected, "{right}");
        }
    }

    #[test]
    fn the_public_is_not_everyone_and_platforms_have_a_word_of_their_own() {
        let groups = Groups::default();
        let path = ServicePath::parse("/a").unwrap();
        for (caller, admitted) in [
            ("VN:GOV:H60.06:QLVB", ["everyone"].as_slice()),
            ("VN:PLATFORM:lgsp-h60:NDOP", &["everyone", "platforms"]),
            ("VN:PUBLIC:INTERNET:WEB", &["public"]),
        ] {
            let caller = MemberId::parse(caller).unwrap();
            for who in ["everyone", "platforms", "public"] {
                let found = right(who, None, "**").admits(&caller, "GET", &path, &groups);
                assert_eq!(found, admitted.contains(&who), "{caller} {who}");
            }
        }
    }

    #[test]
    fn grantees_are_read_as_they_are_written() {
        for text in
            ["everyone", "platforms", "public", "group:a", "VN:COM:0106001236:Pay", "H60.06"]
        {
            assert_eq!(text.parse::<Grantee>().unwrap().to_string(), text);
        }
        for text in ["", "group:", "VN:GOV:H60", "không ai"] {
            assert_eq!(text.parse::<Grantee>(), Err(BadGrantee), "{text}");
        }
    }

    const AGENCIES: [&str; 6] = ["H60", "H60.06", "H60.06.01", "H60.07", "H26", "H26.06"];
    const METHODS: [&str; 3] = ["GET", "POST", "PUT"];
    const PATHS: [&str; 6] = ["", "/", "/a", "/a/b", "/a/b/c", "/b"];
    const PATTERNS: [&str; 5] = ["**", "/*", "/a/*", "/a/**", "/a"];

    /// The five patterns above, said without patterns.
    fn naive(pattern: &str, path: &str) -> bool {
        let depth = path.matches('/').count();
        match pattern {
            "**" => true,
            "/*" => depth == 1,
            "/a/*" => path.starts_with("/a/") && depth == 2,
            "/a/**" => path.starts_with("/a/"),
            _ => path == "/a",
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn random_rights_and_paths_agree_with_a_naive_model(
            rights in prop::collection::vec((0..6_usize, prop::option::of(0..3_usize), 0..5_usize), 0..6),
            (who, method, path) in (0..6_usize, 0..3_usize, 0..6_usize),
        ) {
            let (who, method, path) = (AGENCIES[who], METHODS[method], PATHS[path]);
            let expected = rights.iter().any(|(to, only, pattern)| {
                let to = AGENCIES[*to];
                (who == to || who.starts_with(&format!("{to}.")))
                    && only.is_none_or(|only| METHODS[only] == method)
                    && naive(PATTERNS[*pattern], path)
            });
            let caller = MemberId::parse(&format!("VN:GOV:{who}:X")).unwrap();
            let path = ServicePath::parse(path).unwrap();
            let found = rights.iter().any(|(to, only, pattern)| {
                right(AGENCIES[*to], only.map(|only| METHODS[only]), PATTERNS[*pattern])
                    .admits(&caller, method, &path, &Groups::default())
            });
            prop_assert_eq!(found, expected);
        }
    }
}
