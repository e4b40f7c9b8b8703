//! Asks the linker to pack relocations. An address that moves with the program takes 24 bytes of the binary else, all of
//! which are read into memory at the start.

use std::{env, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if is_understood() {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The linker must write them and the C library of the machine must read them. On x86-64 Rust brings the linker; another
/// one that does not know the word only warns.
fn is_understood() -> bool {
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    let target = is("CARGO_CFG_TARGET_ARCH", "x86_64") && is("CARGO_CFG_TARGET_OS", "linux");
    let is_static = || {
        let features = env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
        features.split(',').any(|feature| feature == "crt-static")
    };
    let is_native = env::var("HOST").ok() == env::var("TARGET").ok();
    target
        && is("CARGO_CFG_TARGET_ENV", "gnu")
        && (is_static() || is_native && glibc().is_some_and(|minor| minor >= 36))
}

/// The 36 of glibc 2.36.
fn glibc() -> Option<u32> {
    let said = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    String::from_utf8(said.stdout).ok()?.trim().strip_prefix("glibc 2.")?.split('.').next()?.parse().ok()
}
