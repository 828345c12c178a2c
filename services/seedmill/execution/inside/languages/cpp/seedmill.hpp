// What the tests of a C++ program see of the harness. It is compiled once, with the whole standard library.
#pragma once
#include <bits/stdc++.h>

extern "C" bool seedmill_counted();
extern "C" [[noreturn]] void seedmill_failed(const char* condition, int line);
