//! The macro that makes a crate a plugin.

/// Makes the crate a plugin. Once per crate; the crate's type is `cdylib`.
///
/// - `plugin`: the type of an instance. It is shared between threads, so it is `Send + Sync`.
/// - `create`: makes one from its configuration, `fn(&Config) -> Result<P, Error>`.
/// - `define`: adds the capabilities, `fn(&mut Definition<P>)`.
/// - `manifest`: optional path of the manifest, from this source file; otherwise the crate's `plugin.toml`.
///
/// ```
/// use lao_plugin::{Call, Config, Definition, Error, Param};
///
/// struct Shout;
///
/// fn process(_: &Shout, text: &str, call: &Call) -> Result<String, Error> {
///     Ok(format!("{text}{}", "!".repeat(call.integer("marks") as usize)))
/// }
///
/// fn create(_: &Config) -> Result<Shout, Error> {
///     Ok(Shout)
/// }
///
/// fn define(plugin: &mut Definition<Shout>) {
///     plugin
///         .capability("process", "Adds exclamation marks", process)
///         .param(Param::integer("marks", 1).range(0, 100).help("How many"));
/// }
/// lao_plugin::export! { plugin: Shout, create: create, define: define, manifest: TEXT b"name='shout'\nversion='1.0.0'" }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! export {
    (plugin: $plugin:ty, create: $create:expr, define: $define:expr $(,)?) => {
        $crate::export! { plugin: $plugin, create: $create, define: $define,
        manifest: TEXT include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/plugin.toml")) }
    };
    (plugin: $plugin:ty, create: $create:expr, define: $define:expr, manifest: $path:literal $(,)?) => {
        $crate::export! { plugin: $plugin, create: $create, define: $define, manifest: TEXT include_bytes!($path) }
    };
    (plugin: $plugin:ty, create: $create:expr, define: $define:expr, manifest: TEXT $text:expr $(,)?) => {
        const _: () = {
            const LAO_MANIFEST: &[u8] = $text;

            #[allow(unsafe_code, non_upper_case_globals)]
            #[no_mangle]
            #[used]
            static lao_plugin_manifest: [u8; LAO_MANIFEST.len() + 1] =
                $crate::manifest::with_nul::<{ LAO_MANIFEST.len() + 1 }>(LAO_MANIFEST);

            #[allow(unsafe_code)]
            #[no_mangle]
            unsafe extern "C" fn lao_plugin_entry(host: *const $crate::abi::RawHost) -> *const $crate::abi::RawPlugin {
                $crate::enter::<$plugin>(host, LAO_MANIFEST, $create, $define)
            }
        };
    };
}
