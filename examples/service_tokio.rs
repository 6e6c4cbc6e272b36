use axum::{
    Json, Router,
    body::Body,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use bolt::{Access, Config, Driver, Error, ErrorKind, ManagedTransaction, query};
use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};

const READ: &str = "MATCH (p:Person {id: $id}) RETURN p.id AS id, p.name AS name, p.age AS age";
const WRITE: &str = "MATCH (p:Person {id: $id}) SET p.age = $age";

#[derive(Serialize, Deserialize)]
struct Person {
    id: i64,
    name: String,
    age: i64,
}

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
        match self {
            Self::NotFound => StatusCode::NOT_FOUND.into_response(),
            Self::Database(error) => {
                let status = match error.kind() {
                    ErrorKind::Overloaded | ErrorKind::Closed | ErrorKind::Connect => StatusCode::SERVICE_UNAVAILABLE,
                    _ if error.is_timeout() => StatusCode::GATEWAY_TIMEOUT,
                    _ => StatusCode::INTERNAL_SERVER_ERROR,
                };
                (status, error.to_string()).into_response()
            }
        }
    }
}

async fn read(State(driver): State<Driver>, Path(id): Path<i64>) -> Result<Json<Person>, AppError> {
    let result = driver.execute_query(READ).param("id", id).routing(Access::Read).await?;
    let person = result.single_optional()?.ok_or(AppError::NotFound)?;
    Ok(Json(person.to()?))
}

async fn write_execute(State(driver): State<Driver>, Path(id): Path<i64>) -> Result<StatusCode, AppError> {
    driver.execute_query(WRITE).param("id", id).param("age", id % 90).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn write_pipelined(State(driver): State<Driver>, Path(id): Path<i64>) -> Result<StatusCode, AppError> {
    driver.execute_query(WRITE).param("id", id).param("age", id % 90).pipeline_commit(true).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn write_run(State(driver): State<Driver>, Path(id): Path<i64>) -> Result<StatusCode, AppError> {
    let mut session = driver.session().build();
    session.run(WRITE).param("id", id).param("age", id % 90).consume().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn write_function(State(driver): State<Driver>, Path(id): Path<i64>) -> Result<StatusCode, AppError> {
    let mut session = driver.session().build();
    session
        .try_execute_write(async |mut tx: ManagedTransaction| {
            let summary = tx.run(WRITE).param("id", id).param("age", id % 90).consume().await?;
            if summary.counters().properties_set == 0 { Err(AppError::NotFound) } else { Ok(()) }
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn tx(State(driver): State<Driver>, Path(id): Path<i64>) -> Result<StatusCode, AppError> {
    let mut tx = driver.begin_transaction().await?;
    tx.queue(query(WRITE).param("id", id).param("age", id % 90))?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn stream(State(driver): State<Driver>) -> Result<Body, AppError> {
    let session = driver.session().default_access_mode(Access::Read).build();
    let rows = session.into_records("MATCH (p:Person) RETURN p.id AS id, p.name AS name, p.age AS age").await?;
    let lines = rows.err_into::<axum::BoxError>().and_then(async |row| {
        let person: Person = row.to()?;
        Ok(serde_json::to_string(&person)? + "\n")
    });
    Ok(Body::from_stream(lines))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let driver = bolt::driver_with(Config::from_env()?.max_connection_pool_size(32))?;
    driver.verify_connectivity().await?;
    let app = Router::new()
        .route("/read/{id}", get(read))
        .route("/write-execute/{id}", get(write_execute))
        .route("/write-pipelined/{id}", get(write_pipelined))
        .route("/write-run/{id}", get(write_run))
        .route("/write-function/{id}", get(write_function))
        .route("/tx/{id}", get(tx))
        .route("/stream", get(stream))
        .with_state(driver.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    axum::serve(listener, app)
        .with_graceful_shutdown(async {
            let _ = tokio::signal::ctrl_c().await;
        })
        .await?;
    driver.close().await;
    Ok(())
}
