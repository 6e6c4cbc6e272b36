//! Credentials and parameters appear in nothing that is printed.

use bolt_client::{Query, Serde, Value};

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios![no_credential_is_ever_shown, no_parameter_is_ever_shown]
}

async fn no_credential_is_ever_shown(world: World) -> Outcome {
    let password = "pa55word-that-nobody-may-see";
    let auth = Auth::basic(world.server.user.as_str(), password);
    let config = Config::new(&format!("bolt://{}", world.server.address), auth.clone())?;
    let driver = world.driver_with(config.clone())?;
    let builder = format!("{:?}", driver.execute_query("RETURN 1"));
    let refused = go!(driver.execute_query("RETURN 1")).unwrap_err();
    let in_uri = Config::new(&format!("bolt://neo4j:{password}@localhost"), Auth::none()).unwrap_err();
    for shown in [
        format!("{auth:?} {auth:#?}"),
        format!("{config:?} {config:#?}"),
        format!("{driver:?} {driver:#?}"),
        builder,
        printed(&refused),
        printed(&in_uri),
    ] {
        assert!(!shown.contains(password), "{shown}");
    }

    // The right one, too, on connections that are open.
    let driver = world.driver()?;
    go!(driver.execute_query("RETURN 1"))?;
    let refused = go!(driver.execute_query("RETRUN 1")).unwrap_err();
    let info = wait!(driver.server_info())?;
    for shown in [format!("{driver:#?}"), printed(&refused), format!("{info:#?}")] {
        assert!(!shown.contains(&world.server.password), "{shown}");
    }
    Ok(())
}

async fn no_parameter_is_ever_shown(world: World) -> Outcome {
    let secret = "t0ken-that-nobody-may-see";
    let driver = world.driver()?;
    let query = Query::new("RETURN $secret AS secret").param("secret", secret);
    let builder = format!("{:?}", driver.execute_query(&query).param("again", secret));
    let found = go!(driver.execute_query(&query))?;
    // Nested too deep, in a key that is no string: refused before they are sent.
    let deep = (0..600).fold(Value::String(secret.to_owned()), |inner, _| {
        Value::List(vec![inner])
    });
    let odd = std::collections::HashMap::from([(vec![secret], secret)]);
    let failed = driver.execute_query("RETRUN $secret").param("secret", secret);
    let failed = go!(failed).unwrap_err();
    let conversion = Error::from(only(&found).get::<i64>("secret").unwrap_err());
    let deep = go!(driver.execute_query("RETURN $deep").param("deep", &deep)).unwrap_err();
    let odd = go!(driver.execute_query("RETURN $odd").param("odd", Serde(&odd))).unwrap_err();
    for shown in [
        format!("{query:?} {query:#?}"),
        builder,
        format!("{driver:#?}"),
        format!("{:#?}", found.summary),
        printed(&failed),
        printed(&conversion),
        printed(&deep),
        printed(&odd),
    ] {
        assert!(!shown.contains(secret), "{shown}");
    }
    Ok(())
}

/// All that an error shows, in every form, with its causes.
fn printed(error: &Error) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text += &format!(" {error} {error:?}");
        cause = error.source();
    }
    text
}
