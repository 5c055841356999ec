//! What `read` and `save` make of files.

use super::restante;
use serde_json::Value;

/// What `read` prints of a message, and its JSON document, which follows its schema.
fn read(message: &[u8]) -> (String, Value) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.eml");
    std::fs::write(&file, message).unwrap();
    let file = file.to_str().unwrap();
    let document = serde_json::from_str(&restante(folder.path(), &["read", file, "--json"])).unwrap();
    let schema = serde_json::from_str(&restante(folder.path(), &["schema", "read"])).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    (restante(folder.path(), &["read", file]), document)
}

#[test]
fn an_attachment_without_a_name_is_listed_and_saved() {
    let message = "Content-Type: multipart/mixed; boundary=M\n\n--M\n\nsee below\n--M\n\
        Content-Type: application/pdf\n\nPDF\n--M--\n";
    let (page, document) = read(message.as_bytes());
    assert!(page.ends_with("\nsee below\n\n[2] (no name), application/pdf, 3 B\n"), "{page}");
    assert_eq!(document["parts"][0]["attachment"], false);
    assert_eq!(document["parts"][1]["attachment"], true);
    let folder = tempfile::tempdir().unwrap();
    let (file, into) = (folder.path().join("a.eml"), folder.path().join("into"));
    std::fs::write(&file, message).unwrap();
    std::fs::create_dir(&into).unwrap();
    restante(folder.path(), &["save", file.to_str().unwrap(), "-C", into.to_str().unwrap()]);
    let files: Vec<_> = std::fs::read_dir(&into).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 1);
    assert_eq!(std::fs::read(&files[0]).unwrap(), b"PDF");
}

#[test]
fn where_an_answer_goes_and_who_sent_it_are_shown_where_that_is_another() {
    let (page, document) = read(
        b"From: Bank <a@mail.bank.com>\nSender: s@lists.example\nReply-To: x@evil.org\nTo: me@example.org\nDate: soon\n\nHello\n",
    );
    assert_eq!(
        page,
        "From:    Bank <a@mail.bank.com>\nSender:  s@lists.example\nReply-To: x@evil.org\nTo:      me@example.org\n\
         Date:    soon\nBeware: the message says it is from mail.bank.com, an answer goes to x@evil.org\n\nHello\n\n\
         This message is damaged: date\n"
    );
    assert_eq!((&document["date"], &document["date_text"]), (&Value::Null, &Value::from("soon")));
    let (page, _) =
        read(b"From: a@b.example\nSender: A <A@b.example>\nReply-To: Ann <a@B.example>\n\nHello\n");
    assert_eq!(page, "From:    a@b.example\n\nHello\n");
}

#[test]
fn a_plain_text_that_gave_way_and_says_something_else_is_named() {
    let html = "The message itself. ".repeat(10);
    let message = format!(
        "Content-Type: multipart/alternative; boundary=A\n\n--A\n\nHTML only: write to a@b.example\n--A\n\
         Content-Type: text/html\n\n<p>{html}</p>\n--A--\n"
    );
    let (page, document) = read(message.as_bytes());
    assert!(page.ends_with("\n\n[1] (another text), text/plain, 31 B\n"), "{page}");
    assert_eq!(document["other_text"], "1");
}
