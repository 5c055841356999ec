//! Outlook's own container (`winmail.dat`, [MS-OXTNEF]), opened as far as it goes.

use super::{charset, rtf};

/// `application/ms-tnef` and what programs call it.
pub(super) const KINDS: [&str; 2] = ["application/ms-tnef", "application/vnd.ms-tnef"];

const SIGNATURE: u32 = 0x223e_9f78;
/// The most parts taken out of one container, embedded ones included.
const MAX_PARTS: usize = 500;
/// The most properties of one list that are looked at.
const MAX_PROPERTIES: u32 = 5000;
/// The deepest embedding that is followed.
const MAX_DEPTH: usize = 4;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Tnef {
    pub(super) subject: String,
    pub(super) parts: Vec<TnefPart>,
    /// Set when the container ends early or cannot be followed.
    pub(super) is_damaged: bool,
}

/// A body or a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TnefPart {
    pub(super) kind: String,
    pub(super) filename: Option<String>,
    pub(super) content_id: Option<String>,
    pub(super) bytes: Vec<u8>,
    /// A form of the message's text, in UTF-8 unless it is rich text.
    pub(super) is_body: bool,
}

/// Whether a part is one: by its type, or by its name where the type says nothing.
pub(super) fn is_tnef(kind: &str, filename: Option<&str>) -> bool {
    KINDS.contains(&kind)
        || kind == "application/octet-stream"
            && filename.is_some_and(|name| name.eq_ignore_ascii_case("winmail.dat"))
}

impl Tnef {
    /// Opens a container; `None` when it is none.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut found = Self::default();
        found.open(bytes, 0).then_some(found)
    }

    fn open(&mut self, bytes: &[u8], depth: usize) -> bool {
        let mut input = Input(bytes);
        if input.u32() != Some(SIGNATURE) || input.u16().is_none() {
            return false;
        }
        let mut page = 1252;
        let mut file: Option<TnefPart> = None;
        while !input.0.is_empty() {
            let Some((id, data, is_whole)) = attribute(&mut input) else {
                self.is_damaged = true;
                break;
            };
            self.is_damaged |= !is_whole;
            match id {
                0x9007 => page = Input(data).u32().unwrap_or(page),
                0x8004 if depth == 0 => self.subject = text(data, page),
                0x800c => self.body("text/plain", text(data, page).into_bytes()),
                0x9003 => self.properties(data, page, None, depth),
                0x9002 => {
                    self.keep(file.take());
                    file = Some(TnefPart::default());
                }
                0x8010 => file.get_or_insert_default().filename = Some(text(data, page)),
                0x800f => file.get_or_insert_default().bytes = data.to_vec(),
                0x9005 => {
                    let mut part = file.take().unwrap_or_default();
                    self.properties(data, page, Some(&mut part), depth);
                    file = Some(part);
                }
                _ => {}
            }
        }
        self.keep(file);
        true
    }

    /// Keeps a finished file, unless it was opened into its parts.
    fn keep(&mut self, file: Option<TnefPart>) {
        let is_file = |file: &TnefPart| !file.bytes.is_empty() || file.filename.is_some();
        let Some(mut file) = file.filter(is_file) else { return };
        if self.parts.len() >= MAX_PARTS {
            self.is_damaged = true;
            return;
        }
        if !file.kind.contains('/') {
            "application/octet-stream".clone_into(&mut file.kind);
        }
        self.parts.push(file);
    }

    fn body(&mut self, kind: &str, bytes: Vec<u8>) {
        let is_known = self.parts.iter().any(|part| part.is_body && part.kind == kind);
        if !is_known && !bytes.is_empty() {
            let part = TnefPart { kind: kind.to_owned(), bytes, is_body: true, ..TnefPart::default() };
            self.parts.push(part);
        }
    }

    /// Reads a list of MAPI properties: of the message, or of `file`. What was read before damage is kept.
    fn properties(&mut self, data: &[u8], page: u32, file: Option<&mut TnefPart>, depth: usize) {
        let mut input = Input(data);
        let count = input.u32().unwrap_or(0).min(MAX_PROPERTIES);
        let mut list = Vec::new();
        for _ in 0..count {
            match property(&mut input) {
                Some(property) => list.push(property),
                None => {
                    self.is_damaged = true;
                    break;
                }
            }
        }
        let find = |id: u16| list.iter().find(|property| property.id == id);
        match file {
            Some(file) => {
                let name = [0x3707, 0x3704].into_iter().find_map(find).map(|p| p.text(page));
                file.filename = name.filter(|name| !name.is_empty()).or_else(|| file.filename.take());
                file.content_id = find(0x3712).map(|p| p.text(page)).filter(|id| !id.is_empty());
                if let Some(kind) = find(0x370e) {
                    file.kind = kind.text(page).to_ascii_lowercase();
                }
                if let Some(found) = find(0x3701) {
                    self.file_data(found, file, depth);
                }
            }
            None => self.bodies(&list, page),
        }
    }

    /// The octets of a file, or what an embedded message holds.
    fn file_data(&mut self, found: &Property<'_>, file: &mut TnefPart, depth: usize) {
        // An object begins with the identifier of its interface.
        let bytes = if found.kind == 0x0d { found.value.get(16..).unwrap_or_default() } else { found.value };
        let is_embedded = found.kind == 0x0d && depth < MAX_DEPTH && self.parts.len() < MAX_PARTS;
        if is_embedded && self.open(bytes, depth + 1) {
            *file = TnefPart::default();
        } else {
            file.bytes = bytes.to_vec();
        }
    }

    fn bodies(&mut self, list: &[Property<'_>], page: u32) {
        for property in list {
            match property.id {
                0x1000 => self.body("text/plain", property.text(page).into_bytes()),
                0x1013 if property.kind == 0x102 => {
                    let page = list.iter().find(|p| p.id == 0x3fde).and_then(|p| Input(p.value).u32());
                    let label = page.map(charset_of).unwrap_or_else(|| "utf-8".to_owned());
                    let html = charset::decode(property.value, Some(&label)).0.into_owned();
                    self.body("text/html", html.into_bytes());
                }
                0x1013 => self.body("text/html", property.text(page).into_bytes()),
                0x1009 => match rtf::decompress(property.value) {
                    Some(text) => self.body("text/rtf", text),
                    None => self.is_damaged = true,
                },
                _ => {}
            }
        }
    }
}

