//! All integration tests, one binary.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that fails should say where")]

mod tls;
