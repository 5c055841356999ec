//! Tables of data as columns. Most tables of mail are there for the layout and never become a grid: in doubt a table is
//! read row by row.

use super::{Attributes, entities, escape, without_tags};
use crate::message::clean;
use std::ops::Range;
use unicode_width::UnicodeWidthStr;

/// The most rows and columns of a grid.
const MAX_ROWS: usize = 1000;
const MAX_COLUMNS: usize = 16;
/// The most lines of a cell.
const MAX_LINES: usize = 5;
/// The longest cell of a table that does not say that it holds data, in columns of the screen.
const SHORT: usize = 30;
/// The narrowest column that a long text is wrapped into.
const NARROW: usize = 16;
/// What stands between two columns.
const GAP: &str = "  ";

/// A table that is open.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Where it begins in what was written.
    start: usize,
    rows: Vec<Vec<Cell>>,
    /// The open cell, and where it begins.
    cell: Option<(usize, Cell)>,
    /// It holds what no cell of a grid does, or says that it is for the layout.
    is_layout: bool,
    /// It says that it holds data: it has lines around its cells.
    is_data: bool,
    /// Links and pictures: the signs of a layout.
    links: usize,
}

#[derive(Debug, Default)]
struct Cell {
    markup: Range<usize>,
    is_head: bool,
    /// How many columns it is wide.
    span: usize,
}

/// A cell as it is drawn: its lines, and how many columns it is wide.
#[derive(Clone, Debug)]
struct Text {
    lines: Vec<String>,
    span: usize,
}

impl Table {
    pub(super) fn open(start: usize, attributes: &Attributes<'_>) -> Self {
        let says = |name: &str| attributes.get(name).unwrap_or_default().trim().to_ascii_lowercase();
        let border = says("border");
        let is_layout = matches!(says("role").as_str(), "presentation" | "none");
        Self { start, is_layout, is_data: !border.is_empty() && border != "0", ..Self::default() }
    }

    /// Takes note that something is in it that no grid holds.
    pub(super) fn spoil(&mut self) {
        self.is_layout = true;
    }

    pub(super) fn link(&mut self) {
        self.links += 1;
    }

    pub(super) fn row(&mut self) {
        if self.rows.last().is_none_or(|row| !row.is_empty()) {
            self.rows.push(Vec::new());
        }
    }

    pub(super) fn open_cell(&mut self, start: usize, is_head: bool, attributes: &Attributes<'_>) {
        let number = |name: &str| match attributes.get(name).map(|n| n.trim().parse::<usize>()) {
            None | Some(Ok(0)) => 1,
            Some(Ok(number)) => number,
            // No number at all counts as one, a number that none can hold as too many.
            Some(Err(error)) if *error.kind() == std::num::IntErrorKind::PosOverflow => usize::MAX,
            Some(Err(_)) => 1,
        };
        self.is_layout |= number("rowspan") > 1;
        self.cell = Some((start, Cell { markup: start..start, is_head, span: number("colspan") }));
    }

    pub(super) fn close_cell(&mut self, end: usize) {
        let Some((start, cell)) = self.cell.take() else { return };
        if self.rows.is_empty() {
            self.rows.push(Vec::new());
        }
        let is_full = self.rows.len() > MAX_ROWS;
        let Some(row) = self.rows.last_mut() else { return };
        let columns = row.iter().fold(cell.span, |sum, cell| sum.saturating_add(cell.span));
        if is_full || columns > MAX_COLUMNS {
            self.is_layout = true;
        } else {
            row.push(Cell { markup: start..end, ..cell });
        }
    }

