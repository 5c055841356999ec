//! What is left when a store is closed.

use crate::support::Mail;

#[test]
fn nothing_of_the_log_is_left_when_the_last_one_closes() {
    let dir = tempfile::tempdir().unwrap();
    let mut mail = Mail::open(dir.path());
    mail.receive(mail.inbox, 1..40);
    mail.index();
    drop(mail);
    for name in ["mail.db-wal", "search.db-wal"] {
        let size = std::fs::metadata(dir.path().join(name)).map_or(0, |file| file.len());
        assert_eq!(size, 0, "{name}");
    }
}
