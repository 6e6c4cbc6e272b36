//! Options from the environment.

use std::env::{self, VarError};

use bolt_proto::Auth;

use crate::error::Error;

use super::Config;

const URI: &str = "NEO4J_URI";
const USERNAME: &str = "NEO4J_USERNAME";
const PASSWORD: &str = "NEO4J_PASSWORD";
const DATABASE: &str = "NEO4J_DATABASE";

impl Config {
    /// Reads the server and the credentials from environment variables.
    ///
    /// | variable | |
    /// |---|---|
    /// | `NEO4J_URI` | a [URI](Self::new), such as `bolt://localhost`; required |
    /// | `NEO4J_USERNAME` | the user; if it is not set, there is no authentication |
    /// | `NEO4J_PASSWORD` | the password; required with a user |
    /// | `NEO4J_DATABASE` | the [default database](Self::database); optional |
    ///
    /// A variable that is empty counts as not set. All other options have their defaults.
    ///
    /// ```no_run
    /// # use bolt_client as bolt;
    /// use bolt::Config;
    ///
    /// let config = Config::from_env()?.max_connection_pool_size(20);
    /// // let driver = bolt::driver_with(config)?;
    /// # Ok::<(), bolt::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if a variable is missing, is not Unicode, or holds a URI that
    /// cannot be used. The message names the variable. It shows no value but that of the URI.
    pub fn from_env() -> Result<Self, Error> {
        let mut not_unicode = None;
        let config = Self::from_lookup(|name| match env::var(name) {
            Ok(value) => Some(value),
            Err(VarError::NotPresent) => None,
            Err(VarError::NotUnicode(_)) => {
                not_unicode.get_or_insert_with(|| name.to_owned());
                None
            }
        });
        match not_unicode {
            Some(name) => Err(Error::config(format!("{name} is not valid Unicode"))),
            None => config,
        }
    }

    /// Reads the variables of [`from_env`](Self::from_env) from another source, such as a configuration file or a test.
    ///
    /// ```
    /// # use bolt_client as bolt;
    /// use bolt::Config;
    ///
    /// let config = Config::from_lookup(|name| match name {
    ///     "NEO4J_URI" => Some("bolt://localhost".to_owned()),
    ///     "NEO4J_DATABASE" => Some("films".to_owned()),
    ///     _ => None,
    /// })?;
    /// assert_eq!(config.options().database(), Some("films"));
    /// # Ok::<(), bolt::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    pub fn from_lookup(mut variable: impl FnMut(&str) -> Option<String>) -> Result<Self, Error> {
        let mut variable = |name| variable(name).filter(|value| !value.is_empty());
        let Some(uri) = variable(URI) else {
            return Err(missing(
                URI,
                "the server's address, such as bolt://localhost:7687",
            ));
        };
        let auth = match (variable(USERNAME), variable(PASSWORD)) {
            (Some(user), Some(password)) => Auth::basic(user, password),
            (Some(_), None) => {
                return Err(missing(
                    PASSWORD,
                    "the password of the user that NEO4J_USERNAME names",
                ));
            }
            (None, Some(_)) => return Err(missing(USERNAME, "the user that NEO4J_PASSWORD belongs to")),
            (None, None) => Auth::none(),
        };
        let config = Self::new(&uri, auth).map_err(|error| Error::config(format!("{URI}: {error}")))?;
        Ok(config.database(variable(DATABASE).as_deref()))
    }
}

fn missing(name: &str, what: &str) -> Error {
    Error::config(format!("{name} is not set; set it to {what}"))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<Config, Error> {
        Config::from_lookup(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_names_server_user_and_database() {
        let config = from(&[
            (URI, "bolt://example.com:7000"),
            (USERNAME, "ada"),
            (PASSWORD, "secret"),
            (DATABASE, "films"),
        ])
        .unwrap();
        assert_eq!(config.address.to_string(), "example.com:7000");
        assert_eq!(
            config.auth.current(Instant::now()),
            Some(Auth::basic("ada", "secret"))
        );
        assert_eq!(config.options().database(), Some("films"));
        assert!(!format!("{config:?}").contains("secret"));
    }

    #[test]
    fn without_a_user_there_is_no_authentication_and_without_a_database_no_default() {
        let config = from(&[(URI, "bolt://localhost"), (DATABASE, "")]).unwrap();
        assert_eq!(config.auth.current(Instant::now()), Some(Auth::none()));
        assert_eq!(config.options().database(), None);
    }

    #[test]
    fn a_missing_variable_is_named_with_what_to_set() {
        for (variables, expected) in [
            (&[] as &[_], "NEO4J_URI is not set; set it to"),
            (&[(URI, "")], "NEO4J_URI is not set; set it to"),
            (
                &[(URI, "bolt://h"), (USERNAME, "ada")],
                "NEO4J_PASSWORD is not set; set it to",
            ),
            (
                &[(URI, "bolt://h"), (PASSWORD, "x")],
                "NEO4J_USERNAME is not set; set it to",
            ),
            (&[(URI, "http://h")], "NEO4J_URI: "),
        ] {
            let error = from(variables).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Config);
            assert!(error.to_string().starts_with(expected), "{error}");
        }
    }

    #[test]
    fn an_error_shows_no_password() {
        let error = from(&[
            (URI, "bolt://ada:secret@h"),
            (USERNAME, "ada"),
            (PASSWORD, "hidden"),
        ])
        .unwrap_err();
        let text = error.to_string();
        assert!(!text.contains("secret") && !text.contains("hidden"), "{text}");
    }
}