    /// The table as columns that are together no wider than `width`, with where it begins; `None` where it is none.
    pub(super) fn grid(&self, written: &str, width: usize) -> Option<(usize, String)> {
        // First, because a table in a table would be read once for each.
        if self.is_layout {
            return None;
        }
        let has_heads =
            self.rows.first().is_some_and(|row| !row.is_empty() && row.iter().all(|cell| cell.is_head));
        let mut rows = Vec::new();
        for row in self.rows.iter().filter(|row| !row.is_empty()) {
            rows.push(row.iter().map(|cell| cell.text(written)).collect::<Option<Vec<_>>>()?);
        }
        let columns = rows.first()?.iter().map(|cell| cell.span).sum();
        if rows.len() < 2 || rows.iter().any(|row| row.iter().map(|cell| cell.span).sum::<usize>() != columns)
        {
            return None;
        }
        // What stands between the cells would be lost.
        let inside: usize =
            rows.iter().flatten().flat_map(|cell| &cell.lines).map(|line| letters(line)).sum();
        let all = without_tags(written.get(self.start..)?);
        if letters(&clean::clean(&entities::decode(&all))) != inside {
            return None;
        }
        let rows = without_room(rows, columns);
        let columns = rows.first()?.iter().map(|cell| cell.span).sum();
        if columns < 2 || !self.has_data(&rows, has_heads) {
            return None;
        }
        let lines = drawn(rows, columns, has_heads, width)?;
        Some((self.start, format!("<pre>{}</pre>", escape(&lines))))
    }

    /// Whether cells are data: the table says so, or they are short and many, and few are empty or links.
    fn has_data(&self, rows: &[Vec<Text>], has_heads: bool) -> bool {
        let cells = || rows.iter().flatten();
        let filled = cells().filter(|cell| !cell.lines.is_empty()).count();
        if has_heads || self.is_data {
            return filled * 2 > cells().count();
        }
        let columns = rows.first().map_or(0, Vec::len);
        filled * 5 >= cells().count() * 4
            && cells().all(|cell| cell.lines.len() <= 1 && cell.width() <= SHORT)
            && self.links * 3 <= filled
            && (rows.len() >= 3 || (0..columns).any(|at| is_of_numbers(rows, at)))
    }
}

