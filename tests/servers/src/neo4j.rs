//! Starts a Neo4j.

use std::collections::hash_map::RandomState;
use std::env;
use std::fmt;
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::cache::{self, last_lines};
use crate::error::StartError;
use crate::java;
use crate::keeper::{Keeper, Report};
use crate::release::Release;
use crate::tls::TlsPolicy;

/// How long a server may take to start: usually 10 s, many times that on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(300);

/// How many ports are tried if another process takes the free one in the meantime.
const PORTS_TO_TRY: usize = 3;

/// How much of the log an error shows.
const LOG_LINES: usize = 20;

/// Folders in every home.
const FOLDERS: [&str; 7] = ["conf", "data", "logs", "run", "import", "plugins", "licenses"];

/// The options of Neo4j's own start script, and a heap that allows two servers beside the tests.
const JVM_OPTIONS: &str = "\
-Xms512m
-Xmx1g
--add-opens=java.base/java.nio=ALL-UNNAMED
--add-opens=java.base/java.io=ALL-UNNAMED
--add-opens=java.base/sun.nio.ch=ALL-UNNAMED
--add-opens=java.base/java.util.concurrent=ALL-UNNAMED
--enable-native-access=ALL-UNNAMED
-Dio.netty.tryReflectionSetAccessible=true
-Djava.awt.headless=true
";

/// Options of a server that starts with half of the work and carries out long work more slowly: only the simple compiler.
const QUICK_OPTIONS: &str = "\
-XX:TieredStopAtLevel=1
-XX:+UseSerialGC
";

/// Settings of every server, in addition to its addresses.
const SETTINGS: [(&str, &str); 8] = [
    ("server.default_listen_address", "127.0.0.1"),
    ("server.http.enabled", "false"),
    ("server.https.enabled", "false"),
    ("dbms.usage_report.enabled", "false"),
    ("server.memory.heap.initial_size", "512m"),
    ("server.memory.heap.max_size", "1g"),
    ("server.memory.pagecache.size", "128m"),
    // Tests log in with wrong passwords; after three of them the server would also refuse the right one.
    ("dbms.security.auth_max_failed_attempts", "0"),
];

/// A running Neo4j with an empty database, on 127.0.0.1.
///
/// Dropping it stops the server, which can take a few seconds, and removes its data.
pub struct Neo4j {
    release: Release,
    addresses: Addresses,
    password: String,
    pid: u32,
    log: PathBuf,
    /// The log from where the present start began, while the server is not known to be ready.
    starting: Option<File>,
    keeper: Keeper,
}

impl Neo4j {
    /// Starts a server and waits until it is ready: about 10 seconds, longer if its jars must be fetched.
    ///
    /// # Errors
    /// If something is missing on this machine, or if the server does not start; the error has the end of its log.
    pub fn start(release: Release) -> Result<Self, StartError> {
        Self::builder(release).start()
    }

    /// Returns a builder for a server with additional settings.
    pub fn builder(release: Release) -> Builder {
        Builder {
            release,
            http: false,
            password: None,
            starts_quickly: false,
            settings: Vec::new(),
            tls: None,
        }
    }

    /// Returns its release.
    #[must_use]
    pub fn release(&self) -> Release {
        self.release
    }

    /// Returns its address as `bolt://127.0.0.1:PORT`.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("bolt://{}", self.address())
    }

    /// Returns its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.addresses.bolt
    }

    /// Returns its HTTP address, if [enabled](Builder::http).
    #[must_use]
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.addresses.http
    }

    /// Returns the name of its only user.
    #[must_use]
    pub fn username(&self) -> &'static str {
        "neo4j"
    }

    /// Returns that user's password, which is different for each server.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Returns the id of the server process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Restarts the server as its administrator would, with the same data and address. Waits until it is ready:
    /// stopping alone takes up to a minute while transactions are open.
    ///
    /// # Errors
    /// If the server does not start again; the error has the end of its log.
    pub fn restart(&mut self) -> Result<(), StartError> {
        self.starting = Some(self.end_of_log()?);
        self.keeper.restart().map_err(no_keeper)?;
        self.wait_until_ready()
    }

    /// Kills the server, as a power failure would, and starts it again with the same data and address. Does not wait for
    /// that: [`wait_until_ready`](Self::wait_until_ready) does.
    ///
    /// # Errors
    /// If the log cannot be read, or the process that keeps the server has ended.
    pub fn kill(&mut self) -> Result<(), StartError> {
        self.starting = Some(self.end_of_log()?);
        self.keeper.kill().map_err(no_keeper)
    }

    /// Waits until the server is ready again. Returns at once if it was not killed.
    ///
    /// # Errors
    /// If the server does not start again; the error has the end of its log.
    pub fn wait_until_ready(&mut self) -> Result<(), StartError> {
        if let Some(log) = self.starting.take() {
            self.pid = wait_until_ready(self.release, &self.keeper, log)?;
        }
        Ok(())
    }

    /// The log already contains the line of the first start that says that the server is ready.
    fn end_of_log(&self) -> Result<File, StartError> {
        let mut log = File::open(&self.log).map_err(StartError::io("opening the log", &self.log))?;
        log.seek(SeekFrom::End(0))
            .map_err(StartError::io("reading the log", &self.log))?;
        Ok(log)
    }

    /// Whether the server process still runs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        // After the first report, the only other one is the end.
        self.keeper.next_report(Duration::ZERO).is_none()
    }
}