/// `level, id, length, data, checksum`: the id without its type, the data, and whether all of it is there.
fn attribute<'a>(input: &mut Input<'a>) -> Option<(u16, &'a [u8], bool)> {
    input.take(1)?;
    let id = input.u16()?;
    input.u16()?;
    let length = usize::try_from(input.u32()?).ok()?;
    let data = input.take(length.min(input.0.len()))?;
    let is_whole = data.len() == length && input.u16().is_some();
    if !is_whole {
        input.0 = &[];
    }
    Some((id, data, is_whole))
}

/// A MAPI property with its first value.
struct Property<'a> {
    id: u16,
    kind: u16,
    value: &'a [u8],
}

impl Property<'_> {
    fn text(&self, page: u32) -> String {
        match self.kind {
            0x1f => charset::decode(self.value, Some("utf-16le")).0.trim_end_matches('\0').to_owned(),
            _ => text(self.value, page),
        }
    }
}

fn property<'a>(input: &mut Input<'a>) -> Option<Property<'a>> {
    let kind = input.u16()?;
    let id = input.u16()?;
    if id >= 0x8000 {
        // A named property: the set, and a number or a name.
        input.take(16)?;
        if input.u32()? == 0 {
            input.u32()?;
        } else {
            input.counted()?;
        }
    }
    let (is_many, kind) = (kind & 0x1000 != 0, kind & !0x1000);
    let size = match kind {
        0x02 | 0x03 | 0x04 | 0x0a | 0x0b => Some(4),
        0x05..=0x07 | 0x14 | 0x40 => Some(8),
        0x48 => Some(16),
        0x00 | 0x01 => Some(0),
        0x0d | 0x1e | 0x1f | 0x102 => None,
        _ => return None,
    };
    let count = if is_many || size.is_none() { input.u32()? } else { 1 };
    let mut first = None;
    for _ in 0..count {
        let value = match size {
            Some(0) => &[],
            // Two octets of several are packed closer.
            Some(4) if is_many && kind == 0x02 => input.take(2)?,
            Some(size) => input.take(size)?,
            None => input.counted()?,
        };
        first.get_or_insert(value);
        if value.is_empty() && size == Some(0) {
            break;
        }
    }
    if is_many && kind == 0x02 && count % 2 == 1 {
        input.take(2)?;
    }
    Some(Property { id, kind, value: first.unwrap_or_default() })
}

/// Text in a code page, without the NUL at its end.
fn text(bytes: &[u8], page: u32) -> String {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    let bytes = bytes.get(..end).unwrap_or_default();
    charset::decode(bytes, Some(&charset_of(page))).0.into_owned()
}

/// The charset a code page number of Windows means.
pub(super) fn charset_of(page: u32) -> String {
    match page {
        65001 => "utf-8".to_owned(),
        932 => "shift_jis".to_owned(),
        936 => "gbk".to_owned(),
        949 => "euc-kr".to_owned(),
        950 => "big5".to_owned(),
        20127 => "us-ascii".to_owned(),
        20866 => "koi8-r".to_owned(),
        21866 => "koi8-u".to_owned(),
        28591..=28606 => format!("iso-8859-{}", page - 28590),
        50220..=50222 => "iso-2022-jp".to_owned(),
        51932 => "euc-jp".to_owned(),
        51949 => "euc-kr".to_owned(),
        54936 => "gb18030".to_owned(),
        _ => format!("windows-{page}"),
    }
}

