//! `Secret`: what only its owner knows. The text itself is not kept, so no dump and no log can show it.

use sha2::{Digest, Sha256};
use std::fmt;
use std::hint::black_box;

/// The SHA-256 of a secret text; equal secrets are found equal in a time that tells nothing of them.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl Secret {
    pub fn new(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Looks at every byte, wherever the first difference is.
    pub fn is_same(&self, other: &Self) -> bool {
        let differing =
            self.0.iter().zip(&other.0).fold(0_u8, |sum, (a, b)| black_box(sum | (a ^ b)));
        differing == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_itself_and_shows_nothing() {
        let secret = Secret::new("bí mật");
        for (other, is_same) in
            [("bí mật", true), ("bí mậu", false), ("", false), ("bí mật ", false)]
        {
            assert_eq!(secret.is_same(&Secret::new(other)), is_same, "{other}");
        }
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }

    #[test]
    fn a_difference_in_any_byte_is_a_difference() {
        let secret = Secret([7; 32]);
        for place in 0..32 {
            let mut other = [7; 32];
            other[place] = 8;
            assert!(!secret.is_same(&Secret(other)), "byte {place}");
        }
    }
}
