//! An HTTP service with axum: a driver as its state, one error type, rows as the body of an answer, and an orderly end.
//!
//! `NEO4J_URI`, `NEO4J_USERNAME` and `NEO4J_PASSWORD` name the server. The program prints the address that it listens on:
//!
//! ```sh
//! curl -X PUT  localhost:PORT/people/1/Ada
//! curl         localhost:PORT/people/1
//! curl         localhost:PORT/people
//! curl -X POST localhost:PORT/people/1/friends/2
//! ```

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{BoxError, Json, Router};
use bolt::{Access, Config, Driver, Error, ErrorKind, ManagedTransaction};
use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Person {
    id: i64,
    name: String,
}

/// The one error type of the service: `?` makes it of every error of the driver.
enum AppError {
    NotFound,
    Database(Error),
}

impl From<Error> for AppError {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let Self::Database(error) = self else {
            return StatusCode::NOT_FOUND.into_response();
        };
        eprintln!("{error}"); // holds neither credentials nor parameters
        let status = match error.kind() {
            ErrorKind::Overloaded | ErrorKind::Connect | ErrorKind::Closed => StatusCode::SERVICE_UNAVAILABLE,
            _ if error.is_timeout() => StatusCode::GATEWAY_TIMEOUT,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        status.into_response()
    }
}

async fn read(State(driver): State<Driver>, Path(id): Path<i64>) -> Result<Json<Person>, AppError> {
    let query = "MATCH (p:ServicePerson {id: $id}) RETURN p.id AS id, p.name AS name";
    let people = driver
        .execute_query(query)
        .param("id", id)
        .routing(Access::Read)
        .await?;
    let person = people.single_optional()?.ok_or(AppError::NotFound)?;
    Ok(Json(person.to()?))
}

/// Writes with one query. MERGE is harmless to repeat, so COMMIT may travel with the query: one round trip.
async fn write(State(driver): State<Driver>, Path((id, name)): Path<(i64, String)>) -> Result<(), AppError> {
    driver
        .execute_query("MERGE (p:ServicePerson {id: $id}) SET p.name = $name")
        .param("id", id)
        .param("name", name)
        .pipeline_commit(true)
        .await?;
    Ok(())
}

/// Writes with several queries, and rolls back when the second person does not exist. Retried after deadlocks.
async fn befriend(State(driver): State<Driver>, Path((a, b)): Path<(i64, i64)>) -> Result<(), AppError> {
    let mut session = driver.session().build();
    session
        .try_execute_write(async |mut tx: ManagedTransaction| {
            for id in [a, b] {
                let found = tx
                    .run("MATCH (p:ServicePerson {id: $id}) SET p.friends = true")
                    .param("id", id);
                if found.consume().await?.counters().properties_set == 0 {
                    return Err(AppError::NotFound);
                }
            }
            tx.run("MATCH (a:ServicePerson {id: $a}), (b:ServicePerson {id: $b}) MERGE (a)-[:KNOWS]-(b)")
                .param("a", a)
                .param("b", b)
                .consume()
                .await?;
            Ok(())
        })
        .await
}

/// Streams all people, one a line, in flat memory. If the client goes away, the rows are dropped and the server stops.
async fn stream(State(driver): State<Driver>) -> Result<Body, AppError> {
    let session = driver.session().default_access_mode(Access::Read).build();
    let people = session
        .into_records("MATCH (p:ServicePerson) RETURN p.id AS id, p.name AS name")
        .await?;
    let lines = people.err_into::<BoxError>().and_then(async |row| {
        let person: Person = row.to()?;
        Ok(serde_json::to_string(&person)? + "\n")
    });
    Ok(Body::from_stream(lines))
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let driver = bolt::driver_with(Config::from_env()?)?;
    driver.verify_connectivity().await?;
    let app = Router::new()
        .route("/people", get(stream))
        .route("/people/{id}", get(read))
        .route("/people/{id}/{name}", put(write))
        .route("/people/{id}/friends/{other}", post(befriend))
        .with_state(driver.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    let stop = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    driver.close().await;
    Ok(())
}