/// Little-endian input.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    /// A length and so many octets, filled up to a multiple of four.
    fn counted(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.u32()?).ok()?;
        let value = self.take(length)?;
        let padding = length.wrapping_neg() % 4;
        self.take(padding.min(self.0.len()))?;
        Some(value)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn attribute(level: u8, id: u16, data: &[u8]) -> Vec<u8> {
        let length = u32::try_from(data.len()).unwrap();
        let head = [&[level][..], &id.to_le_bytes(), &[6, 0], &length.to_le_bytes()].concat();
        [&head, data, &[0, 0]].concat()
    }

    fn properties(list: &[(u16, u16, &[u8])]) -> Vec<u8> {
        let mut out = u32::try_from(list.len()).unwrap().to_le_bytes().to_vec();
        for (kind, id, value) in list {
            out.extend(kind.to_le_bytes());
            out.extend(id.to_le_bytes());
            out.extend(1_u32.to_le_bytes());
            out.extend(u32::try_from(value.len()).unwrap().to_le_bytes());
            out.extend_from_slice(value);
            out.resize(out.len() + value.len().wrapping_neg() % 4, 0);
        }
        out
    }

    /// A container with a text, a file with a name in UTF-16, and one that only has the old name.
    pub(in crate::message) fn sample() -> Vec<u8> {
        let wide: Vec<u8> = "grün.txt\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
        [
            SIGNATURE.to_le_bytes().to_vec(),
            vec![1, 0],
            attribute(1, 0x9007, &1252_u32.to_le_bytes()),
            attribute(1, 0x8004, b"Plans\0"),
            attribute(1, 0x9003, &properties(&[(0x1e, 0x1000, b"Gr\xfc\xdfe\0")])),
            attribute(2, 0x9002, &[0; 14]),
            attribute(2, 0x8010, b"GRN~1.TXT\0"),
            attribute(2, 0x800f, b"one"),
            attribute(2, 0x9005, &properties(&[(0x1f, 0x3707, &wide), (0x1e, 0x370e, b"Text/X-Note\0")])),
            attribute(2, 0x9002, &[0; 14]),
            attribute(2, 0x8010, b"b.bin\0"),
            attribute(2, 0x800f, b"two"),
        ]
        .concat()
    }

    #[test]
    fn the_body_and_the_files_are_taken_out() {
        let found = Tnef::read(&sample()).unwrap();
        assert_eq!((found.subject.as_str(), found.is_damaged), ("Plans", false));
        let parts: Vec<_> = found
            .parts
            .iter()
            .map(|p| (p.kind.as_str(), p.filename.as_deref().unwrap_or("-"), p.bytes.as_slice(), p.is_body))
            .collect();
        assert_eq!(
            parts,
            [
                ("text/plain", "-", "Grüße".as_bytes(), true),
                ("text/x-note", "grün.txt", &b"one"[..], false),
                ("application/octet-stream", "b.bin", &b"two"[..], false),
            ]
        );
    }

    #[test]
    fn a_file_without_octets_is_one() {
        let bytes = [
            SIGNATURE.to_le_bytes().to_vec(),
            vec![1, 0],
            attribute(2, 0x9002, &[0; 14]),
            attribute(2, 0x8010, b"empty.txt\0"),
        ]
        .concat();
        assert_eq!(Tnef::read(&bytes).unwrap().parts.len(), 1);
    }

    #[test]
    fn an_embedded_message_gives_its_files_too() {
        let object = [&[0; 16][..], &sample()].concat();
        let outer = [
            SIGNATURE.to_le_bytes().to_vec(),
            vec![1, 0],
            attribute(2, 0x9002, &[0; 14]),
            attribute(2, 0x9005, &properties(&[(0x0d, 0x3701, &object)])),
        ]
        .concat();
        let found = Tnef::read(&outer).unwrap();
        assert_eq!(found.parts.len(), 3);
    }

    #[test]
    fn what_is_broken_keeps_what_came_before() {
        assert!(Tnef::read(b"no container").is_none());
        let whole = sample();
        for end in 6..whole.len() {
            let found = Tnef::read(&whole[..end]).unwrap();
            assert!(found.parts.len() <= 3);
        }
        let found = Tnef::read(&whole[..whole.len() - 1]).unwrap();
        assert_eq!((found.is_damaged, found.parts.len()), (true, 3));
        let found = Tnef::read(&whole[..whole.len() - 3]).unwrap();
        assert_eq!((found.is_damaged, found.parts[2].bytes.as_slice()), (true, &b"tw"[..]));
    }

    #[test]
    fn numbers_that_lie_cost_nothing() {
        let many = [&u32::MAX.to_le_bytes()[..], &[0x1f, 0x10, 0, 0x37], &u32::MAX.to_le_bytes()].concat();
        let bytes = [SIGNATURE.to_le_bytes().to_vec(), vec![1, 0], attribute(1, 0x9003, &many)].concat();
        assert!(Tnef::read(&bytes).unwrap().is_damaged);
        let nested = (0..2000).fold(sample(), |inner, _| {
            let object = [&[0; 16][..], &inner[..inner.len().min(4000)]].concat();
            [
                SIGNATURE.to_le_bytes().to_vec(),
                vec![1, 0],
                attribute(2, 0x9005, &properties(&[(0x0d, 0x3701, &object)])),
            ]
            .concat()
        });
        assert!(Tnef::read(&nested).is_some());
    }
}