impl fmt::Debug for Neo4j {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            release,
            addresses,
            password: _,
            pid,
            log: _,
            starting: _,
            keeper: _,
        } = self;
        f.debug_struct("Neo4j")
            .field("release", release)
            .field("addresses", addresses)
            .field("pid", pid)
            .finish_non_exhaustive()
    }
}

/// The addresses of a server.
#[derive(Debug, Clone, Copy)]
struct Addresses {
    bolt: SocketAddr,
    http: Option<SocketAddr>,
}

/// The settings of a [`Neo4j`].
#[derive(Clone)]
#[must_use = "a builder starts nothing until `start` is called"]
pub struct Builder {
    release: Release,
    http: bool,
    password: Option<String>,
    starts_quickly: bool,
    settings: Vec<(String, String)>,
    tls: Option<TlsPolicy>,
}

/// Shows no password.
impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("release", &self.release)
            .field("http", &self.http)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// Adds a line to `neo4j.conf`, or replaces the one with that name: `.setting("server.bolt.connection_keep_alive",
    /// "2s")`.
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// Sets the password, of at least 8 characters, for servers that a driver takes for one cluster. Default: a different one
    /// for each server.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Makes the server start with half of the work, at the price of slower queries later. For servers that live for a short
    /// time, or start several times.
    pub fn quick_start(mut self) -> Self {
        self.starts_quickly = true;
        self
    }

    /// Enables HTTP on a free port: see [`Neo4j::http_address`].
    pub fn http(mut self) -> Self {
        self.http = true;
        self
    }

    /// Enables TLS at the Bolt port.
    pub fn tls(mut self, policy: TlsPolicy) -> Self {
        let set = policy
            .settings()
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.settings.extend(set);
        self.tls = Some(policy);
        self
    }

    /// Starts the server and waits until it is ready.
    ///
    /// # Errors
    /// As for [`Neo4j::start`].
    pub fn start(self) -> Result<Neo4j, StartError> {
        let java = java::find(self.release)?;
        let jars = cache::jars(self.release)?;
        let mut tried = 1;
        loop {
            match self.start_once(&java, &jars) {
                Err(StartError::Ended { log, .. }) if lost_its_port(&log) && tried < PORTS_TO_TRY => {
                    tried += 1
                }
                result => return result,
            }
        }
    }

    fn start_once(&self, java: &Path, jars: &Path) -> Result<Neo4j, StartError> {
        let reserve = || free_address().map_err(StartError::io("reserving a port", "127.0.0.1"));
        let addresses = Addresses {
            bolt: reserve()?,
            http: if self.http { Some(reserve()?) } else { None },
        };
        let password = self
            .password
            .clone()
            .unwrap_or_else(|| format!("test-{:016x}", random()));
        let home = new_home(self.release)?;
        let log = home.join("logs/console.log");
        let started = self.prepare(&home, jars, addresses, &password).and_then(|()| {
            let written = File::create(&log).map_err(StartError::io("creating the log", &log))?;
            let read = File::open(&log).map_err(StartError::io("opening the log", &log))?;
            let keeper = Keeper::start(&home, java, written).map_err(StartError::io("running", "/bin/sh"))?;
            Ok((keeper, read))
        });
        let (keeper, printed) = match started {
            Ok(started) => started,
            Err(error) => {
                // There is no keeper that would remove the folder. Otherwise a few small files remain.
                let _ = fs::remove_dir_all(&home);
                return Err(error);
            }
        };
        let pid = wait_until_ready(self.release, &keeper, printed)?;
        Ok(Neo4j {
            release: self.release,
            addresses,
            password,
            pid,
            log,
            starting: None,
            keeper,
        })
    }

    /// Writes the keeper's input: the two argument files of the Java launcher, and the configuration.
    fn prepare(
        &self,
        home: &Path,
        jars: &Path,
        addresses: Addresses,
        password: &str,
    ) -> Result<(), StartError> {
        for folder in FOLDERS {
            let folder = home.join(folder);
            fs::create_dir(&folder).map_err(StartError::io("creating the folder", folder))?;
        }
        let jars = format!("{}/*", jars.display());
        let plugins = format!("{}/plugins/*", home.display());
        let prepare = format!(
            "-cp {}\norg.neo4j.cli.AdminTool dbms set-initial-password {password}\n",
            quoted(&jars)
        );
        let quick = if self.starts_quickly { QUICK_OPTIONS } else { "" };
        let server = format!(
            "{JVM_OPTIONS}{quick}-cp {}\n{}\n{}\n{}\n--console-mode\n",
            quoted(&format!("{jars}:{plugins}")),
            self.release.entry_point(),
            quoted(&format!("--home-dir={}", home.display())),
            quoted(&format!("--config-dir={}/conf", home.display())),
        );
        for (name, text) in [
            ("prepare", prepare),
            ("server", server),
            ("conf/neo4j.conf", self.configuration(addresses)),
        ] {
            let path = home.join(name);
            fs::write(&path, text).map_err(StartError::io("writing", path))?;
        }
        self.tls.as_ref().map_or(Ok(()), |policy| policy.write(home))
    }

    fn configuration(&self, addresses: Addresses) -> String {
        let own = SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let bolt = ["server.bolt.listen_address", "server.bolt.advertised_address"]
            .map(|name| (name.to_owned(), addresses.bolt.to_string()));
        let http = addresses.http.map(|address| {
            [
                ("server.http.enabled".to_owned(), "true".to_owned()),
                ("server.http.listen_address".to_owned(), address.to_string()),
            ]
        });
        let mut settings: Vec<(String, String)> = own.into_iter().collect();
        let others = bolt.into_iter().chain(http.into_iter().flatten());
        for (name, value) in others.chain(self.settings.iter().cloned()) {
            settings.retain(|(other, _)| *other != name);
            settings.push((name, value));
        }
        settings
            .iter()
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect()
    }
}

