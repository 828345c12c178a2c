"""Programs in Java."""

from support.language_programs.programs import Programs

JAVA = Programs(
    add="class Calc {\n    static int add(int a, int b) { return a + b; }\n}\n",
    wrong="public class Calc {\n    static int add(int a, int b) { return a - b; }\n}\n",
    tests="""
public class Main {
    public static void main(String[] args) {
        assert Calc.add(1, 2) == 3;
        assert (Calc.add(2, 2) == 4) : "add(2, 2)";
    }
}
""",
    throwing_tests="""
class CalcTest {
    void testAdd() {
        if (Calc.add(1, 2) != 3) { throw new AssertionError("add(1, 2)"); }
    }
    static void testMore() {
        if (Calc.add(2, 2) != 4) throw new IllegalStateException();
    }
}
""",
    empty_tests="class Main { public static void main(String[] args) { Calc.add(1, 2); } }\n",
    leaves="class Calc { static int add(int a, int b) { System.exit(0); return 0; } }\n",
    broken="class Calc {\n\n    static int add(int a, int b) { return a + ; }\n}\n",
    loops="class Calc { static int add(int a, int b) { int i = 0; while (true) i++; } }\n",
    hoards="""
import java.util.*;

class Calc {
    static int add(int a, int b) {
        List<byte[]> all = new ArrayList<>();
        while (true) all.add(new byte[1 << 20]);
    }
}
""",
    prints="""
class Calc {
    static int add(int a, int b) {
        for (int i = 0; i < 4000000; i++) System.out.println("0123456789");
        return 3;
    }
}
""",
    connects="""
import java.net.Socket;

class Calc {
    static int add(int a, int b) {
        for (String host : new String[] {"1.1.1.1", "169.254.169.254", "127.0.0.1", "10.0.0.1"})
            for (int port : new int[] {53, 80, 443})
                try (Socket socket = new Socket(host, port)) {
                    return 3;
                } catch (java.io.IOException error) {
                }
        return 0;
    }
}
""",
    reads="""
import java.io.FileInputStream;

class Calc {
    static int add(int a, int b) {
        for (long pid : new long[] {ProcessHandle.current().parent().map(ProcessHandle::pid).orElse(1L), 1})
            for (String name : new String[] {"environ", "mem", "maps", "fd/0", "fd/1", "fd/3", "fd/5"})
                try (var file = new FileInputStream("/proc/" + pid + "/" + name)) {
                    return 3;
                } catch (java.io.IOException error) {
                }
        return 0;
    }
}
""",
    bomb="""
class Calc {
    static int add(int a, int b) {
        while (true)
            try {
                new Thread(() -> { while (true) Thread.yield(); }).start();
            } catch (Throwable error) {
            }
    }
}
""",
    forgeries={
        "a static block writes to every descriptor": """
import java.io.FileOutputStream;

class Calc {
    static {
        for (int fd = 1; fd < 300; fd++)
            try {
                var file = new FileOutputStream("/proc/self/fd/" + fd);
                file.write("loaded 0\\ndone 00000000000000000000000000000000 2\\n".getBytes());
            } catch (java.io.IOException error) {
            }
    }
    static int add(int a, int b) { return 0; }
}
""",
        "a static block leaves": "class Calc { static { System.exit(0); } static int add(int a, int b) { return 0; } }\n",
        "halt": "class Calc { static int add(int a, int b) { Runtime.getRuntime().halt(0); return 0; } }\n",
        "a shutdown hook": """
class Calc {
    static int add(int a, int b) {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> Runtime.getRuntime().halt(0)));
        return 0;
    }
}
""",
        "a harness of its own": """
class Seedmill {
    static boolean counted() { return true; }
    public static void main(String[] args) { System.exit(0); }
}
class Calc { static int add(int a, int b) { return 0; } }
""",
        "the harness's main": """
class Calc {
    static { try { Seedmill.main(new String[] {"program.txt"}); } catch (Exception error) { } }
    static int add(int a, int b) { return 0; }
}
""",
        "other tests": """
class Calc {
    static {
        try {
            java.nio.file.Files.writeString(java.nio.file.Path.of("program.txt"), "tests Calc\\nlines 1\\n");
        } catch (java.io.IOException error) {
        }
    }
    static void testNothing() { Seedmill.counted(); }
    static int add(int a, int b) { return 0; }
}
""",
        "an error class of its own": """
class AssertionError extends RuntimeException { AssertionError(Object text) { } AssertionError() { } }
class Calc { static int add(int a, int b) { throw new AssertionError(); } }
""",
        "assertions off": """
class Calc {
    static { ClassLoader.getSystemClassLoader().setDefaultAssertionStatus(false); }
    static int add(int a, int b) { ClassLoader.getSystemClassLoader().setDefaultAssertionStatus(false); return 0; }
}
""",
    },
    compile_bombs={
        "nested lambdas": """
import java.util.function.*;

class Calc {
    static <T> T id(Supplier<T> x) { return x.get(); }
    static int add(int a, int b) { return """
        + "id(() -> " * 14
        + "a"
        + ")" * 14
        + "; }\n}\n",
        "deep nesting": "class Calc { static int add(int a, int b) { return "
        + "(" * 50_000
        + "a"
        + ")" * 50_000
        + "; } }\n",
    },
)
