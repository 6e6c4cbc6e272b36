//! Users, and logins that change under an open pool.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Instant;

use bolt_client::{
    Access, BasicAuthManager, BearerAuthManager, BlockingAuthManager, BlockingManager, BoxError, ErrorKind,
    ExpiringAuth, Version, Versions,
};

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        the_right_password_is_verified_and_a_wrong_one_is_not,
        a_wrong_password_costs_a_server_few_logins_however_many_calls_want_one,
        twenty_users_on_a_pool_of_five_never_run_a_query_of_each_other needs Users,
        a_password_is_changed_under_an_open_pool needs Users,
        a_login_that_expires_is_replaced_by_one_call_at_a_time_and_never_used_after_its_end needs Users,
        before_bolt_5_1_a_session_has_no_login_of_its_own_and_a_rotated_one_is_that_of_new_connections needs Users,
    ]
}

/// As long as servers demand.
const PASSWORD: &str = "long-enough";

/// Returns the name of the user that a query runs as.
const CURRENT_USER: &str = "SHOW CURRENT USER YIELD user RETURN user";

async fn the_right_password_is_verified_and_a_wrong_one_is_not(world: World) -> Outcome {
    let driver = world.driver_with(world.config()?.max_connection_pool_size(1))?;
    for _ in 0..2 {
        assert!(wait!(driver.verify_authentication(None))?);
        assert!(wait!(driver.verify_authentication(world.auth()))?);
        let wrong = Auth::basic(world.server.user.as_str(), "not-the-password");
        assert!(!wait!(driver.verify_authentication(wrong))?);
        // The pool serves the driver's own login as before.
        go!(driver.execute_query("RETURN 1"))?;
    }
    let stranger = world.driver_with(world.server.config(Auth::basic("unknown-user", PASSWORD))?)?;
    assert!(!wait!(stranger.verify_authentication(None))?);
    assert!(wait!(stranger.verify_authentication(world.auth()))?);
    assert_at_rest(&driver);
    Ok(())
}

async fn a_wrong_password_costs_a_server_few_logins_however_many_calls_want_one(world: World) -> Outcome {
    let relay = world.relay()?;
    let user = world.server.user.as_str();
    let wrong = Auth::basic(user, "not-the-password");
    let driver = world.driver_with(world.server.config_at(relay.address(), wrong.clone())?)?;
    let started = Instant::now();
    for _ in 0..3 {
        let calls = (0..8).map(|_| {
            let driver = driver.clone();
            world.spawn(async move { go!(driver.execute_query("RETURN 1")) })
        });
        for call in calls.collect::<Vec<_>>() {
            let error = call.await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
            assert!(!error.is_retryable());
            assert_says(
                &error,
                &[&format!("logging in to {} as {user:?}", relay.address())],
            );
            assert!(!format!("{error} {error:?}").contains("not-the-password"));
        }
    }
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
    // Calls that wait at the same time open connections at the same time; those after them are answered from memory.
    let logins = relay.traffic().connections;
    assert!(logins <= 9, "24 calls cost {logins} logins");

    // The same for a session on a connection of the pool, which a refused login ends.
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?)?;
    for _ in 0..10 {
        go!(driver.execute_query("RETURN 1").auth(wrong.clone())).unwrap_err();
    }
    go!(driver.execute_query("RETURN 1"))?;
    assert!(relay.traffic().connections <= 4, "{:?}", relay.traffic());
    Ok(())
}

/// Users of a server, for as long as a scenario needs them.
struct Users {
    admin: Driver,
    names: Vec<String>,
}

impl Users {
    async fn create(world: &World, count: usize) -> Result<Self, Error> {
        let admin = world.driver()?;
        let prefix = world.unique_name();
        let names: Vec<_> = (0..count).map(|number| format!("{prefix}u{number}")).collect();
        for name in &names {
            let create = format!("CREATE USER {name} SET PLAINTEXT PASSWORD $password CHANGE NOT REQUIRED");
            go!(admin
                .execute_query(create)
                .param("password", PASSWORD)
                .database("system"))?;
        }
        Ok(Self { admin, names })
    }

