//! The private key in a PEM text, read without a copy that stays in memory.

use std::mem;

use rustls::pki_types::PrivateKeyDer;
use zeroize::Zeroizing;

/// What a private key begins with, and how it is encoded.
const KINDS: [(&str, Wrap); 3] = [
    ("PRIVATE KEY", |der| PrivateKeyDer::Pkcs8(der.into())),
    ("RSA PRIVATE KEY", |der| PrivateKeyDer::Pkcs1(der.into())),
    ("EC PRIVATE KEY", |der| PrivateKeyDer::Sec1(der.into())),
];

pub(super) type Wrap = fn(Vec<u8>) -> PrivateKeyDer<'static>;

/// Decodes the first private key that is not encrypted. rustls wipes what is returned once it has taken it.
///
/// The reader of rustls does the same, but leaves the text of the key in memory that it has freed.
pub(super) fn private_key(pem: &[u8]) -> Option<PrivateKeyDer<'static>> {
    let mut rest = pem;
    while let Some(section) = next_section(&mut rest) {
        if let Some(wrap) = section.wrap() {
            return decode(section.body).map(|mut der| wrap(mem::take(&mut *der)));
        }
    }
    None
}

/// A private key that is encrypted as its headers say.
#[cfg(feature = "encrypted-keys")]
pub(super) struct EncryptedKey<'a> {
    /// Says what it is once it is decrypted.
    pub(super) wrap: Wrap,
    /// The header `DEK-Info`.
    pub(super) info: &'a str,
    /// Base64.
    pub(super) body: &'a [u8],
}

/// Finds the first private key with headers that say how it is encrypted.
#[cfg(feature = "encrypted-keys")]
pub(super) fn key_with_headers(pem: &[u8]) -> Option<EncryptedKey<'_>> {
    let mut rest = pem;
    while let Some(section) = next_section(&mut rest) {
        let Some(wrap) = section.wrap() else { continue };
        let mut body = std::str::from_utf8(section.body).ok()?.trim_start();
        let mut info = None;
        while let Some((name, after)) = body.split_once(':') {
            let (value, after) = after.split_once('\n')?;
            if name.trim() == "DEK-Info" {
                info = Some(value.trim());
            }
            body = after;
        }
        if let Some(info) = info {
            let body = body.as_bytes();
            return Some(EncryptedKey { wrap, info, body });
        }
    }
    None
}

/// Copies a text without the private keys in it.
pub(super) fn without_keys(pem: &[u8]) -> Vec<u8> {
    let (mut kept, mut rest) = (Vec::new(), pem);
    while let Some((before, section)) = split(rest, BEGIN) {
        kept.extend_from_slice(before);
        let is_key = split(section, DASHES).is_some_and(|(label, _)| label.ends_with(b"PRIVATE KEY"));
        rest = if is_key {
            let end = split(section, END).and_then(|(_, end)| split(end, DASHES));
            end.map_or(&[], |(_, after)| after)
        } else {
            kept.extend_from_slice(BEGIN);
            section
        };
    }
    kept.extend_from_slice(rest);
    kept
}

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// A section of a PEM text.
struct Section<'a> {
    label: &'a [u8],
    /// Base64, and the headers of an encrypted key, if it has any.
    body: &'a [u8],
}

impl Section<'_> {
    fn wrap(&self) -> Option<Wrap> {
        let kind = KINDS.iter().find(|(name, _)| name.as_bytes() == self.label);
        kind.map(|(_, wrap)| *wrap)
    }
}

/// Takes the next section.
fn next_section<'a>(rest: &mut &'a [u8]) -> Option<Section<'a>> {
    let (_, section) = split(rest, BEGIN)?;
    let (label, section) = split(section, DASHES)?;
    let (body, end) = split(section, END)?;
    let (end_label, after) = split(end, DASHES)?;
    *rest = after;
    (label == end_label).then_some(Section { label, body })
}

/// Splits a text before and after the first place of `separator`.
fn split<'a>(text: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = text
        .windows(separator.len())
        .position(|window| window == separator)?;
    let (before, after) = text.split_at(at);
    Some((before, after.get(separator.len()..)?))
}

