//! What a page shows (ISO 32000-1, sections 7.8 and 9.4): its texts, with spaces and lines where they move.

use super::super::{line, space};
use super::File;
use super::font::Font;
use super::object::{Dictionary, Lexer, Object, is_space};
use super::place::{Between, Place};
use super::width::Widths;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// How deep forms within forms are followed.
const DEPTH: u32 = 4;
/// Adds the text of a page.
pub(super) fn page(file: &mut File<'_>, page: &Dictionary, most: usize, out: &mut String) {
    let mut bytes = Vec::new();
    let contents = match page.get(&b"Contents"[..]) {
        Some(Object::Array(parts)) => parts.clone(),
        Some(reference) => match file.resolve(Some(reference)) {
            Some(Object::Array(parts)) => parts,
            _ => vec![reference.clone()],
        },
        None => return,
    };
    for part in contents.iter().take(1000) {
        if let Some((_, content)) = file.content(part) {
            bytes.extend_from_slice(&content);
            bytes.push(b'\n');
        }
    }
    let resources = file.inherited(page, b"Resources");
    let resources = resources.as_ref().and_then(Object::dictionary).cloned().unwrap_or_default();
    let mut place = Place::new([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    run(file, &bytes, &resources, most, 0, &mut place, out);
}

fn run(
    file: &mut File<'_>,
    bytes: &[u8],
    resources: &Dictionary,
    most: usize,
    depth: u32,
    place: &mut Place,
    out: &mut String,
) {
    let mut fonts: BTreeMap<Vec<u8>, Rc<Font>> = BTreeMap::new();
    // Pictures, which are often shown again and again.
    let mut pictures = BTreeSet::new();
    let mut font = Rc::new(Font::default());
    let mut lexer = Lexer::new(bytes, 0);
    let mut operands: Vec<Object> = Vec::new();
    while let Some(object) = if operands.is_empty() { lexer.next() } else { lexer.more() } {
        if out.len() >= most {
            return;
        }
        let Object::Word(operator) = &object else {
            operands.push(object);
            continue;
        };
        let number = |at: usize| operands.get(at).and_then(Object::number).unwrap_or(0.0);
        let matrix = || [number(0), number(1), number(2), number(3), number(4), number(5)];
        match operator.as_slice() {
            b"Tf" => {
                if let Some(Object::Name(name)) = operands.first() {
                    font = match fonts.get(name) {
                        Some(known) => Rc::clone(known),
                        None => {
                            let found = find_font(file, resources, name);
                            Rc::clone(fonts.entry(name.clone()).or_insert(found))
                        }
                    };
                }
                place.size = number(1);
            }
            b"Tj" | b"'" | b"\"" => {
                if operator != b"Tj" {
                    place.next_line();
                }
                if let Some(Object::Text(text)) = operands.last() {
                    show(&font, text, place, out);
                }
            }
            b"TJ" => {
                if let Some(Object::Array(parts)) = operands.last() {
                    for part in parts {
                        match part {
                            Object::Text(text) => show(&font, text, place, out),
                            Object::Number(gap) => place.adjust(*gap),
                            _ => {}
                        }
                    }
                }
            }
            b"q" => place.save(),
            b"Q" => place.restore(),
            b"cm" => place.transform(&matrix()),
            b"BT" => place.begin(),
            b"Tm" => place.set(matrix()),
            b"Td" => place.go(number(0), number(1)),
            b"TD" => {
                place.leading = -number(1);
                place.go(number(0), number(1));
            }
            b"T*" => place.next_line(),
            b"TL" => place.leading = number(0),
            b"Tc" => place.spacing = number(0),
            b"Tw" => place.word_spacing = number(0),
            b"Tz" => place.scale = number(0) / 100.0,
            b"Do" if depth < DEPTH => {
                if let Some(Object::Name(name)) = operands.first()
                    && !pictures.contains(name)
                    && !form(file, resources, name, most, depth, place, out)
                {
                    pictures.insert(name.clone());
                }
            }
            // The octets of a picture are no operators.
            b"ID" => lexer.at = picture_end(bytes, lexer.at),
            _ => {}
        }
        operands.clear();
    }
}

fn show(font: &Font, text: &[u8], place: &mut Place, out: &mut String) {
    if text.is_empty() {
        return;
    }
    match place.between() {
        Between::Nothing => {}
        Between::Space => space(out),
        Between::Line => line(out),
    }
    let (width, glyphs, spaces) = font.read(text, out);
    place.shown(width, glyphs, spaces);
}

/// The font of that name. What was read of one serves all pages.
fn find_font(file: &mut File<'_>, resources: &Dictionary, name: &[u8]) -> Rc<Font> {
    let reference = file.resource(resources, b"Font", name);
    let known = match reference {
        Some(Object::Reference(number)) => Some(number),
        _ => None,
    };
    if let Some(font) = known.and_then(|number| file.fonts.get(&number)) {
        return Rc::clone(font);
    }
    let Some(Object::Dictionary(font)) = file.resolve(reference.as_ref()) else { return Rc::default() };
    let encoding = file.member(&font, b"Encoding");
    let map = font.get(&b"ToUnicode"[..]).cloned().and_then(|map| file.content(&map));
    let map = map.as_ref().map(|(_, bytes)| bytes.as_slice());
    let widths = widths(file, &font);
    let font = Rc::new(Font::new(&font, encoding.as_ref(), map, widths, &mut file.codes));
    if let Some(number) = known {
        file.fonts.insert(number, Rc::clone(&font));
    }
    font
}

fn widths(file: &File<'_>, font: &Dictionary) -> Widths {
    let number = |object: Option<&Object>| object.and_then(Object::number);
    if let Some(Object::Array(made_of)) = file.member(font, b"DescendantFonts") {
        let Some(Object::Dictionary(font)) = file.resolve(made_of.first()) else { return Widths::default() };
        return Widths::composite(&font, file.member(&font, b"W").as_ref());
    }
    let Some(widths) = file.member(font, b"Widths") else { return Widths::default() };
    let first = file.member(font, b"FirstChar").and_then(|first| first.count()).unwrap_or(0);
    // Of a font whose glyphs are drawings, it says itself how large they are.
    let unit = match file.member(font, b"FontMatrix") {
        Some(Object::Array(matrix)) => number(matrix.first()).unwrap_or(0.001),
        _ => 0.001,
    };
    Widths::simple(&widths, first, unit)
}

/// Reads a form; false when it is none.
fn form(
    file: &mut File<'_>,
    resources: &Dictionary,
    name: &[u8],
    most: usize,
    depth: u32,
    place: &mut Place,
    out: &mut String,
) -> bool {
    let Some(Object::Reference(number)) = file.resource(resources, b"XObject", name) else { return false };
    let is_form = file.get(number).is_some_and(|(object, _)| {
        let subtype = object.dictionary().and_then(|form| form.get(&b"Subtype"[..])).and_then(Object::name);
        subtype == Some(b"Form")
    });
    if !is_form {
        return false;
    }
    let Some((form, bytes)) = file.content(&Object::Reference(number)) else { return false };
    let own = file.member(&form, b"Resources");
    let own = own.as_ref().and_then(Object::dictionary).unwrap_or(resources);
    let mut within = place.within();
    if let Some(Object::Array(matrix)) = file.member(&form, b"Matrix") {
        let number = |at: usize| matrix.get(at).and_then(Object::number).unwrap_or(0.0);
        within.transform(&[number(0), number(1), number(2), number(3), number(4), number(5)]);
    }
    run(file, &bytes, own, most, depth + 1, &mut within, out);
    place.after(&within);
    true
}

/// Where a picture within the content ends: after an `EI` that stands by itself.
fn picture_end(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let stands = |at: usize| {
        let after = rest.get(at + 2).is_none_or(|byte| is_space(*byte));
        after && at.checked_sub(1).and_then(|before| rest.get(before)).is_some_and(|byte| is_space(*byte))
    };
    let end = memchr::memmem::find_iter(rest, b"EI").find(|at| stands(*at));
    from + end.map_or(rest.len(), |at| at + 2)
}
