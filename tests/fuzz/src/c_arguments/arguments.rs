//! Reads the arguments of C calls from the bytes of a check.

use std::ffi::{CString, c_char};
use std::mem::size_of;
use std::ptr;

/// Larger than any structure of options that the library accepts, in units of 8 bytes.
const LARGEST: usize = 1_024;

/// Arguments that were not used yet, and the memory of those that were.
pub(super) struct Arguments<'a> {
    data: &'a [u8],
    texts: Vec<CString>,
    options: Vec<Box<[u64; LARGEST]>>,
}

impl<'a> Arguments<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Arguments { data, texts: Vec::new(), options: Vec::new() }
    }

    /// Returns the next byte; `None` at the end.
    pub(super) fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.data.split_first()?;
        self.data = rest;
        Some(*first)
    }

    /// Returns a number below `end`.
    pub(super) fn below(&mut self, end: u8) -> u8 {
        self.next().unwrap_or(0) % end
    }

    pub(super) fn flag(&mut self) -> bool {
        self.below(2) == 1
    }

    /// Returns a number, as likely a small as a large one.
    pub(super) fn number(&mut self) -> u64 {
        let first = self.next().unwrap_or(0);
        if first < 0x80 { first.into() } else { u64::MAX >> (first & 0x3f) }
    }

    /// Returns as many bytes as the next byte says.
    fn bytes(&mut self) -> &'a [u8] {
        let length = usize::from(self.next().unwrap_or(0)).min(self.data.len());
        let (bytes, rest) = self.data.split_at(length);
        self.data = rest;
        bytes
    }

    /// Returns a text that ends with a NUL and need not be UTF-8; or NULL.
    pub(super) fn text(&mut self) -> *const c_char {
        if self.below(16) == 0 {
            return ptr::null();
        }
        let bytes = self.bytes().split(|byte| *byte == 0).next().unwrap_or_default();
        self.texts.push(CString::new(bytes).unwrap());
        self.texts[self.texts.len() - 1].as_ptr()
    }

    /// Returns bytes and their length. They may be NULL, or too long for the address space.
    pub(super) fn counted(&mut self) -> (*const c_char, usize) {
        match self.below(16) {
            0 => (ptr::null(), self.number() as usize),
            1 => (c"canary".as_ptr(), usize::MAX - usize::from(self.next().unwrap_or(0))),
            _ => {
                let bytes = self.bytes();
                (bytes.as_ptr().cast(), bytes.len())
            }
        }
    }

    /// Returns a pointer to the options, perhaps of another size; or NULL.
    pub(super) fn options<T: Copy>(&mut self, options: T) -> *const T {
        let kind = self.below(16);
        if kind == 0 {
            return ptr::null();
        }
        // What follows the structure belongs to a version that this library does not know.
        let rest = if kind == 1 { u64::from(self.next().unwrap_or(0)) } else { 0 };
        let mut memory = Box::new([rest; LARGEST]);
        assert!(size_of::<T>() <= size_of_val(&*memory));
        // SAFETY: it fits, and the memory is aligned for numbers and pointers.
        unsafe { memory.as_mut_ptr().cast::<T>().write(options) };
        if kind <= 4 {
            memory[0] = self.number();
        }
        self.options.push(memory);
        self.options[self.options.len() - 1].as_ptr().cast()
    }
}
