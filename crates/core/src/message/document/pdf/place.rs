//! Where on the page text is (ISO 32000-1, sections 8.3 and 9.4): whether what comes next goes on the same word,
//! begins another one, or is on another line.

/// `[a b c d e f]` of section 8.3.3.
pub(super) type Matrix = [f64; 6];

const UNIT: Matrix = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0];
/// Graphics states that are kept.
const STATES: usize = 64;
/// A gap that is wider than this, in parts of the font's size, is a space.
const SPACE: f64 = 0.17;
/// Text that is so much higher or lower is on another line: more than an index or an exponent.
const LINE: f64 = 0.6;

/// What is between two texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Between {
    Nothing,
    Space,
    Line,
}

/// Where the next text goes, and where the last one ended.
#[derive(Clone, Debug)]
pub(super) struct Place {
    page: Matrix,
    states: Vec<Matrix>,
    text: Matrix,
    line: Matrix,
    pub(super) size: f64,
    pub(super) leading: f64,
    /// Added to each glyph, and to each space.
    pub(super) spacing: f64,
    pub(super) word_spacing: f64,
    /// The horizontal scale; 1 is none.
    pub(super) scale: f64,
    last: Option<Last>,
    /// Whether more than a number of `TJ` came since the last text.
    moved: bool,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    x: f64,
    y: f64,
    /// How high the text is there.
    height: f64,
    /// Whether all widths were known, so that it ends there indeed.
    is_exact: bool,
}

impl Place {
    pub(super) fn new(page: Matrix) -> Self {
        Self {
            page,
            states: Vec::new(),
            text: UNIT,
            line: UNIT,
            size: 1.0,
            leading: 0.0,
            spacing: 0.0,
            word_spacing: 0.0,
            scale: 1.0,
            last: None,
            moved: true,
        }
    }

    /// Where a form within the page begins.
    pub(super) fn within(&self) -> Self {
        Self { last: self.last, ..Self::new(self.page) }
    }

    /// `q`
    pub(super) fn save(&mut self) {
        if self.states.len() < STATES {
            self.states.push(self.page);
        }
    }

    /// `Q`
    pub(super) fn restore(&mut self) {
        self.page = self.states.pop().unwrap_or(self.page);
    }

    /// `cm`
    pub(super) fn transform(&mut self, by: &Matrix) {
        self.page = product(by, &self.page);
    }

    /// `BT`
    pub(super) fn begin(&mut self) {
        self.set(UNIT);
    }

    /// `Tm`
    pub(super) fn set(&mut self, to: Matrix) {
        self.text = to;
        self.line = to;
        self.moved = true;
    }

    /// `Td`
    pub(super) fn go(&mut self, x: f64, y: f64) {
        self.set(product(&[1.0, 0.0, 0.0, 1.0, x, y], &self.line));
    }

    /// `T*`
    pub(super) fn next_line(&mut self) {
        self.go(0.0, -self.leading);
    }

    /// Goes on by a number of `TJ`.
    pub(super) fn adjust(&mut self, thousandths: f64) {
        self.forward(-thousandths / 1000.0 * self.size * self.scale);
    }

    /// What is between the last text and one that would begin here.
    pub(super) fn between(&self) -> Between {
        let Some(last) = self.last else { return Between::Line };
        let now = product(&self.text, &self.page);
        let [a, b, c, d, x, y] = now;
        let (width, height) = (a.hypot(b), c.hypot(d) * self.size.abs());
        if width == 0.0 || height == 0.0 || !x.is_finite() || !y.is_finite() {
            return Between::Space;
        }
        // Along the line of text, and across it.
        let (x, y) = (x - last.x, y - last.y);
        let (along, across) = ((x * a + y * b) / width, (x * b - y * a) / width);
        if across.abs() > LINE * height.min(last.height) {
            return Between::Line;
        }
        // After a move from where nobody knows, it is another word.
        let gap = along / height.max(last.height);
        let is_word = (self.moved && !last.is_exact) || !(-1.0..=SPACE).contains(&gap);
        if is_word { Between::Space } else { Between::Nothing }
    }

    /// Goes on by so many glyphs of that width together; `None` is one that is not known.
    pub(super) fn shown(&mut self, width: Option<f64>, glyphs: f64, spaces: f64) {
        let more = self.spacing * glyphs + self.word_spacing * spaces;
        self.forward((width.unwrap_or(0.5 * glyphs) * self.size + more) * self.scale);
        let [_, _, c, d, x, y] = product(&self.text, &self.page);
        self.last = Some(Last { x, y, height: c.hypot(d) * self.size.abs(), is_exact: width.is_some() });
        self.moved = false;
    }

    /// Takes over where a form within the page ended.
    pub(super) fn after(&mut self, form: &Self) {
        self.last = form.last;
    }

    fn forward(&mut self, x: f64) {
        self.text = product(&[1.0, 0.0, 0.0, 1.0, x, 0.0], &self.text);
    }
}

/// The first, then the second.
fn product(first: &Matrix, second: &Matrix) -> Matrix {
    let [a, b, c, d, e, f] = *first;
    let [g, h, i, j, k, l] = *second;
    [a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + l]
}
