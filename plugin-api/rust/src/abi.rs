//! The C headers `sluice/plugin.h` and `sluice/extensions.h`, ABI 1.2, in Rust. The headers say what each member
//! means, who owns it and which thread may call it. `tests/layout.rs` compares every offset and size with the
//! recorded layout.

use std::ffi::c_void;
use std::mem::size_of;

pub const ABI_MAJOR: u16 = 1;
pub const ABI_MINOR: u16 = 2;

pub const DONE: i32 = 0;
pub const RETRY: i32 = 1;
pub const FAIL: i32 = 2;
pub const SNOOZE: i32 = 3;
pub const CANCELLED: i32 = 4;

pub const LOG_TRACE: i32 = 0;
pub const LOG_DEBUG: i32 = 1;
pub const LOG_INFO: i32 = 2;
pub const LOG_WARN: i32 = 3;
pub const LOG_ERROR: i32 = 4;

pub const FIELD_TEXT: u32 = 0;
pub const FIELD_JSON: u32 = 1;

pub const AT_MOST_ONCE: u32 = 1;
pub const BRIEF: u32 = 2;
pub const NOTE_TYPE: u32 = 1;

pub const EXTENSION_ENQUEUE: &str = "sluice.enqueue/1";
pub const EXTENSION_EFFECTS: &str = "sluice.effects/1";
pub const EXTENSION_SECRETS: &str = "sluice.secrets/1";
pub const MOST_PARAMETERS: usize = 32;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Str {
    pub data: *const u8,
    pub size: usize,
}

impl Str {
    pub const EMPTY: Str = Str {
        data: std::ptr::null(),
        size: 0,
    };

    pub const fn of(text: &str) -> Str {
        Str {
            data: text.as_ptr(),
            size: text.len(),
        }
    }

    /// # Safety
    /// The text must live for `'a`.
    pub unsafe fn bytes<'a>(self) -> &'a [u8] {
        if self.data.is_null() {
            &[]
        } else {
            std::slice::from_raw_parts(self.data, self.size)
        }
    }
}

#[repr(C)]
pub struct Field {
    pub size: u32,
    pub kind: u32,
    pub key: Str,
    pub value: Str,
}

#[repr(C)]
pub struct JobApi {
    pub size: u32,
    pub reserved: u32,
    pub log: unsafe extern "C" fn(*const Job, i32, Str, *const *const Field, usize),
    pub is_cancelled: unsafe extern "C" fn(*const Job) -> i32,
    pub progress: unsafe extern "C" fn(*const Job, f64, Str),
    pub set_delay: unsafe extern "C" fn(*const Job, i64),
    pub set_error: unsafe extern "C" fn(*const Job, Str, Str),
    pub set_output: unsafe extern "C" fn(*const Job, Str),
    pub get_extension: unsafe extern "C" fn(*const Job, Str) -> *const c_void,
}

#[repr(C)]
pub struct Job {
    pub size: u32,
    pub slot: u32,
    pub api: *const JobApi,
    pub host_data: *mut c_void,
    pub id: Str,
    pub type_: Str,
    pub payload: Str,
    pub idempotency_key: Str,
    pub attempt: u32,
    pub max_attempts: u32,
    pub created_at_us: i64,
    pub deadline_us: i64,
}

#[repr(C)]
pub struct Host {
    pub size: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
    pub host_data: *mut c_void,
    pub runtime_version: Str,
    pub slots: u32,
    pub reserved: u32,
    pub log: unsafe extern "C" fn(*const Host, i32, Str, *const *const Field, usize),
    pub set_error: unsafe extern "C" fn(*const Host, Str),
    pub get_extension: unsafe extern "C" fn(*const Host, Str) -> *const c_void,
}

pub type Handle = unsafe extern "C" fn(*mut c_void, *mut c_void, *const Job) -> i32;
pub type Init = unsafe extern "C" fn(*const Host, Str, *mut *mut c_void) -> i32;
pub type Shutdown = unsafe extern "C" fn(*mut c_void);
pub type SlotOpen = unsafe extern "C" fn(*mut c_void, *const Host, u32, *mut *mut c_void) -> i32;
pub type SlotClose = unsafe extern "C" fn(*mut c_void, *mut c_void);
pub type GetExtension = unsafe extern "C" fn(Str) -> *const c_void;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct JobType {
    pub size: u32,
    pub flags: u32,
    pub name: Str,
    pub summary: Str,
    pub payload_schema: Str,
    pub payload_example: Str,
    pub max_attempts: u32,
    pub concurrency: u32,
    pub timeout_us: i64,
    pub backoff_first_us: i64,
    pub backoff_cap_us: i64,
    pub handle: Option<Handle>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Plugin {
    pub size: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
    pub name: Str,
    pub version: Str,
    pub vendor: Str,
    pub url: Str,
    pub license: Str,
    pub summary: Str,
    pub config_schema: Str,
    pub job_types: *const *const JobType,
    pub job_type_count: usize,
    pub init: Option<Init>,
    pub shutdown: Option<Shutdown>,
    pub slot_open: Option<SlotOpen>,
    pub slot_close: Option<SlotClose>,
    pub get_extension: Option<GetExtension>,
    pub sandbox: Str,
}

// Both are constants. Nothing writes to them or through their pointers.
unsafe impl Sync for JobType {}
unsafe impl Sync for Plugin {}

#[repr(C)]
pub struct Note {
    pub name_size: u32,
    pub desc_size: u32,
    pub type_: u32,
    pub name: [u8; 8],
    pub abi_major: u32,
    pub abi_minor: u32,
    pub plugin_size: u32,
    pub job_type_size: u32,
    pub job_size: u32,
}

impl Note {
    pub const CURRENT: Note = Note {
        name_size: 7,
        desc_size: 5 * size_of::<u32>() as u32,
        type_: NOTE_TYPE,
        name: *b"sluice\0\0",
        abi_major: ABI_MAJOR as u32,
        abi_minor: ABI_MINOR as u32,
        plugin_size: size_of::<Plugin>() as u32,
        job_type_size: size_of::<JobType>() as u32,
        job_size: size_of::<Job>() as u32,
    };
}

#[repr(C)]
pub struct NewJob {
    pub size: u32,
    pub reserved: u32,
    pub type_: Str,
    pub payload: Str,
    pub delay_us: i64,
    pub unique_key: Str,
}

#[repr(C)]
pub struct Enqueue {
    pub size: u32,
    pub reserved: u32,
    pub enqueue: unsafe extern "C" fn(*const Job, *const NewJob) -> i32,
}

#[repr(C)]
pub struct Effects {
    pub size: u32,
    pub reserved: u32,
    pub execute: unsafe extern "C" fn(*const Job, Str, *const *const Str, usize) -> i32,
}

#[repr(C)]
pub struct Secrets {
    pub size: u32,
    pub reserved: u32,
    pub host_data: *mut c_void,
    pub get: unsafe extern "C" fn(*const Secrets, Str, *mut Str) -> i32,
}

impl Secrets {
    /// The secret of that name in a host's extension, which may be null.
    ///
    /// # Safety
    /// `found` must be the host's extension with id `EXTENSION_SECRETS`, valid for `'a`.
    pub unsafe fn find<'a>(found: *const c_void, name: &str) -> Option<&'a [u8]> {
        let secrets = found as *const Secrets;
        if secrets.is_null() || ((*secrets).size as usize) < size_of::<Secrets>() {
            return None;
        }
        let mut value = Str::EMPTY;
        match ((*secrets).get)(secrets, Str::of(name), &mut value) {
            0 => Some(value.bytes()),
            _ => None,
        }
    }
}
