//! The parts of a message, and which of them are attachments.

use super::super::calendar;
use super::super::cms::{Cms, CmsKind};
use super::super::mime::{MAX_PARTS, Part, Structure};
use super::super::{Defect, Disposition, PartInfo, Reading, document, report, tnef};
use super::{Container, MAX_CONTAINERS, Purpose, View};
use std::borrow::Cow;

impl Reading {
    /// The parts that a person is offered as files: the attachments, and everything else that has a name. Of a
    /// container that was opened (`winmail.dat`) it is what is inside.
    pub fn files(&self) -> impl Iterator<Item = &PartInfo> {
        // What is inside comes right after it.
        let is_opened = |at: usize, part: &PartInfo| {
            let next = self.parts.get(at + 1).and_then(|next| next.part.strip_prefix(&part.part));
            !part.kind.starts_with("message/") && next.is_some_and(|rest| rest.starts_with('.'))
        };
        let parts = self.parts.iter().enumerate();
        parts
            .filter(move |(at, part)| (part.attachment || part.filename.is_some()) && !is_opened(*at, part))
            .map(|(_, part)| part)
    }
}

impl View<'_> {
    /// How many pictures are all there is to see: those of the HTML, or else those that came as parts.
    pub(super) fn pictures(&self) -> usize {
        let is_picture = |part: &&PartInfo| part.kind.starts_with("image/");
        match (self.has_words, self.only_pictures) {
            (true, _) => 0,
            (false, 0) => self.parts.iter().filter(is_picture).count(),
            (false, count) => count,
        }
    }

    /// Lists the parts, those in containers after the container. Whoever searches needs no sizes, and is spared
    /// the decoding.
    pub(super) fn list_parts(&mut self) {
        let structure = self.structure;
        let is_reading = matches!(self.purpose, Purpose::Reading { .. });
        for (index, part) in structure.parts.iter().enumerate().filter(|(_, part)| !part.is_multipart()) {
            if self.parts.len() >= MAX_PARTS {
                return self.damaged.push(Defect::TooManyParts);
            }
            let mut size = 0;
            if is_reading {
                let (bytes, is_broken) = structure.decoded(part);
                size = bytes.len();
                if is_broken {
                    self.damaged.push(part.encoding.defect());
                }
                if is_damaged_smime(structure, part) {
                    self.damaged.push(Defect::SMime);
                }
            }
            let mut info = info(part, size);
            info.attachment = is_attached(structure, part, self.shown.contains(&index));
            let inside = self.inside(part, &mut info);
            self.parts.push(info);
            let room = MAX_PARTS.saturating_sub(self.parts.len());
            self.parts.extend(inside.into_iter().take(room).map(|mut info| {
                info.part = format!("{}.{}", part.number, info.part);
                info
            }));
        }
    }

    /// What is in a part that is a container.
    fn inside(&mut self, part: &Part, info: &mut PartInfo) -> Vec<PartInfo> {
        let structure = self.structure;
        match Container::open(structure, part, self.depth) {
            Some(container @ (Container::Message(_) | Container::Signed(_))) => {
                info.attachment &= matches!(container, Container::Message(_));
                let (Container::Message(bytes) | Container::Signed(bytes)) = container else {
                    return Vec::new();
                };
                let inner = Structure::read(&bytes);
                let mut view = View::new(&inner, self.purpose);
                view.depth = self.depth + 1;
                view.limits = self.limits;
                view.documents = std::mem::take(&mut self.documents);
                // What is shown of it is no attachment.
                view.show(0, 0);
                view.list_parts();
                self.damaged.extend(view.damaged);
                self.documents = view.documents;
                view.parts
            }
            Some(Container::Tnef(found)) => {
                if found.is_damaged {
                    self.damaged.push(Defect::Tnef);
                }
                for file in found.parts.iter().filter(|part| !part.is_body) {
                    let bytes = || Cow::Borrowed(file.bytes.as_slice());
                    self.add_document(&file.kind, file.filename.as_deref(), bytes);
                }
                // What is inside is what a person would call attachments.
                info.attachment = false;
                found.parts.into_iter().enumerate().map(|(at, part)| of_tnef(at, part)).collect()
            }
            None => {
                if tnef::KINDS.contains(&part.kind.as_str()) && self.depth < MAX_CONTAINERS {
                    self.damaged.push(Defect::Tnef);
                }
                if info.attachment {
                    let bytes = || structure.decoded(part).0;
                    self.add_document(&part.kind, part.filename.as_deref(), bytes);
                }
                Vec::new()
            }
        }
    }

    /// Adds the text of a file, when that is asked for and there is room.
    fn add_document<'b>(
        &mut self,
        kind: &str,
        filename: Option<&str>,
        bytes: impl FnOnce() -> Cow<'b, [u8]>,
    ) {
        let Some(limits) = self.limits else { return };
        let room = limits.text.saturating_sub(self.documents.len());
        if room == 0 {
            return;
        }
        if let Some(text) =
            document::text(kind, filename, &bytes(), &document::Limits { text: room, ..*limits })
        {
            self.documents.push_str(&text);
            self.documents.push('\n');
        }
    }
}

