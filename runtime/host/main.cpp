// The program that a plugin runs in. It links only what a host needs, so a runtime with many plugins starts
// quickly and takes little memory.
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>

#include "base/version.hpp"
#include "host/crash_note.hpp"
#include "host/plugin_host.hpp"

// These take the place of the C library's for the plugin, too, so that a handler that calls them is blamed.
extern "C" void _exit(int status) {
  sluice::host::note_exit();
  for (;;) syscall(SYS_exit_group, status);
}
extern "C" void _Exit(int status) {  // NOLINT: the C library's name
  _exit(status);
}

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("sluice starts sluice-host, once for each process of a plugin; do not start it by hand\n",
               stderr);
    return 64;
  }
  if (argv[2] != sluice::base::version()) {
    std::fprintf(
        stderr, "sluice-host has version %.*s, but sluice has version %s: install the same version of both\n",
        static_cast<int>(sluice::base::version().size()), sluice::base::version().data(), argv[2]);
    return 64;
  }
  return sluice::host::run_plugin_host();
}
