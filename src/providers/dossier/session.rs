//! Sessions of the one-stop interface: given at login, alive for a while, good for the member that logged in only.

use super::super::http::{Fault, Reason};
use super::super::moment::MINUTE_MS;
use super::super::seed;
use super::super::table::{Bounds, Table};

/// Assumed, after the token life of 30 minutes at one province (domain.md 4.1).
pub(super) const SESSION_LIFE_MS: i64 = 30 * MINUTE_MS;
const BOUNDS: Bounds = Bounds { rows_max: 10_000, bytes_max: 4 << 20 };
/// Bytes counted for a session besides its caller's name.
const SESSION_BYTES: usize = 64;

#[derive(Debug)]
pub(super) struct Sessions {
    seed: u64,
    given: u64,
    open: Table<String, Session>,
}

#[derive(Debug)]
struct Session {
    caller: String,
    ends_at: i64,
}

impl Sessions {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, given: 0, open: Table::new(BOUNDS) }
    }

    /// The new session's id.
    pub(super) fn open(&mut self, caller: &str, now_ms: i64) -> Result<String, Fault> {
        let id = seed::hex(self.seed, &["session", &self.given.to_string(), caller]);
        let ends_at = now_ms.saturating_add(SESSION_LIFE_MS);
        let bytes = caller.len().saturating_add(SESSION_BYTES);
        let session = || Session { caller: caller.to_owned(), ends_at };
        if self.open.put(id.clone(), session(), bytes).is_err() {
            self.open.retain(|session| session.ends_at > now_ms);
            self.open.put(id.clone(), session(), bytes)?;
        }
        self.given = self.given.wrapping_add(1);
        Ok(id)
    }

    pub(super) fn check(&self, id: &str, caller: &str, now_ms: i64) -> Result<(), Fault> {
        match self.open.get(&id.to_owned()) {
            Some(session) if session.caller == caller && session.ends_at > now_ms => Ok(()),
            _ => Err(Fault::new(
                Reason::Unauthenticated,
                "phiên làm việc không tồn tại, đã hết hạn hoặc thuộc về đơn vị khác",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_lives_for_its_time_and_its_caller() {
        let mut sessions = Sessions::new(1);
        let id = sessions.open("a", 0).unwrap();
        assert_eq!(sessions.check(&id, "a", SESSION_LIFE_MS - 1), Ok(()));
        assert!(sessions.check(&id, "a", SESSION_LIFE_MS).is_err());
        assert!(sessions.check(&id, "b", 1).is_err());
        assert!(sessions.check("", "a", 1).is_err());
        assert_ne!(sessions.open("a", 0).unwrap(), id);
    }

    #[test]
    fn sessions_that_ended_make_room() {
        let mut sessions = Sessions::new(1);
        let small = Bounds { rows_max: 1, bytes_max: 1_000 };
        sessions.open = Table::new(small);
        assert!(sessions.open("a", 0).is_ok());
        assert_eq!(sessions.open("b", 1).unwrap_err().reason, Reason::Full);
        assert!(sessions.open("b", SESSION_LIFE_MS).is_ok());
    }
}