impl Cell {
    /// Its text; `None` when it is longer than a cell is.
    fn text(&self, written: &str) -> Option<Text> {
        let mut lines = Vec::new();
        for piece in written.get(self.markup.clone())?.split('<') {
            // The first has no tag; of every other the tag stands first.
            let (tag, text) = piece.split_once('>').unwrap_or(("", piece));
            let is_line = matches!(tag, "br" | "div" | "/div" | "p" | "/p");
            if is_line || lines.is_empty() {
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut() {
                line.push_str(text);
            }
        }
        let line = |markup: String| {
            let text = clean::clean(&entities::decode(&markup)).into_owned();
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let lines: Vec<String> = lines.into_iter().map(line).filter(|line| !line.is_empty()).collect();
        (lines.len() <= MAX_LINES).then_some(Text { lines, span: self.span })
    }
}

impl Text {
    fn width(&self) -> usize {
        self.lines.iter().map(|line| line.width()).max().unwrap_or(0)
    }
}

/// The rows without columns that only make room.
fn without_room(mut rows: Vec<Vec<Text>>, columns: usize) -> Vec<Vec<Text>> {
    for column in (0..columns).rev() {
        let is_room = rows.iter().all(|row| {
            cell_over(row, column).is_some_and(|(_, cell)| cell.lines.is_empty() || cell.span > 1)
        });
        if is_room {
            for row in &mut rows {
                let Some(at) = cell_over(row, column).map(|(at, _)| at) else { continue };
                match row.get_mut(at) {
                    Some(cell) if cell.span > 1 => cell.span -= 1,
                    _ => drop(row.remove(at)),
                }
            }
        }
    }
    rows
}

/// The cell of a row that stands in a column or over it, and its number.
fn cell_over(row: &[Text], column: usize) -> Option<(usize, &Text)> {
    let mut end = 0;
    row.iter().enumerate().find(|(_, cell)| {
        end += cell.span;
        column < end
    })
}

/// The cells that stand in a column alone.
fn cells_of(rows: &[Vec<Text>], column: usize) -> impl Iterator<Item = &Text> {
    rows.iter()
        .filter_map(move |row| cell_over(row, column))
        .map(|(_, cell)| cell)
        .filter(|cell| cell.span == 1)
}

/// Whether a column has numbers, and nothing but numbers.
fn is_of_numbers(rows: &[Vec<Text>], column: usize) -> bool {
    let lines = || cells_of(rows, column).flat_map(|cell| &cell.lines);
    lines().next().is_some() && lines().all(|line| is_number(line))
}

/// How many characters a text has that are not white space.
fn letters(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

/// Whether a cell is a number, an amount or a share.
fn is_number(text: &str) -> bool {
    let is_of = |c: char| c.is_numeric() || " .,'+-−–%$€£¥₹\u{a0}\u{202f}()×x".contains(c);
    let text = ["EUR", "USD", "CHF", "GBP"].iter().fold(text.to_owned(), |text, unit| text.replace(unit, ""));
    text.chars().all(is_of) && text.contains(char::is_numeric)
}

/// The rows below each other; `None` when they are too wide.
fn drawn(mut rows: Vec<Vec<Text>>, columns: usize, has_heads: bool, width: usize) -> Option<String> {
    let mut wide: Vec<usize> =
        (0..columns).map(|column| cells_of(&rows, column).map(Text::width).max().unwrap_or(0)).collect();
    let body = rows.get(usize::from(has_heads)..)?;
    let is_right: Vec<bool> = (0..columns).map(|column| is_of_numbers(body, column)).collect();
    let gaps = GAP.len() * (columns - 1);
    let total = wide.iter().sum::<usize>() + gaps;
    if total > width {
        // The longest texts are wrapped, as far as that leaves them legible.
        let (longest, room) = wide.iter().enumerate().max_by_key(|(_, wide)| **wide)?;
        let room = room.checked_sub(total - width).filter(|room| *room >= NARROW)?;
        for row in &mut rows {
            let Some((at, _)) = cell_over(row, longest).filter(|(_, cell)| cell.span == 1) else { continue };
            let Some(cell) = row.get_mut(at) else { continue };
            cell.lines =
                cell.lines.iter().map(|line| wrapped(line, room)).collect::<Option<Vec<_>>>()?.concat();
        }
        *wide.get_mut(longest)? = room;
    }
    let mut lines = String::new();
    for (number, row) in rows.iter().enumerate() {
        let high = row.iter().map(|cell| cell.lines.len()).max().unwrap_or(0);
        for line in 0..high {
            let mut drawn = String::new();
            let mut column = 0;
            for cell in row {
                let text = cell.lines.get(line).map_or("", String::as_str);
                let over = wide.get(column..column + cell.span)?;
                let room = over.iter().sum::<usize>() + GAP.len() * (cell.span - 1);
                // What is written over several columns has no column to make wider.
                let room = " ".repeat(room.checked_sub(text.width())?);
                let is_right = cell.span == 1 && is_right.get(column).is_some_and(|is_right| *is_right);
                let (before, after) = if is_right { (room.as_str(), "") } else { ("", room.as_str()) };
                let gap = if column == 0 { "" } else { GAP };
                drawn.extend([gap, before, text, after]);
                column += cell.span;
            }
            lines.push_str(drawn.trim_end());
            lines.push('\n');
        }
        if has_heads && number == 0 {
            let rules: Vec<String> = wide.iter().map(|wide| "-".repeat(*wide)).collect();
            lines.push_str(&rules.join(GAP));
            lines.push('\n');
        }
    }
    Some(lines)
}

/// A line as lines of `room` columns; `None` where a word is wider.
fn wrapped(line: &str, room: usize) -> Option<Vec<String>> {
    let mut lines: Vec<String> = Vec::new();
    for word in line.split(' ') {
        match lines.last_mut() {
            Some(last) if last.width() + 1 + word.width() <= room => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.iter().all(|line| line.width() <= room).then_some(lines)
}

#[cfg(test)]
mod tests {
    use super::super::to_text;
    use unicode_width::UnicodeWidthStr;

    fn text(html: &str) -> String {
        to_text(html, 60).text
    }

    #[test]
    fn data_stands_in_columns() {
        assert_eq!(
            text(
                "<p>Your order</p><table><tr><th>Item<th>Number<th>Price<tr><td>Tea</td><td>2</td><td>3.50 &euro;</td></tr>\
                  <tr><td>Lemon cake<td>10<td>12.00 &euro;</table>Thanks"
            ),
            "Your order\n\nItem        Number    Price\n----------  ------  -------\nTea              2   3.50 €\n\
             Lemon cake      10  12.00 €\n\nThanks\n"
        );
        // As word processors write it, inside a table for the layout, with a column that only makes room.
        assert_eq!(
            text(
                "<table><tr><td>Hi</td></tr><tr><td><table border=1><tr><td><p>Room</p></td><td>&nbsp;</td><td><p>A&amp;B</p></td></tr>\
                  <tr><td><p>Time<br></p></td><td></td><td><div>noon</div></td></tr></table></td></tr></table>"
            ),
            "Hi\n\nRoom  A&B\nTime  noon\n"
        );
        assert_eq!(text("<table><tr><td>日本<td>1<tr><td>a<td>22</table>"), "日本   1\na     22\n");
        assert_eq!(
            text(
                "<blockquote><table><tr><td>Name:<td>Ann<tr><td>Town:<td>Ulm<tr><td>Street:<td>Here 1</table></blockquote>"
            ),
            "> Name:    Ann\n> Town:    Ulm\n> Street:  Here 1\n"
        );
    }

    #[test]
    fn links_in_a_grid_keep_their_numbers() {
        let html =
            "<table><tr><th>What<th>Where</tr><tr><td>Plan<td><a href=http://x.example/p>here</a></table>";
        assert_eq!(text(html), "What  Where\n----  --------\nPlan  here [1]\n\n[1] http://x.example/p\n");
    }

    #[test]
    fn layout_is_no_grid() {
        let cell = "A sentence that is as long as those of a text are, and so is its neighbour.";
        for (html, lines) in [
            // One row, one column, text beside text, no number of cells that is the same.
            ("<table><tr><td>Home<td>Shop<td>Help</table>".to_owned(), 1),
            ("<table><tr><td>Hello<tr><td>Ann</table>".to_owned(), 2),
            (format!("<table><tr><td>{cell}<td>{cell}<tr><td>{cell}<td>{cell}</table>"), 4),
            ("<table><tr><td>1<td>2<tr><td>3</table>".to_owned(), 2),
            // It says so, or it holds what no cell does.
            ("<table role=presentation><tr><td>1<td>2<tr><td>3<td>4</table>".to_owned(), 2),
            ("<table><tr><td>1<td><ul><li>2</ul><tr><td>3<td>4</table>".to_owned(), 3),
            ("<table><tr><td>1<td>a<br>b<tr><td>3<td>4</table>".to_owned(), 3),
            ("<table><tr><td rowspan=2>1<td>2<tr><td>3<td>4</table>".to_owned(), 2),
            // Links and pictures below each other.
            ("<table><tr><td><a href=http://x/>a</a><td><a href=http://y/>b</a><tr><td><a href=http://x/>c</a><td>d\
              <tr><td>e<td><a href=http://z/>f</a></table>".to_owned(), 6),
            ("<table><tr><td><img alt=a><td>1<tr><td><img alt=b><td>2</table>".to_owned(), 2),
            // What stands outside of the cells would be lost.
            ("<table><caption>Prices</caption><tr><td>a<td>1<tr><td>b<td>2</table>".to_owned(), 3),
        ] {
            let shown = text(&html);
            let found = shown.lines().filter(|line| !line.is_empty()).count();
            assert!(found >= lines && !shown.contains("  "), "{html}:\n{shown}");
        }
    }

    #[test]
    fn a_bill_is_read_as_it_is_written() {
        let html = "<table><tr><th>Item</th><th>Number</th><th>Price</th></tr>\
            <tr><td><img src=x width=80>Green tea, loose, from the first harvest of the year, in a tin that closes well<br>\
            <small>No. 17</small></td><td>2</td><td>24.00</td></tr>\
            <tr><td>Cup</td><td>10</td><td>101.50</td></tr>\
            <tr><td colspan=2><b>Total</b></td><td>125.50</td></tr></table>";
        assert_eq!(
            text(html),
            "Item                                          Number   Price\n\
             --------------------------------------------  ------  ------\n\
             Green tea, loose, from the first harvest of        2   24.00\n\
             the year, in a tin that closes well\n\
             No. 17\n\
             Cup                                               10  101.50\n\
             Total                                                 125.50\n"
        );
    }

    #[test]
    fn no_grid_is_wider_than_the_screen() {
        let wide = "x".repeat(40);
        // No column can be made narrower: row by row.
        let html = format!("<table border=1><tr><td>{wide}<td>{wide}<tr><td>1<td>2</table>");
        assert!(text(&html).contains(&format!("{wide}\n")), "{}", text(&html));
        for width in [20, 30, 40, 60, 80, 200] {
            let words = "two words and more ".repeat(7);
            let html =
                format!("<ul><li><table border=1><tr><td>日本 {words}<td>1<tr><td>a<td>22</table></ul>");
            let shown = to_text(&html, width).text;
            assert!(shown.lines().all(|line| line.width() <= width), "{width}:\n{shown}");
        }
    }

    #[test]
    fn what_has_no_width_moves_no_column() {
        let html = "<table border=1><tr><td>a\u{202e}b\u{200b}<td>1<tr><td>\u{1b}[31mabc<td>2</table>";
        let shown = text(html);
        let column = |line: &str| line.find(['1', '2']);
        let found: Vec<_> = shown.lines().map(column).collect();
        assert_eq!(found, [Some(5), Some(5)], "{shown:?}");
    }

    #[test]
    fn hostile_tables_end_soon() {
        // The test runner ends what takes a minute.
        let row = format!("<tr>{}", "<td>x".repeat(10_000));
        for html in [
            format!("<table border=1>{}", row.repeat(5)),
            "<table border=1><tr><td colspan=1000000000>a<td>b<tr><td colspan=99999999999999999999999>c<td>d</table>"
                .to_owned(),
            "<table border=1><tr><td rowspan=1000000000>a<td>b<tr><td colspan=0>c<td colspan=-1>d</table>".to_owned(),
            format!("<table border=1>{}</table>", "<tr><td>a<td>b".repeat(20_000)),
            "<table border=1><tr><td>a<td>".repeat(5_000),
            "<table border=1><tr><td>a<td>b<tr><td>c<td>d</table>".repeat(10_000),
            format!("<table border=1><tr><td>{}<td>1<tr><td>2<td>3</table>", "x ".repeat(100_000)),
            format!("<table border=1><tr><td>{}<td>1<tr><td>2<td>3</table>", "x<br>".repeat(50_000)),
        ] {
            assert!(!text(&html).is_empty());
        }
    }

    #[test]
    fn no_word_is_lost() {
        let html =
            "<table border=1><tr><td>a<td>b</tr>c<tr><td>d<td style='display:none'>e</td><td>f</table>g";
        let shown = text(html);
        for word in ["a", "b", "c", "d", "f", "g"] {
            assert!(shown.contains(word), "{word}: {shown}");
        }
    }
}
