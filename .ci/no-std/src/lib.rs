//! A program without std that uses bolt-proto.

#![no_std]

use core::alloc::{GlobalAlloc, Layout};
use core::panic::PanicInfo;

use bolt_proto::{Connection, Disposition, Extra, Options, Query};

/// Never has any memory: the library is linked, not run.
struct Nothing;

unsafe impl GlobalAlloc for Nothing {
    unsafe fn alloc(&self, _layout: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }

    unsafe fn dealloc(&self, _ptr: *mut u8, _layout: Layout) {}
}

#[global_allocator]
static ALLOCATOR: Nothing = Nothing;

#[panic_handler]
fn panic(_info: &PanicInfo<'_>) -> ! {
    loop {}
}

/// Keeps the parts that matter from being optimised away.
#[unsafe(no_mangle)]
pub extern "C" fn drive(bytes: *const u8, len: usize) -> bool {
    let bytes = unsafe { core::slice::from_raw_parts(bytes, len) };
    let mut connection = Connection::new(Options::default());
    let space = connection.recv_space();
    let len = space.len().min(bytes.len());
    space[..len].copy_from_slice(&bytes[..len]);
    connection.received(len);
    while let Ok(Some(_)) = connection.has_event() {
        let _ = connection.event();
    }
    let query = Query::new("RETURN $n").param("n", 1);
    connection.run(&query, &Extra::default()).is_ok() && connection.disposition() != Disposition::Dead
}
