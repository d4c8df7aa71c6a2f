// SPDX-License-Identifier: MIT
// A request filter in Rust: takes the prefix that a utility's DACS puts before identifiers away.
use std::io::{self, Read, Write};

fn main() -> io::Result<()> {
    let mut message = String::new();
    io::stdin().read_to_string(&mut message)?;
    let plain = message.replace("UTIL-", "");
    eprintln!("{} bytes taken away", message.len() - plain.len());
    io::stdout().write_all(plain.as_bytes())
}
