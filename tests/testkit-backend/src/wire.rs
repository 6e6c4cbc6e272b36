//! The connection to TestKit: lines with one JSON message each way.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value as Json, json};

/// The frontend of a connection. Clones are the same connection.
///
/// Requests and answers alternate strictly, so whichever thread serves the current request may ask the frontend back.
#[derive(Debug, Clone)]
pub(crate) struct Frontend(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    wire: Mutex<Wire>,
    /// What went wrong in a callback that cannot fail.
    fault: Mutex<Option<String>>,
}

#[derive(Debug)]
struct Wire {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
    callbacks: u64,
}

impl Frontend {
    pub(crate) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let wire = Wire {
            reader: BufReader::new(stream.try_clone()?),
            writer: stream,
            callbacks: 0,
        };
        Ok(Self(Arc::new(Shared {
            wire: Mutex::new(wire),
            fault: Mutex::default(),
        })))
    }

    /// Reads the next request; `None` at the end of the connection.
    pub(crate) fn read(&self) -> io::Result<Option<Json>> {
        self.wire().read()
    }

    pub(crate) fn write(&self, message: &Json) -> io::Result<()> {
        self.wire().write(message)
    }

    /// Sends a callback, whose data gets an id, and returns the data of what completes it.
    ///
    /// Returns `None` if the frontend does not complete it. The request that is being served fails then.
    pub(crate) fn ask(&self, name: &str, mut data: Json, completed: &str) -> Option<Json> {
        let mut wire = self.wire();
        wire.callbacks += 1;
        let id = format!("callback-{}", wire.callbacks);
        data["id"] = json!(id);
        let answer = wire
            .write(&json!({"name": name, "data": data}))
            .and_then(|()| wire.read());
        match answer {
            Ok(Some(mut answer)) if answer["name"] == completed && answer["data"]["requestId"] == *id => {
                Some(answer["data"].take())
            }
            answer => {
                self.fault(format!("the callback {name} was answered by {answer:?}"));
                None
            }
        }
    }

    /// Notes that a callback went wrong.
    pub(crate) fn fault(&self, message: String) {
        *self.0.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(message);
    }

    /// Takes what went wrong in callbacks since the last call.
    pub(crate) fn take_fault(&self) -> Option<String> {
        self.0.fault.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn wire(&self) -> MutexGuard<'_, Wire> {
        self.0.wire.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wire {
    fn read(&mut self) -> io::Result<Option<Json>> {
        let mut message = String::new();
        let mut line = String::new();
        while self.reader.read_line(&mut line)? > 0 {
            match line.trim_end() {
                "#request begin" => message.clear(),
                "#request end" => return Ok(Some(serde_json::from_str(&message)?)),
                text => message.push_str(text),
            }
            line.clear();
        }
        Ok(None)
    }

    fn write(&mut self, message: &Json) -> io::Result<()> {
        self.writer
            .write_all(format!("#response begin\n{message}\n#response end\n").as_bytes())
    }
}
