//! Applications of members at a gateway, and the keys they ask for tokens with (domain.md 1.5: "consumer
//! key/secret per application", "production/sandbox keys").

use super::secret::Secret;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// A subscriber's application.
#[derive(Clone, Debug)]
pub struct Application {
    pub name: String,
    /// The text of the member's id, `VN:GOV:000.00.13.H53:qlvb`.
    pub member: String,
    pub keys: Vec<ApplicationKey>,
}

#[derive(Clone, Debug)]
pub struct ApplicationKey {
    pub kind: KeyKind,
    pub consumer_key: String,
    pub consumer_secret: Secret,
    /// `None` for no limit.
    pub quota: Option<Quota>,
}

/// Which endpoints a key opens, in the words of WSO2's log (domain.md 1.5, `am_key_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    Production,
    Sandbox,
}

/// At most `requests` in each window of `per_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub requests: u32,
    pub per_ms: u64,
}

/// Who a consumer key stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Client {
    pub application: String,
    /// The text of the member's id.
    pub member: String,
    pub kind: KeyKind,
    pub consumer_key: String,
    pub quota: Option<Quota>,
}

/// All applications of one gateway, by consumer key.
#[derive(Clone, Debug, Default)]
pub struct Applications {
    by_key: BTreeMap<String, (Arc<Client>, Secret)>,
}

/// Why a key and a secret open nothing. The answers differ as WSO2's do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum AuthenticationError {
    #[error("no application has this consumer key")]
    UnknownClient,
    #[error("the consumer secret is wrong")]
    WrongSecret,
}

/// Why an application is not taken. Nothing of it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadApplication {
    #[error("a gateway has at most {KEYS_MAX} consumer keys")]
    Full,
    #[error("the consumer key is in use already")]
    KeyInUse,
    #[error("a consumer key has 1 to {KEY_BYTES_MAX} visible ASCII characters and no colon")]
    BadKey,
    #[error(
        "the names of an application and its member have 1 to {NAME_BYTES_MAX} bytes, none of them control"
    )]
    BadName,
    #[error("a quota's window is longer than nothing")]
    BadQuota,
}

/// Two keys for each of a province's systems, many times over.
pub(super) const KEYS_MAX: usize = 10_000;
/// WSO2's have 28.
const KEY_BYTES_MAX: usize = 128;
const NAME_BYTES_MAX: usize = 300;

impl Applications {
    pub fn add(&mut self, application: Application) -> Result<(), BadApplication> {
        let mut added = BTreeMap::new();
        for name in [&application.name, &application.member] {
            if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control)
            {
                return Err(BadApplication::BadName);
            }
        }
        for key in application.keys {
            if !is_consumer_key(&key.consumer_key) {
                return Err(BadApplication::BadKey);
            }
            if key.quota.is_some_and(|quota| quota.per_ms == 0) {
                return Err(BadApplication::BadQuota);
            }
            if self.by_key.contains_key(&key.consumer_key) {
                return Err(BadApplication::KeyInUse);
            }
            let client = Client {
                application: application.name.clone(),
                member: application.member.clone(),
                kind: key.kind,
                consumer_key: key.consumer_key.clone(),
                quota: key.quota,
            };
            match added.entry(key.consumer_key) {
                Entry::Vacant(place) => place.insert((Arc::new(client), key.consumer_secret)),
                Entry::Occupied(_) => return Err(BadApplication::KeyInUse),
            };
        }
        if self.by_key.len() + added.len() > KEYS_MAX {
            return Err(BadApplication::Full);
        }
        self.by_key.append(&mut added);
        Ok(())
    }

    /// Who asks, by key and secret.
    pub(super) fn authenticate(
        &self,
        consumer_key: &str,
        consumer_secret: &Secret,
    ) -> Result<&Arc<Client>, AuthenticationError> {
        let Some((client, secret)) = self.by_key.get(consumer_key) else {
            return Err(AuthenticationError::UnknownClient);
        };
        if secret.is_same(consumer_secret) {
            Ok(client)
        } else {
            Err(AuthenticationError::WrongSecret)
        }
    }

    /// Who a consumer key stands for, whoever shows it.
    pub(super) fn named(&self, consumer_key: &str) -> Option<&Arc<Client>> {
        self.by_key.get(consumer_key).map(|(client, _)| client)
    }

    /// How many consumer keys there are.
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }
}

