//! Makes the linker reject undefined symbols, which would otherwise be reported when the plugin is loaded.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,defs");
}
