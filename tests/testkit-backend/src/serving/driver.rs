//! What a driver does by itself.

use bolt_client::{Address, EagerResult, Error, RoutingTable};
use serde_json::{Value as Json, json};

use super::connection::{Connection, OpenDriver};
use crate::answer::{Answer, Failure, identified, message};
use crate::config;
use crate::cypher;
use crate::errors::Circumstances;
use crate::request::{ExecuteQuery, Request};
use crate::summary;

impl Connection {
    pub(super) async fn serve_driver(&self, request: Request) -> Answer {
        match request {
            Request::DriverClose { driver_id: id } => {
                wait!(self.driver(&id)?.driver.close());
                Ok(identified("Driver", &id))
            }
            Request::VerifyConnectivity { driver_id: id } => {
                let open = self.driver(&id)?;
                wait!(open.driver.verify_connectivity()).map_err(|error| open.failure(error))?;
                Ok(identified("Driver", &id))
            }
            Request::GetServerInfo { driver_id: id } => {
                let open = self.driver(&id)?;
                let info = wait!(open.driver.server_info()).map_err(|error| open.failure(error))?;
                Ok(message("ServerInfo", summary::server_info(&info)))
            }
            Request::VerifyAuthentication {
                driver_id: id,
                authorization_token,
            } => {
                let open = self.driver(&id)?;
                let auth = authorization_token
                    .map(|token| config::auth_of(&token.data))
                    .transpose()?;
                let authenticated = wait!(open.driver.verify_authentication(auth))
                    .map_err(|error| open.own_login_failure(error))?;
                Ok(message(
                    "DriverIsAuthenticated",
                    json!({"id": id, "authenticated": authenticated}),
                ))
            }
            Request::CheckMultiDBSupport { driver_id: id } => {
                let open = self.driver(&id)?;
                let available =
                    wait!(open.driver.supports_multi_db()).map_err(|error| open.failure(error))?;
                Ok(message(
                    "MultiDBSupport",
                    json!({"id": id, "available": available}),
                ))
            }
            Request::CheckSessionAuthSupport { driver_id: id } => {
                let open = self.driver(&id)?;
                let available =
                    wait!(open.driver.supports_session_auth()).map_err(|error| open.failure(error))?;
                Ok(message(
                    "SessionAuthSupport",
                    json!({"id": id, "available": available}),
                ))
            }
            Request::CheckDriverIsEncrypted { driver_id: id } => {
                let encrypted = self.driver(&id)?.driver.is_encrypted();
                Ok(message("DriverIsEncrypted", json!({"encrypted": encrypted})))
            }
            Request::ExecuteQuery(query) => self.execute_query(&query).await,
            Request::GetRoutingTable {
                driver_id: id,
                database,
            } => {
                let table = self.driver(&id)?.driver.routing_table(&database);
                // TestKit has no word for a table that is not known. In Python it is an empty one.
                let unknown =
                    || json!({"database": database, "ttl": 0, "routers": [], "readers": [], "writers": []});
                let table = table.as_ref().map_or_else(unknown, routing_table);
                Ok(message("RoutingTable", table))
            }
            // No test has bookmarks here, and the driver takes none.
            Request::ForcedRoutingTableUpdate {
                driver_id: id,
                database,
                bookmarks: None,
            } => {
                let open = self.driver(&id)?;
                wait!(open.driver.refresh_routing_table(&database)).map_err(|error| open.failure(error))?;
                Ok(identified("Driver", &id))
            }
            Request::GetConnectionPoolMetrics {
                driver_id: id,
                address,
            } => {
                let counts = self.driver(&id)?.driver.pool_counts_by_address();
                let of_address = counts.into_iter().find(|(known, _)| known.to_string() == address);
                let counts = of_address.map(|(_, counts)| counts).unwrap_or_default();
                Ok(message(
                    "ConnectionPoolMetrics",
                    json!({"inUse": counts.in_use, "idle": counts.idle}),
                ))
            }
            other => Err(Failure::Backend(format!("{other:?} is not served"))),
        }
    }

    async fn execute_query(&self, request: &ExecuteQuery) -> Answer {
        let ExecuteQuery {
            driver_id,
            cypher: text,
            params,
            config,
        } = request;
        let open = self.driver(driver_id)?;
        let auth = config.authorization_token.as_ref();
        let auth = auth.map(|token| config::auth_of(&token.data)).transpose()?;
        let mut call = open
            .driver
            .execute_query(config::query(text, params.as_ref())?)
            .database(&config.database)
            .impersonated_user(&config.impersonated_user)
            .auth(auth.clone())
            .timeout(config::timeout(config.timeout)?)
            .fetch_size(open.fetch_size);
        if let Some(mode) = config.routing {
            call = call.routing(config::access(mode));
        }
        for (name, value) in cypher::decode_entries(config.tx_meta.as_ref())? {
            call = call.metadata(name, value);
        }
        match &config.bookmark_manager_id {
            None | Some(Json::Null) => {}
            Some(Json::String(id)) => call = call.bookmark_manager(self.manager(id)?),
            Some(_) => call = call.bookmark_manager(None),
        }
        let result = go!(call).map_err(|error| match auth {
            Some(_) => open.own_login_failure(error),
            None => open.failure(error),
        })?;
        eager_result(&result, request)
    }
}

impl OpenDriver {
    /// As [`failure`](Self::failure), for a call with a login of its own.
    fn own_login_failure(&self, error: Error) -> Failure {
        Failure::Driver {
            error,
            circumstances: Circumstances {
                routed: self.routed,
                own_login: true,
                ..Circumstances::default()
            },
        }
    }

    pub(super) fn failure(&self, error: Error) -> Failure {
        Failure::Driver {
            error,
            circumstances: Circumstances {
                routed: self.routed,
                ..Circumstances::default()
            },
        }
    }
}

fn routing_table(table: &RoutingTable) -> Json {
    let texts = |servers: &[Address]| servers.iter().map(ToString::to_string).collect::<Vec<_>>();
    json!({
        "database": table.database(),
        "ttl": table.ttl().as_secs(),
        "routers": texts(table.routers()),
        "readers": texts(table.readers()),
        "writers": texts(table.writers()),
    })
}

fn eager_result(result: &EagerResult, request: &ExecuteQuery) -> Answer {
    let rows = result
        .records
        .iter()
        .map(|record| Ok(json!({"values": cypher::row(record)?})));
    let rows = rows.collect::<Result<Vec<_>, Failure>>()?;
    let parameters = request.params.clone().unwrap_or_default();
    Ok(message(
        "EagerResult",
        json!({
            "keys": result.keys.iter().collect::<Vec<_>>(),
            "records": rows,
            "summary": summary::summary(&result.summary, &parameters)?,
        }),
    ))
}
