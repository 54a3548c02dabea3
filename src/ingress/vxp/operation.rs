//! The operations of the SDK and the paths they are asked for by (wire/vxp.md 1.1 and 1.2).

use crate::ingress::documents;
use crate::ingress::head::target::collapse_slashes;

/// Where the operations stand: at the root, and where a security server's adapter has them.
pub const PREFIXES: [&str; 2] = ["/", "/XrdAdapter/adapter/"];

/// What a client asks for. There is no updateAgency in any SDK: updating is registering again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    AgenciesList,
    AgenciesListQd20,
    SynchronizeUnit,
    RegisterAgency,
    DeleteAgency,
    SendEdoc,
    ReceivedEdocList,
    SentEdocList,
    GetEdoc,
    /// Also the SDK's downloadEdoc2, which asks for the same path without signing anything.
    DownloadEdoc,
    UpdateStatus,
    CountReceiveEdoc,
    CountReceiveStatus,
}

impl Operation {
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("getAgenciesList", Self::AgenciesList),
        ("getAgenciesListQD20", Self::AgenciesListQd20),
        ("getSynchronizeUnit", Self::SynchronizeUnit),
        ("registerAgency", Self::RegisterAgency),
        ("deleteAgency", Self::DeleteAgency),
        ("sendEdoc", Self::SendEdoc),
        ("getReceivedEdocList", Self::ReceivedEdocList),
        ("getSentEdocList", Self::SentEdocList),
        ("getEdoc", Self::GetEdoc),
        ("downloadEdoc", Self::DownloadEdoc),
        ("downloadEdoc2", Self::DownloadEdoc),
        ("updateStatus", Self::UpdateStatus),
        ("countReceiveEdoc", Self::CountReceiveEdoc),
        ("countReceiveStatus", Self::CountReceiveStatus),
    ];

    pub fn of_path(path: &str) -> Option<Self> {
        let path = collapse_slashes(path);
        PREFIXES
            .iter()
            .filter_map(|prefix| path.strip_prefix(prefix))
            .find_map(|name| Self::ALL.iter().find(|(known, _)| *known == name))
            .map(|(_, operation)| *operation)
    }

    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }

    /// Where an unchecked HMAC may be made up for by the channel (design.md 2.6): these take free text or a path
    /// of the client's, and change or show only what is the caller's already.
    pub(super) const fn may_trust_channel(self) -> bool {
        matches!(self, Self::UpdateStatus | Self::GetEdoc | Self::DownloadEdoc)
    }
}

/// The operation that a wrong path most likely means.
pub(super) fn nearest(path: &str) -> Option<&'static str> {
    let asked = path.rsplit('/').find(|part| !part.is_empty())?;
    documents::nearest(asked, Operation::ALL.iter().map(|(name, _)| *name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_operations_whatever_the_endpoint() {
        for (path, expected) in [
            ("/sendEdoc", Some(Operation::SendEdoc)),
            // wire/vxp.md 1.1: an endpoint that ends in a slash.
            ("//sendEdoc", Some(Operation::SendEdoc)),
            ("/XrdAdapter/adapter/getEdoc", Some(Operation::GetEdoc)),
            ("/XrdAdapter/adapter//downloadEdoc", Some(Operation::DownloadEdoc)),
            ("/downloadEdoc2", Some(Operation::DownloadEdoc)),
            ("/SendEdoc", None),
            ("/sendEdoc/", None),
            ("/v1/sendEdoc", None),
            ("/", None),
        ] {
            assert_eq!(Operation::of_path(path), expected, "{path}");
        }
    }

    #[test]
    fn a_near_miss_is_named() {
        assert_eq!(nearest("/sendedocs"), Some("sendEdoc"));
        assert_eq!(nearest("/XrdAdapter/adapter/getRecievedEdocList"), Some("getReceivedEdocList"));
        assert_eq!(nearest("/favicon.ico"), None);
        assert_eq!(nearest("/"), None);
    }
}
