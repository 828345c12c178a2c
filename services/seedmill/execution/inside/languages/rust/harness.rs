mod seedmill {
    use std::fs::File;
    use std::io::{Read, Write};
    use std::mem::ManuallyDrop;
    use std::os::fd::FromRawFd;
    use std::sync::atomic::{AtomicU32, Ordering};

    static COUNT: AtomicU32 = AtomicU32::new(0);

    pub fn counted() -> bool {
        COUNT.fetch_add(1, Ordering::Relaxed);
        true
    }

    pub fn run(name: &str, panics: bool, test: fn()) {
        if !panics {
            test();
            return;
        }
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| ()));
        let panicked = std::panic::catch_unwind(test).is_err();
        std::panic::set_hook(hook);
        if !panicked {
            failed("fail", &format!("{name} did not panic"));
        }
        counted();
    }

    pub fn main(tests: fn()) {
        let mut key = [0u8; 33];
        take(&mut key);
        report(&format!("loaded {}", text(&key)));
        let mut nonce = [0u8; 33];
        take(&mut nonce);
        let main_thread = std::thread::current().id();
        std::panic::set_hook(Box::new(move |info| {
            let said = match (info.payload().downcast_ref::<&str>(), info.payload().downcast_ref::<String>()) {
                (Some(said), _) => said.to_string(),
                (_, Some(said)) => said.clone(),
                _ => "panic".to_string(),
            };
            eprintln!("panic: {said}");
            if std::thread::current().id() == main_thread {
                let line = info.location().map_or(0, |place| place.line());
                *LAST.lock().unwrap() = (line, said);
            }
        }));
        if std::panic::catch_unwind(tests).is_err() {
            let (line, said) = LAST.lock().unwrap().clone();
            failed("fail", &format!("panic{}: {said}", place(line)));
        }
        let _ = std::io::stdout().flush();
        report(&format!("done {} {}", text(&nonce), COUNT.load(Ordering::Relaxed)));
        std::process::exit(0);
    }

    static LAST: std::sync::Mutex<(u32, String)> = std::sync::Mutex::new((0, String::new()));

    fn place(line: u32) -> String {
        match line {
            0 => String::new(),
            line if line <= super::SOLUTION_LINES => format!(" in solution line {line}"),
            line => format!(" in tests line {}", line - super::SOLUTION_LINES),
        }
    }

    fn failed(status: &str, reason: &str) {
        let _ = std::io::stdout().flush();
        let reason: String = reason.chars().take(300).map(|c| if c.is_control() { ' ' } else { c }).collect();
        report(&format!("failed {status} {reason}"));
        std::process::exit(1);
    }

    fn text(line: &[u8; 33]) -> String {
        String::from_utf8_lossy(&line[..32]).into_owned()
    }

    fn take(line: &mut [u8]) {
        let mut file = ManuallyDrop::new(unsafe { File::from_raw_fd(4) });
        if file.read_exact(line).is_err() {
            std::process::exit(1);
        }
    }

    fn report(line: &str) {
        let mut file = ManuallyDrop::new(unsafe { File::from_raw_fd(3) });
        if file.write_all(format!("{line}\n").as_bytes()).is_err() {
            std::process::exit(1);
        }
    }
}

const SOLUTION_LINES: u32 = @LINES@;

fn main() {
    seedmill::main(solution::seedmill_tests::seedmill_entry);
}
