//! What serde sends as another type than the database has is refused, unless the field says what it means.

use core::time::Duration;

use super::*;
use crate::Query;

/// Returns why a struct cannot be sent.
#[track_caller]
fn refused<T: Serialize>(parameters: &T) -> String {
    let query = Query::new("").params(parameters);
    query.check().unwrap_err().to_string()
}

macro_rules! refused {
    ($value:expr, $type:ty, $what:literal, $kind:literal) => {{
        #[derive(Serialize)]
        struct Plain {
            field: $type,
        }
        #[derive(Serialize)]
        struct Optional {
            field: Option<$type>,
        }
        #[derive(Serialize)]
        struct Several {
            field: Vec<$type>,
        }
        #[derive(Serialize)]
        struct Same {
            #[serde(with = "crate::serde::as_serde")]
            field: Vec<Option<$type>>,
        }
        let message = concat!(
            "serde makes ", $what, ", but the database has ", $kind,
            ": put #[serde(with = \"bolt::serde::as_value\")] on the field, or as_serde if this is what you mean"
        );
        assert_eq!(refused(&Plain { field: $value }), format!("parameter \"field\": {message}"));
        assert_eq!(refused(&Optional { field: Some($value) }), format!("parameter \"field\": {message}"));
        assert_eq!(refused(&Several { field: vec![$value] }), format!("parameter \"field\", item 0: {message}"));
        assert_eq!(encode(&$value).unwrap_err().to_string(), message);
        let query = Query::new("").params(&Same { field: vec![Some($value)] });
        assert_eq!(query.check(), Ok(()));
    }};
}

#[test]
fn a_date_that_serde_makes_a_string_of_is_refused() {
    let date: chrono::NaiveDate = "2024-02-29".parse().unwrap();
    refused!(
        date,
        chrono::NaiveDate,
        "a string of a chrono::NaiveDate",
        "a date"
    );
    let time = chrono::DateTime::<chrono::Utc>::default();
    refused!(
        time,
        chrono::DateTime<chrono::Utc>,
        "a string of a chrono::DateTime",
        "a date-time"
    );
    let time = ::time::OffsetDateTime::UNIX_EPOCH;
    refused!(
        time,
        ::time::OffsetDateTime,
        "a string or a list of a time::OffsetDateTime",
        "a date-time"
    );
    refused!(
        jiff::Timestamp::UNIX_EPOCH,
        jiff::Timestamp,
        "a string of a jiff::Timestamp",
        "a date-time"
    );
    refused!(
        Duration::ZERO,
        Duration,
        "a map of a std::time::Duration",
        "a duration"
    );
    let now = std::time::SystemTime::UNIX_EPOCH;
    refused!(
        now,
        std::time::SystemTime,
        "a map of a std::time::SystemTime",
        "a date-time"
    );
}

#[test]
fn bytes_that_serde_makes_a_list_of_are_refused() {
    #[derive(Serialize)]
    struct Document {
        content: Vec<u8>,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Meant {
        #[serde(with = "crate::serde::as_value")]
        content: Vec<u8>,
        #[serde(with = "crate::serde::as_serde")]
        ages: Vec<u8>,
    }
    let message = "serde makes a list of bytes (u8), but the database has bytes: put \
                   #[serde(with = \"bolt::serde::as_value\")] on the field, or as_serde if this is what you mean";
    let content = vec![1, 200];
    assert_eq!(
        refused(&Document { content }),
        format!("parameter \"content\": {message}")
    );
    assert_eq!(encode(&[1_u8; 16]).unwrap_err().to_string(), message);
    assert_eq!(
        encode(&vec![[1_u8, 2], [3, 4]]).unwrap_err().to_string(),
        format!("item 0: {message}")
    );
    let meant = Meant {
        content: vec![1, 200],
        ages: vec![3, 4],
    };
    assert_eq!(
        encode(&meant).unwrap(),
        b"\xA2\x87content\xCC\x02\x01\xC8\x84ages\x92\x03\x04"
    );
    back(meant);
    // Nothing else is a list of bytes.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Row {
        age: u8,
    }
    back((1_u8, "x".to_string(), 2_u8));
    back(vec![Row { age: 1 }, Row { age: 2 }]);
    back((1_i64, Row { age: 2 }));
    back((Row { age: 1 }, vec![Row { age: 1 }], 1_u8));
    back(Vec::<u8>::new());
    back(vec![1_u16, 2]);
}
