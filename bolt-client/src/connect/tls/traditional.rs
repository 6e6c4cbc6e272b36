//! Private keys that a password encrypts, in the traditional form of OpenSSL: headers in the PEM text name the cipher.

use std::mem;

use aes::{Aes128, Aes192, Aes256};
use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipher, BlockDecryptMut, KeyInit, KeyIvInit};
use des::TdesEde3;
use md5::{Digest, Md5};
use rustls::pki_types::PrivateKeyDer;
use zeroize::Zeroizing;

use super::pem::{self, EncryptedKey};
use crate::error::Error;

/// How many bytes of the cipher's start are the salt of the password.
const SALT: usize = 8;

pub(super) fn decrypt(
    key: &EncryptedKey<'_>,
    password: &str,
    name: &str,
) -> Result<PrivateKeyDer<'static>, Error> {
    let invalid = || Error::config(format!("{name} is no valid encrypted key"));
    let (cipher, start) = key.info.split_once(',').ok_or_else(invalid)?;
    let open = match cipher {
        "AES-128-CBC" => open::<Aes128>,
        "AES-192-CBC" => open::<Aes192>,
        "AES-256-CBC" => open::<Aes256>,
        "DES-EDE3-CBC" => open::<TdesEde3>,
        other => {
            return Err(Error::config(format!(
                "{name} is encrypted by {other}, which the driver does not know: openssl pkcs8 -topk8 -v2 aes256 converts it"
            )));
        }
    };
    let start = from_hex(start.trim()).ok_or_else(invalid)?;
    let mut der = pem::decode(key.body).ok_or_else(invalid)?;
    let len = open(&mut der, password.as_bytes(), &start)
        .ok_or_else(|| Error::config(format!("{name} cannot be decrypted: the password is wrong")))?;
    der.truncate(len);
    Ok((key.wrap)(mem::take(&mut *der)))
}

/// Decrypts in place. Returns the length of the key; `None` if what comes out is none.
fn open<C>(der: &mut [u8], password: &[u8], start: &[u8]) -> Option<usize>
where
    C: BlockCipher + BlockDecryptMut + KeyInit,
{
    let key = stretch(password, start.get(..SALT)?, C::key_size());
    let cipher = Decryptor::<C>::new_from_slices(&key, start).ok()?;
    let opened = cipher.decrypt_padded_mut::<Pkcs7>(der).ok()?;
    is_one_sequence(opened).then_some(opened.len())
}

/// Makes a key of a password: each 16 bytes are the MD5 of those before, the password and the salt.
fn stretch(password: &[u8], salt: &[u8], len: usize) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(Vec::with_capacity(len.next_multiple_of(16)));
    let mut block = Zeroizing::new([0; 16]);
    let mut hash = Md5::new();
    while key.len() < len {
        hash.update(password);
        hash.update(salt);
        hash.finalize_into_reset((&mut *block).into());
        key.extend_from_slice(&*block);
        hash.update(*block);
    }
    // The hash has a buffer for what does not fill a block, and does not wipe it.
    hash.update([0; 63]);
    key.truncate(len);
    key
}