    async fn set_password(&self, name: &str, password: &str) -> Result<(), Error> {
        let alter = format!("ALTER USER {name} SET PLAINTEXT PASSWORD $password CHANGE NOT REQUIRED");
        go!(self
            .admin
            .execute_query(alter)
            .param("password", password)
            .database("system"))?;
        Ok(())
    }

    async fn drop_all(self) -> Result<(), Error> {
        for name in &self.names {
            go!(self
                .admin
                .execute_query(format!("DROP USER {name}"))
                .database("system"))?;
        }
        Ok(())
    }
}

async fn twenty_users_on_a_pool_of_five_never_run_a_query_of_each_other(world: World) -> Outcome {
    let users = Users::create(&world, 20).await?;
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?.max_connection_pool_size(5))?;
    let tasks: Vec<_> = users
        .names
        .iter()
        .map(|name| {
            let (driver, name) = (driver.clone(), name.clone());
            world.spawn(async move {
                let auth = Auth::basic(name.as_str(), PASSWORD);
                for round in 0..8 {
                    assert_eq!(as_user(&driver, &auth, round).await?, name, "round {round}");
                }
                Ok::<(), Error>(())
            })
        })
        .collect();
    // The driver's own work runs beside theirs.
    let own = &world.server.user;
    for _ in 0..20 {
        let found = go!(driver
            .execute_query(CURRENT_USER)
            .database("system")
            .routing(Access::Read))?;
        assert_eq!(only(&found).get::<&str>("user")?, own);
    }
    for task in tasks {
        task.await?;
    }
    assert_eq!(
        relay.traffic().connections,
        5,
        "logins change on open connections"
    );
    assert_at_rest(&driver);
    users.drop_all().await?;
    Ok(())
}

/// Returns the user that a query with this login runs as, by one way or another.
async fn as_user(driver: &Driver, auth: &Auth, way: usize) -> Result<String, Error> {
    if way.is_multiple_of(2) {
        let query = driver
            .execute_query(CURRENT_USER)
            .database("system")
            .auth(auth.clone());
        return only(&go!(query.routing(Access::Read))?).get("user");
    }
    let session = driver.session().database("system").auth(auth.clone());
    let mut session = session.default_access_mode(Access::Read).build();
    if way % 4 == 1 {
        return wait!(go!(session.run(CURRENT_USER))?.single())?.get("user");
    }
    let mut tx = go!(session.begin_transaction())?;
    let user = wait!(go!(tx.run(CURRENT_USER))?.single())?.get("user");
    if way % 8 == 3 {
        wait!(tx.commit())?;
    }
    user
}