/// Decodes base64 between white space, into memory that is wiped when it is dropped, and never moves.
pub(super) fn decode(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut out = Zeroizing::new(Vec::with_capacity(text.len() / 4 * 3 + 3));
    let (mut bits, mut count) = (0_u32, 0_u32);
    let mut padding = 0;
    for &byte in text.iter().filter(|byte| !byte.is_ascii_whitespace()) {
        if byte == b'=' {
            padding += 1;
            continue;
        }
        let value = sextet(byte);
        if value < 0 || padding > 0 {
            return None;
        }
        bits = bits << 6 | u32::from(value.unsigned_abs());
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from(bits >> count & 0xFF).ok()?);
        }
    }
    // Bits that are left over say nothing; a whole character of them is one too many, or one too few.
    (padding <= 2 && count < 6 && !out.is_empty()).then_some(out)
}

/// Returns the value of a character, or -1. No branch and no address depends on the character, so that the time says nothing
/// about the key.
fn sextet(byte: u8) -> i16 {
    let byte = i16::from(byte);
    -1 + (within(byte, b'A', b'Z') & (byte - 64))
        + (within(byte, b'a', b'z') & (byte - 70))
        + (within(byte, b'0', b'9') & (byte + 5))
        + (within(byte, b'+', b'+') & 63)
        + (within(byte, b'/', b'/') & 64)
}

/// All bits of it are set if `byte` is in the range, and none otherwise.
const fn within(byte: i16, first: u8, last: u8) -> i16 {
    ((first as i16 - 1 - byte) & (byte - last as i16 - 1)) >> 8
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::pem::PemObject;

    use super::*;

    fn pem(label: &str, der: &[u8]) -> String {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = format!("-----BEGIN {label}-----\n");
        for (number, chunk) in der.chunks(3).enumerate() {
            let bits =
                chunk.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
            for place in 0..4 {
                let value = (bits >> (18 - 6 * place) & 0x3F) as usize;
                text.push(if place <= chunk.len() {
                    char::from(ALPHABET[value])
                } else {
                    '='
                });
            }
            if number % 16 == 15 {
                text.push('\n');
            }
        }
        text + &format!("\n-----END {label}-----\n")
    }

    #[test]
    fn keys_are_decoded_as_rustls_does_whatever_their_length() {
        for len in (1..300).chain([1200, 1201, 1202]) {
            let der: Vec<u8> = (0..len).map(|at| (at * 37 + at / 7 * 11) as u8).collect();
            for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"] {
                let text = pem(label, &der);
                let ours = private_key(text.as_bytes()).expect(label);
                assert_eq!(ours, PrivateKeyDer::from_pem_slice(text.as_bytes()).unwrap());
                assert_eq!(ours.secret_der(), der);
            }
        }
    }

    #[test]
    fn other_sections_and_the_line_ends_of_other_systems_are_passed_over() {
        let text = format!(
            "note\n{}{}",
            pem("CERTIFICATE", b"abc"),
            pem("PRIVATE KEY", b"key")
        );
        assert_eq!(private_key(text.as_bytes()).unwrap().secret_der(), b"key");
        let dos = text.replace('\n', "\r\n");
        assert_eq!(private_key(dos.as_bytes()).unwrap().secret_der(), b"key");
    }

    #[test]
    fn a_text_without_its_keys_has_everything_else() {
        let [certificate, key] = ["CERTIFICATE", "RSA PRIVATE KEY"].map(|label| pem(label, b"abc"));
        let encrypted = pem("ENCRYPTED PRIVATE KEY", b"abc");
        let kept = without_keys(format!("a\n{key}{certificate}b\n{encrypted}{certificate}").as_bytes());
        assert_eq!(kept, format!("a\n\n{certificate}b\n\n{certificate}").as_bytes());
        assert_eq!(without_keys(&key.as_bytes()[..60]), b"");
        assert_eq!(without_keys(b"text"), b"text");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let key = pem("PRIVATE KEY", b"a key of some length");
        for text in [
            String::new(),
            pem("ENCRYPTED PRIVATE KEY", b"abc"),
            key.replace("-----END", "END"),
            key.replace("END PRIVATE", "END RSA PRIVATE"),
            key.replacen('Y', "*", 1),
            key.replacen('Y', "=", 1),
            key.replacen('Y', "\u{e4}", 1),
            "-----BEGIN PRIVATE KEY-----\n\n-----END PRIVATE KEY-----".to_owned(),
            "-----BEGIN PRIVATE KEY-----\nA\n-----END PRIVATE KEY-----".to_owned(),
        ] {
            assert!(private_key(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn every_character_has_its_value_or_none() {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        for byte in 0..=255 {
            let value = ALPHABET.iter().position(|other| *other == byte);
            assert_eq!(usize::try_from(sextet(byte)).ok(), value, "{byte}");
        }
    }
}
