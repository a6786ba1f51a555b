//! The structs of `abi` have the same members, offsets and sizes as those of the C header. The layout is recorded in
//! layout_*.c, which the C and C++ compilers check against the header.

use sluice_plugin::abi;
use std::collections::BTreeSet;
use std::mem::{size_of, MaybeUninit};

const RECORDED: &str = concat!(
    include_str!("../../../tests/plugin_api/layout_1_0.c"),
    include_str!("../../../tests/plugin_api/layout_1_1.c"),
    include_str!("../../../tests/plugin_api/layout_1_2.c")
);

fn size_behind<T>(_pointer: *const T) -> usize {
    size_of::<T>()
}

/// Inserts "MEMBER(sluice_str, data, 0, 8);" for each member of a struct, and a line for its size.
macro_rules! lines {
    ($lines:ident, $struct:ty, $c:literal, [$($member:ident),+]) => {
        let value = MaybeUninit::<$struct>::uninit();
        let begin = value.as_ptr();
        $(
            let member = unsafe { std::ptr::addr_of!((*begin).$member) };
            let offset = member as usize - begin as usize;
            let name = stringify!($member).trim_end_matches('_');
            $lines.insert(format!("MEMBER({}, {name}, {offset}, {});", $c, size_behind(member)));
        )+
        let exactly = matches!($c, "sluice_str" | "sluice_note");
        let check = if exactly { "EXACTLY" } else { "AT_LEAST" };
        $lines.insert(format!("{check}({}, {});", $c, size_of::<$struct>()));
    };
}

fn ours() -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    lines!(lines, abi::Str, "sluice_str", [data, size]);
    lines!(lines, abi::Field, "sluice_field", [size, kind, key, value]);
    lines!(
        lines,
        abi::JobApi,
        "sluice_job_api",
        [
            size,
            reserved,
            log,
            is_cancelled,
            progress,
            set_delay,
            set_error,
            set_output,
            get_extension
        ]
    );
    lines!(
        lines,
        abi::Job,
        "sluice_job",
        [
            size,
            slot,
            api,
            host_data,
            id,
            type_,
            payload,
            idempotency_key,
            attempt,
            max_attempts,
            created_at_us,
            deadline_us
        ]
    );
    lines!(
        lines,
        abi::Host,
        "sluice_host",
        [
            size,
            abi_major,
            abi_minor,
            host_data,
            runtime_version,
            slots,
            reserved,
            log,
            set_error,
            get_extension
        ]
    );
    lines!(
        lines,
        abi::JobType,
        "sluice_job_type",
        [
            size,
            flags,
            name,
            summary,
            payload_schema,
            payload_example,
            max_attempts,
            concurrency,
            timeout_us,
            backoff_first_us,
            backoff_cap_us,
            handle
        ]
    );
    lines!(
        lines,
        abi::Plugin,
        "sluice_plugin",
        [
            size,
            abi_major,
            abi_minor,
            name,
            version,
            vendor,
            url,
            license,
            summary,
            config_schema,
            job_types,
            job_type_count,
            init,
            shutdown,
            slot_open,
            slot_close,
            get_extension,
            sandbox
        ]
    );
    lines!(
        lines,
        abi::Note,
        "sluice_note",
        [
            name_size,
            desc_size,
            type_,
            name,
            abi_major,
            abi_minor,
            plugin_size,
            job_type_size,
            job_size
        ]
    );
    lines!(
        lines,
        abi::NewJob,
        "sluice_new_job",
        [size, reserved, type_, payload, delay_us, unique_key]
    );
    lines!(
        lines,
        abi::Enqueue,
        "sluice_enqueue",
        [size, reserved, enqueue]
    );
    lines!(
        lines,
        abi::Effects,
        "sluice_effects",
        [size, reserved, execute]
    );
    lines!(
        lines,
        abi::Secrets,
        "sluice_secrets",
        [size, reserved, host_data, get]
    );
    lines
}

/// "sluice_str" of "MEMBER(sluice_str, data, 0, 8);".
fn struct_of(line: &str) -> &str {
    line.split(&['(', ','][..]).nth(1).unwrap_or("")
}

#[test]
fn every_struct_is_the_recorded_one() {
    let recorded: BTreeSet<String> = RECORDED
        .lines()
        .filter(|line| {
            ["MEMBER(", "AT_LEAST(", "EXACTLY("]
                .iter()
                .any(|check| line.starts_with(check))
        })
        .map(String::from)
        .collect();
    let ours = ours();
    assert!(
        recorded.len() > 80,
        "the recorded layout was not read: {} lines",
        recorded.len()
    );
    assert_eq!(
        ours.difference(&recorded).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "not recorded"
    );
    // The layer may lack an extension, but must have every member of those that it has. A struct that grew has an
    // older, smaller size too.
    let known: BTreeSet<&str> = ours.iter().map(|line| struct_of(line)).collect();
    let missing: Vec<&String> = recorded
        .difference(&ours)
        .filter(|line| known.contains(struct_of(line)) && !line.starts_with("AT_LEAST("))
        .collect();
    assert_eq!(missing, Vec::<&String>::new(), "not in abi.rs");
}

#[test]
fn every_constant_is_the_recorded_one() {
    let constants: [(&str, i64); 17] = [
        ("SLUICE_DONE", abi::DONE.into()),
        ("SLUICE_RETRY", abi::RETRY.into()),
        ("SLUICE_FAIL", abi::FAIL.into()),
        ("SLUICE_SNOOZE", abi::SNOOZE.into()),
        ("SLUICE_CANCELLED", abi::CANCELLED.into()),
        ("SLUICE_LOG_TRACE", abi::LOG_TRACE.into()),
        ("SLUICE_LOG_DEBUG", abi::LOG_DEBUG.into()),
        ("SLUICE_LOG_INFO", abi::LOG_INFO.into()),
        ("SLUICE_LOG_WARN", abi::LOG_WARN.into()),
        ("SLUICE_LOG_ERROR", abi::LOG_ERROR.into()),
        ("SLUICE_FIELD_TEXT", abi::FIELD_TEXT.into()),
        ("SLUICE_FIELD_JSON", abi::FIELD_JSON.into()),
        ("SLUICE_AT_MOST_ONCE", abi::AT_MOST_ONCE.into()),
        ("SLUICE_BRIEF", abi::BRIEF.into()),
        ("SLUICE_NOTE_TYPE", abi::NOTE_TYPE.into()),
        ("SLUICE_ABI_MAJOR", abi::ABI_MAJOR.into()),
        ("SLUICE_MOST_PARAMETERS", abi::MOST_PARAMETERS as i64),
    ];
    for (name, value) in constants {
        let found = [format!("{name} == {value}"), format!("{name} >= {value}")];
        assert!(
            found.iter().any(|text| RECORDED.contains(text)),
            "{name} is not recorded as {value}"
        );
    }
    for id in [abi::EXTENSION_ENQUEUE, abi::EXTENSION_EFFECTS] {
        assert!(
            RECORDED.contains(&format!("\"{id}\"")),
            "{id} is not recorded"
        );
    }
}
