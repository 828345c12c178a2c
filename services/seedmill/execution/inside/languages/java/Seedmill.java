import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Runs the tests of a Java program and says how they ended. Key and nonce are in no field, where a program could look. */
public final class Seedmill {
    private static int count;

    private Seedmill() {}

    /** Counts an assertion. */
    public static boolean counted() {
        count++;
        return true;
    }

    /** The argument names a file with lines `solution CLASS`, `tests CLASS` and `lines COUNT`, or is `warm`. */
    public static void main(String[] arguments) throws Exception {
        if (arguments[0].equals("warm")) {
            warm();
            return;
        }
        InputStream input = new FileInputStream("/proc/self/fd/4");
        OutputStream output = new FileOutputStream("/proc/self/fd/3");
        String key = take(input);
        int lines = 0;
        List<String> solution = new ArrayList<>();
        List<String> tests = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of(arguments[0]))) {
            String rest = line.substring(line.indexOf(' ') + 1);
            switch (line.charAt(0)) {
                case 's' -> solution.add(rest);
                case 't' -> tests.add(rest);
                default -> lines = Integer.parseInt(rest);
            }
        }
        String problem = load(solution, lines);
        if (problem != null) end(output, "failed error " + problem, 1);
        report(output, "loaded " + key);
        String nonce = take(input);
        String failure = run(tests, lines);
        if (failure != null) end(output, "failed " + failure, 1);
        end(output, "done " + nonce + " " + count, 0);
    }

    private static String load(List<String> classes, int lines) {
        for (String name : classes) {
            try {
                Class.forName(name);
            } catch (Throwable error) {
                return why(error instanceof ExceptionInInitializerError && error.getCause() != null ? error.getCause() : error, lines);
            }
        }
        return null;
    }

    private static String run(List<String> classes, int lines) {
        try {
            for (String name : classes) {
                Method main = mainOf(Class.forName(name));
                if (main != null) {
                    main.invoke(null, (Object) new String[0]);
                    return null;
                }
            }
            for (String name : classes) runMethods(Class.forName(name));
            return null;
        } catch (InvocationTargetException error) {
            Throwable cause = error.getCause();
            return (cause instanceof OutOfMemoryError ? "memory " : "fail ") + why(cause, lines);
        } catch (Throwable error) {
            return "fail " + why(error, lines);
        }
    }

    private static Method mainOf(Class<?> kind) {
        try {
            Method main = kind.getDeclaredMethod("main", String[].class);
            main.setAccessible(true);
            return Modifier.isStatic(main.getModifiers()) ? main : null;
        } catch (NoSuchMethodException error) {
            return null;
        }
    }

    private static void runMethods(Class<?> kind) throws ReflectiveOperationException {
        for (Method method : kind.getDeclaredMethods()) {
            if (!method.getName().startsWith("test") || method.getParameterCount() != 0) continue;
            method.setAccessible(true);
            Object instance = null;
            if (!Modifier.isStatic(method.getModifiers())) {
                var constructor = kind.getDeclaredConstructor();
                constructor.setAccessible(true);
                instance = constructor.newInstance();
            }
            if (Boolean.FALSE.equals(method.invoke(instance))) throw new AssertionError(method.getName() + " gave false");
        }
    }

    private static String why(Throwable error, int lines) {
        String place = "";
        for (StackTraceElement frame : error.getStackTrace()) {
            int line = frame.getLineNumber();
            if ("Tests.java".equals(frame.getFileName())) {
                place = " in tests line " + line;
                break;
            }
            if (place.isEmpty() && "Solution.java".equals(frame.getFileName())) {
                place = line <= lines ? " in solution line " + line : " in tests line " + (line - lines);
            }
        }
        String message = error.getMessage();
        return error.getClass().getSimpleName() + place + (message == null ? "" : ": " + message);
    }

    private static String take(InputStream input) throws IOException {
        byte[] line = new byte[33];
        for (int size = 0; size < line.length; ) {
            int got = input.read(line, size, line.length - size);
            if (got < 0) Runtime.getRuntime().halt(1);
            size += got;
        }
        return new String(line, 0, 32, StandardCharsets.US_ASCII);
    }

    private static void report(OutputStream output, String line) throws IOException {
        String cut = line.length() > 1000 ? line.substring(0, 1000) : line;
        output.write((cut.replaceAll("[\\r\\n]+", " ") + "\n").getBytes(StandardCharsets.UTF_8));
        output.flush();
    }

    private static void end(OutputStream output, String line, int status) throws IOException {
        System.out.flush();
        System.err.flush();
        report(output, line);
        Runtime.getRuntime().halt(status);
    }

    private static void warm() throws Exception {
        Path file = Files.createTempFile("warm", ".txt");
        Files.writeString(file, "solution Seedmill\n");
        load(List.of("Seedmill"), 1);
        mainOf(Seedmill.class).getName();
        Files.readAllLines(file).forEach(line -> line.replaceAll("[\\r\\n]+", " "));
        why(new AssertionError("x"), 1);
        new java.util.HashMap<>(java.util.Map.of(1, List.of(2))).toString();
        java.util.stream.IntStream.range(0, 3).boxed().map(String::valueOf).toList();
        Files.delete(file);
    }
}