/// Whether a person would call a part an attachment: see [`PartInfo::attachment`]. `is_shown` says that its text
/// is in the text of the message.
fn is_attached(structure: &Structure<'_>, part: &Part, is_shown: bool) -> bool {
    let is_mark = matches!(
        part.kind.as_str(),
        "application/pgp-signature"
            | "application/pkcs7-signature"
            | "application/x-pkcs7-signature"
            | "application/pgp-encrypted"
    );
    let is_report = report::is_delivery(&part.kind) || report::is_receipt(&part.kind);
    if is_mark || (is_report && !structure.is_in_message(part)) {
        return false;
    }
    if part.is_attachment() {
        return true;
    }
    let parent = part.parent.and_then(|parent| structure.part(parent));
    let around = parent.map(|parent| parent.kind.as_str()).unwrap_or_default();
    let is_text = part.kind.starts_with("text/");
    match around {
        // The same in other words.
        "multipart/alternative" => false,
        "multipart/related" if part.content_id.is_some() && is_picture(part) => false,
        _ if is_shown => is_text && part.filename.is_some(),
        // What is said in words at the beginning.
        _ if calendar::is_calendar(&part.kind) => parent.is_some_and(Part::is_multipart),
        _ => true,
    }
}

/// Whether a part that the HTML may refer to is there to be looked at. Some call their pictures octets.
fn is_picture(part: &Part) -> bool {
    part.filename.is_none() || part.kind.starts_with("image/") || part.kind == "application/octet-stream"
}

/// Whether a part is not the S/MIME that it says it is.
fn is_damaged_smime(structure: &Structure<'_>, part: &Part) -> bool {
    part.smime.as_ref().is_some_and(|said| match Cms::read(&structure.decoded(part).0) {
        Some(found) => found.is_damaged || (said == "signed-data" && found.kind == CmsKind::Signed(None)),
        None => true,
    })
}

fn of_tnef(at: usize, part: tnef::TnefPart) -> PartInfo {
    PartInfo {
        part: (at + 1).to_string(),
        size: part.bytes.len(),
        attachment: !part.is_body,
        cut: false,
        kind: part.kind,
        filename: part.filename,
        disposition: Some(if part.is_body { Disposition::Inline } else { Disposition::Attachment }),
        cid: part.content_id,
    }
}

