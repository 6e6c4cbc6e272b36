//! Memory that holds credentials: shown by nothing, and wiped.

use alloc::string::String;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

use zeroize::{Zeroize, Zeroizing};

/// A text that is wiped when it is dropped. It has neither `Debug` nor `Display` nor `Serialize`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a text, without a copy.
    pub(crate) fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Returns the text, to be encoded.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl Hash for Secret {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.expose().hash(state);
    }
}

/// Makes room for `more` bytes. If the bytes have to move, their old memory is wiped.
pub(crate) fn reserve(bytes: &mut Vec<u8>, more: usize) {
    let needed = bytes.len().saturating_add(more);
    if needed <= bytes.capacity() {
        return;
    }
    let mut moved = Vec::with_capacity(needed.max(bytes.capacity().saturating_mul(2)));
    moved.extend_from_slice(bytes);
    bytes.zeroize();
    *bytes = moved;
}

#[cfg(test)]
mod tests {
    use core::fmt::{Debug, Display};
    use core::marker::PhantomData;

    use serde::Serialize;

    use super::*;

    /// Returns whether a type has a trait: an inherent constant is found before one of a trait.
    macro_rules! has {
        ($type:ty: $trait:path) => {{
            #[allow(dead_code, reason = "unused if the type has the trait")]
            trait Otherwise {
                const HAS: bool = false;
            }
            struct Probe<T>(PhantomData<T>);
            impl<T> Otherwise for Probe<T> {}
            #[allow(dead_code, reason = "used if the type has the trait")]
            impl<T: $trait> Probe<T> {
                const HAS: bool = true;
            }
            Probe::<$type>::HAS
        }};
    }

    #[test]
    fn nothing_shows_a_secret() {
        assert!(has!(String: Debug) && has!(String: Display) && has!(String: Serialize));
        assert!(!has!(Secret: Debug) && !has!(Secret: Display) && !has!(Secret: Serialize));
        assert!(!has!(crate::Auth: Display) && !has!(crate::Auth: Serialize));
    }

    #[test]
    fn a_buffer_that_must_grow_keeps_its_bytes() {
        let mut bytes = Vec::with_capacity(2);
        bytes.extend_from_slice(&[1, 2]);
        reserve(&mut bytes, 1);
        assert!(bytes.capacity() >= 4);
        let memory = bytes.as_ptr();
        reserve(&mut bytes, 2);
        assert_eq!((bytes.as_ptr(), &*bytes), (memory, &[1, 2][..]));
    }
}
