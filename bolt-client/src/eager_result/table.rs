//! Rows as a table of text.

use std::fmt;

use bolt_proto::Value;

use super::EagerResult;

/// Shows the rows as a table with aligned columns, followed by their number.
impl fmt::Display for EagerResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.keys.iter().map(str::to_owned).collect();
        let rows = self.records.iter().map(|record| {
            let cell = |index| match record.get::<Value>(index) {
                Ok(value) => value.to_string(),
                Err(_) => "<error>".to_owned(),
            };
            (0..record.len()).map(cell).collect()
        });
        table(names, rows.collect(), f)
    }
}

fn table(names: Vec<String>, rows: Vec<Vec<String>>, f: &mut impl fmt::Write) -> fmt::Result {
    let mut widths: Vec<usize> = names.iter().map(|name| name.chars().count()).collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    if !names.is_empty() {
        line(&names, &widths, f)?;
        for (index, width) in widths.iter().enumerate() {
            let cross = if index > 0 { "-+-" } else { "" };
            write!(f, "{cross}{:-<width$}", "")?;
        }
        f.write_char('\n')?;
    }
    for row in &rows {
        line(row, &widths, f)?;
    }
    match rows.len() {
        1 => f.write_str("1 row"),
        rows => write!(f, "{rows} rows"),
    }
}

fn line(cells: &[String], widths: &[usize], f: &mut impl fmt::Write) -> fmt::Result {
    let mut line = String::new();
    for (index, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let bar = if index > 0 { " | " } else { "" };
        line.push_str(&format!("{bar}{cell:<width$}"));
    }
    writeln!(f, "{}", line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(names: &[&str], rows: &[&[&str]]) -> String {
        let owned = |cells: &[&str]| cells.iter().map(|&cell| cell.to_owned()).collect();
        let mut text = String::new();
        table(
            owned(names),
            rows.iter().map(|row| owned(row)).collect(),
            &mut text,
        )
        .unwrap();
        text
    }

    #[test]
    fn columns_of_a_table_are_aligned() {
        assert_eq!(
            shown(&["name", "a"], &[&["\"Ada\"", "36"], &["\"Zoë\"", "1"]]),
            "name  | a\n------+---\n\"Ada\" | 36\n\"Zoë\" | 1\n2 rows"
        );
        assert_eq!(shown(&["n"], &[&["1"]]), "n\n-\n1\n1 row");
        assert_eq!(shown(&["n"], &[]), "n\n-\n0 rows");
        assert_eq!(shown(&[], &[]), "0 rows");
    }
}