fn info(part: &Part, size: usize) -> PartInfo {
    PartInfo {
        part: part.number.clone(),
        kind: part.kind.clone(),
        filename: part.filename.clone(),
        size,
        attachment: false,
        cut: false,
        disposition: part.disposition,
        cid: part.content_id.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Searchable;
    use super::*;

    fn mixed(parts: &[&str]) -> String {
        let parts: String = parts.iter().map(|part| format!("--M\n{part}\n")).collect();
        format!("Content-Type: multipart/mixed; boundary=M\n\n{parts}--M--\n")
    }

    /// The numbers of the attachments; every way to tell them agrees.
    fn attachments(message: &str) -> Vec<String> {
        let reading = Reading::read(message.as_bytes(), 72);
        let attached: Vec<String> =
            reading.parts.iter().filter(|p| p.attachment).map(|p| p.part.clone()).collect();
        let found = Searchable::read(message.as_bytes());
        assert_eq!(found.attachments as usize, attached.len(), "{message}");
        let names: Vec<String> = reading.parts.iter().filter_map(|part| part.filename.clone()).collect();
        assert_eq!(found.filenames, names, "{message}");
        let files: Vec<&str> = reading.files().map(|part| part.part.as_str()).collect();
        assert!(attached.iter().all(|part| files.contains(&part.as_str())), "{message}");
        attached
    }

    #[test]
    fn files_without_a_name_and_a_word_how_to_show_them_are_attachments() {
        for kind in
            ["application/pdf", "image/jpeg", "application/zip", "text/csv", "application/octet-stream"]
        {
            let file = format!("Content-Type: {kind}\n\nx");
            assert_eq!(attachments(&mixed(&["\nhello", &file])), ["2"], "{kind}");
        }
        assert_eq!(attachments("Content-Type: application/pdf\n\nx"), ["1"]);
    }

    #[test]
    fn text_that_is_shown_is_an_attachment_when_it_has_a_name() {
        let patch = "Content-Type: text/x-patch; name=a.patch\nContent-Disposition: inline\n\n+1";
        assert_eq!(attachments(&mixed(&["\nhello", patch, "\nfooter"])), ["2"]);
        assert_eq!(attachments("Content-Disposition: inline; filename=a.patch\n\n+1"), ["1"]);
        assert_eq!(attachments("Subject: x\n\nhello"), [""; 0]);
    }

    #[test]
    fn pictures_in_the_text_signatures_and_other_versions_are_no_attachments_but_have_their_names() {
        for message in [
            "Content-Type: multipart/related; boundary=R\n\n--R\nContent-Type: text/html\n\n<img src=cid:x>\n--R\n\
             Content-Type: image/png; name=l.png\nContent-ID: <x>\n\nPNG\n--R--\n",
            "Content-Type: multipart/signed; boundary=R\n\n--R\n\nx\n--R\n\
             Content-Type: application/pgp-signature; name=l.png\n\nx\n--R--\n",
            "Content-Type: multipart/alternative; boundary=R\n\n--R\n\nx\n--R\n\
             Content-Type: text/html; name=l.png\n\nx\n--R--\n",
        ] {
            assert_eq!(attachments(message), [""; 0]);
            assert_eq!(Searchable::read(message.as_bytes()).filenames, ["l.png"], "{message}");
            assert_eq!(Reading::read(message.as_bytes(), 72).files().count(), 1, "{message}");
        }
        let pdf = "Content-Type: multipart/related; boundary=R\n\n--R\nContent-Type: text/html\n\n<img src=cid:x>\n--R\n\
             Content-Type: application/pdf; name=a.pdf\nContent-ID: <y>\n\nPDF\n--R--\n";
        assert_eq!(attachments(pdf), ["2"]);
    }

    #[test]
    fn what_is_in_attached_messages_counts_however_they_are_encoded() {
        let inner = mixed(&["\nhello", "Content-Type: application/pdf\n\nx"]);
        let inner = format!("Subject: inner\n{}", inner.replace("=M", "=N").replace("--M", "--N"));
        let plain = format!("Content-Type: message/rfc822\n\n{inner}");
        assert_eq!(attachments(&mixed(&["\nsee", &plain])), ["2", "2.2"]);
        let quoted = format!(
            "Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n{}",
            inner.replace('=', "=3D")
        );
        assert_eq!(attachments(&mixed(&["\nsee", &quoted])), ["2", "2.2"]);
    }

    #[test]
    fn what_is_in_a_container_is_a_file_and_not_the_container() {
        let part = |part: &str, kind: &str, filename: Option<&str>| PartInfo {
            part: part.to_owned(),
            kind: kind.to_owned(),
            filename: filename.map(str::to_owned),
            size: 1,
            attachment: filename.is_some(),
            cut: false,
            disposition: None,
            cid: None,
        };
        let parts = vec![
            part("1", "text/plain", None),
            part("2", "application/ms-tnef", Some("winmail.dat")),
            part("2.1", "text/html", None),
            part("2.2", "application/pdf", Some("a.pdf")),
            part("3", "message/rfc822", Some("b.eml")),
            part("3.1", "text/plain", None),
            part("4", "application/x", Some("d")),
            part("41", "image/png", Some("c.png")),
        ];
        let reading = Reading { parts, ..Reading::default() };
        let files: Vec<&str> = reading.files().map(|part| part.part.as_str()).collect();
        assert_eq!(files, ["2.2", "3", "4", "41"]);
    }
}
