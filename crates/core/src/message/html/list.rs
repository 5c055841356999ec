//! How the items of a list are numbered.

use super::{Attributes, Kind};
use html2text::render::{PlainDecorator, TextDecorator};

/// Numbers further from zero than this are counted from here.
const MAX_NUMBER: i64 = 99_999;
/// What parts the numbers of one kind of marks from those of the next, for the layout: it counts numbers only.
const APART: i64 = 10_000_000;

/// What counts the items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marks {
    Decimal,
    LowerAlpha,
    UpperAlpha,
    LowerRoman,
    UpperRoman,
}

const ALL: [Marks; 5] =
    [Marks::Decimal, Marks::LowerAlpha, Marks::UpperAlpha, Marks::LowerRoman, Marks::UpperRoman];

impl Marks {
    /// What `type` of a list says, or its style.
    pub(super) fn of(attributes: &Attributes<'_>) -> Self {
        let style = attributes.style();
        let styles = style
            .split(';')
            .filter_map(|d| d.strip_prefix("list-style-type:").or(d.strip_prefix("list-style:")));
        let mut styled = styles.filter_map(|value| match value {
            "lower-alpha" | "lower-latin" => Some(Self::LowerAlpha),
            "upper-alpha" | "upper-latin" => Some(Self::UpperAlpha),
            "lower-roman" => Some(Self::LowerRoman),
            "upper-roman" => Some(Self::UpperRoman),
            "decimal" => Some(Self::Decimal),
            _ => None,
        });
        let named = attributes.get("type").unwrap_or_default();
        styled.next_back().unwrap_or(match named.trim() {
            "a" => Self::LowerAlpha,
            "A" => Self::UpperAlpha,
            "i" => Self::LowerRoman,
            "I" => Self::UpperRoman,
            _ => Self::Decimal,
        })
    }

    /// The `type` of HTML.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Decimal => "1",
            Self::LowerAlpha => "a",
            Self::UpperAlpha => "A",
            Self::LowerRoman => "i",
            Self::UpperRoman => "I",
        }
    }

    /// A number of the layout that says with which marks it is written.
    pub(super) fn coded(self, number: i64) -> i64 {
        let at = ALL.iter().position(|marks| *marks == self).and_then(|at| i64::try_from(at).ok());
        at.unwrap_or(0) * APART + number
    }

    fn decoded(coded: i64) -> (Self, i64) {
        let at = (coded + APART / 2).div_euclid(APART);
        let marks = usize::try_from(at).ok().and_then(|at| ALL.get(at));
        (marks.copied().unwrap_or(Self::Decimal), coded - at * APART)
    }

    fn write(self, number: i64) -> String {
        let written = match self {
            Self::Decimal => None,
            Self::LowerAlpha | Self::UpperAlpha => letters(number),
            Self::LowerRoman | Self::UpperRoman => roman(number),
        };
        match (written, self) {
            (Some(text), Self::UpperAlpha | Self::UpperRoman) => text.to_ascii_uppercase(),
            (Some(text), _) => text,
            (None, _) => number.to_string(),
        }
    }
}

/// What a tag of a list, or of an item, says of its numbers.
pub(super) fn numbers(attributes: &Attributes<'_>, kind: Kind) -> String {
    let number =
        |name: &str| number(attributes, name).map(|n| format!(" {name}=\"{n}\"")).unwrap_or_default();
    match (kind, Marks::of(attributes)) {
        (Kind::Block("ol"), Marks::Decimal) => number("start"),
        (Kind::Block("ol"), marks) => format!("{} type=\"{}\"", number("start"), marks.as_str()),
        (Kind::Block("li"), _) => number("value"),
        _ => String::new(),
    }
}

/// A number an attribute gives, as a browser reads it.
pub(super) fn number(attributes: &Attributes<'_>, name: &str) -> Option<i64> {
    let value = attributes.get(name)?;
    let value = value.trim().trim_end_matches('.');
    value.parse::<i64>().ok().map(|number| number.clamp(-MAX_NUMBER, MAX_NUMBER))
}

/// `a` to `z`, then `aa`.
fn letters(mut number: i64) -> Option<String> {
    let mut letters = Vec::new();
    while number > 0 {
        letters.push(b'a' + u8::try_from((number - 1) % 26).ok()?);
        number = (number - 1) / 26;
    }
    letters.reverse();
    String::from_utf8(letters).ok().filter(|letters| !letters.is_empty())
}