/// No colon, because `Basic` ends the key there.
pub(super) fn is_consumer_key(text: &str) -> bool {
    let is_good = |byte: u8| byte.is_ascii_graphic() && byte != b':';
    !text.is_empty() && text.len() <= KEY_BYTES_MAX && text.bytes().all(is_good)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: KeyKind, consumer_key: &str) -> ApplicationKey {
        ApplicationKey {
            kind,
            consumer_key: consumer_key.to_owned(),
            consumer_secret: Secret::new(&format!("{consumer_key}-secret")),
            quota: None,
        }
    }

    fn application(name: &str, keys: Vec<ApplicationKey>) -> Application {
        Application { name: name.to_owned(), member: "VN:GOV:000.00.00.H46:LGSP".to_owned(), keys }
    }

    #[test]
    fn a_key_and_its_secret_say_who_asks() {
        let mut applications = Applications::default();
        let keys = vec![key(KeyKind::Production, "p1"), key(KeyKind::Sandbox, "s1")];
        applications.add(application("Một cửa", keys)).unwrap();
        let asked = |key: &str, secret: &str| {
            let found = applications.authenticate(key, &Secret::new(secret));
            found.map(|client| (client.application.as_str(), client.kind))
        };
        assert_eq!(asked("p1", "p1-secret"), Ok(("Một cửa", KeyKind::Production)));
        assert_eq!(asked("s1", "s1-secret"), Ok(("Một cửa", KeyKind::Sandbox)));
        assert_eq!(asked("s1", "p1-secret"), Err(AuthenticationError::WrongSecret));
        assert_eq!(asked("s1", ""), Err(AuthenticationError::WrongSecret));
        assert_eq!(asked("S1", "s1-secret"), Err(AuthenticationError::UnknownClient));
        assert!(!format!("{applications:?}").contains("secret\""), "no secret is printed");
    }

    #[test]
    fn a_bad_application_is_refused_whole() {
        let mut applications = Applications::default();
        applications.add(application("A", vec![key(KeyKind::Production, "a")])).unwrap();
        let timeless = ApplicationKey {
            quota: Some(Quota { requests: 1, per_ms: 0 }),
            ..key(KeyKind::Production, "t")
        };
        let good = || key(KeyKind::Production, "b");
        for (name, second, wrong) in [
            ("B", key(KeyKind::Sandbox, "a"), BadApplication::KeyInUse),
            ("B", key(KeyKind::Sandbox, "b"), BadApplication::KeyInUse),
            ("B", key(KeyKind::Sandbox, "k:1"), BadApplication::BadKey),
            ("B", key(KeyKind::Sandbox, ""), BadApplication::BadKey),
            ("B", key(KeyKind::Sandbox, &"k".repeat(KEY_BYTES_MAX + 1)), BadApplication::BadKey),
            ("B", timeless, BadApplication::BadQuota),
            ("", key(KeyKind::Sandbox, "c"), BadApplication::BadName),
            ("B\n", key(KeyKind::Sandbox, "c"), BadApplication::BadName),
        ] {
            let added = applications.add(application(name, vec![good(), second]));
            assert_eq!((added, applications.len()), (Err(wrong), 1));
        }
    }

    #[test]
    fn a_gateway_has_so_many_keys_and_no_more() {
        let mut applications = Applications::default();
        let keys = (0..KEYS_MAX).map(|ix| key(KeyKind::Production, &ix.to_string())).collect();
        applications.add(application("A", keys)).unwrap();
        let one_more = application("B", vec![key(KeyKind::Production, "b")]);
        assert_eq!(applications.add(one_more), Err(BadApplication::Full));
        assert_eq!(applications.len(), KEYS_MAX);
    }
}
