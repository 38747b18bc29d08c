//! The structs of `abi.rs` have the layout that the C compiler gives those of the headers.

use lao_plugin::abi::*;
use std::mem::{offset_of, size_of};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The headers: beside the SDK in a checkout and in an installed LAO.
fn include_dir() -> PathBuf {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = [crate_dir.join("../../include"), crate_dir.join("../include")];
    places.into_iter().find(|place| place.join("lao/lao.h").is_file()).expect("the C headers are beside the SDK")
}

fn layout_of_c() -> String {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("layout");
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let compiled = Command::new(compiler)
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-I"])
        .arg(include_dir())
        .arg(crate_dir.join("tests/layout.c"))
        .arg("-o")
        .arg(&program)
        .status();
    assert!(compiled.expect("there is a C compiler").success());
    String::from_utf8(Command::new(program).output().unwrap().stdout).unwrap()
}

#[test]
fn layout_equals_that_of_c() {
    let mut rust = String::new();
    macro_rules! layout {
        ($($c:ident = $type:ty { $($field:ident),* };)*) => {$(
            rust += &format!("{} {}\n", stringify!($c), size_of::<$type>());
            $(rust += &format!("{}.{} {}\n", stringify!($c), stringify!($field), offset_of!($type, $field));)*
        )*};
    }
    layout! {
        error = RawError { text_size, text };
        dtype = Dtype {};
        device = Device {};
        tensor = RawTensor { device, dtype, shape, byte_offset };
        managed_tensor = RawManagedTensor { deleter, flags, tensor };
        value = RawValue { data, tensor, metadata_size, release, owner };
        param = RawParam { integer, number, data, size };
        host = RawHost { context, alloc, free, log, now_ns, get_extension };
        capability = RawCapability { name, input_kind, params_schema, max_batch };
        config = RawConfig { json, json_size, data_dir };
        request = RawRequest { inputs, params, deadline_ns, cancel, call };
        response = RawResponse { output_count, outputs };
        plugin = RawPlugin { name, thread_role, capabilities, create, call, get_extension, shutdown, config_schema, events, event_count };
        stream_host = RawStreamHost { push, pull };
        state_plugin = RawStatePlugin { state_version, save, load };
        progress_host = RawProgressHost { report };
        scratch_host = RawScratchHost { get, put };
        files_host = RawFilesHost { open };
        http_host = RawHttpHost { fetch };
        commands_host = RawCommandsHost { run };
        calls_host = RawCallsHost { call };
        events_host = RawEventsHost { emit };
        declared_event = RawDeclaredEvent { name, data_schema };
        batch_plugin = RawBatchPlugin { call_batch };
        events_plugin = RawEventsPlugin { on_event };
        lifecycle_plugin = RawLifecyclePlugin { configure, health };
    }
    assert_eq!(rust, layout_of_c());
}
