"""Programs in C++."""

from support.language_programs.programs import Programs

CPP = Programs(
    add="int add(int a, int b) {\n  return a + b;\n}\n",
    wrong="int add(int a, int b) {\n  return a - b;\n}\n",
    tests="#include <cassert>\n\nint main() {\n  assert(add(1, 2) == 3);\n  assert(add(2, 2) == 4);\n}\n",
    throwing_tests="""
void test_add() {
  if (add(1, 2) != 3) throw std::runtime_error("add(1, 2)");
}
bool test_more() { return add(2, 2) == 4; }
""",
    empty_tests="int main() { add(1, 2); }\n",
    leaves="#include <cstdlib>\nint add(int a, int b) { std::exit(0); }\n",
    broken="int one() { return 1; }\n\nint add(int a, int b) { return a + ; }\n",
    loops="int add(int a, int b) { for (volatile int i = 0;; i = i + 1) {} }\n",
    hoards="""
#include <vector>
int add(int a, int b) {
  std::vector<std::vector<char>> all;
  for (;;) all.emplace_back(1 << 20, 'x');
}
""",
    prints='#include <cstdio>\nint add(int a, int b) { for (int i = 0; i < 4000000; i++) puts("0123456789"); return 3; }\n',
    connects="""
#include <arpa/inet.h>
#include <sys/socket.h>
int add(int a, int b) {
  for (const char* host : {"1.1.1.1", "169.254.169.254", "127.0.0.1", "10.0.0.1"})
    for (int port : {53, 80, 443}) {
      sockaddr_in to{AF_INET, htons(port)};
      inet_pton(AF_INET, host, &to.sin_addr);
      if (connect(socket(AF_INET, SOCK_STREAM, 0), (sockaddr*)&to, sizeof to) == 0) return 3;
    }
  return 0;
}
""",
    reads="""
#include <fstream>
#include <string>
#include <unistd.h>
int add(int a, int b) {
  for (std::string pid : {std::to_string(getppid()), std::string("1")})
    for (const char* name : {"/environ", "/mem", "/maps", "/fd/0", "/fd/1", "/fd/3", "/fd/5"})
      if (getppid() != getpid() && std::ifstream("/proc/" + pid + name)) return 3;
  return 0;
}
""",
    bomb="#include <unistd.h>\nint add(int a, int b) { for (;;) fork(); }\n",
    forgeries={
        "a constructor writes to every descriptor": """
#include <unistd.h>
#include <cstring>
struct First {
  First() {
    for (int fd = 3; fd < 300; fd++)
      for (const char* line : {"loaded 0\\n", "done 00000000000000000000000000000000 2\\n"}) write(fd, line, strlen(line));
  }
} first;
int add(int a, int b) { return 0; }
""",
        "a constructor leaves": "#include <cstdlib>\nstruct F { F() { exit(0); } } f;\nint add(int a, int b) { return 0; }\n",
        "a destructor leaves": "#include <unistd.h>\nstruct F { ~F() { _exit(0); } } f;\nint add(int a, int b) { return 0; }\n",
        "atexit": "#include <cstdlib>\n#include <unistd.h>\nint add(int a, int b) { atexit([] { _exit(0); }); return 0; }\n",
        "a signal handler": """
#include <csignal>
#include <unistd.h>
int add(int a, int b) {
  for (int i = 1; i < 32; i++) signal(i, [](int) { _exit(0); });
  raise(SIGABRT);
  return 0;
}
""",
        "assert without effect": "#include <cassert>\n#undef assert\n#define assert(x)\nint add(int a, int b) { return 0; }\n",
        "a main of its own": "int add(int a, int b) { return 0; }\nint main() { return 0; }\n",
        "the parent leaves": "#include <unistd.h>\nint add(int a, int b) { if (fork()) _exit(0); return 0; }\n",
        "another program": """
#include <unistd.h>
int add(int a, int b) { execl("/bin/true", "true", nullptr); return 0; }
""",
        "the harness's names": """
extern "C" bool seedmill_counted();
extern "C" int __wrap_main(int, char**);
int add(int a, int b) { seedmill_counted(); __wrap_main(0, nullptr); return 0; }
""",
        "terminate": """
#include <exception>
#include <unistd.h>
int add(int a, int b) { std::set_terminate([] { _exit(0); }); std::terminate(); }
""",
    },
    compile_bombs={
        "a file without end": '#include "/dev/zero"\n',
        "templates": "template <int N> struct T { static const int v = T<N + 1>::v; };\nint add(int a, int b) { return T<0>::v; }\n",
        "templates in two ways": """
template <int N, long P> struct T { static constexpr long v = T<N - 1, 2 * P>::v + T<N - 1, 2 * P + 1>::v; };
template <long P> struct T<0, P> { static constexpr long v = 1; };
int add(int a, int b) { return T<40, 1>::v; }
""",
        "a constant": "constexpr long f(long n) { long s = 0; while (n) s += n--; return s; }\nconstexpr long v = f(1L << 50);\n",
        "the warden's environment": '#include "/proc/1/environ"\n',
    },
)
