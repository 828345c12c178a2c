// Runs the tests' main and says how it ended. It is its own object file, so no program can name what it keeps.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <new>
#include <string>
#include <unistd.h>

extern "C" int __real_main(int, char**);

namespace {

char key[34];
unsigned count;

void read_line(char* line) {
  for (int size = 0; size < 33;) {
    ssize_t got = read(4, line + size, 33 - size);
    if (got <= 0) _exit(1);
    size += got;
  }
  line[32] = 0;
}

void report(const std::string& line) {
  if (write(3, (line + "\n").data(), line.size() + 1) < 0) _exit(1);
}

[[noreturn]] void failed(const char* status, std::string reason) {
  for (char& each : reason)
    if (each == '\n' || each == '\r') each = ' ';
  std::cout.flush();
  std::fflush(nullptr);
  report(std::string("failed ") + status + " " + reason.substr(0, 1000));
  _exit(1);
}

void take_key() { read_line(key); }

// Before the constructors of the program's globals, which are the first of its lines to run.
__attribute__((section(".preinit_array"), used)) void (*const first)() = take_key;

}  // namespace

extern "C" bool seedmill_counted() {
  ++count;
  return true;
}

extern "C" void seedmill_failed(const char* condition, int line) {
  failed("fail", "assertion failed in tests line " + std::to_string(line) + ": " + condition);
}

extern "C" int __wrap_main(int argc, char** argv) {
  char nonce[34];
  report(std::string("loaded ") + key);
  std::memset(key, 0, sizeof key);
  read_line(nonce);
  int code = 0;
  try {
    code = __real_main(argc, argv);
  } catch (const std::bad_alloc&) {
    failed("memory", "std::bad_alloc");
  } catch (const std::exception& error) {
    failed("fail", std::string("an exception in the tests: ") + error.what());
  } catch (...) {
    failed("fail", "an exception in the tests");
  }
  if (code != 0) failed("fail", "main of the tests gave " + std::to_string(code));
  std::cout.flush();
  std::fflush(nullptr);
  report(std::string("done ") + nonce + " " + std::to_string(count));
  _exit(0);
}
