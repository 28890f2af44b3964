//! Holds a signing key so that nothing of it is left behind.

use ed25519_zebra::SigningKey;
use std::{ops::Deref, sync::Arc};
use zeroize::Zeroize;

/// A signing key that is wiped when the last clone of it is dropped.
///
/// The library's own type is `Copy` and wipes nothing: whoever moves it leaves a copy behind. This one is
/// in one place on the heap from the beginning, and clones share it. What remains is the stack of the
/// moment in which it was made of its seed.
#[derive(Clone)]
pub(crate) struct Secret(Arc<Wiped>);

struct Wiped(SigningKey);

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Secret {
    /// The key with this seed.
    pub(crate) fn from_seed(seed: &[u8; 32]) -> Self {
        Self(Arc::new(Wiped(SigningKey::from(*seed))))
    }
}

/// To sign with. Not to be copied: `*secret` would be, and is what this type is there to prevent.
impl Deref for Secret {
    type Target = SigningKey;

    fn deref(&self) -> &SigningKey {
        &self.0.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wiped_key_has_nothing_of_its_seed() {
        let seed = [0x5e; 32];
        let mut key = Wiped(SigningKey::from(seed));
        assert_eq!(key.0.as_ref(), seed);
        // What its drop does.
        key.0.zeroize();
        assert_eq!(key.0.as_ref(), [0; 32]);
    }

    #[test]
    fn clones_are_one_key_in_one_place() {
        let secret = Secret::from_seed(&[7; 32]);
        let clone = secret.clone();
        assert!(std::ptr::eq(&*secret, &*clone));
        drop(secret);
        assert_eq!(clone.as_ref(), [7; 32]);
    }

    #[test]
    fn its_text_is_no_secret() {
        assert_eq!(format!("{:?}", Secret::from_seed(&[7; 32])), "Secret");
    }
}
