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
/// This crate has no database of time zones, so it knows as much as it was told: servers of today send the instant,
/// those before Neo4j 5 what the local clock showed; [`new`](Self::new) knows both. What is missing is `None`. One
/// that shall be sent must know its instant, and to a server before Neo4j 5 its offset, too.
///
/// Two of them are equal if they know the same.
///
/// Its text is RFC 9557's: `2024-02-29T12:34:56.789+01:00[Europe/Paris]`, with `Z` if the offset is unknown, and with
/// nothing in its place if the instant is.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ZonedDateTime {
    /// Seconds on the clock that `known` tells of.
    seconds: i64,
    nanosecond: u32,
    known: Known,
    zone: Box<str>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Known {
    /// Seconds are those of UTC; the offset may be known.
    Instant(Option<UtcOffset>),
    /// Seconds are those of the local clock.
    Local,
}

impl ZonedDateTime {
    /// An instant with the offset that its zone has then, and the zone's name in the IANA database.
    pub fn new(instant: DateTime, zone: impl Into<Box<str>>) -> Self {
        let (seconds, nanosecond) = (instant.unix_seconds(), instant.nanosecond());
        Self {
            seconds,
            nanosecond,
            known: Known::Instant(Some(instant.offset())),
            zone: zone.into(),
        }
    }

    /// An instant, of which the offset in the zone is not known.
    ///
    /// # Errors
    ///
    /// The year or the nanosecond is out of range.
    pub fn from_unix(seconds: i64, nanosecond: u32, zone: impl Into<Box<str>>) -> Result<Self, RangeError> {
        let nanosecond = check_nanosecond(nanosecond)?;
        // In UTC; the zone shifts it by less than a day, which only its database could tell.
        LocalDateTime::from_seconds(seconds, nanosecond)?;
        Ok(Self {
            seconds,
            nanosecond,
            known: Known::Instant(None),
            zone: zone.into(),
        })
    }

    /// What the local clock of the zone shows, which may happen twice or never.
    pub fn from_local(local: LocalDateTime, zone: impl Into<Box<str>>) -> Self {
        let (seconds, nanosecond) = (local.seconds(), local.nanosecond());
        Self {
            seconds,
            nanosecond,
            known: Known::Local,
            zone: zone.into(),
        }
    }

    /// The same with its offset, so that both the instant and the local clock are known.
    #[must_use]
    pub fn with_offset(mut self, offset: UtcOffset) -> Self {
        if self.known == Known::Local {
            self.seconds -= i64::from(offset.seconds());
        }
        self.known = Known::Instant(Some(offset));
        self
    }

    /// The name of the zone.
    #[must_use]
    pub fn zone(&self) -> &str {
        &self.zone
    }

    /// The nanosecond of the second.
    #[must_use]
    pub const fn nanosecond(&self) -> u32 {
        self.nanosecond
    }

    /// Seconds since 1970-01-01T00:00Z.
    #[must_use]
    pub fn unix_seconds(&self) -> Option<i64> {
        matches!(self.known, Known::Instant(_)).then_some(self.seconds)
    }

    /// How far the zone's clock is ahead of UTC at that instant.
    #[must_use]
    pub const fn offset(&self) -> Option<UtcOffset> {
        match self.known {
            Known::Instant(offset) => offset,
            Known::Local => None,
        }
    }

    /// What the zone's clock shows.
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
            // Unlike the `Z` below, the offset 0 is written in digits: it is known.
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

    /// Of the two forms, the older one counts seconds on the local clock.
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
