//! Connection URIs.

use bolt_client::{Auth, Config};

/// Reads the bytes as a URI if they are text.
pub fn uri(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match Config::new(text, Auth::basic("user", "secret-of-the-test")) {
        Ok(config) => assert!(!format!("{config:?}").contains("secret-of-the-test")),
        Err(error) => {
            let shown = error.to_string();
            // A password can only precede an @.
            let repeated = text.contains('@') && text.len() > 1 && shown.contains(text);
            assert!(!repeated, "the URI {text:?} is repeated: {shown}");
        }
    }
}