/// Returns whether this is one sequence in DER, as every private key is. A wrong password rarely makes one.
fn is_one_sequence(der: &[u8]) -> bool {
    let (len, header) = match *der {
        [0x30, len @ ..=0x7F, ..] => (usize::from(len), 2),
        [0x30, 0x81, len, ..] => (usize::from(len), 3),
        [0x30, 0x82, high, low, ..] => (usize::from(high) << 8 | usize::from(low), 4),
        _ => return false,
    };
    der.len() == header + len
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let byte = |pair: &[u8]| match *pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "hunter2";

    /// What OpenSSL made of the same key by each cipher. It is of this test only.
    const PLAIN: &str = "\
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIOW2kiHycnmvmUtUR4r9laJlbQYECxXuuxaOv6tYWj6BoAoGCCqGSM49
AwEHoUQDQgAExX8rxLZF55cu55BF4NQUcDW1rz2EUgMoaMintvFGYWKaasDVnQhA
i+a0Jo9kjkP2HlHUlK1nZXOIbfEL9SNcZw==
-----END EC PRIVATE KEY-----
";
    const ENCRYPTED: [&str; 4] = [
        "\
-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-128-CBC,373BF4D8DF4E6B200AEBEC5B13689B93

B5i0v2/O6aI1Wa+oQYrq7tLCIS5roMm6/RFD08aBU1aEeSudlVHFESKMjPFCSFx+
hvDKTJ/6QmC8k6qo11EyyR03y044ZqiBItwHnHoVlgw/ldhvHYqeSlIg2CCQA5jI
VIDPL7rDBf7N5D0v9XYyi0/QpNMbcH9BMP9+vz09Hq8=
-----END EC PRIVATE KEY-----
",
        "\
-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-192-CBC,27FBBEF6847902D8929EA5F8CD0AD855

QBflGHVfOtJ1aLyk/UZlJhKMhs1hxBe3kmzoXTCjGjE3xVci13I3st4Ip1r4xgMI
21mMBY9jeB3FXcYN2BcDB+rGBLVfTXPvI8G7UjITF4JfC8vGZT80IP6o7WxqLShl
2tf19F5BIpJGvOllVlf5X4SQPsw1C5oOIpSkpfiqeyg=
-----END EC PRIVATE KEY-----
",
        "\
-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-256-CBC,ECDFB8B13765D2F418C3DC3F0B5E17DD

q83SIKjBG08C2t66dK+EPIuGvXA01t/fZ66/Oarf+hgF1MHCMX8KrV2cgE4htsly
W+50+74zBgE8z8ywSC9N7qgXBgzOzKEoWcXKhzMV3ONBotpSdLB/d+9d0mkQ2YLN
DLNuQcVOltWysh3kdZgkbaVOtCg3KejI9DKLw7qO4PY=
-----END EC PRIVATE KEY-----
",
        "\
-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: DES-EDE3-CBC,D295C6B0E6B03E63

jfEHT8RU1N50l7vHvfd23eDocs5ATan+PBPHquZIVAAggUxMQCookNtD5HGSIc5N
+IIEoB2QlGCqWe24+gZyQtzl/Jirq0lmfGBw+ZCAgr2WqQk/y3nU2QwqTEPm1JhE
j3Wpau9rB62+Y84qAlOTmFuT4ncWOQ8tk62T50kd6+Y=
-----END EC PRIVATE KEY-----
",
    ];
    const CAMELLIA: &str = "\
-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: CAMELLIA-128-CBC,16F40D34CEF2FADDBE1D5A163B319C5D

1cvq/JEQy2HO1DxHg+nbMSXby4OmMn9TJhZlSBIXdlU+oH2pNIcm5DyoaJlBXvVS
XopibukIg4jVctcJvRCzCbjo2phfwzGejvvsLI+Gp6xtaOKlve5/igdTSE27bhCS
OPukIgOOzkOXbw/LzMvl8b0RfontCStCkaoZ0TZRR5U=
-----END EC PRIVATE KEY-----
";

    fn open(text: &str, password: &str) -> Result<PrivateKeyDer<'static>, String> {
        let key = pem::key_with_headers(text.as_bytes()).expect("a key with headers");
        decrypt(&key, password, "key.pem").map_err(|error| error.to_string())
    }

    #[test]
    fn a_key_is_what_it_was_before_openssl_encrypted_it() {
        let plain = pem::private_key(PLAIN.as_bytes()).unwrap();
        for text in ENCRYPTED {
            assert_eq!(open(text, PASSWORD).unwrap(), plain, "{text}");
            assert_eq!(open(&text.replace('\n', "\r\n"), PASSWORD).unwrap(), plain);
        }
    }

    #[test]
    fn other_passwords_are_wrong_even_if_the_padding_is_right() {
        for text in ENCRYPTED {
            for number in 0..600 {
                let error = open(text, &number.to_string()).unwrap_err();
                assert!(
                    error.contains("key.pem") && error.contains("password is wrong"),
                    "{error}"
                );
            }
        }
    }

    #[test]
    fn a_cipher_that_is_not_known_is_named_with_the_way_out() {
        let error = open(CAMELLIA, PASSWORD).unwrap_err();
        assert!(
            error.contains("CAMELLIA-128-CBC") && error.contains("-topk8"),
            "{error}"
        );
    }

    #[test]
    fn what_is_no_encrypted_key_is_refused() {
        let [text, ..] = ENCRYPTED;
        for (right, wrong) in [
            ("373BF4D8", "373BF4"),
            ("373BF4D8", "373BF4Dx"),
            ("B5i0", "B5i"),
            ("AES-128-CBC,", "AES-128-CBC"),
            (
                "AES-128-CBC,373BF4D8DF4E6B200AEBEC5B13689B93",
                "AES-128-CBC,373BF4",
            ),
        ] {
            let error = open(&text.replacen(right, wrong, 1), PASSWORD).unwrap_err();
            assert!(error.contains("key.pem"), "{error}");
        }
        assert!(pem::key_with_headers(PLAIN.as_bytes()).is_none());
        assert!(pem::key_with_headers(b"").is_none());
    }
}
