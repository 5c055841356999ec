//! What a server says when it refuses a right password, and whether that is the password's fault.

use serde_json::json;
use testkit::lab::PASSWORD;

use crate::person::Person;

#[test]
fn the_words_of_a_refusal_decide_what_is_said_about_the_password() {
    let cases = [
        (
            "[ALERT] Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)",
            "app-password-required",
        ),
        ("[WEBALERT https://accounts.example.org/continue] Web login required.", "browser-sign-in-required"),
        ("[CONTACTADMIN] The invoice of March is unpaid", "account-locked"),
        ("[EXPIRED] Your password is from last year", "account-locked"),
        ("[UNAVAILABLE] The user database is being moved", "temporary-failure"),
        ("[INUSE] Mailbox is being migrated", "temporary-failure"),
        ("[LIMIT] Too many simultaneous connections. (Failure)", "too-many-connections"),
        ("[AUTHENTICATIONFAILED] Invalid credentials (Failure)", "credentials-refused"),
    ];
    // The server thinks for half a second over each.
    std::thread::scope(|scope| {
        for (words, verdict) in cases {
            scope.spawn(move || {
                let person = Person::new("autoconfig.test");
                person.lab.refuse_with(&person.address, words).unwrap();
                let args = ["setup", &person.address, "--password-stdin", "--json"];
                let (_, error) = person.run_with(format!("{PASSWORD}\n"), &args).error();
                assert_eq!(error["verdict"], verdict, "{error:#}");
                let judged = match verdict {
                    "temporary-failure" | "too-many-connections" => "not-judged",
                    "credentials-refused" => "refused",
                    _ => error["password"].as_str().unwrap(),
                };
                assert_eq!(error["password"], json!(judged), "{error:#}");
                let evidence = error["evidence"].as_str().unwrap();
                assert!(evidence.contains(&format!("NO {words}")), "word for word: {evidence}");
                assert_eq!(person.lab.login_attempts(&person.address).unwrap().imap, 1);
            });
        }
    });
}

#[test]
fn a_second_connection_that_the_server_does_not_allow_is_not_the_passwords_fault() {
    let person = Person::new("limit.test");
    let args = ["setup", &person.address, "--password-stdin"];
    person.run_with(format!("{PASSWORD}\n"), &args).succeeded();
    let other = person.lab.client_at("imap.limit.test", person.lab.net().limit(), &person.address).unwrap();
    let (status, error) = person.error(&["sync"]);
    assert_eq!((status, &error["verdict"]), (75, &json!("too-many-connections")), "{error:#}");
    assert_eq!(error["password"], "not-judged");
    drop(other);
}
