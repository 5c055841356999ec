//! Published settings: no document stops the readers.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use restante_core::mail::Address;
use restante_core::settings::{autoconfig, autodiscover, pacc};

static ADDRESS: LazyLock<Address> = LazyLock::new(|| Address::parse("ann@example.org").unwrap());

fuzz_target!(|bytes: &[u8]| {
    let _ = autoconfig::read(bytes, &ADDRESS);
    let _ = autodiscover::read(bytes, &ADDRESS);
    let _ = autodiscover::read_v2(bytes);
    let _ = pacc::read(bytes, &ADDRESS);
});
