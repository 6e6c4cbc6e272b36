//! Points.

use core::fmt;

use crate::error::{ConversionError, EncodeError};
use crate::packstream::write;
use crate::value::fields::{FieldReader, Fields, from_structure};
use crate::value::{Encoder, ToValue, tag};

/// A coordinate reference system, by its SRID: the meaning of a point's coordinates.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Srid(u32);

impl Srid {
    /// Cartesian coordinates in a plane, 7203.
    pub const CARTESIAN_2D: Self = Self(7203);
    /// Cartesian coordinates in a space, 9157.
    pub const CARTESIAN_3D: Self = Self(9157);
    /// Longitude and latitude in degrees, 4326.
    pub const WGS_84_2D: Self = Self(4326);
    /// Longitude and latitude in degrees, and height in metres, 4979.
    pub const WGS_84_3D: Self = Self(4979);

    /// Creates the id of a system from its number.
    #[must_use]
    pub const fn new(code: u32) -> Self {
        Self(code)
    }

    /// Returns the number.
    #[must_use]
    pub const fn code(self) -> u32 {
        self.0
    }
}

impl fmt::Debug for Srid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A point in two dimensions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point2D {
    /// The coordinate reference system.
    pub srid: Srid,
    /// The first coordinate; the longitude in WGS-84.
    pub x: f64,
    /// The second coordinate; the latitude in WGS-84.
    pub y: f64,
}

/// A point in three dimensions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point3D {
    /// The coordinate reference system.
    pub srid: Srid,
    /// The first coordinate; the longitude in WGS-84.
    pub x: f64,
    /// The second coordinate; the latitude in WGS-84.
    pub y: f64,
    /// The third coordinate; the height in metres in WGS-84.
    pub z: f64,
}

impl Point2D {
    /// Creates a point of a plane.
    #[must_use]
    pub const fn cartesian(x: f64, y: f64) -> Self {
        Self {
            srid: Srid::CARTESIAN_2D,
            x,
            y,
        }
    }

    /// Creates a point on earth, in degrees.
    #[must_use]
    pub const fn wgs_84(longitude: f64, latitude: f64) -> Self {
        Self {
            srid: Srid::WGS_84_2D,
            x: longitude,
            y: latitude,
        }
    }
}

impl Point3D {
    /// Creates a point of a space.
    #[must_use]
    pub const fn cartesian(x: f64, y: f64, z: f64) -> Self {
        Self {
            srid: Srid::CARTESIAN_3D,
            x,
            y,
            z,
        }
    }

    /// Creates a point on earth, in degrees and metres.
    #[must_use]
    pub const fn wgs_84(longitude: f64, latitude: f64, height: f64) -> Self {
        Self {
            srid: Srid::WGS_84_3D,
            x: longitude,
            y: latitude,
            z: height,
        }
    }
}

impl ToValue for Point2D {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        out.structure(3, tag::POINT_2D, |out| {
            write::integer(&mut out.bytes, i64::from(self.srid.0));
            write::float(&mut out.bytes, self.x);
            write::float(&mut out.bytes, self.y);
            Ok(())
        })
    }
}

impl ToValue for Point3D {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        out.structure(4, tag::POINT_3D, |out| {
            write::integer(&mut out.bytes, i64::from(self.srid.0));
            write::float(&mut out.bytes, self.x);
            write::float(&mut out.bytes, self.y);
            write::float(&mut out.bytes, self.z);
            Ok(())
        })
    }
}

impl<'a> Fields<'a> for Point2D {
    const KIND: &'static str = "a point in two dimensions";

    fn has(tag: u8) -> bool {
        tag == tag::POINT_2D
    }

    fn fields(mut fields: FieldReader<'_, 'a>) -> Result<Self, ConversionError> {
        fields.expect(3)?;
        Ok(Self {
            srid: Srid(fields.next("srid")?),
            x: fields.next("x")?,
            y: fields.next("y")?,
        })
    }
}

impl<'a> Fields<'a> for Point3D {
    const KIND: &'static str = "a point in three dimensions";

    fn has(tag: u8) -> bool {
        tag == tag::POINT_3D
    }

    fn fields(mut fields: FieldReader<'_, 'a>) -> Result<Self, ConversionError> {
        fields.expect(4)?;
        let srid = Srid(fields.next("srid")?);
        Ok(Self {
            srid,
            x: fields.next("x")?,
            y: fields.next("y")?,
            z: fields.next("z")?,
        })
    }
}

from_structure!(Point2D Point3D);
