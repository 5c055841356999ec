//! The XML that tells a message's parts.

/// A part that is no multipart.
#[derive(Debug, PartialEq)]
pub(super) struct Leaf {
    /// The section path of IMAP.
    pub(super) number: String,
    pub(super) kind: String,
    /// Where the header gives it in plain words.
    pub(super) filename: Option<String>,
    /// The file that has the decoded body.
    pub(super) body: Option<String>,
}

/// A message or a part of one.
#[derive(Debug, Default)]
struct Entity {
    fields: Vec<String>,
    /// Parts inside; of an attached message the message.
    children: Vec<Entity>,
    is_message: bool,
    is_multipart: bool,
    body: Option<String>,
}

/// Every part of the message that is no multipart, in order.
pub(super) fn leaves(xml: &str) -> Vec<Leaf> {
    let mut open = vec![Entity::default()];
    let mut pieces = xml.split('<');
    pieces.next();
    for piece in pieces {
        let (tag, text) = piece.split_once('>').unwrap_or((piece, ""));
        let Some(entity) = open.last_mut() else { break };
        match tag {
            "message" | "body-part" => {
                open.push(Entity { is_message: tag == "message", ..Entity::default() });
            }
            "/message" | "/body-part" => {
                if let Some(done) = open.pop()
                    && let Some(around) = open.last_mut()
                {
                    around.children.push(done);
                }
            }
            "multipart" => entity.is_multipart = true,
            "field" => entity.fields.push(unescaped(text)),
            _ if tag.starts_with("text-body") || tag.starts_with("binary-body") => {
                entity.body = tag.split('"').nth(1).map(str::to_owned);
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    for message in open.iter().flat_map(|root| &root.children) {
        of(message, "", false, &mut found);
    }
    found
}

/// Numbers an entity: a message by the number of the part that holds it, a part by its own.
fn of(entity: &Entity, number: &str, in_digest: bool, found: &mut Vec<Leaf>) {
    let kind = entity.kind(in_digest);
    if entity.is_multipart {
        for (at, child) in entity.children.iter().enumerate() {
            of(child, &join(number, at + 1), kind == "multipart/digest", found);
        }
        return;
    }
    let number = if entity.is_message { join(number, 1) } else { number.to_owned() };
    found.push(Leaf { number: number.clone(), kind, filename: entity.filename(), body: entity.body.clone() });
    for child in &entity.children {
        of(child, &number, false, found);
    }
}

impl Entity {
    fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find_map(|field| {
            let (found, value) = field.trim_start().split_once(':')?;
            found.trim_end().eq_ignore_ascii_case(name).then_some(value)
        })
    }

    fn kind(&self, in_digest: bool) -> String {
        let value = self.field("Content-Type").unwrap_or_default();
        let value = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match value.as_str() {
            "" if in_digest => "message/rfc822".to_owned(),
            // RFC 2045, section 5.2.
            kind if !kind.contains('/') => "text/plain".to_owned(),
            _ => value,
        }
    }

    fn filename(&self) -> Option<String> {
        let plain = |field: &str, name: &str| {
            let value = self.field(field)?;
            let start = format!("{name}=\"");
            let (before, rest) = value.split_once(start.as_str())?;
            let fits = before.ends_with([' ', ';', '\t', '\n']);
            let (name, _) = rest.split_once('"')?;
            (fits && name.is_ascii() && !name.contains(['\\', '\n', '?']) && !name.is_empty())
                .then(|| name.to_owned())
        };
        plain("Content-Disposition", "filename").or_else(|| match self.field("Content-Disposition") {
            Some(value) if value.contains("filename") => None,
            _ => plain("Content-Type", "name"),
        })
    }
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

fn join(prefix: &str, number: usize) -> String {
    if prefix.is_empty() { number.to_string() } else { format!("{prefix}.{number}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_numbered_as_imap_does() {
        let xml = "<message><header><field>\nContent-Type: multipart/mixed</field></header><multipart>\
            <body-part><header></header><text-body name=\"a.txt\"/></body-part>\
            <body-part><header><field>\nContent-Type: message/rfc822</field></header>\
            <message><header><field>\nContent-Type: TEXT/HTML; name=\"x.html\"</field></header>\
            <text-body name=\"b.txt\"/></message></body-part></multipart></message>";
        let found: Vec<_> = leaves(xml).into_iter().map(|l| (l.number, l.kind, l.filename)).collect();
        assert_eq!(
            found,
            [
                ("1".to_owned(), "text/plain".to_owned(), None),
                ("2".to_owned(), "message/rfc822".to_owned(), None),
                ("2.1".to_owned(), "text/html".to_owned(), Some("x.html".to_owned())),
            ]
        );
    }
}