async fn a_password_is_changed_under_an_open_pool(world: World) -> Outcome {
    let users = Users::create(&world, 1).await?;
    let user = users.names[0].clone();
    let vault = Arc::new(Mutex::new(PASSWORD.to_owned()));
    let calls = Arc::new(AtomicUsize::new(0));
    let manager = BasicAuthManager::blocking({
        let (user, vault, calls) = (user.clone(), Arc::clone(&vault), Arc::clone(&calls));
        move || {
            calls.fetch_add(1, Ordering::SeqCst);
            let password = vault.lock().unwrap().clone();
            Ok::<_, BoxError>(Auth::basic(user.as_str(), password))
        }
    });
    let relay = world.relay()?;
    let config = world.server.config_at(relay.address(), manager)?;
    let driver = world.driver_with(config.max_connection_pool_size(3))?;
    for round in 1..=3 {
        let tasks = (0..6).map(|_| {
            let driver = driver.clone();
            world.spawn(async move {
                let found = go!(driver.execute_query(CURRENT_USER).database("system"))?;
                only(&found).get::<String>("user")
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            assert_eq!(task.await?, user);
        }
        assert_eq!(calls.load(Ordering::SeqCst), round);
        let password = format!("{PASSWORD}-{round}");
        users.set_password(&user, &password).await?;
        *vault.lock().unwrap() = password;
        // Connections stay logged in; new ones need the new password.
        relay.cut();
    }
    users.drop_all().await?;
    Ok(())
}

/// A login that was provided, and for how long it is valid.
struct Issued {
    user: String,
    valid: (Instant, Instant),
}

async fn a_login_that_expires_is_replaced_by_one_call_at_a_time_and_never_used_after_its_end(
    world: World,
) -> Outcome {
    const LIFETIME: Duration = Duration::from_millis(50);
    let users = Users::create(&world, 16).await?;
    let issued = Arc::new(Mutex::new(Vec::<Issued>::new()));
    let manager = BearerAuthManager::blocking({
        let (names, issued, busy) = (users.names.clone(), Arc::clone(&issued), AtomicBool::new(false));
        move || {
            assert!(
                !busy.swap(true, Ordering::SeqCst),
                "two calls of the provider at a time"
            );
            // Others would come in now.
            std::thread::sleep(Duration::from_millis(2));
            let mut issued = issued.lock().unwrap();
            let user = names[issued.len() % names.len()].clone();
            let now = Instant::now();
            issued.push(Issued {
                user: user.clone(),
                valid: (now, now + LIFETIME),
            });
            busy.store(false, Ordering::SeqCst);
            let auth = Auth::basic(user.as_str(), PASSWORD);
            Ok::<_, BoxError>(ExpiringAuth::new(auth).expires_in(LIFETIME))
        }
    })
    .margin(Duration::ZERO);
    let relay = world.relay()?;
    let config = world.server.config_at(relay.address(), manager)?;
    let driver = world.driver_with(config.max_connection_pool_size(8))?;
    let started = Instant::now();
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let driver = driver.clone();
            world.spawn(async move {
                let mut seen = Vec::new();
                // A fast machine makes three queries each before a login expires.
                while seen.len() < 3 || started.elapsed() < LIFETIME * 4 {
                    let begun = Instant::now();
                    let query = driver.execute_query(CURRENT_USER).database("system");
                    let user = only(&go!(query.routing(Access::Read))?).get::<String>("user")?;
                    seen.push((user, begun, Instant::now()));
                }
                Ok::<_, Error>(seen)
            })
        })
        .collect();
    let mut seen = Vec::new();
    for task in tasks {
        seen.extend(task.await?);
    }
    assert!(seen.len() >= 64 * 3);
    assert_valid(&issued.lock().unwrap(), &seen);
    assert!(relay.traffic().connections <= 8, "{:?}", relay.traffic());
    assert_at_rest(&driver);
    users.drop_all().await?;
    Ok(())
}

/// Asserts that each query, which ran as this user from then to then, had a login that was valid meanwhile.
fn assert_valid(issued: &[Issued], seen: &[(String, Instant, Instant)]) {
    for (user, begun, ended) in seen {
        let valid =
            |login: &Issued| login.user == *user && login.valid.0 <= *ended && login.valid.1 >= *begun;
        assert!(issued.iter().any(valid), "{user} was not valid during the query");
    }
    assert!(
        issued.len() > 2,
        "{} logins were enough: no login expired",
        issued.len()
    );
}

/// Provides the login of the user of this name.
struct Rotated(Arc<Mutex<String>>);

impl BlockingAuthManager for Rotated {
    fn token(&self, _now: Instant) -> Result<Auth, BoxError> {
        Ok(Auth::basic(self.0.lock().unwrap().as_str(), PASSWORD))
    }
}

async fn before_bolt_5_1_a_session_has_no_login_of_its_own_and_a_rotated_one_is_that_of_new_connections(
    world: World,
) -> Outcome {
    let users = Users::create(&world, 2).await?;
    for version in [Version::new(4, 4), Version::new(4, 2), Version::new(5, 0)] {
        let current = Arc::new(Mutex::new(String::new()));
        let relay = world.relay()?;
        let manager = BlockingManager(Rotated(Arc::clone(&current)));
        let config = world.server.config_at(relay.address(), manager)?;
        let driver = world.driver_with(config.versions(Versions::only(version)))?;
        for user in users.names.iter().cycle().take(3) {
            user.clone_into(&mut current.lock().unwrap());
            for _ in 0..2 {
                let found = go!(driver.execute_query(CURRENT_USER).database("system"))?;
                assert_eq!(only(&found).get::<&str>("user")?, user, "Bolt {version}");
            }
        }
        assert_eq!(relay.traffic().connections, 3, "Bolt {version}");

        let error = go!(driver.execute_query("RETURN 1").auth(world.auth())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert_says(
            &error,
            &[&version.to_string(), "Bolt 5.1", &relay.address().to_string()],
        );
        assert!(!error.is_retryable());
    }
    users.drop_all().await?;
    Ok(())
}