/// Waits for the log line that says that the server is ready: the port opens earlier. Returns the server's process id.
///
/// `log` stays readable after the keeper has removed it with the home folder.
fn wait_until_ready(release: Release, keeper: &Keeper, mut log: File) -> Result<u32, StartError> {
    let given_up = Instant::now() + START_LIMIT;
    let mut pid = None;
    let mut printed = Vec::new();
    loop {
        let report = keeper.next_report(Duration::from_millis(100));
        log.read_to_end(&mut printed)
            .map_err(StartError::io("reading the log", "console.log"))?;
        let text = String::from_utf8_lossy(&printed);
        match report {
            Some(Report::Started(id)) => pid = Some(id),
            Some(Report::Ended(code)) => {
                return Err(StartError::Ended {
                    release,
                    code,
                    log: last_lines(&text, LOG_LINES),
                });
            }
            None => {}
        }
        if let Some(pid) = pid.filter(|_| text.lines().any(|line| line.ends_with("Started."))) {
            return Ok(pid);
        }
        if Instant::now() > given_up {
            let log = last_lines(&text, LOG_LINES);
            return Err(StartError::TimedOut {
                release,
                limit: START_LIMIT,
                log,
            });
        }
    }
}

fn no_keeper(error: io::Error) -> StartError {
    StartError::io("writing to", "the keeper")(error)
}

fn lost_its_port(log: &str) -> bool {
    log.contains("Address already in use") || log.contains("BindException")
}

/// Returns a port that is free at this moment.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// Creates a folder that only this user can read.
fn new_home(release: Release) -> Result<PathBuf, StartError> {
    let home = env::temp_dir().join(format!("bolt-test-{release}-{:016x}", random()));
    let mut folder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder
        .create(&home)
        .map_err(StartError::io("creating the folder", &home))?;
    Ok(home)
}

/// Quotes an argument for a file of the Java launcher's arguments.
fn quoted(argument: &str) -> String {
    format!("\"{}\"", argument.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Each `RandomState` has its own keys, and its hasher distributes them.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_replaces_the_one_with_its_name() {
        let builder = Neo4j::builder(Release::Neo4j5)
            .setting("server.memory.pagecache.size", "64m")
            .setting("server.bolt.telemetry.enabled", "true");
        let configuration = builder.configuration(addresses(None));
        let page_cache: Vec<&str> = configuration
            .lines()
            .filter(|line| line.contains("pagecache"))
            .collect();
        assert_eq!(page_cache, ["server.memory.pagecache.size=64m"]);
        assert!(configuration.contains("server.bolt.telemetry.enabled=true\n"));
    }

    #[test]
    fn a_server_speaks_http_only_if_enabled() {
        let silent = Neo4j::builder(Release::Neo4j5).configuration(addresses(None));
        assert!(silent.contains("server.http.enabled=false\n"));
        let address = free_address().unwrap();
        let speaking = Neo4j::builder(Release::Neo4j5).configuration(addresses(Some(address)));
        assert!(!speaking.contains("server.http.enabled=false"));
        assert!(speaking.contains("server.http.enabled=true\n"));
        assert!(speaking.contains(&format!("server.http.listen_address={address}\n")));
    }

    fn addresses(http: Option<SocketAddr>) -> Addresses {
        let bolt = free_address().unwrap();
        Addresses { bolt, http }
    }

    #[test]
    fn a_path_with_blanks_and_quotes_stays_one_argument() {
        assert_eq!(quoted(r#"/a b/"c\d"#), r#""/a b/\"c\\d""#);
    }

    #[test]
    fn passwords_differ_from_start_to_start() {
        assert_ne!(random(), random());
    }
}
