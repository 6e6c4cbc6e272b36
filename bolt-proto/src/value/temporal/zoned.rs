//! Instants in a time zone.

use alloc::boxed::Box;
use core::fmt;

use crate::error::{ConversionError, EncodeError, Escaped};
use crate::packstream::write;
use crate::value::fields::{FieldReader, Fields};
use crate::value::temporal::local_time::{check_nanosecond, received_nanosecond};
use crate::value::{DateTime, Encoder, LocalDateTime, RangeError, ToValue, UtcOffset, tag};

/// A date-time in a time zone that has a name, such as `Europe/Paris`.
///
/// There is no time zone database here, so a value contains only what it was made of. Servers from Neo4j 5 on
/// send the instant, older servers the time of the local clock; [`new`](Self::new) knows both. What is
/// missing is `None`. To be sent, a value needs its instant, and to a server before Neo4j 5 its offset as
/// well.
///
/// Two values are equal if all their parts are equal.
///
/// The text form is that of RFC 9557: `2024-02-29T12:34:56.789+01:00[Europe/Paris]`, with `Z` for an unknown
/// offset, and without an offset for an unknown instant.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ZonedDateTime {
    /// Seconds on the clock that `known` names.
    seconds: i64,
    nanosecond: u32,
    known: Known,
    zone: Box<str>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Known {
    /// Seconds count in UTC; the offset may be known.
    Instant(Option<UtcOffset>),
    /// Seconds count on the local clock.
    Local,
}

impl ZonedDateTime {
    /// Creates a value from an instant with the offset that its zone has at that time, and the zone's name in
    /// the IANA database.
    pub fn new(instant: DateTime, zone: impl Into<Box<str>>) -> Self {
        let (seconds, nanosecond) = (instant.unix_seconds(), instant.nanosecond());
        Self {
            seconds,
            nanosecond,
            known: Known::Instant(Some(instant.offset())),
            zone: zone.into(),
        }
    }

    /// Creates a value from an instant with an unknown offset.
    ///
    /// # Errors
    ///
    /// If the year or the nanosecond is out of range.
    pub fn from_unix(seconds: i64, nanosecond: u32, zone: impl Into<Box<str>>) -> Result<Self, RangeError> {
        let nanosecond = check_nanosecond(nanosecond)?;
        // The check is in UTC. The zone shifts the time by less than a day, which only a time zone database
        // would know.
        LocalDateTime::check(seconds, nanosecond)?;
        Ok(Self {
            seconds,
            nanosecond,
            known: Known::Instant(None),
            zone: zone.into(),
        })
    }

    /// Creates a value from the time of the zone's local clock, which may occur twice or never.
    pub fn from_local(local: LocalDateTime, zone: impl Into<Box<str>>) -> Self {
        let (seconds, nanosecond) = (local.seconds(), local.nanosecond());
        Self {
            seconds,
            nanosecond,
            known: Known::Local,
            zone: zone.into(),
        }
    }

    /// Adds the offset, so that both the instant and the local time are known.
    #[must_use]
    pub fn with_offset(mut self, offset: UtcOffset) -> Self {
        if self.known == Known::Local {
            self.seconds -= i64::from(offset.seconds());
        }
        self.known = Known::Instant(Some(offset));
        self
    }

    /// Returns the name of the zone.
    #[must_use]
    pub fn zone(&self) -> &str {
        &self.zone
    }

    /// Returns the nanosecond of the second.
    #[must_use]
    pub const fn nanosecond(&self) -> u32 {
        self.nanosecond
    }

    /// Returns the seconds since 1970-01-01T00:00Z, if known.
    #[must_use]
    pub fn unix_seconds(&self) -> Option<i64> {
        matches!(self.known, Known::Instant(_)).then_some(self.seconds)
    }

    /// Returns the offset of the zone from UTC at that instant, if known.
    #[must_use]
    pub const fn offset(&self) -> Option<UtcOffset> {
        match self.known {
            Known::Instant(offset) => offset,
            Known::Local => None,
        }
    }

    /// Returns the time of the zone's local clock, if known.
    #[must_use]
    pub fn local(&self) -> Option<LocalDateTime> {
        let ahead = match self.known {
            Known::Instant(offset) => i64::from(offset?.seconds()),
            Known::Local => 0,
        };
        LocalDateTime::from_seconds(self.seconds.saturating_add(ahead), self.nanosecond).ok()
    }
}

impl fmt::Display for ZonedDateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clock = LocalDateTime::from_seconds(self.seconds, self.nanosecond).unwrap_or_default();
        match (self.known, self.local()) {
            // A known offset of 0 is written in digits, because `Z` means an unknown offset.
            (Known::Instant(Some(UtcOffset::UTC)), Some(local)) => write!(f, "{local}+00:00")?,
            (Known::Instant(Some(offset)), Some(local)) => write!(f, "{local}{offset}")?,
            (Known::Local, _) => write!(f, "{clock}")?,
            (Known::Instant(_), _) => write!(f, "{clock}Z")?,
        }
        write!(f, "[{}]", Escaped(&self.zone))
    }
}

impl ToValue for ZonedDateTime {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        let offset = self.offset();
        let (tag, seconds) = if out.dialect().is_utc() {
            (tag::ZONED_DATE_TIME, self.unix_seconds())
        } else {
            (
                tag::LEGACY_ZONED_DATE_TIME,
                self.local().map(LocalDateTime::seconds),
            )
        };
        let seconds = seconds.ok_or_else(EncodeError::unknown_offset)?;
        out.structure(3, tag, |out| {
            out.has_date_times = true;
            out.offsets.push(offset);
            write::integer(&mut out.bytes, seconds);
            write::integer(&mut out.bytes, i64::from(self.nanosecond));
            write::string(&mut out.bytes, &self.zone)
        })
    }
}

impl<'a> Fields<'a> for ZonedDateTime {
    const KIND: &'static str = "a date-time with a zone";

    fn has(tag: u8) -> bool {
        matches!(tag, tag::ZONED_DATE_TIME | tag::LEGACY_ZONED_DATE_TIME)
    }

    /// The legacy form counts seconds on the local clock.
    fn fields(mut fields: FieldReader<'_, 'a>) -> Result<Self, ConversionError> {
        fields.expect(3)?;
        let seconds: i64 = fields.next("seconds")?;
        let nanosecond = received_nanosecond(fields.next("nanoseconds")?)?;
        let zone: &str = fields.next("tz_id")?;
        if fields.tag() == tag::LEGACY_ZONED_DATE_TIME {
            return Ok(Self::from_local(
                LocalDateTime::from_seconds(seconds, nanosecond)?,
                zone,
            ));
        }
        Ok(Self::from_unix(seconds, nanosecond, zone)?)
    }
}
