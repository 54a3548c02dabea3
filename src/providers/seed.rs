//! Values that depend on the seed and on names alone: the same world in every run and on every machine.

use sha2::{Digest, Sha256};

/// A number drawn for these names.
pub fn number(seed: u64, names: &[&str]) -> u64 {
    digest(seed, names).iter().take(8).fold(0, |number, &byte| (number << 8) | u64::from(byte))
}

/// Uniform enough in `0..bound`; 0 when the bound is 0.
pub fn below(seed: u64, names: &[&str], bound: u64) -> u64 {
    number(seed, names).checked_rem(bound).unwrap_or(0)
}

/// 32 hexadecimal digits for these names.
pub fn hex(seed: u64, names: &[&str]) -> String {
    digest(seed, names).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// The password or key under which `holder` is known to every simulated system: `sandbox-only-<holder>`, as in
/// topologies. It is no secret, on purpose (domain.md 7: self-service credentials).
pub fn sandbox_secret(holder: &str) -> String {
    format!("sandbox-only-{holder}")
}

fn digest(seed: u64, names: &[&str]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(seed.to_be_bytes());
    for name in names {
        // The length keeps ("ab", "c") and ("a", "bc") apart.
        hasher.update(name.len().to_be_bytes());
        hasher.update(name.as_bytes());
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_depends_on_the_seed_and_on_each_name() {
        assert_eq!(number(1, &["a", "b"]), number(1, &["a", "b"]));
        assert_ne!(number(1, &["a", "b"]), number(2, &["a", "b"]));
        assert_ne!(number(1, &["ab", "c"]), number(1, &["a", "bc"]));
        assert_eq!(below(1, &["a"], 0), 0);
        assert!(below(1, &["a"], 10) < 10);
        assert_eq!(hex(1, &["a"]).len(), 32);
    }
}
