// Compiled once while javac writes down which of its classes it loads.
import java.util.*;
import java.util.function.*;
import java.util.stream.*;

class Warm {
    record Pair(int first, String second) {}

    enum Kind { ONE, TWO }

    interface Shape { default double area() { return 0; } }

    static <T extends Comparable<T>> T largest(List<T> all) {
        return all.stream().max(Comparator.naturalOrder()).orElseThrow();
    }

    static String name(Object value) {
        return value instanceof String text ? text : switch (Kind.ONE) { case ONE -> "one"; case TWO -> "two"; };
    }

    public static void main(String[] arguments) throws Exception {
        Map<String, List<Integer>> groups = new HashMap<>();
        for (int i = 0; i < 3; i++) groups.computeIfAbsent("k" + i % 2, key -> new ArrayList<>()).add(i);
        int[] numbers = {3, 1, 2};
        Arrays.sort(numbers);
        Function<Integer, Integer> twice = x -> 2 * x;
        assert IntStream.of(numbers).map(twice::apply).sum() == 12 : "sum";
        assert groups.values().stream().flatMap(List::stream).collect(Collectors.toList()).size() == 3;
        try (Scanner scanner = new Scanner("a b")) {
            assert largest(List.of(1, 2)) == 2 && name(new Pair(1, scanner.next()).second()).equals("a");
        } catch (IllegalStateException | IllegalArgumentException error) {
            throw new RuntimeException(String.format("%s", error), error);
        }
    }
}
