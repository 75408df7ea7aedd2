//! Whether a delivery comes from GitHub: HMAC-SHA256 over the bytes as they came, before anything is made of them.
//!
//! Only `X-Hub-Signature-256` counts; SHA-1 alone proves nothing. The comparison takes the same time whatever is wrong.
//! Source: GitHub, "Validating webhook deliveries".

use hmac::{Hmac, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// Takes in a body piece by piece, under each of the secrets that prove a delivery at this time.
pub struct Verifier(Vec<Hmac<Sha256>>);

impl Verifier {
    /// Under these secrets; while one is being exchanged there are two. Without any, nothing is ever proven.
    pub fn new(secrets: &[SecretString]) -> Self {
        // A key of any length is a key of HMAC.
        Self(
            secrets
                .iter()
                .filter_map(|secret| Hmac::new_from_slice(secret.expose_secret().as_bytes()).ok())
                .collect(),
        )
    }

    /// The next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.iter_mut().for_each(|mac| mac.update(piece));
    }

    /// Whether the header `sha256=…` was made with one of the secrets over exactly these bytes.
    pub fn proves(self, header: &str) -> bool {
        let Some(given) = header.strip_prefix("sha256=").and_then(bytes) else { return false };
        // Every secret is tried, so that the time does not tell which one it was.
        self.0.into_iter().map(|mac| mac.verify_slice(&given).is_ok()).fold(false, |proven, one| proven | one)
    }
}

/// Sixty-four lower-case hex digits.
fn bytes(hex: &str) -> Option<Vec<u8>> {
    let lower = hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let pair = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    lower.then(|| (0..64).step_by(2).map(pair).collect()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of GitHub's own documentation.
    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const HEADER: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn proven(secrets: &[&str], body: &[u8], header: &str) -> bool {
        let secrets: Vec<SecretString> = secrets.iter().map(|secret| SecretString::from(*secret)).collect();
        let mut verifier = Verifier::new(&secrets);
        body.chunks(5).for_each(|piece| verifier.update(piece));
        verifier.proves(header)
    }

    #[test]
    fn github_s_own_example_is_proven_under_the_new_and_the_old_secret() {
        assert!(proven(&[SECRET], BODY, HEADER));
        assert!(proven(&["the next one", SECRET], BODY, HEADER));
        assert!(!proven(&["the next one"], BODY, HEADER));
        assert!(!proven(&[], BODY, HEADER));
    }

    #[test]
    fn no_body_header_or_secret_that_differs_in_one_bit_is_proven() {
        for bit in 0..BODY.len() * 8 {
            let mut body = BODY.to_vec();
            body[bit / 8] ^= 1 << (bit % 8);
            assert!(!proven(&[SECRET], &body, HEADER), "bit {bit} of the body");
        }
        for digit in 7..HEADER.len() {
            let mut header = HEADER.as_bytes().to_vec();
            header[digit] ^= 1;
            assert!(!proven(&[SECRET], BODY, &String::from_utf8(header).unwrap()), "digit {digit}");
        }
    }

    #[test]
    fn sha_1_and_malformed_headers_prove_nothing() {
        let upper = HEADER.to_uppercase().replace("SHA", "sha");
        for header in [
            "",
            "sha256=",
            "sha1=a94a8fe5ccb19ba61c4c0873d391e987982fbbd3",
            &HEADER[7..],
            &upper,
            &format!("{HEADER}0"),
        ] {
            assert!(!proven(&[SECRET], BODY, header), "{header}");
        }
    }
}
