//! The texts of errors.

use std::error::Error as _;
use std::{fmt, io, iter};

use bolt_proto::ProtocolViolation;

use crate::connect::encryption::Encrypted;

use super::{Error, Reason, hint};

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Reason::Config(text) => f.write_str(text),
            Reason::Usage(error) => error.fmt(f),
            Reason::Misuse(text) => f.write_str(text),
            Reason::NoRuntime(error) => error.fmt(f),
            Reason::Abandoned => f.write_str(
                "the transaction can only be rolled back: an earlier call was dropped, or timed out, while its query ran",
            ),
            Reason::TooLarge { limit } => write!(
                f,
                "the rows of the result take more than {limit} bytes of memory (max_result_size): read them one by one, or \
                 raise the limit"
            ),
            Reason::HadHappened(cause) => write!(f, "the work had already failed: {cause}"),
            Reason::Retried {
                cause,
                attempts,
                spent,
            } => write!(
                f,
                "{cause} (the last of {attempts} attempts within {:.1} s, see max_transaction_retry_time)",
                spent.as_secs_f64()
            ),
            Reason::Parameter(error) => error.fmt(f),
            Reason::Conversion(error) => error.fmt(f),
            Reason::Server(error) => {
                error.fmt(f)?;
                hint::of(error).map_or(Ok(()), |hint| write!(f, " ({hint})"))
            }
            Reason::Login { error, login } => match hint::of(error) {
                Some(hint) => write!(f, "{error} ({hint}; {login})"),
                None => write!(f, "{error} ({login})"),
            },
            Reason::Remembered { cause, times, within } => write!(
                f,
                "{cause}; not tried again: the server has rejected these credentials (rejected {times} times within {:.1} s)",
                within.as_secs_f64()
            ),
            Reason::NewCredentials(cause) => cause.fmt(f),
            Reason::AuthManager(source) => write!(f, "the auth manager failed to provide credentials: {source}"),
            Reason::NotSingle { at_least: 0 } => f.write_str("expected one row, the result has none"),
            Reason::NotSingle { .. } => {
                f.write_str("expected one row, the result has more: add LIMIT 1, or read all rows")
            }
            Reason::Abort { error, .. } => error.fmt(f),
            Reason::Protocol {
                address,
                violation: violation @ ProtocolViolation::TlsServer,
                encrypted,
            } => write!(
                f,
                "{address}: {violation}; if it is a Bolt server, it requires TLS: connect by {}+s://",
                encrypted.scheme()
            ),
            Reason::Protocol {
                address, violation, ..
            } => write!(f, "{address}: {violation}"),
            Reason::Product {
                address,
                product,
                required,
            } => write!(
                f,
                "{address}: the server is {:?}, and the option required_product asks for {required:?}",
                bolt_proto::Escaped(product).to_string()
            ),
            Reason::Resolve {
                host,
                source: Some(source),
            } => {
                write!(f, "cannot resolve the host name {host:?}: {source}")
            }
            Reason::Resolve { host, source: None } => write!(f, "the host name {host:?} has no address"),
            Reason::Connect { address, source } => write!(f, "cannot connect to {address}: {source}"),
            Reason::Unreachable(failures) => {
                f.write_str("no address can be reached")?;
                let mut separators = [": "].into_iter().chain(iter::repeat("; "));
                failures
                    .iter()
                    .zip(&mut separators)
                    .try_for_each(|(failure, separator)| write!(f, "{separator}{failure}"))
            }
            Reason::Overloaded { address, counts } => write!(
                f,
                "{address}: too many calls already wait for a connection of the pool ({counts}): raise \
                 max_connection_pool_waiters, or max_connection_pool_size"
            ),
            Reason::Lost { address, source } => {
                write!(
                    f,
                    "the connection to {address} was lost: {}",
                    Ending(source.as_ref())
                )
            }
            Reason::Refused {
                address,
                source,
                during,
                encrypted,
            } => write!(
                f,
                "the connection to {address} ended during {during}: {} (is it a Bolt port?{})",
                Ending(source.as_ref()),
                TlsHint(*encrypted)
            ),
            Reason::Tls { address, source, .. } => write!(f, "TLS with {address} failed: {source}"),
            Reason::OnlyTls { address, refusal } => {
                let scheme = refusal.scheme();
                write!(
                    f,
                    "{address}: the server closes connections without TLS, and speaks TLS: connect by {scheme}+s://, or for \
                     tests only by {scheme}+ssc://, which accepts any certificate"
                )
            }
            Reason::Timeout {
                address,
                waiting,
                limit: None,
            } => write!(f, "{address}: timed out: {waiting}"),
            Reason::Timeout {
                address,
                waiting,
                limit: Some(limit),
            } => write!(f, "{address}: timed out after {limit}: {waiting}"),
            Reason::Cancelled(Some((address, waiting))) => write!(f, "{address}: cancelled: {waiting}"),
            Reason::Cancelled(None) => f.write_str("cancelled before the call began"),
            Reason::CancelledPause(cause) => write!(f, "cancelled before the next attempt: {cause}"),
            Reason::Closed => f.write_str("the driver is closed"),
            Reason::UnknownCommit(cause) => {
                write!(f, "it is unknown whether the transaction was committed: {cause}")
            }
            Reason::Load { cause, loaded } => write!(f, "{cause} (after {loaded} were committed)"),
            Reason::NoRoutingTable(error) => error.fmt(f),
            Reason::NoServer(error) => error.fmt(f),
            Reason::BadTable(missing) => write!(f, "the routing table has {missing}"),
        }
    }
}

/// Shows the line of `Display`, then the causes that this line does not name: this is what `main` prints.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = self.to_string();
        let mut source = self.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !line.contains(&text) {
                line.push_str("; caused by: ");
                line.push_str(&text);
            }
            source = cause.source();
        }
        f.write_str(&line)
    }
}

/// Shows what helps if the server requires TLS and the connection had none.
struct TlsHint(Encrypted);

impl fmt::Display for TlsHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Encrypted::No { .. } => write!(f, " if it requires TLS, connect by {}+s://", self.0.scheme()),
            Encrypted::Tls { .. } => Ok(()),
        }
    }
}

/// Shows how a connection ended: by an error, or closed by the server.
struct Ending<'a>(Option<&'a io::Error>);

impl fmt::Display for Ending<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(error) => error.fmt(f),
            None => f.write_str("closed by the server"),
        }
    }
}
