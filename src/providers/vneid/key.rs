//! The signing key, made at start and never written down: JWS with ES256 (RFC 7515, 7518 3.4).

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    UnparsedPublicKey,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Bytes of a coordinate of P-256.
const COORDINATE: usize = 32;
/// Longer texts are no token of ours.
const TOKEN_BYTES_MAX: usize = 8 << 10;

pub(super) struct SigningKey {
    pair: EcdsaKeyPair,
    /// The two coordinates, base64url.
    x: String,
    y: String,
    id: String,
}

impl SigningKey {
    /// `None` when the machine gives no random numbers.
    pub(super) fn generate() -> Option<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok()?;
        // Uncompressed point: 4, x, y (SEC 1, 2.3.3).
        let point = pair.public_key().as_ref().strip_prefix(&[4])?;
        let (x, y) = point.split_at_checked(COORDINATE)?;
        let (x, y) = (encode(x), encode(y));
        // RFC 7638: the members in this order, without blanks.
        let thumbprint = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let id = encode(Sha256::digest(thumbprint));
        Some(Self { pair, x, y, id })
    }

    /// The public key for `/jwks`.
    pub(super) fn jwk(&self) -> Value {
        let Self { x, y, id, .. } = self;
        json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": id, "x": x, "y": y})
    }

    pub(super) fn sign(&self, claims: &Value) -> Option<String> {
        let header = json!({"alg": "ES256", "typ": "JWT", "kid": self.id});
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).ok()?;
        Some(format!("{signed}.{}", encode(signature)))
    }

    /// The claims of a token that this key signed, expired or not.
    pub(super) fn open(&self, token: &str) -> Option<Value> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (_, claims) = signed.split_once('.')?;
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.pair.public_key().as_ref());
        key.verify(signed.as_bytes(), &decode(signature)?).ok()?;
        serde_json::from_slice(&decode(claims)?).ok()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// 256 random bits, base64url. `None` when the machine gives none.
pub(in crate::providers) fn random() -> Option<String> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    Some(encode(bytes))
}

pub(in crate::providers) fn encode(bytes: impl AsRef<[u8]>) -> String {
    base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes.as_ref())
}

fn decode(text: &str) -> Option<Vec<u8>> {
    base64_simd::URL_SAFE_NO_PAD.decode_to_vec(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_with_its_key_only_and_only_unchanged() {
        let (key, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let claims = json!({"sub": "Đỗ"});
        let token = key.sign(&claims).unwrap();
        assert_eq!(key.open(&token), Some(claims));
        assert_eq!(other.open(&token), None);
        for bad in ["", ".", "..", "a.b.c", &token[1..], &format!("{token}A"), &"a".repeat(9_000)] {
            assert_eq!(key.open(bad), None, "{bad}");
        }
        assert_eq!(random().unwrap().len(), 43);
        assert_ne!(random(), random());
    }
}