fn roman(mut number: i64) -> Option<String> {
    if !(1..4000).contains(&number) {
        return None;
    }
    let mut out = String::new();
    for (value, digits) in [
        (1000, "m"),
        (900, "cm"),
        (500, "d"),
        (400, "cd"),
        (100, "c"),
        (90, "xc"),
        (50, "l"),
        (40, "xl"),
        (10, "x"),
        (9, "ix"),
        (5, "v"),
        (4, "iv"),
        (1, "i"),
    ] {
        while number >= value {
            out.push_str(digits);
            number -= value;
        }
    }
    Some(out)
}

/// The plain layout, with the marks of lists.
#[derive(Clone, Debug)]
pub(super) struct Decorator(PlainDecorator);

impl Decorator {
    pub(super) fn new() -> Self {
        Self(PlainDecorator::new())
    }
}

impl TextDecorator for Decorator {
    type Annotation = ();

    fn decorate_link_start(&mut self, url: &str) -> (String, ()) {
        self.0.decorate_link_start(url)
    }

    fn decorate_link_end(&mut self) -> String {
        self.0.decorate_link_end()
    }

    fn decorate_em_start(&self) -> (String, ()) {
        self.0.decorate_em_start()
    }

    fn decorate_em_end(&self) -> String {
        self.0.decorate_em_end()
    }

    fn decorate_strong_start(&self) -> (String, ()) {
        self.0.decorate_strong_start()
    }

    fn decorate_strong_end(&self) -> String {
        self.0.decorate_strong_end()
    }

    fn decorate_strikeout_start(&self) -> (String, ()) {
        self.0.decorate_strikeout_start()
    }

    fn decorate_strikeout_end(&self) -> String {
        self.0.decorate_strikeout_end()
    }

    fn decorate_code_start(&self) -> (String, ()) {
        self.0.decorate_code_start()
    }

    fn decorate_code_end(&self) -> String {
        self.0.decorate_code_end()
    }

    fn decorate_preformat_first(&self) {}

    fn decorate_preformat_cont(&self) {}

    fn decorate_image(&mut self, src: &str, title: &str) -> (String, ()) {
        self.0.decorate_image(src, title)
    }

    fn header_prefix(&self, level: usize) -> String {
        self.0.header_prefix(level)
    }

    fn quote_prefix(&self) -> String {
        self.0.quote_prefix()
    }

    fn unordered_item_prefix(&self) -> String {
        self.0.unordered_item_prefix()
    }

    fn ordered_item_prefix(&self, coded: i64) -> String {
        let (marks, number) = Marks::decoded(coded);
        format!("{}. ", marks.write(number))
    }

    fn make_subblock_decorator(&self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{sanitise, to_text};
    use super::*;

    fn text(html: &str) -> String {
        to_text(html, 72).text
    }

    #[test]
    fn items_have_the_numbers_of_the_document() {
        assert_eq!(text("<ol start=5><li>a<li>b<li value=9>c<li>d</ol>"), "5. a\n6. b\n9.  c\n10. d\n");
        assert_eq!(
            text("<ol type=a><li>x<li>y</ol><ol type=I start=3><li>x<li>y</ol>"),
            "a. x\nb. y\nIII. x\nIV.  y\n"
        );
        assert_eq!(
            text("<ol style='list-style-type: upper-alpha'><li>x<li value=28>y</ol>"),
            "A. x\nAB. y\n"
        );
        assert_eq!(text("<ol start=-1><li>x<li>y</ol>"), "-1. x\n0.  y\n");
        assert_eq!(text("<ul><li value=9>x</ul>"), "* x\n");
        assert_eq!(text("<ol start=99999999999999999999 type=i><li>x</ol>"), "i. x\n");
        assert_eq!(text("<ol type=i start=5000><li>x</ol>"), "5000. x\n");
    }

    #[test]
    fn the_sanitised_document_keeps_the_numbers() {
        assert_eq!(
            sanitise("<ol start=5 type='i\" onload=x'><li>a<li value=9>b</ol>").0,
            "<ol start=\"5\"><li>a</li><li value=\"9\">b</li></ol>"
        );
        assert_eq!(sanitise("<ol type=A><li>a</ol>").0, "<ol type=\"A\"><li>a</li></ol>");
    }

    #[test]
    fn numbers_are_written_in_letters() {
        let of = |marks: Marks, number| marks.write(number);
        assert_eq!(of(Marks::LowerAlpha, 26) + &of(Marks::UpperAlpha, 27), "zAA");
        assert_eq!(of(Marks::UpperRoman, 1994), "MCMXCIV");
        for marks in ALL {
            for number in [-MAX_NUMBER, -1, 0, 1, MAX_NUMBER, 1_000_000] {
                assert_eq!(Marks::decoded(marks.coded(number)), (marks, number));
            }
        }
    }
}
