//! The content of the rows.

use bolt_proto::packstream::write;

/// A result, by the content of its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workload {
    /// One integer.
    Ints,
    /// Ten columns of integers, floats, strings, booleans and null.
    Wide,
    /// One node with six properties.
    Nodes,
    /// One string of 1 KiB.
    Strings,
    /// One list of 1000 floats.
    Lists,
    /// Five temporal values.
    Temporal,
}

impl Workload {
    /// All workloads.
    pub const ALL: [Self; 6] = [
        Self::Ints,
        Self::Wide,
        Self::Nodes,
        Self::Strings,
        Self::Lists,
        Self::Temporal,
    ];

    /// Returns its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ints => "ints",
            Self::Wide => "wide",
            Self::Nodes => "nodes",
            Self::Strings => "strings",
            Self::Lists => "lists",
            Self::Temporal => "temporal",
        }
    }

    /// Returns the names of its columns.
    #[must_use]
    pub const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Ints | Self::Nodes => &["n"],
            Self::Wide => &["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"],
            Self::Strings => &["s"],
            Self::Lists => &["xs"],
            Self::Temporal => &["date", "time", "local", "instant", "amount"],
        }
    }

    /// Returns the number of rows in a batch: enough to make one-time work negligible.
    #[must_use]
    pub const fn rows(self) -> usize {
        match self {
            Self::Lists => 100,
            _ => 1000,
        }
    }

    /// Returns a batch of rows as a server sends them: each a RECORD in one chunk.
    #[must_use]
    pub fn batch(self) -> Vec<u8> {
        let mut out = Vec::new();
        for row in 0..self.rows() {
            let mut message = vec![0xB1, 0x71];
            write::list_header(&mut message, self.columns().len()).expect("a short list");
            self.row(i64::try_from(row).expect("a small number"), &mut message);
            out.extend(u16::try_from(message.len()).expect("one chunk").to_be_bytes());
            out.append(&mut message);
            out.extend([0, 0]);
        }
        out
    }

    fn row(self, row: i64, out: &mut Vec<u8>) {
        match self {
            Self::Ints => write::integer(out, 1000 + row),
            Self::Wide => wide(row, out),
            Self::Nodes => node(row, out),
            Self::Strings => text(
                out,
                &"The quick brown fox jumps over the lazy dog. 1234567890 times or so. ".repeat(15)[..1024],
            ),
            Self::Lists => {
                write::list_header(out, 1000).expect("a short list");
                (0..1000).for_each(|item| write::float(out, fraction(row * 1000 + item)));
            }
            Self::Temporal => temporal(row, out),
        }
    }
}

fn wide(row: i64, out: &mut Vec<u8>) {
    write::integer(out, row % 100);
    write::integer(out, 10_000 + row);
    write::float(out, fraction(row));
    text(out, "a short text");
    write::boolean(out, row % 2 == 0);
    write::null(out);
    text(out, "and one that is longer than that");
    write::float(out, fraction(-row));
    write::integer(out, 1_700_000_000_000 + row);
    text(out, "Gr\u{fc}\u{df}e");
}

fn node(row: i64, out: &mut Vec<u8>) {
    write::structure_header(out, 4, 0x4E);
    write::integer(out, row);
    write::list_header(out, 1).expect("a short list");
    text(out, "Person");
    write::map_header(out, 6).expect("a short map");
    text(out, "name");
    text(out, "Ann Elisabeth Smith");
    text(out, "age");
    write::integer(out, row % 90);
    text(out, "email");
    text(out, "ann.smith@mail.example");
    text(out, "city");
    text(out, "Kristiansand");
    text(out, "score");
    write::float(out, fraction(row));
    text(out, "since");
    write::integer(out, 1_990 + row % 30);
    text(out, "4:2f7a1c9e-1b2a-4a53-9d3f-0c5d8f1e2a3b:17");
}

fn temporal(row: i64, out: &mut Vec<u8>) {
    write::structure_header(out, 1, 0x44);
    write::integer(out, 19_000 + row);
    write::structure_header(out, 2, 0x54);
    write::integer(out, 45_296_789_012_345 + row);
    write::integer(out, 3600);
    write::structure_header(out, 2, 0x64);
    write::integer(out, 1_539_344_261 + row);
    write::integer(out, 474_716_862);
    write::structure_header(out, 3, 0x49);
    write::integer(out, 1_539_340_661 + row);
    write::integer(out, 474_716_862);
    write::integer(out, 3600);
    write::structure_header(out, 4, 0x45);
    write::integer(out, 14);
    write::integer(out, 3);
    write::integer(out, row);
    write::integer(out, 500);
}

fn text(out: &mut Vec<u8>, text: &str) {
    write::string(out, text).expect("a short text");
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn fraction(row: i64) -> f64 {
    row as f64 / 7.0
}
