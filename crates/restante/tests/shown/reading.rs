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
