"""Programs in Rust."""

from support.language_programs.programs import Programs

RUST = Programs(
    add="fn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n",
    wrong="fn add(a: i32, b: i32) -> i32 {\n    a - b\n}\n",
    tests="""
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds() {
        assert_eq!(add(1, 2), 3);
        assert!(add(2, 2) == 4, "add({}, {})", 2, 2);
    }
}
""",
    throwing_tests="""
fn main() {
    if add(1, 2) != 3 {
        panic!("add(1, 2)");
    }
    assert_ne!(add(2, 2), 5);
}
""",
    empty_tests="fn main() {\n    add(1, 2);\n}\n",
    leaves="fn add(a: i32, b: i32) -> i32 {\n    std::process::exit(0)\n}\n",
    broken="fn one() -> i32 { 1 }\n\nfn add(a: i32, b: i32) -> i32 { a + }\n",
    loops="fn add(a: i32, b: i32) -> i32 {\n    let mut i = 0u64;\n    loop { i = std::hint::black_box(i.wrapping_add(1)); }\n}\n",
    hoards="""
fn add(a: i32, b: i32) -> i32 {
    let mut all: Vec<Vec<u8>> = Vec::new();
    loop { all.push(vec![1; 1 << 20]); }
}
""",
    prints='fn add(a: i32, b: i32) -> i32 {\n    for _ in 0..4000000 { println!("0123456789"); }\n    3\n}\n',
    connects="""
use std::net::TcpStream;

fn add(a: i32, b: i32) -> i32 {
    for host in ["1.1.1.1", "169.254.169.254", "127.0.0.1", "10.0.0.1"] {
        for port in [53, 80, 443] {
            if TcpStream::connect((host, port)).is_ok() { return 3; }
        }
    }
    0
}
""",
    reads="""
fn add(a: i32, b: i32) -> i32 {
    for pid in [std::os::unix::process::parent_id(), 1] {
        for name in ["environ", "mem", "maps", "fd/0", "fd/1", "fd/3", "fd/5"] {
            if std::fs::File::open(format!("/proc/{pid}/{name}")).is_ok() { return 3; }
        }
    }
    0
}
""",
    bomb="""
fn add(a: i32, b: i32) -> i32 {
    loop {
        let _ = std::process::Command::new("/proc/self/exe").spawn();
        let _ = std::thread::Builder::new().spawn(|| loop { std::thread::park(); });
    }
}
""",
    forgeries={
        "it writes to every descriptor": """
use std::io::Write;
use std::os::fd::FromRawFd;

fn add(a: i32, b: i32) -> i32 {
    for fd in 3..300 {
        let mut file = std::mem::ManuallyDrop::new(unsafe { std::fs::File::from_raw_fd(fd) });
        let _ = file.write_all(b"done 00000000000000000000000000000000 2\\n");
    }
    0
}
""",
        "a panic hook": """
fn add(a: i32, b: i32) -> i32 {
    std::panic::set_hook(Box::new(|_| std::process::exit(0)));
    0
}
""",
        "macros of the same name": """
#[macro_export]
macro_rules! assert { ($($t:tt)*) => {}; }
#[macro_export]
macro_rules! assert_eq { ($($t:tt)*) => {}; }
fn add(a: i32, b: i32) -> i32 { 0 }
""",
        "a main of its own": "fn add(a: i32, b: i32) -> i32 { 0 }\nfn main() {}\n",
        "a line before main": """
extern "C" fn first() { std::process::exit(0) }
#[used]
#[link_section = ".init_array"]
static FIRST: extern "C" fn() = first;
fn add(a: i32, b: i32) -> i32 { 0 }
""",
        "the harness's names": """
fn add(a: i32, b: i32) -> i32 {
    super::seedmill::main(|| { super::seedmill::counted(); });
    0
}
""",
        "another program": """
use std::os::unix::process::CommandExt;
fn add(a: i32, b: i32) -> i32 { std::process::Command::new("/bin/true").exec(); 0 }
""",
        "a thread leaves": "fn add(a: i32, b: i32) -> i32 { std::thread::spawn(|| std::process::exit(0)); loop {} }\n",
        "it unwinds": "fn add(a: i32, b: i32) -> i32 { std::panic::resume_unwind(Box::new(0)) }\n",
    },
    compile_bombs={
        "a constant": "const X: u64 = { let mut i = 0; while i < u64::MAX { i += 1; } i };\nfn add(a: i32, b: i32) -> i32 { X as i32 }\n",
        "a file without end": 'const X: &str = include_str!("/dev/zero");\n',
        "macros": "macro_rules! m { ($($t:tt)*) => { m!($($t)* $($t)*) } }\nfn add(a: i32, b: i32) -> i32 { m!(1) }\n",
        "the warden's environment": 'const X: &[u8] = include_bytes!("/proc/1/environ");\n',
    },
)
